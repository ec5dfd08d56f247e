"""The offerings registry on a real database."""

import asyncio
import inspect
from datetime import UTC, datetime

import psycopg
import pytest

from connector.db import Pool, connection, queries, transaction
from connector.errors import InvalidInput, NotFound, OfferNotValid, UnknownProcess
from connector.offers import store
from connector.offers.model import Outcome, Source
from connector.offers.search import Search
from connector.offers.service import Offers, judge_request
from tests.unit.offers.builders import FOR_RESEARCH, OPEN, description, digest, publication, served_file

PAST_INTEGER = 2**64 - 3  # an inode of an overlay file system


async def test_a_published_offering_comes_back_as_it_was(pool: Pool) -> None:
    offers = Offers(pool)
    published = await offers.publish(publication())
    entry = await offers.entry("run")
    assert (published.outcome, published.offering.version, published.offering.offer_id) == (Outcome.NEW, 1, "run:1")
    assert entry.offering == published.offering
    assert (entry.source, entry.withdrawn_at) == (Source("/data/run"), None)


async def test_the_same_source_again_changes_nothing(pool: Pool) -> None:
    offers = Offers(pool)
    first = await offers.publish(publication())
    again = await offers.publish(publication())
    assert (again.outcome, again.offering) == (Outcome.UNCHANGED, first.offering)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"policy": FOR_RESEARCH}, id="other terms"),
        pytest.param({"description": description("deeper"), "files": [served_file("deeper")]}, id="other content"),
        pytest.param({"description": description(title="Renamed")}, id="other words"),
    ],
)
async def test_a_changed_source_is_a_new_version_with_a_new_offer_id(pool: Pool, change: dict[str, object]) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    renewed = await offers.publish(publication(**change))
    assert (renewed.outcome, renewed.offering.version, renewed.offering.offer_id) == (Outcome.NEW_VERSION, 2, "run:2")
    async with connection(pool) as conn:
        first = await store.find_version(conn, offering_id="run", version=1)
    assert first is not None
    assert first.policy == OPEN


async def test_equal_content_at_another_time_and_inode_stays_the_same_version(pool: Pool) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    again = await offers.publish(publication(files=[served_file(mtime_ns=99, inode=PAST_INTEGER)]))
    assert again.outcome is Outcome.UNCHANGED
    async with connection(pool) as conn:
        assert await store.files_of(conn, "run", 1) == [served_file(mtime_ns=99, inode=PAST_INTEGER)]


async def test_each_version_keeps_its_own_files(pool: Pool) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    files = [served_file("deeper"), served_file("history", path="his.nc")]
    await offers.publish(publication("deeper", files=files))
    async with connection(pool) as conn:
        assert [file.path for file in await store.files_of(conn, "run", 2)] == ["his.nc", "map.nc"]
        assert [file.sha256 for file in await store.files_of(conn, "run", 1)] == [digest("depth")]
        assert await store.files_of(conn, "run", 3) == []


async def test_two_sources_that_want_one_id_get_different_ones(pool: Pool) -> None:
    offers = Offers(pool)
    first = await offers.publish(publication())
    other = publication(source=Source("/elsewhere/run"))
    second = await offers.publish(other)
    assert first.offering.id == "run"
    assert second.offering.id == f"run-{Source('/elsewhere/run').key()}"
    assert (await offers.publish(other)).outcome is Outcome.UNCHANGED


async def test_one_source_can_be_offered_under_several_terms(pool: Pool) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    variant = await offers.publish(publication(source=Source("/data/run", "research"), policy=FOR_RESEARCH))
    assert (variant.outcome, variant.offering.id) == (Outcome.NEW, "run-research")
    assert (await offers.entry("run")).offering.policy == OPEN


async def test_an_id_that_neither_source_can_have_is_refused(pool: Pool) -> None:
    offers = Offers(pool)
    source = Source("/elsewhere/run")
    await offers.publish(publication())
    await offers.publish(publication(source=Source("/third/run"), wished_id=f"run-{source.key()}"))
    with pytest.raises(InvalidInput, match="no free id for /elsewhere/run"):
        await offers.publish(publication(source=source))


async def test_the_same_source_published_at_once_by_many_is_published_once(pool: Pool) -> None:
    offers = Offers(pool)
    results = await asyncio.gather(*(offers.publish(publication()) for _ in range(8)))
    assert sorted(result.outcome for result in results) == ["new"] + ["unchanged"] * 7
    assert {result.offering.offer_id for result in results} == {"run:1"}


async def test_different_content_published_at_once_makes_versions_without_a_gap(pool: Pool) -> None:
    offers = Offers(pool)
    results = await asyncio.gather(*(offers.publish(publication(f"content {n}")) for n in range(6)))
    assert sorted(result.offering.version for result in results) == [1, 2, 3, 4, 5, 6]
    assert (await offers.entry("run")).offering.version == 6


async def test_different_sources_with_one_name_published_at_once_all_get_an_id(pool: Pool) -> None:
    offers = Offers(pool)
    sources = [Source(f"/data/{n}/run") for n in range(6)]
    results = await asyncio.gather(*(offers.publish(publication(source=source)) for source in sources))
    assert len({result.offering.id for result in results}) == 6
    assert {result.outcome for result in results} == {Outcome.NEW}


async def test_nothing_is_left_of_a_publication_that_failed(pool: Pool) -> None:
    offers = Offers(pool)
    twice_the_same_path = [served_file(), served_file()]
    with pytest.raises(Exception, match="offering_file_pkey"):
        await offers.publish(publication(files=twice_the_same_path))
    with pytest.raises(NotFound, match="'run'"):
        await offers.entry("run")


async def test_a_withdrawn_offering_is_gone_from_the_catalogue_and_stays_in_the_list(pool: Pool) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    withdrawn_at = await offers.withdraw("run")
    assert await offers.withdraw("run") == withdrawn_at
    assert (await offers.page(Search(), limit=10)).offerings == ()
    with pytest.raises(UnknownProcess, match="'run'"):
        await offers.offered("run")
    entries, _ = await offers.entries(limit=10)
    assert [entry.withdrawn_at for entry in entries] == [withdrawn_at]


async def test_an_unknown_offering_cannot_be_withdrawn(pool: Pool) -> None:
    with pytest.raises(NotFound, match="no offering 'nothing'"):
        await Offers(pool).withdraw("nothing")


async def test_a_withdrawn_offering_that_is_published_again_is_a_new_version(pool: Pool) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    await offers.withdraw("run")
    again = await offers.publish(publication())
    assert (again.outcome, again.offering.offer_id) == (Outcome.NEW_VERSION, "run:2")
    assert (await offers.offered("run")).version == 2


async def test_a_policy_with_an_unknown_operand_is_refused_and_names_it(pool: Pool) -> None:
    constraint = {"leftOperand": "phaseOfTheMoon", "operator": "eq", "rightOperand": "full"}
    policy = {"permission": [{"action": "use", "constraint": [constraint]}]}
    with pytest.raises(InvalidInput, match=r"permission\[0\]\.constraint\[0\]\.leftOperand.*phaseOfTheMoon"):
        await Offers(pool).publish(publication(policy=policy))
    assert await Offers(pool).entries(limit=1) == ([], None)


async def test_a_page_ends_with_where_the_next_one_starts(pool: Pool) -> None:
    offers = Offers(pool)
    for name in ("c", "a", "b"):
        await offers.publish(publication(source=Source(f"/data/{name}"), wished_id=name))
    first = await offers.page(Search(), limit=2)
    second = await offers.page(Search(), after=first.next_after or "", limit=2)
    assert [offering.id for offering in first.offerings + second.offerings] == ["a", "b", "c"]
    assert (first.next_after, second.next_after) == ("b", None)
    entries, following = await offers.entries(after="a", limit=1)
    assert ([entry.offering.id for entry in entries], following) == (["b"], "b")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        pytest.param(Search(text="flood delta"), ["run"], id="words of title and keywords"),
        pytest.param(Search(text="FLO"), ["run"], id="the beginning of a word"),
        pytest.param(Search(text="sea_surface_height"), ["run"], id="a standard name"),
        pytest.param(Search(text="flood desert"), [], id="one word that is not there"),
        pytest.param(Search(text="'; drop table offering; --"), [], id="not SQL"),
        pytest.param(Search(text="&|!"), ["globe", "run"], id="no word at all"),
        pytest.param(Search(bbox=(11.5, 44.5, 30, 60)), ["globe", "run"], id="an area that overlaps"),
        pytest.param(Search(bbox=(20, 50, 30, 60)), ["globe"], id="an area elsewhere"),
        pytest.param(Search(bbox=(170, -10, -170, 10)), ["globe"], id="an area across the antimeridian"),
        pytest.param(Search(start=datetime(2026, 1, 1, 12, tzinfo=UTC)), ["run"], id="a time after the start"),
        pytest.param(Search(end=datetime(2025, 1, 1, tzinfo=UTC)), [], id="a time before the start"),
        pytest.param(Search(text="flood", bbox=(20, 50, 30, 60)), [], id="words and area"),
    ],
)
async def test_a_search_finds(pool: Pool, search: Search, found: list[str]) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    globe = description(
        title="Temperature", description="", keywords=(), bbox=(-180, -90, 180, 90), variables=(), start=None, end=None
    )
    await offers.publish(publication(source=Source("/data/globe"), wished_id="globe", description=globe))
    page = await offers.page(search, limit=10)
    assert [offering.id for offering in page.offerings] == found


async def test_a_current_offer_is_valid(pool: Pool) -> None:
    await Offers(pool).publish(publication(policy=FOR_RESEARCH))
    async with connection(pool) as conn:
        found = await judge_request(conn, {"@id": "run:1", "@type": "Offer", "target": "run"} | FOR_RESEARCH)
    assert (found.offering_id, found.version, found.policy) == ("run", 1, FOR_RESEARCH)
    assert found.title == "Flood depth, Po delta"


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        pytest.param({"@id": "run:3", "target": "run"} | OPEN, "^unknown", id="unknown"),
        pytest.param({"@id": "run:2", "target": "other"} | OPEN, "^unknown.*'other'", id="another dataset's"),
        pytest.param({"@id": "run:1", "target": "run"} | OPEN, "^stale.*version 1, version 2", id="stale"),
        pytest.param({"@id": "gone:1", "target": "gone"} | OPEN, "^withdrawn", id="withdrawn"),
        pytest.param({"@id": "run:2", "target": "run"} | FOR_RESEARCH, "^altered.*purpose", id="altered"),
    ],
)
async def test_an_offer_that_is_not_valid_is_refused_as(pool: Pool, offer: dict[str, object], reason: str) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    await offers.publish(publication("deeper"))
    await offers.publish(publication(source=Source("/data/gone"), wished_id="gone"))
    await offers.withdraw("gone")
    async with connection(pool) as conn:
        with pytest.raises(OfferNotValid, match=reason):
            await judge_request(conn, offer)


async def test_an_offer_made_before_a_withdrawal_stays_invalid_after_a_new_publication(pool: Pool) -> None:
    offers = Offers(pool)
    await offers.publish(publication())
    await offers.withdraw("run")
    await offers.publish(publication())
    async with connection(pool) as conn:
        with pytest.raises(OfferNotValid, match=r"^stale"):
            await judge_request(conn, {"@id": "run:1", "target": "run"} | OPEN)


VERSION_ROW = """
    INSERT INTO offering_version (offering_id, version, offer_id, digest, document)
    VALUES (%s, %s, %s, %s, jsonb_build_object('id', %s::text, 'version', %s::integer))
"""


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        pytest.param(("run", 3, "x", "0" * 64, "run", 3), "offering_version_previous_fkey", id="a gap"),
        pytest.param(("run", 1, "x", "0" * 64, "run", 1), "offering_version_pkey", id="a version twice"),
        pytest.param(("run", 2, "run:1", "0" * 64, "run", 2), "offering_version_offer_key", id="an offer id twice"),
        pytest.param(("none", 1, "x", "0" * 64, "none", 1), "offering_version_offering_fkey", id="no offering"),
        pytest.param(("run", 2, "x", "abc", "run", 2), "offering_version_digest_check", id="no digest"),
        pytest.param(("run", 2, "x", "0" * 64, "run", 7), "offering_version_document_check", id="another document"),
    ],
)
async def test_the_database_refuses(pool: Pool, row: tuple[object, ...], constraint: str) -> None:
    await Offers(pool).publish(publication())
    async with pool.connection() as conn:
        with pytest.raises(psycopg.IntegrityError) as refused:
            await conn.execute(VERSION_ROW, row)
    assert refused.value.diag.constraint_name == constraint


async def test_an_offering_cannot_point_at_a_version_that_does_not_exist(pool: Pool) -> None:
    await Offers(pool).publish(publication())
    async with pool.connection() as conn:
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="offering_version_fkey"):
            await conn.execute("UPDATE offering SET version = 2 WHERE id = 'run'")


async def test_the_cost_of_a_page_follows_the_page_and_not_the_catalogue(pool: Pool) -> None:
    await Offers(pool).publish(publication())
    async with transaction(pool) as conn:
        await conn.execute(
            """INSERT INTO offering (id, source, version)
               SELECT 'copy-' || n, '/data/' || n, 1 FROM generate_series(1, 3000) n"""
        )
        await conn.execute(
            """INSERT INTO offering_version (offering_id, version, offer_id, digest, document)
               SELECT o.id, 1, o.id || ':1', v.digest, jsonb_set(v.document, '{id}', to_jsonb(o.id))
               FROM offering o, offering_version v WHERE o.id <> 'run' AND v.offering_id = 'run'"""
        )
    async with connection(pool) as conn:
        await conn.execute("ANALYZE offering, offering_version")
        cursor = await conn.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + queries("offers")["list_offered"], {"after": "", "limit": 100}
        )
        row = await cursor.fetchone()
        assert len(await store.list_offered(conn, limit=100)) == 100
    assert row is not None
    read = [node["Actual Rows"] * node["Actual Loops"] for node in _nodes(row[0][0]["Plan"])]
    assert max(read) <= 101


def _nodes(plan: dict[str, object]) -> list[dict[str, float]]:
    children = plan.get("Plans", [])
    assert isinstance(children, list)
    return [plan] + [node for child in children for node in _nodes(child)]  # type: ignore[list-item]


def test_every_statement_is_used_by_one_function() -> None:
    text = inspect.getsource(store)
    assert {name: text.count(f'"{name}"') for name in queries("offers")} == dict.fromkeys(queries("offers"), 1)
