"""The values that a variable needs to be tried with: finitely many that stand for all of its value space.

Along an ordered space the tests change their answer only at the values they name, so one value from each stretch
between these is enough. Where names are concerned, the names in the tests, their relations and one new name are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any, Final

from policies.comparison import compare, compare_with_clock, is_recurring, read_interval, space_of
from policies.concepts import Concepts
from policies.formula import ActionTest, Test
from policies.model import AtomicConstraint, Literal, Opaque, Operand
from policies.operands import LeftOperand
from policies.quantities import LEVELS, duration_text, read_duration, read_number
from policies.terms import XSD, Truth
from policies.values import read_span
from policies.vocabulary import INCLUDED_IN, covers

NEW_NAME: Final = "urn:tidegate:any"
#: All names of a hierarchy are tried if there are no more than so many; else at most so many that are related.
FEW_NAMES: Final = 200
MOST_NAMES: Final = 2_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value to try; on a line of integers it stands for all of `low` … `high` (None: without end)."""

    value: Any
    low: int | None = None
    high: int | None = None
    line: bool = False


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def to_moment(micros: int) -> datetime:
    """The moment so many microseconds after 1970, or the first or last that there is."""
    return _EPOCH + timedelta(microseconds=max(to_micros(_FIRST), min(to_micros(_LAST), micros)))


def moment_literal(moment: datetime) -> Literal:
    """A moment as a right operand."""
    return Literal(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), f"{XSD}dateTime")


def duration_literal(micros: int) -> Literal:
    """A duration as a right operand."""
    return Literal(duration_text(micros), f"{XSD}duration")


def candidates(variable: str, tests: Sequence[Test], concepts: Concepts) -> list[Candidate]:
    """Values that stand for all that the variable can have, as far as these tests tell them apart."""
    if variable == "action":
        return _actions([test.action for test in tests if isinstance(test, ActionTest)], concepts)
    atoms = [test for test in tests if isinstance(test, AtomicConstraint)]
    found: list[Candidate] = []
    for operand in dict.fromkeys(space_of(atom) for atom in atoms):
        rights = [one for atom in atoms for one in _several(atom)]
        found += _OF_SPACE[operand.space](rights, atoms, operand, concepts)
    return found


def truth(test: Test, value: Any, concepts: Concepts) -> Truth:
    """Whether a value passes a test, as `evaluate` decides it."""
    if isinstance(test, ActionTest):
        return covers(test.action, value, concepts.included_in)
    if not isinstance(test, AtomicConstraint):
        return None
    if isinstance(value, datetime):
        if test.unit is not None or test.operator not in space_of(test).operators:
            return None
        return compare_with_clock(test, value)
    return compare(test, value, concepts)


def _several(atom: AtomicConstraint) -> tuple[Operand, ...]:
    return atom.right_operand if isinstance(atom.right_operand, tuple) else (atom.right_operand,)


def _actions(named: list[str], concepts: Concepts) -> list[Candidate]:
    known = [*INCLUDED_IN, *concepts.included_in]
    return [Candidate(action) for action in dict.fromkeys([*named, *known])]


def _line(cuts: Iterable[int], make: Callable[[int], Any], lowest: int | None, highest: int | None) -> list[Candidate]:
    """One candidate for each stretch of integers between cuts; a cut is the first integer of its stretch."""
    inside = sorted({cut for cut in cuts if (lowest is None or cut > lowest) and (highest is None or cut <= highest)})
    starts: list[int | None] = [lowest, *inside]
    ends: list[int | None] = [*(cut - 1 for cut in inside), highest]
    found: list[Candidate] = []
    for low, high in zip(starts, ends, strict=True):
        shown = low if low is not None else high if high is not None else 0
        found.append(Candidate(make(shown), low, high, line=True))
    return found


Rights = list[Operand]
Atoms = list[AtomicConstraint]


def _moments(rights: Rights, atoms: Atoms, _operand: LeftOperand, _concepts: Concepts) -> list[Candidate]:
    spans = [span for right in rights if (span := read_span(right))]
    cuts = [cut for first, last, _ in spans for cut in (to_micros(first), to_micros(last) + 1)]
    clock = any(atom.left_operand == "dateTime" for atom in atoms)

    def make(micros: int) -> Any:
        return to_moment(micros) if clock else (moment_literal(to_moment(micros)),)

    return _line(cuts, make, to_micros(_FIRST), to_micros(_LAST))


def _durations(rights: Rights, _atoms: Atoms, operand: LeftOperand, _concepts: Concepts) -> list[Candidate]:
    lengths = [length for right in rights if (length := read_duration(right))]
    cuts = [cut for length in lengths for low, high in [length.bounds()] for cut in (low, low + 1, high, high + 1)]
    written = [Candidate((right,)) for right in rights if _is_off_the_line(right)]
    return [*_line(cuts, lambda micros: (duration_literal(micros),), operand.lowest, None), *written]


def _is_off_the_line(right: Operand) -> bool:
    """A month has no one length, and a recurring interval has none at all."""
    length = read_duration(right)
    return is_recurring(right) if length is None else length.months != 0


def _numbers(rights: Rights, _atoms: Atoms, operand: LeftOperand, _concepts: Concepts) -> list[Candidate]:
    bounds = sorted({number for right in rights if (number := read_number(right)) is not None})
    bounds = bounds or [Decimal(0)]
    between = [(low + high) / 2 for low, high in pairwise(bounds)]
    points = {*bounds, *between, bounds[0] - 1, bounds[-1] + 1}
    if operand.whole:
        points = {Decimal(int(point) + step) for point in points for step in (-1, 0, 1)}
    points |= {Decimal(limit) for limit in (operand.lowest, operand.highest) if limit is not None}
    low, high = operand.lowest, operand.highest
    fitting = [point for point in sorted(points) if (low is None or point >= low) and (high is None or point <= high)]
    return [Candidate((_number(point),)) for point in fitting]


@lru_cache(maxsize=1024)
def _number(number: Decimal) -> Literal:
    whole = number == number.to_integral_value()
    text = str(int(number)) if whole else format(number, "f")
    return Literal(text, f"{XSD}{'integer' if whole else 'decimal'}")


def _levels(_rights: Rights, _atoms: Atoms, _operand: LeftOperand, _concepts: Concepts) -> list[Candidate]:
    return [Candidate((Literal(level),)) for level in LEVELS]


def _names(rights: Rights, atoms: Atoms, _operand: LeftOperand, concepts: Concepts) -> list[Candidate]:
    named = sorted({right.value for right in rights if not isinstance(right, Opaque)})
    lists = [atom.right_operand for atom in atoms if atom.operator == "isAllOf"]
    related = _related(named, concepts) if concepts.names else []
    single = [Candidate((Literal(name),)) for name in dict.fromkeys([*named, *related, NEW_NAME])]
    return single + [Candidate(each if isinstance(each, tuple) else (each,)) for each in lists]


def _related(named: Iterable[str], concepts: Concepts) -> list[str]:
    """The names of a small hierarchy; of a large one those that stand under or over one of those named."""
    if len(concepts.names) <= FEW_NAMES:
        return sorted(concepts.names)
    heads = {above for name in named for above in concepts.above(name, parts=True)}
    found = [name for name in sorted(concepts.names) if concepts.above(name, parts=True) & heads]
    return found[:MOST_NAMES]


def _intervals(rights: Rights, _atoms: Atoms, _operand: LeftOperand, _concepts: Concepts) -> list[Candidate]:
    periods = [period for right in rights if (period := read_interval(right))]
    ends = sorted({end for period in periods for end in period if end is not None})
    steps = [timedelta(0), timedelta(seconds=1), -timedelta(seconds=1)]
    points = sorted({_shifted(end, step) for end in ends for step in steps}) or [_EPOCH, _EPOCH + timedelta(days=1)]
    texts = ["..", *(moment_literal(point).value for point in points), ".."]
    written = [right for right in rights if read_interval(right)]
    pairs = [Literal(f"{start}/{end}") for start, end in combinations(texts, 2)]
    return [Candidate((each,)) for each in (*written, *pairs)]


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment


def _areas(_rights: Rights, _atoms: Atoms, _operand: LeftOperand, _concepts: Concepts) -> list[Candidate]:
    return []  # found for the tests at hand: see `solvers`


_OF_SPACE: Final[dict[str, Callable[[Rights, Atoms, LeftOperand, Concepts], list[Candidate]]]] = {
    "moment": _moments,
    "duration": _durations,
    "number": _numbers,
    "level": _levels,
    "name": _names,
    "interval": _intervals,
    "geometry": _areas,
}
