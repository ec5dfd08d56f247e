"""Coordinate reference systems: from text, from CF attributes, to text. Runs in the reading process only."""

from collections.abc import Mapping
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

NO_CRS_HINT = "give the reference system of its coordinates with --crs, e.g. --crs EPSG:32633"
WGS84 = CRS.from_epsg(4326)

_crs: Any = CRS  # its annotations are not complete enough for strict checking


def parse_crs(text: str) -> CRS:
    """An authority code (`EPSG:4326`, or its digits alone), WKT or PROJ text. Raises ValueError."""
    try:
        return _crs.from_user_input(f"EPSG:{text}" if text.isdigit() else text)
    except CRSError as error:
        raise ValueError(f"the reference system {text!r} is not known") from error


def parse_cf_crs(attributes: Mapping[str, Any]) -> CRS:
    """The reference system of a CF grid mapping (CF 5.6). Raises ValueError."""
    try:
        return _crs.from_cf(dict(attributes))
    except (CRSError, KeyError, TypeError) as error:
        raise ValueError("its grid mapping is not complete") from error


def render_crs(crs: CRS) -> str:
    """`AUTHORITY:CODE` where there is one, else WKT 2."""
    return code_of(crs) or str(crs.to_wkt())


def code_of(crs: CRS) -> str | None:
    """`AUTHORITY:CODE`; None where no authority has one."""
    authority: tuple[str, str] | None = _crs.to_authority(crs)
    return ":".join(authority) if authority else None


def is_plain_degrees(crs: CRS) -> bool:
    """Longitude and latitude themselves; a rotated pole is geographic too, but derived by an operation."""
    return crs.is_geographic and crs.coordinate_operation is None
