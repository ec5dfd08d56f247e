"""What a left operand is in a situation, where that comes from, and whether a constraint holds of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from policies.comparison import compare, compare_with_clock
from policies.concepts import Concepts
from policies.decision import AtomicOutcome, LogicalOutcome, Outcome
from policies.model import AtomicConstraint, Constraint, Facts, Literal, LogicalConstraint, Operand, Request
from policies.operands import LEFT_OPERANDS, SPACES, LeftOperand
from policies.render import operand_text
from policies.terms import Truth
from policies.values import all_of, any_of, one_of

_JOINS: Final = {"and": all_of, "andSequence": all_of, "or": any_of, "xone": one_of}


@dataclass(frozen=True, slots=True)
class Situation:
    """A request and the state of the world in which it is made."""

    request: Request
    facts: Facts
    now: datetime | None
    concepts: Concepts


def outcomes(constraints: tuple[Constraint, ...], situation: Situation, scope: str = "") -> tuple[Outcome, ...]:
    """Each constraint in the situation. `scope` is `action.`, `target.` or a party's for refinements."""
    return tuple([_outcome(each, situation, scope) for each in constraints])


def _outcome(constraint: Constraint, situation: Situation, scope: str) -> Outcome:
    if isinstance(constraint, AtomicConstraint):
        return _atomic(constraint, situation, scope)
    parts = tuple([_outcome(part, situation, scope) for part in constraint.parts])
    return LogicalOutcome(constraint, _joined(constraint, parts), parts)


def _joined(constraint: LogicalConstraint, parts: tuple[Outcome, ...]) -> Truth:
    # andSequence: every value is of the one moment of the decision, so order adds nothing to `and`
    if constraint.extra or constraint.operator not in _JOINS:
        return None
    return _JOINS[constraint.operator](part.satisfied for part in parts)


def _atomic(constraint: AtomicConstraint, situation: Situation, scope: str) -> AtomicOutcome:
    left = constraint.left_operand
    if left == "dateTime":
        return _by_clock(constraint, situation.now)
    values, source = _values(left, situation, scope)
    if values is None and left not in LEFT_OPERANDS:
        why = f"nothing here knows the value of {left!r}"
        return AtomicOutcome(constraint, None, None, None, why)
    shown = None if values is None else tuple([operand_text(value) for value in values])
    why = _why_undecidable(constraint, SPACES.get(left))
    if why or values is None:
        return AtomicOutcome(constraint, None, shown, source, why)
    return AtomicOutcome(constraint, compare(constraint, values, situation.concepts), shown, source)


def _by_clock(constraint: AtomicConstraint, now: datetime | None) -> AtomicOutcome:
    known = LEFT_OPERANDS["dateTime"]
    shown = None if now is None else now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    why = _why_undecidable(constraint, known)
    satisfied = None if why or now is None else compare_with_clock(constraint, now)
    return AtomicOutcome(constraint, satisfied, shown, known.source, why)


def _values(left: str, situation: Situation, scope: str) -> tuple[tuple[Operand, ...] | None, str | None]:
    """The values of a left operand (None if nobody stated any), and their source."""
    request, observed = situation.request, situation.facts.observed
    source = LEFT_OPERANDS[left].source if left in LEFT_OPERANDS else None
    if left == "recipient":
        return ((Literal(request.assignee),) if request.assignee else None), source
    if left == "purpose" and request.purpose is not None:
        return tuple([Literal(each) for each in sorted(request.purpose)]) or None, request.purpose_source
    found = (observed.get(f"{scope}{left}") or observed.get(left)) if observed else None
    if found is None:
        return None, request.purpose_source if left == "purpose" else source
    return found.values, found.source or source


def _why_undecidable(constraint: AtomicConstraint, known: LeftOperand | None) -> str | None:
    if constraint.extra:
        return f"the constraint carries a member that this connector cannot decide: {constraint.extra[0][0]!r}"
    if known is None:
        return None
    if constraint.operator not in known.operators:
        return f"{constraint.left_operand} cannot be compared by {constraint.operator!r} here"
    if constraint.unit not in {None, known.unit}:
        return f"{constraint.left_operand} is not measured in {constraint.unit} here"
    return None
