"""Programs of the field that come as jars: resolved from Maven Central once, kept in a folder that git ignores."""

import shutil
import subprocess
from pathlib import Path

RESOLVE_SECONDS = 600


class ProgramMissing(Exception):  # noqa: N818
    """The program cannot be run here; the message says what is missing."""


def resolve(pom: Path, libs: Path) -> list[Path]:
    """The jars of a `pom.xml`, copied to `libs` unless they are there already. Raises ProgramMissing."""
    for program, what in (("java", "Java 17"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            raise ProgramMissing(f"{what} is not installed: there is no `{program}` on the path")
    stamp = libs / ".resolved"
    if not stamp.exists() or stamp.read_bytes() != pom.read_bytes():
        _copy_dependencies(pom, libs)
        stamp.write_bytes(pom.read_bytes())
    return sorted(libs.glob("*.jar"))


def _copy_dependencies(pom: Path, libs: Path) -> None:
    shutil.rmtree(libs, ignore_errors=True)
    command = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={libs}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RESOLVE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ProgramMissing(f"Maven did not resolve {pom} within {RESOLVE_SECONDS} s") from None
    if done.returncode != 0:
        first = next((line for line in done.stdout.splitlines() if line.startswith("[ERROR]")), done.stderr[-500:])
        raise ProgramMissing(f"Maven could not resolve {pom}: {first}")
