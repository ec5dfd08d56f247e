"""PostgreSQL as everything above uses it.

    pool.py         a pool, connections, transactions
    statements.py   named statements from connector/sql/queries
    constraints.py  what PostgreSQL refuses, in our words
    migrations.py   the schema, forward only, from connector/sql/migrations

A store is a function with the connection first; it never opens, commits or retries. Services open transactions:

    async with transaction(pool) as conn:
        await stop_flow(conn, transfer_pid=pid)

READ COMMITTED, with `for update` where two could meet.
"""

from connector.db.constraints import translate
from connector.db.migrations import migrate, sync_moves
from connector.db.pool import Connection, Pool, connection, database_ready, open_pool, transaction
from connector.db.statements import Queries, parse_queries, queries

__all__ = [
    "Connection",
    "Pool",
    "Queries",
    "connection",
    "database_ready",
    "migrate",
    "open_pool",
    "parse_queries",
    "queries",
    "sync_moves",
    "transaction",
    "translate",
]
