"""A participant as the suite needs it, composed from the product's own parts.

Nothing here is switched on by a setting: the verifier that knows the suite's one fixed header, the scripts, the seeded
contracts and the two triggers exist in this composition only.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from catalog.model import Description
from connector.agreements.store import insert_agreement_statement
from connector.app import Participant, Trust, compose, make_trust
from connector.db import open_pool
from connector.errors import NotAuthenticated
from connector.exchange import rules
from connector.exchange.model import NEW, Effect, Move, Party, Process, Reaction
from connector.exchange.record import Step
from connector.identity.verify import Peer, PeerRequest, Verifier
from connector.offers.model import Publication, Source
from connector.settings import Settings
from tests.conformance.behaviour import OwnMoves, Pace, ScriptedExchange, delivering_after
from tests.conformance.cases import CASES, UNKNOWN_DATASET, subject

SUITE = "TCK_PARTICIPANT"
AUTHORIZATION = "the-fixed-header-of-the-conformance-suite"
NEGOTIATION_TRIGGER = "/conformance/negotiations"
TRANSFER_TRIGGER = "/conformance/transfers"

_USE = {"permission": [{"action": "use"}]}
_SHARED_DATASET = "CAT0101"
_WORLD = (-180.0, -90.0, 180.0, 90.0)


class SuiteVerifier(Verifier):
    """Takes the suite's fixed header for the suite, and nothing else for anybody. The rest is the product's."""

    async def verify_peer(self, request: PeerRequest, *, consume: bool = True) -> Peer:
        """The suite. Its requests carry no token, so each gets an id of its own."""
        if request.authorization != AUTHORIZATION:
            raise NotAuthenticated("this is not the header of the conformance suite")
        now = datetime.now(UTC)
        return Peer(SUITE, AUTHORIZATION, now, str(uuid.uuid4()), now + timedelta(minutes=5))


@dataclass(frozen=True)
class SuiteConnector:
    """The participant, and what listens at its public address: its own protocol surface and the triggers."""

    participant: Participant
    app: ASGIApp

    @property
    def exchange(self) -> ScriptedExchange:
        """The scripted one."""
        exchange = self.participant.processes.exchange
        assert isinstance(exchange, ScriptedExchange)
        return exchange


@asynccontextmanager
async def suite_connector(
    settings: Settings, database_url: str, *, suite_address: str, pace: Pace
) -> AsyncIterator[SuiteConnector]:
    """A participant with the suite's datasets and agreements. `suite_address` is where the suite takes our messages."""
    pool = await open_pool(database_url, settings.database_pool_size)
    trust = _trusting_the_suite(make_trust(settings, pool), settings, suite_address, pool)
    participant = compose(settings, database_url, pool, trust, exchange_type=ScriptedExchange)
    await participant.start()
    connector = SuiteConnector(participant, _with_triggers(participant))
    processes = participant.processes
    try:
        while not await participant.ready():
            await processes.exchange.changes.wait("nothing", 0.05)
        await _seed(connector)
        exchange = connector.exchange
        exchange.deliver = delivering_after(pace.before_delivery_seconds, exchange.deliver)
        exchange.own_moves = OwnMoves(
            exchange, processes.negotiations, processes.transfers, pace.before_own_move_seconds
        )
        yield connector
    finally:
        await participant.stop()


def _trusting_the_suite(trust: Trust, settings: Settings, suite_address: str, pool) -> Trust:
    async def find_address(_: str) -> str:
        return suite_address

    verifier = SuiteVerifier(
        did=settings.did, members=trust.members, resolver=trust.resolver, pool=pool, settings=settings.identity
    )
    return replace(trust, verifier=verifier, find_address=find_address)


async def _seed(connector: SuiteConnector) -> None:
    """The datasets of CAT and CN, and a finalized contract for each case of TP (provider) and TP_C (consumer)."""
    for case in CASES:
        if case.startswith(("CAT:", "CN:")) and subject(case) != UNKNOWN_DATASET:
            await connector.participant.offers.publish(_dataset(subject(case)))
    for case in CASES:
        if case.startswith("TP:"):
            await _agree(connector, subject(case), role="provider")
        elif case.startswith("TP_C:"):
            await _agree(connector, subject(case), role="consumer")


def _dataset(name: str) -> Publication:
    west, south, east, north = _WORLD
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    description = Description(
        title=name,
        description="A dataset of the conformance suite",
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=_WORLD,
        kind="folder",
    )
    return Publication(Source(f"/conformance/{name}"), name, description, _USE, files=())


async def _agree(connector: SuiteConnector, agreement_id: str, *, role: Party) -> None:
    """A contract whose whole negotiation is a legal history of the product's, as if both sides had walked it."""
    own_did = connector.participant.settings.did
    provider, consumer = (own_did, SUITE) if role == "provider" else (SUITE, own_did)
    agreement = {
        **_USE,
        "@id": agreement_id,
        "@type": "Agreement",
        "target": _SHARED_DATASET,
        "assigner": provider,
        "assignee": consumer,
        "timestamp": datetime.now(UTC).isoformat(),
    }
    process = Process(
        pid=f"urn:uuid:{uuid.uuid4()}",
        kind="negotiation",
        role=role,
        peer=SUITE,
        peer_pid=f"urn:uuid:{uuid.uuid4()}",
        peer_address="http://localhost",
        state=NEW,
        seq=0,
        offering=_SHARED_DATASET,
        agreement=agreement_id,
        data={"offer": agreement, "agreement": agreement},
    )
    statement = insert_agreement_statement(
        agreement=agreement,
        role=role,
        peer=SUITE,
        negotiation=process.pid,
        offering=_SHARED_DATASET,
        offering_version=1,
        declared_purpose=None,
    )
    after, moves = _walked(process, ("request", "agreement", "verification", "finalization"))
    await connector.exchange.run(Step(None, after, moves, Reaction(effects=(Effect(*statement),))))


def _walked(process: Process, words: tuple[str, ...]) -> tuple[Process, tuple[Move, ...]]:
    moves: list[Move] = []
    for word in words:
        sender: Party = "consumer" if word in {"request", "verification"} else "provider"
        process, move = rules.learnt(process, word, sender, reason="seeded for the conformance suite")
        moves.append(move)
    return process, tuple(moves)


def _with_triggers(participant: Participant) -> ASGIApp:
    """The suite asks the connector to begin; everything else is the product's own surface."""

    async def negotiate(request: Request) -> Response:
        wanted = await _asked(participant, request)
        offer = {"@id": wanted["offerId"], "@type": "Offer", **_USE}
        await participant.processes.negotiations.request(
            provider=wanted["providerId"],
            provider_address=wanted["connectorAddress"],
            offer=offer,
            target=wanted["datasetId"],
            purpose=(),
        )
        return Response(status_code=204)

    async def transfer(request: Request) -> Response:
        wanted = await _asked(participant, request)
        await participant.processes.transfers.request(wanted["agreementId"], transfer_format=wanted["format"])
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route(NEGOTIATION_TRIGGER, negotiate, methods=["POST"]),
            Route(TRANSFER_TRIGGER, transfer, methods=["POST"]),
            Mount("/", app=participant.protocol),
        ]
    )


async def _asked(participant: Participant, request: Request) -> dict[str, str]:
    body = await request.body()
    await participant.trust.verifier.verify_peer(PeerRequest(request.headers.get("authorization"), body))
    return orjson.loads(body)
