"""The data plane on a real database behind the real server."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import rfc8785

from connector.dataplane.flows import find_flow, list_good_tokens
from connector.db import Pool, connection
from connector.identity.keys import SigningKey, load_or_create_key
from tests.support.data_plane import CONSUMER, DID, TRANSFER, Plane, plane_on, published, published_folder

MIB = 1024**2


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_or_create_key(tmp_path / "key.pem", DID)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one below another folder, with a name that needs quoting."""
    folder = tmp_path / "run"
    (folder / "deep er").mkdir(parents=True)
    (folder / "sfincs_map.nc").write_bytes(os.urandom(3 * MIB + 17))
    (folder / "deep er" / "sfincs.inp").write_bytes(b"tstop = 20250101 000000\n")
    return folder


@pytest.fixture
async def plane(database_url: str, pool: Pool, key: SigningKey, folder: Path) -> AsyncIterator[Plane]:
    """The larger file as a single-file offering."""
    async with plane_on(database_url, pool, key, [published(folder / "sfincs_map.nc", folder)]) as started:
        yield started


@pytest.fixture
async def large(database_url: str, pool: Pool, key: SigningKey, tmp_path: Path) -> AsyncIterator[Plane]:
    """A file that no buffer between server and reader can hold."""
    folder = tmp_path / "large"
    folder.mkdir()
    with (folder / "field.grib").open("wb") as file:
        file.truncate(4096 * MIB)
    async with plane_on(database_url, pool, key, [published(folder / "field.grib", folder)]) as started:
        yield started


async def ask(plane: Plane, token: str | None, *, path: str = "", method: str = "GET", **fields: str) -> Any:
    """Status, fields and body."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, plane.endpoint + path, headers=headers) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


class Reader:
    """Somebody who reads as slowly as the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def start(cls, plane: Plane, token: str) -> "Reader":
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port, limit=MIB)
        writer.write(
            f"GET /data/{TRANSFER} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        return cls(reader, writer)

    async def read_to_the_end(self) -> int:
        """How many bytes come until the connection ends, however it ends."""
        count = 0
        try:
            while piece := await self.reader.read(MIB):
                count += len(piece)
        except ConnectionError:
            pass
        finally:
            self.writer.close()
        return count

    async def seconds_until_cut(self) -> float:
        """Reading on; fails after five seconds, or if the whole file came."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.timeout(5):
            assert await self.read_to_the_end() < 4096 * MIB
        return loop.time() - start


async def test_a_single_file_is_served_itself(plane: Plane, folder: Path):
    content = (folder / "sfincs_map.nc").read_bytes()
    token = await plane.start()
    status, fields, body = await ask(plane, token)
    assert (status, body) == (200, content)
    assert fields["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert "sfincs_map.nc" in fields["Content-Disposition"]


async def test_head_says_the_same_without_the_content(plane: Plane):
    token = await plane.start()
    status, head, body = await ask(plane, token, method="HEAD")
    _, fields, _ = await ask(plane, token)
    assert (status, body) == (200, b"")
    assert {name: value for name, value in head.items() if name != "Date"} == {
        name: value for name, value in fields.items() if name != "Date"
    }


async def test_ranges_over_chunks(plane: Plane, folder: Path):
    content = (folder / "sfincs_map.nc").read_bytes()
    token = await plane.start()
    status, _, body = await ask(plane, token, Range=f"bytes={MIB - 5}-{2 * MIB + 5}")
    assert (status, body) == (206, content[MIB - 5 : 2 * MIB + 6])
    status, fields, body = await ask(plane, token, Range=f"bytes=0-9,{MIB}-{3 * MIB},-3")
    boundary = fields["Content-Type"].partition("boundary=")[2].encode()
    pieces = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in body.split(b"--" + boundary)[1:-1]]
    assert (status, pieces) == (206, [content[:10], content[MIB : 3 * MIB + 1], content[-3:]])
    assert (await ask(plane, token, Range="bytes=99999999-"))[0] == 416


async def test_a_folder_is_a_manifest_with_its_files_below(
    database_url: str, pool: Pool, key: SigningKey, folder: Path
):
    async with plane_on(database_url, pool, key, published_folder(folder)) as plane:
        token = await plane.start(kind="folder")
        status, fields, body = await ask(plane, token)
        assert status == 200
        assert fields["Content-Type"] == "application/vnd.tidegate.manifest+json"
        assert fields["ETag"] == f'"{hashlib.sha256(rfc8785.dumps(orjson.loads(body))).hexdigest()}"'
        entries = orjson.loads(body)["files"]
        assert [entry["path"] for entry in entries] == ["deep er/sfincs.inp", "sfincs_map.nc"]
        for entry in entries:
            _, _, content = await ask(plane, token, path="/" + entry["path"].replace(" ", "%20"))
            assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
        assert (await ask(plane, token, path="/absent"))[0] == 404
        assert (await ask(plane, token, path="/deep%20er/..%2fsfincs_map.nc"))[0] == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_without_a_valid_token_it_is_401(plane: Plane, method: str):
    token = await plane.start()
    for wrong in (None, "nonsense", token[:-4] + "AAAA"):
        status, fields, _ = await ask(plane, wrong, method=method)
        assert (status, fields["WWW-Authenticate"]) == (401, "Bearer")


async def test_after_the_flow_is_closed_it_is_403_and_says_why(plane: Plane):
    token = await plane.start()
    await plane.stop("suspended by the provider")
    status, _, body = await ask(plane, token)
    assert (status, orjson.loads(body)["code"]) == (403, "not_authorized")
    assert "suspended by the provider" in orjson.loads(body)["message"]


async def test_starting_again_makes_the_earlier_token_worthless(plane: Plane):
    before = await plane.start(jti="one")
    await plane.stop()
    after = await plane.start(jti="two")
    assert (await ask(plane, before))[0] == 403
    assert (await ask(plane, after))[0] == 200


async def test_an_expired_token_is_403(plane: Plane):
    assert (await ask(plane, await plane.start(seconds=-2)))[0] == 403


async def test_a_single_file_has_nothing_below_it(plane: Plane):
    assert (await ask(plane, await plane.start(), path="/sfincs_map.nc"))[0] == 404


async def test_other_methods_are_refused(plane: Plane):
    status, fields, _ = await ask(plane, await plane.start(), method="PUT")
    assert (status, fields["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("how", ["touched", "grown", "replaced", "removed", "a link"])
async def test_a_file_that_changed_since_it_was_published_is_409(plane: Plane, folder: Path, how: str):
    token = await plane.start()
    path = folder / "sfincs_map.nc"
    match how:
        case "touched":
            os.utime(path, ns=(1, 1))
        case "grown":
            with path.open("ab") as file:
                file.write(b"x")
        case "replaced":
            facts = path.stat()
            (folder / "new").write_bytes(path.read_bytes())
            os.utime(folder / "new", ns=(facts.st_atime_ns, facts.st_mtime_ns))
            (folder / "new").replace(path)
        case "removed":
            path.unlink()
        case _:
            path.rename(folder / "elsewhere")
            path.symlink_to(folder / "elsewhere")
    status, _, body = await ask(plane, token)
    assert (status, orjson.loads(body)["code"]) == (409, "data_changed")


async def test_equal_content_that_was_published_again_is_served(plane: Plane, folder: Path):
    token = await plane.start()
    assert (await ask(plane, token))[0] == 200
    os.utime(folder / "sfincs_map.nc", ns=(1, 1))
    plane.files = [published(folder / "sfincs_map.nc", folder)]
    assert (await ask(plane, token))[0] == 200


async def test_a_running_stream_is_cut_when_the_file_changes(large: Plane):
    reader = await Reader.start(large, await large.start())
    os.utime(large.files[0].absolute_path, ns=(1, 1))
    assert await reader.seconds_until_cut() < 1


async def test_a_running_stream_is_cut_when_the_flow_is_closed(large: Plane):
    reader = await Reader.start(large, await large.start())
    await large.stop()
    assert await reader.seconds_until_cut() < 1


async def test_it_is_cut_when_the_notification_is_lost(large: Plane):
    async with connection(large.pool) as conn:
        await conn.execute("alter table data_flow disable trigger data_flow_changed")
    reader = await Reader.start(large, await large.start())
    await large.stop()
    await asyncio.sleep(0.9)
    assert await reader.seconds_until_cut() < 0.5


async def test_it_is_cut_when_another_token_replaces_its_own(large: Plane):
    reader = await Reader.start(large, await large.start(jti="one"))
    await large.start(jti="two")
    await asyncio.sleep(0.9)
    assert await reader.seconds_until_cut() < 0.5


async def test_it_is_cut_when_the_token_expires(large: Plane):
    reader = await Reader.start(large, await large.start(seconds=0.5))
    await asyncio.sleep(1)
    assert await reader.seconds_until_cut() < 0.5


async def test_it_is_cut_when_its_consumer_is_removed_from_the_data_space(large: Plane):
    reader = await Reader.start(large, await large.start())
    large.membership.removed.add(CONSUMER)
    await asyncio.sleep(1.2)
    assert await reader.seconds_until_cut() < 0.5


async def test_a_removed_member_is_not_served_although_its_token_is_good(plane: Plane):
    token = await plane.start()
    plane.membership.removed.add(CONSUMER)
    status, _, body = await ask(plane, token)
    assert (status, orjson.loads(body)["code"]) == (403, "not_authorized")
    plane.membership.removed.clear()
    assert (await ask(plane, token))[0] == 200


async def test_a_reader_that_takes_nothing_is_cut_as_well(large: Plane):
    reader = await Reader.start(large, await large.start())
    await asyncio.sleep(0.3)
    await large.stop()
    await asyncio.sleep(0.9)
    # What the kernels' buffers held may still come; nothing that we had in hand.
    assert await reader.read_to_the_end() < 64 * MIB


async def test_the_watch_survives_the_loss_of_its_connection(large: Plane):
    reader = await Reader.start(large, await large.start())
    async with connection(large.pool) as conn:
        lost = await conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidegate-data-flow'"
            " and datname = current_database()"
        )
        assert lost.rowcount == 1
    await asyncio.sleep(0.8)
    assert large.watch.listening
    assert not reader.reader.at_eof()
    await large.stop()
    assert await reader.seconds_until_cut() < 1


async def test_a_reader_that_leaves_ends_the_stream(large: Plane):
    reader = await Reader.start(large, await large.start())
    await reader.reader.readexactly(MIB)
    reader.writer.transport.abort()
    await asyncio.sleep(0.5)
    async with connection(large.pool) as conn:
        flow = await find_flow(conn, transfer=TRANSFER)
    assert flow is not None
    assert 0 < flow.bytes_sent < 256 * MIB


async def test_what_was_delivered_is_counted(plane: Plane):
    token = await plane.start()
    await ask(plane, token, Range="bytes=0-99")
    await ask(plane, token, Range="bytes=0-9,20-29")
    await asyncio.sleep(0.1)
    async with connection(plane.pool) as conn:
        flow = await find_flow(conn, transfer=TRANSFER)
    assert flow is not None
    assert flow.bytes_sent == 120


async def test_only_open_flows_have_good_tokens(plane: Plane):
    await plane.start(jti="one")
    async with connection(plane.pool) as conn:
        asked = [(TRANSFER, "one"), (TRANSFER, "two"), ("other", "one")]
        assert await list_good_tokens(conn, tokens=asked) == {"one"}
        await plane.stop()
        assert await list_good_tokens(conn, tokens=asked) == set()
        assert await find_flow(conn, transfer="other") is None


async def test_while_the_database_is_away_it_is_503(plane: Plane):
    token = await plane.start()
    await plane.pool.close()
    status, fields, _ = await ask(plane, token)
    assert (status, fields["Retry-After"]) == (503, "1")
