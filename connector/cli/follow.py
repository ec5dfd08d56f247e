"""Waiting for a negotiation or transfer, and saying how it ended."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from connector.cli.api import Api
from connector.cli.exits import CommandFailed

Process = Mapping[str, Any]


def follow(
    api: Api, process: Process, *, seconds: float | None, look_seconds: float, seen: Callable[[Process], None]
) -> Process:
    """The process once nothing more comes of itself, or after `seconds` (None: however long it takes).

    `seen` is called with what is known, every `look_seconds`.
    """
    until = None if seconds is None else time.monotonic() + seconds
    while not process["resting"]:
        seen(process)
        left = look_seconds if until is None else min(look_seconds, until - time.monotonic())
        if left <= 0:
            break
        process = api.get(f"/api/{process['kind']}s/{process['pid']}", wait_seconds=round(left, 3))
    return process


def reason_of(process: Process) -> str | None:
    """Why it was ended or suspended; None while it is not. What a resumed transfer was suspended for is past."""
    failure: dict[str, Any] = process["failure"] or {}
    return failure.get("reason") if process["state"] in {"NEW", "TERMINATED", "SUSPENDED"} else None


def unsuccessful(process: Process) -> CommandFailed:
    """Why a process is not where it was wanted."""
    pid, kind = process["pid"], process["kind"]
    if not process["resting"]:
        trouble = f"; {process['peer']} was not reached: {process['last_error']}" if process["last_error"] else ""
        said = f"the {kind} {pid} is {process['state']} and goes on by itself{trouble}"
        return CommandFailed(said, code="unfinished", hint=f"tidegate {kind}s show {pid}")
    if process.get("awaits_decision"):
        said = f"{process['peer']} offers other terms: {process['sentence']}"
        hint = f"tidegate negotiations accept {pid}, or tidegate negotiations end {pid} --reason …"
        return CommandFailed(said, code="other_terms", hint=hint)
    failure: dict[str, Any] = process["failure"] or {}
    by = f" by {failure['by']}" if failure.get("by") else ""
    ended = {"NEW": "was not taken by the other side", "SUSPENDED": f"was suspended{by}"}
    said = f"the {kind} {ended.get(process['state'], f'was ended{by}')}: {failure.get('reason') or 'no reason given'}"
    hint = f"tidegate get {process['agreement']} takes it up again" if process["state"] == "SUSPENDED" else None
    return CommandFailed(said, code=str(failure.get("code") or "refused"), hint=hint)
