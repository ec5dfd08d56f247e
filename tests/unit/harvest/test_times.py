"""Time ranges from CF coordinates of any calendar, and from MARS keys."""

from datetime import UTC, datetime

import numpy as np
import pytest

from connector.harvest.model import SourceRefused
from connector.harvest.times import Period, cf_period, join, mars_period


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("keys", "start", "end"),
    [
        ({"date": "20400102", "time": "0"}, "2040-01-02T00:00", "2040-01-02T00:00"),
        ({"date": "2040-01-02", "time": "0600"}, "2040-01-02T06:00", "2040-01-02T06:00"),
        ({"date": "20400102", "time": "600"}, "2040-01-02T06:00", "2040-01-02T06:00"),
        ({"date": "20400102", "time": "18:30:00"}, "2040-01-02T18:30", "2040-01-02T18:30"),
        ({"date": "20400102", "time": "12"}, "2040-01-02T12:00", "2040-01-02T12:00"),
        ({"date": "20400102/20400105", "time": "0000/1200"}, "2040-01-02T00:00", "2040-01-05T12:00"),
        ({"date": "20400101/to/20400131/by/1"}, "2040-01-01T00:00", "2040-01-31T00:00"),
        ({"date": "20400102", "time": "0", "step": "0/to/48/by/6"}, "2040-01-02T00:00", "2040-01-04T00:00"),
        ({"date": "20400102", "time": "0", "step": "24-48"}, "2040-01-03T00:00", "2040-01-04T00:00"),
        ({"date": "20400102", "step": "90m"}, "2040-01-02T01:30", "2040-01-02T01:30"),
    ],
)
def test_mars_keys_give_the_valid_times(keys: dict[str, str], start: str, end: str) -> None:
    assert mars_period(keys) == Period(moment(start), moment(end))


def test_without_a_date_there_is_no_mars_time() -> None:
    assert mars_period({"time": "0"}) is None


@pytest.mark.parametrize(
    "keys",
    [{"date": "-1"}, {"date": "20401301"}, {"date": "20400101", "time": "noon"}, {"date": "20400101", "step": "x"}],
)
def test_mars_keys_that_make_no_sense_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(SourceRefused, match="MARS keys"):
        mars_period(keys)


@pytest.mark.parametrize("calendar", ["standard", "gregorian", "proleptic_gregorian", "GREGORIAN"])
def test_the_gregorian_calendar_has_no_name_of_its_own(calendar: str) -> None:
    period = cf_period([0, 36], units="hours since 2010-02-05", calendar=calendar)
    assert period == Period(moment("2010-02-05T00:00"), moment("2010-02-06T12:00"))


@pytest.mark.parametrize(
    ("calendar", "days", "exact", "end"),
    [
        ("360_day", 359, "2001-12-30T00:00:00", "2001-12-30T00:00"),
        ("360_day", 59, "2001-02-30T00:00:00", "2001-02-28T00:00"),
        ("noleap", 365 * 3 + 59, "2004-03-01T00:00:00", "2004-03-01T00:00"),
        ("julian", 0, "2001-01-01T00:00:00", "2001-01-01T00:00"),
    ],
)
def test_other_calendars_are_named_and_their_own_dates_kept(calendar: str, days: int, exact: str, end: str) -> None:
    period = cf_period([0, days], units="days since 2001-01-01", calendar=calendar)
    assert period == Period(moment("2001-01-01T00:00"), moment(end), calendar, ("2001-01-01T00:00:00", exact))


def test_missing_times_do_not_count() -> None:
    times = np.ma.masked_greater([0.0, np.nan, 24.0, 1e36], 1e30)
    assert cf_period(times, units="hours since 2010-02-05", calendar="standard") == Period(
        moment("2010-02-05T00:00"), moment("2010-02-06T00:00")
    )
    assert cf_period(np.ma.masked_all(3), units="hours since 2010-02-05", calendar="standard") is None


@pytest.mark.parametrize(
    ("units", "calendar"),
    [
        ("fortnights since 2001-01-01", "standard"),
        ("days since yesterday", "standard"),
        ("days since 2001-01-01", "mayan"),
    ],
)
def test_a_time_that_cannot_be_understood_is_refused_with_its_units(units: str, calendar: str) -> None:
    with pytest.raises(SourceRefused, match="cannot be understood") as refused:
        cf_period([0], units=units, calendar=calendar)
    assert units in refused.value.reason


def test_ranges_join_to_the_range_of_all() -> None:
    first, second = (
        Period(moment("2001-01-01"), moment("2001-01-02")),
        Period(moment("2001-01-05"), moment("2001-01-06")),
    )
    assert join([second, first]) == Period(first.start, second.end)
    assert join([]) is None
