"""Numbers, durations and levels of assurance as exact values, and how two of them compare."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from policies.model import Literal, Opaque, Operand
from policies.terms import TIDEGATE, XSD

_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_NUMERIC_NAMES = (
    "integer decimal double float long int short byte nonNegativeInteger positiveInteger nonPositiveInteger "
    "negativeInteger unsignedLong unsignedInt unsignedShort unsignedByte"
)
_NUMERIC: Final = frozenset(f"{XSD}{name}" for name in _NUMERIC_NAMES.split())
# Nobody's contract has a number of more digits; longer ones only cost time.
_MOST_CHARACTERS: Final = 64

_DURATION: Final = re.compile(
    r"(-)?P(?=.)(?:([0-9]{1,7})Y)?(?:([0-9]{1,7})M)?(?:([0-9]{1,7})W)?(?:([0-9]{1,7})D)?"
    r"(?:T(?=.)(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,12})(\.[0-9]+)?S)?)?"
)
_DURATIONS: Final = frozenset(
    {None, *(f"{XSD}{name}" for name in ("duration", "dayTimeDuration", "yearMonthDuration"))}
)
# XML Schema 1.1 section 3.3.6.2: durations compare as they do from each of these months on: (year, month).
_STARTS: Final = ((1696, 9), (1697, 2), (1903, 3), (1903, 7))
SECOND: Final = 1_000_000  # microseconds
DAY: Final = 86_400 * SECOND

#: Levels of assurance by rank: eIDAS (EU) 910/2014, article 8.
LEVELS: Final = {"low": 1, "substantial": 2, "high": 3}


@dataclass(frozen=True, slots=True)
class Duration:
    """Months, and microseconds: a month has no fixed length, so the two do not add up."""

    months: int
    micros: int

    def micros_from(self, start: tuple[int, int]) -> int:
        """How long it is from the first day of a month (year, month) on."""
        year, month = start
        later = (year * 12 + month - 1) + self.months
        return (_day_number(later // 12, later % 12 + 1) - _day_number(year, month)) * DAY + self.micros

    def bounds(self) -> tuple[int, int]:
        """The shortest and the longest that it may be, in microseconds."""
        lengths = [self.micros_from(start) for start in _STARTS] if self.months else [self.micros]
        return min(lengths), max(lengths)


def _day_number(year: int, month: int) -> int:
    """Days up to the first of a month of the proleptic Gregorian calendar; only differences mean something."""
    year, month = (year - 1, month + 12) if month < 3 else (year, month)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5


@lru_cache(maxsize=4096)
def read_number(operand: Operand) -> Decimal | None:
    """A number of any XSD type, or a string that is one; None for anything else (NaN and INF compare with nothing)."""
    if not isinstance(operand, Literal) or operand.datatype not in _NUMERIC | {None}:
        return None
    if len(operand.value) > _MOST_CHARACTERS or not _NUMBER.fullmatch(operand.value):
        return None
    return Decimal(operand.value)


@lru_cache(maxsize=4096)
def read_duration(operand: Operand) -> Duration | None:
    """An xsd:duration (and weeks, as ISO 8601 has them); None for anything else."""
    if not isinstance(operand, Literal) or operand.datatype not in _DURATIONS:
        return None
    found = _DURATION.fullmatch(operand.value)
    if found is None:
        return None
    minus, *counts, fraction = found.groups()
    years, months, weeks, days, hours, minutes, seconds = (int(count or 0) for count in counts)
    clock = (hours * 3600 + minutes * 60 + seconds) * SECOND + int((fraction or ".0")[1:7].ljust(6, "0"))
    sign = -1 if minus else 1
    return Duration(sign * (years * 12 + months), sign * ((weeks * 7 + days) * DAY + clock))


def read_level(operand: Operand) -> int | None:
    """The rank of a level of assurance: low, substantial, high, as a word or our IRI."""
    if isinstance(operand, Opaque):
        return None
    return LEVELS.get(operand.value.removeprefix(f"{TIDEGATE}assurance/"))


def order_of_durations(a: Duration, b: Duration) -> int | None:
    """-1, 0 or 1; None where it depends on the months in question."""
    if a.months == b.months:
        return (a.micros > b.micros) - (a.micros < b.micros)
    pairs = [(a.micros_from(start), b.micros_from(start)) for start in _STARTS]
    signs = {(one > other) - (one < other) for one, other in pairs}
    return signs.pop() if len(signs) == 1 else None


def duration_text(micros: int) -> str:
    """Microseconds as an xsd:duration of days and seconds."""
    sign, left = ("-", -micros) if micros < 0 else ("", micros)
    days, left = divmod(left, DAY)
    seconds, fraction = divmod(left, SECOND)
    clock = f"{seconds}.{fraction:06d}".rstrip("0") if fraction else f"{seconds}"
    return f"{sign}P{days}DT{clock}S" if seconds or fraction else f"{sign}P{days}D"
