"""Areas on the globe: the antimeridian, the poles, axis order, and what is refused."""

import json

import pytest
import shapely

from policies.geometry import WORLD, InvalidArea, find_region, read_region, wkt_literal
from policies.model import Iri, Literal, Opaque
from policies.terms import GEO


def region(document):
    return read_region(Opaque(json.dumps(document)))


def polygon(*corners: object):
    return region({"type": "Polygon", "coordinates": [[*corners, corners[0]]]})


@pytest.mark.parametrize(
    ("bbox", "degrees"),
    [([0, 0, 10, 10], 100), ([170, 0, -170, 10], 200), ([-180, -90, 180, 90], 64_800), ([170, -10, 180, 10], 200)],
    ids=["plain", "antimeridian", "globe", "up to it"],
)
def test_a_box_is_as_wide_as_it_says(bbox, degrees):
    assert region({"bbox": bbox}).area == pytest.approx(degrees)


def test_a_box_across_the_antimeridian_is_twenty_degrees_wide_and_not_340():
    across = region({"bbox": [170, 0, -170, 10]})
    assert across.covers(shapely.Point(175, 5))
    assert across.covers(shapely.Point(-175, 5))
    assert not across.covers(shapely.Point(0, 5))


@pytest.mark.parametrize(
    "corners",
    [
        ([170, 0], [-170, 0], [-170, 10], [170, 10]),
        ([170, 0], [190, 0], [190, 10], [170, 10]),
        ([-190, 0], [-170, 0], [-170, 10], [-190, 10]),
    ],
    ids=["jump", "beyond 180", "beyond -180"],
)
def test_a_ring_across_the_antimeridian_is_cut_there(corners):
    assert polygon(*corners).equals(region({"bbox": [170, 0, -170, 10]}))


@pytest.mark.parametrize(("order", "pole"), [(1, 90), (-1, -90)], ids=["north", "south"])
def test_a_ring_round_the_globe_encloses_the_pole_on_its_left(order, pole):
    cap = polygon(*([lon, 60 * order] for lon in (0, 90, 180, -90)[::order]))
    assert cap.covers(shapely.Point(45, pole))
    assert not cap.covers(shapely.Point(45, 0))
    assert cap.area == pytest.approx(360 * 30)


def test_the_whole_globe_may_be_written_as_a_polygon():
    assert polygon([-180, -90], [180, -90], [180, 90], [-180, 90]).equals(WORLD)


def test_a_hole_is_no_part_of_the_area_also_across_the_antimeridian():
    ring = [[160, 0], [-160, 0], [-160, 20], [160, 20], [160, 0]]
    hole = [[175, 5], [175, 15], [-175, 15], [-175, 5], [175, 5]]
    with_hole = region({"type": "Polygon", "coordinates": [ring, hole]})
    assert with_hole.area == pytest.approx(40 * 20 - 100)
    assert not with_hole.contains(shapely.Point(179, 10))


def test_several_polygons_are_one_area():
    square = [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]
    other = [[[1, 0], [3, 0], [3, 2], [1, 2], [1, 0]]]
    assert region({"type": "MultiPolygon", "coordinates": [square, other]}).area == pytest.approx(6)


@pytest.mark.parametrize(
    "written",
    [
        "POLYGON ((8 50, 9 50, 9 51, 8 51, 8 50))",
        "<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POLYGON ((8 50, 9 50, 9 51, 8 51, 8 50))",
        "<http://www.opengis.net/def/crs/EPSG/0/4326> POLYGON ((50 8, 50 9, 51 9, 51 8, 50 8))",
    ],
)
def test_wkt_is_read_with_the_axis_order_of_its_reference_system(written):
    assert read_region(Literal(written, f"{GEO}wktLiteral")).equals(shapely.box(8, 50, 9, 51))


def test_a_box_in_epsg_4326_has_latitude_first():
    assert region({"bbox": [50, 8, 51, 9], "crs": "EPSG:4326"}).equals(shapely.box(8, 50, 9, 51))


def test_an_area_comes_back_from_its_literal():
    area = region({"bbox": [170, 0, -170, 1 / 3]})
    assert read_region(wkt_literal(area)).equals(area)


BOW_TIE = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"type": "Polygon", "coordinates": [BOW_TIE]}, "crosses"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1]]]}, "at least four"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [2, 2]]]}, "last equal to the first"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [1, 1], [0, 0]]]}, "crosses or touches"),
        ({"type": "Polygon", "coordinates": [[[0, 100], [1, 100], [1, 101], [0, 100]]]}, "outside the globe"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]], BOW_TIE]}, "hole"),
        ({"type": "Polygon", "coordinates": []}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [0, 1], ["a", 0]]]}, "number"),
        ({"type": "Point", "coordinates": [0, 0]}, "expected a Polygon"),
        ({"bbox": [0, 0, 0, 1]}, "no area"),
        ({"bbox": [0, 1, 1, 0]}, "no area"),
        ({"bbox": [0, 0, 1]}, "four numbers"),
        ({"bbox": [0, 0, 1, 1], "crs": "EPSG:25832"}, "not known here"),
        ([1], "expected an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_not_everybody_reads_alike_is_refused(document, words):
    with pytest.raises(InvalidArea, match=words):
        region(document)


@pytest.mark.parametrize(
    "operand", [Iri("urn:germany"), Literal("POINT (0 0)"), Literal("POLYGON (("), Literal("5", "urn:type")], ids=str
)
def test_what_is_no_area_is_none(operand):
    assert find_region(operand) is None
