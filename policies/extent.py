"""What of the data an agreement allows: polygons, periods, variables, spacing, levels and counts.

An agreement is compiled once; every request is *intersected* with it, and what comes out is what may be served. The
intersection of an extent with a larger request is never smaller, and nothing that it names lies outside either.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from policies.comparison import Interval, lies_within, read_interval
from policies.errors import MalformedPolicy, UnknownTerm
from policies.geometry import WORLD, InvalidArea, Region, geos, only_areas, read_region
from policies.model import AtomicConstraint, Constraint, Operand, Permission, Policy
from policies.operands import BYTE_VOLUME, DATA_TIME, EXTENT, LEVEL, SPATIAL_RESOLUTION, VARIABLE
from policies.quantities import read_number
from policies.values import read_names

#: Left operands that an extent says, instead of a decision.
CLIPPED: Final = frozenset({EXTENT, DATA_TIME, VARIABLE, SPATIAL_RESOLUTION, LEVEL})
_EVER: Final[Interval] = (None, None)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; None is without end."""

    low: Decimal | None = None
    high: Decimal | None = None

    def meet(self, other: "Range") -> "Range | None":
        """What lies in both; None if nothing does."""
        lows = [each for each in (self.low, other.low) if each is not None]
        highs = [each for each in (self.high, other.high) if each is not None]
        both = Range(max(lows, default=None), min(highs, default=None))
        return None if both.low is not None and both.high is not None and both.low > both.high else both


@dataclass(frozen=True)
class Extent:
    """Data within `area` (CRS84) and one of the `periods` (half-open, apart from each other, in order).

    `variables` None means all of them. `spacing`: samples no closer than so many metres. `uses` and `volume` are the
    most uses and bytes; None is without limit.
    """

    area: Region = WORLD
    periods: tuple[Interval, ...] = (_EVER,)
    variables: frozenset[str] | None = None
    spacing: Decimal = Decimal(0)
    levels: tuple[Range, ...] = (Range(),)
    uses: int | None = None
    volume: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        nothing = self.area.is_empty or self.area.area == 0 or not self.periods or not self.levels
        return bool(nothing or self.variables == frozenset() or 0 in {self.uses, self.volume})

    def meet(self, other: "Extent") -> "Extent":
        """What lies in both."""
        return Extent(
            only_areas(geos.intersection(self.area, other.area)),
            _meet_all(self.periods, other.periods, _meet_periods),
            _both(self.variables, other.variables),
            max(self.spacing, other.spacing),
            _meet_all(self.levels, other.levels, Range.meet),
            _least(self.uses, other.uses),
            _least(self.volume, other.volume),
        )

    def holds(self, other: "Extent") -> bool:
        """Whether all of `other` lies in this one. Areas may stick out by what rounding makes of a corner."""
        outside = geos.difference(other.area, self.area).area
        periods = all(any(lies_within(inner, outer) for outer in self.periods) for inner in other.periods)
        named = self.variables is None or (other.variables is not None and other.variables <= self.variables)
        return bool(outside <= _ROUNDING and periods and named and other.spacing >= self.spacing)


# Square degrees: corners of an intersection are rounded to the 16 digits of a float.
_ROUNDING: Final = 1e-9


def compile_extent(policy: Policy) -> tuple[Extent, ...]:
    """One extent for each permission of an agreement; each may be used by itself.

    A constraint of our profile that is no conjunct of a permission (one within or, xone, or a prohibition) has no
    extent: `UnknownTerm` names it. Raises `MalformedPolicy` for an area, period or number that cannot be read.
    """
    for index, rule in enumerate(policy.prohibitions):
        for constraint in rule.constraints:
            _refuse(constraint, f"policy.prohibition[{index}]")
    return tuple(_of(rule, f"policy.permission[{index}]") for index, rule in enumerate(policy.permissions))


def _of(rule: Permission, path: str) -> Extent:
    extent = Extent()
    for place, constraint in _conjuncts(rule.constraints, f"{path}.constraint"):
        limit = _limit(constraint, place)
        extent = extent if limit is None else extent.meet(limit)
    return extent


def _conjuncts(constraints: Iterable[Constraint], path: str) -> Iterable[tuple[str, AtomicConstraint]]:
    for index, constraint in enumerate(constraints):
        place = f"{path}[{index}]"
        if isinstance(constraint, AtomicConstraint):
            yield place, constraint
        elif constraint.operator in {"and", "andSequence"}:
            yield from _conjuncts(constraint.parts, f"{place}.{constraint.operator}")
        else:
            _refuse(constraint, place)


def _refuse(constraint: Constraint, path: str) -> None:
    """An extent is one for all cases: what holds in some cases only cannot be clipped to."""
    if not isinstance(constraint, AtomicConstraint):
        for part in constraint.parts:
            _refuse(part, f"{path}.{constraint.operator}")
    elif constraint.left_operand in CLIPPED:
        problem = f"{constraint.left_operand} cannot be turned into an extent here."
        raise UnknownTerm(path, constraint.left_operand, problem, hint="Write it as a constraint of a permission.")


def _limit(constraint: AtomicConstraint, path: str) -> Extent | None:
    """What one constraint allows; None if it says nothing about the extent."""
    rules = _LIMITS.get(constraint.left_operand)
    if rules is None:
        return None
    rule = rules.get(constraint.operator)
    if rule is None:
        if constraint.left_operand not in CLIPPED:
            return None
        problem = f"{constraint.operator!r} of {constraint.left_operand} cannot be turned into an extent here."
        raise UnknownTerm(f"{path}.operator", constraint.operator, problem, hint=f"Use one of: {', '.join(rules)}.")
    right = constraint.right_operand
    values = right if isinstance(right, tuple) else (right,)
    try:
        return rule(values)
    except InvalidArea as error:
        raise MalformedPolicy(f"{path}.rightOperand", f"expected an area; {error}.") from None
    except (ValueError, TypeError):
        raise MalformedPolicy(f"{path}.rightOperand", "cannot be read as a value of its operand.") from None


Values = tuple[Operand, ...]


def _area(values: Values) -> Extent:
    return Extent(area=geos.union_all([read_region(value) for value in values]))


def _period(values: Values) -> Extent:
    periods = [read_interval(value) for value in values]
    if None in periods:
        raise ValueError(values)
    return Extent(periods=joined(period for period in periods if period is not None))


def _names(values: Values) -> Extent:
    names = read_names(values)
    if not names:
        raise ValueError(values)
    return Extent(variables=names)


def _number(values: Values) -> Decimal:
    (value,) = values
    number = read_number(value)
    if number is None:
        raise ValueError(values)
    return number


def _at_most(values: Values, field: str, step: int) -> Extent:
    number = _number(values)
    whole = int(number) if number == int(number) else int(number) + 1
    most = whole - step if number == int(number) else whole - 1
    return replace(Extent(), **{field: max(0, most)})


def _levels(values: Values) -> Extent:
    numbers = [_number((value,)) for value in values]
    return Extent(levels=tuple(Range(number, number) for number in sorted(set(numbers))))


_LIMITS: Final[dict[str, dict[str, Callable[[Values], Extent]]]] = {
    EXTENT: {"isPartOf": _area, "eq": _area},
    DATA_TIME: {"isPartOf": _period, "eq": _period},
    VARIABLE: {"isAnyOf": _names, "eq": _names, "isAllOf": _names},
    SPATIAL_RESOLUTION: {"gteq": lambda values: Extent(spacing=_number(values))},
    LEVEL: {
        "eq": _levels,
        "isAnyOf": _levels,
        "lteq": lambda values: Extent(levels=(Range(high=_number(values)),)),
        "gteq": lambda values: Extent(levels=(Range(low=_number(values)),)),
    },
    "count": {"lteq": lambda values: _at_most(values, "uses", 0), "lt": lambda values: _at_most(values, "uses", 1)},
    BYTE_VOLUME: {
        "lteq": lambda values: _at_most(values, "volume", 0),
        "lt": lambda values: _at_most(values, "volume", 1),
    },
}


def joined(periods: Iterable[Interval]) -> tuple[Interval, ...]:
    """Periods in order; those that touch or overlap are one."""
    found: list[Interval] = []
    for start, end in sorted(periods, key=lambda period: (period[0] is not None, period[0] or _ANY)):
        last_end = found[-1][1] if found else None
        if found and (last_end is None or start is None or start <= last_end):
            later = None if last_end is None or end is None else max(last_end, end)
            found[-1] = (found[-1][0], later)
        else:
            found.append((start, end))
    return tuple(found)


_ANY: Final = datetime.min  # noqa: DTZ901 -- never compared with one that has a zone: it stands for None alone


def _meet_periods(one: Interval, other: Interval) -> Interval | None:
    starts = [each for each in (one[0], other[0]) if each is not None]
    ends = [each for each in (one[1], other[1]) if each is not None]
    start, end = max(starts, default=None), min(ends, default=None)
    return None if start is not None and end is not None and start >= end else (start, end)


def _meet_all(ones: tuple[Any, ...], others: tuple[Any, ...], meet: Callable[[Any, Any], Any]) -> tuple[Any, ...]:
    found = [meet(one, other) for one in ones for other in others]
    return tuple(each for each in found if each is not None)


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
