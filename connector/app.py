"""The one place where a participant is put together: keys, pool, peers, features, surfaces.

`build` opens nothing; `Participant.start` does. Everything works before the database is there, and answers 503.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connector.audit import routes as audit_log
from connector.authority.routes import authority_routes
from connector.authority.service import own_list
from connector.dataplane.routes import PREFIX, DataPlane
from connector.dataplane.watch import FlowWatch
from connector.db import Pool, database_ready, migrate, open_pool
from connector.errors import ConfigurationError, ConnectorError, InvalidInput, StorageError
from connector.exchange.delivery import Delivery
from connector.exchange.model import Inbound, Process
from connector.exchange.routes import Surface
from connector.exchange.service import Exchange
from connector.http import GuardedHttp
from connector.identity.did import DidResolver
from connector.identity.keys import SigningKey, load_or_create_key
from connector.identity.member_list import VerifiedMemberList, fetch_member_list
from connector.identity.members import Members
from connector.identity.routes import identity_routes
from connector.identity.tokens import issue_token
from connector.identity.verify import PeerRequest, Verifier
from connector.management import access, audit, catalog, members, offerings, processes, status
from connector.management.processes import Processes
from connector.management.status import Standing
from connector.negotiation.routes import negotiation_routes
from connector.negotiation.service import Negotiations
from connector.offers.addresses import PeerAddresses
from connector.offers.remote import Peers
from connector.offers.routes import CatalogPlace, catalog_routes
from connector.offers.service import Offers
from connector.offers.store import files_of
from connector.protocol.versions import WELL_KNOWN_PATH, render_versions
from connector.settings import Settings
from connector.telemetry import Event, log
from connector.transfer.routes import transfer_routes
from connector.transfer.service import Transfers
from connector.transfer.tasks import Downloads
from connector.worker import Worker

KEY_FILE = "signing-key.pem"
MIGRATE_AGAIN_SECONDS = 1.0
# What the authority reads of one party about one agreement: some 100,000 leaves.
MAX_LOG_BYTES = 64 * 1024**2


def utc_now() -> datetime:
    """The clock of all decisions."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Trust:
    """Who we are, how we know who others are, and where their protocol endpoints are."""

    key: SigningKey
    http: GuardedHttp
    resolver: DidResolver
    members: Members
    verifier: Verifier
    find_address: Callable[[str], Awaitable[str]]
    token_lifetime_seconds: int

    def sign(self, audience: str, body: bytes) -> str:
        """A fresh token for one request to a peer."""
        return issue_token(
            self.key,
            audience=audience,
            body=body,
            now=utc_now(),
            jti=str(uuid.uuid4()),
            lifetime_seconds=self.token_lifetime_seconds,
        )

    async def who_asks(self, authorization: str | None, body: bytes) -> str:
        """The DID of a request's verified sender."""
        return (await self.verifier.verify_peer(PeerRequest(authorization, body))).did


@dataclass
class Participant:
    """One participant: two ASGI applications, the work behind them, and what there is to close."""

    settings: Settings
    database_url: str
    pool: Pool
    trust: Trust
    processes: Processes
    offers: Offers
    worker: Worker
    watch: FlowWatch
    protocol: ASGIApp
    management: ASGIApp
    migrated: bool = False
    _starting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; the database may come later."""
        self._starting = asyncio.create_task(self._until_migrated())

    async def _until_migrated(self) -> None:
        while not self.migrated:
            try:
                await asyncio.to_thread(migrate, self.database_url)
                self.migrated = True
            except (StorageError, ConfigurationError) as error:  # the log says what to do; readiness stays false
                log.warning(Event.DATABASE_AWAY, error=error.message, hint=error.hint)
                await asyncio.sleep(MIGRATE_AGAIN_SECONDS)
        self.watch.start()
        self.worker.start()
        log.info(Event.DATABASE_READY)

    async def ready(self) -> bool:
        """Whether requests can be answered now."""
        return self.migrated and await database_ready(self.pool)

    async def stop(self) -> None:
        """End what is running; what is unfinished is in the database."""
        if self._starting is not None:
            self._starting.cancel()
        await self.worker.stop()
        await self.processes.exchange.close()
        await self.watch.stop()
        await self.trust.http.close()
        await self.pool.close()


async def build(settings: Settings, database_url: str) -> Participant:
    """A participant of these settings over this database."""
    pool = await open_pool(database_url, settings.database_pool_size)
    return compose(settings, database_url, pool, make_trust(settings, pool))


def compose(
    settings: Settings, database_url: str, pool: Pool, trust: Trust, *, exchange_type: type[Exchange] = Exchange
) -> Participant:
    """A participant from its parts: whom it trusts, and what moves its processes."""
    offers = Offers(pool)
    exchange, delivery = _exchange(settings, pool, trust, exchange_type)
    running = _processes(settings, exchange, trust)
    watch = FlowWatch(database_url, is_member=trust.members.is_member)
    worker = Worker(
        pool,
        database_url,
        settings.exchange,
        exchange,
        delivery,
        running.downloads,
        terminate={"negotiation": running.negotiations.terminate, "transfer": running.transfers.terminate},
    )
    participant = Participant(
        settings, database_url, pool, trust, running, offers, worker, watch, protocol=Starlette(), management=FastAPI()
    )
    participant.protocol = _protocol_app(participant)
    participant.management = _management_app(participant)
    return participant


def make_trust(settings: Settings, pool: Pool) -> Trust:
    """Keys, members and addresses as these settings say."""
    key = load_or_create_key(settings.home / KEY_FILE, settings.did)
    http = GuardedHttp(settings.http)
    resolver = DidResolver(http, cache_seconds=settings.identity.did_cache_seconds)
    authority, identity = settings.trusted_authority_did, settings.identity

    async def fetch() -> VerifiedMemberList:
        if "authority" in settings.roles:
            return await own_list(pool, authority, clock=utc_now, lifetime_seconds=identity.members_lifetime_seconds)
        return await fetch_member_list(
            http, resolver, authority, clock=utc_now, skew_seconds=identity.clock_skew_seconds
        )

    members_list = Members(
        authority=authority,
        fetch=fetch,
        pool=pool,
        max_age_seconds=identity.members_max_age_seconds,
        clock=utc_now,
    )
    verifier = Verifier(
        did=settings.did, members=members_list, resolver=resolver, pool=pool, settings=identity, clock=utc_now
    )
    addresses = PeerAddresses(http, resolver, identity.did_cache_seconds)
    return Trust(key, http, resolver, members_list, verifier, addresses.dsp_base, identity.token_lifetime_seconds)


def _exchange(settings: Settings, pool: Pool, trust: Trust, exchange_type: type[Exchange]) -> tuple[Exchange, Delivery]:
    async def first_attempt(process: Process) -> None:
        await delivery.first_attempt(process)

    async def use_up(inbound: Inbound) -> None:
        await trust.verifier.use_token(inbound.sender)

    exchange = exchange_type(pool, settings.exchange, deliver=first_attempt, use_token=use_up, clock=utc_now)
    delivery = Delivery(exchange, trust.http, trust.sign)
    return exchange, delivery


def _processes(settings: Settings, exchange: Exchange, trust: Trust) -> Processes:
    negotiations = Negotiations(exchange, settings.did, settings.protocol_url)
    transfers = Transfers(
        exchange,
        trust.key,
        settings.dataplane,
        public_url=settings.public_url,
        callback_address=settings.protocol_url,
        find_address=trust.find_address,
    )
    exchange.follow["negotiation"] = negotiations.acknowledged
    exchange.follow["transfer"] = transfers.acknowledged
    downloads = Downloads(transfers, trust.http, settings.dataplane, settings.downloads_dir)
    return Processes(exchange, negotiations, transfers, downloads, Peers(trust.http, trust.sign, trust.find_address))


def _protocol_app(participant: Participant) -> ASGIApp:
    """What peers reach: the protocol, the data, the DID document, the audit log, the list of members."""
    settings, trust = participant.settings, participant.trust
    surface = Surface(participant.processes.exchange, trust.verifier, settings.exchange.max_message_bytes)
    place = CatalogPlace(
        did=settings.did,
        title=settings.title,
        endpoint_url=settings.protocol_url,
        page_size=settings.exchange.catalog_page_size,
        max_message_bytes=settings.exchange.max_message_bytes,
    )
    dsp = [
        *catalog_routes(participant.offers, trust.verifier.verify_peer, place),
        *negotiation_routes(participant.processes.negotiations, surface),
        *transfer_routes(participant.processes.transfers, surface),
    ]
    is_authority = "authority" in settings.roles
    data = DataPlane(
        key=trust.key,
        pool=participant.pool,
        files_of=files_of,
        is_member=trust.members.is_member,
        watch=participant.watch,
        settings=settings.dataplane,
    )
    routes = [
        Mount("/dsp/2025-1", routes=dsp),
        *identity_routes(trust.key, settings.public_url, authority=is_authority),
        *audit_log.routes(participant.pool, who_asks=trust.who_asks, authority_did=settings.trusted_authority_did),
        *_probes(participant),
    ]
    if is_authority:
        lifetime = settings.identity.members_lifetime_seconds
        routes += authority_routes(participant.pool, trust.key, lifetime_seconds=lifetime, clock=utc_now)
    app = Starlette(routes=routes, exception_handlers={Exception: _unexpected, ConnectorError: _refused})
    return _with_data(app, data)


def _with_data(app: Starlette, data: DataPlane) -> ASGIApp:
    """Data requests go straight to the data plane: nothing between copies their chunks."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        inner: ASGIApp = data if scope["type"] == "http" and scope["path"].startswith(PREFIX) else app
        await inner(scope, receive, send)

    return route


def _probes(participant: Participant) -> list[Route]:
    async def versions(_: Request) -> Response:
        return Response(orjson.dumps(render_versions()), media_type="application/json")

    async def alive(_: Request) -> Response:
        return Response("ok", media_type="text/plain")

    async def ready(_: Request) -> Response:
        good = await participant.ready()
        return Response(
            "ready" if good else "the database is not available", 200 if good else 503, media_type="text/plain"
        )

    return [
        Route(WELL_KNOWN_PATH, versions, methods=["GET"]),
        Route("/healthz", alive, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
    ]


def _management_app(participant: Participant) -> FastAPI:
    """Our own API, for the command line, the page and scripts. Never on the public address."""
    settings, trust = participant.settings, participant.trust
    token = access.load_or_create_operator_token(settings.home)

    async def operator(request: Request) -> None:  # async: nothing in it waits, and a thread costs more than it
        access.require_operator(token, request)

    app = FastAPI(title="Tidegate", version="1", docs_url=None, redoc_url=None)
    app.add_exception_handler(ConnectorError, _refused)
    app.add_exception_handler(Exception, _unexpected)
    app.add_exception_handler(RequestValidationError, _invalid)
    guarded = [Depends(operator)]
    routers: list[APIRouter] = [
        status.router(_standing(participant)),
        processes.router(participant.processes),
        offerings.router(participant.offers),
        catalog.router(participant.processes.peers),
        audit.router(
            participant.pool,
            trust.http,
            trust.members,
            trust.sign,
            authority="authority" in settings.roles,
            max_log_bytes=MAX_LOG_BYTES,
        ),
    ]
    if "authority" in settings.roles:
        routers.append(members.router(participant.pool))
    for router in routers:
        app.include_router(router, dependencies=guarded)
    app.router.routes.extend(_probes(participant))
    return app


def _standing(participant: Participant) -> Standing:
    return Standing(
        settings=participant.settings,
        pool=participant.pool,
        members=participant.trust.members,
        http=participant.trust.http,
        ready=participant.ready,
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ConnectorError)  # noqa: S101 -- registered for this class
    return Response(orjson.dumps(error.as_json()), error.status, media_type="application/json")


async def _invalid(_: Request, error: Exception) -> Response:
    """The first thing that is wrong with a request to our own API, in the form of all our errors."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for this class
    first: dict[str, Any] = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Response(
        orjson.dumps(InvalidInput(f"{where}: {first['msg']}").as_json()), 422, media_type="application/json"
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error(Event.UNEXPECTED, path=request.url.path, exc_info=error)
    return Response(
        '{"code":"unexpected","message":"this is a fault of ours; the log has it"}', 500, media_type="application/json"
    )


@asynccontextmanager
async def running(settings: Settings, database_url: str) -> AsyncGenerator[Participant]:
    """A participant from start to stop."""
    participant = await build(settings, database_url)
    await participant.start()
    try:
        yield participant
    finally:
        await participant.stop()
