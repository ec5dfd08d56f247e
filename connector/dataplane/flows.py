"""The store of data flows.

Opening and closing are returned as statement and parameters: whoever moves a transfer runs them in the same transaction
as the move, so that a suspended transfer can never have an open flow.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, cast

from psycopg.rows import class_row, scalar_row

from connector.dataplane.model import Flow, Kind
from connector.db import Connection, queries

Q = queries("dataplane")

Statement = tuple[LiteralString, Mapping[str, Any]]


def open_flow_statement(
    *,
    transfer: str,
    agreement: str,
    offering: str,
    version: int,
    kind: Kind,
    consumer: str,
    endpoint: str,
    jti: str,
    expires_at: datetime,
) -> Statement:
    """The statement that opens a flow, or opens it again with another token."""
    return Q["open_flow"], {
        "transfer": transfer,
        "agreement": agreement,
        "offering": offering,
        "version": version,
        "kind": kind,
        "consumer": consumer,
        "endpoint": endpoint,
        "jti": jti,
        "expires_at": expires_at,
    }


def close_flow_statement(*, transfer: str, reason: str) -> Statement:
    """The statement that closes a flow; nothing happens if it is closed or was never opened."""
    return Q["close_flow"], {"transfer": transfer, "reason": reason}


def reopen_flow_statement(*, transfer: str) -> Statement:
    """The statement that opens a closed flow again for the token it had."""
    return Q["reopen_flow"], {"transfer": transfer}


async def find_flow(conn: Connection, *, transfer: str) -> Flow | None:
    """The flow of a transfer, open or closed."""
    async with conn.cursor(row_factory=class_row(Flow)) as cursor:
        await cursor.execute(Q["find_flow"], {"transfer": transfer})
        return await cursor.fetchone()


async def list_good_tokens(conn: Connection, *, tokens: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Of these (transfer, jti) the jti that may still be served."""
    parameters = {"transfers": [transfer for transfer, _ in tokens], "jtis": [jti for _, jti in tokens]}
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(Q["list_good_tokens"], parameters)
        return frozenset(cast("list[str]", await cursor.fetchall()))


async def add_bytes_sent(conn: Connection, *, transfer: str, sent: int) -> None:
    """Note what one request delivered."""
    await conn.execute(Q["add_bytes_sent"], {"transfer": transfer, "bytes": sent})
