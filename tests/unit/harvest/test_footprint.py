"""Footprints in longitude and latitude: rotated, across the antimeridian, over a pole, all round the globe."""

from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from shapely.geometry import shape

from connector.harvest.crs import WGS84, parse_crs
from connector.harvest.footprint import (
    Footprint,
    axis_range,
    cell_corners,
    footprint_of_outline,
    footprint_of_points,
    grid_border,
    rectangle,
)
from connector.harvest.model import SourceRefused
from connector.harvest.sfincs import Grid


def box(west: float, south: float, east: float, north: float, crs: CRS = WGS84) -> Footprint:
    return footprint_of_outline(rectangle((west, east), (south, north)), crs)


def area(footprint: Footprint) -> float:
    return float(shape(footprint.geometry).area)


@pytest.mark.parametrize(
    ("west", "east", "expected", "kind"),
    [
        (200.0, 300.0, (-160.0, -60.0), "Polygon"),
        (350.0, 370.0, (-10.0, 10.0), "Polygon"),
        (170.0, 190.0, (170.0, -170.0), "MultiPolygon"),
        (-190.0, -170.0, (170.0, -170.0), "MultiPolygon"),
        (0.0, 360.0, (-180.0, 180.0), "Polygon"),
        (-0.5, 359.5, (-180.0, 180.0), "Polygon"),
        (-0.4167, 359.58329, (-180.0, 180.0), "Polygon"),
        (-0.5, 360.5, (-180.0, 180.0), "Polygon"),
        (0.0, 180.0, (0.0, 180.0), "Polygon"),
        (180.0, 270.0, (-180.0, -90.0), "Polygon"),
        (540.0, 550.0, (-180.0, -170.0), "Polygon"),
    ],
)
def test_longitudes_are_wrapped(west: float, east: float, expected: tuple[float, float], kind: str) -> None:
    footprint = box(west, -10.0, east, 10.0)
    assert (footprint.bbox[0], footprint.bbox[2]) == pytest.approx(expected)
    assert footprint.geometry["type"] == kind
    assert area(footprint) == pytest.approx(min(east - west, 360.0) * 20.0, rel=1e-5)


def test_an_area_across_the_antimeridian_is_cut_there() -> None:
    parts = shape(box(170.0, -10.0, 190.0, 10.0).geometry).geoms
    assert sorted(part.bounds for part in parts) == [(-180.0, -10.0, -170.0, 10.0), (170.0, -10.0, 180.0, 10.0)]


def test_latitudes_are_clamped_to_the_poles() -> None:
    assert box(-0.5, -90.5, 359.5, 90.5).bbox == (-180.0, -90.0, 180.0, 90.0)


def test_rings_run_anticlockwise() -> None:
    assert all(part.exterior.is_ccw for part in shape(box(170.0, -10.0, 190.0, 10.0).geometry).geoms)


def test_a_rotated_grid_is_the_rotated_polygon_not_its_bounding_box() -> None:
    grid = Grid(mmax=84, nmax=36, dx=150.0, dy=150.0, x0=318650.0, y0=5040000.0, rotation=27.0)
    footprint = footprint_of_outline(grid.outline(), parse_crs("EPSG:32633"))
    ring = shape(footprint.geometry).exterior.coords
    to_metres = Transformer.from_crs(WGS84, "EPSG:32633", always_xy=True)
    corners = {tuple(np.round(to_metres.transform(*point), 0)) for point in ring}
    along, up = (
        np.array([np.cos(np.radians(27)), np.sin(np.radians(27))]),
        np.array([-np.sin(np.radians(27)), np.cos(np.radians(27))]),
    )
    origin = np.array([318650.0, 5040000.0])
    expected = [origin, origin + 12600 * along, origin + 12600 * along + 5400 * up, origin + 5400 * up]
    assert corners == {tuple(np.round(point, 0)) for point in expected}
    assert area(footprint) < 0.6 * shape(footprint.geometry).envelope.area


def test_a_grid_over_a_pole_reaches_the_pole_and_all_longitudes() -> None:
    polar = parse_crs("EPSG:3995")
    footprint = footprint_of_outline(rectangle((-1e6, 1e6), (-1e6, 1e6)), polar)
    assert (footprint.bbox[0], footprint.bbox[2]) == (-180.0, 180.0)
    assert footprint.bbox[3] == 90.0
    assert shape(footprint.geometry).covers(shapely.Point(123.0, 89.0))
    assert shape(footprint.geometry).is_valid


def test_a_projected_grid_across_the_antimeridian_is_cut_there() -> None:
    footprint = footprint_of_outline(
        rectangle((700_000.0, 900_000.0), (8_000_000.0, 8_100_000.0)), parse_crs("EPSG:32760")
    )
    assert footprint.geometry["type"] == "MultiPolygon"
    assert footprint.bbox[0] > 170 > -170 > footprint.bbox[2]


def test_a_full_disk_image_has_the_visible_part_of_the_earth() -> None:
    disk = CRS.from_proj4("+proj=geos +h=35785831 +lon_0=0 +sweep=y")
    footprint = footprint_of_outline(rectangle((-5.5e6, 5.5e6), (-5.5e6, 5.5e6)), disk)
    assert shape(footprint.geometry).covers(shapely.Point(0, 0))
    assert -82 < footprint.bbox[0] < -60 < 60 < footprint.bbox[2] < 82


@pytest.mark.parametrize(
    ("lon", "lat", "kind", "bbox"),
    [
        ([10.0], [50.0], "Point", (10.0, 50.0, 10.0, 50.0)),
        ([10.0, 12.0], [50.0, 51.0], "LineString", (10.0, 50.0, 12.0, 51.0)),
        ([179.0, -179.0, 180.0], [0.0, 0.0, 1.0], "MultiPolygon", (179.0, 0.0, -179.0, 1.0)),
        ([359.0, 1.0, 0.0], [0.0, 0.0, 1.0], "Polygon", (-1.0, 0.0, 1.0, 1.0)),
    ],
    ids=["one station", "two stations", "across the antimeridian", "across Greenwich"],
)
def test_scattered_points_have_their_hull(
    lon: list[float], lat: list[float], kind: str, bbox: tuple[float, ...]
) -> None:
    footprint = footprint_of_points(np.array(lon), np.array(lat), WGS84)
    assert footprint.geometry["type"] == kind
    assert footprint.bbox == pytest.approx(bbox)


@pytest.mark.parametrize("step", [1.0, 22.5], ids=["fine", "coarse"])
def test_points_all_round_the_globe_cover_all_longitudes(step: float) -> None:
    lon = np.arange(0.0, 360.0, step)
    footprint = footprint_of_points(lon, 60 * np.sin(lon), WGS84)
    assert (footprint.bbox[0], footprint.bbox[2]) == (-180.0, 180.0)


def test_metres_under_a_reference_system_in_degrees_are_refused() -> None:
    with pytest.raises(SourceRefused, match="are not degrees") as refused:
        box(318650.0, 5040000.0, 331250.0, 5045400.0)
    assert "--crs" in str(refused.value.hint)


def test_an_axis_covers_half_a_cell_beyond_its_outermost_centres() -> None:
    assert axis_range(np.array([3.0, 2.0, 1.0])) == (0.5, 3.5)
    assert axis_range(np.array([1.0, 2.0]), np.array([[0.0, 1.5], [1.5, 9.0]])) == (0.0, 9.0)


def test_corners_of_a_grid_known_by_its_centres_enclose_its_cells() -> None:
    x, y = np.meshgrid([0.5, 1.5, 2.5], [10.5, 11.5])
    ring: Any = grid_border(cell_corners(x), cell_corners(y))
    assert shapely.Polygon(ring).equals(shapely.box(0.0, 10.0, 3.0, 12.0))
