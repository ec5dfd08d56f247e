"""Offerings to publish in tests."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from catalog.model import Asset, Description, Variable
from connector.dataplane.model import ServedFile
from connector.offers.model import Publication, Source

OPEN = {"permission": [{"action": "use"}]}
FOR_RESEARCH = {
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "purpose", "operator": "eq", "rightOperand": "urn:purpose:research"}],
        }
    ]
}


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def description(content: str = "depth", **changes: Any) -> Description:
    west, south, east, north = changes.get("bbox", (11.0, 44.0, 12.0, 45.0))
    facts: dict[str, Any] = {
        "title": "Flood depth, Po delta",
        "description": "Hourly water depth of one run",
        "keywords": ("flood", "SFINCS"),
        "kind": "folder",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "bbox": (west, south, east, north),
        "start": datetime(2026, 1, 1, tzinfo=UTC),
        "end": datetime(2026, 1, 2, tzinfo=UTC),
        "variables": (Variable(name="zs", standard_name="sea_surface_height_above_mean_sea_level", unit="m"),),
        "assets": (Asset(path="map.nc", media_type="application/netcdf", bytes=len(content), sha256=digest(content)),),
        "crs": "EPSG:32633",
    }
    return Description(**facts | changes)


def served_file(content: str = "depth", *, path: str = "map.nc", mtime_ns: int = 1, inode: int = 7) -> ServedFile:
    return ServedFile(
        path=path,
        absolute_path=f"/data/run/{path}",
        bytes=len(content),
        sha256=digest(content),
        mtime_ns=mtime_ns,
        inode=inode,
        media_type="application/netcdf",
    )


def publication(content: str = "depth", **changes: Any) -> Publication:
    facts: dict[str, Any] = {
        "source": Source("/data/run"),
        "wished_id": "run",
        "description": description(content),
        "policy": OPEN,
        "files": [served_file(content)],
    }
    return Publication(**facts | changes)
