"""Data spaces of real processes, and the real data they exchange."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.demo.space import DataSpace, data_space
from tests.conftest import skip_or_fail

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def sfincs_run() -> Path:
    """A complete SFINCS model of the Piave, with its results."""
    return shared("sfincs-run")


@pytest.fixture(scope="session")
def climate_field() -> Path:
    """A field of the Climate DT: no CRS, longitudes 0 to 360."""
    return shared("climate-dt") / "climate-dt.tiff"


def shared(name: str) -> Path:
    """A folder of the data from outside."""
    folder = DATA / name
    if not folder.exists():
        skip_or_fail(f"{folder} is not there")
    return folder


@pytest.fixture(scope="module")
def space() -> Iterator[DataSpace]:
    """Three participants for the tests of one file, which leave it as they found it."""
    with data_space() as running:
        yield running
