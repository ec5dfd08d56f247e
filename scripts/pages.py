"""What the scripts that write documentation pages share: a page is written, or with --check compared."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


def run(page: Path, render: Callable[[], str], *, script: str, about: str | None) -> int:
    """Write `page`, or with --check only look; the exit code is 1 if it is not what `render` gives."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 if the page is not current")
    text = render()
    if not parser.parse_args().check:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    elif not page.exists() or page.read_text(encoding="utf-8") != text:
        print(f"{page} is not current: run {script}", file=sys.stderr)
        return 1
    return 0


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell would begin the next one."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
