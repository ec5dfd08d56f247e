"""`tidegate negotiations`, `transfers` and `agreements`: where things stand, and the moves that need a person."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from connector.cli.api import find_participant
from connector.cli.follow import Process, reason_of
from connector.cli.get import transfer_shown
from connector.cli.group import ListsByDefault
from connector.cli.negotiate import negotiation_shown
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, lines, size, table

if TYPE_CHECKING:
    from rich.console import Console

Pid = Annotated[str, typer.Argument(metavar="ID", help="Id of the process, as in the list.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many, the newest first.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="What the other side is told.")]

negotiations = typer.Typer(cls=ListsByDefault, help="Negotiations in either role; without a verb: list.")
transfers = typer.Typer(cls=ListsByDefault, help="Transfers in either role; without a verb: list.")
agreements = typer.Typer(cls=ListsByDefault, help="Contracts in force, in either role; without a verb: list.")


@negotiations.command("list", epilog="Example: tidegate negotiations --limit 10")
def list_negotiations(limit: Limit = 50, as_json: Json = False, home: Home = None) -> None:
    """List the newest negotiations."""
    found = find_participant(home).get("/api/negotiations", limit=limit)
    Screen(as_json).show(found, partial(_negotiations_listed, found))


@negotiations.command("show", epilog="Example: tidegate negotiations show urn:uuid:4a7c…")
def show_negotiation(pid: Pid, as_json: Json = False, home: Home = None) -> None:
    """Show one negotiation."""
    _show(find_participant(home).get(_path("negotiation", pid)), negotiation_shown, as_json=as_json)


@negotiations.command("accept", epilog="Example: tidegate negotiations accept urn:uuid:4a7c…")
def accept_negotiation(pid: Pid, as_json: Json = False, home: Home = None) -> None:
    """Accept the terms that the other side offers."""
    _show(find_participant(home).post(_path("negotiation", pid, "acceptance")), negotiation_shown, as_json=as_json)


@negotiations.command("end", epilog='Example: tidegate negotiations end urn:uuid:4a7c… --reason "too expensive"')
def end_negotiation(pid: Pid, reason: Reason, as_json: Json = False, home: Home = None) -> None:
    """End a negotiation."""
    found = find_participant(home).post(_path("negotiation", pid, "termination"), {"reason": reason})
    _show(found, negotiation_shown, as_json=as_json)


@transfers.command("list", epilog="Example: tidegate transfers")
def list_transfers(limit: Limit = 50, as_json: Json = False, home: Home = None) -> None:
    """List the newest transfers."""
    found = find_participant(home).get("/api/transfers", limit=limit)
    Screen(as_json).show(found, partial(_transfers_listed, found))


@transfers.command("show", epilog="Example: tidegate transfers show urn:uuid:9b1e…")
def show_transfer(pid: Pid, as_json: Json = False, home: Home = None) -> None:
    """Show one transfer, and where its files are."""
    _show(find_participant(home).get(_path("transfer", pid)), transfer_shown, as_json=as_json)


@transfers.command("suspend", epilog='Example: tidegate transfers suspend urn:uuid:9b1e… --reason "maintenance"')
def suspend_transfer(pid: Pid, reason: Reason, as_json: Json = False, home: Home = None) -> None:
    """Pause a transfer; the data's token is refused from now on."""
    found = find_participant(home).post(_path("transfer", pid, "suspension"), {"reason": reason})
    _show(found, transfer_shown, as_json=as_json)


@transfers.command("resume", epilog="Example: tidegate transfers resume urn:uuid:9b1e…")
def resume_transfer(pid: Pid, as_json: Json = False, home: Home = None) -> None:
    """Let a suspended transfer go on."""
    _show(find_participant(home).post(_path("transfer", pid, "start")), transfer_shown, as_json=as_json)


@transfers.command("end", epilog='Example: tidegate transfers end urn:uuid:9b1e… --reason "no longer needed"')
def end_transfer(pid: Pid, reason: Reason, as_json: Json = False, home: Home = None) -> None:
    """End a transfer."""
    found = find_participant(home).post(_path("transfer", pid, "termination"), {"reason": reason})
    _show(found, transfer_shown, as_json=as_json)


@agreements.command("list", epilog="Example: tidegate agreements --json")
def list_agreements(limit: Limit = 50, as_json: Json = False, home: Home = None) -> None:
    """List the newest agreements."""
    found = find_participant(home).get("/api/agreements", limit=limit)
    Screen(as_json).show(found, partial(_agreements_listed, found))


def _path(kind: str, pid: str, move: str = "") -> str:
    return f"/api/{kind}s/{quote(pid, safe='')}" + (f"/{move}" if move else "")


def _show(process: Process, render: "Callable[[Process, Console], None]", *, as_json: bool) -> None:
    Screen(as_json).show(process, partial(render, process))


def _negotiations_listed(found: list[dict[str, Any]], console: "Console") -> None:
    columns = ("negotiation", "we are", "with", "dataset", "state", "agreement", "reason")
    rows = [
        (
            each["pid"],
            each["role"],
            each["peer"],
            each["offering"],
            each["state"],
            each["agreement"],
            reason_of(each),
        )
        for each in found
    ]
    _listed(columns, rows, console)


def _transfers_listed(found: list[dict[str, Any]], console: "Console") -> None:
    columns = ("transfer", "we are", "with", "agreement", "state", "size", "folder")
    rows = [
        (
            each["pid"],
            each["role"],
            each["peer"],
            each["agreement"],
            each["state"],
            size(each["received"]["bytes"]) if each["received"] else "",
            each["received"]["path"] if each["received"] else "",
        )
        for each in found
    ]
    _listed(columns, rows, console)


def _agreements_listed(found: list[dict[str, Any]], console: "Console") -> None:
    columns = ("agreement", "we are", "with", "dataset", "agreed", "terms")
    rows = [
        (each["id"], each["role"], each["peer"], each["offering"], each["agreed_at"], each["sentence"])
        for each in found
    ]
    _listed(columns, rows, console)


def _listed(columns: tuple[str, ...], rows: list[tuple[Any, ...]], console: "Console") -> None:
    if rows:
        table(console, columns, rows, prose={"terms", "reason"})
    else:
        lines(console, "There are none yet.")
