"""DCAT datasets and catalogues: valid against the protocol's schemas, nothing empty, no target in an offer."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from catalog.dcat import bbox_wkt, render_catalog, render_dataset, render_service
from catalog.model import Asset, Description, offering_of

SCHEMAS = Path(__file__).parents[4] / "shared" / "data" / "dsp-2025-1"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
ENDPOINT = "https://provider.example/dsp/2025-1"
DID = "did:web:provider.example"
POLICY = {"permission": [{"action": "use"}], "obligation": [], "target": "x", "@type": "Offer", "@id": "y"}
DESCRIPTION = Description(
    title="Water level",
    description="A flood.",
    geometry={"type": "Point", "coordinates": [12.0, 45.0]},
    bbox=(12.0, 45.0, 13.0, 46.0),
    kind="file",
    keywords=("flood",),
    start=datetime(2010, 2, 5, tzinfo=UTC),
    end=datetime(2010, 2, 7, tzinfo=UTC),
    assets=(Asset(path="map.nc", media_type="application/netcdf", bytes=3, sha256="0a" * 32),),
    crs="EPSG:32633",
)


def dataset_of(**changes: Any) -> dict[str, Any]:
    offering = offering_of(replace(DESCRIPTION, **changes), id="run", version=3, policy=POLICY)
    return render_dataset(offering, endpoint_url=ENDPOINT, publisher_did=DID)


@pytest.fixture(scope="module")
def schemas() -> Registry[Any]:
    if not SCHEMAS.is_dir():
        assert os.environ.get("CI") != "true", f"{SCHEMAS} is missing"
        pytest.skip(f"{SCHEMAS} is not here")
    documents = [json.loads(path.read_text()) for path in SCHEMAS.rglob("*-schema.json")]
    return Registry[Any]().with_resources((each["$id"], Resource.from_contents(each)) for each in documents)


def validate(document: dict[str, Any], name: str, schemas: "Registry[Any]") -> None:
    schema = schemas.contents(f"https://w3id.org/dspace/2025/1/catalog/{name}-schema.json")
    jsonschema.Draft201909Validator(schema, registry=schemas).validate({"@context": [CONTEXT], **document})


@pytest.mark.parametrize(
    "changes",
    [{}, {"kind": "folder"}, {"start": None, "end": None, "crs": None, "keywords": ()}],
    ids=["file", "folder", "bare"],
)
def test_a_dataset_is_valid_against_the_schema_of_the_protocol(
    changes: dict[str, Any], schemas: "Registry[Any]"
) -> None:
    validate(dataset_of(**changes), "dataset", schemas)


@pytest.mark.parametrize("count", [0, 2])
def test_a_catalogue_is_valid_against_the_schema_of_the_protocol(count: int, schemas: "Registry[Any]") -> None:
    catalog = render_catalog(DID, [dataset_of()] * count, catalog_id="urn:x:1", service=render_service(ENDPOINT))
    validate(catalog, "catalog", schemas)


def test_the_offer_carries_this_version_and_no_target_nor_an_empty_array() -> None:
    assert dataset_of()["hasPolicy"] == [{"@id": "run:3", "@type": "Offer", "permission": [{"action": "use"}]}]


def test_members_without_a_value_are_left_out() -> None:
    bare = dataset_of(start=None, end=None, crs=None, keywords=())
    assert not {"dct:temporal", "dct:conformsTo", "dcat:keyword"} & set(bare)
    assert "dataset" not in render_catalog(DID, [], catalog_id="urn:x:1")


def test_the_distribution_says_how_and_where_to_get_the_data_and_how_much() -> None:
    (distribution,) = dataset_of()["distribution"]
    assert distribution["format"] == "HttpData-PULL"
    assert distribution["accessService"]["endpointURL"] == ENDPOINT
    assert distribution["dcat:byteSize"]["@value"] == "3"
    assert (
        distribution["http://spdx.org/rdf/terms#checksum"]["http://spdx.org/rdf/terms#checksumValue"]["@value"]
        == "0a" * 32
    )


def test_a_folder_has_no_checksum_of_its_own_here() -> None:
    assert "http://spdx.org/rdf/terms#checksum" not in dataset_of(kind="folder")["distribution"][0]


def test_a_box_across_the_antimeridian_becomes_two_boxes() -> None:
    assert bbox_wkt((170.0, -20.0, -170.0, -10.0)).count("((") == 2
    assert bbox_wkt((12.0, 45.0, 13.0, 46.0)) == "POLYGON((12.0 45.0,13.0 45.0,13.0 46.0,12.0 46.0,12.0 45.0))"


def test_title_place_time_and_reference_system_are_found_under_their_dcat_terms() -> None:
    dataset = dataset_of()
    assert dataset["dct:title"] == "Water level"
    assert dataset["dct:temporal"]["dcat:startDate"]["@value"] == "2010-02-05T00:00:00Z"
    assert dataset["dct:conformsTo"]["@id"].endswith("/EPSG/0/32633")
    assert dataset["dct:publisher"] == {"@id": DID}
