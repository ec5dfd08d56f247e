"""Ready policies, in the compact form that `publish` and the catalogue take."""

from datetime import UTC, datetime
from typing import Any


def open_policy() -> dict[str, Any]:
    """Anybody who sees the offer may use the data."""
    return {"permission": [{"action": "use"}]}


def research_until(end: datetime, *purposes: str) -> dict[str, Any]:
    """Use before `end`, for one of `purposes` (IRIs or names; at least one).

    `end` needs a time zone, else ValueError: without one it would mean a different moment to each side.
    """
    if end.utcoffset() is None:
        raise ValueError("end: expected a moment with a time zone")
    if not purposes:
        raise ValueError("purposes: expected at least one")
    moment = end.astimezone(UTC).isoformat().replace("+00:00", "Z")
    before = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": moment}
    purpose = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": list(purposes)}
    return {"permission": [{"action": "use", "constraint": [before, purpose]}]}
