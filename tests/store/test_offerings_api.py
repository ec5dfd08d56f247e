"""`/api/offerings` and `/api/catalog` over HTTP, on real folders and a real database."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from connector.db import Pool, connection
from connector.errors import ConnectorError, DeliveryError
from connector.harvest.sample import write_sample_run
from connector.http import GuardedHttp
from connector.management import catalog, offerings
from connector.offers.remote import Peers
from connector.offers.service import Offers
from connector.offers.store import files_of
from connector.settings import HttpSettings
from tests.conftest import skip_or_fail
from tests.unit.offers.builders import FOR_RESEARCH, OPEN
from tests.unit.offers.serving import listen, serving

Call = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
async def api(pool: Pool) -> AsyncIterator[Call]:
    """Calls our own API: method, path, JSON."""
    listening, host = listen()
    http = GuardedHttp(HttpSettings(allow=(host,), request_timeout_seconds=60))

    async def nowhere(did: str) -> str:
        raise DeliveryError(f"{did} cannot be reached")

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, ConnectorError)
        return Response(orjson.dumps(error.as_json()), error.status, media_type="application/json")

    app = FastAPI(exception_handlers={ConnectorError: refused})
    app.include_router(offerings.router(Offers(pool)))
    app.include_router(catalog.router(Peers(http, lambda did, body: "token", nowhere)))

    async def call(method: str, path: str, **members: Any) -> tuple[int, Any]:
        body = json.dumps(members).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        answer = await http.request(method, f"http://{host}{path}", headers=headers, body=body)
        return answer.status, json.loads(answer.body)

    async with serving(app, listening):
        yield call
        await http.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run, a broken NetCDF, a hidden file and a link that leaves the folder."""
    outside = tmp_path / "outside.nc"
    outside.write_bytes(b"CDF\x01")
    folder = tmp_path / "data"
    write_sample_run(folder / "run-1")
    (folder / "broken.nc").write_bytes(b"\x89HDF\r\n\x1a\n and then nothing")
    (folder / ".secret").write_text("no")
    (folder / "link.nc").symlink_to(outside)
    return folder


async def test_a_broken_file_is_named_and_the_rest_is_published(api: Call, folder: Path) -> None:
    status, report = await api("POST", "/api/offerings", folder=str(folder), policy=FOR_RESEARCH)
    assert status == 200
    (published,) = report["published"]
    assert (published["id"], published["version"], published["outcome"]) == ("run-1", 1, "new")
    assert published["source"] == str(folder / "run-1")
    assert published["bytes"] == sum(file.stat().st_size for file in (folder / "run-1").iterdir())
    assert "urn:purpose:research" in published["terms"]
    assert [problem["path"] for problem in report["problems"]] == ["broken.nc"]
    assert [skipped["path"] for skipped in report["skipped"]] == [".secret", "link.nc"]


async def test_a_preview_publishes_nothing(api: Call, folder: Path) -> None:
    status, listing = await api("POST", "/api/offerings/preview", folder=str(folder))
    assert status == 200
    assert [source["path"] for source in listing["sources"]] == ["broken.nc", "run-1"]
    assert [skipped["path"] for skipped in listing["skipped"]] == [".secret", "link.nc"]
    assert await api("GET", "/api/offerings") == (200, {"offerings": [], "next": None})


async def test_publishing_a_folder_again_changes_nothing_until_a_file_changes(
    api: Call, folder: Path, pool: Pool
) -> None:
    async def outcomes() -> list[tuple[str, int]]:
        _, report = await api("POST", "/api/offerings", folder=str(folder), policy=OPEN)
        return [(each["outcome"], each["version"]) for each in report["published"]]

    inp = folder / "run-1" / "sfincs.inp"
    assert await outcomes() == [("new", 1)]
    os.utime(inp, (1_000_000_000, 1_000_000_000))
    assert await outcomes() == [("unchanged", 1)]
    async with connection(pool) as conn:
        times = {file.path: file.mtime_ns for file in await files_of(conn, "run-1", 1)}
    assert times["sfincs.inp"] == 1_000_000_000 * 10**9
    inp.write_text(inp.read_text() + "\n")
    assert await outcomes() == [("new_version", 2)]


async def test_a_run_named_by_itself_is_the_same_source_as_in_its_folder(api: Call, folder: Path) -> None:
    await api("POST", "/api/offerings", folder=str(folder), policy=OPEN)
    _, report = await api("POST", "/api/offerings", folder=str(folder / "run-1"), policy=OPEN)
    assert [(each["id"], each["outcome"]) for each in report["published"]] == [("run-1", "unchanged")]


async def test_a_second_variant_of_a_source_is_an_offering_of_its_own(api: Call, folder: Path) -> None:
    run = str(folder / "run-1")
    await api("POST", "/api/offerings", folder=run, policy=OPEN)
    await api("POST", "/api/offerings", folder=run, policy=FOR_RESEARCH, variant="research")
    _, listed = await api("GET", "/api/offerings")
    assert [(each["id"], each["variant"]) for each in listed["offerings"]] == [
        ("run-1", ""),
        ("run-1-research", "research"),
    ]


async def test_a_withdrawn_offering_says_when(api: Call, folder: Path) -> None:
    await api("POST", "/api/offerings", folder=str(folder), policy=OPEN)
    status, answer = await api("POST", "/api/offerings/run-1/withdraw")
    _, entry = await api("GET", "/api/offerings/run-1")
    assert (status, answer["id"]) == (200, "run-1")
    assert entry["withdrawn_at"] == answer["withdrawn_at"]
    assert entry["document"]["kind"] == "folder"


@pytest.mark.parametrize(
    ("members", "status", "problem"),
    [
        pytest.param({"folder": "data"}, 400, "expected an absolute path", id="a relative folder"),
        pytest.param({"folder": "/no/such/folder"}, 400, "/no/such/folder", id="no folder"),
        pytest.param({"folder": "/tmp", "policy": {}}, 400, "policy", id="no terms"),
        pytest.param(
            {"folder": "/tmp", "policy": {"prohibition": [{"action": "use"}]}},
            400,
            "at least one permission",
            id="no use",
        ),
        pytest.param(
            {"folder": "/tmp", "policy": {"permission": [{"action": "teleport"}]}}, 400, "teleport", id="action"
        ),
        pytest.param({"folder": "/tmp", "variant": "No Way!"}, 422, "variant", id="a variant that is no id"),
        pytest.param({"folder": "/tmp", "fodler": "x"}, 422, "fodler", id="a misspelt member"),
    ],
)
async def test_a_publication_is_refused_for(api: Call, members: dict[str, Any], status: int, problem: str) -> None:
    answer = await api("POST", "/api/offerings", **{"policy": OPEN} | members)
    assert answer[0] == status
    assert problem in json.dumps(answer[1])


async def test_an_offering_that_is_not_there_is_404(api: Call) -> None:
    for method, path in (("GET", "/api/offerings/nothing"), ("POST", "/api/offerings/nothing/withdraw")):
        status, error = await api(method, path)
        assert (status, error["code"]) == (404, "not_found")


async def test_a_catalogue_of_nobody_is_refused(api: Call) -> None:
    assert (await api("POST", "/api/catalog", participant="provider.example"))[0] == 400
    status, error = await api("POST", "/api/catalog", participant="did:web:provider.example")
    assert (status, error["code"]) == (502, "delivery_failed")


DATA = Path(__file__).parents[2].parent / "shared" / "data"


async def test_a_real_sfincs_run_becomes_one_offering(api: Call) -> None:
    if not DATA.is_dir():
        skip_or_fail(f"the shared test data is not in {DATA}")
    _, report = await api("POST", "/api/offerings", folder=str(DATA / "sfincs-run"), policy=OPEN)
    (published,) = report["published"]
    _, entry = await api("GET", f"/api/offerings/{published['id']}")
    assert (published["outcome"], entry["kind"], report["problems"]) == ("new", "folder", [])
    assert entry["start"] < entry["end"]


async def test_the_real_climate_field_needs_a_crs(api: Call) -> None:
    if not DATA.is_dir():
        skip_or_fail(f"the shared test data is not in {DATA}")
    field = str(DATA / "climate-dt" / "climate-dt.tiff")
    _, refused = await api("POST", "/api/offerings", folder=field, policy=OPEN)
    assert (refused["published"], [each["path"] for each in refused["problems"]]) == ([], ["climate-dt.tiff"])
    _, report = await api("POST", "/api/offerings", folder=field, policy=OPEN, crs="EPSG:4326")
    (published,) = report["published"]
    assert (published["id"], published["files"], report["problems"]) == ("climate-dt", 1, [])
