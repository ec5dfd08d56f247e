"""`tidegate offerings`: what we offer."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from connector.cli.api import Api, find_participant
from connector.cli.group import ListsByDefault
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, facts, lines, size, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(cls=ListsByDefault, help="What this participant offers; without a verb: list.")

OfferingId = Annotated[str, typer.Argument(help="Id of the offering, as in the list.")]


@app.command("list", epilog="Example: tidegate offerings")
def list_offerings(as_json: Json = False, home: Home = None) -> None:
    """List all offerings, withdrawn ones included."""
    offerings = _all(find_participant(home))
    Screen(as_json).show(offerings, partial(_listed, offerings))


@app.command(epilog="Example: tidegate offerings show run-1")
def show(offering: OfferingId, as_json: Json = False, home: Home = None) -> None:
    """Show one offering with its files and terms."""
    found = find_participant(home).get(f"/api/offerings/{quote(offering, safe='')}")
    Screen(as_json).show(found, partial(_shown, found))


@app.command(epilog="Example: tidegate offerings withdraw run-1")
def withdraw(offering: OfferingId, as_json: Json = False, home: Home = None) -> None:
    """Offer it no longer. Contracts that exist stay."""
    answer = find_participant(home).post(f"/api/offerings/{quote(offering, safe='')}/withdraw")
    Screen(as_json).show(answer, lambda console: lines(console, f"{answer['id']} is withdrawn"))


def _all(api: Api) -> list[dict[str, Any]]:
    """Every page."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = api.get("/api/offerings", after=after, limit=1000)
        found += page["offerings"]
        after = page["next"]
    return found


def _listed(offerings: list[dict[str, Any]], console: "Console") -> None:
    if not offerings:
        lines(console, "Nothing is offered. tidegate publish FOLDER --policy open offers something.")
        return
    columns = ("offering", "title", "version", "files", "size", "state", "terms")
    rows = [
        (
            each["id"],
            each["title"],
            each["version"],
            each["files"],
            size(each["bytes"]),
            "withdrawn" if each["withdrawn_at"] else "offered",
            each["terms"],
        )
        for each in offerings
    ]
    table(console, columns, rows, prose={"title", "terms"})


def _shown(found: dict[str, Any], console: "Console") -> None:
    console.print(
        facts(
            {
                "offering": found["id"],
                "title": found["title"],
                "description": found["description"] or None,
                "version": found["version"],
                "offer": found["offer_id"],
                "source": found["source"],
                "from": found["start"],
                "to": found["end"],
                "place": found["bbox"],
                "size": size(found["bytes"]),
                "terms": found["terms"],
                "published": found["published_at"],
                "withdrawn": found["withdrawn_at"],
            }
        )
    )
    rows = [(each["path"], size(each["bytes"]), each["sha256"]) for each in found["document"]["assets"]]
    table(console, ("file", "size", "SHA-256"), rows)
