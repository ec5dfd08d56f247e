"""The option --policy: a template by name, or a file."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

from connector.cli.exits import CommandFailed

FORMS = "open | research-until:YYYY-MM-DD[:PURPOSE] | FILE.json"
MAX_BYTES = 1024**2  # of a policy file: no sane policy is larger
RESEARCH_UNTIL = "research-until:"


def read_policy(text: str) -> dict[str, Any]:
    """The policy that `text` means, in the compact form of DSP; raises CommandFailed if it means none.

    The day of research-until is the last one on which the data may be used, in UTC. PURPOSE is a word or an IRI.
    """
    from policies.templates import open_policy

    if text == "open":
        return open_policy()
    if text.startswith(RESEARCH_UNTIL):
        return _research_until(text.removeprefix(RESEARCH_UNTIL))
    if text.endswith(".json"):
        return _from_file(Path(text))
    raise _bad(f"--policy: {text!r} is neither a template nor a .json file", hint=f"one of: {FORMS}")


def terms_of(policy: Mapping[str, Any]) -> str:
    """The plain sentence of a policy; raises CommandFailed naming the first term that cannot be decided."""
    from policies.check import check_policy
    from policies.describe import describe_policy
    from policies.errors import PolicyError
    from policies.parse import parse_policy

    try:
        parsed = parse_policy(policy)
        check_policy(parsed)
    except PolicyError as error:
        raise _bad(f"{error.path}: {error.problem}", hint=error.hint) from None
    return describe_policy(parsed)


def _research_until(text: str) -> dict[str, Any]:
    from policies.templates import research_until

    day, _, purpose = text.partition(":")
    try:
        last = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date()
        end = datetime.combine(last + timedelta(days=1), time.min, UTC)
    except (ValueError, OverflowError):
        raise _bad(f"--policy: {day!r} is not a day", hint="as in research-until:2027-12-31") from None
    return research_until(end, purpose or "research")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _bad(f"--policy: {path}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise _bad(f"--policy: {path} is larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _bad(f"--policy: {path} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise _bad(f"--policy: {path}: expected an object with permission, prohibition or obligation")
    return cast("dict[str, Any]", document)


def _bad(message: str, *, hint: str | None = None) -> CommandFailed:
    return CommandFailed(message, code="invalid_input", hint=hint)
