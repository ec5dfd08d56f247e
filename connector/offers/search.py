"""What a catalogue can be searched for, on the wire and in PostgreSQL.

On the wire it is the filter of a CatalogRequestMessage: objects whose keys are absolute IRIs of ours (`FILTER`): text,
bbox, start, end. The specification leaves filters to the participants, and asks for 400 where one is not supported
(DSP 2025-1, Catalog Protocol).

EDC asks for everything with a filter too, a QuerySpec without conditions: that is nothing asked for. Its limit is not
ours: pages are the server's choice, and the Link header leads through them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from connector.errors import MalformedMessage

FILTER = "https://w3id.org/tidegate/v1/"

# Of one search: more words make the query slow and nobody types them.
MAX_SEARCH_WORDS = 16


@dataclass(frozen=True, slots=True)
class Search:
    """What a catalogue is searched for; None is not asked for.

    `bbox` is west, south, east, north in degrees; times are aware. An offering without time matches no search for one.
    """

    text: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    start: datetime | None = None
    end: datetime | None = None


def parse_filter(items: tuple[Any, ...]) -> Search:
    """What a CatalogRequestMessage asks for; MalformedMessage names what this connector cannot filter by."""
    asked: dict[str, Any] = {}
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise _unsupported(f"filter[{number}]")
        for key, value in _conditions(cast(Mapping[str, Any], item)).items():
            word = key.removeprefix(FILTER)
            if word not in _FILTERS or not key.startswith(FILTER):
                raise _unsupported(f"filter[{number}].{key}")
            asked[word] = _parsed(word, value, path=f"filter[{number}].{key}")
    search = Search(**asked)
    if search.start and search.end and search.start > search.end:
        raise MalformedMessage(f"filter.{FILTER}start: is after {FILTER}end")
    return search


def _conditions(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an item asks for; of EDC's QuerySpec that is whatever goes beyond "the first of all"."""
    if item.get("@type") != "QuerySpec":
        return item
    return {key: value for key, value in item.items() if value and key not in {"@type", "limit", "sortOrder"}}


def render_filter(search: Search) -> list[dict[str, Any]]:
    """The filter of a CatalogRequestMessage that asks for this; empty if nothing is asked for."""
    times = {name: moment.isoformat() for name, moment in (("start", search.start), ("end", search.end)) if moment}
    asked = {"text": search.text, "bbox": list(search.bbox) if search.bbox else None} | times
    found = {FILTER + name: value for name, value in asked.items() if value}
    return [found] if found else []


def _parsed(word: str, value: Any, *, path: str) -> Any:
    try:
        return _FILTERS[word](value)
    except (TypeError, ValueError, OverflowError):
        raise MalformedMessage(f"{path}: expected {_EXPECTED[word]}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bbox(value: Any) -> tuple[float, float, float, float]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError
    west, south, east, north = (float(number) for number in cast(Sequence[Any], value))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError
    return west, south, east, north


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment


_FILTERS: dict[str, Callable[[Any], Any]] = {"text": _text, "bbox": _bbox, "start": _moment, "end": _moment}
_EXPECTED = {
    "text": "a string",
    "bbox": "[west, south, east, north] in degrees",
    "start": "a time with its offset, as in 2026-01-31T00:00:00Z",
    "end": "a time with its offset, as in 2026-01-31T00:00:00Z",
}


def _unsupported(path: str) -> MalformedMessage:
    known = ", ".join(FILTER + word for word in _FILTERS)
    return MalformedMessage(f"{path}: this filter is not supported", hint=f"leave it out, or use {known}")


def search_query(text: str) -> str | None:
    """A PostgreSQL tsquery that asks for all words of `text` as beginnings of words; None if there are none."""
    words = re.findall(r"[^\W_]+", text)[:MAX_SEARCH_WORDS]
    return " & ".join(f"{word}:*" for word in words) or None


def area_box(bbox: Sequence[float] | None) -> str | None:
    """A PostgreSQL box of west, south, east, north (degrees); one across the antimeridian becomes all longitudes."""
    if not bbox:
        return None
    west, south, east, north = bbox
    if west > east:  # RFC 7946, 5.2; a wider box finds too much, a box the wrong way round finds nothing
        west, east = -180.0, 180.0
    return f"(({west!r},{south!r}),({east!r},{north!r}))"
