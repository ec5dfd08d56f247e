"""Proportional set sizes: of everybody at rest and after some work, and of the provider while it delivers a file."""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any, Self

from bench.client import api_of
from bench.download import curl
from bench.grant import Grant, grant
from bench.publish import publish, read_run, single_file, write_random
from bench.sizes import Sizes
from bench.tell import tell
from connector.demo.space import ROLES, DataSpace, pss

SAMPLE_SECONDS = 0.02


def measure(space: DataSpace, sizes: Sizes) -> dict[str, Any]:
    """At rest, after negotiations, and the provider's peak by size of the file it delivers."""
    tell("memory at rest and after some work")
    at_rest = _everybody(space)
    asyncio.run(_work(space, sizes.warm_up))
    after_work = _everybody(space)
    curve = [_delivering(space, size, sizes.memory_seconds) for size in sizes.memory_bytes]
    return {"at_rest_bytes": at_rest, "after_work_bytes": after_work, "provider_peak_by_file": curve}


def _everybody(space: DataSpace) -> Mapping[str, int]:
    sizes = {role: space[role].memory_bytes() for role in ROLES}
    postgres = pss(space.server.pid)
    return {**sizes, "postgres": postgres, "all": sum(sizes.values()) + postgres}


async def _work(space: DataSpace, count: int) -> None:
    """So that pools are filled and everything that is loaded late is loaded."""
    dataset = (await publish(space["provider"], [read_run(space).copy(1)]))[0].id
    async with api_of(space["consumer"]) as api:
        for _ in range(count):
            await api.negotiate(space["provider"].did, dataset)


def _delivering(space: DataSpace, size: int, seconds: float) -> dict[str, int]:
    """Deliver a file of `size` bytes again and again for some time, and see how large the provider gets."""
    tell(f"the provider's memory while it delivers {size:,} bytes")
    path = space.folder / f"file-{size}.bin"
    write_random(path, size)
    ticket = grant(space, asyncio.run(publish(space["provider"], [single_file(path)]))[0])
    with Peak(_pid(space)) as peak:
        count = _repeatedly(ticket, size, seconds)
    path.unlink()
    return {"file_bytes": size, "deliveries": count, "before_bytes": peak.before, "peak_bytes": peak.highest}


def _repeatedly(ticket: Grant, size: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    count = 0
    while count == 0 or time.monotonic() < deadline:
        curl(ticket.url, size, headers=ticket.headers)
        count += 1
    return count


def _pid(space: DataSpace) -> int:
    process = space["provider"].process
    assert process is not None
    return process.pid


class Peak:
    """The largest of many samples of a process' proportional set size, taken in a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.before = pss(pid)
        self.highest = self.before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.highest = max(self.highest, pss(self._pid))
