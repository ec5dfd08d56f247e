"""`tidegate publish`: show what a folder would publish, ask, and publish it."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.api import HARVEST_SECONDS, Api, find_participant
from connector.cli.exits import CommandFailed
from connector.cli.options import Home, Json
from connector.cli.policy import FORMS, read_policy, terms_of
from connector.cli.screen import Screen, lines, size, table

if TYPE_CHECKING:
    from rich.console import Console

Folder = Annotated[Path, typer.Argument(help="A folder of SFINCS runs, NetCDF and GeoTIFF files, or one of them.")]
Policy = Annotated[str, typer.Option("--policy", metavar="POLICY", help=f"Terms of use: {FORMS}. The day is included.")]
Crs = Annotated[
    str | None, typer.Option("--crs", metavar="CRS", help="Of rasters that name none, for example EPSG:4326.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Variant = Annotated[
    str, typer.Option("--variant", metavar="NAME", help="Offer the same source once more, under other terms.")
]


def publish(
    folder: Folder,
    policy: Policy,
    crs: Crs = None,
    variant: Variant = "",
    yes: Yes = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Publish a folder of data under terms of use.

    What would be published and what not is shown first. A source that cannot be read is named, the rest is published,
    and the exit code is 1. Publishing the same source again changes nothing, or makes a new version if it changed.
    """
    screen = Screen(as_json)
    document = read_policy(policy)
    terms = terms_of(document)
    api = find_participant(home)
    query = {"folder": str(folder.resolve()), "crs": crs}
    if not as_json:
        _preview(api, screen, query, terms)
        if not yes and _somebody_is_there() and not typer.confirm("Publish this?", err=True):
            raise CommandFailed("nothing was published", code="not_confirmed")
    with screen.waiting(f"Reading {folder} …"):
        wanted = {**query, "policy": document, "variant": variant}
        answer = api.post("/api/offerings", wanted, seconds=HARVEST_SECONDS)
    screen.show(answer, partial(_published, answer))
    _conclude(answer, folder)


def _preview(api: Api, screen: Screen, query: dict[str, str | None], terms: str) -> None:
    with screen.waiting(f"Listing {query['folder']} …"):
        listing = api.post("/api/offerings/preview", query)
    if not listing["sources"]:
        screen.show(listing, partial(_skipped, listing["skipped"]))
        raise CommandFailed(f"{query['folder']}: there is nothing here that can be published", code="nothing_found")
    screen.show(listing, partial(_listed, listing, terms))


def _listed(listing: dict[str, Any], terms: str, console: "Console") -> None:
    rows = [(each["path"], each["kind"], len(each["files"]), size(each["bytes"])) for each in listing["sources"]]
    table(console, ("source", "kind", "files", "size"), rows, title=f"To be published from {listing['folder']}:")
    _skipped(listing["skipped"], console)
    lines(console, f"Terms: {terms}", "")


def _skipped(skipped: list[dict[str, Any]], console: "Console") -> None:
    if skipped:
        rows = [(each["path"], each["reason"]) for each in skipped]
        table(console, ("left out", "because"), rows, prose={"because"})


def _published(answer: dict[str, Any], console: "Console") -> None:
    if answer["published"]:
        columns = ("offering", "title", "version", "files", "size", "outcome")
        rows = [
            (each["id"], each["title"], each["version"], each["files"], size(each["bytes"]), each["outcome"])
            for each in answer["published"]
        ]
        table(console, columns, rows, prose={"title"})
    if answer["problems"]:
        rows = [(each["path"], each["reason"], each["hint"] or "") for each in answer["problems"]]
        table(console, ("not published", "because", "what to do"), rows, prose={"because", "what to do"})
    lines(console, *(f"Caution: {caution}" for caution in answer["cautions"]))


def _conclude(answer: dict[str, Any], folder: Path) -> None:
    problems = answer["problems"]
    if problems:
        named = "; ".join(f"{each['path']}: {each['reason']}" for each in problems)
        raise CommandFailed(f"{len(problems)} could not be published: {named}", code="broken_source")
    if not answer["published"]:
        raise CommandFailed(f"{folder}: there is nothing here that can be published", code="nothing_found")


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
