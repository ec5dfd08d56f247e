"""An ASGI application behind a real socket, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on a socket that `listen` made, until the block is left."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await running


def listen() -> tuple[socket.socket, str]:
    """A socket on a free loopback port, and its host:port."""
    listening = socket.create_server(("127.0.0.1", 0))
    return listening, f"localhost:{listening.getsockname()[1]}"
