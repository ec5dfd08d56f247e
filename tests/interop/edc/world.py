"""A participant of ours, an EDC, and the users of both, on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from psycopg.rows import dict_row

from catalog.model import Offering
from connector.app import Participant
from connector.dataplane.model import ServedFile
from connector.db import connection
from connector.exchange.model import Kind, Process
from connector.offers.model import Source
from connector.postgres import create_database, start_embedded
from connector.settings import PostgresSettings
from tests.interop.edc.connector import interop_settings, participant_knowing
from tests.interop.edc.runtime import Edc, running_edc
from tests.interop.edc.site import UserSite, user_site
from tests.interop.edc.user import User, until
from tests.support.data_plane import published_folder
from tests.unit.offers.builders import OPEN, description, publication

_names = count(1)


@dataclass(frozen=True)
class World:
    """Everybody. `folder` is where tests put files to publish."""

    ours: Participant
    edc: Edc
    user: User
    site: UserSite
    folder: Path

    @property
    def did(self) -> str:
        return self.ours.settings.did

    def new_name(self, word: str) -> str:
        return f"{word}-{next(_names)}"

    async def publish(self, files: dict[str, bytes], *, policy: Any = OPEN, kind: str = "folder") -> Offering:
        """Something new in our catalogue."""
        name = self.new_name("flood-map")
        folder = self.folder / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        served: list[ServedFile] = published_folder(folder)
        described = description(kind=kind)
        wanted = publication(
            source=Source(str(folder)), wished_id=name, policy=policy, files=served, description=described
        )
        return (await self.ours.offers.publish(wanted)).offering

    async def reaches(self, kind: Kind, pid: str, state: str) -> Process:
        """Wait until a process of ours is in this state and has nothing more to send."""
        seen = ""

        async def there() -> Process | None:
            nonlocal seen
            process = await self.ours.processes.exchange.load(kind, pid)
            seen = f"{process.state}, {process.data.get('failure')}, {process.outbound and process.outbound.last_error}"
            return process if process.state == state and process.outbound is None else None

        try:
            return await until(there, f"our {kind} {pid} in {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is in {seen}") from None

    async def ours_of(self, kind: Kind, edc_pid: str) -> str:
        """Our id of the process that has this id in EDC."""
        statement = "SELECT pid FROM process WHERE kind = %s AND peer_pid = %s"

        async def there() -> str | None:
            rows = await self.rows(statement, kind, edc_pid)
            return rows[0]["pid"] if rows else None

        return await until(there, f"our {kind} for EDC's {edc_pid}")

    async def path(self, pid: str) -> list[str]:
        """The history of a process of ours, as `message>STATE direction`."""
        rows = await self.rows("SELECT message, target, direction FROM event WHERE pid = %s ORDER BY seq", pid)
        return [f"{row['message']}>{row['target']} {row['direction']}" for row in rows]

    async def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        async with connection(self.ours.pool) as conn, conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(sql, params)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return await cursor.fetchall()


@asynccontextmanager
async def interop_world(jars: str, folder: Path) -> AsyncIterator[World]:
    """Everything, from start to end, in an empty folder that any user can enter."""
    server = await asyncio.to_thread(
        start_embedded, folder / "postgres-home", PostgresSettings(root_dir=folder / "postgres")
    )
    try:
        database_url = create_database(server.admin_url, name="tidegate")
        async with (
            user_site() as site,
            running_edc(jars, folder) as edc,
            aiohttp.ClientSession() as session,
        ):
            reachable = (site.name, edc.protocol_url.split("/")[2])
            settings = interop_settings(folder / "home", reachable=reachable)
            async with participant_knowing(edc, settings, database_url) as ours:
                user = User(edc, session, peer=settings.did, peer_address=settings.protocol_url)
                yield World(ours, edc, user, site, folder / "published")
    finally:
        await asyncio.to_thread(server.remove)
