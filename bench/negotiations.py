"""From a request to FINALIZED on both sides, one at a time and with 16 under way.

The load comes through the consumer's own API, as it does in real use: each request also makes the consumer read the
dataset from the provider, so the rate includes that. The times come from the rows of both databases, from the
consumer's process being made to the later of both sides' FINALIZED; `client_…` is what the API's client saw.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from bench.client import Api, MeasurementFailed, api_of
from bench.figures import spread
from bench.processor import each_ms, processor_seconds
from bench.publish import publish, read_run
from bench.sizes import Sizes
from bench.tell import tell
from connector.demo.space import DataSpace, RunningParticipant
from connector.settings import PREFIX

UNDER_WAY = 16
LOOK_AGAIN_SECONDS = 0.05
RECORDED_TRIES = 200  # ten seconds

_CONSUMER = """
    select p.provider, p.created_at, e.at
      from (select peer_pid as provider, pid, created_at from process where pid = any(%(pids)s)) p
      join event e on e.pid = p.pid and e.target = 'FINALIZED'"""
_PROVIDER = """
    select p.pid, e.at from process p join event e on e.pid = p.pid and e.target = 'FINALIZED'
     where p.pid = any(%(pids)s)"""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """One negotiation: made, and FINALIZED on the side that recorded it later."""

    created_at: datetime
    finalized_at: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finalized_at - self.created_at).total_seconds()


def measure(space: DataSpace, sizes: Sizes) -> dict[str, Any]:
    """Both figures of the module's docstring."""
    return asyncio.run(_measure(space, sizes))


async def _measure(space: DataSpace, sizes: Sizes) -> dict[str, Any]:
    dataset = (await publish(space["provider"], [read_run(space).copy(1)]))[0].id
    async with api_of(space["consumer"]) as api:
        tell(f"{sizes.warm_up} negotiations to warm up")
        await _many(api, space["provider"].did, dataset, sizes.warm_up, UNDER_WAY)
        tell(f"{sizes.one_at_a_time} negotiations, one at a time")
        alone = await _figures(space, api, dataset, sizes.one_at_a_time, under_way=1)
        tell(f"{sizes.under_way} negotiations, {UNDER_WAY} under way")
        together = await _figures(space, api, dataset, sizes.under_way, under_way=UNDER_WAY)
    return {"one_at_a_time": alone, "sixteen_under_way": together}


async def _figures(space: DataSpace, api: Api, dataset: str, count: int, *, under_way: int) -> dict[str, Any]:
    before = processor_seconds(space)
    made = await _many(api, space["provider"].did, dataset, count, under_way)
    recorded = await _recorded(space, [negotiation["pid"] for negotiation, _ in made])
    after = processor_seconds(space)
    began, ended = min(each.created_at for each in recorded), max(each.finalized_at for each in recorded)
    return {
        "count": count,
        "per_second": round(count / (ended - began).total_seconds(), 1),
        **spread([each.seconds for each in recorded], ""),
        **spread([seconds for _, seconds in made], "client"),
        "processor_ms_each": each_ms(before, after, count),
    }


async def _many(
    api: Api, provider: str, dataset: str, count: int, under_way: int
) -> list[tuple[dict[str, Any], float]]:
    """`count` negotiations; the next begins when one of `under_way` has ended."""
    left = iter(range(count))

    async def one_after_the_other() -> list[tuple[dict[str, Any], float]]:
        return [await api.negotiate(provider, dataset) for _ in left]

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one_after_the_other()) for _ in range(under_way)]
    except* MeasurementFailed as failed:
        raise failed.exceptions[0] from None
    return [negotiation for task in tasks for negotiation in task.result()]


async def _recorded(space: DataSpace, pids: Sequence[str]) -> list[Negotiated]:
    """What both sides recorded. The provider learns last that its finalization has arrived, so it may take a moment."""
    ours = {row[0]: (row[1], row[2]) for row in await _rows(space["consumer"], _CONSUMER, pids)}
    theirs: dict[str, datetime] = {}
    for _ in range(RECORDED_TRIES):
        theirs = dict(await _rows(space["provider"], _PROVIDER, list(ours)))
        if len(theirs) == len(pids):
            break
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    if len(ours) < len(pids) or len(theirs) < len(pids):
        raise MeasurementFailed(
            f"of {len(pids)} negotiations the consumer recorded {len(ours)} as FINALIZED, the provider {len(theirs)}"
        )
    return [Negotiated(created, max(finalized, theirs[pid])) for pid, (created, finalized) in ours.items()]


async def _rows(participant: RunningParticipant, statement: Any, pids: Sequence[str]) -> list[tuple[Any, ...]]:
    url = participant.environment[f"{PREFIX}DATABASE_URL"]
    async with await psycopg.AsyncConnection.connect(url) as conn:
        return await (await conn.execute(statement, {"pids": list(pids)})).fetchall()
