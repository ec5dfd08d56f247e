"""Documents and requests for the tests of policies."""

from datetime import UTC, datetime
from typing import Any

from policies import Decision, Facts, Request, evaluate, parse_policy

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CONSUMER = "did:web:consumer.example"
PROVIDER = "did:web:provider.example"
RESEARCH = "https://w3id.org/tidegate/v1/purpose/research"

BEFORE_2027 = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-01-01T00:00:00Z"}
BEFORE_2026 = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2026-01-01T00:00:00Z"}
FOR_RESEARCH = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": [RESEARCH]}
UNKNOWN = {"leftOperand": "moonPhase", "operator": "eq", "rightOperand": "full"}


def atom(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def permit(*constraints: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A policy document with one permission to use."""
    return {"permission": [{"action": "use", "constraint": list(constraints), **more}]}


def ask(action: str = "use", purpose: set[str] | None = None, assignee: str = CONSUMER) -> Request:
    return Request(action, "dataset-1", assignee, PROVIDER, None if purpose is None else frozenset(purpose))


def decide(document: dict[str, Any], request: Request | None = None, *, now: datetime = NOW) -> Decision:
    return evaluate(parse_policy(document), request or ask(), Facts(), now)
