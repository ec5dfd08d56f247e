"""An offering as a STAC 1.1 item, with the extensions file 2.1, projection 2.0, datacube 2.3 where they apply.

Asset addresses are relative paths: the files themselves are reached only through a transfer under a contract.
"""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pystac

from catalog.model import Asset, Offering, Variable, format_time, parse_time

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
DATACUBE = "https://stac-extensions.github.io/datacube/v2.3.0/schema.json"

# multihash: 0x12 = sha2-256, 0x20 = 32 bytes follow
SHA256_MULTIHASH_PREFIX = "1220"


def render_item(offering: Offering) -> dict[str, Any]:
    """The offering as a STAC item.

    Raises ValueError where the offering has neither a time range nor `properties["updated"]`: an item must have a time.
    """
    item = pystac.Item(
        id=offering.id,
        geometry=dict(offering.geometry),
        bbox=list(offering.bbox),
        datetime=_datetime(offering),
        start_datetime=offering.start if _is_range(offering) else None,
        end_datetime=offering.end if _is_range(offering) else None,
        properties=_properties(offering),
        stac_extensions=_extensions(offering),
        assets={asset.path: _asset(asset, _bands(offering)) for asset in offering.assets},
    )
    return item.to_dict(include_self_link=False, transform_hrefs=False)


def _is_range(offering: Offering) -> bool:
    return offering.start is not None and offering.start != offering.end


def _datetime(offering: Offering) -> datetime | None:
    """The instant; None for a range; when the file was written, for data without a time of its own."""
    if offering.start is not None:
        return None if _is_range(offering) else offering.start
    written = parse_time(offering.properties.get("updated"))
    if written is None:
        raise ValueError(f"offering {offering.id} has no time: give it start and end, or properties['updated']")
    return written


def _properties(offering: Offering) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": offering.title,
        "description": offering.description,
        "version": str(offering.version),
        **offering.properties,
    }
    if offering.keywords:
        properties["keywords"] = list(offering.keywords)
    if offering.calendar:
        properties["tidegate:calendar"] = offering.calendar
    if offering.crs:
        # projection extension 2.0: a code where an authority has one, else the WKT 2 text
        properties |= (
            {"proj:code": offering.crs} if _is_code(offering.crs) else {"proj:code": None, "proj:wkt2": offering.crs}
        )
    if "cube:dimensions" in properties:
        properties["cube:variables"] = {variable.name: _cube_variable(variable) for variable in offering.variables}
    return properties


def _is_code(crs: str) -> bool:
    return ":" in crs and "[" not in crs


def _bands(offering: Offering) -> dict[str, Any]:
    """STAC 1.1 allows bands on assets only; in a folder nothing says which file holds which variable (see the cube)."""
    if offering.kind != "file" or not offering.variables:
        return {}
    return {"bands": [_band(variable) for variable in offering.variables]}


def _band(variable: Variable) -> dict[str, Any]:
    return _present(name=variable.name, description=variable.long_name, unit=variable.unit) | _cf(variable)


def _cube_variable(variable: Variable) -> dict[str, Any]:
    members = _present(description=variable.long_name, unit=variable.unit)
    return {"dimensions": list(variable.dimensions), "type": "data"} | members | _cf(variable)


def _cf(variable: Variable) -> dict[str, Any]:
    return {"standard_name": variable.standard_name} if variable.standard_name else {}


def _extensions(offering: Offering) -> list[str]:
    uses = {
        FILE: bool(offering.assets),
        PROJECTION: bool(offering.crs),
        DATACUBE: "cube:dimensions" in offering.properties,
    }
    return [extension for extension, used in uses.items() if used]


def _asset(asset: Asset, bands: dict[str, Any]) -> pystac.Asset:
    return pystac.Asset(
        href="./" + quote(asset.path),
        title=asset.title,
        media_type=asset.media_type,
        roles=list(asset.roles),
        extra_fields={"file:size": asset.bytes, "file:checksum": SHA256_MULTIHASH_PREFIX + asset.sha256, **bands},
    )


def describe_period(offering: Offering) -> str:
    """`start/end` as a person reads it, with the calendar where it is not the Gregorian one."""
    if offering.start is None:
        return "no time"
    period = (
        f"{format_time(offering.start)}/{format_time(offering.end)}"
        if _is_range(offering)
        else str(format_time(offering.start))
    )
    return f"{period} ({offering.calendar} calendar)" if offering.calendar else period


def _present(**members: str | None) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
