"""Constraints and values in plain English, for the sentence before an agreement and the reason after a decision."""

import re
from typing import Final

from policies.model import AtomicConstraint, Constraint, Iri, Literal, Operand, RightOperand
from policies.values import read_span
from policies.vocabulary import LEFT_OPERANDS

_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"“”]+")
_LEFT: Final = {"dateTime": "time", "purpose": "purpose", "recipient": "recipient"}
_TIME: Final = {
    "eq": "is",
    "neq": "is not",
    "lt": "is before",
    "lteq": "is not after",
    "gt": "is after",
    "gteq": "is not before",
}
_NAMES: Final = {
    "eq": "is",
    "neq": "is not",
    "isAnyOf": "is one of",
    "isNoneOf": "is none of",
    "isAllOf": "is all of",
    "isA": "is a kind of",
    "isPartOf": "is part of",
    "hasPart": "includes",
}
_JOINT: Final = {"and": " and ", "or": " or ", "xone": " or ", "andSequence": " and then "}
# written out: a locale must not change the wording of a contract
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def condition(constraint: Constraint) -> str:
    """`the time is before 1 January 2027, 00:00 UTC`; several in one sentence; what cannot be decided says so."""
    if isinstance(constraint, AtomicConstraint):
        return _atomic(constraint) + (" (with more, which cannot be decided here)" if constraint.extra else "")
    parts = _JOINT[constraint.operator].join(condition(part) for part in constraint.parts)
    return f"exactly one holds of ({parts})" if constraint.operator == "xone" else f"({parts})"


def _atomic(constraint: AtomicConstraint) -> str:
    left, operator = constraint.left_operand, constraint.operator
    known = LEFT_OPERANDS.get(left)
    if known is None or operator not in known.operators:
        return f"{left} {operator} {values(constraint.right_operand)} (which cannot be decided here)"
    verbs = _TIME if left == "dateTime" else _NAMES
    verb = verbs[operator]
    if _is_single(constraint.right_operand):
        verb = {"is one of": "is", "is none of": "is not", "is all of": "is"}.get(verb, verb)
    return f"the {_LEFT[left]} {verb} {values(constraint.right_operand, ' and ' if operator == 'isAllOf' else ' or ')}"


def _is_single(right: RightOperand) -> bool:
    return not isinstance(right, tuple) or len(right) == 1


def values(right: RightOperand, joint: str = " or ") -> str:
    """A right operand: `research <https://…/research>`, `1 January 2027, 00:00 UTC`, `a or b`."""
    operands = right if isinstance(right, tuple) else (right,)
    return joint.join(_value(operand) for operand in operands) or "nothing"


def _value(operand: Operand) -> str:
    if isinstance(operand, Iri):
        return name(operand.value)
    if isinstance(operand, Literal):
        return name(operand.value) if read_span(operand) is None else moment(operand.value)
    return operand.json


def printable(text: str) -> str:
    """Without control and direction characters: a peer's words must not rewrite what a person reads."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def name(text: str) -> str:
    """An IRI with the word it ends in, `flood risk <https://…/flood-risk>`; a DID as it is; plain words in quotes."""
    if not _IRI.fullmatch(text):
        return f"“{text}”"
    if not text.startswith(("http://", "https://")):
        return text
    word = text.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1].replace("-", " ").replace("_", " ")
    return f"{word} <{text}>"


def moment(text: str) -> str:
    """`2027-01-01T00:00:00Z` → `1 January 2027, 00:00 UTC`, in its own zone. `text` is a date `read_span` accepts."""
    date, clock = text[:10], text[10:].removeprefix("T")
    year, month, day = date.split("-")
    written = f"{int(day)} {_MONTHS[int(month) - 1]} {int(year)}"
    time, zone = _zone(clock)
    time = time.removesuffix(":00") if time.count(":") == 2 else time
    return f"{written}, {time} {zone}" if time else f"{written} {zone}"


def _zone(clock: str) -> tuple[str, str]:
    if clock.endswith("Z"):
        return clock[:-1], "UTC"
    if clock[-6:-5] in {"+", "-"}:
        return clock[:-6], f"UTC{clock[-6:]}"
    return clock, "(no time zone given)"
