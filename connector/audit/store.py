"""Reading the audit log. Leaves are written with their transitions, by the function `exchange_step_v1`."""

from collections.abc import Sequence

from psycopg.rows import class_row

from connector.audit.record import StoredLeaf
from connector.db import Connection, queries

Q = queries("audit")


async def list_agreement_leaves(conn: Connection, *, agreement: str) -> list[StoredLeaf]:
    """The leaves of the negotiation and the transfers of an agreement, process by process, in the order of writing."""
    async with conn.cursor(row_factory=class_row(StoredLeaf)) as cursor:
        await cursor.execute(Q["list_agreement_leaves"], {"agreement": agreement})
        return await cursor.fetchall()


async def list_process_leaves(conn: Connection, *, processes: Sequence[str]) -> list[StoredLeaf]:
    """The leaves of these processes, process by process, in the order of writing."""
    async with conn.cursor(row_factory=class_row(StoredLeaf)) as cursor:
        await cursor.execute(Q["list_process_leaves"], {"processes": list(processes)})
        return await cursor.fetchall()


async def list_newest_leaves(conn: Connection, *, limit: int) -> list[StoredLeaf]:
    """The leaves that were written last, newest first."""
    async with conn.cursor(row_factory=class_row(StoredLeaf)) as cursor:
        await cursor.execute(Q["list_newest_leaves"], {"limit": limit})
        return await cursor.fetchall()
