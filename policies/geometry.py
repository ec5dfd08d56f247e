"""Areas on the globe as polygons in CRS84 (longitude first), within -180..180 and -90..90.

An edge that is written from 170 to -170 crosses the antimeridian: of the two ways round, the shorter one is meant. A
ring that goes once round the globe encloses the pole on its left. A ring that crosses itself is refused, not repaired:
whatever we made of it, the other side might make something else.
"""

import json
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, cast

import shapely
from shapely import affinity

from policies.model import Iri, Literal, Opaque, Operand
from policies.terms import GEO

geos: Any = shapely  # its annotations are not complete enough for strict checking
translate: Any = affinity.translate  # pyright: ignore[reportUnknownMemberType]  # as above

#: A shapely Polygon or MultiPolygon in CRS84.
Region = Any
Point = tuple[float, float]

_CRS84: Final = frozenset(
    {None, "CRS84", "OGC:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84"}
)
# The register has latitude first for this one, whatever software makes of it.
_LATITUDE_FIRST: Final = frozenset(
    {"EPSG:4326", "http://www.opengis.net/def/crs/EPSG/0/4326", "urn:ogc:def:crs:EPSG::4326"}
)
_WKT: Final = re.compile(r"\s*(?:<([^>]*)>\s*)?((?:MULTI)?POLYGON\s*\(.*\))\s*", re.IGNORECASE | re.DOTALL)
# More corners than any agreed area has; they are compared at every request.
MAX_POINTS: Final = 20_000
_MOST_CHARACTERS: Final = 100 * MAX_POINTS

WORLD: Final[Region] = geos.box(-180.0, -90.0, 180.0, 90.0)


class InvalidArea(ValueError):  # noqa: N818 - the area is the fault
    """What is written is no area that everybody reads alike; the message says what is wrong with it."""


def read_region(operand: Operand) -> Region:
    """The area of a right operand: GeoJSON, a `bbox` object, or a WKT literal. Raises `InvalidArea`."""
    region = _read(operand)
    if isinstance(region, InvalidArea):
        raise region
    return region


def find_region(operand: Operand) -> Region | None:
    """As `read_region`; None if it is no area."""
    region = _read(operand)
    return None if isinstance(region, InvalidArea) else region


@lru_cache(maxsize=1024)
def _read(operand: Operand) -> Region | InvalidArea:
    try:
        return _parsed(operand)
    except InvalidArea as error:
        return error
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, geos.GEOSException) as error:
        return InvalidArea(f"it cannot be read as an area ({type(error).__name__})")


def _parsed(operand: Operand) -> Region:
    if isinstance(operand, Iri):
        raise InvalidArea("an IRI says nothing about where it is; write the polygon")
    if isinstance(operand, Opaque):
        return region_of(json.loads(operand.json))
    if operand.datatype == f"{GEO}geoJSONLiteral" or operand.value.lstrip().startswith("{"):
        return region_of(json.loads(operand.value))
    if operand.datatype in {None, f"{GEO}wktLiteral"}:
        return _from_wkt(operand.value)
    raise InvalidArea("expected GeoJSON, a bbox or WKT")


def _from_wkt(text: str) -> Region:
    found = _WKT.fullmatch(text) if len(text) <= _MOST_CHARACTERS else None
    if found is None:
        raise InvalidArea("expected POLYGON (…) or MULTIPOLYGON (…)")
    parts = geos.get_parts(geos.from_wkt(found[2]))
    polygons = [[geos.get_coordinates(ring).tolist() for ring in (part.exterior, *part.interiors)] for part in parts]
    return region_of_polygons(polygons, swap=_latitude_first(found[1]))


def _latitude_first(crs: Any) -> bool:
    if crs in _LATITUDE_FIRST:
        return True
    if crs not in _CRS84:
        raise InvalidArea(f"the reference system {crs!r} is not known here; write it in CRS84")
    return False


def region_of(document: Any) -> Region:
    """GeoJSON (Polygon, MultiPolygon, a Feature of one) or `{"bbox": [west, south, east, north]}`, with `crs`."""
    if not isinstance(document, dict):
        raise InvalidArea("expected an object")
    members = cast("dict[str, Any]", document)
    swap = _latitude_first(members.get("crs"))
    if members.get("type") == "Feature":
        return region_of(members["geometry"])
    if members.get("type") == "Polygon":
        return region_of_polygons([members["coordinates"]], swap=swap)
    if members.get("type") == "MultiPolygon":
        return region_of_polygons(members["coordinates"], swap=swap)
    if "bbox" in members and "type" not in members:
        return region_of_bbox(members["bbox"], swap=swap)
    raise InvalidArea(f"expected a Polygon, a MultiPolygon or a bbox, found {members.get('type')!r}")


def region_of_bbox(bbox: Any, *, swap: bool = False) -> Region:
    """West, south, east, north (RFC 7946 section 5): west > east crosses the antimeridian."""
    if not isinstance(bbox, list) or len(cast("list[Any]", bbox)) != 4:
        raise InvalidArea("a bbox has four numbers: west, south, east, north")
    west, south, east, north = (_number(each) for each in cast("list[Any]", bbox))
    if swap:
        west, south, east, north = south, west, north, east
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90) or west == east:
        raise InvalidArea(f"no area: west {west:g}, south {south:g}, east {east:g}, north {north:g}")
    if west > east:
        return geos.union(geos.box(west, south, 180.0, north), geos.box(-180.0, south, east, north))
    return geos.box(west, south, east, north)


def region_of_polygons(polygons: Any, *, swap: bool = False) -> Region:
    """The union of polygons, each a list of rings (the outer one first) of positions."""
    if not isinstance(polygons, Sequence) or not polygons:
        raise InvalidArea("expected at least one polygon")
    if sum(len(ring) for rings in cast("Any", polygons) for ring in rings) > MAX_POINTS:
        raise InvalidArea(f"has more than {MAX_POINTS} corners")
    return geos.union_all([_polygon(rings, swap=swap) for rings in cast("Any", polygons)])


def _polygon(rings: Any, *, swap: bool) -> Region:
    outer, *holes = [_ring(positions, swap=swap) for positions in rings]
    around = _wound(outer)
    if any(_wound(hole) for hole in holes):
        raise InvalidArea("a hole goes round the globe; write the area as bands")
    shape = geos.Polygon(_closed_over_pole(outer, around) if around else outer)
    if not shape.is_valid or shape.area == 0:
        raise InvalidArea("a ring crosses or touches itself")
    for hole in holes:
        shape = _with_hole(shape, hole)
    return _wrapped(shape)


def _with_hole(shape: Region, hole: list[Point]) -> Region:
    # a hole is unwrapped on its own: find the turn of the globe on which it lies in its polygon
    for turn in (0.0, 360.0, -360.0):
        inner = geos.Polygon([(x + turn, y) for x, y in hole])
        if not inner.is_valid or inner.area == 0:
            raise InvalidArea("a hole crosses or touches itself")
        if shape.covers(inner):
            return geos.difference(shape, inner)
    raise InvalidArea("a hole does not lie within its polygon")


def _ring(positions: Any, *, swap: bool) -> list[Point]:
    """The corners, closed, with longitudes unwrapped: neighbours never differ by more than half a turn."""
    points = [(_number(each[0]), _number(each[1])) for each in positions]
    points = [(y, x) for x, y in points] if swap else points
    if len(points) < 4 or points[0] != points[-1]:
        raise InvalidArea("a ring has at least four positions, the last equal to the first")
    if any(abs(y) > 90 or abs(x) > 360 for x, y in points):
        raise InvalidArea("a position lies outside the globe; is latitude where longitude should be?")
    unwrapped = [points[0]]
    for x, y in points[1:]:
        last, written = unwrapped[-1][0], points[len(unwrapped) - 1][0]
        # a full turn (-180 to 180) is an edge along the whole width; beyond half a turn the shorter way is meant
        whole_turn = math.isclose(abs(x - written), 360.0)
        turns = round((written - last) / 360.0) if whole_turn else round((x - last) / 360.0)
        unwrapped.append((x - 360.0 * turns, y))
    return unwrapped


def _wound(ring: list[Point]) -> float:
    return ring[-1][0] - ring[0][0]


def _closed_over_pole(ring: list[Point], around: float) -> list[Point]:
    pole = 90.0 if around > 0 else -90.0
    return [*ring, (ring[-1][0], pole), (ring[0][0], pole), ring[0]]


def _wrapped(shape: Region) -> Region:
    """Longitudes into -180..180, cut at the antimeridian."""
    west, _, east, _ = shape.bounds
    if west >= -180 and east <= 180:
        return shape
    turns = range(math.floor((west + 180) / 360), math.ceil((east - 180) / 360) + 1)
    pieces = [translate(shape, xoff=-360.0 * turn) for turn in turns]
    return only_areas(geos.union_all([geos.intersection(piece, WORLD) for piece in pieces]))


def only_areas(geometry: Any) -> Region:
    """Without the points and lines that remain where areas only touch."""
    parts = geos.get_parts(geometry)
    areas = [part for part in parts if part.geom_type == "Polygon"]
    return geometry if len(areas) == len(parts) else geos.union_all(areas)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidArea("a coordinate is not a finite number")
    return float(value)


def wkt_literal(region: Region) -> Literal:
    """A region as a right operand: a WKT literal in CRS84, with every digit."""
    return Literal(geos.to_wkt(region, rounding_precision=-1, trim=True), f"{GEO}wktLiteral")
