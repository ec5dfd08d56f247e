"""What would be published is listed first, and what must not be published never is."""

import os
import socket
from pathlib import Path

import pytest

from connector.errors import InvalidInput
from connector.harvest.model import Listing
from connector.harvest.scan import list_sources

NETCDF = b"CDF\x01rest"
TIFF = b"II*\x00rest"


def write(root: Path, *names: str, content: bytes = NETCDF) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def reasons(listing: Listing) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in listing.skipped}


def test_a_folder_of_sfincs_results_is_one_source_with_all_its_files(tmp_path: Path) -> None:
    write(tmp_path, "run/sfincs_map.nc", "run/sfincs.inp", "run/gis/dep.tif")
    (source,) = list_sources(tmp_path).sources
    assert (source.id, source.path, source.kind) == ("run", "run", "sfincs")
    assert source.files == ("gis/dep.tif", "sfincs.inp", "sfincs_map.nc")
    assert source.bytes == 3 * len(NETCDF)


def test_the_folder_itself_can_be_a_run(tmp_path: Path) -> None:
    write(tmp_path, "sfincs_his.nc")
    (source,) = list_sources(tmp_path).sources
    assert (source.path, source.root, source.place("sfincs_his.nc")) == (".", tmp_path, "sfincs_his.nc")


def test_a_file_belongs_to_the_nearest_run_above_it(tmp_path: Path) -> None:
    write(tmp_path, "sfincs_map.nc", "scenario/sfincs_map.nc", "scenario/gis/a.tif", "b.txt")
    outer, inner = list_sources(tmp_path).sources
    assert outer.files == ("b.txt", "sfincs_map.nc")
    assert inner.files == ("gis/a.tif", "sfincs_map.nc")


def test_each_other_netcdf_and_geotiff_is_a_source_whatever_it_is_called(tmp_path: Path) -> None:
    write(tmp_path, "a.nc", "b.data")
    write(tmp_path, "c", "d.tif", content=TIFF)
    write(tmp_path, "broken.nc", "readme.txt", content=b"text")
    listing = list_sources(tmp_path)
    kinds = {source.path: source.kind for source in listing.sources}
    assert kinds == {"a.nc": "netcdf", "b.data": "netcdf", "broken.nc": "netcdf", "c": "geotiff", "d.tif": "geotiff"}
    assert reasons(listing) == {"readme.txt": "neither NetCDF nor GeoTIFF, and not in a folder of SFINCS results"}


def test_a_single_file_can_be_listed(tmp_path: Path) -> None:
    write(tmp_path, "a.nc", "b.nc")
    assert [source.path for source in list_sources(tmp_path / "a.nc").sources] == ["a.nc"]


def test_links_out_of_the_folder_dot_files_and_devices_are_skipped_with_their_reason(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "run/sfincs_map.nc", "run/.hidden.nc", ".git/config.nc")
    write(tmp_path, "secret.nc")
    (root / "run" / "out.nc").symlink_to(tmp_path / "secret.nc")
    (root / "run" / "outside").symlink_to(tmp_path)
    (root / "run" / "behind.nc").symlink_to(root / ".git" / "config.nc")
    (root / "run" / "gone.nc").symlink_to(root / "nothing")
    (root / "run" / "loop.nc").symlink_to(root / "run" / "loop.nc")
    os.mkfifo(root / "run" / "pipe.nc")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "run" / "socket.nc"))
        listing = list_sources(root)
    assert [source.files for source in listing.sources] == [("sfincs_map.nc",)]
    found = reasons(listing)
    assert found["run/out.nc"] == found["run/outside"] == "a symbolic link that leaves the folder"
    assert found["run/behind.nc"] == "a symbolic link to something whose name starts with a dot"
    assert found["run/.hidden.nc"] == found[".git"] == "its name starts with a dot"
    assert found["run/pipe.nc"] == found["run/socket.nc"] == "not a regular file (a device, socket or pipe)"
    assert {"run/gone.nc", "run/loop.nc"} <= set(found)


def test_a_link_that_stays_inside_is_published_and_a_linked_folder_not_twice(tmp_path: Path) -> None:
    write(tmp_path, "run/sfincs_map.nc", "shared/a.nc")
    (tmp_path / "run" / "a.nc").symlink_to(tmp_path / "shared" / "a.nc")
    (tmp_path / "run" / "again").symlink_to(tmp_path / "run")
    listing = list_sources(tmp_path)
    assert listing.sources[0].files == ("a.nc", "sfincs_map.nc")
    assert "published under its own path" in reasons(listing)["run/again"]


def test_a_folder_reached_by_a_link_is_listed_as_the_folder_it_is(tmp_path: Path) -> None:
    write(tmp_path, "real/a.nc")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert list_sources(tmp_path / "link").folder == tmp_path / "real"


@pytest.mark.parametrize(
    "name", [b"caf\xe9.nc", b"new\nline.nc", b"back\\slash.nc"], ids=["not UTF-8", "newline", "backslash"]
)
def test_a_name_that_cannot_travel_is_skipped_and_shown_printably(name: bytes, tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(NETCDF)
    listing = list_sources(tmp_path)
    assert listing.sources == ()
    assert listing.skipped[0].path.isprintable()


def test_identifiers_are_slugs_that_do_not_depend_on_what_else_is_there(tmp_path: Path) -> None:
    write(tmp_path, "Sub dir/Crête d'Eau 2.nc", "same.nc", content=NETCDF)
    write(tmp_path, "same.tif", content=TIFF)
    ids = {source.path: source.id for source in list_sources(tmp_path).sources}
    assert ids["Sub dir/Crête d'Eau 2.nc"] == "sub-dir-crete-d-eau-2"
    assert len({ids["same.nc"], ids["same.tif"]}) == 2
    assert all(ids[name].startswith("same-") for name in ("same.nc", "same.tif"))
    assert ids == {source.path: source.id for source in list_sources(tmp_path).sources}


def test_a_folder_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        list_sources(tmp_path / "nowhere")
