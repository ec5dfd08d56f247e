"""Time ranges from CF time coordinates and from MARS keys. Runs in the reading process only; everything is UTC."""

import calendar as gregorian
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cftime  # pyright: ignore[reportMissingTypeStubs] - it has none
import numpy as np

from connector.harvest.model import SourceRefused

_cftime: Any = cftime  # untyped
# CF 1.11, 4.4.1: names of the calendar everybody's clock runs on
GREGORIAN = frozenset({"standard", "gregorian", "proleptic_gregorian", "utc", "tai"})


@dataclass(frozen=True, slots=True)
class Period:
    """`start` and `end` in UTC. `calendar` is the CF name where it is not Gregorian; then `exact` are the file's
    own dates.

    A date that the Gregorian calendar lacks (30 February of a 360-day year) becomes the last day of its month.
    """

    start: datetime
    end: datetime
    calendar: str | None = None
    exact: tuple[str, str] | None = None


def join(periods: Iterable[Period]) -> Period | None:
    """The range of all of them; None of none."""
    known = list(periods)
    if not known:
        return None
    first, last = min(known, key=lambda each: each.start), max(known, key=lambda each: each.end)
    exact = (first.exact[0], last.exact[1]) if first.exact and last.exact else None
    calendar = next((each.calendar for each in known if each.calendar), None)
    return Period(first.start, last.end, calendar, exact)


def cf_period(values: Any, *, units: str, calendar: str) -> Period | None:
    """The range of a CF time coordinate. None where every value is missing, or no year 1 to 9999.

    Raises SourceRefused where units or calendar cannot be understood.
    """
    numbers = np.ma.masked_invalid(np.ma.asarray(values, dtype=np.float64)).compressed()
    if not numbers.size:
        return None
    name = calendar.lower()
    try:
        first, last = _cftime.num2date([numbers.min(), numbers.max()], units, name, only_use_cftime_datetimes=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise SourceRefused(
            f"its time coordinate cannot be understood (units {units!r}, calendar {calendar!r})",
            hint="CF expects units such as 'hours since 2000-01-01' and a calendar of CF 4.4.1",
        ) from error
    return _period(first, last, name)


def _period(first: Any, last: Any, calendar: str) -> Period | None:
    if first.year < 1 or last.year > 9999:
        return None
    start, end = _gregorian(first), _gregorian(last)
    if calendar in GREGORIAN:
        return Period(start, end)
    return Period(start, end, calendar, (first.isoformat(), last.isoformat()))


def _gregorian(moment: Any) -> datetime:
    last_day = gregorian.monthrange(moment.year, moment.month)[1]
    day = min(moment.day, last_day)
    return datetime(moment.year, moment.month, day, moment.hour, moment.minute, moment.second, tzinfo=UTC)


def mars_period(keys: Mapping[str, str]) -> Period | None:
    """The valid times that MARS keys describe: each `date` with each `time` and each `step`. None without a `date`.

    Keys may be lists (`a/b`), ranges (`a/to/b`, `a/to/b/by/c`) and step ranges (`0-24`), as the MARS language has them.
    """
    dates = _listed(keys.get("date", ""))
    if not dates:
        return None
    try:
        days = [_date(each) for each in dates]
        hours = [_time(each) for each in _listed(keys.get("time", "0"))]
        steps = [_step(part) for each in _listed(keys.get("step", "0")) for part in each.split("-")]
    except (ValueError, OverflowError) as error:
        raise SourceRefused(f"its MARS keys date, time and step cannot be understood: {error}") from error
    return Period(min(days) + min(hours) + min(steps), max(days) + max(hours) + max(steps))


def _listed(value: str) -> list[str]:
    """The ends of a list or range are all that a range of times needs."""
    parts = [part.strip() for part in value.lower().split("/") if part.strip()]
    ends = parts[: parts.index("by")] if "by" in parts else parts
    return [part for part in ends if part != "to"]


def _date(value: str) -> datetime:
    digits = value.replace("-", "")
    if not re.fullmatch(r"\d{8}", digits):
        raise ValueError(f"date {value!r} is not YYYYMMDD")
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)


def _time(value: str) -> timedelta:
    """`0`, `6`, `600`, `0600`, `06:00`, `06:00:00`: up to two digits are hours, more end in minutes."""
    digits = value.replace(":", "")
    if not re.fullmatch(r"\d{1,6}", digits):
        raise ValueError(f"time {value!r} is not HHMM")
    if len(digits) <= 2:
        return timedelta(hours=int(digits))
    padded = (digits if len(digits) > 4 else digits.zfill(4)).ljust(6, "0")
    return timedelta(hours=int(padded[:2]), minutes=int(padded[2:4]), seconds=int(padded[4:]))


def _step(value: str) -> timedelta:
    """Hours, or a number with its unit: `6`, `6h`, `90m`, `30s`, `2d`."""
    match = re.fullmatch(r"(\d{1,6})([hmsd]?)", value)
    if match is None:
        raise ValueError(f"step {value!r} is not a number of hours")
    unit = {"": "hours", "h": "hours", "m": "minutes", "s": "seconds", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})
