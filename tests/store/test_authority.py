"""The authority: admitting, removing, and the list that others read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import orjson
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.applications import Starlette

from connector.authority import service, store
from connector.authority.routes import authority_routes
from connector.db import Pool, connection
from connector.errors import ConnectorError, InvalidInput, NotFound
from connector.http import GuardedHttp, Response
from connector.identity.did import DidResolver
from connector.identity.member_list import fetch_member_list
from connector.identity.members import Members
from connector.identity.routes import identity_routes
from connector.management.members import router
from connector.settings import HttpSettings
from tests.support.loopback import Clock, new_key
from tests.support.serving import serving

ONE, TWO = "did:web:one.example", "did:web:localhost%3A9102"


async def list_version(pool: Pool) -> int:
    async with connection(pool) as conn:
        version, _ = await store.load_list(conn)
    return version


async def test_members_are_admitted_listed_and_removed(pool: Pool):
    async with connection(pool) as conn:
        assert await service.list_members(conn) == []
        assert await service.add_member(conn, TWO, "Two", "http://localhost:9102/")
        assert await service.add_member(conn, ONE)
        one, two = sorted(await service.list_members(conn), key=lambda member: member.title, reverse=True)
        assert (one.did, one.title, one.url) == (ONE, ONE, "https://one.example")
        assert (two.did, two.title, two.url) == (TWO, "Two", "http://localhost:9102")
        await service.remove_member(conn, ONE)
        assert [member.did for member in await service.list_members(conn)] == [TWO]


async def test_each_change_counts_the_version_and_what_changes_nothing_does_not(pool: Pool):
    versions: list[int] = []
    async with connection(pool) as conn:
        for change in (
            partial(service.add_member, conn, ONE),
            partial(service.add_member, conn, ONE),
            partial(service.add_member, conn, ONE, "Another title"),
            partial(service.remove_member, conn, ONE),
            partial(service.add_member, conn, ONE),
        ):
            await change()
            versions.append(await list_version(pool))
        with pytest.raises(NotFound, match="not a member"):
            await service.remove_member(conn, TWO)
    versions.append(await list_version(pool))
    assert versions == [1, 1, 2, 3, 4, 4]


async def test_changes_at_the_same_time_each_have_their_version(pool: Pool):
    async def admit(number: int) -> None:
        async with connection(pool) as conn:
            await service.add_member(conn, f"did:web:member-{number}.example")

    await asyncio.gather(*(admit(number) for number in range(20)))
    async with connection(pool) as conn:
        version, members = await store.load_list(conn)
    assert (version, len(members)) == (20, 20)


async def test_the_same_newcomer_admitted_twice_at_the_same_time_is_one_change(pool: Pool):
    async def admit() -> bool:
        async with connection(pool) as conn:
            return await service.add_member(conn, ONE)

    assert sorted(await asyncio.gather(*(admit() for _ in range(4)))) == [False, False, False, True]
    assert await list_version(pool) == 1


@pytest.mark.parametrize(
    ("did", "title", "url", "problem"),
    [
        pytest.param("one.example", None, None, "not a did:web", id="no DID"),
        pytest.param(ONE, "a\nb", None, "title", id="line break in title"),
        pytest.param(ONE, "x" * 201, None, "title", id="long title"),
        pytest.param(ONE, None, "one.example", "not an address", id="no scheme"),
        pytest.param(ONE, None, "ftp://one.example", "not an address", id="other scheme"),
        pytest.param(ONE, None, "https://u:p@one.example", "not an address", id="credentials"),
        pytest.param(ONE, None, "https://one.example:x", "not an address", id="port not a number"),
        pytest.param(ONE, None, "https://one.example/\0", "not an address", id="zero byte"),
    ],
)
async def test_a_newcomer_with_a_wrong_value_is_refused(
    pool: Pool, did: str, title: str | None, url: str | None, problem: str
):
    async with connection(pool) as conn:
        with pytest.raises(InvalidInput, match=problem):
            await service.add_member(conn, did, title, url)
    assert await list_version(pool) == 0


async def test_others_read_the_list_and_believe_it(pool: Pool, http: GuardedHttp, authority: "Authority"):
    async with connection(pool) as conn:
        await service.add_member(conn, ONE, "One")
    resolver = DidResolver(http, cache_seconds=300)
    found = await fetch_member_list(http, resolver, authority.did, clock=authority.clock, skew_seconds=0)
    assert (found.version, list(found.members)) == (1, [ONE])
    assert found.members[ONE].title == "One"
    assert found.expires_at == authority.clock() + timedelta(seconds=300)


async def test_the_authority_itself_goes_by_its_database(pool: Pool):
    clock = Clock()
    members = Members(
        authority="did:web:authority.example",
        fetch=partial(service.own_list, pool, "did:web:authority.example", clock=clock, lifetime_seconds=300),
        pool=pool,
        max_age_seconds=5,
        clock=clock,
        monotonic=clock.monotonic,
    )
    async with connection(pool) as conn:
        assert not await members.is_member(ONE)
        await service.add_member(conn, ONE)
        clock.passes(5)
        assert await members.is_member(ONE)
        assert [member.did for member in await members.list_members()] == [ONE]
        await service.remove_member(conn, ONE)
        clock.passes(5)
        assert not await members.is_member(ONE)


async def test_members_are_administered_over_our_own_api(pool: Pool, http: GuardedHttp, authority: "Authority"):
    async def call(method: str, path: str = "", body: object = None) -> Response:
        url = f"http://localhost:{authority.port}/api/members{path}"
        content = None if body is None else orjson.dumps(body)
        return await http.request(method, url, body=content, headers={"Content-Type": "application/json"})

    added = await call("POST", body={"did": TWO, "title": "Two"})
    assert orjson.loads(added.body) == {"did": TWO, "changed": True}
    assert orjson.loads((await call("POST", body={"did": TWO, "title": "Two"})).body)["changed"] is False
    (shown,) = orjson.loads((await call("GET")).body)
    assert (shown["did"], shown["title"], shown["url"]) == (TWO, "Two", "http://localhost:9102")
    assert (await call("POST", body={"did": "two"})).status == 400
    assert (await call("POST", body={"did": TWO, "role": "x"})).status == 422
    assert (await call("DELETE", "/" + quote(TWO, safe=""))).status == 200
    assert (await call("DELETE", "/" + quote(TWO, safe=""))).status == 404
    assert orjson.loads((await call("GET")).body) == []


class Authority:
    """The authority's routes, at a port of loopback."""

    def __init__(self, port: int, clock: Clock) -> None:
        self.port = port
        self.did = f"did:web:localhost%3A{port}"
        self.clock = clock


@pytest.fixture
async def authority(pool: Pool) -> AsyncIterator[Authority]:
    clock = Clock()
    app = FastAPI()
    peer_facing = Starlette()
    app.include_router(router(pool))
    app.mount("/", peer_facing)

    @app.exception_handler(ConnectorError)
    async def as_json(_: Request, error: ConnectorError) -> JSONResponse:
        return JSONResponse(error.as_json(), error.status)

    async with serving(app) as port:
        running = Authority(port, clock)
        key = new_key(running.did)  # its name holds the port, which is known only now
        peer_facing.routes.extend(identity_routes(key, f"http://localhost:{port}", authority=True))
        peer_facing.routes.extend(authority_routes(pool, key, lifetime_seconds=300, clock=clock))
        yield running


@pytest.fixture
async def http(authority: Authority) -> AsyncIterator[GuardedHttp]:
    client = GuardedHttp(HttpSettings(allow=(f"localhost:{authority.port}",)))
    yield client
    await client.close()
