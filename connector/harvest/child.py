"""Starts the reading process for one source and takes its answer: the participant itself opens no data format.

The child gets no secrets (a short list of environment variables), a time limit, and bounded output; what it crashes on
is named, and for a run the rest is read again without that file.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

from catalog.model import Description
from connector.harvest.model import Problem, Source

MAX_ATTEMPTS = 5  # of one run, each without the file the reader crashed on last
MAX_ANSWER_BYTES = 16 * 1024**2
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a source says about itself, and which of its files can be published. Without a description, see problems."""

    description: Description | None
    files: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Ended:
    """One run of the child: its lines, and why it ended early if it did."""

    lines: tuple[dict[str, Any], ...]
    failure: str | None


def read_source(source: Source, *, crs: str | None, time_limit_seconds: int) -> Reading:
    """Describes one source in a process of its own; never raises for what is in the files."""
    problems: list[Problem] = []
    for _ in range(MAX_ATTEMPTS):
        ended = _run(source, crs=crs, time_limit_seconds=time_limit_seconds)
        found = _reading(source, ended)
        if ended.failure is None:
            return replace(found, problems=(*problems, *_without(problems, found.problems)))
        file = _last_read(ended)
        problems.append(
            Problem(path=source.place(file), reason=ended.failure, hint="check the file with ncdump or gdalinfo")
        )
        if source.kind != "sfincs" or file not in source.files:
            break
        source = replace(source, files=tuple(each for each in source.files if each != file))
    return Reading(description=None, files=(), problems=tuple(problems))


def find_crs_problem(crs: str) -> str | None:
    """Why this reference system cannot be used; None if it can."""
    ended = _start([".", "--check-crs", "--crs", crs], files=(), time_limit_seconds=30)
    return ended.failure or next((line["problem"]["reason"] for line in ended.lines if "problem" in line), None)


def _run(source: Source, *, crs: str | None, time_limit_seconds: int) -> _Ended:
    path = source.root if source.kind == "sfincs" else source.root / source.files[0]
    arguments = [str(path.resolve()), "--kind", source.kind, *(["--crs", crs] if crs else [])]
    return _start(arguments, files=source.files, time_limit_seconds=time_limit_seconds)


def _start(arguments: Sequence[str], *, files: Sequence[str], time_limit_seconds: int) -> _Ended:
    limit = ["--time-limit", str(time_limit_seconds + 5)]  # its own alarm, for the day nobody waits for it
    command = [sys.executable, "-m", "connector.harvest.read", *limit, *arguments]
    with tempfile.TemporaryFile() as output:
        try:
            ended = subprocess.run(  # noqa: S603 - our own module, arguments not through a shell
                command,
                input="\0".join(files).encode(),
                stdout=output,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                timeout=time_limit_seconds,
                check=False,
            )
            failure = _failure(ended.returncode)
        except subprocess.TimeoutExpired:
            failure = f"reading it took more than {time_limit_seconds} seconds"
        return _Ended(tuple(_lines(output)), failure)


def child_environment() -> dict[str, str]:
    """A few variables and no secret of ours."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    # one thread each: a reader is short, and memory per thread would count against its limit
    return kept | {
        "PYTHONPATH": str(_PROJECT),
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PROJ_NETWORK": "OFF",
    }


def _failure(code: int) -> str | None:
    if code == 0:
        return None
    if code < 0:
        return f"the reader crashed on it ({signal.Signals(-code).name})"
    return f"the reader could not be started or ended early (exit code {code})"


def _lines(output: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects it wrote; a line that was cut short is the end."""
    output.seek(0)
    for line in output.read(MAX_ANSWER_BYTES + 1).splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            return
        if isinstance(document, dict):
            yield cast("dict[str, Any]", document)


def _reading(source: Source, ended: _Ended) -> Reading:
    answer = next((line for line in reversed(ended.lines) if "description" in line), None)
    problems = tuple(_problem(source, line["problem"]) for line in ended.lines if "problem" in line)
    if answer is None:
        silent = Problem(path=source.place(), reason="the reader gave no answer")
        return Reading(description=None, files=(), problems=problems or (silent,))
    return Reading(
        description=Description.from_json(answer["description"]), files=tuple(answer["files"]), problems=problems
    )


def _problem(source: Source, document: dict[str, Any]) -> Problem:
    return Problem(path=source.place(document["path"]), reason=document["reason"], hint=document.get("hint"))


def _last_read(ended: _Ended) -> str:
    return next((line["reading"] for line in reversed(ended.lines) if "reading" in line), "")


def _without(known: Sequence[Problem], found: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in found if problem not in known]
