"""A real participant on loopback with a real database, an authority that follows a script, and peers that do."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from psycopg.rows import dict_row

from catalog.model import Offering
from connector import app
from connector.audit.record import StoredLeaf
from connector.audit.store import list_process_leaves
from connector.db import connection
from connector.exchange.model import Kind, Process
from connector.identity.member_list import Member, issue_member_list
from connector.offers.model import Source
from connector.serve import bind
from connector.settings import ExchangeSettings, HttpSettings, Settings
from tests.peer.scripted import BASE, ScriptedPeer, until
from tests.support.loopback import Participant as OnSite
from tests.support.loopback import Site
from tests.unit.offers.builders import OPEN, publication

PEERS = 16
_names = count(1)


@dataclass
class World:
    """The connector under test, and everybody around it. Tests take peers in turn, so that none meets another's."""

    connector: app.Participant
    url: str
    did: str
    authority: Site
    members: list[ScriptedPeer]
    outsider: ScriptedPeer

    def next_peer(self) -> ScriptedPeer:
        peer = self.members.pop(0)
        self.members.append(peer)
        peer.forget()
        return peer

    @property
    def negotiations(self) -> Any:
        return self.connector.processes.negotiations

    @property
    def transfers(self) -> Any:
        return self.connector.processes.transfers

    @property
    def exchange(self) -> Any:
        return self.connector.processes.exchange

    async def offers(self, policy: dict[str, Any] = OPEN, **changes: Any) -> Offering:
        """Something new in the connector's catalogue."""
        name = f"flood-map-{next(_names)}"
        return await self._publish(name, policy=policy, **changes)

    async def renews(self, offering: Offering, **changes: Any) -> Offering:
        """The same source, published again with something changed."""
        return await self._publish(offering.id, **changes)

    async def _publish(self, name: str, **changes: Any) -> Offering:
        wanted = publication(source=Source(f"/data/{name}"), wished_id=name, **changes)
        return (await self.connector.offers.publish(wanted)).offering

    async def process(self, kind: Kind, pid: str) -> Process:
        return await self.exchange.load(kind, pid)

    async def reaches(self, kind: Kind, pid: str, state: str) -> Process:
        """Wait until a process is in this state and has nothing more to send."""

        async def there() -> Process | None:
            process = await self.process(kind, pid)
            return process if process.state == state and process.outbound is None else None

        return await until(there, f"{kind} {pid} in {state}")

    async def path(self, pid: str) -> list[str]:
        """The history of a process, as `message>STATE direction`."""
        rows = await self.rows("SELECT message, target, direction FROM event WHERE pid = %s ORDER BY seq", pid)
        return [f"{row['message']}>{row['target']} {row['direction']}" for row in rows]

    async def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        async with connection(self.connector.pool) as conn, conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(sql, params)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return await cursor.fetchall()

    async def leaves(self, pid: str) -> list[StoredLeaf]:
        async with connection(self.connector.pool) as conn:
            return await list_process_leaves(conn, processes=[pid])

    async def count(self) -> int:
        """How many processes there are."""
        return (await self.rows("SELECT count(*) AS n FROM process"))[0]["n"]


@asynccontextmanager
async def world(database_url: str, home: Path, **changes: Any) -> AsyncIterator[World]:
    """Everything, from start to stop; `changes` are settings of the connector."""
    listening = bind("127.0.0.1", 0, "port")
    url = f"http://localhost:{listening.getsockname()[1]}"
    async with _neighbours() as (authority, members, outsider):
        allowed = tuple(site.name for site in (authority, *members, outsider))
        facts: dict[str, Any] = {
            "home": home,
            "public_url": url,
            "authority_did": authority.did,
            "http": HttpSettings(allow=allowed, request_timeout_seconds=1, max_response_bytes=64 * 1024),
            "exchange": ExchangeSettings(max_message_bytes=64 * 1024),
        }
        settings = Settings(**facts | changes)
        connector = await app.build(settings, database_url)
        for peer in (*members, outsider):
            peer.connector, peer.connector_did = url + BASE, settings.did
        async with _serving(connector.protocol, listening):
            await connector.start()
            await until(connector.ready, "the connector")
            try:
                yield World(connector, url, settings.did, authority, members, outsider)
            finally:
                for peer in (*members, outsider):
                    peer.forget()
                await connector.stop()


@asynccontextmanager
async def _neighbours() -> AsyncGenerator[tuple[Site, list[ScriptedPeer], ScriptedPeer]]:
    """The authority's site with its list, its members, and somebody who is not on it."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        authority = Site()
        peers = [ScriptedPeer(session) for _ in range(PEERS + 1)]
        for site in (authority, *peers):
            await site.start()
        *members, outsider = peers
        signer = OnSite(authority, authority=True)
        listed = [Member(peer.did, "a peer", peer.url) for peer in members]
        authority.pages["/authority/members"] = lambda: issue_member_list(
            signer.key, version=1, members=listed, now=datetime.now(UTC), lifetime_seconds=60
        ).encode()
        try:
            yield authority, members, outsider
        finally:
            for site in (authority, *peers):
                await site.stop()


@asynccontextmanager
async def _serving(protocol: Any, listening: Any) -> AsyncGenerator[None]:
    server = uvicorn.Server(uvicorn.Config(protocol, lifespan="off", log_level="warning", ws="none"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started or task.done(), "the server")
    try:
        yield
    finally:
        server.should_exit = True
        await task
