"""The pool on a real server."""

import asyncio
import time
from pathlib import Path

import psycopg
import pytest

from connector.db import Pool, connection, database_ready, open_pool, transaction, translate
from connector.errors import NotAuthenticated, StorageError
from connector.postgres import start_embedded
from connector.settings import PostgresSettings


async def test_a_transaction_commits_on_leaving_and_rolls_back_on_an_error(pool: Pool) -> None:
    async with transaction(pool) as conn:
        await conn.execute("create table note (text text)")
        await conn.execute("insert into note values ('kept')")
    with pytest.raises(LookupError):
        await _write_and_fail(pool)
    async with connection(pool) as conn:
        cursor = await conn.execute("select text from note")
        assert await cursor.fetchall() == [("kept",)]


async def test_a_database_that_answers_is_ready(pool: Pool) -> None:
    assert await database_ready(pool)


async def test_a_refused_statement_is_a_storage_error_with_postgresqls_reason(pool: Pool) -> None:
    with pytest.raises(StorageError, match='relation "nowhere" does not exist'):
        async with connection(pool) as conn:
            await conn.execute("select * from nowhere")


async def test_a_named_constraint_is_an_error_of_its_own(pool: Pool) -> None:
    statement = "insert into used_token (iss, jti, expires_at) values ('did:web:a', 'j', now())"
    async with connection(pool) as conn:
        await conn.execute(statement)
    with pytest.raises(NotAuthenticated, match="the token was used before"):
        await _write(pool, statement)


async def test_any_other_constraint_is_a_storage_error_that_names_it_and_no_value(pool: Pool) -> None:
    statement = (
        "insert into process (pid, kind, role, peer, peer_address, state, seq, data)"
        " values ('secret', 'barter', 'provider', 'p', 'a', 'NEW', 0, '{}')"
    )
    with pytest.raises(StorageError, match="constraint process_kind_check") as caught:
        await _write(pool, statement)
    assert "secret" not in str(caught.value)


async def test_a_transaction_that_broke_does_not_poison_its_connection(database_url: str) -> None:
    pool = await open_pool(database_url, size=1)
    try:
        with pytest.raises(StorageError):
            await _write(pool, "select 1/0")
        assert await database_ready(pool)
    finally:
        await pool.close()


async def test_more_callers_than_connections_wait_for_their_turn(pool: Pool) -> None:
    await asyncio.gather(*(_write(pool, "select pg_sleep(0.01)") for _ in range(40)))


def test_a_lost_server_says_what_to_do() -> None:
    assert translate(psycopg.OperationalError("server closed the connection")).as_json() == {
        "code": "storage_error",
        "message": "the database is not available (OperationalError)",
        "hint": "see TIDEGATE_DATABASE_URL; work resumes by itself when the database is back",
    }


async def test_work_resumes_by_itself_when_the_database_comes_back(tmp_path: Path, open_folder: Path) -> None:
    settings = PostgresSettings(root_dir=open_folder / "postgres")
    server = start_embedded(tmp_path, settings)
    pool = await open_pool(server.admin_url, size=4)
    try:
        await _wait_until_ready(pool)
        await asyncio.gather(*(_write(pool, "select pg_sleep(0.05)") for _ in range(4)))  # each connection was used
        server.stop()
        assert not await database_ready(pool)
        with pytest.raises(StorageError, match="not available"):
            await _write(pool, "select 1")
        server = start_embedded(tmp_path, settings)
        await _wait_until_ready(pool)
        await asyncio.gather(*(_write(pool, "select 1") for _ in range(8)))
    finally:
        await pool.close()
        server.remove()


async def test_a_pool_can_be_opened_before_the_database_is_up(tmp_path: Path, open_folder: Path) -> None:
    settings = PostgresSettings(root_dir=open_folder / "postgres")
    server = start_embedded(tmp_path, settings)
    server.stop()
    pool = await open_pool(server.admin_url, size=2)
    try:
        assert not await database_ready(pool)
        server = start_embedded(tmp_path, settings)
        await _wait_until_ready(pool)
    finally:
        await pool.close()
        server.remove()


async def _wait_until_ready(pool: Pool) -> None:
    deadline = time.monotonic() + 20
    while not await database_ready(pool):
        assert time.monotonic() < deadline, "the pool did not come back"
        await asyncio.sleep(0.05)


async def _write(pool: Pool, statement: str) -> None:
    async with transaction(pool) as conn:
        await conn.execute(statement)


async def _write_and_fail(pool: Pool) -> None:
    async with transaction(pool) as conn:
        await conn.execute("insert into note values ('lost')")
        raise LookupError
