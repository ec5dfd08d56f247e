"""An offering as the `Dataset` of the Dataspace Protocol's catalogue (2025-1), and the `Catalog` around datasets.

The protocol defines `hasPolicy`, `distribution`, `accessService`, `format`; everything else about the data is DCAT 3
and DCMI terms under the prefixes `dcat:` and `dct:`, which the protocol's own context declares. Members without a value
are left out: the protocol allows neither null nor an empty array. There is no `@context` here: the message carries it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.model import BBox, Offering, format_time

PULL = "HttpData-PULL"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_WKT = "http://www.opengis.net/ont/geosparql#wktLiteral"
_SPDX = "http://spdx.org/rdf/terms#"
_NOT_IN_AN_OFFER = frozenset({"@context", "@id", "@type", "target", "assigner", "assignee"})


def render_dataset(offering: Offering, *, endpoint_url: str, publisher_did: str) -> dict[str, Any]:
    """The offering as a Dataset with one Offer (without `target`, as the schema demands) and one distribution."""
    return _present(
        {
            "@id": offering.id,
            "@type": "Dataset",
            "dct:title": offering.title,
            "dct:description": offering.description,
            "dct:publisher": {"@id": publisher_did},
            "dcat:version": str(offering.version),
            "dcat:keyword": list(offering.keywords),
            "dct:spatial": _spatial(offering.bbox),
            "dct:temporal": _temporal(offering),
            "dct:conformsTo": _conforms_to(offering.crs),
            "hasPolicy": [render_offer(offering)],
            "distribution": [_distribution(offering, endpoint_url)],
        }
    )


def render_offer(offering: Offering) -> dict[str, Any]:
    """The Offer of this version of the offering."""
    rules = {name: value for name, value in offering.policy.items() if name not in _NOT_IN_AN_OFFER and value != []}
    return {"@id": offering.offer_id, "@type": "Offer", **rules}


def render_service(endpoint_url: str) -> dict[str, Any]:
    """The DataService at which a dataset is negotiated: the participant's protocol endpoint."""
    return {"@id": endpoint_url, "@type": "DataService", "endpointURL": endpoint_url}


def render_catalog(
    participant_id: str,
    datasets: Sequence[Mapping[str, Any]],
    *,
    catalog_id: str,
    service: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A Catalog of rendered datasets; empty arrays are left out."""
    return _present(
        {
            "@id": catalog_id,
            "@type": "Catalog",
            "participantId": participant_id,
            "service": [dict(service)] if service else [],
            "dataset": [dict(dataset) for dataset in datasets],
        }
    )


def _distribution(offering: Offering, endpoint_url: str) -> dict[str, Any]:
    return _present(
        {
            "@type": "Distribution",
            "format": PULL,
            "accessService": render_service(endpoint_url),
            "dcat:byteSize": {"@type": f"{_XSD}nonNegativeInteger", "@value": str(offering.total_bytes)},
            **_single_file(offering),
        }
    )


def _single_file(offering: Offering) -> dict[str, Any]:
    """Media type and checksum: for one file they are facts, for a folder each file has its own (see the manifest)."""
    if offering.kind != "file" or len(offering.assets) != 1:
        return {}
    asset = offering.assets[0]
    checksum = {
        "@type": f"{_SPDX}Checksum",
        f"{_SPDX}algorithm": {"@id": f"{_SPDX}checksumAlgorithm_sha256"},
        f"{_SPDX}checksumValue": {"@type": f"{_XSD}hexBinary", "@value": asset.sha256},
    }
    return {"dcat:mediaType": asset.media_type, f"{_SPDX}checksum": checksum}


def _spatial(bbox: BBox) -> dict[str, Any]:
    return {"@type": "dct:Location", "dcat:bbox": {"@type": _WKT, "@value": bbox_wkt(bbox)}}


def bbox_wkt(bbox: BBox) -> str:
    """The box as WKT, longitude first (CRS84); two boxes where it crosses the antimeridian."""
    west, south, east, north = bbox
    if west <= east:
        return f"POLYGON({_ring(west, south, east, north)})"
    return f"MULTIPOLYGON(({_ring(west, south, 180.0, north)}),({_ring(-180.0, south, east, north)}))"


def _ring(west: float, south: float, east: float, north: float) -> str:
    return f"({west} {south},{east} {south},{east} {north},{west} {north},{west} {south})"


def _temporal(offering: Offering) -> dict[str, Any] | None:
    if offering.start is None:
        return None
    return {
        "@type": "dct:PeriodOfTime",
        "dcat:startDate": {"@type": f"{_XSD}dateTime", "@value": format_time(offering.start)},
        "dcat:endDate": {"@type": f"{_XSD}dateTime", "@value": format_time(offering.end)},
    }


def _conforms_to(crs: str | None) -> dict[str, str] | None:
    if crs is None or not crs.startswith("EPSG:"):
        return None
    return {"@id": f"http://www.opengis.net/def/crs/EPSG/0/{crs.removeprefix('EPSG:')}"}


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None and value != []}
