"""Processes in PostgreSQL. Each function is one statement; the connection comes first."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from connector.db import Connection, queries
from connector.exchange.model import Kind, LastEvent, Outbound, Party, Process

Q = queries("exchange")

_OUTBOUND = tuple(field.name for field in fields(Outbound))
_LAST = tuple(field.name for field in fields(LastEvent))
_PROCESS = tuple(field.name for field in fields(Process) if field.name not in {"outbound", "last"})


async def find_process(
    conn: Connection, *, kind: Kind, pid: str, message_id: str | None = None, content_digest: str | None = None
) -> Process | None:
    """The process, and whether a message with that id or content was received before."""
    params = {"kind": kind, "pid": pid, "message_id": message_id, "content_digest": content_digest}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(Q["load_process"], params)
        row = await cursor.fetchone()
    return None if row is None else _process(row)


def _process(row: Mapping[str, Any]) -> Process:
    outbound = Outbound(**{name: row["out_" + name] for name in _OUTBOUND}) if row["out_message"] else None
    last = LastEvent(**{name: row["last_" + name] for name in _LAST}) if row["last_message"] else None
    return Process(**{name: row[name] for name in _PROCESS}, outbound=outbound, last=last)


async def find_pid(conn: Connection, *, kind: Kind, role: Party, peer: str, peer_pid: str) -> str | None:
    """Our id for a process of the peer."""
    params = {"kind": kind, "role": role, "peer": peer, "peer_pid": peer_pid}
    row = await (await conn.execute(Q["find_pid"], params)).fetchone()
    return None if row is None else row[0]


async def run_step(conn: Connection, *, step: bytes) -> str:
    """`done`, `conflict` or `replayed`."""
    row = await (await conn.execute(Q["run_step"], {"step": step.decode()})).fetchone()
    assert row is not None  # noqa: S101 -- a function call always gives one row
    return row[0]


async def list_pids(conn: Connection, *, kind: Kind, before: str | None, limit: int) -> list[str]:
    """The newest processes; `before` is the last one of the page before."""
    cursor = await conn.execute(Q["list_processes"], {"kind": kind, "before": before, "limit": limit})
    return [row[0] for row in await cursor.fetchall()]


async def list_events(conn: Connection, *, pid: str) -> list[dict[str, Any]]:
    """The history: seq, source, message, sender, target, direction, message_id, at."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(Q["list_events"], {"pid": pid})
        return await cursor.fetchall()


async def note_refusal(conn: Connection, *, pid: str, message_id: str, error: str, refused: bool) -> None:
    """What the peer answered to a message that stays to be sent."""
    params = {"pid": pid, "message_id": message_id, "error": error, "refused": int(refused)}
    await conn.execute(Q["note_refusal"], params)


async def list_overdue(conn: Connection, *, now: datetime) -> list[tuple[str, Kind]]:
    """Processes whose deadline has passed: (pid, kind)."""
    return [(row[0], row[1]) for row in await (await conn.execute(Q["list_overdue"], {"now": now})).fetchall()]
