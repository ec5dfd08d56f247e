"""Offerings to measure with, put straight into the provider's registry: reading files is not what is measured."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from random import Random

from catalog.model import Asset, Description, Offering
from connector.dataplane.model import ServedFile
from connector.db import open_pool
from connector.demo.space import DataSpace, RunningParticipant
from connector.harvest.sample import write_sample_run
from connector.harvest.service import harvest
from connector.management.offerings import publication_of
from connector.offers.model import Publication, Source
from connector.offers.service import Offers
from connector.settings import PREFIX
from policies import research_until

PURPOSE = "flood-risk-research"
POLICY_DAYS = 365
BLOCK_BYTES = 1024**2
EUROPE = {"type": "Polygon", "coordinates": [[[0, 40], [20, 40], [20, 60], [0, 60], [0, 40]]]}


@dataclass(frozen=True, slots=True)
class Run:
    """The demo's synthetic flood run, read once; each copy of it is an offering of its own."""

    publication: Publication

    def copy(self, number: int) -> Publication:
        """The same run under another name."""
        name = f"run-{number:06}"
        described = replace(self.publication.description, title=f"Flood run {number}")
        return replace(self.publication, source=Source(f"/bench/{name}"), wished_id=name, description=described)


def policy() -> dict[str, object]:
    """What every offering here is under: limited in time and purpose, so that policy has something to decide."""
    return research_until(datetime.now(UTC).replace(microsecond=0) + timedelta(days=POLICY_DAYS), PURPOSE)


def read_run(space: DataSpace) -> Run:
    """Write the sample run into the space's folder and describe it."""
    folder = space.folder / "bench-run"
    write_sample_run(folder)
    draft = harvest(folder).offerings[0]
    return Run(publication_of(draft, policy=policy(), variant=""))


def single_file(path: Path) -> Publication:
    """A file of arbitrary content as an offering: the data plane does not look into it."""
    status = path.stat()
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    media_type = "application/octet-stream"
    asset = Asset(path=path.name, media_type=media_type, bytes=status.st_size, sha256=sha256)
    served = ServedFile(
        path=path.name,
        absolute_path=str(path),
        bytes=status.st_size,
        sha256=sha256,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        media_type=media_type,
    )
    described = Description(
        title=path.name,
        description="Pseudo-random bytes, to measure with.",
        geometry=EUROPE,
        bbox=(0, 40, 20, 60),
        kind="file",
        assets=(asset,),
    )
    return Publication(Source(str(path)), path.stem, described, policy(), [served])


def write_random(path: Path, size: int) -> None:
    """`size` bytes that no file system can store as less: blocks of noise, each with another beginning."""
    noise = bytearray(Random(1).randbytes(BLOCK_BYTES))
    with path.open("wb") as file:
        for number, offset in enumerate(range(0, size, BLOCK_BYTES)):
            noise[:8] = number.to_bytes(8, "big")
            file.write(noise[: min(BLOCK_BYTES, size - offset)])
        file.flush()
        os.fsync(file.fileno())  # not later, while something is measured


async def publish(
    provider: RunningParticipant, publications: Iterable[Publication], on_each: Callable[[int], None] | None = None
) -> list[Offering]:
    """What was published; `on_each` is told how many there are so far."""
    pool = await open_pool(provider.environment[f"{PREFIX}DATABASE_URL"], 2)
    published: list[Offering] = []
    try:
        offers = Offers(pool)
        for publication in publications:
            published.append((await offers.publish(publication)).offering)
            if on_each is not None:
                on_each(len(published))
    finally:
        await pool.close()
    return published
