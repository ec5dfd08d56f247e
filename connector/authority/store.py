"""Members and the version of their list, in PostgreSQL. Each change is one statement that also counts the version."""

from psycopg.rows import class_row, tuple_row

from connector.authority.model import Admission
from connector.db import Connection, queries
from connector.identity.member_list import Member, parse_members

Q = queries("authority")


async def add_member(conn: Connection, *, did: str, title: str, url: str) -> bool:
    """Admit a participant, or change its title and address; False if all was so before."""
    return (await conn.execute(Q["add_member"], {"did": did, "title": title, "url": url})).rowcount == 1


async def remove_member(conn: Connection, *, did: str) -> bool:
    """Remove a participant; False if it was no member."""
    return (await conn.execute(Q["remove_member"], {"did": did})).rowcount == 1


async def list_members(conn: Connection) -> list[Admission]:
    """All members, by DID."""
    async with conn.cursor(row_factory=class_row(Admission)) as cursor:
        await cursor.execute(Q["list_members"])
        return await cursor.fetchall()


async def load_list(conn: Connection) -> tuple[int, list[Member]]:
    """The version and the members it stands for."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(Q["load_list"])
        row = await cursor.fetchone()
    version, members = row or (0, [])
    return version, list(parse_members(members).values())
