"""From coordinates in any reference system to GeoJSON in EPSG:4326 (longitude first). Runs in the reading process only.

Three steps: an outline in the file's own coordinates, its projection to longitude and latitude with the longitudes
*unwrapped* (neighbours never differ by more than 180 degrees, so the outline may leave -180..180), and the split at the
antimeridian that RFC 7946, 3.1.9 asks for.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import mapping

from connector.harvest.crs import NO_CRS_HINT, WGS84, code_of, is_plain_degrees
from connector.harvest.model import SourceRefused

Floats = NDArray[np.float64]
geos: Any = shapely  # its annotations are not complete enough for strict checking

POINTS_PER_SIDE = 64  # a straight side in a projected grid is a curve in degrees
SAMPLES_PER_SIDE = 65  # where the outline itself cannot be projected (a full-disk image), its inside is sampled
SIMPLIFY_RELATIVE = 5e-4  # of the extent: the four corners of a projected grid stay four
DECIMALS = 7  # of a degree: about a centimetre
MOST_GAP_DEGREES = 10.0  # points all round the globe without a gap wider than this cover all longitudes
COARSE_GAP_DEGREES = 60.0  # so do those of a coarse global mesh, if they are spread evenly
EVENLY = 2.0  # widest gap over median gap
FULL_TURN_DEGREES = 360.0 - 1e-3  # 32-bit coordinates miss the full turn by a little


@dataclass(frozen=True, slots=True)
class Footprint:
    """GeoJSON geometry, and west, south, east, north in degrees (west > east across the antimeridian)."""

    geometry: dict[str, Any]
    bbox: tuple[float, float, float, float]


def axis_range(centres: Floats, bounds: Floats | None = None) -> tuple[float, float]:
    """The range a coordinate axis covers: its cell bounds, else half a cell beyond the outermost centres."""
    if bounds is not None and bounds.size:
        return float(bounds.min()), float(bounds.max())
    if centres.size == 1:
        return float(centres[0]), float(centres[0])
    first = centres[0] - (centres[1] - centres[0]) / 2
    last = centres[-1] + (centres[-1] - centres[-2]) / 2
    return float(min(first, last)), float(max(first, last))


def rectangle(x: tuple[float, float], y: tuple[float, float]) -> Floats:
    """The closed outline of an upright rectangle, anticlockwise, shape (5, 2)."""
    return np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]], dtype=np.float64)


def grid_border(x: Floats, y: Floats) -> Floats:
    """The closed outline of corner coordinates of shape (rows, columns)."""
    sides = [(slice(None, -1), 0), (-1, slice(None, -1)), (slice(None, 0, -1), -1), (0, slice(None, 0, -1))]
    ring = np.concatenate([np.stack([x[side], y[side]], axis=1) for side in sides])
    return np.vstack([ring, ring[:1]])


def cell_corners(centres: Floats) -> Floats:
    """Corners of a grid known by its cell centres, shape (n, m) -> (n+1, m+1), half a cell beyond the outermost."""
    padded = np.pad(centres, 1, mode="reflect", reflect_type="odd")
    return (padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]) / 4


def footprint_of_outline(outline: Floats, crs: CRS) -> Footprint:
    """The area inside a closed outline, shape (n, 2), x and y in `crs`. A degenerate outline is a point or a line."""
    _check_degrees(outline, crs)
    dense = _densify(_clamp(outline, crs))
    lon, lat = _to_degrees(dense, crs)
    if not np.isfinite(lon).all():
        return _footprint_of_inside(outline, crs)
    return _wrap(_area(np.unwrap(lon, period=360.0), lat))


def footprint_of_points(x: Floats, y: Floats, crs: CRS) -> Footprint:
    """The convex hull of scattered points, shape (n,) each; all longitudes where they surround the globe."""
    points = np.stack([x, y], axis=1)
    _check_degrees(points, crs)
    lon, lat = _to_degrees(_clamp(points, crs), crs)
    usable = np.isfinite(lon) & np.isfinite(lat)
    if not usable.any():
        raise SourceRefused("none of its coordinates lies on the Earth", hint="check the file's reference system")
    return _hull(lon[usable], lat[usable])


def surrounds_the_globe(lon: Floats) -> bool:
    """Whether these longitudes, in degrees, leave no gap that matters."""
    around = np.unique(np.mod(np.round(lon, 3), 360.0))
    gaps = np.diff(around, append=around[0] + 360.0)
    widest = float(gaps.max())
    return widest <= MOST_GAP_DEGREES or widest <= min(EVENLY * float(np.median(gaps)), COARSE_GAP_DEGREES)


def _check_degrees(points: Floats, crs: CRS) -> None:
    """Metres taken for degrees are refused: wrapped and clamped they would look like a place."""
    if not crs.is_geographic:
        return
    finite = points[np.isfinite(points).all(axis=1)]
    # a cell may reach half its height beyond the pole; nothing reaches further
    if finite.size and (np.abs(finite[:, 1]).max() > 100 or np.abs(finite[:, 0]).max() > 720):
        raise SourceRefused(
            f"its coordinates are not degrees, but {crs.name} expects degrees",
            hint=NO_CRS_HINT,
        )


def _clamp(points: Floats, crs: CRS) -> Floats:
    if not crs.is_geographic:
        return points
    return np.stack([points[:, 0], np.clip(points[:, 1], -90.0, 90.0)], axis=1)


def _densify(ring: Floats) -> Floats:
    """Points along each side; an outline that has enough of them already is left alone."""
    if len(ring) > POINTS_PER_SIDE:
        return ring
    steps = np.linspace(0.0, 1.0, POINTS_PER_SIDE, endpoint=False)[:, None]
    sides = [start + (end - start) * steps for start, end in pairwise(ring)]
    return np.vstack([*sides, ring[-1:]])


def _to_degrees(points: Floats, crs: CRS) -> tuple[Floats, Floats]:
    # a climate model's sphere has no code: its degrees are taken as they are, as every CF reader does
    if crs == WGS84 or (is_plain_degrees(crs) and code_of(crs) is None):
        return points[:, 0], points[:, 1]
    try:
        transformer = Transformer.from_crs(crs, WGS84, always_xy=True)
        lon, lat = transformer.transform(points[:, 0], points[:, 1])
    except ProjError as error:
        raise SourceRefused(f"its reference system {crs.name} cannot be turned into longitude and latitude") from error
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _area(lon: Floats, lat: Floats) -> Any:
    """A shapely geometry with unwrapped longitudes."""
    if np.ptp(lon) == 0 or np.ptp(lat) == 0:
        return geos.MultiPoint(np.stack([lon, lat], axis=1)).convex_hull
    if abs(lon[-1] - lon[0]) > 180:
        pole = math.copysign(90.0, float(lat.mean()))
        lon, lat = np.append(lon, [lon[-1], lon[0]]), np.append(lat, [pole, pole])
    return geos.make_valid(geos.Polygon(np.stack([lon, lat], axis=1)))


def _footprint_of_inside(outline: Floats, crs: CRS) -> Footprint:
    low, high = outline.min(axis=0), outline.max(axis=0)
    across: Floats = np.linspace(float(low[0]), float(high[0]), SAMPLES_PER_SIDE)
    up: Floats = np.linspace(float(low[1]), float(high[1]), SAMPLES_PER_SIDE)
    return footprint_of_points(np.tile(across, SAMPLES_PER_SIDE), np.repeat(up, SAMPLES_PER_SIDE), crs)


def _hull(lon: Floats, lat: Floats) -> Footprint:
    if surrounds_the_globe(lon):
        return _wrap(geos.box(-180.0, lat.min(), 180.0, lat.max()))
    # longitudes counted from behind the widest gap never jump
    around = np.unique(np.mod(lon, 360.0))
    widest = int(np.diff(around, append=around[0] + 360.0).argmax())
    start = around[(widest + 1) % around.size]
    unwrapped = start + np.mod(lon - start, 360.0)
    return _wrap(geos.MultiPoint(np.stack([unwrapped, lat], axis=1)).convex_hull)


def _wrap(geometry: Any) -> Footprint:
    """Longitudes into -180..180, cut at the antimeridian; latitudes into -90..90."""
    west, south, east, north = geometry.bounds
    if east - west >= FULL_TURN_DEGREES and _is_box(geometry):
        geometry, west, east = geos.box(-180.0, south, 180.0, north), -180.0, 180.0
    simple = _simplified(geometry, SIMPLIFY_RELATIVE * max(east - west, north - south))
    turns = range(math.floor((west + 180) / 360), math.ceil((east - 180) / 360) + 1)
    world = geos.box(-180.0, -90.0, 180.0, 90.0)
    pieces = [geos.transform(simple, _shift(-360.0 * turn)).intersection(world) for turn in turns]
    merged = geos.union_all([_same_dimension(piece, simple) for piece in pieces])
    document: dict[str, Any] = mapping(geos.orient_polygons(merged, exterior_cw=False))
    geojson = {"type": document["type"], "coordinates": _rounded(document["coordinates"])}
    return Footprint(geometry=geojson, bbox=_bbox(west, max(south, -90.0), east, min(north, 90.0)))


def _simplified(geometry: Any, tolerance: float) -> Any:
    """Without the points that straight sides were given. Never empty, never crossing itself."""
    simple = geometry.simplify(tolerance, preserve_topology=False)
    return simple if simple.is_valid and not simple.is_empty else geometry.simplify(tolerance)


def _is_box(geometry: Any) -> bool:
    return math.isclose(geometry.area, geometry.envelope.area, rel_tol=1e-9)


def _shift(degrees: float) -> Any:
    def shift(points: Floats) -> Floats:
        return points + np.array([degrees, 0.0])

    return shift


def _same_dimension(piece: Any, original: Any) -> Any:
    """Without the points and lines that remain where an area only touches the antimeridian."""
    dimension = geos.get_dimensions(original)
    parts = [part for part in geos.get_parts(piece) if geos.get_dimensions(part) == dimension]
    return geos.union_all(parts)


def _bbox(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    if east - west >= 360.0:
        west, east = -180.0, 180.0
    west, right = (west + 180.0) % 360.0 - 180.0, (east + 180.0) % 360.0 - 180.0
    east = 180.0 if right == -180.0 and east > -180.0 else right
    return round(west, DECIMALS), round(south, DECIMALS), round(east, DECIMALS), round(north, DECIMALS)


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, (int, float)):
        return round(float(coordinates), DECIMALS) + 0.0  # no -0.0
    return [_rounded(each) for each in coordinates]
