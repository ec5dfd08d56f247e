"""`tidegate members`: who belongs to the data space. Of the authority."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from connector.cli.api import find_participant
from connector.cli.exits import CommandFailed, Exit
from connector.cli.group import ListsByDefault
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, lines, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(cls=ListsByDefault, help="Members of the data space, kept by its authority; without a verb: list.")

Did = Annotated[str, typer.Argument(metavar="DID", help="did:web of the participant.")]
Title = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What people call it; without it, its DID.")]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Its address; without it, the host of the DID.")]


@app.command("list", epilog="Example: tidegate members")
def list_members(as_json: Json = False, home: Home = None) -> None:
    """List the members."""
    with authority_only():
        found = find_participant(home).get("/api/members")
    Screen(as_json).show(found, partial(_listed, found))


@app.command(epilog='Example: tidegate members add did:web:connector.example.org --title "Example Institute"')
def add(did: Did, title: Title = None, url: Url = None, as_json: Json = False, home: Home = None) -> None:
    """Admit a participant, or change its title and address. Doing it twice changes nothing."""
    with authority_only():
        answer = find_participant(home).post("/api/members", {"did": did, "title": title, "url": url})
    said = "is a member" if answer["changed"] else "was a member already"
    Screen(as_json).show(answer, lambda console: lines(console, f"{did} {said}"))


@app.command(epilog="Example: tidegate members remove did:web:connector.example.org")
def remove(did: Did, as_json: Json = False, home: Home = None) -> None:
    """Remove a participant: others refuse it as soon as they have asked for the list again."""
    with authority_only():
        answer = find_participant(home).delete(f"/api/members/{quote(did, safe='')}")
    Screen(as_json).show(answer, lambda console: lines(console, f"{did} is no member any more"))


@contextmanager
def authority_only() -> Generator[None]:
    """Where a participant has no such route, it says so: only an authority has."""
    try:
        yield
    except CommandFailed as failed:
        if failed.code not in {"http_404", "http_405"}:
            raise
        raise CommandFailed(
            "this participant is not an authority",
            code="not_authorized",
            hint="name the authority's folder with --home",
            end=Exit.NOT_AUTHORIZED,
        ) from None


def _listed(found: list[dict[str, Any]], console: "Console") -> None:
    rows = [(each["did"], each["title"], each["url"], each["added_at"]) for each in found]
    if rows:
        table(console, ("member", "title", "address", "since"), rows, prose={"title"})
    else:
        lines(console, "There are no members yet.")
