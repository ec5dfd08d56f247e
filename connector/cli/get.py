"""`tidegate get`: fetch what a contract covers."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.api import Api, find_participant
from connector.cli.follow import Process, follow, reason_of, unsuccessful
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, facts, size

if TYPE_CHECKING:
    from rich.console import Console

LOOK_SECONDS = 0.3
SHOWN_FILES = 10  # by name; --json has all
LOOK_BACK = 200  # so many transfers back an unfinished one of the same agreement is looked for

Agreement = Annotated[str, typer.Argument(metavar="AGREEMENT_ID", help="Id of the agreement: tidegate agreements.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the files are here, or only ask for them.")]


def get(agreement: Agreement, wait: Wait = True, as_json: Json = False, home: Home = None) -> None:
    """Fetch the data of an agreement, verify it, and say where it is.

    The participant downloads, so it goes on when this command is interrupted: called again, it takes up the transfer
    that is under way, or resumes one that was suspended.
    """
    api, screen = find_participant(home), Screen(as_json)
    process = _unfinished(api, agreement) or api.post("/api/transfers", {"agreement": agreement})
    try:
        if wait:
            with screen.downloading(f"Fetching {process['offering'] or 'data'}") as advance:
                process = follow(
                    api,
                    process,
                    seconds=None,
                    look_seconds=LOOK_SECONDS,
                    seen=lambda now: advance(now["bytes_done"], now["bytes_total"]),
                )
    except KeyboardInterrupt:
        screen.note(f"The transfer goes on; tidegate get {agreement} shows it again.")
        raise
    screen.show(process, partial(transfer_shown, process))
    asked_only = not wait and not process["resting"]
    if process["state"] != "COMPLETED" and not asked_only:
        raise unsuccessful(process)


def _unfinished(api: Api, agreement: str) -> dict[str, Any] | None:
    """A transfer of this agreement that has not ended, resumed if it was suspended."""
    transfers = api.get("/api/transfers", limit=LOOK_BACK)
    mine = (each for each in transfers if each["agreement"] == agreement and each["role"] == "consumer")
    found = next((each for each in mine if not each["resting"] or each["state"] == "SUSPENDED"), None)
    if found is None or found["state"] != "SUSPENDED" or found["sending"] is not None:
        return found
    if "start" not in found["open_to_us"]:
        raise unsuccessful(found)
    return api.post(f"/api/transfers/{found['pid']}/start")


def transfer_shown(process: Process, console: "Console") -> None:
    """A transfer for a person."""
    received: dict[str, Any] = process["received"] or {}
    console.print(
        facts(
            {
                "transfer": process["pid"],
                "agreement": process["agreement"],
                "with": process["peer"],
                "dataset": process["offering"],
                "state": process["state"],
                "folder": received.get("path"),
                "files": _named(received["files"]) if received else None,
                "size": size(received["bytes"]) if received else None,
                "SHA-256": f"{received['digest']} (verified)" if received else None,
                "seconds": received.get("seconds"),
                "so far": _so_far(process),
                "reason": reason_of(process),
                "last error": process["last_error"],
                "open to us": ", ".join(process["open_to_us"]) or None,
            }
        )
    )


def _named(files: list[str]) -> str:
    more = len(files) - SHOWN_FILES
    return ", ".join(files[:SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")


def _so_far(process: Process) -> str | None:
    if process["received"] or not process["bytes_total"]:
        return None
    return f"{size(process['bytes_done'])} of {size(process['bytes_total'])}"
