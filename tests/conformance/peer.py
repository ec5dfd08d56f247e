"""The other side of a scenario: a peer over real HTTP that says what it is told to, and answers when it is told to.

It is written from the specification and uses nothing of the product. What it sends looks as the conformance suite's
messages do: a random `@id`, no content type in answers, pids that are bare UUIDs.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
NAME = "TCK_PARTICIPANT"
USE = {"permission": [{"action": "use"}]}
POLL_SECONDS = 0.01

# Below /negotiations/{pid} or /transfers/{pid}: word → path, type.
MESSAGES = {
    "negotiations": {
        "request": ("request", "ContractRequestMessage"),
        "offer": ("offers", "ContractOfferMessage"),
        "acceptance": ("events", "ContractNegotiationEventMessage"),
        "agreement": ("agreement", "ContractAgreementMessage"),
        "verification": ("agreement/verification", "ContractAgreementVerificationMessage"),
        "finalization": ("events", "ContractNegotiationEventMessage"),
        "termination": ("termination", "ContractNegotiationTerminationMessage"),
    },
    "transfers": {
        "request": ("request", "TransferRequestMessage"),
        "start": ("start", "TransferStartMessage"),
        "suspension": ("suspension", "TransferSuspensionMessage"),
        "completion": ("completion", "TransferCompletionMessage"),
        "termination": ("termination", "TransferTerminationMessage"),
    },
}
EVENTS = {"acceptance": "ACCEPTED", "finalization": "FINALIZED"}
STATE_TYPE = {"negotiations": "ContractNegotiation", "transfers": "TransferProcess"}


@dataclass
class Heard:
    """A message of the connector that waits for its answer."""

    path: str
    document: dict[str, Any]
    answered: asyncio.Future[dict[str, Any]]


@dataclass
class Peer:
    """Where it listens, how it names itself to the connector, and what it has heard."""

    connector: str
    connector_did: str
    authorization: str
    session: ClientSession
    address: str = ""
    inbox: dict[str, asyncio.Queue[Heard]] = field(default_factory=dict[str, asyncio.Queue[Heard]])

    def box(self, pid: str) -> asyncio.Queue[Heard]:
        """Messages for one process of ours; those that open one are under the dataset or agreement they are about."""
        return self.inbox.setdefault(pid, asyncio.Queue())

    async def take(self, request: web.Request) -> web.Response:
        """Any message of the connector: held until the scenario gets to it."""
        document = await request.json()
        heard = Heard(request.path, document, asyncio.get_running_loop().create_future())
        pid = request.path.split("/")[2]
        opening = document.get("agreementId") or document.get("offer", {}).get("target")
        self.box(opening if pid == "request" else pid).put_nowait(heard)
        return web.json_response(await heard.answered, content_type="application/octet-stream")

    async def post(self, path: str, document: dict[str, Any]) -> tuple[int, Any]:
        """Status, and the JSON body if there is one."""
        return await self._request("POST", path, document)

    async def get(self, path: str) -> tuple[int, Any]:
        """The same without a body to send."""
        return await self._request("GET", path, None)

    async def _request(self, method: str, path: str, document: dict[str, Any] | None) -> tuple[int, Any]:
        headers = {"Authorization": self.authorization}
        async with self.session.request(method, self.connector + path, json=document, headers=headers) as response:
            body = await response.read()
            return response.status, await response.json() if body.startswith(b"{") else None


@dataclass
class Conversation:
    """One scenario: the deeds of `scenarios` as methods, in one process of kind `negotiations` or `transfers`."""

    peer: Peer
    kind: str
    about: str
    patience_seconds: float
    provides: bool = False
    own_pid: str = field(default_factory=lambda: str(uuid.uuid4()))
    their_pid: str = ""

    async def walk(self, steps: list[tuple[str, str]]) -> None:
        """Do it all; AssertionError says at which step the connector did something else."""
        deeds = {
            "asks": self.asks,
            "is asked": self.is_asked,
            "says": self.says,
            "hears": self.hears,
            "fails to say": self.fails_to_say,
            "sees": self.sees,
        }
        for number, (deed, word) in enumerate(steps, start=1):
            try:
                await deeds[deed](word)
            except AssertionError as error:
                raise AssertionError(f"step {number}, {deed} {word}: {error}") from None

    async def asks(self, word: str) -> None:
        """We are the consumer, and open the process."""
        message = self._message(word) | {"callbackAddress": self.peer.address}
        status, state = await self.peer.post(f"/dsp/2025-1/{self.kind}/request", message)
        assert status == 201, f"answered {status} {state}"
        self.their_pid = state["providerPid"]
        self._check(state, type_=STATE_TYPE[self.kind])
        assert state["state"] == "REQUESTED", f"answered with state {state['state']}"

    async def is_asked(self, word: str) -> None:
        """We are the provider, and have the connector open the process."""
        self.provides = True
        wanted = {"providerId": NAME, "connectorAddress": self.peer.address}
        if self.kind == "negotiations":
            wanted |= {"datasetId": self.about, "offerId": f"offer{self.about}"}
        else:
            wanted |= {"agreementId": self.about, "format": "HttpData-PULL"}
        status, answer = await self.peer.post(f"/conformance/{self.kind}", wanted)
        assert status in range(200, 300), f"the trigger answered {status} {answer}"
        heard = await self._next(self.about)
        assert heard.path == f"/{self.kind}/request"
        self.their_pid = heard.document["consumerPid"]
        self._check(heard.document, type_=MESSAGES[self.kind][word][1], pids=("consumerPid",))
        heard.answered.set_result(self._state("REQUESTED"))

    async def says(self, word: str) -> None:
        """A message that is legal now."""
        status, answer = await self._say(word)
        assert status in range(200, 300), f"answered {status} {answer}"
        self._check(answer, type_=STATE_TYPE[self.kind])

    async def fails_to_say(self, word: str) -> None:
        """A message that is not."""
        status, answer = await self._say(word)
        assert status in range(400, 500), f"answered {status} {answer}"
        assert status != 404
        assert answer["reason"], "refused without a reason"

    async def hears(self, word: str) -> None:
        """A message of the connector, which gets its answer now."""
        heard = await self._next(self.own_pid)
        path, type_ = MESSAGES[self.kind][word]
        assert heard.path == f"/{self.kind}/{self.own_pid}/{path}", f"heard {heard.path}"
        self._check(heard.document, type_=type_)
        assert heard.document.get("eventType") == EVENTS.get(word)
        heard.answered.set_result({})

    async def sees(self, state: str) -> None:
        """The state at the connector, as soon as it is that one."""
        seen = None
        try:
            async with asyncio.timeout(self.patience_seconds):
                while seen != state:
                    status, answer = await self.peer.get(f"/dsp/2025-1/{self.kind}/{self.their_pid}")
                    if status == 404:  # the connector has not read our answer to its first message yet
                        await asyncio.sleep(POLL_SECONDS)
                        continue
                    assert status == 200, f"answered {status}"
                    self._check(answer, type_=STATE_TYPE[self.kind])
                    seen = answer["state"]
                    await asyncio.sleep(POLL_SECONDS if seen != state else 0)
        except TimeoutError:
            raise AssertionError(f"the state is {seen}") from None

    async def _next(self, box: str) -> Heard:
        try:
            return await asyncio.wait_for(self.peer.box(box).get(), self.patience_seconds)
        except TimeoutError:
            raise AssertionError("nothing came") from None

    async def _say(self, word: str) -> tuple[int, Any]:
        path = MESSAGES[self.kind][word][0]
        return await self.peer.post(f"/dsp/2025-1/{self.kind}/{self.their_pid}/{path}", self._message(word))

    def _message(self, word: str) -> dict[str, Any]:
        pids = {"providerPid": self.own_pid, "consumerPid": self.their_pid}
        if not self.provides:
            pids = {"consumerPid": self.own_pid, "providerPid": self.their_pid}
        message = {
            "@context": [CONTEXT],
            "@id": str(uuid.uuid4()),
            "@type": MESSAGES[self.kind][word][1],
            **{name: pid for name, pid in pids.items() if pid},
            **({"eventType": EVENTS[word]} if word in EVENTS else {}),
        }
        return message | self._content(word)

    def _content(self, word: str) -> dict[str, Any]:
        """What is said beside the pids."""
        policy = {"target": self.about, **USE}
        contents: dict[str, dict[str, Any]] = {
            "offer": {"offer": {"@type": "Offer", "@id": f"offer{self.about}", "assigner": NAME, **policy}},
            "agreement": {
                "agreement": {
                    "@type": "Agreement",
                    "@id": str(uuid.uuid4()),
                    "assigner": NAME,
                    "assignee": self.peer.connector_did,
                    "timestamp": "2026-11-25T10:00:00.123456789Z",
                    **policy,
                }
            },
            "start": {
                "dataAddress": {
                    "@type": "DataAddress",
                    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                    "endpoint": f"{self.peer.address}/data",
                }
            },
            "suspension": {"code": "1"},
            "termination": {"code": "1"},
        }
        if word == "request" and self.kind == "transfers":
            return {"agreementId": self.about, "format": "HttpData-PULL"}
        if word == "request":
            return {"offer": {"@type": "Offer", "@id": f"{self.about}:1", **policy}}
        return contents.get(word, {})

    def _state(self, state: str) -> dict[str, Any]:
        pids = {"providerPid": self.own_pid, "consumerPid": self.their_pid}
        return {"@context": [CONTEXT], "@type": STATE_TYPE[self.kind], **pids, "state": state}

    def _check(self, document: Any, *, type_: str, pids: tuple[str, ...] = ("consumerPid", "providerPid")) -> None:
        """What every message and every state has."""
        assert document["@type"] == type_, f"expected {type_}: {document}"
        assert CONTEXT in document["@context"]
        expected = (self.their_pid, self.own_pid) if self.provides else (self.own_pid, self.their_pid)
        said = tuple(document.get(pid) for pid in ("consumerPid", "providerPid"))
        assert said[: len(pids)] == expected[: len(pids)], f"the pids are {said}, expected {expected}"


@asynccontextmanager
async def listening_peer(*, connector: str, connector_did: str, authorization: str, port: int) -> AsyncIterator[Peer]:
    """A peer at `localhost:port`, for a connector whose public address is `connector`."""
    async with ClientSession() as session:
        peer = Peer(connector, connector_did, authorization, session, address=f"http://localhost:{port}")
        app = web.Application()
        app.router.add_route("POST", "/{path:.*}", peer.take)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield peer
        finally:
            for heard in (box.get_nowait() for box in peer.inbox.values() for _ in range(box.qsize())):
                heard.answered.cancel()
            await runner.cleanup()
