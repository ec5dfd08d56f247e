# ruff: noqa: ASYNC240 -- a test may wait for the disk

import asyncio
import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.dataplane.partial import PartialFile, is_whole
from connector.errors import DataChanged, InvalidInput, NoRoom

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


async def write(target: Path, *chunks: bytes) -> PartialFile:
    part = await PartialFile.open(target, expected_bytes=len(CONTENT))
    for chunk in chunks:
        await part.write(chunk)
    await part.settle()
    return part


async def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path):
    target = tmp_path / "deep" / "down" / "map.nc"
    part = await write(target, CONTENT[:1000], CONTENT[1000:])
    assert not target.exists()
    assert part.path == target.with_name("map.nc.part")
    await part.finish(sha256=SHA256)
    await part.close()
    assert target.read_bytes() == CONTENT
    assert not part.path.exists()
    assert is_whole(target, size=len(CONTENT), sha256=SHA256)


async def test_what_an_earlier_attempt_left_is_taken_up(tmp_path: Path):
    await (await write(tmp_path / "map.nc", CONTENT[:5000])).close()
    part = await PartialFile.open(tmp_path / "map.nc", expected_bytes=len(CONTENT))
    assert part.size == 5000
    await part.write(CONTENT[5000:])
    await part.finish(sha256=SHA256)
    await part.close()
    assert (tmp_path / "map.nc").read_bytes() == CONTENT


async def test_more_than_is_expected_is_thrown_away(tmp_path: Path):
    (tmp_path / "map.nc.part").write_bytes(CONTENT + b"x")
    part = await PartialFile.open(tmp_path / "map.nc", expected_bytes=len(CONTENT))
    assert part.size == 0
    await part.close()


async def test_wrong_content_never_gets_the_name(tmp_path: Path):
    part = await write(tmp_path / "map.nc", CONTENT[:-1] + b"x")
    with pytest.raises(DataChanged, match=r"map\.nc"):
        await part.finish(sha256=SHA256)
    await part.close()
    assert list(tmp_path.iterdir()) == []


async def test_two_downloads_never_write_one_file(tmp_path: Path):
    part = await write(tmp_path / "map.nc", CONTENT[:10])
    with pytest.raises(InvalidInput, match="another download"):
        await PartialFile.open(tmp_path / "map.nc", expected_bytes=len(CONTENT))
    await part.close()
    await (await write(tmp_path / "map.nc")).close()


async def test_a_cancelled_download_closes_its_file_and_can_be_taken_up_at_once(tmp_path: Path):
    part = await PartialFile.open(tmp_path / "map.nc", expected_bytes=len(CONTENT))

    async def fetch() -> None:
        try:
            while True:
                await part.write(b"x")
        finally:
            await part.close()

    task = asyncio.create_task(fetch())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = await PartialFile.open(tmp_path / "map.nc", expected_bytes=len(CONTENT))
    await again.restart()
    assert again.size == 0
    assert again.path.stat().st_size == 0
    await again.close()


@pytest.fixture
def small_disk() -> Iterator[int]:
    """No file of this process may grow beyond this: what a full disk looks like to a write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_full_disk_is_an_error_that_says_so_and_leaves_nothing(tmp_path: Path, small_disk: int):
    part = await PartialFile.open(tmp_path / "map.nc", expected_bytes=len(CONTENT))

    async def fill() -> None:
        for start in range(0, len(CONTENT), 10_000):
            await part.write(CONTENT[start : start + 10_000])
        await part.settle()

    with pytest.raises(NoRoom, match=r"map\.nc cannot be written") as caught:
        await fill()
    await part.close()
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_fit_is_refused_before_the_first_byte(tmp_path: Path):
    with pytest.raises(NoRoom, match="are free"):
        await PartialFile.open(tmp_path / "map.nc", expected_bytes=2**60)
    assert list(tmp_path.iterdir()) == []


async def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "map.nc.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoRoom, match="cannot be written"):
        await PartialFile.open(tmp_path / "map.nc", expected_bytes=10)
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"
