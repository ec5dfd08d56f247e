"""Given where a negotiation stands and what is known, what do we send next? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.agreements.store import insert_agreement_statement
from connector.exchange.model import Draft, Effect, Process, Reaction, quoted
from connector.negotiation.model import Terms, terms_of
from connector.protocol import messages as m
from connector.protocol.wire import render_message
from policies.compare import differences


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policy says about a request: whether it may become an agreement, why, and which version it is about."""

    permitted: bool
    sentence: str
    decision: Mapping[str, Any]
    version: int | None = None


def judged(
    process: Process, terms: Terms, verdict: Verdict, *, own_did: str, agreement_id: str, now: datetime
) -> Reaction:
    """The provider's answer to a request or an acceptance: the agreement, or a termination that says why."""
    terms = replace(terms, decision=verdict.decision, version=verdict.version)
    if not verdict.permitted:
        return refused(process, terms, code="policy", reason=verdict.sentence)
    agreement = {
        **terms_of(terms.offer),
        "@id": agreement_id,
        "@type": "Agreement",
        "target": process.offering,
        "assigner": own_did,
        "assignee": process.peer,
        "timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    message = m.ContractAgreementMessage(
        consumer_pid=process.consumer_pid or "", provider_pid=process.provider_pid or "", agreement=agreement
    )
    draft = Draft("agreement", _path(process, "agreement"), render_message(message))
    return Reaction(send=draft, data=replace(terms, agreement=agreement).as_data(), agreement=agreement_id)


def refused(process: Process, terms: Terms, *, code: str, reason: str) -> Reaction:
    """A termination with its reason, and the same kept with the process."""
    data = {**terms.as_data(), "failure": {"code": code, "reason": reason}}
    return Reaction(send=termination(process, code=code, reasons=(reason,)), data=data)


def termination(process: Process, *, code: str, reasons: Sequence[str]) -> Draft:
    """A termination message."""
    message = m.ContractNegotiationTerminationMessage(
        consumer_pid=process.consumer_pid or "",
        provider_pid=process.provider_pid or "",
        code=code,
        reason=tuple(reasons),
    )
    evidence = {"code": code, "reason": list(reasons)}
    return Draft("termination", _path(process, "termination"), render_message(message), evidence)


def offered(process: Process, terms: Terms, offer: Mapping[str, Any]) -> Reaction:
    """The consumer's answer to an offer: the terms it asked for are accepted, any others wait for a person."""
    changed = differences(offer, terms.offer)
    more = {**terms.more, "changed_terms": changed} if changed else terms.more
    terms = replace(terms, offer=offer, awaits_decision=bool(changed), more=more)
    return Reaction(data=terms.as_data(), send=None if changed else acceptance(process))


def accepted(process: Process, terms: Terms) -> Reaction:
    """A person of ours accepts the offer on the table."""
    return Reaction(send=acceptance(process), data=replace(terms, awaits_decision=False).as_data())


def acceptance(process: Process) -> Draft:
    """The consumer accepts the offer on the table."""
    return Draft("acceptance", _path(process, "events"), _event(process, m.EventType.ACCEPTED))


def agreed(
    process: Process, terms: Terms, agreement: Mapping[str, Any], *, own_did: str, id_taken: bool = False
) -> Reaction:
    """The consumer's answer to an agreement: a verification if it equals what was accepted, else a termination.

    `id_taken`: this provider has given its `@id` to another agreement.
    """
    wrong = disagreements(process, terms, agreement, own_did=own_did)
    if id_taken:
        wrong.append(f"@id {agreement['@id']!r} is that of another agreement")
    terms = replace(terms, agreement=agreement)
    if wrong:
        reason = "the agreement is not the accepted offer: " + "; ".join(wrong)
        return refused(process, terms, code="agreement_differs", reason=reason)
    message = m.ContractAgreementVerificationMessage(
        consumer_pid=process.consumer_pid or "", provider_pid=process.provider_pid or ""
    )
    draft = Draft("verification", _path(process, "agreement/verification"), render_message(message))
    return Reaction(send=draft, data=terms.as_data(), agreement=str(agreement["@id"]))


def disagreements(process: Process, terms: Terms, agreement: Mapping[str, Any], *, own_did: str) -> list[str]:
    """Where an agreement is not the accepted offer, between these two parties, about this dataset."""
    expected = {"assigner": process.peer, "assignee": own_did, "target": process.offering}
    wrong = [
        f"{name} is {agreement.get(name)!r}, not {value!r}"
        for name, value in expected.items()
        if agreement.get(name) != value
    ]
    try:
        return wrong + differences(agreement, terms.offer)
    except ValueError as error:
        return [*wrong, str(error)]


def verified(process: Process) -> Reaction:
    """The provider's answer to a verification: the finalization. The agreement is in force when it has arrived."""
    return Reaction(send=Draft("finalization", _path(process, "events"), _event(process, m.EventType.FINALIZED)))


def finalized(process: Process, terms: Terms) -> Reaction:
    """There is a contract: the consumer was told so, or the provider knows that the consumer was."""
    return Reaction(effects=(agreement_effect(process, terms),))


def agreement_effect(process: Process, terms: Terms) -> Effect:
    """Store the agreement with the move that puts it in force."""
    assert terms.agreement is not None  # noqa: S101 -- the states that lead here come after AGREED
    sql, params = insert_agreement_statement(
        agreement=terms.agreement,
        role=process.role,
        peer=process.peer,
        negotiation=process.pid,
        offering=str(terms.agreement["target"]),
        offering_version=terms.version,
        declared_purpose=terms.purpose,
    )
    return Effect(sql, params)


def request(
    process: Process, offer: Mapping[str, Any], *, callback_address: str | None, purpose: Sequence[str] = ()
) -> Draft:
    """The consumer's request: the first one names where to answer, a counter-offer the provider's process."""
    message = m.ContractRequestMessage(
        consumer_pid=process.pid,
        provider_pid=None if callback_address else process.peer_pid,
        callback_address=callback_address,
        offer=offer,
        declared_purpose=tuple(purpose),
    )
    path = "/negotiations/request" if callback_address else _path(process, "request")
    return Draft("request", path, render_message(message))


def _event(process: Process, event_type: m.EventType) -> dict[str, Any]:
    message = m.ContractNegotiationEventMessage(
        consumer_pid=process.consumer_pid or "", provider_pid=process.provider_pid or "", event_type=event_type
    )
    return render_message(message)


def _path(process: Process, last: str) -> str:
    return f"/negotiations/{quoted(process.peer_pid)}/{last}"
