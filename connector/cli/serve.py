"""`tidegate serve`: run this participant."""

import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.exits import Exit, failure
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, lines
from connector.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from connector.management.participant_file import Whereabouts
    from connector.settings import Settings

Roles = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE", help="provider, consumer or authority; may be repeated (TIDEGATE_ROLES)."),
]
PublicUrl = Annotated[
    str | None,
    typer.Option(
        "--public-url",
        metavar="URL",
        help="Where peers reach this participant; gives its DID. https, or http on loopback (TIDEGATE_PUBLIC_URL).",
    ),
]
Authority = Annotated[
    str | None,
    typer.Option("--authority", metavar="DID", help="The governance authority (TIDEGATE_AUTHORITY_DID)."),
]
ProtocolPort = Annotated[
    int | None, typer.Option("--protocol-port", metavar="PORT", help="For peers (TIDEGATE_PROTOCOL_PORT).")
]
ManagementPort = Annotated[
    int | None,
    typer.Option("--management-port", metavar="PORT", help="For our own API, on loopback (TIDEGATE_MANAGEMENT_PORT)."),
]


def serve(
    role: Roles = None,
    public_url: PublicUrl = None,
    authority: Authority = None,
    protocol_port: ProtocolPort = None,
    management_port: ManagementPort = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Run this participant until Ctrl-C; logs go to standard error.

    Every setting is an environment variable with the prefix TIDEGATE_; the options here override it. Without
    TIDEGATE_DATABASE_URL an embedded PostgreSQL is used. With --json one document says where it listens, once it does.
    """
    options: dict[str, object] = {
        "roles": role or None,
        "public_url": public_url,
        "authority_did": authority,
        "protocol_port": protocol_port,
        "management_port": management_port,
        "home": home,
    }
    settings = _settings({name: value for name, value in options.items() if value is not None})
    _run(settings, Screen(as_json))


def _settings(given: dict[str, object]) -> "Settings":
    from connector.settings import load_settings

    try:
        return load_settings(**given)
    except ConfigurationError as error:
        raise failure(error, end=Exit.USAGE) from None


def _run(settings: "Settings", screen: Screen) -> None:
    from connector.serve import serve as run
    from connector.telemetry import configure_logging

    configure_logging(settings.log_level)
    # Until the event loop takes over: a stop during the start of PostgreSQL must undo what has begun.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def tell(where: "Whereabouts") -> None:
        facts = {
            "id": where.did,
            "url": settings.public_url,
            "management_url": where.management_url,
            "home": str(settings.home),
            "process_id": where.pid,
        }
        screen.show(facts, partial(_told, facts))

    run(settings, on_listening=tell)


def _told(facts: dict[str, Any], console: "Console") -> None:
    lines(console, f"{facts['id']} runs at {facts['url']}. Ctrl-C stops it.")
