"""Used tokens and the last list of members, in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from connector.db import Connection, queries
from connector.identity.member_list import MemberList, VerifiedMemberList, parse_members

Q = queries("identity")


async def use_token(conn: Connection, *, iss: str, jti: str, expires_at: datetime) -> bool:
    """Mark a token as used; False if it was used before. `expires_at`: when its age alone will refuse it."""
    cursor = await conn.execute(Q["use_token"], {"iss": iss, "jti": jti, "expires_at": expires_at})
    return cursor.rowcount == 1


async def purge_used_tokens(conn: Connection, *, now: datetime) -> int:
    """Forget used tokens that are refused for their age by now; how many."""
    return (await conn.execute(Q["purge_used_tokens"], {"now": now})).rowcount


async def keep_member_list(conn: Connection, verified: VerifiedMemberList) -> bool:
    """Store a list; False, and nothing stored, if it is older than the stored one or contradicts it."""
    members = [asdict(member) for member in verified.members.values()]
    facts = {
        "authority": verified.authority,
        "version": verified.version,
        "members": Jsonb(sorted(members, key=lambda member: member["did"])),
        "expires_at": verified.expires_at,
    }
    return (await conn.execute(Q["keep_member_list"], facts)).rowcount == 1


async def find_member_list(conn: Connection, *, authority: str) -> VerifiedMemberList | None:
    """The last list that was kept, perhaps expired. It was verified before it was stored."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(Q["find_member_list"], {"authority": authority})
        row = await cursor.fetchone()
    if row is None:
        return None
    version, members, expires_at = row
    return VerifiedMemberList(
        MemberList(authority=authority, version=version, members=parse_members(members), expires_at=expires_at)
    )
