"""A provider's data plane on loopback: in this process, or as one of its own that can be killed and weighed.

As a process: `python -m tests.support.data_plane DATABASE_URL KEY_FILE PORT FOLDER`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from connector.dataplane.flows import close_flow_statement, open_flow_statement
from connector.dataplane.model import ServedFile
from connector.dataplane.partial import digest_of
from connector.dataplane.routes import DataPlane, endpoint_of
from connector.dataplane.tokens import issue_data_token
from connector.dataplane.watch import FlowWatch
from connector.db import Connection, Pool, connection, open_pool
from connector.identity.keys import SigningKey, load_or_create_key
from connector.settings import DataPlaneSettings
from tests.support.serving import serving

DID = "did:web:provider.example"
TRANSFER = "urn:uuid:5c9e0d6f-1111-4222-8333-444455556666"
CONSUMER = "did:web:consumer.example"
AGREEMENT = "urn:uuid:agreement"


def published(path: Path, folder: Path) -> ServedFile:
    """A file as it is now. A sparse file of gigabytes is not read for its digest."""
    facts = path.stat()
    is_sparse = facts.st_blocks * 512 < facts.st_size
    sha256 = "00" * 32 if is_sparse else digest_of(path).hexdigest()
    name = path.relative_to(folder).as_posix()
    return ServedFile(
        name, str(path), facts.st_size, sha256, facts.st_mtime_ns, facts.st_ino, "application/octet-stream"
    )


def published_folder(folder: Path) -> list[ServedFile]:
    return [published(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]


class Provider:
    """Whoever starts and stops transfers; the data plane only sees the rows."""

    def __init__(self, pool: Pool, key: SigningKey, public_url: str) -> None:
        self.pool = pool
        self.key = key
        self.endpoint = endpoint_of(public_url, TRANSFER)

    async def start(self, *, kind: Any = "file", jti: str = "one", seconds: float = 600) -> str:
        """Open the flow; the token for it."""
        now = datetime.now(UTC)
        expires_at = now + timedelta(seconds=seconds)
        statement = open_flow_statement(
            transfer=TRANSFER,
            agreement=AGREEMENT,
            offering="flood-map",
            version=1,
            kind=kind,
            consumer=CONSUMER,
            endpoint=self.endpoint,
            jti=jti,
            expires_at=expires_at,
        )
        async with connection(self.pool) as conn:
            await conn.execute(*statement)
        # Rounded up: the flow's row ends the stream to the moment, the token says full seconds.
        return issue_data_token(
            self.key,
            endpoint=self.endpoint,
            agreement=AGREEMENT,
            transfer=TRANSFER,
            consumer=CONSUMER,
            now=now,
            jti=jti,
            expires_at=expires_at + timedelta(seconds=1),
        )

    async def stop(self, reason: str = "suspended") -> None:
        """Close the flow."""
        async with connection(self.pool) as conn:
            await conn.execute(*close_flow_statement(transfer=TRANSFER, reason=reason))


class Membership:
    """Who belongs to the data space: everybody but those that were removed."""

    def __init__(self) -> None:
        self.removed: set[str] = set()

    async def is_member(self, did: str) -> bool:
        return did not in self.removed


class Plane(Provider):
    """A provider with its data plane in this process; `membership` says who may be served."""

    def __init__(
        self, pool: Pool, key: SigningKey, watch: FlowWatch, files: list[ServedFile], membership: Membership
    ) -> None:
        super().__init__(pool, key, "http://not-yet")
        self.membership = membership
        self.watch = watch
        self.files = files
        self.port = 0
        self.app = DataPlane(
            key=key,
            pool=pool,
            files_of=self._files_of,
            is_member=membership.is_member,
            watch=watch,
            settings=DataPlaneSettings(),
        )

    async def _files_of(self, conn: Connection, offering: str, version: int) -> Sequence[ServedFile]:
        del conn
        return self.files if (offering, version) == ("flood-map", 1) else []


@asynccontextmanager
async def plane_on(database_url: str, pool: Pool, key: SigningKey, files: list[ServedFile]) -> AsyncIterator[Plane]:
    membership = Membership()
    watch = FlowWatch(database_url, is_member=membership.is_member)
    plane = Plane(pool, key, watch, files, membership)
    watch.start()
    try:
        async with serving(plane.app) as port:
            plane.port = port
            plane.endpoint = endpoint_of(f"http://localhost:{port}", TRANSFER)
            yield plane
            watch.cut_all("the test is over")
    finally:
        await watch.stop()


async def _main(database_url: str, key_file: str, port: str, folder: str) -> None:
    pool = await open_pool(database_url, 4)
    files = published_folder(Path(folder))

    async def files_of(conn: Connection, offering: str, version: int) -> Sequence[ServedFile]:
        del conn, offering, version
        return files

    membership = Membership()
    watch = FlowWatch(database_url, is_member=membership.is_member)
    watch.start()
    key = load_or_create_key(Path(key_file), DID)
    app = DataPlane(
        key=key,
        pool=pool,
        files_of=files_of,
        is_member=membership.is_member,
        watch=watch,
        settings=DataPlaneSettings(),
    )
    await uvicorn.Server(uvicorn.Config(app, port=int(port), lifespan="off", log_level="warning", ws="none")).serve()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
