"""Moves processes: what happens in one transaction when the peer, our operator or a deadline says something.

    receive:  [ lock, step, append event and leaf, store what follows, defer its job ] → acknowledge → first attempt
    send:     POST → acknowledged? → [ lock, step, append event and leaf, cancel the job ]

Each bracket is one round trip. Nothing is sent that is not committed; whoever commits makes the first attempt.
"""

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from connector.db import Pool, connection
from connector.errors import (
    ConnectorError,
    MoveNotAllowed,
    MoveNotOpenToUs,
    NotAuthenticated,
    StorageError,
    UnknownProcess,
)
from connector.exchange import rules, store
from connector.exchange.model import NEW, Inbound, Kind, Move, Process, Reaction, other
from connector.exchange.record import Circumstances, Step, render_step, salts_needed
from connector.exchange.rules import Reading
from connector.protocol.checks import storable
from connector.settings import ExchangeSettings
from connector.telemetry import Event, log

React = Callable[[Process], Awaitable[Reaction]]
Follow = Callable[[Process, Move], Awaitable[Reaction]]

# The job in the database takes over this long after the first attempt has given up, so that the two never overlap.
JOB_MARGIN = timedelta(seconds=5)
# A step is tried again when somebody else moved the process between load and step; more often means a bug, not a race.
STEP_TRIES = 5
SALT_BYTES = 32


@dataclass
class Changes:
    """Wakes whoever waits for a process to change, in this process of the operating system."""

    _watched: dict[str, set[asyncio.Queue[Process]]] = field(default_factory=dict[str, "set[asyncio.Queue[Process]]"])

    def happened(self, process: Process) -> None:
        """The process was moved, and stands so now."""
        for queue in self._watched.get(process.pid, ()):
            queue.put_nowait(process)

    @contextmanager
    def of(self, pid: str) -> Generator[asyncio.Queue[Process]]:
        """Every state of a process from now on."""
        queue = asyncio.Queue[Process]()
        self._watched.setdefault(pid, set()).add(queue)
        try:
            yield queue
        finally:
            self._watched[pid].discard(queue)
            if not self._watched[pid]:
                del self._watched[pid]

    async def wait(self, pid: str, seconds: float) -> None:
        """Until the process changes, `seconds` at most."""
        with self.of(pid) as queue, suppress(TimeoutError):
            await asyncio.wait_for(queue.get(), seconds)


@dataclass
class Exchange:
    """The processes of one participant.

    `deliver` is given what is to be sent as soon as it is committed; `use_token` uses up the token of a message that
    made no step. `follow` says, by kind, what follows from a move that no message of the peer made: it took ours, or
    we learnt of the move otherwise, or gave up. By default nothing.
    """

    pool: Pool
    settings: ExchangeSettings
    deliver: Callable[[Process], Coroutine[Any, Any, None]]
    use_token: Callable[[Inbound], Awaitable[None]]
    follow: dict[Kind, Follow] = field(default_factory=dict[Kind, Follow])
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    changes: Changes = field(default_factory=Changes)
    _attempts: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def load(self, kind: Kind, pid: str) -> Process:
        """The process; raises UnknownProcess."""
        process = await self._find(kind, pid)
        if process is None:
            raise UnknownProcess(f"there is no {kind} {pid}")
        return process

    async def _find(self, kind: Kind, pid: str, inbound: Inbound | None = None) -> Process | None:
        """The process, and whether `inbound` was received before."""
        if not storable(pid):  # a path may hold U+0000, no pid of ours does
            return None
        message_id, digest = (inbound.message_id, inbound.content_digest) if inbound else (None, None)
        async with connection(self.pool) as conn:
            return await store.find_process(conn, kind=kind, pid=pid, message_id=message_id, content_digest=digest)

    async def load_for(self, kind: Kind, pid: str, peer: str) -> Process:
        """The process if it is this peer's; to anybody else it does not exist (DSP 2025-1, 404 for both).

        One that the peer never took exists for us alone: NEW is no state of the protocol.
        """
        process = await self.load(kind, pid)
        if process.peer != peer or process.state == NEW:
            raise UnknownProcess(f"there is no {kind} {pid}")
        return process

    async def receive(self, kind: Kind, pid: str, inbound: Inbound, react: React) -> Process:
        """Take a message of the peer for one of our processes. A repeat gets the answer it got before."""
        for _ in range(STEP_TRIES):
            process = await self._load_with(kind, pid, inbound)
            reading = rules.read(process, inbound)
            if reading is Reading.REPEAT:
                await self.use_token(inbound)
                return replace(process, outbound=None)  # what is under way stays under way, and is not sent twice
            if reading in {Reading.ILLEGAL, Reading.CROSSING_LOST}:
                raise MoveNotAllowed(
                    f"a {inbound.message} from the {other(process.role)} is not allowed in state {process.state}",
                    hint=f"allowed now: {', '.join(process.allowed(other(process.role))) or 'nothing, it has ended'}",
                )
            step = await self._received_step(process, inbound, reading, react)
            after = await self.run(step)
            if after is not None:
                return after
        raise StorageError(f"{kind} {pid} is being moved by others; try again")

    async def _received_step(self, process: Process, inbound: Inbound, reading: Reading, react: React) -> Step:
        moves: list[Move] = []
        after = process
        if reading is Reading.EARLY:
            after, move = rules.acknowledged(after)
            moves.append(move)
        withdrawn = process.outbound if reading is Reading.CROSSING_WON else None
        after, move = rules.received(replace(after, outbound=None), inbound)
        moves.append(move)
        return Step(
            before=process,
            after=after,
            moves=tuple(moves),
            reaction=await react(after),
            withdrawn=withdrawn,
            reason=f"crossed with a {inbound.message} of the {other(process.role)}",
            inbound=inbound,
        )

    async def _load_with(self, kind: Kind, pid: str, inbound: Inbound) -> Process:
        process = await self._find(kind, pid, inbound)
        known = process is not None and process.peer == inbound.peer
        named = process is not None and inbound.role != process.role and process.peer_pid in {None, inbound.peer_pid}
        if process is None or not known or not named:
            raise UnknownProcess(f"there is no {kind} {pid}")
        return process

    async def find_repeated(self, process: Process, inbound: Inbound) -> Process | None:
        """The process that an equal first message made before. Another message under the same pid is refused."""
        assert process.peer_pid is not None  # noqa: S101 -- a first message always names the peer's pid
        async with connection(self.pool) as conn:
            pid = await store.find_pid(
                conn, kind=process.kind, role=process.role, peer=process.peer, peer_pid=process.peer_pid
            )
        if pid is None:
            return None
        # A first message stands at no process of ours yet, so nobody has compared its pid.
        named = replace(inbound, peer_pid=process.peer_pid)
        found = await self._load_with(process.kind, pid, named)
        if found.content_seen:
            await self.use_token(inbound)
            return replace(found, outbound=None)
        raise MoveNotAllowed(
            f"{process.peer_pid} was used for another {process.kind} before", hint="use a new process id"
        )

    async def open_received(self, process: Process, inbound: Inbound, react: React) -> Process:
        """A process that the peer's first message makes. `process` is NEW and carries what the message says."""
        repeated = await self.find_repeated(process, inbound)
        if repeated is not None:
            return repeated
        after, move = rules.received(process, inbound)
        step = Step(before=None, after=after, moves=(move,), reaction=await react(after), inbound=inbound)
        opened = await self.run(step)
        if opened is not None:
            return opened
        repeated = await self.find_repeated(process, inbound)
        if repeated is None:
            raise StorageError(f"{process.kind} {process.peer_pid} could not be stored; try again")
        return repeated

    async def open_own(self, process: Process, reaction: Reaction) -> Process:
        """A process of our own making: NEW, with its first message to send."""
        opened = await self.run(Step(before=None, after=process, moves=(), reaction=reaction))
        if opened is None:
            raise StorageError(f"{process.kind} {process.pid} exists already")
        return opened

    async def command(self, kind: Kind, pid: str, message: str, react: React) -> Process:
        """Our own next message, asked for by the operator or by an event.

        What stops a process supersedes what is still to be sent; anything else waits for it.
        """
        for _ in range(STEP_TRIES):
            process = await self.load(kind, pid)
            target = process.target_of(message, process.role)
            if target is None:
                allowed = ", ".join(process.allowed(process.role)) or "nothing"
                raise MoveNotOpenToUs(
                    f"a {message} is not open to us in state {process.state}", hint=f"open to us: {allowed}"
                )
            pending = process.outbound
            if pending is not None and pending.message == message:
                return process
            if pending is not None and not rules.supersedes(process, message, pending.message):
                raise MoveNotOpenToUs(f"a {pending.message} is still being sent", hint="try again when it has arrived")
            free = replace(process, outbound=None)
            reason = f"superseded by our {message}"
            step = Step(process, free, (), await react(free), withdrawn=pending, reason=reason)
            after = await self.run(step)
            if after is not None:
                return after
        raise StorageError(f"{kind} {pid} is being moved by others; try again")

    async def note(self, kind: Kind, pid: str, react: React) -> Process:
        """Change what we keep about a process, without a move."""
        for _ in range(STEP_TRIES):
            process = await self.load(kind, pid)
            after = await self.run(Step(process, process, (), await react(process)))
            if after is not None:
                return after
        raise StorageError(f"{kind} {pid} is being moved by others; try again")

    async def acknowledge(self, process: Process, *, peer_pid: str | None, own: bool = False) -> Process | None:
        """The peer has what we sent. None if that was recorded before, by whoever saw it first."""
        sent = process.outbound
        while sent is not None and process.outbound is not None and process.outbound.message_id == sent.message_id:
            known = replace(process, peer_pid=process.peer_pid or peer_pid)
            after, move = rules.acknowledged(known)
            if own:
                move = replace(move, evidence={**move.evidence, "learnt": "from the peer's state"})
            follow = self.follow.get(process.kind)
            reaction = await follow(after, move) if follow else Reaction()
            done = await self.run(Step(process, after, (move,), reaction))
            if done is not None:
                self.attempt(done)
                return done
            process = await self.load(process.kind, process.pid)
        return None

    async def settle(
        self, process: Process, moves: list[tuple[str, str]], *, reason: str, failure: str | None = None
    ) -> None:
        """Withdraw what is to be sent and walk `moves` that no message told us: catching up, or giving up."""
        deadline = None if failure else process.deadline
        after, walked = replace(process, outbound=None, deadline=deadline), list[Move]()
        for message, sender in moves:
            after, move = rules.learnt(
                after, message, "consumer" if sender == "consumer" else "provider", reason=reason
            )
            walked.append(move)
        follow = self.follow.get(process.kind)
        reaction = await follow(after, walked[-1]) if follow and walked else Reaction()
        if failure:
            reaction = replace(reaction, data={**process.data, "failure": {"code": failure, "reason": reason}})
        step = Step(process, after, tuple(walked), reaction, withdrawn=process.outbound, reason=reason)
        if await self.run(step) is None:
            log.info(Event.STEP_RACED, pid=process.pid)

    async def give_up(self, process: Process, *, code: str, reason: str) -> None:
        """End a process that cannot go on. One that the peer never took has no history and keeps only the failure."""
        moves = [] if process.state == NEW or process.is_final else [("termination", process.role)]
        log.warning(Event.GAVE_UP, pid=process.pid, peer=process.peer, code=code, reason=reason)
        await self.settle(process, moves, reason=reason, failure=code)

    async def run(self, step: Step) -> Process | None:
        """One step in one transaction, then the first attempt of what follows. None: somebody else was faster."""
        now = self.clock()
        circumstances = Circumstances(
            now=now,
            salts=[secrets.token_bytes(SALT_BYTES) for _ in range(salts_needed(step))],
            message_id=f"urn:uuid:{uuid.uuid4()}",
            job_due=timedelta(seconds=self.settings.first_attempt_seconds) + JOB_MARGIN,
            delivery_deadline=timedelta(seconds=self.settings.delivery_deadline_seconds),
        )
        document, after = render_step(step, circumstances)
        answer = await self._commit(document, step.reaction)
        if answer == "replayed":
            raise NotAuthenticated("the token was used before", hint="each message needs a token of its own")
        if answer == "conflict":
            return None
        for move in step.moves:
            log.info(
                Event.PROCESS_MOVED, pid=after.pid, peer=after.peer, message=move.message, source=move.source,
                target=move.target, direction=move.direction,
            )  # fmt: skip
        self.changes.happened(after)
        return after

    async def _commit(self, document: bytes, reaction: Reaction) -> str:
        async with connection(self.pool) as conn:
            if not reaction.effects:
                return await store.run_step(conn, step=document)
            async with conn.transaction() as transaction:
                answer = await store.run_step(conn, step=document)
                if answer != "done":
                    raise psycopg.Rollback(transaction)
                for effect in reaction.effects:
                    await conn.execute(effect.sql, effect.params)
            return answer

    def attempt(self, process: Process) -> None:
        """Make the first attempt of what is to be sent, in the background: call it once the response is written."""
        if process.outbound is None:
            return
        task = asyncio.create_task(self._attempt(process))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)

    async def _attempt(self, process: Process) -> None:
        try:
            await self.deliver(process)
        except ConnectorError as error:  # the job takes over
            log.info(Event.DELIVERY_FAILED, pid=process.pid, error=error.message)

    async def close(self) -> None:
        """Stop the attempts under way; their jobs are in the database."""
        for task in tuple(self._attempts):
            task.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)
