"""A disk that fills up while a file comes in: a clear reason, no half file, and the rest after room was made."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from connector.demo.space import DataSpace, data_space
from tests.acceptance import steps
from tests.acceptance.large import SLOW, write_large_field

pytestmark = pytest.mark.timeout(600)

MIB = 1024**2
DISK_BYTES = 192 * MIB
ROWS = 4096  # 128 MiB
ENOUGH = 16 * MIB


class Shortage(Protocol):
    """A way to run out of room, and to have some again."""

    def begin(self) -> None:
        """No more room from now on."""
        ...

    def end(self) -> None:
        """Room again."""
        ...


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own for the downloads. The filler is there before: a full disk may refuse to make it."""

    folder: Path

    @property
    def filler(self) -> Path:
        """What takes the room."""
        return self.folder / "filler"

    def begin(self) -> None:
        """Fill it up."""
        left = psutil.disk_usage(str(self.folder)).free
        with suppress(OSError), self.filler.open("wb", buffering=0) as file:
            while left > 0:
                left -= file.write(bytes(min(left, MIB)))

    def end(self) -> None:
        """Empty it."""
        self.filler.write_bytes(b"")


@dataclass(frozen=True)
class SizeLimit:
    """The kernel refuses the consumer files of more than a few bytes: its log, too, cannot be written any more."""

    pid: int

    def begin(self) -> None:
        """Nothing grows any more."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))

    def end(self) -> None:
        """No limit."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture(scope="module")
def space() -> Iterator[DataSpace]:
    with data_space(settings=SLOW) as running:
        yield running


@pytest.fixture(scope="module", params=["small-disk", "not-even-the-log-may-grow"])
def shortage(request: pytest.FixtureRequest, space: DataSpace) -> Iterator[Shortage]:
    if request.param == "small-disk":
        with small_disk(space["consumer"].home / "downloads") as disk:
            yield disk
    else:
        process = space["consumer"].process
        assert process is not None
        yield SizeLimit(process.pid)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A tmpfs on the folder; skips where we may not mount one."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tidegate-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        disk = SmallDisk(folder)
        disk.end()
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def agreement(space: DataSpace, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_large_field(tmp_path_factory.mktemp("large") / "large.tif", height=ROWS)
    return steps.agree(space, steps.publish(space, path)["published"][0]["id"])


def test_a_disk_that_fills_up_suspends_the_transfer_until_there_is_room(
    space: DataSpace, agreement: str, shortage: Shortage
):
    consumer = space["consumer"]
    pid = steps.begin_transfer(space, agreement)
    steps.until(lambda: consumer.call("GET", f"/api/transfers/{pid}")["bytes_done"] > ENOUGH, "the first bytes")
    shortage.begin()
    try:
        held = steps.ended(consumer, "transfer", pid, "SUSPENDED")
    finally:
        shortage.end()
    assert_says_where_and_why(held["failure"]["reason"])
    assert files_in(consumer.home / "downloads") == []
    there = steps.ended(space["provider"], "transfer", held["provider_pid"], "SUSPENDED")
    assert there["failure"]["reason"] == held["failure"]["reason"]

    consumer.call("POST", f"/api/transfers/{pid}/start")
    steps.resumed(consumer, pid)
    done = steps.ended(consumer, "transfer", pid, "COMPLETED")
    assert consumer.call("GET", f"/api/transfers/{pid}/verification")["verified"]
    Path(done["received"]["path"], done["received"]["files"][0]).unlink()


def test_a_file_that_cannot_fit_is_not_even_begun(space: DataSpace, agreement: str, shortage: Shortage):
    consumer = space["consumer"]
    shortage.begin()
    try:
        pid = steps.begin_transfer(space, agreement)
        held = steps.ended(consumer, "transfer", pid, "SUSPENDED")
        assert_says_where_and_why(held["failure"]["reason"])
        assert held["received"] is None
    finally:
        shortage.end()
    assert files_in(consumer.home / "downloads") == []


def assert_says_where_and_why(reason: str) -> None:
    """The file, and what is missing; the operator of the other side reads it as well."""
    assert "large.tif" in reason
    assert "cannot be written: " in reason or " more bytes, and " in reason


def files_in(folder: Path) -> list[Path]:
    """Everything but folders, and what takes the room."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "filler"]
