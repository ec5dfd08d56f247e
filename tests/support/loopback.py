"""The other side, on loopback: a web server whose pages a test sets, and participants that publish a DID document."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import orjson
from aiohttp import web
from joserfc.jwk import ECKey

from connector.http import GuardedHttp
from connector.identity.did import did_document
from connector.identity.keys import SigningKey
from connector.settings import HttpSettings


class Clock:
    """Time that passes when the test says so; called, it is the date, and `monotonic` the seconds."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds


Page = bytes | int | Callable[[], bytes]


class Site:
    """A web server at `localhost:port`. A page is its bytes, a function that gives them, or a status to answer."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.hits: Counter[str] = Counter()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.name}"

    @property
    def did(self) -> str:
        return f"did:web:localhost%3A{self.port}"

    async def start(self) -> None:
        """Listen; after a stop at the same port again."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Nobody listens any more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.hits[request.path] += 1
        page = self.pages.get(request.path, 404)
        if isinstance(page, int):
            return web.Response(status=page)
        return web.Response(body=page() if callable(page) else page)


class Participant:
    """A participant's key and its DID document on a site."""

    def __init__(self, site: Site, *, authority: bool = False) -> None:
        self.site = site
        self.did = site.did
        self.key = new_key(site.did)
        self.publish(authority=authority)

    def publish(self, *, authority: bool = False) -> None:
        document = did_document(self.key, self.site.url, authority=authority)
        self.site.pages["/.well-known/did.json"] = orjson.dumps(document)


def new_key(did: str, fragment: str = "key-1") -> SigningKey:
    return SigningKey(did=did, kid=f"{did}#{fragment}", private=ECKey.generate_key("P-256"))


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    started = Site()
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


@asynccontextmanager
async def way_out(*sites: Site) -> AsyncIterator[GuardedHttp]:
    """A guarded client that may reach these sites and nothing else that is private."""
    http = GuardedHttp(HttpSettings(allow=tuple(each.name for each in sites), request_timeout_seconds=2))
    try:
        yield http
    finally:
        await http.close()
