"""The demo's samples: a synthetic run that says so, and a real climate field with a calendar of its own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import StorageError
from connector.harvest.sample import sample_climate_field, write_sample_run
from connector.harvest.service import harvest


def test_the_sample_run_is_published_like_a_real_one_and_says_that_it_is_synthetic(tmp_path: Path) -> None:
    write_sample_run(tmp_path / "flood-run")
    report = harvest(tmp_path)
    (draft,) = report.offerings
    described = draft.description
    assert report.problems == ()
    assert [file.path for file in draft.files] == ["sfincs.inp", "sfincs_his.nc", "sfincs_map.nc"]
    assert described.title == "Synthetic flood results in SFINCS layout (flood-run)"
    assert "SYNTHETIC" in described.description
    assert (described.start, described.end) == (datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 11, tzinfo=UTC))
    assert len(described.geometry["coordinates"][0]) == 5


def test_the_sample_run_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    digests: list[list[str]] = []
    for name in ("one", "two"):
        write_sample_run(tmp_path / name)
        digests.append([file.sha256 for draft in harvest(tmp_path / name).offerings for file in draft.files])
    assert digests[0] == digests[1]


def test_a_place_that_cannot_be_written_gives_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        write_sample_run(tmp_path / "file" / "run")


def test_the_climate_field_names_its_calendar_and_covers_its_years() -> None:
    (draft,) = harvest(sample_climate_field()).offerings
    described = draft.description
    assert (described.calendar, described.crs) == ("360_day", "EPSG:4326")
    assert (described.start, described.end) == (datetime(1859, 12, 1, tzinfo=UTC), datetime(2099, 12, 1, tzinfo=UTC))
    assert described.properties["tidegate:start"] == "1859-12-01T00:00:00"
    assert described.bbox == (-135.9375, 14.375, -44.0625, 60.625)
    assert [(each.name, each.unit) for each in described.variables] == [("air_temperature", "K")]
