"""`tidegate negotiate`: ask for a contract."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.api import find_participant
from connector.cli.catalog import Provider
from connector.cli.follow import Process, follow, reason_of, unsuccessful
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, facts, lines

if TYPE_CHECKING:
    from rich.console import Console

LOOK_SECONDS = 1.0

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="Id of the dataset, as in the catalogue.")]
Offer = Annotated[
    str | None, typer.Option("--offer", metavar="ID", help="Which offer; not needed if the dataset has one.")
]
Purpose = Annotated[
    list[str] | None,
    typer.Option(
        "--purpose", metavar="PURPOSE", help="What the data is for: a word or an IRI, declared; may be repeated."
    ),
]
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for the contract; 0: only ask for it."),
]


def negotiate(
    provider: Provider,
    dataset: Dataset,
    offer: Offer = None,
    purpose: Purpose = None,
    wait: Wait = 60.0,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Negotiate a contract for a dataset.

    The exit code is 0 when both sides have the agreement. A refusal says why. What takes longer than --wait goes on.
    """
    api, screen = find_participant(home), Screen(as_json)
    with screen.waiting(f"Asking {provider} for a contract …") as say:
        wanted = {"provider": provider, "dataset": dataset, "offer": offer, "purpose": purpose or []}
        process: Process = api.post("/api/negotiations", wanted)
        if wait:
            process = follow(
                api,
                process,
                seconds=wait,
                look_seconds=LOOK_SECONDS,
                seen=lambda now: say(f"Negotiating with {provider}: {now['state']} …"),
            )
    screen.show(process, partial(negotiation_shown, process))
    asked_only = wait == 0 and not process["resting"]
    if process["state"] != "FINALIZED" and not asked_only:
        raise unsuccessful(process)
    if process["agreement"]:
        screen.note(f"Next: tidegate get {process['agreement']}")


def negotiation_shown(process: Process, console: "Console") -> None:
    """A negotiation for a person."""
    console.print(
        facts(
            {
                "negotiation": process["pid"],
                "with": process["peer"],
                "dataset": process["offering"],
                "state": process["state"],
                "agreement": process["agreement"],
                "terms": process["sentence"],
                "declared purpose": ", ".join(process["purpose"] or []) or None,
                "reason": reason_of(process),
                "last error": process["last_error"],
                "open to us": ", ".join(process["open_to_us"]) or None,
            }
        )
    )
    if process["changed_terms"]:
        lines(console, "The other side changed the terms.")
