"""`tidegate status` and `tidegate doctor`: how the participant is, and what to do about it."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.api import default_home, find_participant
from connector.cli.exits import CommandFailed, Exit
from connector.cli.options import Home, Json
from connector.cli.screen import Screen, facts, plain, size
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from rich.console import Console

# What no other user may read: with any of these bits a secret is none.
OTHERS = 0o077


def status(as_json: Json = False, home: Home = None) -> None:
    """Show who this participant is and how much it has. Exit code 3 while its database is away."""
    found = find_participant(home).get("/api/status")
    Screen(as_json).show(found, partial(_status_shown, found))
    if not found["ready"]:
        raise CommandFailed("the database is away", code="unreachable", hint="tidegate doctor looks closer")


def doctor(as_json: Json = False, home: Home = None) -> None:
    """Check settings, keys, database, authority, clock, disk and peers; say what to do. Exit code 1 for any finding."""
    screen = Screen(as_json)
    folder = (home or default_home()).absolute()
    with screen.waiting("Looking …"):
        findings, end = examine(folder)
    found = {"ok": end is Exit.DONE, "findings": findings}
    screen.show(found, partial(_findings_shown, findings))
    if end is not Exit.DONE:
        bad = [finding["name"] for finding in findings if not finding["ok"]]
        raise CommandFailed(f"not well: {', '.join(bad)}", code="findings", end=end)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked here; the participant's own findings have the same shape."""

    name: str
    ok: bool
    detail: str
    hint: str | None = None


def examine(folder: Path) -> tuple[list[dict[str, Any]], Exit]:
    """What can be seen from here, then what the participant itself finds; and how the command ends."""
    findings = [asdict(_folder(folder))]
    try:
        answer = find_participant(folder).get("/api/doctor")
    except CommandFailed as failed:
        findings.append(asdict(Finding("participant", ok=False, detail=failed.message, hint=failed.hint)))
        if failed.exit is Exit.UNREACHABLE:
            findings += map(asdict, _settings(folder))
        return findings, failed.exit
    findings.append({"name": "participant", "ok": True, "detail": "answers", "hint": None})
    findings += answer["findings"]
    return findings, Exit.DONE if all(finding["ok"] for finding in findings) else Exit.FAILED


def _folder(folder: Path) -> Finding:
    """Keys and token lie here: is it there, and closed to others?"""
    name = "folder"
    try:
        mode = folder.stat().st_mode
        secrets = [*folder.glob("*.pem"), *folder.glob("*.token")]
        open_ones = [path for path in secrets if path.stat().st_mode & OTHERS]
    except OSError as error:
        hint = "tidegate serve makes it, or name another with --home"
        return Finding(name, ok=False, detail=f"{folder}: {error.strerror}", hint=hint)
    if open_ones:
        named = " ".join(str(path) for path in open_ones)
        return Finding(name, ok=False, detail=f"others can read {named}", hint=f"chmod 600 {named}")
    if mode & 0o022:
        return Finding(name, ok=False, detail=f"others can write into {folder}", hint=f"chmod go-w {folder}")
    return Finding(name, ok=True, detail=f"{folder}: keys and token are readable by their owner only")


def _settings(folder: Path) -> list[Finding]:
    """Whether a participant would start with the settings of this shell: asked when none runs."""
    from connector.settings import load_settings

    try:
        load_settings(home=folder)
    except ConnectorError as error:
        hint = error.hint or "tidegate serve needs it, as an option or as an environment variable"
        return [Finding("settings", ok=False, detail=error.message, hint=hint)]
    return [Finding("settings", ok=True, detail="are complete")]


def _status_shown(found: dict[str, Any], console: "Console") -> None:
    shown = {name.replace("_", " "): value for name, value in found.items() if name != "memory_bytes"}
    shown["roles"] = ", ".join(found["roles"])
    shown["ready"] = "yes" if found["ready"] else "no"
    shown["memory"] = size(found["memory_bytes"])
    console.print(facts(shown))


def _findings_shown(findings: list[dict[str, Any]], console: "Console") -> None:
    from rich.text import Text

    for finding in findings:
        mark = ("ok    ", "green") if finding["ok"] else ("wrong ", "bold red")
        console.print(Text.assemble(mark, (plain(finding["name"]), "bold"), f": {plain(finding['detail'])}"))
        if finding["hint"]:
            console.print(Text(f"      → {plain(finding['hint'])}"))
