"""An agreement as an extent, and what of a request lies in it."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from policies import MalformedPolicy, UnknownTerm, parse_policy
from policies.extent import Extent, Range, compile_extent, joined
from policies.geometry import region_of_bbox
from policies.operands import BYTE_VOLUME, DATA_TIME, EXTENT, LEVEL, SPATIAL_RESOLUTION, VARIABLE
from tests.unit.policies.build import BEFORE_2027, atom, permit


def day(number, month=1):
    return datetime(2020, month, number, tzinfo=UTC)


def extent_of(*constraints: object):
    (extent,) = compile_extent(parse_policy(permit(*constraints)))
    return extent


def test_an_agreement_without_limits_allows_everything():
    extent = extent_of(BEFORE_2027)
    assert not extent.is_empty
    assert extent == Extent()


def test_every_limit_of_the_profile_is_compiled():
    extent = extent_of(
        atom(EXTENT, "isPartOf", {"bbox": [0, 0, 10, 10]}),
        atom(EXTENT, "isPartOf", {"bbox": [5, 5, 20, 20]}),
        {"and": [atom(DATA_TIME, "isPartOf", "2020-01-01/2020-02-01"), atom(VARIABLE, "isAnyOf", ["t", "p"])]},
        atom(SPATIAL_RESOLUTION, "gteq", 1000),
        atom(LEVEL, "isAnyOf", [1, 2, 5]),
        atom(LEVEL, "lteq", 2),
        atom("count", "lt", 3),
        atom(BYTE_VOLUME, "lteq", "1e6"),
    )
    assert extent.area.equals(shapely.box(5, 5, 10, 10))
    assert extent.periods == ((day(1), day(1, 2)),)
    assert (extent.variables, extent.spacing) == (frozenset({"t", "p"}), Decimal(1000))
    assert extent.levels == (Range(Decimal(1), Decimal(1)), Range(Decimal(2), Decimal(2)))
    assert (extent.uses, extent.volume) == (2, 1_000_000)


@pytest.mark.parametrize(
    ("operator", "number", "uses"),
    [("lteq", 3, 3), ("lteq", "3.5", 3), ("lt", 3, 2), ("lt", "3.5", 3), ("lt", 0, 0), ("lteq", -1, 0)],
)
def test_a_limit_of_uses_is_the_largest_whole_number_allowed(operator, number, uses):
    assert extent_of(atom("count", operator, number)).uses == uses


@pytest.mark.parametrize(
    "document",
    [
        permit({"or": [atom(VARIABLE, "eq", "t"), BEFORE_2027]}),
        permit(atom(VARIABLE, "isNoneOf", ["t"])),
        permit(atom(EXTENT, "hasPart", {"bbox": [0, 0, 1, 1]})),
        permit() | {"prohibition": [{"action": "use", "constraint": [atom(VARIABLE, "eq", "t")]}]},
    ],
    ids=["or", "operator", "hasPart", "prohibition"],
)
def test_what_has_no_extent_is_named(document):
    with pytest.raises(UnknownTerm):
        compile_extent(parse_policy(document))


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (
            atom(EXTENT, "isPartOf", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}),
            "crosses",
        ),
        (atom(DATA_TIME, "isPartOf", "soon"), "cannot be read"),
        (atom("count", "lteq", "many"), "cannot be read"),
        (atom(VARIABLE, "isAnyOf", []), "cannot be read"),
    ],
    ids=["bow tie", "period", "count", "no variable"],
)
def test_what_cannot_be_read_is_refused(constraint, words):
    with pytest.raises(MalformedPolicy, match=words):
        extent_of(constraint)


def test_periods_that_touch_are_one_and_the_end_is_outside():
    assert joined([(day(3), day(5)), (day(1), day(3)), (day(6), None)]) == ((day(1), day(5)), (day(6), None))
    assert joined([(None, day(2)), (day(1), None)]) == ((None, None),)
    first, second = Extent(periods=((day(1), day(3)),)), Extent(periods=((day(3), day(5)),))
    assert first.meet(second).is_empty


degrees = st.integers(-180, 180).map(float)
latitudes = st.integers(-90, 90).map(float)


@st.composite
def areas(draw):
    west, east = draw(st.tuples(degrees, degrees).filter(lambda ends: ends[0] != ends[1]))
    south, north = sorted(draw(st.lists(latitudes, min_size=2, max_size=2, unique=True)))
    return region_of_bbox([west, south, east, north])


@st.composite
def periods(draw):
    ends = sorted(draw(st.lists(st.integers(1, 28), min_size=2, max_size=2, unique=True)))
    start, end = (draw(st.sampled_from([None, day(each)])) for each in ends)
    return (start, end)


extents = st.builds(
    Extent,
    area=areas(),
    periods=st.lists(periods(), min_size=1, max_size=3).map(joined),
    variables=st.one_of(st.none(), st.frozensets(st.sampled_from("tpq"))),
    spacing=st.sampled_from([Decimal(0), Decimal(10), Decimal(100)]),
    uses=st.one_of(st.none(), st.integers(0, 5)),
    volume=st.one_of(st.none(), st.integers(0, 5)),
)


@given(extents, extents)
def test_what_lies_in_both_lies_in_each(agreed, asked):
    both = agreed.meet(asked)
    assert both.is_empty or (agreed.holds(both) and asked.holds(both))


@given(extents, extents, extents)
def test_a_larger_agreement_or_request_never_gives_less(agreed, asked, more):
    small, larger = agreed.meet(asked).meet(more), agreed.meet(asked)
    assert small.is_empty or larger.holds(small)
    assert larger.area.area >= small.area.area - 1e-9


@given(extents)
def test_an_extent_meets_itself_in_itself(extent):
    again = extent.meet(extent)
    assert math.isclose(again.area.area, extent.area.area)
    assert (again.variables, again.periods) == (extent.variables, extent.periods)


@given(extents, extents, st.floats(-179.99, 179.99), st.floats(-89.99, 89.99))
def test_a_point_is_in_the_intersection_exactly_if_it_is_in_both(agreed, asked, lon, lat):
    at = shapely.Point(lon, lat)
    boundary = agreed.area.boundary.distance(at) < 1e-9 or asked.area.boundary.distance(at) < 1e-9
    both = agreed.area.covers(at) and asked.area.covers(at)
    assert boundary or agreed.meet(asked).area.covers(at) is both
