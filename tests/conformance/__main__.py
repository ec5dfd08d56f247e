"""`make conformance`: the connector on the embedded PostgreSQL against the Dataspace Protocol conformance suite.

    python -m tests.conformance [--database debian-15] [--keep FOLDER]

The last line is the result; exits with 0 if every case passed, 1 if not, 2 if the suite cannot be run here.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

from connector.telemetry import configure_logging
from tests.conformance.run import DATABASES, conformance
from tests.conformance.suite import SuiteMissing, expected_failures, require_suite


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--database", choices=sorted(DATABASES), default="embedded")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the logs there")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tidegate-conformance-"))
    folder.chmod(0o755)  # as root, PostgreSQL runs as somebody else
    try:
        return _run(require_suite(), folder, arguments.database)
    except SuiteMissing as missing:
        print(f"the conformance suite was not run: {missing}", file=sys.stderr)  # noqa: T201 -- a command
        return 2
    finally:
        if arguments.keep:
            shutil.copytree(folder / "logs", arguments.keep, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _run(class_path: str, folder: Path, database: str) -> int:
    (folder / "logs").mkdir()
    with (folder / "logs" / "connector.log").open("w") as log, redirect_stderr(log):
        configure_logging("info")
        verdict = asyncio.run(conformance(class_path, folder, database=database))
    wrong = verdict.unexpected(expected_failures())
    lines = [(folder / "logs" / "suite.log").read_text(errors="replace"), *wrong] if wrong else []
    print(*lines, verdict.last_line(), sep="\n")  # noqa: T201 -- a command
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
