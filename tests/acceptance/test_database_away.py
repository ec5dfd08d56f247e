"""PostgreSQL that is not there, at the start or later: the participants say so, and go on by themselves."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.demo.space import DataSpace, RunningParticipant
from connector.errors import ConnectorError
from tests.acceptance.steps import agree, begin_negotiation, ended, publish, until

pytestmark = pytest.mark.timeout(600)

START_SECONDS = 60.0


@contextmanager
def database_away(space: DataSpace) -> Iterator[None]:
    """PostgreSQL in immediate shutdown, as at a power cut; afterwards the same server again."""
    os.kill(space.server.pid, signal.SIGQUIT)
    until(lambda: not space.server.is_alive(), "PostgreSQL to end")
    try:
        yield
    finally:
        space.server = space.server.revived(timeout_seconds=START_SECONDS)


def status_of(participant: RunningParticipant, probe: str) -> int:
    try:
        with urllib.request.urlopen(participant.management_url + probe, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture
def dataset(space: DataSpace, climate_field: Path) -> str:
    return publish(space, climate_field, crs="EPSG:4326")["published"][0]["id"]


def test_a_database_that_goes_down_is_said_and_work_resumes_by_itself(space: DataSpace, dataset: str):
    begun = begin_negotiation(space, dataset)
    with database_away(space):
        for participant in space.participants.values():
            until(lambda who=participant: status_of(who, "/readyz") == 503, f"{participant.role} to say so")
            assert status_of(participant, "/healthz") == 200
        with pytest.raises(ConnectorError, match="database"):
            space["consumer"].call("GET", "/api/agreements")
    for participant in space.participants.values():
        until(lambda who=participant: status_of(who, "/readyz") == 200, f"{participant.role} to be ready again")
    ended(space["consumer"], "negotiation", begun["pid"], "FINALIZED")
    assert agree(space, dataset)


def test_a_participant_starts_without_its_database_and_is_ready_when_it_comes(space: DataSpace, dataset: str):
    space["provider"].stop()
    with database_away(space):
        space["provider"].start()
        until(lambda: status_of(space["provider"], "/healthz") == 200, "the provider to answer")
        assert status_of(space["provider"], "/readyz") == 503
    until(lambda: status_of(space["provider"], "/readyz") == 200, "the provider to be ready")
    assert agree(space, dataset)
