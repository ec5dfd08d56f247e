"""`/api/members`: who belongs to the data space. Of the authority role only."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from connector.authority import service
from connector.db import Pool, connection


class MemberToAdd(BaseModel):
    """A participant to admit; without title it is called by its DID, without url its address is the host of the DID."""

    model_config = ConfigDict(extra="forbid")

    did: str
    title: str | None = None
    url: str | None = None


class MemberShown(BaseModel):
    """A member as the authority keeps it."""

    did: str
    title: str
    url: str
    added_at: datetime


class Changed(BaseModel):
    """Whether the list of members is another one now."""

    did: str
    changed: bool


def router(pool: Pool) -> APIRouter:
    """List, admit, remove. A DID in a path is percent-encoded, its own percent sign included."""
    routes = APIRouter(prefix="/api/members", tags=["members"])

    @routes.get("")
    async def list_members() -> list[MemberShown]:  # pyright: ignore[reportUnusedFunction] -- FastAPI has it
        """All members, by DID."""
        async with connection(pool) as conn:
            return [
                MemberShown(did=member.did, title=member.title, url=member.url, added_at=member.added_at)
                for member in await service.list_members(conn)
            ]

    @routes.post("")
    async def add_member(member: MemberToAdd) -> Changed:  # pyright: ignore[reportUnusedFunction] -- FastAPI has it
        """Admit a participant, or change its title and address. Doing it twice changes nothing."""
        async with connection(pool) as conn:
            changed = await service.add_member(conn, member.did, member.title, member.url)
        return Changed(did=member.did, changed=changed)

    @routes.delete("/{did:path}")
    async def remove_member(did: str) -> Changed:  # pyright: ignore[reportUnusedFunction] -- FastAPI has it
        """Remove a participant: its messages are refused as soon as the others have asked for the list again."""
        async with connection(pool) as conn:
            await service.remove_member(conn, did)
        return Changed(did=did, changed=True)

    return routes
