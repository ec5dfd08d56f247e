from datetime import UTC, datetime, timedelta, timezone

import pytest

from policies.model import Iri, Literal, Opaque
from policies.values import all_of, any_of, compare_moment, compare_names, one_of, read_span
from policies.vocabulary import XSD

T, F, U = True, False, None
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("results", "conjunction", "disjunction", "exactly_one"),
    [
        ((), T, F, F),
        ((T,), T, T, T),
        ((F,), F, F, F),
        ((U,), U, U, U),
        ((T, T), T, T, F),
        ((T, F), F, T, T),
        ((F, F), F, F, F),
        ((T, U), U, T, U),
        ((F, U), F, U, U),
        ((T, T, T), T, T, F),
        ((T, F, U), F, T, U),
    ],
    ids=str,
)
def test_logic_has_three_values(results, conjunction, disjunction, exactly_one):
    assert (all_of(results), any_of(results), one_of(results)) == (conjunction, disjunction, exactly_one)


@pytest.mark.parametrize(
    ("right", "lt", "lteq", "eq", "gteq", "gt"),
    [
        ("2026-11-25T12:00:00Z", F, T, T, T, F),
        ("2026-11-25T12:00:00.000001Z", T, T, F, F, F),
        ("2026-11-25T11:59:59.999999Z", F, F, F, T, T),
        ("2026-11-25T13:00:00+01:00", F, T, T, T, F),
        ("2026-11-25T12:00Z", F, T, T, T, F),
        ("2026-11-25T12:00:00.000000999Z", F, T, T, T, F),
        ("2026-11-25Z", F, T, T, T, F),
        ("2026-11-26Z", T, T, F, F, F),
        ("2026-11-24Z", F, F, F, T, T),
        ("2026-11-24T24:00:00Z", F, F, F, T, T),
        ("2026-11-25", U, U, U, U, U),
        ("2026-11-25T20:00:00", U, U, U, U, U),
        ("2026-11-27", T, T, F, F, F),
        ("2026-11-20T00:00:00", F, F, F, T, T),
        ("9999-12-31", T, T, F, F, F),
        ("9999-12-31T23:59:59-14:00", T, T, F, F, F),
        ("0001-01-01", F, F, F, T, T),
    ],
)
def test_moments_compare_in_time_and_a_missing_zone_is_unknown_only_nearby(right, lt, lteq, eq, gteq, gt):  # noqa: PLR0917
    answers = [compare_moment(NOON, operator, Literal(right)) for operator in ("lt", "lteq", "eq", "gteq", "gt")]
    assert answers == [lt, lteq, eq, gteq, gt]
    assert compare_moment(NOON, "neq", Literal(right)) is (None if eq is None else not eq)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "",
        "2026-02-29Z",
        "2026-13-01Z",
        "2026-11-25T25:00:00Z",
        "2026-11-25T24:00:01Z",
        "2026-11-25T12Z",
        "2026-11-25T12:00:60Z",
        "2026-11-25T12:00:00+15:00",
        "2026-11-25T12:00:00+01:99",
        "20261125",
        "٢٠٢٦-11-25Z",
        "-2026-11-25Z",
        "0000-01-01Z",
        "2026-11-25T12:00:00Z\n",
    ],
)
def test_what_is_not_a_moment_is_unknown(text):
    assert compare_moment(NOON, "lt", Literal(text)) is None


@pytest.mark.parametrize(
    "right",
    [Iri("2027-01-01Z"), Opaque("{}"), (Literal("2027-01-01Z"),), Literal("2027-01-01Z", f"{XSD}integer")],
    ids=["iri", "object", "list", "other type"],
)
def test_a_right_operand_that_is_no_date_is_unknown(right):
    assert compare_moment(NOON, "lt", right) is None


def test_a_leap_day_exists_in_leap_years():
    assert read_span(Literal("2028-02-29Z")) is not None


def test_the_clock_may_stand_in_any_zone():
    summer = timezone(timedelta(hours=2))
    assert compare_moment(datetime(2026, 7, 1, 1, tzinfo=summer), "lt", Literal("2026-07-01T00:00:00Z")) is True


ONE, TWO = Literal("a"), (Literal("a"), Iri("b"))


@pytest.mark.parametrize(
    ("declared", "operator", "right", "expected"),
    [
        ({"a"}, "eq", ONE, T),
        ({"c"}, "eq", ONE, F),
        ({"a"}, "neq", ONE, F),
        ({"c"}, "neq", ONE, T),
        ({"a", "c"}, "eq", ONE, U),
        ({"a", "c"}, "neq", ONE, U),
        ({"b"}, "isAnyOf", TWO, T),
        ({"a", "b"}, "isAnyOf", TWO, T),
        ({"a", "c"}, "isAnyOf", TWO, U),
        ({"c"}, "isAnyOf", TWO, F),
        ({"c"}, "isNoneOf", TWO, T),
        ({"a"}, "isNoneOf", TWO, F),
        ({"a", "c"}, "isNoneOf", TWO, U),
        ({"a", "b"}, "isAllOf", TWO, T),
        ({"a"}, "isAllOf", TWO, F),
        ({"a", "b", "c"}, "isAllOf", TWO, U),
        ({"a"}, "isA", ONE, T),
        ({"c"}, "isA", ONE, U),
        ({"c"}, "isPartOf", ONE, U),
        ({"c"}, "hasPart", ONE, U),
        ({"a"}, "eq", TWO, U),
        ({"a"}, "isAnyOf", (), U),
        ({"a"}, "isNoneOf", (), U),
        (set(), "isNoneOf", ONE, U),
        ({"a"}, "lt", ONE, U),
        ({"a"}, "eq", Opaque("{}"), U),
        ({"5"}, "eq", Literal("5", f"{XSD}integer"), U),
    ],
)
def test_names_compare_by_identity_and_unstated_relations_are_unknown(declared, operator, right, expected):
    assert compare_names(frozenset(declared), operator, right) is expected
