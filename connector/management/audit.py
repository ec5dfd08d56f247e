"""`/api/audit`: our own leaves; for the authority, what both parties of an exchange recorded, compared."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from connector.audit import store
from connector.audit.compare import compare
from connector.audit.record import StoredLeaf
from connector.audit.routes import TokenFor, fetch_leaves
from connector.db import Pool, connection
from connector.errors import NotFound
from connector.http import GuardedHttp
from connector.identity.members import Members


class ToCompare(BaseModel):
    """An exchange: its agreement, and the DIDs of both parties."""

    model_config = ConfigDict(extra="forbid")

    agreement: str
    provider: str
    consumer: str


def router(
    pool: Pool, http: GuardedHttp, members: Members, token_for: TokenFor, *, authority: bool, max_log_bytes: int
) -> APIRouter:
    """Everybody reads its own leaves; only an authority compares those of others."""
    routes = APIRouter(prefix="/api/audit", tags=["audit"])

    @routes.get("/leaves")
    async def leaves(  # pyright: ignore[reportUnusedFunction] -- FastAPI has it
        agreement: str | None = None,
        process: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> list[dict[str, Any]]:
        """The leaves of an agreement or a process, else the newest."""
        async with connection(pool) as conn:
            if agreement is not None:
                found = await store.list_agreement_leaves(conn, agreement=agreement)
            elif process is not None:
                found = await store.list_process_leaves(conn, processes=[process])
            else:
                found = await store.list_newest_leaves(conn, limit=limit)
        return [shown(leaf) for leaf in found]

    if not authority:
        return routes

    @routes.post("/compare")
    async def compare_both(exchange: ToCompare) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Ask both parties for their leaves of one agreement, and hold them against each other."""
        urls = {member.did: member.url for member in await members.list_members()}

        async def ask(did: str) -> Any:
            if did not in urls:
                raise NotFound(f"{did} is not a member", hint="tidegate members list shows who is")
            return await fetch_leaves(
                http, url=urls[did], did=did, agreement=exchange.agreement, token_for=token_for, max_bytes=max_log_bytes
            )

        provider, consumer = await asyncio.gather(ask(exchange.provider), ask(exchange.consumer))
        comparison = compare(provider, consumer)
        return {"agreement": exchange.agreement, **asdict(comparison), "consistent": comparison.consistent}

    return routes


def shown(leaf: StoredLeaf) -> dict[str, Any]:
    """A leaf for our own people: its members, its hash, and what its commitments open to."""
    try:
        members: Any = orjson.loads(leaf.leaf)
    except orjson.JSONDecodeError:
        members = None  # altered; a comparison says so
    opened = {name: opening["value"] for name, opening in (leaf.openings or {}).items()}
    return {
        "id": leaf.id,
        "process": leaf.process,
        "seq": leaf.seq,
        "at": leaf.at,
        "hash": leaf.hash.hex(),
        "leaf": members,
        "opened": opened,
    }
