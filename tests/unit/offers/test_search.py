"""What is asked for survives the wire; what cannot be asked is refused by name."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import MalformedMessage
from connector.offers.search import FILTER, Search, area_box, parse_filter, render_filter, search_query

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = st.text() | st.sampled_from([FILTER + word for word in ("text", "bbox", "start", "end")])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@pytest.mark.parametrize(
    "search",
    [
        pytest.param(Search(), id="nothing"),
        pytest.param(Search(text="flood depth"), id="words"),
        pytest.param(Search(bbox=(170.0, -10.5, -170.0, 10.0)), id="an area across the antimeridian"),
        pytest.param(Search(start=NEW_YEAR), id="from a time on"),
        pytest.param(Search("ice", (0.0, 0.0, 1.0, 1.0), NEW_YEAR, NEW_YEAR), id="everything"),
    ],
)
def test_a_search_is_the_same_after_the_wire(search: Search) -> None:
    assert parse_filter(tuple(render_filter(search))) == search


def test_a_search_for_nothing_is_no_filter() -> None:
    assert render_filter(Search()) == []


def test_the_filter_with_which_edc_asks_for_everything_asks_for_nothing() -> None:
    everything = {"@type": "QuerySpec", "limit": 50, "offset": 0, "sortOrder": "ASC", "filterExpression": []}
    assert parse_filter((everything,)) == Search()


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        pytest.param("flood", r"filter\[0\]: this filter", id="not an object"),
        pytest.param({"text": "flood"}, r"filter\[0\]\.text", id="a key without our namespace"),
        pytest.param({f"{FILTER}colour": "red"}, r"filter\[0\]\..*colour", id="a key that is not ours"),
        pytest.param({"@type": "QuerySpec", "offset": 50}, r"filter\[0\]\.offset", id="the second page of EDC"),
        pytest.param(
            {"@type": "QuerySpec", "filterExpression": [{"operandLeft": "id"}]},
            r"filter\[0\]\.filterExpression",
            id="a condition of EDC",
        ),
        pytest.param({f"{FILTER}text": 7}, "expected a string", id="text that is a number"),
        pytest.param({f"{FILTER}bbox": "1234"}, "expected .west", id="a box that is a string"),
        pytest.param({f"{FILTER}bbox": [0, 0, 1]}, "expected .west", id="a box of three"),
        pytest.param({f"{FILTER}bbox": [0, 50, 1, 40]}, "expected .west", id="a box upside down"),
        pytest.param({f"{FILTER}bbox": [0, 0, 10**400, 1]}, "expected .west", id="a box with a huge number"),
        pytest.param({f"{FILTER}bbox": [0, 0, 400, 1]}, "expected .west", id="a box off the globe"),
        pytest.param({f"{FILTER}start": "2026-01-01T00:00:00"}, "with its offset", id="a time without offset"),
        pytest.param(
            {f"{FILTER}start": "2026-01-02T00:00:00Z", f"{FILTER}end": "2026-01-01T00:00:00Z"},
            "is after",
            id="backwards",
        ),
    ],
)
def test_a_filter_is_refused_for(item: Any, problem: str) -> None:
    with pytest.raises(MalformedMessage, match=problem):
        parse_filter((item,))


@given(st.lists(JSON, max_size=3))
def test_any_filter_is_understood_or_malformed_and_nothing_else(items: list[Any]) -> None:
    with contextlib.suppress(MalformedMessage):
        assert isinstance(parse_filter(tuple(items)), Search)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("Flood depth", "Flood:* & depth:*", id="words"),
        pytest.param("sea_surface_height", "sea:* & surface:* & height:*", id="a standard name"),
        pytest.param("a' | !b:* & (c)", "a:* & b:* & c:*", id="operators are not words"),
        pytest.param("  &|  ", None, id="no words"),
    ],
)
def test_a_text_becomes_a_query_for_all_its_words(text: str, query: str | None) -> None:
    assert search_query(text) == query


@pytest.mark.parametrize(
    ("bbox", "box"),
    [
        pytest.param(None, None, id="no area"),
        pytest.param((11.5, 44.0, 12.0, 45.0), "((11.5,44.0),(12.0,45.0))", id="an area"),
        pytest.param((170.0, -1.0, -170.0, 1.0), "((-180.0,-1.0),(180.0,1.0))", id="across the antimeridian"),
    ],
)
def test_an_area_becomes_a_box(bbox: tuple[float, ...] | None, box: str | None) -> None:
    assert area_box(bbox) == box
