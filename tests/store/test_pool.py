"""The pool on a real server."""

import pytest

from connector.db import Pool, connection, database_ready, transaction
from connector.errors import StorageError


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


async def _write_and_fail(pool: Pool) -> None:
    async with transaction(pool) as conn:
        await conn.execute("insert into note values ('lost')")
        raise LookupError
