"""Data spaces of real processes, and the real data they exchange."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connector.demo.space import DataSpace, RunningParticipant, data_space
from tests.acceptance.steps import rows
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the participants wrote: their folder is gone when somebody looks."""
    report = yield
    running = getattr(item, "funcargs", {}).get("space")
    if report.failed and isinstance(running, DataSpace):
        for role, participant in running.participants.items():
            report.sections.append((f"log of the {role}", "\n".join(participant.log.read_text().splitlines()[-60:])))
            report.sections.append((f"what the {role} has to do", str(unfinished(participant))))
    return report


def unfinished(participant: RunningParticipant) -> list[dict[str, Any]] | str:
    """The jobs in its database."""
    try:
        return rows(participant, "select id, task_name, status, attempts, scheduled_at, args from procrastinate_jobs")
    except psycopg.Error as error:
        return str(error)
