"""What a user of an EDC does: through its management API (v3), as the field's own clients do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import orjson

from tests.interop.edc.runtime import Edc

NS = "https://w3id.org/edc/v0.0.1/ns/"
CONTEXT = {"@vocab": NS}
ODRL = "http://www.w3.org/ns/odrl.jsonld"
PROTOCOL = "dataspace-protocol-http:2025-1"
USE: Mapping[str, Any] = {"permission": [{"action": "use"}]}
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.05

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that says anything. EDC is asked less often than our own: it is slower, and answers here too."""
    ends = asyncio.get_running_loop().time() + seconds
    while True:
        if found := await look():
            return found
        assert asyncio.get_running_loop().time() < ends, f"waited {seconds} s for {what}"
        await asyncio.sleep(LOOK_SECONDS)


@dataclass(frozen=True)
class User:
    """Somebody with the key of an EDC. `peer` and `peer_address` are the counterparty's id and protocol base."""

    edc: Edc
    session: aiohttp.ClientSession
    peer: str
    peer_address: str

    async def call(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Any:
        """One request to the management API; its answer, None if it is empty."""
        body = None if document is None else orjson.dumps({"@context": CONTEXT, **document})
        headers = {"x-api-key": self.edc.key, "Content-Type": "application/json"}
        url = f"{self.edc.management_url}/v3/{path}"
        async with self.session.request(method, url, data=body, headers=headers) as answer:
            text = await answer.read()
            assert answer.status < 300, f"{method} {urlsplit(url).path} answered {answer.status}: {text[:1000]!r}"
            return orjson.loads(text) if text else None

    # ---- as a provider ----

    async def offers(self, asset: str, *, source: str, policy: Mapping[str, Any] = USE) -> None:
        """Put an asset behind `source` into the catalogue, under these terms."""
        address = {"type": "HttpData", "baseUrl": source}
        await self.call("POST", "assets", {"@id": asset, "properties": {"name": asset}, "dataAddress": address})
        terms = {"@context": ODRL, "@type": "Set", **policy}
        await self.call("POST", "policydefinitions", {"@id": f"terms-{asset}", "policy": terms})
        selected = {"operandLeft": f"{NS}id", "operator": "=", "operandRight": asset}
        await self.call("POST", "policydefinitions", {"@id": f"access-{asset}", "policy": {**terms, **USE}})
        definition = {
            "@id": f"definition-{asset}",
            "accessPolicyId": f"access-{asset}",
            "contractPolicyId": f"terms-{asset}",
            "assetsSelector": [{"@type": "Criterion", **selected}],
        }
        await self.call("POST", "contractdefinitions", definition)

    # ---- as a consumer ----

    def _counterparty(self) -> dict[str, str]:
        return {"counterPartyAddress": self.peer_address, "counterPartyId": self.peer, "protocol": PROTOCOL}

    async def catalog(self) -> dict[str, Any]:
        """The counterparty's datasets by id."""
        answer = await self.call("POST", "catalog/request", self._counterparty())
        return {dataset["@id"]: dataset for dataset in answer.get("dataset", [])}

    async def negotiates(self, dataset: Mapping[str, Any], **changes: Any) -> str:
        """Ask for a contract on the first offer of a dataset; EDC's id of the negotiation."""
        offer = {**dataset["hasPolicy"][0], **changes}
        policy = {"@context": ODRL, **offer, "assigner": self.peer, "target": dataset["@id"]}
        answer = await self.call("POST", "contractnegotiations", {**self._counterparty(), "policy": policy})
        return answer["@id"]

    async def transfers(
        self, agreement: str, *, kind: str, destination: Mapping[str, str] | None = None, callback: str | None = None
    ) -> str:
        """Ask for the data of an agreement; EDC's id of the transfer. `callback` is told of what happens to it."""
        events = {"uri": callback, "events": ["transfer.process"], "transactional": False}
        wanted = {
            **self._counterparty(),
            "contractId": agreement,
            "transferType": kind,
            **({"dataDestination": destination} if destination else {}),
            **({"callbackAddresses": [events]} if callback else {}),
        }
        return (await self.call("POST", "transferprocesses", wanted))["@id"]

    # ---- in both roles ----

    async def negotiation(self, pid: str) -> dict[str, Any]:
        return await self.call("GET", f"contractnegotiations/{pid}")

    async def transfer(self, pid: str) -> dict[str, Any]:
        return await self.call("GET", f"transferprocesses/{pid}")

    async def negotiation_reaches(self, pid: str, state: str) -> dict[str, Any]:
        """Wait until a negotiation is in a state."""
        return await self._reaches("contractnegotiations", pid, state)

    async def transfer_reaches(self, pid: str, state: str) -> dict[str, Any]:
        """Wait until a transfer is in a state. What is terminated is cleaned up: there is no other end in EDC."""
        return await self._reaches("transferprocesses", pid, state)

    async def _reaches(self, kind: str, pid: str, state: str) -> dict[str, Any]:
        seen = ""

        async def there() -> dict[str, Any] | None:
            nonlocal seen
            found = await self.call("GET", f"{kind}/{pid}")
            seen = f"{found['state']} {found.get('errorDetail', '')}"
            return found if found["state"] in {state, _after(state)} else None

        try:
            return await until(there, f"{kind} {pid} in {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is in {seen}") from None

    async def find(self, kind: str, correlation: str) -> str:
        """EDC's id of the process that is `correlation` at the counterparty's."""
        query = {
            "@type": "QuerySpec",
            "filterExpression": [
                {"operandLeft": "correlationId", "operator": "=", "operandRight": correlation},
            ],
        }
        found = await until(lambda: self.call("POST", f"{kind}/request", query), f"{kind} {correlation}")
        return found[0]["@id"]

    async def ends_negotiation(self, pid: str, reason: str) -> None:
        await self.call("POST", f"contractnegotiations/{pid}/terminate", {"@id": pid, "reason": reason})

    async def suspends(self, pid: str, reason: str) -> None:
        await self.call("POST", f"transferprocesses/{pid}/suspend", {"reason": reason})

    async def resumes(self, pid: str) -> None:
        await self.call("POST", f"transferprocesses/{pid}/resume")

    async def ends_transfer(self, pid: str, reason: str) -> None:
        await self.call("POST", f"transferprocesses/{pid}/terminate", {"reason": reason})


def _after(state: str) -> str:
    """An ended transfer is deprovisioned at once."""
    return "DEPROVISIONED" if state in {"TERMINATED", "COMPLETED"} else state
