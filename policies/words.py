"""Constraints and values in plain English, for the sentence before an agreement and the reason after a decision."""

import re
from collections.abc import Callable
from typing import Final

from policies.geometry import find_region
from policies.model import AtomicConstraint, Constraint, Iri, Literal, Operand, RightOperand
from policies.operands import SPACES, LeftOperand, Space
from policies.quantities import SECOND, read_duration
from policies.values import read_span

_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"“”]+")
_EQUAL: Final = {"eq": "is", "neq": "is not", "isAnyOf": "is one of", "isNoneOf": "is none of"}
_TIME: Final = _EQUAL | {"lt": "is before", "lteq": "is not after", "gt": "is after", "gteq": "is not before"}
_AMOUNT: Final = _EQUAL | {"lt": "is less than", "lteq": "is at most", "gt": "is more than", "gteq": "is at least"}
_NAMES: Final = _EQUAL | {
    "isAllOf": "is all of",
    "isA": "is a kind of",
    "isPartOf": "is part of",
    "hasPart": "includes",
}
_WITHIN: Final = {"eq": "is", "neq": "is not", "isPartOf": "lies within", "hasPart": "includes"}
_VERBS: Final[dict[Space, dict[str, str]]] = {
    "moment": _TIME,
    "name": _NAMES,
    "geometry": _WITHIN,
    "interval": _WITHIN,
    "number": _AMOUNT,
    "duration": _AMOUNT,
    "level": _AMOUNT,
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


def subject(left: str) -> str:
    """What a left operand is called in a sentence."""
    known = SPACES.get(left)
    return left if known is None else known.says


def _atomic(constraint: AtomicConstraint) -> str:
    left, operator = constraint.left_operand, constraint.operator
    known = SPACES.get(left)
    if known is None or operator not in known.operators or constraint.unit not in {None, known.unit}:
        unit = f" in {constraint.unit}" if constraint.unit else ""
        return f"{left} {operator} {values(constraint.right_operand)}{unit} (which cannot be decided here)"
    verb = _VERBS[known.space][operator]
    if _is_single(constraint.right_operand):
        verb = {"is one of": "is", "is none of": "is not", "is all of": "is"}.get(verb, verb)
    joint = " and " if operator == "isAllOf" else " or "
    return f"the {known.says} {verb} {values(constraint.right_operand, joint, known)}"


def _is_single(right: RightOperand) -> bool:
    return not isinstance(right, tuple) or len(right) == 1


def values(right: RightOperand, joint: str = " or ", known: LeftOperand | None = None) -> str:
    """A right operand: `research <https://…/research>`, `1 January 2027, 00:00 UTC`, `a or b`."""
    operands = right if isinstance(right, tuple) else (right,)
    return joint.join(_value(operand, known.space if known else None) for operand in operands) or "nothing"


def _value(operand: Operand, space: Space | None) -> str:
    if space == "geometry":
        return _area(operand)
    if isinstance(operand, Iri):
        return name(operand.value)
    if not isinstance(operand, Literal):
        return operand.json
    if space is not None and space in _SHOWN:
        return _SHOWN[space](operand)
    return name(operand.value) if read_span(operand) is None else moment(operand.value)


def _area(operand: Operand) -> str:
    """An area by its bounds, which a person can check."""
    region = find_region(operand)
    if region is None:
        return "an area that cannot be read"
    west, south, east, north = region.bounds
    return f"an area between longitude {west:g} and {east:g}, latitude {south:g} and {north:g}"


def length(operand: Literal) -> str:
    """`30 days`, `2 hours`, `1 year`; as it is written where that says it better."""
    read = read_duration(operand)
    if read is None:
        return f"“{operand.value}”"
    if read.micros == 0 and read.months > 0:
        years, months = divmod(read.months, 12)
        return _counted(read.months, "month") if months else _counted(years, "year")
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, rest = divmod(read.micros, size * SECOND)
        if read.months == 0 and count > 0 and rest == 0:
            return _counted(count, unit)
    return operand.value


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _period(operand: Literal) -> str:
    """`2020-01-01/2021-01-01` → `from 1 January 2020 up to 1 January 2021`."""
    start, _, end = operand.value.partition("/")
    first, last = (moment(each) if read_span(Literal(each)) else each for each in (start, end))
    shown = [f"from {first}"] * (start not in {"", ".."}) + [f"up to {last}"] * (end not in {"", ".."})
    return " ".join(shown).replace(" (no time zone given)", "") or "all time"


_SHOWN: Final[dict[Space, Callable[[Literal], str]]] = {
    "duration": length,
    "interval": _period,
    "number": lambda literal: literal.value,
    "level": lambda literal: literal.value,
}


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
