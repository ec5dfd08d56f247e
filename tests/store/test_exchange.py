"""One step, one transaction, on a real database: what it writes, what it refuses, and that it is all or nothing."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from psycopg.rows import dict_row

from connector.db import Connection, Pool, connection
from connector.errors import StorageError
from connector.exchange import rules, store
from connector.exchange.model import Draft, Effect, Process, Reaction
from connector.exchange.record import Circumstances, Step, render_step, salts_needed
from connector.exchange.service import Exchange
from connector.settings import ExchangeSettings
from tests.unit.exchange.builders import NOW, OWN_PID, PEER, PEER_PID, inbound, process, sender

AGREEMENT = Draft("agreement", "/negotiations/theirs/agreement", {"@type": "ContractAgreementMessage"})
VERIFICATION = inbound("verification", sender=sender(jti="jti-2"))


@pytest.fixture
async def conn(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.connection() as opened:
        yield opened


def document(step: Step) -> dict[str, Any]:
    """The argument of the function for a step."""
    circumstances = Circumstances(
        now=NOW,
        salts=[secrets.token_bytes(32) for _ in range(salts_needed(step))],
        message_id=f"urn:uuid:{uuid.uuid4()}",
        job_due=timedelta(seconds=20),
        delivery_deadline=timedelta(hours=1),
    )
    return orjson.loads(render_step(step, circumstances)[0])


async def run(conn: Connection, step: Step | dict[str, Any]) -> str:
    content = document(step) if isinstance(step, Step) else step
    return await store.run_step(conn, step=orjson.dumps(content))


async def rows(conn: Connection, sql: str, *params: Any) -> list[dict[str, Any]]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql, params)  # pyright: ignore[reportArgumentType, reportCallIssue]
        return await cursor.fetchall()


async def counts(conn: Connection) -> dict[str, int]:
    tables = ("process", "event", "audit_leaf", "audit_opening", "outbound", "procrastinate_jobs", "used_token")
    return {table: (await rows(conn, f"SELECT count(*) AS n FROM {table}"))[0]["n"] for table in tables}


def opening(reaction: Reaction | None = None, **changes: Any) -> Step:
    """The peer's request makes a negotiation."""
    new = process("negotiation", "provider", "NEW", peer_pid=PEER_PID, **changes)
    after, move = rules.received(new, inbound("request"))
    return Step(None, after, (move,), reaction or Reaction(), inbound=inbound("request"))


async def opened(conn: Connection, reaction: Reaction | None = None) -> Process:
    assert await run(conn, opening(reaction)) == "done"
    return await found(conn)


async def found(conn: Connection) -> Process:
    process = await store.find_process(conn, kind="negotiation", pid=OWN_PID)
    assert process is not None
    return process


def acknowledging(before: Process) -> Step:
    after, move = rules.acknowledged(before)
    return Step(before, after, (move,), Reaction())


def terminating(before: Process, *, jti: str = "jti-3") -> Step:
    message = inbound("termination", sender=sender(jti=jti))
    after, move = rules.received(replace(before, outbound=None), message)
    return Step(before, after, (move,), Reaction(), withdrawn=before.outbound, reason="crossed", inbound=message)


async def test_a_first_message_makes_a_process_with_its_event_its_leaf_and_what_follows(conn: Connection):
    process = await opened(conn, Reaction(send=AGREEMENT, data={"note": 1}, agreement="urn:uuid:a"))
    assert (process.state, process.seq, process.peer, process.peer_pid) == ("REQUESTED", 1, PEER, PEER_PID)
    assert (process.data, process.agreement) == ({"note": 1}, "urn:uuid:a")
    assert process.outbound is not None
    assert process.outbound.message == "agreement"
    assert process.last is not None
    assert (process.last.message, process.last.direction) == ("request", "received")
    assert await counts(conn) == {
        "process": 1, "event": 1, "audit_leaf": 1, "audit_opening": 1, "outbound": 1, "procrastinate_jobs": 1,
        "used_token": 1,
    }  # fmt: skip


async def test_the_job_has_the_process_as_its_lock_and_is_due_after_the_first_attempt(conn: Connection):
    process = await opened(conn, Reaction(send=AGREEMENT))
    assert process.outbound is not None
    job = (await rows(conn, "SELECT * FROM procrastinate_jobs"))[0]
    assert (job["lock"], job["queue_name"], job["task_name"]) == (OWN_PID, "exchange", "deliver")
    assert job["args"] == {"pid": OWN_PID, "message_id": process.outbound.message_id}
    assert job["scheduled_at"] == NOW + timedelta(seconds=20)


async def test_what_is_to_be_sent_is_kept_byte_for_byte(conn: Connection):
    step = opening(Reaction(send=AGREEMENT))
    content = document(step)
    await run(conn, content)
    process = await found(conn)
    assert process.outbound is not None
    assert process.outbound.body == content["send"]["body"]
    assert process.outbound.url == "https://peer.example/dsp/negotiations/theirs/agreement"
    assert process.outbound.deadline == NOW + timedelta(hours=1)


async def test_an_acknowledgement_clears_what_was_sent_and_its_job(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    assert await run(conn, acknowledging(before)) == "done"
    after = await found(conn)
    assert (after.state, after.seq, after.outbound) == ("AGREED", 2, None)
    found_counts = await counts(conn)
    assert (found_counts["outbound"], found_counts["procrastinate_jobs"]) == (0, 0)
    assert (found_counts["event"], found_counts["audit_leaf"]) == (2, 2)


async def test_an_early_message_is_two_moves_in_one_step(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    between, first = rules.acknowledged(before)
    after, second = rules.received(between, VERIFICATION)
    assert await run(conn, Step(before, after, (first, second), Reaction(), inbound=VERIFICATION)) == "done"
    events = await store.list_events(conn, pid=OWN_PID)
    assert [(event["message"], event["direction"]) for event in events] == [
        ("request", "received"), ("agreement", "sent"), ("verification", "received"),
    ]  # fmt: skip
    assert (await found(conn)).state == "VERIFIED"


async def test_a_withdrawn_message_leaves_a_leaf_and_no_job(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    assert await run(conn, terminating(before)) == "done"
    leaves = await rows(conn, "SELECT seq FROM audit_leaf ORDER BY id")
    assert [leaf["seq"] for leaf in leaves] == [1, None, 2]
    assert (await counts(conn))["procrastinate_jobs"] == 0


# ---- conflicts ----


async def test_a_step_from_where_the_process_no_longer_is_changes_nothing(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    assert await run(conn, acknowledging(before)) == "done"
    so_far = await counts(conn)
    assert await run(conn, acknowledging(before)) == "conflict"
    assert await run(conn, terminating(before)) == "conflict"
    assert await counts(conn) == so_far


async def test_a_step_that_does_not_know_what_is_being_sent_changes_nothing(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    assert await run(conn, terminating(replace(before, outbound=None))) == "conflict"
    assert (await found(conn)).outbound is not None


async def test_a_step_of_a_process_that_does_not_exist_is_a_conflict(conn: Connection):
    missing = process("negotiation", "provider", "AGREED")
    assert await run(conn, terminating(missing)) == "conflict"
    assert (await counts(conn))["used_token"] == 0


async def test_a_second_process_for_the_same_process_of_the_peer_is_a_conflict(conn: Connection):
    await opened(conn)
    again = opening(pid="urn:uuid:another")
    assert await run(conn, again) == "conflict"
    assert (await counts(conn))["process"] == 1


async def test_a_token_that_was_used_makes_no_step(conn: Connection):
    before = await opened(conn)
    so_far = await counts(conn)
    assert await run(conn, terminating(before, jti="jti-1")) == "replayed"
    assert await counts(conn) == so_far
    assert (await found(conn)).state == "REQUESTED"


async def test_a_token_that_was_used_makes_no_process(conn: Connection):
    await opened(conn)
    so_far = await counts(conn)
    other = opening(pid="urn:uuid:another")
    assert await run(conn, replace(other, after=replace(other.after, peer_pid="another"))) == "replayed"
    assert await counts(conn) == so_far


async def test_of_two_steps_at_the_same_time_one_is_made(pool: Pool):
    async with pool.connection() as conn:
        before = await opened(conn, Reaction(send=AGREEMENT))

    async def race(step: Step) -> str:
        async with pool.connection() as conn:
            return await run(conn, step)

    steps = [acknowledging(before), terminating(before), acknowledging(before), terminating(before, jti="jti-4")]
    answers = await asyncio.gather(*(race(step) for step in steps))
    assert sorted(answers) == ["conflict", "conflict", "conflict", "done"]
    async with pool.connection() as conn:
        after = await found(conn)
        assert (after.seq, after.outbound) == (2, None)
        assert (await counts(conn))["event"] == 2


async def test_of_two_first_messages_at_the_same_time_one_makes_a_process(pool: Pool):
    async def race(number: int) -> str:
        step = opening(pid=f"urn:uuid:{number}")
        message = replace(inbound("request"), sender=sender(jti=f"jti-{number}"))
        async with pool.connection() as conn:
            return await run(conn, replace(step, inbound=message))

    assert sorted(await asyncio.gather(*(race(number) for number in range(4)))) == ["conflict"] * 3 + ["done"]
    async with pool.connection() as conn:
        assert (await counts(conn))["process"] == 1


# ---- illegal histories ----


Alter = Callable[[dict[str, Any]], None]


def event(**changes: Any) -> Alter:
    def alter(step: dict[str, Any]) -> None:
        step["events"][0].update(changes)

    return alter


def state(word: str) -> Alter:
    def alter(step: dict[str, Any]) -> None:
        step["state"] = word

    return alter


def without_event(step: dict[str, Any]) -> None:
    step["events"], step["leaves"] = [], []


def no_event_but_a_state(step: dict[str, Any]) -> None:
    without_event(step)
    step["state"] = "FINALIZED"


def back_to_new(step: dict[str, Any]) -> None:
    without_event(step)
    step["state"] = "NEW"


def leaf_twice(step: dict[str, Any]) -> None:
    step["leaves"].append({**step["leaves"][0], "hash": secrets.token_hex(32)})


ILLEGAL: list[Any] = [
    pytest.param(event(message="finalization"), "event_move_fkey", id="a move that is not in the table"),
    pytest.param(event(sender="consumer"), "event_move_fkey", id="a move by the other side"),
    pytest.param(event(target="FINALIZED"), "event_move_fkey", id="a move to another state"),
    pytest.param(event(kind="transfer"), "event_process_fkey|event_move_fkey", id="an event of the other protocol"),
    pytest.param(
        event(source="ACCEPTED"), "event_previous_fkey", id="a legal move from where the process never was"
    ),
    pytest.param(event(seq=5), "event_previous_fkey", id="a gap in the numbers"),
    pytest.param(event(seq=1), "event_pkey|event_first_check", id="a number that was given"),
    pytest.param(event(source="NEW", message="request", sender="consumer", target="REQUESTED"),
                 "event_first_check", id="a second beginning"),
    pytest.param(event(direction="sideways"), "event_direction_check", id="a direction that is none"),
    pytest.param(event(direction="own"), "event_body_check", id="an own move with the body of a message"),
    pytest.param(event(body=None), "event_body_check", id="a sent message without body"),
    pytest.param(state("FINALIZED"), "process_state_fkey", id="a state that is not that of the last event"),
    pytest.param(no_event_but_a_state, "process_state_fkey", id="a state without an event"),
    pytest.param(back_to_new, "process_new_check", id="back to the beginning"),
    pytest.param(leaf_twice, "audit_leaf_transition_key", id="two leaves for one move"),
]  # fmt: skip


@pytest.mark.parametrize(("alter", "constraint"), ILLEGAL)
async def test_an_illegal_history_is_refused_by_a_constraint(conn: Connection, alter: Alter, constraint: str):
    before = await opened(conn, Reaction(send=AGREEMENT))
    so_far = await counts(conn)
    step = document(acknowledging(before))
    alter(step)
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        await run(conn, step)
    assert refused.value.diag.constraint_name in constraint.split("|")
    assert await counts(conn) == so_far
    assert await found(conn) == before


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        pytest.param({"kind": "marriage"}, "process_kind_check", id="a kind that is none"),
        pytest.param({"role": "broker"}, "process_role_check", id="a role that is none"),
    ],
)
async def test_an_impossible_process_is_refused_by_a_constraint(
    conn: Connection, change: dict[str, Any], constraint: str
):
    step = document(opening())
    step["create"].update(change)
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        await run(conn, step)
    assert refused.value.diag.constraint_name == constraint
    assert (await counts(conn))["process"] == 0


async def test_a_first_event_that_is_no_beginning_makes_no_process(conn: Connection):
    step = document(opening())
    step["events"][0].update(source="REQUESTED", message="agreement", sender="provider", target="AGREED")
    step["state"] = "AGREED"
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        await run(conn, step)
    assert refused.value.diag.constraint_name == "event_first_check"
    assert (await counts(conn))["process"] == 0


async def test_two_messages_cannot_be_under_way_at_once(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    step = document(Step(before, before, (), Reaction(send=Draft("offer", "/offers", {}))))
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        await run(conn, step)
    assert refused.value.diag.constraint_name == "outbound_pkey"
    assert await found(conn) == before


# ---- all or nothing ----


async def test_a_step_that_is_rolled_back_leaves_nothing_not_even_its_job(conn: Connection):
    so_far = await counts(conn)
    async with conn.transaction() as transaction:
        assert await run(conn, opening(Reaction(send=AGREEMENT))) == "done"
        assert (await counts(conn))["procrastinate_jobs"] == 1
        raise psycopg.Rollback(transaction)
    assert await counts(conn) == so_far


async def test_an_acknowledgement_that_is_rolled_back_brings_message_and_job_back(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    so_far = await counts(conn)
    async with conn.transaction() as transaction:
        assert await run(conn, acknowledging(before)) == "done"
        raise psycopg.Rollback(transaction)
    assert await counts(conn) == so_far
    assert await found(conn) == before


async def test_an_effect_that_fails_takes_the_step_with_it(pool: Pool):
    async def deliver(_: Process) -> None: ...

    async def use_token(_: Any) -> None: ...

    exchange = Exchange(pool, ExchangeSettings(), deliver=deliver, use_token=use_token, clock=lambda: NOW)
    broken = Effect("INSERT INTO process (pid) VALUES (%(pid)s)", {"pid": None})
    with pytest.raises(StorageError):
        await exchange.run(opening(Reaction(send=AGREEMENT, effects=(broken,))))
    async with connection(pool) as conn:
        assert set((await counts(conn)).values()) == {0}


# ---- reading ----


async def test_a_message_is_known_by_its_id_and_by_its_content(conn: Connection):
    await opened(conn)
    first = inbound("request")

    async def seen(message_id: str | None, digest: str) -> tuple[bool, bool]:
        process = await store.find_process(
            conn, kind="negotiation", pid=OWN_PID, message_id=message_id, content_digest=digest
        )
        assert process is not None
        return process.id_seen, process.content_seen

    assert await seen(first.message_id, first.content_digest) == (True, True)
    assert await seen("urn:uuid:new", first.content_digest) == (False, True)
    assert await seen(None, "new content") == (False, False)


async def test_what_we_sent_ourselves_is_not_known_as_received(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    assert before.outbound is not None
    await run(conn, acknowledging(before))
    process = await store.find_process(
        conn, kind="negotiation", pid=OWN_PID, message_id=before.outbound.message_id,
        content_digest=before.outbound.content_digest,
    )  # fmt: skip
    assert process is not None
    assert (process.id_seen, process.content_seen) == (False, False)


async def test_a_process_is_found_by_its_kind_alone(conn: Connection):
    await opened(conn)
    assert await store.find_process(conn, kind="transfer", pid=OWN_PID) is None


async def test_refusals_are_counted_for_the_message_they_are_about(conn: Connection):
    before = await opened(conn, Reaction(send=AGREEMENT))
    assert before.outbound is not None
    for refused, message_id in ((True, before.outbound.message_id), (False, before.outbound.message_id), (True, "x")):
        await store.note_refusal(conn, pid=OWN_PID, message_id=message_id, error="400 no", refused=refused)
    outbound = (await found(conn)).outbound
    assert outbound is not None
    assert (outbound.refusals, outbound.last_error) == (1, "400 no")


async def test_processes_are_listed_newest_first_page_by_page(conn: Connection):
    for number in range(3):
        step = opening(pid=f"urn:uuid:{number}")
        after = replace(step.after, peer_pid=f"theirs-{number}")
        await run(conn, replace(step, after=after, inbound=inbound("request", sender=sender(jti=f"jti-{number}"))))
    newest = await store.list_pids(conn, kind="negotiation", before=None, limit=2)
    assert newest == ["urn:uuid:2", "urn:uuid:1"]
    assert await store.list_pids(conn, kind="negotiation", before=newest[-1], limit=2) == ["urn:uuid:0"]
    assert await store.list_pids(conn, kind="transfer", before=None, limit=2) == []


async def test_only_what_has_passed_its_deadline_is_overdue(conn: Connection):
    await run(conn, opening(deadline=NOW))
    assert await store.list_overdue(conn, now=NOW) == []
    assert await store.list_overdue(conn, now=NOW + timedelta(seconds=1)) == [(OWN_PID, "negotiation")]
