"""What the authority does: admit, remove, and sign the list."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from connector.authority import store
from connector.authority.model import Admission
from connector.db import Connection, Pool, connection
from connector.errors import InvalidInput, NotFound
from connector.identity.did import did_web_url
from connector.identity.keys import SigningKey
from connector.identity.member_list import MemberList, VerifiedMemberList, issue_member_list

MAX_TITLE_CHARACTERS = 200
MAX_URL_CHARACTERS = 2000


async def list_members(conn: Connection) -> list[Admission]:
    """All members, by DID."""
    return await store.list_members(conn)


async def add_member(conn: Connection, did: str, title: str | None = None, url: str | None = None) -> bool:
    """Admit a participant, or change its title and address; False if all was so before.

    Without `title` it is called by its DID; without `url` its address is the host of the DID. Raises InvalidInput.
    """
    document = urlsplit(did_web_url(did))
    named = (title or did).strip()
    address = (url or f"{document.scheme}://{document.netloc}").rstrip("/")
    if not named.isprintable() or len(named) > MAX_TITLE_CHARACTERS:
        raise InvalidInput(f"the title is not up to {MAX_TITLE_CHARACTERS} printable characters")
    if not _is_web_address(address):
        raise InvalidInput(f"{address[:200]!r} is not an address", hint="expected https://host[:port]")
    return await store.add_member(conn, did=did, title=named, url=address)


async def remove_member(conn: Connection, did: str) -> None:
    """Remove a participant; raises NotFound if it is no member."""
    if not await store.remove_member(conn, did=did):
        raise NotFound(f"{did[:200]!r} is not a member", hint="tidegate members list shows who is")


async def sign_list(conn: Connection, key: SigningKey, *, now: datetime, lifetime_seconds: int) -> str:
    """The list as everybody may read it, signed now."""
    version, members = await store.load_list(conn)
    return issue_member_list(key, version=version, members=members, now=now, lifetime_seconds=lifetime_seconds)


async def own_list(
    pool: Pool, authority: str, *, clock: Callable[[], datetime], lifetime_seconds: int
) -> VerifiedMemberList:
    """The list as the authority's own process goes by: from its database, which needs no signature."""
    async with connection(pool) as conn:
        version, members = await store.load_list(conn)
    return VerifiedMemberList(
        MemberList(
            authority=authority,
            version=version,
            members={member.did: member for member in members},
            expires_at=clock() + timedelta(seconds=lifetime_seconds),
        )
    )


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_URL_CHARACTERS
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
