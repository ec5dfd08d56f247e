"""Agreements in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from connector.agreements.model import Agreement
from connector.db import Connection, queries

Q = queries("agreements")


def insert_agreement_statement(
    *,
    agreement: Mapping[str, Any],
    role: Literal["provider", "consumer"],
    peer: str,
    negotiation: str,
    offering: str,
    offering_version: int | None,
    declared_purpose: Sequence[str] | None,
) -> tuple[LiteralString, Mapping[str, Any]]:
    """The statement that stores an agreement, to be run in the transaction of the move that makes it."""
    return Q["insert_agreement"], {
        "id": agreement["@id"],
        "role": role,
        "peer": peer,
        "negotiation": negotiation,
        "offering": offering,
        "offering_version": offering_version,
        "document": Jsonb(dict(agreement)),
        "declared_purpose": None if declared_purpose is None else list(declared_purpose),
    }


async def find_agreement(
    conn: Connection, *, agreement_id: str, role: Literal["provider", "consumer"], peer: str | None = None
) -> Agreement | None:
    """An agreement in which we have that role, with `peer` if given."""
    async with conn.cursor(row_factory=class_row(Agreement)) as cursor:
        await cursor.execute(Q["find_agreement"], {"id": agreement_id, "role": role, "peer": peer})
        return await cursor.fetchone()


async def list_agreements(conn: Connection, *, limit: int) -> list[Agreement]:
    """The newest agreements."""
    async with conn.cursor(row_factory=class_row(Agreement)) as cursor:
        await cursor.execute(Q["list_agreements"], {"limit": limit})
        return await cursor.fetchall()
