"""Cuts running streams whose token is no longer good.

One connection of its own listens on the channel `data_flow` and is woken when a flow is closed or gets another token.
The notification is only a wake-up: whether a token is good is always read from the flow's row, and read again twice a
second while anything is running, so that a lost notification delays a cut by half a second at most. While the database
cannot be asked nobody can say that a token is still good, and streams are cut after a moment's grace; the consumer
resumes later.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import psycopg

from connector.dataplane.flows import list_good_tokens
from connector.db import Connection
from connector.errors import ConnectorError
from connector.telemetry import Event, log

IsMember = Callable[[str], Awaitable[bool]]

MEMBERS_SECONDS = 1.0  # the list itself is asked for only when it is older than its own setting
RECHECK_SECONDS = 0.5  # a stream is to be cut within a second
ANSWER_SECONDS = 2.0  # for one statement, or one attempt to connect
GRACE_SECONDS = (
    4.0  # without an answer of the database: longer than a restart of the connection, short for a closed door
)


class Watched:
    """One running stream: `cut` is set, once, when it must stop; then `reason` says why."""

    def __init__(self, transfer: str, jti: str, consumer: str, *, started_at: float) -> None:
        self.transfer = transfer
        self.jti = jti
        self.consumer = consumer
        self.started_at = started_at
        self.cut = asyncio.Event()
        self.reason = ""

    def stop(self, reason: str) -> None:
        """Cut it."""
        self.reason = self.reason or reason
        self.cut.set()


class FlowWatch:
    """All running streams of this process, and the task that watches over them."""

    def __init__(
        self, database_url: str, *, is_member: IsMember, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`is_member` says whether a consumer (a DID) still belongs to the data space."""
        self._url = database_url
        self._is_member = is_member
        self._monotonic = monotonic
        self._running: set[Watched] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._answered_at = monotonic()
        self.listening = False

    def start(self) -> None:
        """Begin to watch, in the running loop."""
        self._answered_at = self._monotonic()
        self._tasks = [
            asyncio.create_task(self._run(), name="data-flow-watch"),
            asyncio.create_task(self._run_members(), name="data-flow-members"),
        ]

    async def stop(self) -> None:
        """Cut everything and stop watching."""
        self.cut_all("the data plane is stopping")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_all(self, reason: str) -> None:
        """Cut all running streams: for a stop that should not wait for long downloads."""
        for stream in self._running:
            stream.stop(reason)

    @contextmanager
    def stream(self, transfer: str, jti: str, consumer: str) -> Generator[Watched]:
        """Watch over one stream while it runs."""
        watched = Watched(transfer, jti, consumer, started_at=self._monotonic())
        self._running.add(watched)
        try:
            yield watched
        finally:
            self._running.discard(watched)

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except (psycopg.Error, OSError) as error:  # a TimeoutError is an OSError
                if self.listening:
                    log.warning(Event.LISTENING_LOST, error=type(error).__name__)
                self.listening = False
            self._cut_unchecked()
            await asyncio.sleep(RECHECK_SECONDS)

    async def _run_members(self) -> None:
        while True:
            for consumer in {stream.consumer for stream in self._running}:
                reason = await self._objection(consumer)
                for stream in self._running:
                    if reason is not None and stream.consumer == consumer:
                        stream.stop(reason)
            await asyncio.sleep(MEMBERS_SECONDS)

    async def _objection(self, consumer: str) -> str | None:
        try:
            return None if await self._is_member(consumer) else f"{consumer} is no longer a member"
        except ConnectorError as error:
            return f"whether {consumer} is a member cannot be found out: {error.message}"

    def _cut_unchecked(self) -> None:
        """Cut what nobody has been able to check for too long."""
        oldest = self._monotonic() - GRACE_SECONDS
        for stream in self._running:
            if max(stream.started_at, self._answered_at) < oldest:
                stream.stop("the database cannot be asked whether the token is still good")

    async def _follow(self) -> None:
        """Listen until the connection is lost."""
        async with asyncio.timeout(ANSWER_SECONDS):
            conn: Connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, application_name="tidegate-data-flow"
            )
        async with conn:
            async with asyncio.timeout(ANSWER_SECONDS):
                await conn.execute("LISTEN data_flow")
            self.listening = True
            while True:
                await self._recheck(conn)
                async for _ in conn.notifies(timeout=RECHECK_SECONDS, stop_after=1):
                    pass

    async def _recheck(self, conn: Connection) -> None:
        running = list(self._running)
        if not running:
            return
        async with asyncio.timeout(ANSWER_SECONDS):
            good = await list_good_tokens(conn, tokens=[(stream.transfer, stream.jti) for stream in running])
        self._answered_at = self._monotonic()
        for stream in running:
            if stream.jti not in good:
                stream.stop("the transfer is closed")
