"""What transfers ask the database beside their processes."""

from collections.abc import Mapping
from typing import Any, LiteralString

import orjson

from connector.db import Connection, queries

Q = queries("transfer")
JOBS = queries("exchange")

QUEUE = "transfer"
DOWNLOAD_TASK = "download"


async def find_finalizing(conn: Connection, *, agreement: str, peer: str) -> str | None:
    """The negotiation behind an agreement, if our finalization is still unacknowledged."""
    row = await (await conn.execute(Q["find_finalizing"], {"agreement": agreement, "peer": peer})).fetchone()
    return None if row is None else row[0]


async def list_transfer_pids(conn: Connection, *, agreement: str) -> list[str]:
    """The transfers of an agreement, oldest first."""
    return [row[0] for row in await (await conn.execute(Q["list_transfers"], {"agreement": agreement})).fetchall()]


def defer_download_statement(*, pid: str) -> tuple[LiteralString, Mapping[str, Any]]:
    """The statement that leaves the download to a worker, in the transaction of the start."""
    args = orjson.dumps({"pid": pid}).decode()
    return JOBS["defer_job"], {"queue": QUEUE, "task": DOWNLOAD_TASK, "lock": f"download:{pid}", "args": args}
