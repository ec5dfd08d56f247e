"""Negotiations of one participant: each message of the peer, and each command of the operator, as one step."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypedDict

from connector.agreements.store import find_agreement
from connector.db import connection
from connector.errors import MalformedMessage, MoveNotOpenToUs, OfferNotValid
from connector.exchange.model import NEW, Inbound, Move, Process, Reaction
from connector.exchange.service import Exchange, React
from connector.negotiation import react
from connector.negotiation.model import Terms, terms_from
from connector.negotiation.react import Verdict
from connector.offers.model import PublishedOffer
from connector.offers.service import judge_request
from connector.protocol import messages as m
from policies import Facts, PolicyError, Request, declared_purposes, differences, evaluate, parse_policy

# What a contract is for, until offerings name more than one action.
CONTRACT_ACTION = "use"


@dataclass(frozen=True)
class Negotiations:
    """What a peer's message does to a negotiation, and what we do of our own accord."""

    exchange: Exchange
    did: str
    callback_address: str

    # ---- the peer's messages, we are the provider ----

    async def request_received(self, message: m.ContractRequestMessage, inbound: Inbound) -> Process:
        """An initial request: 400 for an offer that is not ours, else an agreement or a termination with the reason."""
        if message.callback_address is None:
            raise MalformedMessage("callbackAddress: missing; an initial request says where to answer")
        process = Process(
            pid=new_id(),
            kind="negotiation",
            role="provider",
            peer=inbound.peer,
            peer_pid=message.consumer_pid,
            peer_address=message.callback_address,
            state=NEW,
            seq=0,
            offering=_target(message.offer),
            data={},
            deadline=self._deadline(),
        )
        return await self.exchange.open_received(process, inbound, self._answer_request(message))

    def _answer_request(self, message: m.ContractRequestMessage) -> React:
        async def answer(process: Process) -> Reaction:
            terms = Terms(offer=message.offer, **_purpose(message))
            async with connection(self.exchange.pool) as conn:
                published = await judge_request(conn, message.offer)
            return self._judged(replace(process, offering=published.offering_id), terms, published)

        return answer

    async def counter_request_received(self, pid: str, message: m.ContractRequestMessage, inbound: Inbound) -> Process:
        """A counter-offer: altered terms are legal, and policy decides."""

        async def answer(process: Process) -> Reaction:
            before = terms_from(process.data)
            terms = replace(before, offer=message.offer)
            said = _purpose(message)
            if said["purpose"] is not None:
                terms = replace(terms, **said)
            return await self._answer_terms(process, terms)

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    async def _answer_terms(self, process: Process, terms: Terms) -> Reaction:
        """Agree to the terms on the table if they are what we publish now; others are refused with the difference."""
        try:
            published = await self._current_offer(process, terms)
        except OfferNotValid as error:
            return react.refused(process, terms, code=error.code, reason=error.message)
        return self._judged(process, terms, published)

    async def _current_offer(self, process: Process, terms: Terms) -> PublishedOffer:
        offer = {**terms.offer, "target": process.offering}
        async with connection(self.exchange.pool) as conn:
            return await judge_request(conn, offer)

    def _judged(self, process: Process, terms: Terms, published: PublishedOffer) -> Reaction:
        now = self.exchange.clock()
        verdict = judge(published, process=process, terms=terms, own_did=self.did, now=now)
        return react.judged(process, terms, verdict, own_did=self.did, agreement_id=new_id(), now=now)

    async def acceptance_received(self, pid: str, inbound: Inbound) -> Process:
        """Our offer was accepted: the agreement follows."""

        async def answer(process: Process) -> Reaction:
            return await self._answer_terms(process, terms_from(process.data))

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    async def verification_received(self, pid: str, inbound: Inbound) -> Process:
        """The agreement was verified: the finalization follows."""

        async def answer(process: Process) -> Reaction:
            return react.verified(process)

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    # ---- the peer's messages, we are the consumer ----

    async def offer_received(self, message: m.ContractOfferMessage, inbound: Inbound) -> Process:
        """An offer that nobody asked for: it is kept, and a person decides."""
        if message.callback_address is None:
            raise MalformedMessage("callbackAddress: missing; an initial offer says where to answer")
        process = Process(
            pid=new_id(),
            kind="negotiation",
            role="consumer",
            peer=inbound.peer,
            peer_pid=message.provider_pid,
            peer_address=message.callback_address,
            state=NEW,
            seq=0,
            offering=_target(message.offer),
            data=Terms(offer=message.offer, awaits_decision=True).as_data(),
            deadline=self._deadline(),
        )
        return await self.exchange.open_received(process, inbound, nothing_follows)

    async def counter_offer_received(self, pid: str, message: m.ContractOfferMessage, inbound: Inbound) -> Process:
        """An offer in answer to our request: the terms we asked for are accepted, others wait for a person."""

        async def answer(process: Process) -> Reaction:
            _readable(message.offer, "offer")
            return react.offered(process, terms_from(process.data), message.offer)

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    async def agreement_received(self, pid: str, message: m.ContractAgreementMessage, inbound: Inbound) -> Process:
        """An agreement: verified if it equals the accepted offer, else the negotiation ends with the reason."""

        async def answer(process: Process) -> Reaction:
            agreement_id = str(message.agreement["@id"])
            async with connection(self.exchange.pool) as conn:
                other = await find_agreement(conn, agreement_id=agreement_id, role="consumer", peer=process.peer)
            return react.agreed(
                process,
                terms_from(process.data),
                message.agreement,
                own_did=self.did,
                id_taken=other is not None,
            )

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    async def finalization_received(self, pid: str, inbound: Inbound) -> Process:
        """The contract is in force."""

        async def answer(process: Process) -> Reaction:
            return react.finalized(process, terms_from(process.data))

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    async def termination_received(
        self, pid: str, message: m.ContractNegotiationTerminationMessage, inbound: Inbound
    ) -> Process:
        """The peer ends it; its code and reason are kept."""
        failure = {"code": message.code or "terminated", "reason": "; ".join(str(part) for part in message.reason)}

        async def answer(process: Process) -> Reaction:
            return Reaction(data={**process.data, "failure": {**failure, "by": process.peer}})

        return await self.exchange.receive("negotiation", pid, inbound, answer)

    # ---- our own moves ----

    async def request(
        self, *, provider: str, provider_address: str, offer: Mapping[str, Any], target: str, purpose: Sequence[str]
    ) -> Process:
        """Ask a provider for a contract on one of its offers; `offer` is the one of its catalogue."""
        wanted = {**offer, "target": target}
        process = Process(
            pid=new_id(),
            kind="negotiation",
            role="consumer",
            peer=provider,
            peer_pid=None,
            peer_address=provider_address,
            state=NEW,
            seq=0,
            offering=target,
            data=Terms(offer=wanted, purpose=list(purpose) or _declared(wanted)).as_data(),
            deadline=self._deadline(),
        )
        draft = react.request(process, wanted, callback_address=self.callback_address, purpose=purpose)
        opened = await self.exchange.open_own(process, Reaction(send=draft))
        self.exchange.attempt(opened)
        return opened

    async def accept(self, pid: str) -> Process:
        """Accept the offer on the table, although its terms are not the ones we asked for."""

        async def answer(process: Process) -> Reaction:
            return react.accepted(process, terms_from(process.data))

        return await self._command(pid, "acceptance", answer)

    async def counter_request(self, pid: str, offer: Mapping[str, Any], purpose: Sequence[str]) -> Process:
        """Answer an offer with other terms."""

        async def answer(process: Process) -> Reaction:
            terms = replace(
                terms_from(process.data), offer=offer, purpose=list(purpose) or _declared(offer), awaits_decision=False
            )
            draft = react.request(process, offer, callback_address=None, purpose=purpose)
            return Reaction(send=draft, data=terms.as_data())

        return await self._command(pid, "request", answer)

    async def terminate(self, pid: str, *, reason: str, code: str = "operator") -> Process:
        """End a negotiation, with a reason that the other side is told."""

        async def answer(process: Process) -> Reaction:
            if process.peer_pid is None:
                raise MoveNotOpenToUs("the peer has not answered yet", hint="try again when it has, or let it fail")
            failure = {"code": code, "reason": reason, "by": self.did}
            draft = react.termination(process, code=code, reasons=(reason,))
            return Reaction(send=draft, data={**process.data, "failure": failure})

        return await self._command(pid, "termination", answer)

    async def acknowledged(self, process: Process, _: Move) -> Reaction:
        """What follows from a move that no message of the peer made: from a finalization, the agreement."""
        return react.finalized(process, terms_from(process.data)) if process.state == "FINALIZED" else Reaction()

    async def _command(self, pid: str, message: str, answer: React) -> Process:
        process = await self.exchange.command("negotiation", pid, message, answer)
        self.exchange.attempt(process)
        return process

    def _deadline(self) -> datetime:
        return self.exchange.clock() + timedelta(seconds=self.exchange.settings.negotiation_deadline_seconds)


def judge(published: PublishedOffer, *, process: Process, terms: Terms, own_did: str, now: datetime) -> Verdict:
    """Whether this consumer may have a contract on these terms."""
    request = Request(
        action=CONTRACT_ACTION,
        target=published.offering_id,
        assignee=process.peer,
        assigner=own_did,
        purpose=None if terms.purpose is None else frozenset(terms.purpose),
        purpose_source=terms.purpose_source or "nothing was declared",
    )
    decision = evaluate(parse_policy(published.policy), request, Facts(), now)
    return Verdict(decision.permitted, decision.sentence(), decision.as_json(), published.version)


async def nothing_follows(_: Process) -> Reaction:
    """A move that asks for nothing."""
    return Reaction()


def new_id() -> str:
    """An identifier for a process or an agreement."""
    return f"urn:uuid:{uuid.uuid4()}"


class _Purpose(TypedDict):
    purpose: list[str] | None
    purpose_source: str | None


def _purpose(message: m.ContractRequestMessage) -> _Purpose:
    """What the consumer wants the data for, and where it said so."""
    if message.declared_purpose:
        return _Purpose(purpose=list(message.declared_purpose), purpose_source="purpose declared with the request")
    named = _declared(message.offer)
    source = None if named is None else "purpose named by the offer in the request"
    return _Purpose(purpose=named, purpose_source=source)


def _declared(offer: Mapping[str, Any]) -> list[str] | None:
    """Without a declaration of its own, the purpose that a request's offer names counts as declared."""
    try:
        named = declared_purposes(parse_policy(offer))
    except PolicyError:
        return None
    return sorted(named) if named else None


def _readable(offer: Mapping[str, Any], path: str) -> None:
    try:
        differences(offer, offer)
    except PolicyError as error:
        raise MalformedMessage(f"{path}: {error}") from None


def _target(offer: Mapping[str, Any]) -> str:
    target = offer.get("target")
    if not isinstance(target, str):
        raise MalformedMessage("offer.target: missing; the id of the dataset the offer is for")
    return target
