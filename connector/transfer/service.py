"""Transfers of one participant: each message of the peer, and each command of the operator, as one step."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.agreements.model import Agreement
from connector.agreements.store import find_agreement
from connector.dataplane.flows import reopen_flow_statement
from connector.dataplane.routes import endpoint_of
from connector.dataplane.tokens import issue_data_token
from connector.db import connection
from connector.errors import InvalidInput, MalformedMessage, MoveNotOpenToUs, NotFound, UnknownProcess
from connector.exchange.model import NEW, Effect, Inbound, Move, Process, Reaction
from connector.exchange.service import Exchange, React
from connector.identity.keys import SigningKey
from connector.offers.store import find_version
from connector.protocol import messages as m
from connector.settings import DataPlaneSettings
from connector.transfer import react, store
from connector.transfer.model import FORMATS, Access, access_from
from connector.transfer.react import Ticket
from policies import Decision, Facts, Request, evaluate, parse_policy

TRANSFER_ACTION = "use"
STARTED = "STARTED"


@dataclass(frozen=True)
class Transfers:
    """What a peer's message does to a transfer, and what we do of our own accord.

    `find_address` gives the base address of a peer's protocol endpoint. `downloads` are the ones this process of the
    operating system is running, by pid.
    """

    exchange: Exchange
    key: SigningKey
    settings: DataPlaneSettings
    public_url: str
    callback_address: str
    find_address: Callable[[str], Awaitable[str]]
    downloads: dict[str, asyncio.Task[Any]] = field(default_factory=dict[str, asyncio.Task[Any]])

    # ---- the peer's messages ----

    async def request_received(self, message: m.TransferRequestMessage, inbound: Inbound) -> Process:
        """A consumer asks for the data of an agreement: it is started, or terminated with the reason."""
        if message.format not in FORMATS:
            raise MalformedMessage(f"format: {message.format!r} is not offered", hint=f"offered: {', '.join(FORMATS)}")
        agreement = await self._agreement_of(message.agreement_id, inbound.peer)
        process = Process(
            pid=f"urn:uuid:{uuid.uuid4()}",
            kind="transfer",
            role="provider",
            peer=inbound.peer,
            peer_pid=message.consumer_pid,
            peer_address=message.callback_address,
            state=NEW,
            seq=0,
            offering=agreement.offering,
            agreement=agreement.id,
            data={"format": message.format},
        )

        async def answer(opened: Process) -> Reaction:
            return await self._start(opened, agreement)

        return await self.exchange.open_received(process, inbound, answer)

    async def _agreement_of(self, agreement_id: str, peer: str) -> Agreement:
        """The agreement in force with this peer. Asking for its data shows that our finalization has arrived."""
        async with connection(self.exchange.pool) as conn:
            finalizing = await store.find_finalizing(conn, agreement=agreement_id, peer=peer)
        if finalizing is not None:
            await self.exchange.acknowledge(await self.exchange.load("negotiation", finalizing), peer_pid=None)
        async with connection(self.exchange.pool) as conn:
            agreement = await find_agreement(conn, agreement_id=agreement_id, role="provider", peer=peer)
        if agreement is None:
            raise UnknownProcess(f"there is no agreement {agreement_id}")
        return agreement

    async def _start(self, process: Process, agreement: Agreement) -> Reaction:
        decision = self.decide(agreement)
        if not decision.permitted:
            return react.refused(process, code="policy", reason=decision.sentence(), decision=decision.as_json())
        return react.started(process, await self._ticket(process, agreement), decision=decision.as_json())

    def decide(self, agreement: Agreement) -> Decision:
        """Whether the agreement lets its consumer use the data now."""
        request = Request(
            action=TRANSFER_ACTION,
            target=agreement.offering,
            assignee=agreement.assignee,
            assigner=agreement.assigner,
            purpose=None if agreement.declared_purpose is None else frozenset(agreement.declared_purpose),
            purpose_source="purpose stored with the agreement",
        )
        return evaluate(parse_policy(agreement.document), request, Facts(), self.exchange.clock())

    async def _ticket(self, process: Process, agreement: Agreement) -> Ticket:
        version = agreement.offering_version or 1
        async with connection(self.exchange.pool) as conn:
            offering = await find_version(conn, offering_id=agreement.offering, version=version)
        if offering is None:
            raise UnknownProcess(f"there is no dataset {agreement.offering}")
        now, jti, endpoint = self.exchange.clock(), str(uuid.uuid4()), endpoint_of(self.public_url, process.pid)
        expires_at = now + timedelta(seconds=self.settings.token_lifetime_seconds)
        token = issue_data_token(
            self.key,
            endpoint=endpoint,
            agreement=agreement.id,
            transfer=process.pid,
            consumer=process.peer,
            now=now,
            jti=jti,
            expires_at=expires_at,
        )
        return Ticket(endpoint, token, jti, expires_at, version, offering.kind)

    async def start_received(self, pid: str, message: m.TransferStartMessage, inbound: Inbound) -> Process:
        """The data may flow. To the consumer it says where; from the consumer it resumes a suspended transfer."""

        async def answer(process: Process) -> Reaction:
            if process.role == "provider":
                return await self._resumed_by_consumer(process)
            access = _access(message) or access_from(process.data)
            if access is None:
                raise MalformedMessage("dataAddress: expected an endpoint, as this is a pull")
            data = {**process.data, "access": access.as_data()}
            return Reaction(data=data, effects=(Effect(*store.defer_download_statement(pid=process.pid)),))

        return await self.exchange.receive("transfer", pid, inbound, answer)

    async def _resumed_by_consumer(self, process: Process) -> Reaction:
        """The flow opens again if the contract still holds; the token of the last start stays the good one."""
        agreement = await self._own_agreement(process)
        decision = self.decide(agreement)
        if not decision.permitted:
            return react.refused(process, code="policy", reason=decision.sentence(), decision=decision.as_json())
        return Reaction(effects=(Effect(*reopen_flow_statement(transfer=process.pid)),))

    async def suspension_received(self, pid: str, message: m.TransferSuspensionMessage, inbound: Inbound) -> Process:
        """The peer pauses it: nothing is delivered from this transaction on."""
        return await self._told(pid, "suspension", message.code, message.reason, inbound)

    async def completion_received(self, pid: str, _: m.TransferCompletionMessage, inbound: Inbound) -> Process:
        """The peer says that it is done."""
        return await self._told(pid, "completion", None, (), inbound)

    async def termination_received(self, pid: str, message: m.TransferTerminationMessage, inbound: Inbound) -> Process:
        """The peer ends it; its code and reason are kept."""
        return await self._told(pid, "termination", message.code, message.reason, inbound)

    async def _told(self, pid: str, word: str, code: str | None, reasons: tuple[Any, ...], inbound: Inbound) -> Process:
        async def answer(process: Process) -> Reaction:
            return react.told(process, word, code=code, reasons=reasons)

        process = await self.exchange.receive("transfer", pid, inbound, answer)
        self.stop_download(pid)
        return process

    # ---- our own moves ----

    async def request(self, agreement_id: str, *, transfer_format: str = "HttpData-PULL") -> Process:
        """Ask for the data of an agreement in which we are the consumer."""
        if transfer_format not in FORMATS:
            raise InvalidInput(f"format {transfer_format!r} is not known", hint=f"known: {', '.join(FORMATS)}")
        async with connection(self.exchange.pool) as conn:
            agreement = await find_agreement(conn, agreement_id=agreement_id, role="consumer")
        if agreement is None:
            raise NotFound(
                f"there is no agreement {agreement_id} in which we are the consumer",
                hint="tidegate agreements lists them",
            )
        process = Process(
            pid=f"urn:uuid:{uuid.uuid4()}",
            kind="transfer",
            role="consumer",
            peer=agreement.peer,
            peer_pid=None,
            peer_address=await self.find_address(agreement.peer),
            state=NEW,
            seq=0,
            offering=agreement.offering,
            agreement=agreement.id,
            data={"format": transfer_format},
        )
        draft = react.request(
            process, agreement_id=agreement.id, transfer_format=transfer_format, callback_address=self.callback_address
        )
        opened = await self.exchange.open_own(process, Reaction(send=draft))
        self.exchange.attempt(opened)
        return opened

    async def suspend(self, pid: str, *, reason: str) -> Process:
        """Pause a transfer."""
        return await self._end(pid, "suspension", reason=reason, code="operator")

    async def terminate(self, pid: str, *, reason: str, code: str = "operator") -> Process:
        """End a transfer."""
        return await self._end(pid, "termination", reason=reason, code=code)

    async def _end(self, pid: str, word: str, *, reason: str, code: str) -> Process:
        async def answer(process: Process) -> Reaction:
            if process.peer_pid is None:
                raise MoveNotOpenToUs("the peer has not answered yet", hint="try again when it has, or let it fail")
            return react.ended(process, word, code=code, reason=reason, by=self.key.did)

        process = await self._command(pid, word, answer)
        self.stop_download(pid)
        return process

    async def resume(self, pid: str) -> Process:
        """Let a suspended transfer go on: as provider with a new token, as consumer by asking for it."""

        async def answer(process: Process) -> Reaction:
            if process.role == "consumer":
                return Reaction(send=react.resumed_by_consumer(process))
            return await self._start(process, await self._own_agreement(process))

        return await self._command(pid, "start", answer)

    async def acknowledged(self, process: Process, move: Move) -> Reaction:
        """What follows from a move that no message of the peer made.

        After our resumption the download goes on. What does not run has no open flow, however it came to stop.
        """
        if process.role == "provider" and process.state != STARTED:
            return Reaction(effects=(react.close_flow(process, process.state.lower()),))
        if process.role == "consumer" and move.message == "start":
            return Reaction(effects=(Effect(*store.defer_download_statement(pid=process.pid)),))
        return Reaction()

    async def completed(self, pid: str, received: Mapping[str, Any]) -> Process:
        """All data is here and verified: say so."""

        async def answer(process: Process) -> Reaction:
            return react.completed(process, received=received)

        return await self._command(pid, "completion", answer)

    async def _command(self, pid: str, word: str, answer: React) -> Process:
        process = await self.exchange.command("transfer", pid, word, answer)
        self.exchange.attempt(process)
        return process

    async def _own_agreement(self, process: Process) -> Agreement:
        async with connection(self.exchange.pool) as conn:
            agreement = await find_agreement(
                conn, agreement_id=process.agreement or "", role=process.role, peer=process.peer
            )
        if agreement is None:
            raise UnknownProcess(f"there is no agreement {process.agreement}")
        return agreement

    def stop_download(self, pid: str) -> None:
        """Cut a download that is running here."""
        task = self.downloads.pop(pid, None)
        if task is not None:
            task.cancel()


def _access(message: m.TransferStartMessage) -> Access | None:
    address = message.data_address
    if address is None or address.endpoint is None:
        return None
    return Access(address.endpoint, address.value_of("authorization"))
