"""One constraint against the values of its left operand, each in its value space: numbers as numbers, dates as dates.

The same function decides requests (`evaluate`) and searches situations (`overlap`), so that the two cannot disagree.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from policies.concepts import NO_CONCEPTS, Concepts
from policies.geometry import find_region, geos
from policies.model import AtomicConstraint, Literal, Opaque, Operand, RightOperand
from policies.operands import SPACES, LeftOperand, Space, operators_of
from policies.quantities import order_of_durations, read_duration, read_level, read_number
from policies.terms import XSD, Truth
from policies.values import any_of, compare_moment, compare_names, negate, read_names, read_span

#: Start and end (exclusive) of a period of the data; None where it is open.
Interval = tuple[datetime | None, datetime | None]

_ORDERS: Final[dict[str, Callable[[int], bool]]] = {
    "eq": lambda order: order == 0,
    "neq": lambda order: order != 0,
    "lt": lambda order: order < 0,
    "lteq": lambda order: order <= 0,
    "gt": lambda order: order > 0,
    "gteq": lambda order: order >= 0,
}


def compare(constraint: AtomicConstraint, values: tuple[Operand, ...], concepts: Concepts = NO_CONCEPTS) -> Truth:
    """Whether the constraint holds for a left operand with these values. Unknown for what cannot be compared."""
    operand = space_of(constraint)
    if constraint.extra or constraint.operator not in operand.operators:
        return None
    if constraint.unit not in {None, operand.unit}:
        return None
    if operand.space == "name":
        names = read_names(values)
        if names is None:
            return None
        some = operand.quantifier == "some"
        return compare_names(names, constraint.operator, constraint.right_operand, concepts, some=some)
    if not values:
        return None
    results = {_compare_value(operand.space, value, constraint.operator, constraint.right_operand) for value in values}
    return results.pop() if len(results) == 1 else None


def compare_with_clock(constraint: AtomicConstraint, now: datetime) -> Truth:
    """As `compare` for dateTime, whose value is a moment already."""
    return _of_list(constraint.operator, constraint.right_operand, lambda op, right: compare_moment(now, op, right))


def space_of(constraint: AtomicConstraint) -> LeftOperand:
    """The line of the table for its left operand; for one that is not there, the space of what it is compared with."""
    known = SPACES.get(constraint.left_operand)
    if known is not None:
        return known
    return _guessed(constraint.left_operand, constraint.right_operand)


@lru_cache(maxsize=1024)
def _guessed(name: str, right: RightOperand) -> LeftOperand:
    one = right[0] if isinstance(right, tuple) and right else right
    space: Space = "name"
    if isinstance(one, Opaque):
        space = "geometry"
    elif isinstance(one, Literal) and one.datatype is not None:
        space = _space_of_literal(one)
    return LeftOperand("nothing here", operators_of(space), space, name)


def _space_of_literal(literal: Literal) -> Space:
    if literal.datatype in {f"{XSD}dateTime", f"{XSD}date", f"{XSD}dateTimeStamp"}:
        return "moment"
    if read_duration(literal) is not None:
        return "duration"
    if read_number(literal) is not None:
        return "number"
    return "geometry" if find_region(literal) is not None else "name"


def is_comparable(space: Space, right: Operand) -> bool:
    """Whether a right operand is a value of this space."""
    return _READERS[space](right) is not None


def _compare_value(space: Space, value: Operand, operator: str, right: RightOperand) -> Truth:
    return _of_list(operator, right, lambda op, one: _COMPARISONS[space](value, op, one))


def _of_list(operator: str, right: RightOperand, compare_one: Callable[[str, Operand], Truth]) -> Truth:
    """IsAnyOf and isNoneOf as several eq; the other operators compare with one value."""
    several = right if isinstance(right, tuple) else (right,)
    if operator in {"isAnyOf", "isNoneOf"}:
        found = any_of(compare_one("eq", one) for one in several) if several else None
        return negate(found) if operator == "isNoneOf" else found
    return compare_one(operator, several[0]) if len(several) == 1 else None


def _moments(value: Operand, operator: str, right: Operand) -> Truth:
    span = read_span(value)
    if span is None or span[0] != span[1] or not span[2]:
        return None
    return compare_moment(span[0], operator, right)


def _numbers(value: Operand, operator: str, right: Operand) -> Truth:
    one, other = read_number(value), read_number(right)
    return None if one is None or other is None else _ordered((one > other) - (one < other), operator)


def _levels(value: Operand, operator: str, right: Operand) -> Truth:
    one, other = read_level(value), read_level(right)
    return None if one is None or other is None else _ordered((one > other) - (one < other), operator)


def _durations(value: Operand, operator: str, right: Operand) -> Truth:
    if value == right and is_recurring(right):
        return _ordered(0, operator)
    one, other = read_duration(value), read_duration(right)
    order = None if one is None or other is None else order_of_durations(one, other)
    return None if order is None else _ordered(order, operator)


def is_recurring(operand: Operand) -> bool:
    """Whether this is a repeating interval of ISO 8601 (`R/2026-01-01T09:00Z/PT8H`); it is equal to itself alone."""
    return isinstance(operand, Literal) and operand.value.startswith("R") and "/" in operand.value


def _ordered(order: int, operator: str) -> Truth:
    test = _ORDERS.get(operator)
    return None if test is None else test(order)


def _regions(value: Operand, operator: str, right: Operand) -> Truth:
    one, other = find_region(value), find_region(right)
    if one is None or other is None:
        return None
    answers: dict[str, Callable[[], bool]] = {
        "eq": lambda: bool(geos.equals(one, other)),
        "neq": lambda: not geos.equals(one, other),
        "isPartOf": lambda: bool(geos.covers(other, one)),
        "hasPart": lambda: bool(geos.covers(one, other)),
    }
    return answers[operator]() if operator in answers else None


def _intervals(value: Operand, operator: str, right: Operand) -> Truth:
    one, other = read_interval(value), read_interval(right)
    if one is None or other is None:
        return None
    answers = {
        "eq": one == other,
        "neq": one != other,
        "isPartOf": lies_within(one, other),
        "hasPart": lies_within(other, one),
    }
    return answers.get(operator)


def lies_within(inner: Interval, outer: Interval) -> bool:
    """Whether one period lies within another; both half-open."""
    starts = outer[0] is None or (inner[0] is not None and inner[0] >= outer[0])
    return starts and (outer[1] is None or (inner[1] is not None and inner[1] <= outer[1]))


@lru_cache(maxsize=1024)
def read_interval(operand: Operand) -> Interval | None:
    """`start/end` as in ISO 8601, `..` for an open side; the end is not part of it. Data without a zone are in UTC."""
    if not isinstance(operand, Literal) or operand.value.count("/") != 1:
        return None
    texts = operand.value.split("/")
    ends = [None if text in {"..", ""} else _instant(text) for text in texts]
    if any(end is None and text not in {"..", ""} for end, text in zip(ends, texts, strict=True)):
        return None
    start, end = ends
    return None if start is not None and end is not None and start >= end else (start, end)


def _instant(text: str) -> datetime | None:
    span = read_span(Literal(text))
    if span is not None and not span[2]:
        span = read_span(Literal(f"{text}Z"))
    return None if span is None else span[0].astimezone(UTC)


_COMPARISONS: Final[dict[Space, Callable[[Operand, str, Operand], Truth]]] = {
    "moment": _moments,
    "number": _numbers,
    "level": _levels,
    "duration": _durations,
    "geometry": _regions,
    "interval": _intervals,
}


def _name(operand: Operand) -> str | None:
    names = read_names(operand)
    return next(iter(names)) if names else None


_READERS: Final[dict[Space, Callable[[Operand], Any]]] = {
    "moment": read_span,
    "number": read_number,
    "level": read_level,
    "duration": lambda operand: read_duration(operand) or (operand if is_recurring(operand) else None),
    "geometry": find_region,
    "interval": read_interval,
    "name": _name,
}
