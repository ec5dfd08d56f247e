"""SIGKILL in the middle of a download: after the restart it goes on from where it was, and ends verified."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.demo.space import DataSpace, data_space
from tests.acceptance import steps
from tests.acceptance.large import SLOW, write_large_field

pytestmark = pytest.mark.timeout(900)

SETTINGS = {**SLOW, "TIDEGATE_EXCHANGE__LEASE_SECONDS": "2", "TIDEGATE_EXCHANGE__FIRST_ATTEMPT_SECONDS": "1"}
ENOUGH = 16 * 1024**2


@pytest.fixture(scope="module")
def space() -> Iterator[DataSpace]:
    with data_space(settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_field(tmp_path_factory.mktemp("large") / "large.tif")


@pytest.fixture(scope="module")
def agreement(space: DataSpace, field: Path) -> str:
    return steps.agree(space, steps.publish(space, field)["published"][0]["id"])


def test_a_download_survives_the_provider(space: DataSpace, agreement: str, field: Path):
    pid = steps.begin_transfer(space, agreement)
    partial = steps.until(lambda: partial_file(space), "a file to come in")
    steps.until(lambda: partial.stat().st_size > ENOUGH, "the first bytes")
    space["provider"].kill()
    have = settled_size(partial)
    assert have < field.stat().st_size
    steps.restarted(space["provider"])
    ended = steps.ended(space["consumer"], "transfer", pid, "COMPLETED")
    assert_whole(space, ended, field)
    assert bytes_sent(space, ended) == field.stat().st_size - have


def test_a_download_survives_the_consumer(space: DataSpace, agreement: str, field: Path):
    pid = steps.begin_transfer(space, agreement)
    partial = steps.until(lambda: partial_file(space), "a file to come in")
    steps.until(lambda: partial.stat().st_size > ENOUGH, "the first bytes")
    space["consumer"].kill()
    have = settled_size(partial)
    assert have < field.stat().st_size
    transfer = steps.rows(space["provider"], "select pid from process where peer_pid = %s", pid)[0]
    sent = steps.until(
        lambda: bytes_sent(space, {"provider_pid": transfer["pid"]}), "the provider to see that the reader is gone"
    )
    steps.restarted(space["consumer"])
    ended = steps.ended(space["consumer"], "transfer", pid, "COMPLETED")
    assert_whole(space, ended, field)
    assert bytes_sent(space, ended) - sent == field.stat().st_size - have


def partial_file(space: DataSpace) -> Path | None:
    """What is being received."""
    return next((space["consumer"].home / "downloads").rglob("*.part"), None)


def settled_size(path: Path) -> int:
    """Its size once nobody writes to it any more."""
    sizes = [-1]

    def settled() -> bool:
        sizes.append(path.stat().st_size)
        return len(sizes) > 10 and len(set(sizes[-10:])) == 1

    steps.until(settled, f"{path} to stop growing")
    return sizes[-1]


def assert_whole(space: DataSpace, ended: dict[str, Any], field: Path) -> None:
    """The file is the one that was published, and both sides recorded how it came."""
    received = Path(ended["received"]["path"]) / field.name
    with received.open("rb") as mine, field.open("rb") as theirs:
        digest = hashlib.file_digest(theirs, "sha256").hexdigest()
        assert hashlib.file_digest(mine, "sha256").hexdigest() == digest == ended["received"]["digest"]
    assert partial_file(space) is None
    steps.ended(space["provider"], "transfer", ended["provider_pid"], "COMPLETED")
    found = steps.compared(space, ended["agreement"])
    assert found["consistent"], found["problems"]


def bytes_sent(space: DataSpace, transfer: dict[str, Any]) -> int:
    """What the provider says it delivered for this transfer."""
    flow = steps.rows(
        space["provider"], "select bytes_sent from data_flow where transfer = %s", transfer["provider_pid"]
    )
    return flow[0]["bytes_sent"]
