"""What a person sees: tables and progress on a terminal, plain text elsewhere; or one JSON document for a script.

Results go to standard output, everything else to standard error. Titles, terms and reasons come from other
participants: they are never read as markup, and control characters in them never reach the terminal.
"""

import json
import sys
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.cli.exits import CommandFailed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Where no terminal says how wide it is, as in a pipe: wide enough that ids and digests stay on their line.
PIPE_COLUMNS = 1000
# The narrowest that sentences are still read in.
PROSE_COLUMNS = 24

Say = Callable[[str], None]
# Bytes done and bytes in all (0: not known yet).
Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Screen:
    """Where one command writes: `as_json` is its option --json."""

    as_json: bool

    def show(self, document: Any, render: "Callable[[Console], None]") -> None:
        """The result: the document as it is, or what `render` prints of it."""
        if self.as_json:
            # ASCII: any pipe, any locale, and no character that a terminal would obey
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
            sys.stdout.flush()
        else:
            render(console())

    def note(self, text: str) -> None:
        """Something worth knowing beside the result; not for scripts."""
        if not self.as_json:
            console(error=True).print(plain(text), markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Generator[Say]:
        """Shows that something is under way; what it yields changes the text."""
        if not self._live():
            yield _say_nothing
            return
        with console(error=True).status(_text(text)) as status:
            yield lambda said: status.update(_text(said))

    @contextmanager
    def downloading(self, text: str) -> Generator[Advance]:
        """A bar of bytes, with rate and time left."""
        if not self._live():
            yield _go_unseen
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as Speed

        label = TextColumn("{task.description}", markup=False)
        columns = (label, BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
        with Progress(*columns, console=console(error=True)) as progress:
            task = progress.add_task(plain(text), total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total or None)

    def _live(self) -> bool:
        return not self.as_json and sys.stderr.isatty()


def console(*, error: bool = False) -> "Console":
    """Standard output, or standard error, with colours if it is a terminal."""
    from rich.console import Console

    terminal = (sys.stderr if error else sys.stdout).isatty()
    return Console(stderr=error, width=None if terminal else PIPE_COLUMNS, highlight=False)


def plain(value: object) -> str:
    """Text that a terminal shows and does not obey: whatever is not printable becomes `\N{REPLACEMENT CHARACTER}`."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def table(
    target: "Console",
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    prose: Collection[str] = (),
) -> None:
    """Print a table. Only columns named in `prose` are folded: an id or a digest that is broken cannot be copied.

    Where the terminal is too narrow for that, one record is printed below the other.
    """
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    cells = [[plain(cell) for cell in row] for row in rows]
    made = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in columns:
        folded = column in prose
        made.add_column(column, overflow="fold", no_wrap=not folded, min_width=PROSE_COLUMNS if folded else None)
    for row in cells:
        made.add_row(*map(Text, row))
    if title is not None:
        lines(target, title)
    unbounded = target.options.update(max_width=PIPE_COLUMNS)
    if Measurement.get(target, unbounded, made).minimum <= target.width:
        target.print(made)
    else:
        label = max(map(len, columns)) + 2
        for row in cells:
            lines(target, *(name.ljust(label) + cell for name, cell in zip(columns, row, strict=True) if cell), "")


def facts(pairs: Mapping[str, object]) -> "Table":
    """Names and values below each other; what is None is left out."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if value is not None:
            made.add_row(name, Text(plain(value)))
    return made


def lines(target: "Console", *texts: object) -> None:
    """Plain lines, broken nowhere."""
    for text in texts:
        target.print(plain(text), markup=False, soft_wrap=True)


def size(count: int | None) -> str:
    """Bytes for a person."""
    from rich.filesize import decimal

    return "" if count is None else decimal(count)


def report(failed: CommandFailed, *, as_json: bool) -> None:
    """One line on standard error, and what to do about it; as JSON for a script."""
    if as_json:
        sys.stderr.write(json.dumps(failed.as_json()) + "\n")
        return
    from rich.text import Text

    target = console(error=True)
    target.print(Text.assemble(("error: ", "bold red"), plain(failed.message)), soft_wrap=True)
    if failed.hint:
        target.print(Text.assemble(("hint: ", "bold"), plain(failed.hint)), soft_wrap=True)


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(plain(text))


def _say_nothing(_: str) -> None:
    return


def _go_unseen(_done: int, _total: int) -> None:
    return
