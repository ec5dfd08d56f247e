"""Typed comparison of one value with one right operand: True, False, or None for Unknown.

Dates follow XML Schema's partial order: without a zone a moment may lie anywhere within fourteen hours either side, and
within that window every answer is Unknown. A date stands for its whole day. Two different names are different unless
they are stated to be the same; whether one is a kind or a part of the other is what somebody stated, else Unknown.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from policies.concepts import NO_CONCEPTS, Concepts
from policies.model import Iri, Literal, Operand, RightOperand
from policies.terms import XSD, Truth

_MOMENT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME_TYPES: Final = frozenset({None, f"{XSD}dateTime", f"{XSD}date", f"{XSD}dateTimeStamp"})
# XML Schema Datatypes 1.1 section 3.3.7: the widest zone is fourteen hours.
_WIDEST_ZONE: Final = timedelta(hours=14)

#: First and last moment (inclusive) that a right operand may mean, and whether the zone is known.
Span = tuple[datetime, datetime, bool]


def all_of(results: Iterable[Truth]) -> Truth:
    """Kleene's and: False if any is, else Unknown if any is; True for none at all."""
    seen = tuple(results)
    if False in seen:
        return False
    return None if None in seen else True


def any_of(results: Iterable[Truth]) -> Truth:
    """Kleene's or: True if any is, else Unknown if any is."""
    seen = tuple(results)
    if True in seen:
        return True
    return None if None in seen else False


def one_of(results: Iterable[Truth]) -> Truth:
    """Exactly one: Unknown if any is Unknown."""
    seen = tuple(results)
    return None if None in seen else seen.count(True) == 1


def negate(result: Truth) -> Truth:
    """Kleene's not."""
    return None if result is None else not result


# --- moments -----------------------------------------------------------------------------------------------------


def compare_moment(now: datetime, operator: str, right: RightOperand) -> Truth:
    """`now` (with a zone) against a date or a date and time. None if the right operand is neither."""
    span = read_span(right)
    if span is None:
        return None
    first, last, zone_known = span
    if not zone_known and first <= now <= last:
        return None
    return {
        "eq": first <= now <= last,
        "neq": not first <= now <= last,
        "lt": now < first,
        "lteq": now <= last,
        "gt": now > last,
        "gteq": now >= first,
    }.get(operator)


def read_span(right: RightOperand) -> Span | None:
    """The moments a right operand means: one for a date and time, a day for a date, widened if there is no zone."""
    if isinstance(right, tuple):
        return None
    return _span(right)


@lru_cache(maxsize=4096)
def _span(right: Operand) -> Span | None:
    if not isinstance(right, Literal) or right.datatype not in _TIME_TYPES:
        return None
    found = _MOMENT.fullmatch(right.value)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        tz = _zone(zone)
        start = datetime(int(year), int(month), int(day), tzinfo=tz)
        if hour is None:
            end = _shift(start, timedelta(days=1) - timedelta(microseconds=1))
        else:
            start = end = _at(start, int(hour), int(minute), int(second or 0), _microseconds(fraction))
    except ValueError:
        return None
    if zone is None:
        return _shift(start, -_WIDEST_ZONE), _shift(end, _WIDEST_ZONE), False
    return start, end, True


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise ValueError(text)
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _microseconds(fraction: str | None) -> int:
    return int((fraction or ".0")[1:7].ljust(6, "0"))  # some send nine digits; a clock decides by six


def _at(day: datetime, hour: int, minute: int, second: int, microsecond: int) -> datetime:
    if (hour, minute, second, microsecond) == (24, 0, 0, 0):  # XML Schema allows the end of a day as 24:00:00
        return _shift(day, timedelta(days=1))
    return day.replace(hour=hour, minute=minute, second=second, microsecond=microsecond)


def _shift(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:  # 9999-12-31 is how some write "for ever"
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)


# --- names -------------------------------------------------------------------------------------------------------

_NAMED: Final = frozenset({None, f"{XSD}anyURI", f"{XSD}NCName", f"{XSD}token", f"{XSD}language"})


def compare_names(
    values: frozenset[str],
    operator: str,
    right: RightOperand,
    concepts: Concepts = NO_CONCEPTS,
    *,
    some: bool = False,
) -> Truth:
    """Each of `values` against a name or a list of names.

    Several values must agree: if the constraint holds for one and not for another the answer is Unknown, so that
    neither a permission nor a prohibition is settled by half of what was declared. With `some` (groups, of which
    one may be in many and none is left out) one value is enough, and no value at all is an answer.
    """
    names = read_names(right)
    if not names:
        return None
    if some:
        return _some(values, operator, names, concepts)
    if not values:
        return None
    if operator == "isAllOf":
        return _holds_all(values, names, concepts)
    results = {_compare_name(value, operator, names, concepts) for value in values}
    return results.pop() if len(results) == 1 else None


def read_names(right: RightOperand) -> frozenset[str] | None:
    """The names in a right operand; None if one of them is not a name. An IRI and its string are the same name."""
    operands: tuple[Operand, ...] = right if isinstance(right, tuple) else (right,)
    names: set[str] = set()
    for operand in operands:
        if isinstance(operand, Iri) or (isinstance(operand, Literal) and operand.datatype in _NAMED):
            names.add(operand.value)
        else:
            return None
    return frozenset(names)


def _holds_all(values: frozenset[str], names: frozenset[str], concepts: Concepts) -> Truth:
    """All of the names and nothing else; what goes beyond them is Unknown."""
    if not all(_among(name, values, concepts) for name in names):
        return False
    return True if all(_among(value, names, concepts) for value in values) else None


def _some(values: frozenset[str], operator: str, names: frozenset[str], concepts: Concepts) -> Truth:
    if operator == "isAllOf":
        return all(_among(name, values, concepts) for name in names)
    if not values:
        return _some_of_none(operator, names)
    positive = {"neq": "eq", "isNoneOf": "isAnyOf"}.get(operator)
    found = any_of(_compare_name(value, positive or operator, names, concepts) for value in values)
    return negate(found) if positive else found


def _some_of_none(operator: str, names: frozenset[str]) -> Truth:
    if operator not in {"isAnyOf", "isNoneOf"} and len(names) != 1:
        return None
    return operator in {"neq", "isNoneOf"}


def _compare_name(value: str, operator: str, names: frozenset[str], concepts: Concepts) -> Truth:
    if operator in {"isAnyOf", "isNoneOf"}:
        return _among(value, names, concepts) is (operator == "isAnyOf")
    if len(names) != 1:  # the other operators compare with one name
        return None
    (name,) = names
    if operator in {"eq", "neq"}:
        return concepts.same(value, name) is (operator == "eq")
    return _related(value, operator, name, concepts)


def _related(value: str, operator: str, name: str, concepts: Concepts) -> Truth:
    if operator == "isA":
        return concepts.is_a(value, name)
    if operator == "isPartOf":
        return concepts.is_part_of(value, name)
    return concepts.is_part_of(name, value) if operator == "hasPart" else None


def _among(name: str, names: frozenset[str], concepts: Concepts) -> bool:
    return name in names or (bool(concepts.same_as) and any(concepts.same(name, other) for other in names))
