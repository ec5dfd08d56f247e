"""How the story looks at a terminal."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

COLOURS = {"provider": "green", "consumer": "cyan", "authority": "magenta", "demo": "blue"}
MIB = 1024**2


class TerminalTeller:
    """Tells it to a person, step by step, as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    def step(self, who: str, what: str) -> None:
        """A numbered line in the colour of whoever acts."""
        self._number += 1
        colour = COLOURS.get(who, "white")
        self._console.print(f"\n[bold]{self._number:>2}[/] [bold {colour}]{who}[/] {what}", highlight=False)

    def note(self, text: str) -> None:
        """An indented line."""
        self._console.print(f"   {text}", highlight=False, markup=False)

    def catalog(self, datasets: list[dict[str, Any]]) -> None:
        """A table: what is offered, and on which terms."""
        table = Table(show_lines=True)
        table.add_column("dataset", style="bold")
        table.add_column("terms")
        for dataset in datasets:
            table.add_row(dataset["title"], "\n".join(offer["terms"] for offer in dataset["offers"]))
        self._console.print(table)

    def transfer(self, title: str, follow: Callable[[], tuple[int, int, bool]]) -> None:
        """A progress bar until the end."""
        columns = (TextColumn("   {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title[:40], total=None)
            ended = False
            while not ended:
                done, total, ended = follow()
                progress.update(task, completed=done, total=total or None)


class SilentTeller:
    """Tells nobody: for `--json`, where standard output is one JSON object."""

    def step(self, who: str, what: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def catalog(self, datasets: list[dict[str, Any]]) -> None:
        """Nothing."""

    def transfer(self, title: str, follow: Callable[[], tuple[int, int, bool]]) -> None:
        """Only waits."""
        del title
        ended = False
        while not ended:
            _, _, ended = follow()


def show_report(console: Console, facts: dict[str, Any], *, good: bool) -> None:
    """The closing table: offering, contract, bytes, digest, seconds; then participants, memory and addresses."""
    digests = {transfer["agreement"]: transfer for transfer in facts["transfers"]}
    audits = {exchange["agreement"]: exchange for exchange in facts["audit"]}
    table = Table(title="\nWhat was exchanged", title_justify="left")
    for name in ("offering", "contract", "negotiated", "bytes", "SHA-256", "fetched", "recorded"):
        table.add_column(name, justify="right" if name in {"negotiated", "bytes", "fetched"} else "left")
    for agreement in facts["agreements"]:
        transfer, audit = digests.get(agreement["id"], {}), audits.get(agreement["id"], {})
        table.add_row(
            agreement["offering"],
            agreement["id"].removeprefix("urn:uuid:")[:8] + "…",
            f"{1000 * agreement['seconds']:.0f} ms",
            f"{transfer.get('bytes', 0):,}",
            transfer.get("digest", "")[:12]
            + "… "
            + ("verified" if transfer.get("verified") else "[red]NOT verified[/]"),
            f"{transfer.get('seconds', 0):.2f} s",
            "alike by both" if audit.get("consistent") else "[red]DIFFERENTLY[/]",
        )
    console.print(table)
    for refusal in facts["refusals"]:
        console.print(f"refused: {refusal['offering']}: {refusal['reason']}", markup=False, highlight=False)
    people = Table(title="\nWho is running", title_justify="left")
    for name in ("participant", "id", "address", "memory"):
        people.add_column(name, justify="right" if name == "memory" else "left")
    for participant in facts["participants"]:
        memory = f"{participant['memory_bytes'] / MIB:.0f} MiB"
        people.add_row(participant["role"], participant["id"], participant["url"], memory)
    people.add_row("all, with PostgreSQL", "", "", f"{facts['memory_bytes'] / MIB:.0f} MiB")
    console.print(people)
    verdict = "[bold green]Everything was delivered, verified and recorded alike by both sides"
    wrong = "[bold red]Something is wrong: see above"
    console.print(Panel(f"{verdict if good else wrong}, in {facts['seconds']:.1f} s[/]"))
