"""Folders become drafts: the real SFINCS run, the real Climate DT field, and what is broken is named and left out."""

import hashlib
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import psutil
import pytest
import rasterio
from affine import Affine
from shapely.geometry import shape

from catalog.model import Description, Variable, offering_of
from catalog.stac import render_item
from connector.errors import InvalidInput
from connector.harvest.child import child_environment, read_source
from connector.harvest.classic import missing_bytes
from connector.harvest.model import Draft, HarvestReport, Progress, Source
from connector.harvest.scan import list_sources
from connector.harvest.service import harvest, hash_file

CORNERS = [(12.6460, 45.5326), (12.6792, 45.4900), (12.8208, 45.5442), (12.7877, 45.5869)]


def only(report: HarvestReport) -> Draft:
    assert report.problems == ()
    (draft,) = report.offerings
    return draft


def write_netcdf(path: Path, *, crs: dict[str, Any] | None = None, lat: Any = None, lon: Any = None) -> None:
    """A field on an x-y grid (with `crs` as its grid mapping), or on latitude and longitude."""
    with netCDF4.Dataset(path, "w") as dataset:
        names = ("lat", "lon") if lat is not None else ("y", "x")
        axes = (lat, lon) if lat is not None else (np.arange(5.0e6, 5.0e6 + 4000, 1000), np.arange(3.0e5, 3.03e5, 1000))
        standard = (
            ("latitude", "longitude") if lat is not None else ("projection_y_coordinate", "projection_x_coordinate")
        )
        for name, values, standard_name in zip(names, axes, standard, strict=True):
            dataset.createDimension(name, len(values))
            axis = dataset.createVariable(name, "f8", (name,))
            axis.standard_name = standard_name
            axis[:] = values
        field = dataset.createVariable("hmax", "f4", names)
        field.setncatts({"units": "m", "long_name": "water depth", "grid_mapping": "crs"})
        field[:] = 1.0
        if crs:
            dataset.createVariable("crs", "i4").setncatts(crs)


def test_the_real_sfincs_run_is_one_offering_with_its_rotated_grid(sfincs_run: Path) -> None:
    draft = only(harvest(sfincs_run))
    described = draft.description
    assert (draft.id, described.kind, described.crs, described.calendar) == ("sfincs-run", "folder", "EPSG:32633", None)
    (ring,) = described.geometry["coordinates"]
    assert len(ring) == 5
    assert all(min(np.hypot(x - a, y - b) for a, b in ring) < 1e-4 for x, y in CORNERS)
    assert (described.start, described.end) == (datetime(2010, 2, 5, tzinfo=UTC), datetime(2010, 2, 7, tzinfo=UTC))
    assert {each.name: each.unit for each in described.variables} == {
        "msk": None, "zb": "m", "zs": "m", "zsmax": "m", "point_zb": "m", "point_zs": "m",
    }  # fmt: skip


def test_every_file_of_the_run_is_an_asset_with_size_and_digest(sfincs_run: Path) -> None:
    draft = only(harvest(sfincs_run.parent))
    expected = {path.relative_to(sfincs_run).as_posix(): path for path in sfincs_run.rglob("*") if path.is_file()}
    assert {asset.path for asset in draft.description.assets} == set(expected)
    for asset, file in zip(draft.description.assets, draft.files, strict=True):
        content, status = expected[asset.path].read_bytes(), expected[asset.path].stat()
        assert (asset.bytes, asset.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (file.absolute_path, file.mtime_ns, file.inode) == (
            expected[asset.path],
            status.st_mtime_ns,
            status.st_ino,
        )
    roles = {asset.path: asset.roles for asset in draft.description.assets}
    assert roles["sfincs_map.nc"] == ("data",)
    assert roles["sfincs.inp"] == ("source",)


def test_reading_the_same_folder_again_gives_the_same_draft(sfincs_run: Path) -> None:
    assert only(harvest(sfincs_run)) == only(harvest(sfincs_run))


def test_the_drafts_become_stac_items(sfincs_run: Path) -> None:
    draft = only(harvest(sfincs_run))
    item = render_item(offering_of(draft.description, id=draft.id, version=1, policy={}))
    assert item["properties"]["cube:variables"]["zs"]["dimensions"] == ["time", "n", "m"]
    assert set(item["assets"]) == {file.path for file in draft.files}


def test_without_its_map_the_run_keeps_the_grid_of_its_input_file(sfincs_run: Path) -> None:
    whole = only(harvest(sfincs_run)).description
    (sfincs_run / "sfincs_map.nc").unlink()
    described = only(harvest(sfincs_run)).description
    assert (
        shape(described.geometry).symmetric_difference(shape(whole.geometry)).area < 1e-3 * shape(whole.geometry).area
    )
    assert described.crs == "EPSG:32633"


def test_the_climate_field_is_refused_without_a_reference_system_by_name(climate_field: Path) -> None:
    report = harvest(climate_field)
    (problem,) = report.problems
    assert report.offerings == ()
    assert (problem.path, "coordinate reference system" in problem.reason) == ("climate-dt.tiff", True)
    assert "--crs" in str(problem.hint)


def test_the_climate_field_with_a_reference_system_covers_the_globe_at_its_mars_time(climate_field: Path) -> None:
    described = only(harvest(climate_field, crs="EPSG:4326")).description
    assert described.bbox == (-180.0, -90.0, 180.0, 90.0)
    assert described.geometry["type"] == "Polygon"
    assert described.start == described.end == datetime(2040, 1, 2, tzinfo=UTC)
    assert described.variables[1] == Variable(
        name="2t", standard_name="air_temperature", long_name="2 metre temperature", unit="K", dimensions=("y", "x")
    )
    assert described.properties["ecmwf:stream"] == "clte"


@pytest.mark.parametrize(
    "crs",
    [{"epsg_code": "EPSG:32633"}, {"EPSG": "32633"}, {"spatial_ref": "EPSG:32633", "grid_mapping_name": "x"}],
    ids=["epsg_code", "EPSG", "spatial_ref"],
)
def test_the_reference_system_of_the_file_wins_over_the_given_one(crs: dict[str, str], tmp_path: Path) -> None:
    write_netcdf(tmp_path / "epsg4326.nc", crs=crs)
    described = only(harvest(tmp_path, crs="EPSG:3035")).description
    assert described.crs == "EPSG:32633"
    assert 12 < described.bbox[0] < described.bbox[2] < 13


def test_a_netcdf_without_a_reference_system_needs_one_to_be_given(tmp_path: Path) -> None:
    write_netcdf(tmp_path / "utm33n-epsg32633.nc")
    assert "--crs" in str(harvest(tmp_path).problems[0].hint)
    assert only(harvest(tmp_path, crs="EPSG:32633")).description.crs == "EPSG:32633"


def test_latitude_and_longitude_are_a_reference_system(tmp_path: Path) -> None:
    write_netcdf(tmp_path / "a.nc", lat=np.arange(-89.0, 90.0, 2.0), lon=np.arange(0.0, 360.0, 2.0))
    described = only(harvest(tmp_path)).description
    assert (described.crs, described.bbox) == ("EPSG:4326", (-180.0, -90.0, 180.0, 90.0))


@pytest.mark.parametrize(
    ("lon", "west", "east"),
    [
        ([350.0, 355.0, 0.0, 5.0], -12.5, 7.5),
        ([175.0, -180.0, -175.0], 172.5, -172.5),
        ([200.0, 210.0], -165.0, -145.0),
    ],
    ids=["across Greenwich", "across the antimeridian", "behind the antimeridian"],
)
def test_longitudes_in_any_order_make_one_area(lon: list[float], west: float, east: float, tmp_path: Path) -> None:
    write_netcdf(tmp_path / "a.nc", lat=[0.0, 10.0], lon=lon)
    bbox = only(harvest(tmp_path)).description.bbox
    assert (bbox[0], bbox[2]) == (west, east)


def test_data_without_a_time_says_so_and_has_the_time_it_was_written(tmp_path: Path) -> None:
    write_netcdf(tmp_path / "a.nc", lat=[0.0, 10.0], lon=[0.0, 10.0])
    described = only(harvest(tmp_path)).description
    assert (described.start, described.end) == (None, None)
    assert "none in the data" in described.properties["tidegate:time"]
    assert datetime.fromisoformat(described.properties["updated"]).year >= 2024


def test_a_rotated_geotiff_stays_rotated(sfincs_run: Path) -> None:
    described = only(harvest(sfincs_run / "gis" / "dep.tif")).description
    assert all(min(np.hypot(x - a, y - b) for a, b in described.geometry["coordinates"][0]) < 1e-4 for x, y in CORNERS)


def test_a_geotiff_without_a_position_is_refused_even_with_a_reference_system(tmp_path: Path) -> None:
    shape_of: dict[str, Any] = {"width": 4, "height": 4, "count": 1, "dtype": "uint8"}
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **shape_of).close()
    (problem,) = harvest(tmp_path, crs="EPSG:4326").problems
    assert "no georeference" in problem.reason


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is not a data file")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, overwrite, empty])
@pytest.mark.parametrize("name", ["precip_2d.nc", "sfincs_map.nc", "sfincs_his.nc", "gis/dep.tif"])
def test_a_broken_file_in_a_run_is_named_and_the_rest_is_kept(name: str, damage: Any, sfincs_run: Path) -> None:
    damage(sfincs_run / name)
    report = harvest(sfincs_run.parent)
    assert [problem.path for problem in report.problems] == [f"sfincs-run/{name}"]
    (draft,) = report.offerings
    assert name not in {file.path for file in draft.files}
    assert len(draft.files) == 25


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize("record_variables", [0, 1, 2])
def test_a_classic_netcdf_that_lacks_its_last_value_is_refused(
    form: str, record_variables: int, tmp_path: Path
) -> None:
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format=form) as dataset:
        dataset.title = "odd"
        dataset.createDimension("time", None)
        dataset.createDimension("x", 3)
        dataset.createVariable("fixed", "f8", ("x",))[:] = 1.0
        for number in range(record_variables):
            dataset.createVariable(f"r{number}", "i2", ("time", "x"))[:] = np.ones((5, 3))
    whole = tmp_path / "a.nc"
    assert missing_bytes(whole) == 0
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) - 4])
    assert 0 < missing_bytes(whole) <= 4
    assert harvest(whole).problems[0].path == "a.nc"


def test_a_broken_source_does_not_stop_the_others(tmp_path: Path) -> None:
    write_netcdf(tmp_path / "good.nc", lat=[0.0, 10.0], lon=[0.0, 10.0])
    overwrite(tmp_path / "broken.nc")
    overwrite(tmp_path / "broken.tif")
    report = harvest(tmp_path)
    assert [draft.id for draft in report.offerings] == ["good"]
    assert [problem.path for problem in report.problems] == ["broken.nc", "broken.tif"]
    assert all(problem.hint for problem in report.problems)


def test_a_run_without_a_readable_result_is_refused(sfincs_run: Path) -> None:
    for name in ("sfincs_map.nc", "sfincs_his.nc"):
        overwrite(sfincs_run / name)
    report = harvest(sfincs_run)
    assert report.offerings == ()
    assert report.problems[-1].path == "sfincs-run"


@pytest.mark.parametrize("crs", ["EPSG:99999999", "nonsense"])
def test_an_unknown_reference_system_is_refused_at_once(crs: str, climate_field: Path) -> None:
    with pytest.raises(InvalidInput, match=crs):
        harvest(climate_field, crs=crs)


def hanging(sfincs_run: Path) -> Source:
    """The run with a pipe in place of a file, as it would be if it were swapped after listing: opening it blocks."""
    (source,) = list_sources(sfincs_run).sources
    (sfincs_run / "precip_2d.nc").unlink()
    subprocess.run(["mkfifo", sfincs_run / "precip_2d.nc"], check=True)
    return source


def test_a_file_that_hangs_the_reader_is_left_out_after_the_time_limit(sfincs_run: Path) -> None:
    started = time.monotonic()
    reading = read_source(hanging(sfincs_run), crs=None, time_limit_seconds=8)
    assert [problem.path for problem in reading.problems] == ["precip_2d.nc"]
    assert "more than 8 seconds" in reading.problems[0].reason
    assert isinstance(reading.description, Description)
    assert "precip_2d.nc" not in reading.files
    assert time.monotonic() - started < 30
    assert psutil.Process().children() == []


def test_a_file_that_kills_the_reader_fails_alone(sfincs_run: Path) -> None:
    source = replace(hanging(sfincs_run), kind="netcdf", path="precip_2d.nc", files=("precip_2d.nc",))
    killer = threading.Thread(target=_kill_the_reader)
    killer.start()
    reading = read_source(source, crs=None, time_limit_seconds=30)
    killer.join()
    assert [(problem.path, problem.reason) for problem in reading.problems] == [
        ("precip_2d.nc", "the reader crashed on it (SIGKILL)")
    ]


def _kill_the_reader() -> None:
    while not (children := psutil.Process().children()):
        time.sleep(0.05)
    time.sleep(1)
    children[0].kill()


def test_the_participant_itself_loads_no_data_library() -> None:
    code = (
        "import sys, connector.harvest.service, connector.harvest.sample;"
        "print([name for name in ('netCDF4', 'rasterio', 'pyproj', 'numpy') if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=child_environment(), check=True
    )
    assert ended.stdout.strip() == "[]"


def test_the_reader_gets_no_secret_from_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "secret" not in "".join(child_environment().values())


def test_progress_ends_with_every_byte_hashed(sfincs_run: Path) -> None:
    seen: list[Progress] = []
    draft = only(harvest(sfincs_run, on_progress=seen.append))
    assert (seen[0].stage, seen[0].source, seen[0].bytes_done) == ("reading", "sfincs-run", 0)
    assert seen[-1].bytes_done == seen[-1].bytes_total == draft.description.total_bytes


def test_a_file_that_changes_while_it_is_hashed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 10)

    def grow(_: int) -> None:
        if path.stat().st_size < 100:
            with path.open("ab") as file:
                file.write(b"x" * 100)

    with pytest.raises(OSError, match="changed while it was being read"):
        hash_file(tmp_path, "growing", inside=tmp_path, on_bytes=grow)


def test_a_link_that_leaves_the_folder_is_not_followed_even_if_it_appears_after_listing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "a.nc").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="leaves the folder"):
        hash_file(root, "a.nc", inside=root)


def test_bands_of_a_plain_geotiff_have_names_of_their_own(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "driver": "GTiff",
        "width": 4,
        "height": 4,
        "count": 2,
        "dtype": "uint8",
        "crs": "EPSG:32631",
    }
    with rasterio.open(
        tmp_path / "a.tif", "w", transform=Affine(100, 0, 500000, 0, -100, 5800000), **options
    ) as dataset:
        dataset.write(np.ones((2, 4, 4), dtype="uint8"))
        dataset.set_band_description(1, "depth")
    described = only(harvest(tmp_path)).description
    assert [variable.name for variable in described.variables] == ["depth", "band_2"]
    assert described.bbox[0] == pytest.approx(3.0, abs=1e-3)
