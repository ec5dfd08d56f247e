"""Downloads, also from a provider that is a process of its own, and dies."""

# ruff: noqa: ASYNC240 -- a test may wait for the disk

import asyncio
import hashlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from connector.dataplane.download import download, reverify
from connector.dataplane.manifest import Entry, manifest_digest, render_manifest
from connector.dataplane.model import Received, ServedFile
from connector.db import Pool
from connector.errors import DataChanged, DeliveryError, InvalidInput, NoRoom, PeerRefused
from connector.http import GuardedHttp
from connector.identity.keys import SigningKey, load_or_create_key
from connector.settings import DataPlaneSettings, HttpSettings
from tests.support.data_plane import DID, Plane, Provider, plane_on, published, published_folder
from tests.support.loopback import Site, site, way_out
from tests.support.serving import serving

MIB = 1024**2
SETTINGS = DataPlaneSettings(download_deadline_seconds=30)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_or_create_key(tmp_path / "key.pem", DID)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "deep er").mkdir(parents=True)
    (folder / "sfincs_map.nc").write_bytes(os.urandom(8 * MIB + 17))
    (folder / "deep er" / "sfincs.inp").write_bytes(b"tstop = 20250101 000000\n")
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "received"


@pytest.fixture
async def plane(database_url: str, pool: Pool, key: SigningKey, folder: Path) -> AsyncIterator[Plane]:
    async with plane_on(database_url, pool, key, published_folder(folder)) as started:
        yield started


@pytest.fixture
async def http(plane: Plane) -> AsyncIterator[GuardedHttp]:
    client = GuardedHttp(HttpSettings(allow=(f"localhost:{plane.port}",)))
    yield client
    await client.close()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def fetch(http: GuardedHttp, plane: Provider, token: str, destination: Path, **more: Any) -> Received:
    return await download(
        http, endpoint=plane.endpoint, token=token, destination=destination, **({"settings": SETTINGS} | more)
    )


async def test_a_folder_arrives_whole_and_can_be_verified_again(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path
):
    seen: list[tuple[int, int]] = []
    token = await plane.start(kind="folder")
    received = await fetch(http, plane, token, destination, on_progress=lambda *step: seen.append(step))
    entries = [Entry(file.path, file.bytes, file.sha256) for file in plane.files]
    assert received.digest == manifest_digest(render_manifest(entries))
    assert set(received.files) == {"deep er/sfincs.inp", "empty", "sfincs_map.nc"}
    assert all((destination / path).read_bytes() == (folder / path).read_bytes() for path in received.files)
    assert seen[-1] == (received.bytes, received.bytes) == (8 * MIB + 17 + 24,) * 2
    assert seen == sorted(seen)
    assert await reverify(destination, received)


@pytest.mark.parametrize("kind", ["folder", "file"])
async def test_one_byte_that_changes_after_the_delivery_is_found(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path, kind: str
):
    if kind == "file":
        plane.files = [published(folder / "sfincs_map.nc", folder)]
    received = await fetch(http, plane, await plane.start(kind=kind), destination)
    assert received.kind == kind
    assert await reverify(destination, received)
    with (destination / "sfincs_map.nc").open("r+b") as file:
        file.seek(MIB)
        byte = file.read(1)[0]
        file.seek(MIB)
        file.write(bytes([byte ^ 1]))
    assert not await reverify(destination, received)
    (destination / "sfincs_map.nc").unlink()
    assert not await reverify(destination, received)


async def test_what_is_there_already_is_not_fetched_again(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path
):
    token = await plane.start(kind="folder")
    first = await fetch(http, plane, token, destination)
    for file in plane.files:
        os.utime(file.absolute_path, ns=(1, 1))  # so that fetching it would be refused
    assert await fetch(http, plane, token, destination) == first


async def test_a_suspended_transfer_ends_the_download_and_the_next_token_goes_on(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path
):
    plane.files = [published(folder / "sfincs_map.nc", folder)]
    await plane.stop()
    token = await plane.start(jti="one")
    got: list[int] = []

    def suspend(done: int, total: int) -> None:
        del total
        if done > 0 and not got:
            got.append(done)
            stopping.append(asyncio.ensure_future(plane.stop("suspended: quota")))
            plane.watch.cut_all("suspended")

    stopping: list[asyncio.Future[None]] = []
    with pytest.raises(PeerRefused, match="suspended: quota"):
        await fetch(http, plane, token, destination, on_progress=suspend)
    part = destination / "sfincs_map.nc.part"
    assert 0 < part.stat().st_size < 8 * MIB
    assert not (destination / "sfincs_map.nc").exists()
    await fetch(http, plane, await plane.start(jti="two"), destination)
    assert digest(destination / "sfincs_map.nc") == plane.files[0].sha256
    assert not part.exists()


async def test_a_wrong_beginning_from_an_earlier_attempt_is_fetched_anew(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path
):
    plane.files = [published(folder / "sfincs_map.nc", folder)]
    destination.mkdir()
    (destination / "sfincs_map.nc.part").write_bytes(b"x" * 1000)
    await fetch(http, plane, await plane.start(), destination)
    assert digest(destination / "sfincs_map.nc") == plane.files[0].sha256


async def test_content_that_is_not_what_was_promised_gets_no_name(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path
):
    plane.files = [replace(published(folder / "sfincs_map.nc", folder), sha256="ab" * 32)]
    with pytest.raises(DataChanged, match="not what was published"):
        await fetch(http, plane, await plane.start(), destination)
    assert list(destination.iterdir()) == []


async def test_a_digest_known_from_elsewhere_is_what_counts(
    plane: Plane, http: GuardedHttp, folder: Path, destination: Path
):
    plane.files = [published(folder / "sfincs_map.nc", folder)]
    with pytest.raises(DataChanged, match="another file"):
        await fetch(http, plane, await plane.start(), destination, expected_sha256="cd" * 32)
    plane.files = published_folder(folder)
    with pytest.raises(DataChanged, match="is another one"):
        await fetch(http, plane, await plane.start(kind="folder"), destination, expected_sha256="cd" * 32)


async def test_a_file_that_changed_at_the_provider_is_named(plane: Plane, http: GuardedHttp, destination: Path):
    os.utime(plane.files[-1].absolute_path, ns=(1, 1))
    with pytest.raises(DataChanged, match=r"sfincs_map\.nc"):
        await fetch(http, plane, await plane.start(kind="folder"), destination)


async def test_a_full_disk_is_told_before_the_first_byte(plane: Plane, http: GuardedHttp, destination: Path):
    plane.files = [replace(file, bytes=2**50) for file in plane.files]
    with pytest.raises(NoRoom, match="are free"):
        await fetch(http, plane, await plane.start(kind="folder"), destination)
    assert [path for path in destination.rglob("*") if path.is_file()] == []


async def test_a_manifest_that_is_too_large_is_not_read(plane: Plane, http: GuardedHttp, destination: Path):
    with pytest.raises(InvalidInput, match="at most 100 are read"):
        await fetch(
            http,
            plane,
            await plane.start(kind="folder"),
            destination,
            settings=DataPlaneSettings(manifest_max_bytes=100),
        )


async def test_a_link_below_the_destination_is_not_followed_out_of_it(
    plane: Plane, http: GuardedHttp, destination: Path, tmp_path: Path
):
    (tmp_path / "outside").mkdir()
    destination.mkdir()
    (destination / "deep er").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput, match="leads out"):
        await fetch(http, plane, await plane.start(kind="folder"), destination)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.fixture
async def stranger() -> AsyncIterator[Site]:
    async with site() as started:
        yield started


@pytest.mark.parametrize("path", ["../outside", "/etc/tidegate", "a/../../outside"])
async def test_a_manifest_that_names_a_file_outside_the_folder_is_refused(
    path: str, destination: Path, monkeypatch: pytest.MonkeyPatch
):
    """A peer of its own making: ours could not publish such a file."""
    body = render_manifest([Entry(path, 1, "ab" * 32)])
    async with serving_manifest(body) as (url, allowed):
        client = GuardedHttp(HttpSettings(allow=(allowed,)))
        try:
            with pytest.raises(DataChanged, match="not a relative path below the folder"):
                await download(client, endpoint=url, token="t", destination=destination, settings=SETTINGS)
        finally:
            await client.close()
    assert not destination.exists()


def serving_manifest(body: bytes) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [
            (b"content-type", b"application/vnd.tidegate.manifest+json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    @asynccontextmanager
    async def started() -> AsyncIterator[tuple[str, str]]:
        async with serving(app) as port:
            yield f"http://localhost:{port}/data/x", f"localhost:{port}"

    return started()


async def test_a_provider_without_a_digest_is_refused(stranger: Site, destination: Path):
    stranger.pages["/file"] = b"content"
    async with way_out(stranger) as client:
        with pytest.raises(PeerRefused, match="tells no digest"):
            await download(
                client, endpoint=stranger.url + "/file", token="t", destination=destination, settings=SETTINGS
            )


async def test_a_provider_without_a_digest_will_do_when_it_is_known_from_elsewhere(stranger: Site, destination: Path):
    stranger.pages["/file"] = b"content"
    sha256 = hashlib.sha256(b"content").hexdigest()
    async with way_out(stranger) as client:
        received = await download(
            client,
            endpoint=stranger.url + "/file",
            token="t",
            destination=destination,
            settings=SETTINGS,
            expected_sha256=sha256,
        )
    assert received == Received("file", ("data",), 7, sha256)


async def test_a_provider_that_stays_away_ends_at_the_deadline(stranger: Site, destination: Path):
    url = stranger.url
    async with way_out(stranger) as client:
        await stranger.stop()
        with pytest.raises(DeliveryError, match="given up"):
            await download(
                client,
                endpoint=url + "/file",
                token="t",
                destination=destination,
                settings=DataPlaneSettings(download_deadline_seconds=1),
            )


class ProviderProcess:
    """A provider that can be killed and started again at the same port."""

    def __init__(self, database_url: str, key_file: Path, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._arguments = [database_url, str(key_file), str(self.port), str(folder)]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.data_plane", *self._arguments]
        self._process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def most_memory(self) -> int:
        """The most it ever had in memory, in bytes."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def provider(self, pool: Pool, key: SigningKey) -> Provider:
        return Provider(pool, key, f"http://localhost:{self.port}")

    def client(self) -> GuardedHttp:
        return GuardedHttp(HttpSettings(allow=(f"localhost:{self.port}",)))


ProviderOf = Callable[[Path], ProviderProcess]


@pytest.fixture
async def provider_of(database_url: str, tmp_path: Path, key: SigningKey) -> AsyncIterator[ProviderOf]:
    made: list[ProviderProcess] = []

    def make(folder: Path) -> ProviderProcess:
        made.append(ProviderProcess(database_url, tmp_path / "key.pem", folder))
        return made[-1]

    yield make
    for process in made:
        await process.kill()


def large_file(folder: Path, mebibytes: int) -> ServedFile:
    folder.mkdir()
    with (folder / "field.grib").open("wb") as file:
        for _ in range(mebibytes // 16):
            file.write(os.urandom(16 * MIB))
    return published(folder / "field.grib", folder)


async def test_a_download_survives_a_provider_that_is_killed_and_comes_back(
    provider_of: ProviderOf, pool: Pool, key: SigningKey, tmp_path: Path, destination: Path
):
    served = large_file(tmp_path / "large", 128)
    process = provider_of(tmp_path / "large")
    await process.start()
    provider = process.provider(pool, key)
    token = await provider.start()
    killed_at: list[int] = []
    restarts: list[asyncio.Task[None]] = []
    steps: list[int] = []

    async def restart() -> None:
        await process.kill()
        await asyncio.sleep(0.5)
        await process.start()

    def kill_once(done: int, total: int) -> None:
        del total
        steps.append(done)
        if done > 16 * MIB and not killed_at:
            killed_at.append(done)
            os.kill(process._process.pid, 9)
            restarts.append(asyncio.create_task(restart()))

    http = process.client()
    try:
        received = await fetch(http, provider, token, destination, on_progress=kill_once)
    finally:
        await http.close()
    await restarts[0]
    assert received.digest == served.sha256 == digest(destination / "field.grib")
    assert steps == sorted(steps), "it went on from where it was"
    assert [path.name for path in destination.iterdir()] == ["field.grib"]


async def test_memory_is_constant_whatever_the_size_of_the_file(
    provider_of: ProviderOf, pool: Pool, key: SigningKey, tmp_path: Path
):
    folder = tmp_path / "sparse"
    folder.mkdir()
    with (folder / "field.grib").open("wb") as file:
        file.truncate(2048 * MIB)
    process = provider_of(folder)
    await process.start()
    provider = process.provider(pool, key)
    token = await provider.start()
    http = process.client()
    own = psutil.Process()

    async def read(**fields: str) -> int:
        count = 0
        async with http.stream(
            "GET", provider.endpoint, headers={"Authorization": f"Bearer {token}", **fields}
        ) as answer:
            assert answer.status in {200, 206}
            async for chunk in answer.chunks:
                count += len(chunk)
        return count

    try:
        await read(Range=f"bytes=0-{16 * MIB}")
        before, own_before = process.most_memory(), own.memory_info().rss
        assert await read() == 2048 * MIB
        assert process.most_memory() - before < 24 * MIB
        assert own.memory_info().rss - own_before < 48 * MIB
    finally:
        await http.close()
