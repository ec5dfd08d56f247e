"""The web server of EDC's user: takes callbacks and pushed data, and serves the data that the EDC offers."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass
class UserSite:
    """What arrived: `events` by transfer, `delivered` bodies by path. `content` is what is served, by path.

    `pieces_seconds` is the pause between two pieces of what is served: a slow source keeps a push under way.
    """

    port: int = 0
    content: dict[str, bytes] = field(default_factory=dict[str, bytes])
    pieces_seconds: float = 0.0
    events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    delivered: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    headers: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.name}"

    @property
    def callback(self) -> str:
        return f"{self.url}/events"

    def started(self, transfer: str) -> list[dict[str, str]]:
        """The data addresses that EDC's user was told of, one for each start."""
        told = [event for event in self.events[transfer] if event["type"] == "TransferProcessStarted"]
        return [event["payload"]["dataAddress"]["properties"] for event in told]

    async def event(self, request: web.Request) -> web.Response:
        event: Any = orjson.loads(await request.read())
        self.events[event["payload"]["transferProcessId"]].append(event)
        return web.Response()

    async def take(self, request: web.Request) -> web.Response:
        body = bytearray()
        async for piece in request.content.iter_any():
            body += piece
        self.headers[request.path] = dict(request.headers)
        self.delivered[request.path].append(bytes(body))
        return web.Response()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await answer.prepare(request)
        content = self.content[request.path]
        size = max(len(content) // 50, 1)
        for start in range(0, len(content), size):
            await answer.write(content[start : start + size])
            await asyncio.sleep(self.pieces_seconds)
        return answer


@asynccontextmanager
async def user_site() -> AsyncIterator[UserSite]:
    site = UserSite()
    app = web.Application(client_max_size=1024**3)
    app.router.add_post("/events", site.event)
    app.router.add_post("/{path:.*}", site.take)
    app.router.add_get("/{path:.*}", site.serve)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()
