"""Sending a body of any size in constant memory, and stopping at once when it must not go on. Raw ASGI.

Two chunks are in memory at a time: one on its way out, one being read. A stream that is cut ends in a reset connection,
never in an answer that looks whole.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from connector.dataplane.ranges import Part, Span
from connector.dataplane.watch import Watched
from connector.errors import DataChanged

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A reader that takes no chunk for this long holds a connection and two chunks of memory for nothing.
STALL_SECONDS = 60.0


class Source(Protocol):
    """What bytes are read from: a published file, or a manifest in memory."""

    async def read(self, offset: int, size: int) -> bytes | bytearray:
        """Exactly `size` bytes from `offset`."""
        ...

    def close(self) -> None:
        """Nothing more will be read."""
        ...


class InMemory:
    """A body that is there already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self, offset: int, size: int) -> bytes:
        """The piece."""
        return self._body[offset : offset + size]

    def close(self) -> None:
        """Nothing to close."""


class Sending:
    """The body of one answer on its way out; `sent` counts the source's bytes given to the server."""

    def __init__(self, source: Source, parts: Sequence[Part], *, chunk_bytes: int) -> None:
        self._source = source
        self._parts = parts
        self._chunk_bytes = chunk_bytes
        self.sent = 0

    async def run(self, receive: Receive, send: Send, *, watched: Watched, expires_at: datetime) -> str | None:
        """Send it; None when it is out, else why it was cut. The headers must have been sent."""
        pump = asyncio.create_task(self._pump(send))
        gone = asyncio.create_task(_until_gone(receive))
        cut = asyncio.create_task(watched.cut.wait())
        remaining = (expires_at - datetime.now(UTC)).total_seconds()
        try:
            await asyncio.wait({pump, gone, cut}, timeout=max(remaining, 0), return_when=asyncio.FIRST_COMPLETED)
            reason = _why(pump, gone, cut, watched)
        finally:
            for task in (pump, gone, cut):
                task.cancel()
            await asyncio.gather(pump, gone, cut, return_exceptions=True)
        if reason is not None:
            await _reset(receive, send)
        return reason

    async def _pump(self, send: Send) -> None:
        for part in self._parts:
            if part.before:
                await _send(send, part.before)
            if part.span:
                await self._pump_span(send, part.span)
        # Servers wait for the reader before they take the next message, not after: this one is taken, and the answer
        # whole, when nearly everything before it is out. Until then it can still be cut.
        await _send(send, b"", more=False)

    async def _pump_span(self, send: Send, span: Span) -> None:
        offset = span.first
        while offset <= span.last:
            chunk = await self._source.read(offset, min(self._chunk_bytes, span.last + 1 - offset))
            await _send(send, chunk)
            # A send need not wait, and then nobody else would run: no other stream, no news that the reader left.
            await asyncio.sleep(0)
            offset += len(chunk)
            self.sent += len(chunk)


async def _send(send: Send, body: bytes | bytearray, *, more: bool = True) -> None:
    async with asyncio.timeout(STALL_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _why(pump: asyncio.Task[None], gone: asyncio.Task[None], cut: asyncio.Task[Any], watched: Watched) -> str | None:
    """Why it stopped; None if it is whole. Raises what no stream should raise."""
    if pump.done():
        try:
            pump.result()
        except DataChanged as error:
            return error.message
        except TimeoutError:
            return f"the reader took nothing for {STALL_SECONDS:.0f} s"
        except OSError as error:
            return f"reading failed: {error.strerror or type(error).__name__}"
        return None
    if cut.done():
        return watched.reason
    return "the reader is gone" if gone.done() else "the token expired"


async def _reset(receive: Receive, send: Send) -> None:
    """End the connection without the rest.

    Returning from an unfinished answer makes any ASGI server close the connection, but only when the reader has taken
    what is buffered, as slowly as it likes. Uvicorn's `send` is a method of an object that has the transport.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    abort = getattr(transport, "abort", None)
    if callable(abort):
        abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await _until_gone(
                    receive
                )  # so that the server knows, and does not complain about the unfinished answer
