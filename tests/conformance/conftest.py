"""A connector as the suite needs it, and the scripted peer it talks to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conformance.behaviour import AT_ONCE
from tests.conformance.cases import subject
from tests.conformance.connector import AUTHORIZATION, SuiteConnector, suite_connector
from tests.conformance.peer import Conversation, Peer, listening_peer
from tests.conformance.run import listening, suite_settings
from tests.conformance.scenarios import steps_of
from tests.conftest import TestServer


@dataclass(frozen=True)
class Both:
    """The two sides of the scenarios."""

    connector: SuiteConnector
    peer: Peer

    async def walk(self, case: str, *, patience_seconds: float) -> str:
        """One scenario from beginning to end; the connector's pid of it."""
        kind = "transfers" if case.startswith("TP") else "negotiations"
        conversation = Conversation(self.peer, kind, subject(case), patience_seconds)
        await conversation.walk(steps_of(case))
        return conversation.their_pid


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    """For the tests of one module, each of which leaves nothing behind but finished processes."""
    home: Path = tmp_path_factory.mktemp("conformance")
    settings, port = suite_settings(home)
    url = postgres_server.create(template="migrated")
    try:
        async with (
            listening_peer(
                connector=settings.public_url, connector_did=settings.did, authorization=AUTHORIZATION, port=port
            ) as peer,
            suite_connector(settings, url, suite_address=peer.address, pace=AT_ONCE) as connector,
            listening(connector.app, settings),
        ):
            yield Both(connector, peer)
    finally:
        postgres_server.drop(url)
