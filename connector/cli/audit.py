"""`tidegate audit`: what was recorded about an exchange, and whether both parties recorded the same."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.api import find_participant
from connector.cli.exits import CommandFailed
from connector.cli.get import Agreement
from connector.cli.members import authority_only
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, lines, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="The audit log.", no_args_is_help=True)

SHOWN_DIGITS = 12  # of a digest; --json has all of it

Of = Annotated[
    str | None, typer.Argument(metavar="[AGREEMENT_ID]", help="Leaves of this agreement; without it the newest.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Of the newest, at most so many.")]
Provider = Annotated[str, typer.Option("--provider", metavar="DID", help="The party that provides.")]
Consumer = Annotated[str, typer.Option("--consumer", metavar="DID", help="The party that consumes.")]


@app.command(epilog="Example: tidegate audit leaves urn:uuid:77d0…")
def leaves(agreement: Of = None, limit: Limit = 50, as_json: Json = False, home: Home = None) -> None:
    """Show what this participant recorded: one leaf for each move."""
    found = find_participant(home).get("/api/audit/leaves", agreement=agreement, limit=limit)
    Screen(as_json).show(found, partial(_leaves_shown, found))


@app.command(
    epilog="Example: tidegate audit compare urn:uuid:77d0… "
    "--provider did:web:provider.example --consumer did:web:consumer.example"
)
def compare(
    agreement: Agreement, provider: Provider, consumer: Consumer, as_json: Json = False, home: Home = None
) -> None:
    """Of the authority: ask both parties for their leaves and compare them. Exit code 1 if they differ."""
    api, screen = find_participant(home), Screen(as_json)
    with authority_only(), screen.waiting("Asking both parties for their leaves …"):
        exchange = {"agreement": agreement, "provider": provider, "consumer": consumer}
        found = api.post("/api/audit/compare", exchange)
    screen.show(found, partial(_compared, found))
    if not found["consistent"]:
        raise CommandFailed(
            f"what the parties recorded about {agreement} differs: {'; '.join(found['problems'])}", code="inconsistent"
        )


def _leaves_shown(found: list[dict[str, Any]], console: "Console") -> None:
    if not found:
        lines(console, "There are no leaves.")
        return
    columns = ("leaf", "at", "process", "kind", "move", "direction", "message", "hash")
    table(console, columns, [_leaf_row(each) for each in found])


def _leaf_row(each: dict[str, Any]) -> tuple[object, ...]:
    leaf: dict[str, Any] = each["leaf"] or {}
    move = f"{leaf.get('from')} → {leaf.get('to') or 'withdrawn'}" if leaf else "altered: cannot be read"
    message, digest = str(leaf.get("message") or "")[:SHOWN_DIGITS], each["hash"][:SHOWN_DIGITS]
    return each["id"], each["at"], each["process"], leaf.get("kind"), move, leaf.get("direction"), message, digest


def _compared(found: dict[str, Any], console: "Console") -> None:
    lines(
        console,
        f"provider: {found['provider_leaves']} leaves, consumer: {found['consumer_leaves']} leaves",
        "Both recorded the same." if found["consistent"] else "",
        *found["problems"],
    )
