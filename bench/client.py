"""A client of a participant's own API that keeps its connections, as a program in a control room would."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from bench.publish import PURPOSE
from connector.demo.space import RunningParticipant
from connector.errors import ConnectorError
from connector.management.access import read_operator_token

WAIT_SECONDS = 30
REQUEST_SECONDS = 90


class MeasurementFailed(ConnectorError):  # noqa: N818 -- the errors of the connector are named after what happened
    """What was to be measured did not happen."""

    code = "measurement_failed"


@dataclass(frozen=True, slots=True)
class Api:
    """One participant's own API."""

    session: aiohttp.ClientSession
    url: str

    async def call(self, method: str, path: str, body: object | None = None) -> Any:
        """The answer's JSON; raises MeasurementFailed for anything but success."""
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(method, self.url + path, data=data) as answer:
            content = await answer.read()
        if answer.status >= 300:
            raise MeasurementFailed(f"{method} {path} answered {answer.status}: {content[:300].decode()}")
        return orjson.loads(content)

    async def negotiate(self, provider: str, dataset: str) -> tuple[dict[str, Any], float]:
        """A contract with `provider` (its DID) as JSON, and the seconds until the API said that it is FINALIZED."""
        wanted = {"provider": provider, "dataset": dataset, "purpose": [PURPOSE]}
        began = time.perf_counter()
        made = await self.call("POST", f"/api/negotiations?wait_seconds={WAIT_SECONDS}", wanted)
        seconds = time.perf_counter() - began
        if made["state"] != "FINALIZED":
            raise MeasurementFailed(f"a negotiation is {made['state']}: {made['failure'] or made['last_error']}")
        return made, seconds

    async def transfer(self, agreement: str) -> dict[str, Any]:
        """The data of an agreement, fetched and verified: what the consumer says it received."""
        pid = (await self.call("POST", "/api/transfers", {"agreement": agreement}))["pid"]
        while True:
            now = await self.call("GET", f"/api/transfers/{pid}?wait_seconds={WAIT_SECONDS}")
            if now["state"] == "COMPLETED":
                return now["received"]
            if now["state"] in {"TERMINATED", "SUSPENDED"}:
                raise MeasurementFailed(f"a transfer is {now['state']}: {now['failure'] or now['last_error']}")
            await asyncio.sleep(0)


@asynccontextmanager
async def api_of(participant: RunningParticipant) -> AsyncGenerator[Api]:
    """The API of a running participant, with its operator token."""
    headers = {
        "Authorization": f"Bearer {read_operator_token(participant.home)}",
        "Content-Type": "application/json",
    }
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        yield Api(session, participant.management_url)
