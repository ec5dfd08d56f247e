"""`tidegate catalog`: what another participant offers, and under which terms."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.api import find_participant
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, lines, table

if TYPE_CHECKING:
    from rich.console import Console

Provider = Annotated[str, typer.Argument(metavar="PROVIDER_DID", help="DID of the participant that offers the data.")]
Search = Annotated[str | None, typer.Option("--search", metavar="TEXT", help="Only datasets with all these words.")]


def catalog(provider: Provider, search: Search = None, as_json: Json = False, home: Home = None) -> None:
    """Ask a participant for its catalogue; each offer with its terms in a plain sentence."""
    api, screen = find_participant(home), Screen(as_json)
    with screen.waiting(f"Asking {provider} for its catalogue …"):
        found = api.post("/api/catalog", {"participant": provider, "search": search})
    screen.show(found, partial(_listed, found))


def _listed(found: dict[str, Any], console: "Console") -> None:
    rows = [
        (dataset["id"], dataset["title"], offer["id"], offer["terms"])
        for dataset in found["datasets"]
        for offer in dataset["offers"]
    ]
    if not rows:
        lines(console, "There are no offers.")
        return
    title = f"{found['title'] or ''} ({found['participant']})".strip()
    table(console, ("dataset", "title", "offer", "terms"), rows, title=title, prose={"title", "terms"})
    if not found["complete"]:
        lines(console, "There are more; --search finds them.")
