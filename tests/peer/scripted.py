"""A peer that follows a script: it speaks the wire, not our classes, and misbehaves when told to.

It has a DID document, a key and a version document like any participant, records each request it gets, answers
politely, and, where a test said so with `on`, in any other way: late, wrong, too much, not at all, or only after it
has sent something itself.
"""

import asyncio
import hashlib
import uuid
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from connector.identity.tokens import issue_token
from tests.support.loopback import Participant, Site

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
BASE = "/dsp/2025-1"
SILENT = "/silent"
FILE = "/file"
PATIENCE_SECONDS = 8.0

_WORDS = {
    "ContractRequestMessage": "request",
    "ContractOfferMessage": "offer",
    "ContractAgreementMessage": "agreement",
    "ContractAgreementVerificationMessage": "verification",
    "ContractNegotiationTerminationMessage": "termination",
    "TransferRequestMessage": "request",
    "TransferStartMessage": "start",
    "TransferSuspensionMessage": "suspension",
    "TransferCompletionMessage": "completion",
    "TransferTerminationMessage": "termination",
}
_EVENTS = {"ACCEPTED": "acceptance", "FINALIZED": "finalization"}


def new_id() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def message(kind: str, **members: Any) -> dict[str, Any]:
    """A message with an `@id`; `id=None` for one without."""
    document = {"@context": [CONTEXT], "@type": kind, "@id": members.pop("id", new_id()), **members}
    return {name: value for name, value in document.items() if value is not None}


@dataclass
class Received:
    """A request as it came; `word` is what it says, `read` for a GET."""

    method: str
    path: str
    authorization: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return orjson.loads(self.body) if self.body else {}

    @property
    def word(self) -> str:
        if self.method != "POST":
            return "read"
        document = self.document
        return _EVENTS[document["eventType"]] if "eventType" in document else _WORDS[document["@type"]]

    def concerns(self, pid: str) -> bool:
        return pid in self.path or pid in self.body.decode()


@dataclass
class Answer:
    """What the connector answered to us."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return orjson.loads(self.body)

    @property
    def state(self) -> str:
        return self.document["state"]


Reply = Callable[["ScriptedPeer", Received], Awaitable[web.StreamResponse]]


@dataclass
class Script:
    """What the peer does instead of answering politely, word by word, in order."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)

    def next(self, word: str) -> Reply:
        waiting = self.replies.get(word)
        if not waiting:
            return polite
        return waiting.pop(0) if len(waiting) > 1 or waiting[0] not in ALWAYS else waiting[0]


class ScriptedPeer(Site):
    """One peer. `did`, `key`, `base` as of any participant; `connector` is whom it talks to."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__()
        self.session = session
        self.received: list[Received] = []
        self.script = Script()
        self.standing: dict[str, str] = {}
        self.connector = ""
        self.connector_did = ""
        self.released = asyncio.Event()
        self.file: tuple[bytes, str] | None = None

    async def start(self) -> None:
        await super().start()
        self.key = Participant(self).key
        versions = {"protocolVersions": [{"version": "2025-1", "path": BASE, "binding": "HTTPS"}]}
        self.pages["/.well-known/dspace-version"] = orjson.dumps(versions)

    @property
    def base(self) -> str:
        return self.url + BASE

    def forget(self) -> None:
        """As new: nothing received, no script; whoever still waits for an answer gets one."""
        self.received.clear()
        self.standing.clear()
        self.script = Script()
        self.released.set()
        self.released = asyncio.Event()

    # ---- what comes in ----

    def on(self, word: str, *replies: Reply) -> None:
        """Answer the next messages of this word so; politely afterwards."""
        self.script.replies[word] = list(replies)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in {SILENT, FILE}:
            return await self._serve(request)
        if not request.path.startswith(BASE):
            return await super()._answer(request)
        body = await request.read()
        got = Received(request.method, request.path, request.headers.get("Authorization", ""), body)
        self.received.append(got)
        answer = await self.script.next(got.word)(self, got)
        if answer is DROPPED and request.transport is not None:
            request.transport.abort()
        return answer

    def serves_file(self, content: bytes, *, digest_of: bytes | None = None, slowly: bool = False) -> str:
        """Have a file to fetch with the token `their-token`; its path. Slowly: it never comes."""
        digest = b64encode(hashlib.sha256(content if digest_of is None else digest_of).digest()).decode()
        self.file = None if slowly else (content, digest)
        return FILE

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path == SILENT or self.file is None:
            await self.released.wait()
            return web.Response(status=503)
        if request.headers.get("Authorization") != "Bearer their-token":
            return web.Response(status=403)
        content, digest = self.file
        headers = {"Repr-Digest": f"sha-256=:{digest}:", "Content-Disposition": 'attachment; filename="map.nc"'}
        return web.Response(body=content, headers=headers)

    def all(self, word: str, pid: str) -> list[Received]:
        """Every message of this word about this process, in the order of arrival."""
        return [got for got in self.received if got.word == word and got.concerns(pid)]

    async def gets(self, word: str, pid: str, *, times: int = 1) -> Received:
        """Wait for the `times`-th message of this word about this process."""
        await until(lambda: len(self.all(word, pid)) >= times, f"{word} number {times} about {pid}")
        return self.all(word, pid)[times - 1]

    # ---- what goes out ----

    def token(self, body: bytes, **changes: Any) -> str:
        """A fresh token for one message to the connector."""
        facts: dict[str, Any] = {
            "audience": self.connector_did, "now": datetime.now(UTC), "jti": str(uuid.uuid4()), "lifetime_seconds": 60,
        }  # fmt: skip
        return issue_token(changes.pop("key", self.key), body=changes.pop("token_body", body), **facts | changes)

    async def post(self, path: str, document: Mapping[str, Any], *, token: str | None = None) -> Answer:
        """Send a message to the connector, with a fresh token."""
        body = orjson.dumps(document)
        return await self.post_bytes(path, body, token=self.token(body) if token is None else token)

    async def post_bytes(self, path: str, body: bytes, *, token: str) -> Answer:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.session.post(self.connector + path, data=body, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, *, token: str | None = None) -> Answer:
        """Read from the connector."""
        headers = {"Authorization": f"Bearer {self.token(b'') if token is None else token}"}
        async with self.session.get(self.connector + path, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def state_at_the_connector(self, kind: str, pid: str) -> str:
        answer = await self.get(f"/{kind}s/{pid}")
        assert answer.status == 200, answer.body
        return answer.state


async def until(is_so: Callable[[], Any], what: str, *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until something is so; its value."""
    ends = asyncio.get_running_loop().time() + seconds
    while True:
        value = is_so()
        found = await value if isinstance(value, Awaitable) else value
        if found:
            return found
        assert asyncio.get_running_loop().time() < ends, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


# ---- ways to answer ----

DROPPED = web.Response(status=500)


async def polite(peer: ScriptedPeer, got: Received) -> web.StreamResponse:
    """As the protocol says: 201 for a first message, 200 for others, the state for a GET."""
    if got.method == "GET":
        pid = got.path.rpartition("/")[2]
        state = peer.standing.get(pid)
        if state is None:
            return web.json_response({"@type": "ContractNegotiationError", "@context": [CONTEXT]}, status=404)
        kind = "TransferProcess" if "/transfers/" in got.path else "ContractNegotiation"
        return web.json_response(message(kind, consumerPid=pid, providerPid=pid, state=state))
    first = got.path.endswith(("negotiations/request", "negotiations/offers", "transfers/request"))
    return web.json_response(taken(peer, got), status=201 if first else 200)


def taken(peer: ScriptedPeer, got: Received) -> dict[str, Any]:
    """The acknowledgement of a message, with a pid of our own derived from that of the connector, so that it is the
    same for a message that comes twice."""
    pids = {name: got.document.get(name) for name in ("consumerPid", "providerPid")}
    for name, other in (("consumerPid", "providerPid"), ("providerPid", "consumerPid")):
        pids[name] = pids[name] or pid_of(peer, pids[other] or "")
    kind = "TransferProcess" if "/transfers/" in got.path else "ContractNegotiation"
    return message(kind, **pids, state="REQUESTED")


def pid_of(peer: ScriptedPeer, pid: str) -> str:
    """The scripted peer's id for a process that the connector began."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, peer.did + pid)}"


def says(status: int, document: Mapping[str, Any] | bytes = b"") -> Reply:
    """This status, with this body."""

    async def reply(peer: ScriptedPeer, got: Received) -> web.StreamResponse:
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        return web.Response(status=status, body=body, content_type="application/json")

    return reply


def refuses(reason: str = "not now") -> Reply:
    """400 in the protocol's own words."""
    return says(400, message("ContractNegotiationError", code="illegal", reason=[reason]))


async def drops(peer: ScriptedPeer, got: Received) -> web.StreamResponse:
    """The connection is reset, with no answer."""
    return DROPPED


async def is_silent(peer: ScriptedPeer, got: Received) -> web.StreamResponse:
    """No answer, until the test is over."""
    await peer.released.wait()
    return web.Response(status=503)


async def is_away(peer: ScriptedPeer, got: Received) -> web.StreamResponse:
    """503, for as long as the script lasts."""
    return web.Response(status=503)


ALWAYS = (is_away, is_silent)


def first(act: Callable[[Received], Awaitable[Any]], then: Reply = polite) -> Reply:
    """Do something before the message is answered."""

    async def reply(peer: ScriptedPeer, got: Received) -> web.StreamResponse:
        await act(got)
        return await then(peer, got)

    return reply


def later(seconds: float, then: Reply = polite) -> Reply:
    """Answer late."""
    return first(lambda _: asyncio.sleep(seconds), then)


def in_the_past(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
