"""SIGKILL in the middle of negotiations: both sides end FINALIZED with one agreement, and recorded the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connector.demo.space import DataSpace, Role, data_space
from tests.acceptance import steps

pytestmark = pytest.mark.timeout(900)

# So that the jobs in the database take over soon after the first attempts ended with the process that made them.
SOON = {"TIDEGATE_EXCHANGE__FIRST_ATTEMPT_SECONDS": "1", "TIDEGATE_EXCHANGE__LEASE_SECONDS": "2"}
AT_ONCE = 8


@pytest.fixture(scope="module")
def space() -> Iterator[DataSpace]:
    with data_space(settings=SOON) as running:
        yield running


@pytest.fixture(scope="module")
def dataset(space: DataSpace, climate_field: Path) -> str:
    return steps.publish(space, climate_field, crs="EPSG:4326")["published"][0]["id"]


@pytest.mark.parametrize("victim", ["provider", "consumer"])
@pytest.mark.parametrize(
    ("where", "table"),
    [
        pytest.param("provider", "event", id="provider-takes-the-request"),
        pytest.param("consumer", "used_token", id="consumer-takes-the-agreement"),
        pytest.param("provider", "agreement", id="provider-takes-the-verification"),
        pytest.param("consumer", "agreement", id="consumer-takes-the-finalization"),
    ],
)
def test_killed_while_a_step_is_being_written(space: DataSpace, dataset: str, where: Role, table: str, victim: Role):
    """The step waits for a lock that we hold: that is when the process is killed."""
    with locked(space, where, table) as waiting:
        pid = steps.begin_negotiation(space, dataset)["pid"]
        steps.until(waiting, f"a step of the {where} to be under way")
        space[victim].kill()
    steps.restarted(space[victim])
    assert_agreed_once(space, pid)


@pytest.mark.parametrize("victim", ["provider", "consumer"])
@pytest.mark.parametrize("after_seconds", [0.0, 0.03])
def test_killed_with_many_under_way(space: DataSpace, dataset: str, victim: Role, after_seconds: float):
    """Each of them is somewhere else."""
    pids = [steps.begin_negotiation(space, dataset)["pid"] for _ in range(AT_ONCE)]
    time.sleep(after_seconds)
    space[victim].kill()
    steps.restarted(space[victim])
    for pid in pids:
        assert_agreed_once(space, pid)


def test_both_killed_at_once(space: DataSpace, dataset: str):
    pids = [steps.begin_negotiation(space, dataset)["pid"] for _ in range(AT_ONCE)]
    killers = [threading.Thread(target=space[role].kill) for role in ("provider", "consumer")]
    for killer in killers:
        killer.start()
    for killer in killers:
        killer.join()
    for role in ("provider", "consumer"):
        steps.restarted(space[role])
    for pid in pids:
        assert_agreed_once(space, pid)


def assert_agreed_once(space: DataSpace, pid: str) -> None:
    """Both FINALIZED, the same single agreement at both, the authority content."""
    ours = steps.ended(space["consumer"], "negotiation", pid, "FINALIZED")
    steps.ended(space["provider"], "negotiation", ours["provider_pid"], "FINALIZED")
    for role in ("provider", "consumer"):
        mine = steps.rows(space[role], "select pid from process where %s in (pid, peer_pid)", pid)
        assert [row["pid"] for row in mine] == [ours[f"{role}_pid"]]
        held = steps.rows(space[role], "select id from agreement where negotiation = %s", ours[f"{role}_pid"])
        assert [row["id"] for row in held] == [ours["agreement"]]
    found = steps.compared(space, ours["agreement"])
    assert found["consistent"], found["problems"]
    assert (found["provider_leaves"], found["consumer_leaves"]) == (4, 4)


@contextmanager
def locked(space: DataSpace, role: Role, table: str) -> Iterator[Any]:
    """While this lasts nobody can write to the table; yields whether somebody waits to."""
    with steps.database(space[role]) as connection, connection.transaction():
        connection.execute(psycopg.sql.SQL("lock table {} in exclusive mode").format(psycopg.sql.Identifier(table)))

        def waiting() -> bool:
            blocked = "select 1 from pg_stat_activity where pg_backend_pid() = any (pg_blocking_pids(pid))"
            return connection.execute(blocked).fetchone() is not None

        yield waiting
