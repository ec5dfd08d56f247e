"""Real data from outside, never copied into the project: `../shared/data` relative to the repository."""

import os
import shutil
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[4] / "shared" / "data"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        assert os.environ.get("CI") != "true", f"{path} is missing"
        pytest.skip(f"{path} is not here")
    return path


@pytest.fixture
def sfincs_run(tmp_path: Path) -> Path:
    """A copy of the real run that a test may damage."""
    folder = tmp_path / "data" / "sfincs-run"
    shutil.copytree(shared("sfincs-run"), folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture
def climate_field() -> Path:
    return shared("climate-dt/climate-dt.tiff")
