"""One connector for all tests of a database server; each test takes a peer of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import TestServer
from tests.peer.scripted import ScriptedPeer
from tests.peer.world import World
from tests.peer.world import world as make_world


@pytest.fixture(scope="session")
def peer_database(postgres_server: TestServer) -> Iterator[str]:
    url = postgres_server.create(template="migrated")
    yield url
    postgres_server.drop(url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(peer_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("connector")
    async with make_world(peer_database, home) as made:
        yield made


@pytest.fixture
def peer(world: World) -> Iterator[ScriptedPeer]:
    """The other side of this test."""
    taken = world.next_peer()
    yield taken
    for pid in list(world.transfers.downloads):
        world.transfers.stop_download(pid)
    taken.forget()


@pytest.fixture
def stranger(world: World) -> ScriptedPeer:
    """Another member, who is no party to what `peer` does."""
    return world.next_peer()
