"""`/api/offerings`: what we offer. Publishing reads files in child processes, and names those it could not read."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from connector.dataplane.model import ServedFile
from connector.errors import ConnectorError, InvalidInput, StorageError
from connector.harvest.model import Draft, HarvestReport, Listing, Problem, Progress, Skipped
from connector.harvest.scan import list_sources
from connector.harvest.service import harvest
from connector.offers.model import Entry, Publication, Published, Source
from connector.offers.remote import read_terms
from connector.offers.service import Offers, sound_policy
from connector.telemetry import Event, log
from policies.check import cautions
from policies.parse import parse_policy


class FolderQuery(BaseModel):
    """A folder, or one file, on the participant's machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(description="absolute path", examples=["/data/sfincs/run-1"])
    crs: str | None = Field(
        default=None, max_length=4096, description="of rasters that name none: an EPSG code, or WKT"
    )


class PublishQuery(FolderQuery):
    """What to publish, under which terms."""

    policy: dict[str, Any] = Field(description="DSP compact form", examples=[{"permission": [{"action": "use"}]}])
    variant: str = Field(
        default="",
        pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$",
        max_length=40,
        description="offer the same source once more under other terms: goes into the id",
    )


class _AbandonedError(Exception):
    """Nobody waits for this harvest any more. Not an OSError: those are problems of one file."""


def router(offers: Offers) -> APIRouter:
    """The routes, relative to the root of our own API."""
    routes = APIRouter(prefix="/api/offerings", tags=["offerings"])

    @routes.get("")
    async def list_offerings(after: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        """All our offerings by id, withdrawn ones included; `next` is the `after` of the next page."""
        entries, following = await offers.entries(after=after, limit=limit)
        return {"offerings": [entry_as_json(entry) for entry in entries], "next": following}

    @routes.get("/{offering_id}")
    async def read_offering(offering_id: str) -> dict[str, Any]:
        """One offering with everything that was learnt from its files."""
        entry = await offers.entry(offering_id)
        return entry_as_json(entry) | {"document": entry.offering.to_json()}

    @routes.post("/preview")
    async def preview(query: FolderQuery) -> dict[str, Any]:
        """What publishing this folder would publish, and what it would leave out. Reads names only."""
        return listing_as_json(await asyncio.to_thread(list_sources, absolute(query.folder)))

    @routes.post("")
    async def publish(query: PublishQuery) -> dict[str, Any]:
        """Publish every source of the folder that can be read; `problems` names those that cannot."""
        sound_policy(query.policy)  # before minutes are spent on reading files
        report = await read_folder(absolute(query.folder), crs=query.crs)
        return await publish_drafts(offers, report, policy=query.policy, variant=query.variant)

    @routes.post("/{offering_id}/withdraw")
    async def withdraw(offering_id: str) -> dict[str, Any]:
        """Offer it no longer. Contracts that exist stay."""
        return {"id": offering_id, "withdrawn_at": await offers.withdraw(offering_id)}

    # FastAPI has registered them; named so that a reader (and pyright) sees they are used.
    _ = (list_offerings, read_offering, preview, publish, withdraw)
    return routes


async def read_folder(folder: Path, *, crs: str | None) -> HarvestReport:
    """`harvest` in a thread that ends soon after its request does: a stop must not wait for a terabyte to be hashed."""
    abandoned = threading.Event()

    def look(_: Progress) -> None:
        if abandoned.is_set():
            raise _AbandonedError

    try:
        return await asyncio.to_thread(harvest, folder, crs=crs, on_progress=look)
    finally:
        abandoned.set()


async def publish_drafts(
    offers: Offers, report: HarvestReport, *, policy: Mapping[str, Any], variant: str = ""
) -> dict[str, Any]:
    """Publish each draft in a transaction of its own: one that is refused is a problem, and the rest is published."""
    published: list[dict[str, Any]] = []
    problems = list(report.problems)
    for draft in report.offerings:
        try:
            result = await offers.publish(publication_of(draft, policy=policy, variant=variant))
        except StorageError:
            raise
        except ConnectorError as error:
            problems.append(Problem(path=str(draft.source), reason=error.message, hint=error.hint))
            continue
        log.info(Event.PUBLISHED, offering=result.offering.id, version=result.offering.version, outcome=result.outcome)
        published.append(published_as_json(result, draft))
    return {
        "published": published,
        "problems": [{"path": each.path, "reason": each.reason, "hint": each.hint} for each in problems],
        "skipped": _skipped_as_json(report.skipped),
        "cautions": cautions(parse_policy(policy)),
    }


def publication_of(draft: Draft, *, policy: Mapping[str, Any], variant: str) -> Publication:
    """What was read from a source as something to publish."""
    files = [
        ServedFile(
            path=file.path,
            absolute_path=str(file.absolute_path),
            bytes=file.bytes,
            sha256=file.sha256,
            mtime_ns=file.mtime_ns,
            inode=file.inode,
            media_type=file.media_type,
        )
        for file in draft.files
    ]
    source = Source(str(draft.source), variant)
    return Publication(source, wished_id=draft.id, description=draft.description, policy=policy, files=files)


def absolute(folder: Path) -> Path:
    """The folder, if it does not depend on where this process was started."""
    if not folder.is_absolute():
        raise InvalidInput(f"folder: expected an absolute path, found {str(folder)!r}")
    return folder


def published_as_json(result: Published, draft: Draft) -> dict[str, Any]:
    """One line of the report of a publication."""
    offering = result.offering
    return {
        "id": offering.id,
        "title": offering.title,
        "version": offering.version,
        "offer_id": offering.offer_id,
        "bytes": offering.total_bytes,
        "files": len(offering.assets),
        "outcome": result.outcome,
        "source": str(draft.source),
        "terms": read_terms(offering.policy, title=offering.title)[0],
    }


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """An offering of ours for a person or a script."""
    offering = entry.offering
    return {
        "id": offering.id,
        "title": offering.title,
        "description": offering.description,
        "version": offering.version,
        "offer_id": offering.offer_id,
        "kind": offering.kind,
        "bytes": offering.total_bytes,
        "files": len(offering.assets),
        "bbox": offering.bbox,
        "start": offering.start,
        "end": offering.end,
        "policy": offering.policy,
        "terms": read_terms(offering.policy, title=offering.title)[0],
        "source": entry.source.path,
        "variant": entry.source.variant,
        "published_at": entry.published_at,
        "withdrawn_at": entry.withdrawn_at,
    }


def listing_as_json(listing: Listing) -> dict[str, Any]:
    """What would be published, and what would not."""
    sources = [
        {"id": source.id, "path": source.path, "kind": source.kind, "files": list(source.files), "bytes": source.bytes}
        for source in listing.sources
    ]
    return {"folder": str(listing.folder), "sources": sources, "skipped": _skipped_as_json(listing.skipped)}


def _skipped_as_json(skipped: tuple[Skipped, ...]) -> list[dict[str, str]]:
    return [{"path": each.path, "reason": each.reason} for each in skipped]
