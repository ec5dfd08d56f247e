"""The audit log on a real database, and who may read it."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from starlette.applications import Starlette

from connector.audit.compare import compare
from connector.audit.leaf import LeafFacts, make_leaf
from connector.audit.record import RecordedLeaf, opens_all
from connector.audit.routes import fetch_leaves, routes
from connector.audit.store import list_agreement_leaves, list_newest_leaves, list_process_leaves
from connector.db import Pool, connection
from connector.errors import DeliveryError, NotAuthenticated, PeerRefused
from connector.http import GuardedHttp
from connector.settings import HttpSettings
from tests.support.serving import serving

AUTHORITY = "did:web:authority.example"
MEMBER = "did:web:provider.example"
AGREEMENT = "urn:uuid:agreement"
AT = datetime(2025, 1, 1, 12, tzinfo=UTC)
MOVES = [
    ("consumer", "NEW", "REQUESTED", "request"),
    ("provider", "REQUESTED", "AGREED", "agreement"),
    ("consumer", "AGREED", "VERIFIED", "verification"),
    ("provider", "VERIFIED", "FINALIZED", "finalization"),
]


async def record(pool: Pool, role: str, process: str, peer_process: str) -> None:
    """The four moves of a negotiation as `role` records them."""
    async with connection(pool) as conn:
        for seq, (sender, source, target, message) in enumerate(MOVES, 1):
            known: dict[str, Any] = {"kind": "negotiation", "role": role, "source": source, "target": target, "at": AT}
            sealed = make_leaf(
                LeafFacts(
                    **known,
                    process=process,
                    peer_process=peer_process,
                    direction="sent" if sender == role else "received",
                    message=hashlib.sha256(message.encode()).hexdigest(),
                    party=MEMBER,
                    offering="flood-map",
                    agreement=AGREEMENT,
                    terms={"permission": []},
                    evidence={"step": seq},
                ),
                [hashlib.sha256(f"{process}{seq}{number}".encode()).digest() for number in range(4)],
            )
            await conn.execute(
                "with leaf as (insert into audit_leaf (process, seq, at, leaf, hash)"
                " values (%s, %s, %s, %s, %s) returning id)"
                " insert into audit_opening (leaf_id, openings) select id, %s from leaf",
                (process, seq, AT, sealed.leaf, bytes.fromhex(sealed.hash), psycopg.types.json.Jsonb(sealed.openings)),
            )


async def negotiated(pool: Pool, role: str, process: str) -> None:
    """A process of the agreement, as far as the log looks at it."""
    async with connection(pool) as conn, conn.transaction():
        await conn.execute("set constraints all deferred")
        await conn.execute(
            "insert into process (pid, kind, role, peer, peer_address, state, seq, agreement, data)"
            " values (%s, 'negotiation', %s, 'did:web:peer.example', 'https://peer.example', 'NEW', 0, %s, '{}')",
            (process, role, AGREEMENT),
        )


@pytest.fixture
async def recorded(pool: Pool) -> Pool:
    await negotiated(pool, "provider", "own-1")
    await record(pool, "provider", "own-1", "theirs-1")
    await record(pool, "provider", "own-2", "theirs-2")
    return pool


async def test_the_leaves_of_an_agreement_are_those_of_its_processes(recorded: Pool):
    async with connection(recorded) as conn:
        leaves = await list_agreement_leaves(conn, agreement=AGREEMENT)
        assert [(leaf.process, leaf.seq) for leaf in leaves] == [("own-1", seq) for seq in range(1, 5)]
        assert await list_agreement_leaves(conn, agreement="another") == []
        assert [leaf.seq for leaf in await list_process_leaves(conn, processes=["own-2"])] == [1, 2, 3, 4]
        assert [leaf.process for leaf in await list_newest_leaves(conn, limit=5)] == ["own-2"] * 4 + ["own-1"]


async def test_openings_come_back_from_the_database_and_open(recorded: Pool):
    async with connection(recorded) as conn:
        for leaf in await list_agreement_leaves(conn, agreement=AGREEMENT):
            assert leaf.openings is not None
            assert opens_all(RecordedLeaf(leaf.leaf, leaf.hash.hex()), leaf.openings)


async def test_openings_can_be_deleted_and_the_leaves_stay(recorded: Pool):
    async with connection(recorded) as conn:
        before = await list_agreement_leaves(conn, agreement=AGREEMENT)
        await conn.execute("delete from audit_opening")
        after = await list_agreement_leaves(conn, agreement=AGREEMENT)
    assert [leaf.openings for leaf in after] == [None] * 4
    assert [(leaf.leaf, leaf.hash) for leaf in after] == [(leaf.leaf, leaf.hash) for leaf in before]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        pytest.param(
            "insert into audit_leaf (process, seq, at, leaf, hash)"
            " select process, seq, at, leaf, sha256(hash) from audit_leaf",
            "audit_leaf_transition_key",
            id="a second leaf of a transition",
        ),
        pytest.param(
            "insert into audit_leaf (process, seq, at, leaf, hash)"
            " select process, seq + 9, at, leaf, hash from audit_leaf",
            "audit_leaf_hash_key",
            id="the same leaf again",
        ),
        pytest.param("update audit_leaf set hash = 'short'", "audit_leaf_hash_check", id="a short hash"),
        pytest.param(
            "update audit_opening set leaf_id = -leaf_id", "audit_opening_leaf_fkey", id="an opening of nothing"
        ),
    ],
)
async def test_the_database_refuses(recorded: Pool, statement: Any, constraint: str):
    async with recorded.connection() as conn:
        with pytest.raises(psycopg.errors.IntegrityError) as caught:
            await conn.execute(statement)
    assert caught.value.diag.constraint_name == constraint


async def test_withdrawn_messages_have_leaves_without_a_number(recorded: Pool):
    async with connection(recorded) as conn:
        for number in range(2):
            await conn.execute(
                "insert into audit_leaf (process, at, leaf, hash) values ('own-1', now(), 'x', sha256(%s::bytea))",
                (b"%d" % number,),
            )
        assert len(await list_agreement_leaves(conn, agreement=AGREEMENT)) == 6


async def who_asks(authorization: str | None, body: bytes) -> str:
    """Identity has its own tests; here only who it turned out to be matters."""
    assert body == b""
    if authorization is None:
        raise NotAuthenticated
    return authorization.removeprefix("Bearer ")


@pytest.fixture
async def member(recorded: Pool) -> AsyncIterator[tuple[GuardedHttp, str]]:
    """A client, and the address of the participant whose log it is."""
    async with serving(Starlette(routes=routes(recorded, who_asks=who_asks, authority_did=AUTHORITY))) as port:
        http = GuardedHttp(HttpSettings(allow=(f"localhost:{port}",)))
        yield http, f"http://localhost:{port}"
        await http.close()


async def fetch(
    member: tuple[GuardedHttp, str], asking: str = AUTHORITY, agreement: str = AGREEMENT
) -> tuple[RecordedLeaf, ...]:
    http, url = member
    return await fetch_leaves(
        http,
        url=url,
        did=MEMBER,
        agreement=agreement,
        token_for=lambda audience, _: asking if audience == MEMBER else "",
    )


async def test_the_authority_reads_what_was_recorded(member: tuple[GuardedHttp, str], recorded: Pool):
    await record(recorded, "consumer", "theirs-1", "own-1")
    async with connection(recorded) as conn:
        consumer = [
            RecordedLeaf(leaf.leaf, leaf.hash.hex()) for leaf in await list_process_leaves(conn, processes=["theirs-1"])
        ]
    provider = await fetch(member)
    result = compare(provider, consumer)
    assert (result.provider_leaves, result.consumer_leaves, result.problems) == (4, 4, ())


async def test_a_changed_digest_in_the_database_is_seen_by_the_authority(
    member: tuple[GuardedHttp, str], recorded: Pool
):
    await record(recorded, "consumer", "theirs-1", "own-1")
    async with connection(recorded) as conn:
        consumer = [
            RecordedLeaf(leaf.leaf, leaf.hash.hex()) for leaf in await list_process_leaves(conn, processes=["theirs-1"])
        ]
        digest = hashlib.sha256(b"agreement").hexdigest()
        changed = await conn.execute(
            "update audit_leaf set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), %s, %s), 'UTF8')"
            " where process = 'own-1' and seq = 2",
            (digest, "0" * 64),
        )
        assert changed.rowcount == 1
    assert not compare(await fetch(member), consumer).consistent


async def test_nobody_else_reads_the_log(member: tuple[GuardedHttp, str]):
    with pytest.raises(PeerRefused, match="403"):
        await fetch(member, asking="did:web:consumer.example")
    http, url = member
    assert (await http.request("GET", f"{url}/log/leaves?agreement={AGREEMENT}")).status == 401


async def test_an_unknown_agreement_has_no_leaves(member: tuple[GuardedHttp, str]):
    assert await fetch(member, agreement="urn:uuid:another") == ()


async def test_a_question_without_an_agreement_is_400(member: tuple[GuardedHttp, str]):
    http, url = member
    answer = await http.request("GET", f"{url}/log/leaves", headers={"Authorization": f"Bearer {AUTHORITY}"})
    assert answer.status == 400


async def test_the_log_of_a_member_whose_database_is_away_is_asked_for_again_later(
    member: tuple[GuardedHttp, str], recorded: Pool
):
    await recorded.close()
    with pytest.raises(DeliveryError, match="503"):
        await fetch(member)
