"""STAC items: valid, with sizes and multihash checksums, and with a time whatever the data has."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pystac
import pytest
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource

from catalog.model import Asset, Description, Variable, offering_of
from catalog.stac import DATACUBE, FILE, PROJECTION, render_item

ITEM_SCHEMA = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
SCHEMAS = Registry[Any]().with_resources(
    (uri, Resource.from_contents(each)) for uri, each in get_local_schema_cache().items()
)
BOX = [[[12.0, 45.0], [13.0, 45.0], [13.0, 46.0], [12.0, 46.0], [12.0, 45.0]]]
DESCRIPTION = Description(
    title="Water level",
    description="A flood.",
    geometry={"type": "Polygon", "coordinates": BOX},
    bbox=(12.0, 45.0, 13.0, 46.0),
    kind="file",
    start=datetime(2010, 2, 5, tzinfo=UTC),
    end=datetime(2010, 2, 7, tzinfo=UTC),
    variables=(Variable(name="zs", long_name="water level", unit="m", standard_name="altitude", dimensions=("time",)),),
    assets=(Asset(path="a b/map.nc", media_type="application/netcdf", bytes=3, sha256="0a" * 32),),
    crs="EPSG:32633",
)


def item_of(**changes: Any) -> dict[str, Any]:
    item = render_item(offering_of(replace(DESCRIPTION, **changes), id="run", version=2, policy={}))
    jsonschema.Draft7Validator(SCHEMAS.contents(ITEM_SCHEMA), registry=SCHEMAS).validate(item)
    return item


def test_an_item_reads_back_with_pystac_and_keeps_place_and_time() -> None:
    item = pystac.Item.from_dict(item_of())
    assert (item.id, item.geometry, item.bbox) == (
        "run",
        {"type": "Polygon", "coordinates": BOX},
        [12.0, 45.0, 13.0, 46.0],
    )
    assert item.datetime is None
    assert item.common_metadata.start_datetime == DESCRIPTION.start
    assert item.common_metadata.end_datetime == DESCRIPTION.end


def test_an_asset_has_its_size_and_its_checksum_as_a_multihash() -> None:
    asset = item_of()["assets"]["a b/map.nc"]
    assert asset["file:size"] == 3
    assert asset["file:checksum"] == "1220" + "0a" * 32
    assert asset["href"] == "./a%20b/map.nc"


def test_variables_are_bands_with_unit_and_standard_name() -> None:
    assert item_of()["assets"]["a b/map.nc"]["bands"] == [
        {"name": "zs", "description": "water level", "unit": "m", "standard_name": "altitude"}
    ]


def test_a_cube_is_described_only_where_its_dimensions_are_known() -> None:
    cube = item_of(properties={"cube:dimensions": {"time": {"type": "temporal", "extent": [None, None]}}})
    assert cube["properties"]["cube:variables"]["zs"]["dimensions"] == ["time"]
    assert DATACUBE in cube["stac_extensions"]
    assert "cube:variables" not in item_of()["properties"]
    assert item_of()["stac_extensions"] == [FILE, PROJECTION]


@pytest.mark.parametrize(
    ("crs", "expected"),
    [
        ("EPSG:32633", {"proj:code": "EPSG:32633"}),
        ('GEOGCRS["x"]', {"proj:code": None, "proj:wkt2": 'GEOGCRS["x"]'}),
        (None, {}),
    ],
    ids=["code", "WKT", "none"],
)
def test_the_reference_system_is_a_code_or_wkt(crs: str | None, expected: dict[str, Any]) -> None:
    found = {key: value for key, value in item_of(crs=crs)["properties"].items() if key.startswith("proj:")}
    assert found == expected


def test_an_instant_is_the_items_datetime() -> None:
    properties = item_of(end=DESCRIPTION.start)["properties"]
    assert properties["datetime"] == "2010-02-05T00:00:00Z"
    assert "start_datetime" not in properties


def test_data_without_a_time_has_the_time_its_file_was_written() -> None:
    properties = item_of(start=None, end=None, properties={"updated": "2020-01-01T00:00:00Z"})["properties"]
    assert properties["datetime"] == "2020-01-01T00:00:00Z"


def test_an_item_that_can_have_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="offering run has no time"):
        item_of(start=None, end=None)


def test_a_calendar_that_is_not_gregorian_is_named() -> None:
    assert item_of(calendar="360_day")["properties"]["tidegate:calendar"] == "360_day"
