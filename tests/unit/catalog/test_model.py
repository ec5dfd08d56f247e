"""The model of an offering: lossless as JSON, and a new version exactly when something changed."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog.model import Asset, Description, Offering, Variable, format_time, next_version, offering_of, parse_time

OPEN = {"permission": [{"action": "use"}]}
DESCRIPTION = Description(
    title="Water level",
    description="A flood.",
    geometry={"type": "Point", "coordinates": [12.5, 45.5]},
    bbox=(12.5, 45.5, 12.5, 45.5),
    kind="folder",
    keywords=("flood",),
    start=datetime(2010, 2, 5, tzinfo=UTC),
    end=datetime(2010, 2, 7, 12, 30, tzinfo=UTC),
    variables=(Variable(name="zs", unit="m", dimensions=("time", "n", "m")), Variable(name="zb")),
    assets=(
        Asset(path="a/map.nc", media_type="application/netcdf", bytes=3, sha256="0a" * 32),
        Asset(path="b.inp", media_type="text/plain", bytes=4, sha256="0b" * 32, roles=("source",), title="Input"),
    ),
    crs="EPSG:32633",
    calendar="360_day",
    properties={"cube:dimensions": {"n": {"type": "count", "extent": [0, 3]}}},
)
OFFERING = offering_of(DESCRIPTION, id="run", version=1, policy=OPEN)


@pytest.mark.parametrize(
    "value",
    [DESCRIPTION, OFFERING, replace(DESCRIPTION, start=None, end=None, crs=None, calendar=None, assets=())],
    ids=["description", "offering", "without optional values"],
)
def test_a_value_comes_back_equal_from_its_json(value: Description) -> None:
    assert type(value).from_json(json.loads(json.dumps(value.to_json()))) == value


def test_json_is_plain_so_that_stored_and_rendered_documents_compare_equal() -> None:
    assert json.loads(json.dumps(OFFERING.to_json())) == OFFERING.to_json()


@pytest.mark.parametrize(
    ("change", "named"),
    [({"colour": "red"}, "colour"), ({"title": ...}, "title")],
    ids=["unknown member", "missing member"],
)
def test_a_wrong_document_is_refused_by_member_name(change: dict[str, object], named: str) -> None:
    document = {key: value for key, value in (OFFERING.to_json() | change).items() if value is not ...}
    with pytest.raises(ValueError, match=named):
        Offering.from_json(document)


def test_the_total_is_the_sum_of_the_files() -> None:
    assert DESCRIPTION.total_bytes == 7


def test_the_same_description_and_policy_make_no_new_version() -> None:
    assert next_version(OFFERING, DESCRIPTION, policy=OPEN) is OFFERING


@pytest.mark.parametrize(
    ("description", "policy"),
    [(replace(DESCRIPTION, title="Other"), OPEN), (DESCRIPTION, {"permission": [{"action": "display"}]})],
    ids=["other description", "other policy"],
)
def test_a_change_makes_the_next_version_and_a_new_offer(description: Description, policy: dict[str, object]) -> None:
    changed = next_version(OFFERING, description, policy=policy)
    assert (changed.version, changed.offer_id) == (2, "run:2")
    assert changed.offer_id != OFFERING.offer_id


def test_times_are_written_in_utc_with_z() -> None:
    assert format_time(parse_time("2010-02-05T01:00:00+01:00")) == "2010-02-05T00:00:00Z"
