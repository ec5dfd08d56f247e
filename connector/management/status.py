"""`/api/status` and `/api/doctor`: who we are, how we are, and what to do about it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import psutil
from fastapi import APIRouter
from psycopg.rows import dict_row

from connector.db import Pool, connection, queries
from connector.errors import ConnectorError
from connector.http import GuardedHttp
from connector.identity.did import did_web_url
from connector.identity.members import Members
from connector.settings import Settings

Q = queries("management")

MAX_PEERS_ASKED = 20


@dataclass(frozen=True)
class Standing:
    """What the routes look at."""

    settings: Settings
    pool: Pool
    members: Members
    http: GuardedHttp
    ready: Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: `hint` says what to do if it is not `ok`."""

    name: str
    ok: bool
    detail: str
    hint: str | None = None


def router(standing: Standing) -> APIRouter:
    """Both routes."""
    routes = APIRouter(prefix="/api", tags=["status"])

    @routes.get("/status")
    async def status() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction] -- FastAPI has it
        """Who this participant is and how much it has."""
        return await facts(standing)

    @routes.get("/doctor")
    async def doctor() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction] -- FastAPI has it
        """Database, key, authority, clock, disk, peers: what is wrong, and what to do."""
        findings = await examine(standing)
        return {"ok": all(finding.ok for finding in findings), "findings": [asdict(finding) for finding in findings]}

    return routes


async def facts(standing: Standing) -> dict[str, Any]:
    """The participant in numbers; counts are null while the database is away."""
    settings = standing.settings
    ready = await standing.ready()
    counted = await _counts(standing.pool) if ready else {}
    return {
        "id": settings.did,
        "title": settings.title,
        "roles": sorted(settings.roles),
        "url": settings.public_url,
        "authority": settings.trusted_authority_did,
        "ready": ready,
        "process_id": os.getpid(),
        "memory_bytes": psutil.Process().memory_full_info().pss,
        "home": str(settings.home),
        "downloads": str(settings.downloads_dir),
        **{
            name: counted.get(name)
            for name in ("offerings", "agreements", "negotiations", "transfers", "leaves", "unsent")
        },
    }


async def _counts(pool: Pool) -> dict[str, int]:
    async with connection(pool) as conn, conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(Q["count_everything"])
        return await cursor.fetchone() or {}


async def examine(standing: Standing) -> list[Finding]:
    """Every check, side by side."""
    checks = (_database(standing), _authority(standing), _own_address(standing), _disk(standing), _peers(standing))
    found = await asyncio.gather(*checks)
    return [finding for findings in found for finding in findings]


async def _database(standing: Standing) -> list[Finding]:
    if await standing.ready():
        return [Finding("database", ok=True, detail="answers, schema is current")]
    hint = "is it running, and reachable from here? work resumes by itself when it is back (TIDEGATE_DATABASE_URL)"
    return [Finding("database", ok=False, detail="does not answer", hint=hint)]


async def _authority(standing: Standing) -> list[Finding]:
    settings = standing.settings
    name = "authority"
    try:
        members = {member.did for member in await standing.members.list_members()}
    except ConnectorError as error:
        return [
            Finding(
                name,
                ok=False,
                detail=error.message,
                hint=error.hint or "start the authority, or mend TIDEGATE_AUTHORITY_DID",
            )
        ]
    own = settings.did
    if own not in members and own != settings.trusted_authority_did:
        hint = f"ask the authority: tidegate members add {own}"
        return [Finding(name, ok=False, detail=f"{own} is not a member of this data space", hint=hint)]
    return [Finding(name, ok=True, detail=f"list of {len(members)} members is valid")]


async def _own_address(standing: Standing) -> list[Finding]:
    """Whether peers would find our DID document where our DID says, and whether our clock agrees with that answer's."""
    settings = standing.settings
    url = did_web_url(settings.did)
    try:
        response = await standing.http.request("GET", url)
    except ConnectorError as error:
        hint = "is TIDEGATE_PUBLIC_URL the address that leads here? on loopback it must be in TIDEGATE_HTTP__ALLOW"
        return [Finding("public address", ok=False, detail=f"{url}: {error.message}", hint=hint)]
    good = response.status == 200 and settings.did.encode() in response.body
    detail = (
        f"{url} answers with our DID document"
        if good
        else f"{url} answers {response.status}, not with our DID document"
    )
    return [Finding("public address", ok=good, detail=detail, hint=None if good else "another server may listen there")]


async def _disk(standing: Standing) -> list[Finding]:
    folder = standing.settings.home
    free = psutil.disk_usage(str(folder)).free
    good = free > 1024**3
    return [
        Finding(
            "disk", ok=good, detail=f"{free / 1024**3:.1f} GiB free in {folder}", hint=None if good else "make room"
        )
    ]


async def _peers(standing: Standing) -> list[Finding]:
    """Each member's DID document, and how far its clock is from ours."""
    try:
        members = await standing.members.list_members()
    except ConnectorError:
        return []
    others = [member for member in members if member.did != standing.settings.did][:MAX_PEERS_ASKED]
    return await asyncio.gather(*(_peer(standing, member.did) for member in others))


async def _peer(standing: Standing, did: str) -> Finding:
    name = f"peer {did}"
    try:
        response = await standing.http.request("GET", did_web_url(did))
    except ConnectorError as error:
        hint = "is it running? on loopback it must be in TIDEGATE_HTTP__ALLOW"
        return Finding(name, ok=False, detail=error.message, hint=error.hint or hint)
    if response.status != 200:
        return Finding(name, ok=False, detail=f"its DID document answers {response.status}", hint="ask its operator")
    apart = _seconds_apart(response.headers.get("Date"))
    if apart is not None and abs(apart) > standing.settings.identity.clock_skew_seconds:
        hint = "set one of the two clocks right: tokens are refused for it"
        return Finding(name, ok=False, detail=f"its clock is {apart:+.0f} s from ours", hint=hint)
    return Finding(name, ok=True, detail="answers" + ("" if apart is None else f", clocks {abs(apart):.0f} s apart"))


def _seconds_apart(date: str | None) -> float | None:
    try:
        return None if date is None else (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return None
