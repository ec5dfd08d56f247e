"""A participant that knows one EDC, composed from the product's own parts.

EDC's mock identity is a JSON object in the place of a token. What takes and writes it is in this composition only;
nothing in the product can switch verification off. (With real identity the two meet when credentials come.)
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import uvicorn

from connector.app import Participant, Trust, compose, make_trust
from connector.db import open_pool
from connector.errors import NotAuthenticated
from connector.http import GuardedHttp, Response
from connector.identity.members import Members
from connector.identity.verify import Peer, PeerRequest, Verifier
from connector.serve import bind
from connector.settings import ExchangeSettings, HttpSettings, Settings
from tests.interop.edc.runtime import Edc
from tests.interop.edc.user import until
from tests.support.ports import free_ports

REGION = "eu"


class OneMember(Members):
    """The EDC belongs to the data space, and nobody else."""

    def __init__(self, did: str) -> None:
        self._did = did

    async def is_member(self, did: str) -> bool:
        return did == self._did


class MockVerifier(Verifier):
    """Believes EDC's mock identity, for the one EDC we know. Its requests carry no token, so each gets an id."""

    def __init__(self, edc: str, **parts: Any) -> None:
        super().__init__(**parts)
        self._edc = edc

    async def verify_peer(self, request: PeerRequest, *, consume: bool = True) -> Peer:
        try:
            said: Any = orjson.loads(request.authorization or "")
        except orjson.JSONDecodeError:
            said = {}
        if said.get("clientId") != self._edc:
            raise NotAuthenticated("this is not the mock identity of our EDC")
        now = datetime.now(UTC)
        return Peer(self._edc, str(request.authorization), now, str(uuid.uuid4()), now + timedelta(minutes=5))


class MockIdentityHttp(GuardedHttp):
    """The guarded client; EDC's mock identity stands in the header without a scheme."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> Response:
        bare = {
            name: value.removeprefix("Bearer ") if "{" in value else value for name, value in (headers or {}).items()
        }
        return await super().request(method, url, headers=bare, **rest)


@dataclass(frozen=True)
class MockTrust(Trust):
    """Signs with EDC's mock identity."""

    own: str = ""

    def sign(self, audience: str, body: bytes) -> str:
        return orjson.dumps({"region": REGION, "audience": audience, "clientId": self.own}).decode()


def interop_settings(home: Path, *, reachable: tuple[str, ...], **changes: Any) -> Settings:
    """A participant on a free port that may reach these host:port pairs."""
    (port,) = free_ports(1)
    facts: dict[str, Any] = {
        "home": home,
        "public_url": f"http://localhost:{port}",
        "protocol_port": port,
        "authority_did": "did:web:authority.invalid",
        "http": HttpSettings(allow=reachable),
        "exchange": ExchangeSettings(retry_max_wait_seconds=5),
    }
    return Settings(**facts | changes)


@asynccontextmanager
async def participant_knowing(edc: Edc, settings: Settings, database_url: str) -> AsyncIterator[Participant]:
    """The participant, at work at its public address."""
    pool = await open_pool(database_url, settings.database_pool_size)
    participant = compose(settings, database_url, pool, _trusting(edc, make_trust(settings, pool), settings, pool))
    await participant.start()
    try:
        await until(participant.ready, "our participant")
        async with _listening(participant, settings):
            yield participant
    finally:
        await participant.stop()


def _trusting(edc: Edc, trust: Trust, settings: Settings, pool) -> Trust:
    async def find_address(_: str) -> str:
        return edc.protocol_url

    members = OneMember(edc.participant)
    verifier = MockVerifier(
        edc.participant,
        did=settings.did,
        members=members,
        resolver=trust.resolver,
        pool=pool,
        settings=settings.identity,
    )
    return MockTrust(
        key=trust.key,
        http=MockIdentityHttp(settings.http),
        resolver=trust.resolver,
        members=members,
        verifier=verifier,
        find_address=find_address,
        token_lifetime_seconds=trust.token_lifetime_seconds,
        own=settings.did,
    )


@asynccontextmanager
async def _listening(participant: Participant, settings: Settings) -> AsyncIterator[None]:
    listener = bind(settings.protocol_host, settings.protocol_port, "TIDEGATE_PROTOCOL_PORT")
    config = uvicorn.Config(participant.protocol, lifespan="off", access_log=False, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
