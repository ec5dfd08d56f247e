"""The statements of the offerings registry: one function, one statement. Transactions are the service's."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from catalog.model import Offering
from connector.dataplane.model import ServedFile
from connector.db import Connection, queries
from connector.offers.model import Entry, PublishedOffer, Source, searchable_words
from connector.offers.search import Search, area_box, search_query

Q = queries("offers")


async def register_offering(conn: Connection, *, offering_id: str, source: Source) -> bool:
    """Take an id for a source. False: the source has an offering already, or the id belongs to another source."""
    cursor = await conn.execute(Q["register_offering"], {"id": offering_id} | _source(source))
    return await cursor.fetchone() is not None


async def lock_source(conn: Connection, *, source: Source) -> tuple[str, int, datetime | None] | None:
    """Id, current version and time of withdrawal of a source's offering, locked until the transaction ends."""
    cursor = await conn.execute(Q["lock_source"], _source(source))
    return await cursor.fetchone()


async def find_digest(conn: Connection, *, offering_id: str, version: int) -> str | None:
    """`offering_digest` of a version; None if there is no such version."""
    cursor = await conn.execute(Q["find_digest"], {"offering_id": offering_id, "version": version})
    row = await cursor.fetchone()
    return row[0] if row else None


async def append_version(conn: Connection, *, offering: Offering, digest: str) -> None:
    """Add a version; it is not offered before `set_current_version`."""
    await conn.execute(
        Q["append_version"],
        {
            "offering_id": offering.id,
            "version": offering.version,
            "offer_id": offering.offer_id,
            "digest": digest,
            "document": Jsonb(offering.to_json()),
        },
    )


async def set_current_version(conn: Connection, *, offering: Offering) -> None:
    """Offer this version from now on, also if the offering had been withdrawn."""
    await conn.execute(
        Q["set_current_version"],
        {
            "offering_id": offering.id,
            "version": offering.version,
            "words": searchable_words(offering),
            "area": area_box(offering.bbox),
            "start": offering.start,
            "end": offering.end,
        },
    )


async def append_files(conn: Connection, *, offering_id: str, version: int, files: Sequence[ServedFile]) -> None:
    """The files of a new version."""
    await _for_each_file(conn, "append_file", offering_id=offering_id, version=version, files=files)


async def refresh_files(conn: Connection, *, offering_id: str, version: int, files: Sequence[ServedFile]) -> None:
    """Note place, time and inode of files whose content was found unchanged."""
    await _for_each_file(conn, "refresh_file", offering_id=offering_id, version=version, files=files)


async def files_of(conn: Connection, offering_id: str, version: int) -> list[ServedFile]:
    """The files of a version by path; none if there is no such version."""
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(Q["list_files"], {"offering_id": offering_id, "version": version})
    return [_file(row) async for row in cursor]


async def withdraw_offering(conn: Connection, *, offering_id: str) -> datetime | None:
    """When it was withdrawn (now, or the first time); None if there is no such offering."""
    cursor = await conn.execute(Q["withdraw_offering"], {"offering_id": offering_id})
    row = await cursor.fetchone()
    return row[0] if row else None


async def find_entry(conn: Connection, *, offering_id: str) -> Entry | None:
    """An offering in its current version, withdrawn or not."""
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(Q["find_entry"], {"offering_id": offering_id})
    row = await cursor.fetchone()
    return _entry(row) if row else None


async def find_version(conn: Connection, *, offering_id: str, version: int) -> Offering | None:
    """One version, current or not."""
    cursor = await conn.execute(Q["find_version"], {"offering_id": offering_id, "version": version})
    row = await cursor.fetchone()
    return Offering.from_json(row[0]) if row else None


async def find_offer(conn: Connection, *, offer_id: str) -> PublishedOffer | None:
    """An offer of any version; None if it was never made."""
    cursor = conn.cursor(row_factory=class_row(PublishedOffer))
    await cursor.execute(Q["find_offer"], {"offer_id": offer_id})
    return await cursor.fetchone()


async def list_offered(conn: Connection, *, after: str = "", limit: int) -> list[Offering]:
    """What is offered, by id, behind `after`."""
    cursor = await conn.execute(Q["list_offered"], {"after": after, "limit": limit})
    return [Offering.from_json(row[0]) async for row in cursor]


async def search_offered(conn: Connection, *, search: Search, after: str = "", limit: int) -> list[Offering]:
    """What is offered and matches, by id, behind `after`."""
    facts = {
        "after": after,
        "limit": limit,
        "words": search_query(search.text) if search.text else None,
        "area": area_box(search.bbox),
        "start": search.start,
        "end": search.end,
    }
    cursor = await conn.execute(Q["search_offered"], facts)
    return [Offering.from_json(row[0]) async for row in cursor]


async def list_entries(conn: Connection, *, after: str = "", limit: int) -> list[Entry]:
    """All our offerings, by id, behind `after`, withdrawn ones included."""
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(Q["list_entries"], {"after": after, "limit": limit})
    return [_entry(row) async for row in cursor]


async def _for_each_file(
    conn: Connection, statement: str, *, offering_id: str, version: int, files: Sequence[ServedFile]
) -> None:
    facts = [{"offering_id": offering_id, "version": version} | asdict(file) for file in files]
    if facts:
        await conn.cursor().executemany(Q[statement], facts)


def _source(source: Source) -> dict[str, str]:
    return {"source": source.path, "variant": source.variant}


def _file(row: dict[str, Any]) -> ServedFile:
    inode = int(row["inode"])  # a Decimal: no integer type of PostgreSQL has 64 bits without a sign
    facts: dict[str, Any] = row | {"inode": inode}
    return ServedFile(**facts)


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        offering=Offering.from_json(row["document"]),
        source=Source(path=row["source"], variant=row["variant"]),
        published_at=row["published_at"],
        withdrawn_at=row["withdrawn_at"],
    )
