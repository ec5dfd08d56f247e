"""`/api/negotiations`, `/api/transfers`, `/api/agreements`: what we do ourselves, and where it stands."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from connector.agreements.model import Agreement
from connector.agreements.store import list_agreements
from connector.dataplane.download import reverify
from connector.db import connection
from connector.errors import NotFound
from connector.exchange import store
from connector.exchange.model import NEW, Kind, Process
from connector.exchange.service import Exchange
from connector.negotiation.service import Negotiations
from connector.offers.remote import Peers
from connector.transfer.service import Transfers
from connector.transfer.tasks import Downloads, received_from
from policies import PolicyError, describe_policy, parse_policy

MAX_WAIT_SECONDS = 60.0
# A change made by another process of the operating system on the same database wakes nobody here: look again so often.
LOOK_AGAIN_SECONDS = 1.0

# Where waiting for a process ends although it may still move: nothing more comes of itself.
RESTING: Mapping[Kind, frozenset[str]] = {
    "negotiation": frozenset({"FINALIZED", "TERMINATED"}),
    "transfer": frozenset({"COMPLETED", "TERMINATED", "SUSPENDED"}),
}


class ToNegotiate(BaseModel):
    """A contract to ask for: `offer` may be left out if the dataset has one. `purpose`: IRIs or words, declared."""

    model_config = ConfigDict(extra="forbid")

    provider: str
    dataset: str
    offer: str | None = None
    purpose: list[str] = Field(default=[], max_length=20)


class ToTransfer(BaseModel):
    """An agreement whose data to fetch."""

    model_config = ConfigDict(extra="forbid")

    agreement: str
    format: str = "HttpData-PULL"


class Why(BaseModel):
    """The reason the other side is told."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000)


@dataclass(frozen=True)
class Processes:
    """What the routes work on."""

    exchange: Exchange
    negotiations: Negotiations
    transfers: Transfers
    downloads: Downloads
    peers: Peers

    async def show(self, kind: Kind, pid: str) -> dict[str, Any]:
        """One process as JSON; raises NotFound."""
        process = await self.exchange.load(kind, pid)
        return self.shown(process)

    def shown(self, process: Process) -> dict[str, Any]:
        """A process, without the token of its data."""
        shown = {
            "pid": process.pid,
            "kind": process.kind,
            "role": process.role,
            "peer": process.peer,
            "consumer_pid": process.consumer_pid,
            "provider_pid": process.provider_pid,
            "state": process.state,
            "offering": process.offering,
            "agreement": process.agreement,
            "failure": process.data.get("failure"),
            "decision": process.data.get("decision"),
            "sending": None if process.outbound is None else process.outbound.message,
            "last_error": None if process.outbound is None else process.outbound.last_error,
            "open_to_us": process.allowed(process.role),
            "resting": is_resting(process),
            "created_at": process.created_at,
            "updated_at": process.updated_at,
        }
        return shown | (self._negotiated(process) if process.kind == "negotiation" else self._transferred(process))

    def _negotiated(self, process: Process) -> dict[str, Any]:
        data = process.data
        terms: Mapping[str, Any] = data.get("terms") or dict[str, Any]()
        return {
            "purpose": data.get("purpose"),
            "terms": terms,
            "sentence": sentence(terms),
            "awaits_decision": bool(data.get("awaits_decision")),
            "changed_terms": data.get("changed_terms"),
        }

    def _transferred(self, process: Process) -> dict[str, Any]:
        done, total = self.downloads.progress.get(process.pid, (0, 0))
        received = process.data.get("received")
        return {"format": process.data.get("format"), "received": received, "bytes_done": done, "bytes_total": total}

    async def wait(self, kind: Kind, pid: str, seconds: float) -> dict[str, Any]:
        """The process once nothing more comes of itself, or after `seconds`."""
        until = time.monotonic() + min(seconds, MAX_WAIT_SECONDS)
        with self.exchange.changes.of(pid) as changes:
            process = await self.exchange.load(kind, pid)
            while not is_resting(process) and (left := until - time.monotonic()) > 0:
                try:
                    process = await asyncio.wait_for(changes.get(), min(left, LOOK_AGAIN_SECONDS))
                except TimeoutError:
                    process = await self.exchange.load(kind, pid)
        return self.shown(process)

    async def verify(self, pid: str) -> dict[str, Any]:
        """Whether what was delivered is still there, byte for byte; raises NotFound if nothing was."""
        process = await self.exchange.load("transfer", pid)
        data = process.data.get("received")
        if data is None:
            raise NotFound(f"transfer {pid} has delivered nothing", hint="it has when its state is COMPLETED")
        return {
            "pid": pid,
            "digest": data["digest"],
            "verified": await reverify(Path(data["path"]), received_from(data)),
        }

    async def newest(self, kind: Kind, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest processes."""
        async with connection(self.exchange.pool) as conn:
            pids = await store.list_pids(conn, kind=kind, before=before, limit=limit)
        return [await self.show(kind, pid) for pid in pids]

    async def history(self, kind: Kind, pid: str) -> list[dict[str, Any]]:
        """Every move of a process."""
        await self.exchange.load(kind, pid)
        async with connection(self.exchange.pool) as conn:
            return await store.list_events(conn, pid=pid)


def is_resting(process: Process) -> bool:
    """Whether nothing more comes of itself: ended, waiting for a person, or never taken by the peer."""
    if process.outbound is not None:
        return False
    if process.state == NEW or process.data.get("awaits_decision"):
        return True
    return process.state in RESTING[process.kind]


def sentence(terms: Mapping[str, Any]) -> str:
    """Terms in plain words, or why there are none."""
    try:
        return describe_policy(parse_policy(terms))
    except PolicyError as error:
        return f"These terms cannot be read: {error}"


def agreement_shown(agreement: Agreement) -> dict[str, Any]:
    """An agreement as JSON."""
    return {
        "id": agreement.id,
        "role": agreement.role,
        "peer": agreement.peer,
        "negotiation": agreement.negotiation,
        "offering": agreement.offering,
        "version": agreement.offering_version,
        "purpose": agreement.declared_purpose,
        "document": agreement.document,
        "sentence": sentence(
            {k: v for k, v in agreement.document.items() if k in {"permission", "prohibition", "obligation"}}
        ),
        "agreed_at": agreement.agreed_at,
    }


Wait = Query(default=0.0, ge=0, le=MAX_WAIT_SECONDS, description="seconds to wait until nothing more comes of itself")
Limit = Query(default=50, ge=1, le=200)


def router(processes: Processes) -> APIRouter:  # noqa: C901 -- one nested function for each route
    """The routes of both kinds of process."""
    routes = APIRouter(prefix="/api", tags=["processes"])
    negotiations, transfers = processes.negotiations, processes.transfers

    @routes.post("/negotiations", status_code=201)
    async def negotiate(wanted: ToNegotiate, wait_seconds: float = Wait) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Ask a provider for a contract."""
        dataset = await processes.peers.dataset(wanted.provider, wanted.dataset)
        offer = next((o for o in dataset.offers if wanted.offer in {None, o.offer_id}), None)
        if offer is None:
            raise NotFound(f"{wanted.dataset} has no offer {wanted.offer}", hint="tidegate catalog shows its offers")
        process = await negotiations.request(
            provider=wanted.provider,
            provider_address=await processes.peers.find_base(wanted.provider),
            offer=offer.policy,
            target=dataset.id,
            purpose=wanted.purpose,
        )
        return await processes.wait("negotiation", process.pid, wait_seconds)

    @routes.post("/negotiations/{pid}/acceptance")
    async def accept(pid: str, wait_seconds: float = Wait) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Accept the offer on the table."""
        await negotiations.accept(pid)
        return await processes.wait("negotiation", pid, wait_seconds)

    @routes.post("/negotiations/{pid}/termination")
    async def end_negotiation(pid: str, why: Why) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """End a negotiation."""
        return processes.shown(await negotiations.terminate(pid, reason=why.reason))

    @routes.post("/transfers", status_code=201)
    async def transfer(wanted: ToTransfer, wait_seconds: float = Wait) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Fetch the data of an agreement."""
        process = await transfers.request(wanted.agreement, transfer_format=wanted.format)
        return await processes.wait("transfer", process.pid, wait_seconds)

    @routes.post("/transfers/{pid}/suspension")
    async def suspend(pid: str, why: Why) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Pause a transfer."""
        return processes.shown(await transfers.suspend(pid, reason=why.reason))

    @routes.post("/transfers/{pid}/start")
    async def resume(pid: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Let a suspended transfer go on."""
        return processes.shown(await transfers.resume(pid))

    @routes.post("/transfers/{pid}/termination")
    async def end_transfer(pid: str, why: Why) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """End a transfer."""
        return processes.shown(await transfers.terminate(pid, reason=why.reason))

    @routes.get("/transfers/{pid}/verification")
    async def verify(pid: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Read the delivered files again: whether they still have the digest they were received with."""
        return await processes.verify(pid)

    @routes.get("/agreements")
    async def agreements(limit: int = Limit) -> list[dict[str, Any]]:  # pyright: ignore[reportUnusedFunction]
        """The newest agreements, in either role."""
        async with connection(processes.exchange.pool) as conn:
            return [agreement_shown(agreement) for agreement in await list_agreements(conn, limit=limit)]

    _reading(routes, processes, "negotiation")
    _reading(routes, processes, "transfer")
    return routes


def _reading(routes: APIRouter, processes: Processes, kind: Literal["negotiation", "transfer"]) -> None:
    async def list_all(before: str | None = None, limit: int = Limit) -> list[dict[str, Any]]:
        return await processes.newest(kind, before=before, limit=limit)

    async def show(pid: str, wait_seconds: float = Wait) -> dict[str, Any]:
        return await processes.wait(kind, pid, wait_seconds)

    async def history(pid: str) -> list[dict[str, Any]]:
        return await processes.history(kind, pid)

    named: list[tuple[str, Callable[..., Awaitable[Any]], str]] = [
        ("", list_all, f"The newest {kind}s."),
        ("/{pid}", show, f"One {kind}; with wait_seconds once nothing more comes of itself."),
        ("/{pid}/history", history, f"Every move of a {kind}."),
    ]
    for path, endpoint, summary in named:
        routes.add_api_route(f"/{kind}s{path}", endpoint, methods=["GET"], summary=summary, name=f"{kind}{path}")
