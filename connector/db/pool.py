"""A pool of connections, and transactions on it."""

import asyncio
import select
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from connector.db.constraints import translate

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

CHECKOUT_TIMEOUT_SECONDS = 5.0  # then the caller gets 503, and the peer tries again
RECONNECT_TIMEOUT_SECONDS = (
    3.0  # then the next request for a connection tries anew: no long back-off while the server is back
)
READY_TIMEOUT_SECONDS = 2.0
MAX_WAITING = 1000  # requests for a connection; more are refused at once

_CONNECTION_OPTIONS: Mapping[str, Any] = {
    "autocommit": True,
    "connect_timeout": 5,
    "application_name": "tidegate",
    "tcp_user_timeout": 10_000,  # milliseconds; a server that vanished without a word
}


async def open_pool(url: str, size: int) -> Pool:
    """A pool of at most `size` autocommit connections, open at once: a server that is down does not stop the start."""
    pool = cast(
        Pool,
        AsyncConnectionPool(
            url,
            open=False,
            min_size=min(2, size),
            max_size=size,
            kwargs=dict(_CONNECTION_OPTIONS),
            check=_check,
            timeout=CHECKOUT_TIMEOUT_SECONDS,
            max_waiting=MAX_WAITING,
            reconnect_timeout=RECONNECT_TIMEOUT_SECONDS,
            name="tidegate",
        ),
    )
    await pool.open(wait=False)
    return pool


@asynccontextmanager
async def connection(pool: Pool) -> AsyncGenerator[Connection]:
    """A connection in which each statement commits by itself; raises StorageError or the constraint's error."""
    try:
        async with pool.connection() as conn:
            yield conn
    except (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests) as error:
        raise translate(error) from error


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncGenerator[Connection]:
    """One transaction: committed on leaving, rolled back on any error; raises StorageError or the constraint's error.

    After a StorageError during the commit the outcome is unknown: look it up, never repeat blindly.
    """
    async with connection(pool) as conn, conn.transaction():
        yield conn


async def database_ready(pool: Pool) -> bool:
    """Whether the database answers within two seconds."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_SECONDS), pool.connection(READY_TIMEOUT_SECONDS) as conn:
            await conn.execute("select 1")
    except (psycopg.Error, TimeoutError, PoolTimeout, PoolClosed, TooManyRequests):
        return False
    return True


async def _check(conn: Connection) -> None:
    """Called before a connection is lent. Only one whose socket has something to say (its end, mostly) is asked."""
    poll = select.poll()
    poll.register(conn.pgconn.socket, select.POLLIN | select.POLLHUP | select.POLLERR)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(conn)
