from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataplane.ranges import RangeNotSatisfiable, Span, parse_ranges


def spans(header: str | None, size: int = 100, max_ranges: int = 16) -> list[tuple[int, int]] | None:
    found = parse_ranges(header, size, max_ranges=max_ranges)
    return None if found is None else [(span.first, span.last) for span in found]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("bytes=0-0", [(0, 0)], id="first byte"),
        pytest.param("bytes=10-19", [(10, 19)], id="in the middle"),
        pytest.param("bytes=90-", [(90, 99)], id="open end"),
        pytest.param("bytes=90-5000", [(90, 99)], id="last position beyond the end is cut (14.1.2)"),
        pytest.param("bytes=-10", [(90, 99)], id="suffix"),
        pytest.param("bytes=-5000", [(0, 99)], id="suffix longer than the file is all of it (14.1.2)"),
        pytest.param("Bytes = 0-1 , 5-6", [(0, 1), (5, 6)], id="unit without case, with white space"),
        pytest.param("bytes=50-59,0-9", [(50, 59), (0, 9)], id="order of the request is kept"),
        pytest.param("bytes=0-9,200-300", [(0, 9)], id="an unsatisfiable one is left out"),
        pytest.param("bytes=0-9,5-20,50-60", [(0, 20), (50, 60)], id="overlapping ones are merged"),
        pytest.param("bytes=0-,-1", [(0, 99)], id="one within another"),
        pytest.param("bytes=,0-1,", [(0, 1)], id="empty list elements are ignored (5.6.1)"),
    ],
)
def test_satisfiable_ranges(header: str, expected: list[tuple[int, int]]):
    assert spans(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=abc",
        "bytes=9-5",
        "bytes=0-9,9-5",
        "bytes=-",
        "bytes=--5",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bytes=\uff11-\uff12",
        "lines=0-5",
        "bytes=" + "9" * 21 + "-",
    ],
)
def test_an_invalid_range_field_is_ignored(header: str | None):
    assert spans(header) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,-0"])
def test_ranges_outside_the_file_are_not_satisfiable(header: str):
    with pytest.raises(RangeNotSatisfiable):
        spans(header)


def test_an_empty_file_has_no_ranges():
    with pytest.raises(RangeNotSatisfiable):
        spans("bytes=0-", size=0)
    assert spans("bytes=-5", size=0) is None


def test_more_ranges_than_are_served_are_refused():
    with pytest.raises(RangeNotSatisfiable, match="at most 2"):
        spans("bytes=0-1,3-4,6-7", max_ranges=2)


def test_content_range_names_both_ends_and_the_size():
    assert Span(5, 9).content_range(20) == "bytes 5-9/20"


part = st.tuples(st.none() | st.integers(0, 40), st.none() | st.integers(0, 40)).filter(
    lambda pair: pair != (None, None)
)


@given(st.lists(part, min_size=1, max_size=8), st.integers(0, 30))
def test_exactly_the_requested_bytes_are_sent_and_none_twice(parts: list[tuple[int | None, int | None]], size: int):
    header = "bytes=" + ",".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in parts)
    wanted: set[int] = set()
    for first, last in parts:
        if first is None:
            assert last is not None
            wanted |= set(range(max(size - last, 0), size))
        else:
            wanted |= set(range(first, size if last is None else min(last + 1, size)))
    try:
        found = parse_ranges(header, size, max_ranges=16)
    except RangeNotSatisfiable:
        assert not wanted
        return
    if found is None:
        assert size == 0 or any(a is not None and b is not None and a > b for a, b in parts)
        return
    sent = [byte for span in found for byte in range(span.first, span.last + 1)]
    assert len(sent) == len(set(sent)) <= size
    assert set(sent) == wanted


@given(st.text(max_size=40))
def test_any_field_is_read_or_refused(header: str):
    for field in (header, "bytes=" + header):
        with suppress(RangeNotSatisfiable):
            parse_ranges(field, 50, max_ranges=4)
