"""Runs one participant until it is told to stop: sockets, servers, signals, the embedded database."""

import asyncio
import contextlib
import importlib
import os
import signal
import socket
from collections.abc import Callable, Generator

import uvicorn

from connector.app import KEY_FILE, running
from connector.errors import ConfigurationError
from connector.identity.keys import load_or_create_key
from connector.management import access
from connector.management.participant_file import (
    Whereabouts,
    management_address,
    remove_participant_file,
    write_participant_file,
)
from connector.postgres import EmbeddedPostgres, create_database, start_embedded
from connector.settings import Settings
from connector.telemetry import Event, log

BACKLOG = 512
# Longer than our own client keeps an idle connection, so that it is always the client that closes one.
KEEP_ALIVE_SECONDS = 75
STOP_SECONDS = 3
LOOK_AFTER_DATABASE_SECONDS = 1.0

OnListening = Callable[[Whereabouts], None]


class _Server(uvicorn.Server):
    """A server among several in one loop: signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def serve(settings: Settings, *, on_listening: OnListening | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigurationError if the participant cannot start.

    `on_listening` is called once requests are taken; the database may come later.
    """
    sockets = (
        bind(settings.protocol_host, settings.protocol_port, "TIDEGATE_PROTOCOL_PORT"),
        bind(settings.management_host, settings.management_port, "TIDEGATE_MANAGEMENT_PORT"),
    )
    access.load_or_create_operator_token(settings.home)
    load_or_create_key(settings.home / KEY_FILE, settings.did)  # one that cannot be used ends it before anything runs
    if settings.database_url is not None:
        _serve_on(settings, settings.database_url.get_secret_value(), sockets, on_listening)
        return
    server = start_embedded(settings.home, settings.postgres)
    try:
        _serve_on(settings, create_database(server.admin_url, name="tidegate"), sockets, on_listening, embedded=server)
    finally:
        server.stop()


def _serve_on(
    settings: Settings,
    database_url: str,
    sockets: tuple[socket.socket, socket.socket],
    on_listening: OnListening | None,
    *,
    embedded: EmbeddedPostgres | None = None,
) -> None:
    async def run() -> None:
        keeping = asyncio.create_task(_keep_alive(embedded, settings)) if embedded else None
        try:
            await _run(settings, database_url, sockets, on_listening)
        finally:
            if keeping is not None:
                keeping.cancel()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run())


async def _keep_alive(server: EmbeddedPostgres, settings: Settings) -> None:
    """Start our own PostgreSQL again when it was killed: nobody else will. What was committed is there."""
    while True:
        await asyncio.sleep(LOOK_AFTER_DATABASE_SECONDS)
        if server.is_alive():
            continue
        log.warning(Event.DATABASE_DIED, process_id=server.pid)
        try:
            server = await asyncio.to_thread(server.revived, timeout_seconds=settings.postgres.start_timeout_seconds)
        except ConfigurationError as error:
            log.exception(Event.DATABASE_AWAY, error=error.message, hint=error.hint)


def bind(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket; raises ConfigurationError naming the setting if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint=f"stop what listens there, or set {setting}"
        ) from None
    listening.setblocking(False)
    return listening


async def _run(
    settings: Settings,
    database_url: str,
    sockets: tuple[socket.socket, socket.socket],
    on_listening: OnListening | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings, database_url) as participant:
        servers = [_Server(_config(app)) for app in (participant.protocol, participant.management)]
        serving = [
            asyncio.create_task(server.serve(sockets=[listening]))
            for server, listening in zip(servers, sockets, strict=True)
        ]
        whereabouts = Whereabouts(management_address(sockets[1]), settings.did, os.getpid())
        write_participant_file(settings.home, whereabouts)
        log.info(Event.STARTED, did=settings.did, url=settings.public_url, management=whereabouts.management_url)
        if on_listening is not None:
            on_listening(whereabouts)
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, *serving}, return_when=asyncio.FIRST_COMPLETED)
        participant.watch.cut_all("the participant is stopping")
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)
        remove_participant_file(settings.home, whereabouts.pid)
    log.info(Event.STOPPED, did=settings.did)


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] -- an ASGI application
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing of ours reads the address of a caller: who asks is in the token
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop
