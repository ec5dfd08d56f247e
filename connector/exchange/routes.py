"""What the peer-facing routes of both protocols share: read, verify, parse, answer, and then make the first attempt."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar, cast

import orjson
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from connector.errors import ConnectorError, MalformedMessage, UnknownProcess
from connector.exchange.model import Inbound, Kind, Party, Process
from connector.exchange.record import content_digest
from connector.exchange.service import Exchange
from connector.identity.verify import Peer, PeerRequest, Verifier
from connector.protocol import messages as m
from connector.protocol.wire import decode, encode, parse_message
from connector.telemetry import Event, log

M = TypeVar("M", bound=m.Document)
# Ids are indexed, and PostgreSQL indexes no value above some 2,700 bytes. Nobody's ids come near.
MAX_ID_BYTES = 1000
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Surface:
    """The way in: everything a route needs to turn a request into a verified message."""

    exchange: Exchange
    verifier: Verifier
    max_message_bytes: int

    async def read(self, request: Request) -> tuple[Peer, dict[str, Any], bytes]:
        """The verified peer, and the body as JSON and as it came. The token is still to be used up, with the step."""
        body = await read_body(request, limit=self.max_message_bytes)
        peer = await self.verifier.verify_peer(PeerRequest(request.headers.get("authorization"), body), consume=False)
        try:
            return peer, decode_object(body), body
        except ConnectorError:
            await self.verifier.use_token(peer)
            raise

    async def peer_of(self, request: Request) -> Peer:
        """The verified sender of a request without body."""
        return await self.verifier.verify_peer(PeerRequest(request.headers.get("authorization"), b""))


def inbound_of(
    peer: Peer,
    document: dict[str, Any],
    body: bytes,
    *,
    word: str,
    message_id: str | None,
    peer_pid: tuple[str, Party] | None = None,
) -> Inbound:
    """A message as the exchange takes it; `peer_pid` as from `peer_pid_of`, None for a first message."""
    _check_ids(document)
    return Inbound(
        message=word,
        body=body,
        message_id=message_id,
        content_digest=content_digest(document),
        peer_pid=peer_pid and peer_pid[0],
        sender=peer,
        role=peer_pid and peer_pid[1],
    )


def _check_ids(document: dict[str, Any]) -> None:
    agreement = document.get("agreement")
    nested = cast("dict[str, Any]", agreement) if isinstance(agreement, dict) else dict[str, Any]()
    ids = {name: document.get(name) for name in ("@id", "consumerPid", "providerPid")}
    for name, value in {**ids, "agreement.@id": nested.get("@id")}.items():
        if isinstance(value, str) and len(value.encode()) > MAX_ID_BYTES:
            raise MalformedMessage(f"{name}: longer than {MAX_ID_BYTES} bytes, the limit of this participant")


def peer_pid_of(path_pid: str, message: Any, kind: Kind) -> tuple[str, Party]:
    """The sender's pid, which is the one that is not in the path, and the role in which it stands in the message."""
    provider_pid, consumer_pid = message.provider_pid, message.consumer_pid
    if path_pid not in {provider_pid, consumer_pid}:
        raise UnknownProcess(f"there is no {kind} {path_pid} with the pids of this message")
    if provider_pid is None or consumer_pid is None:
        raise MalformedMessage("message: expected consumerPid and providerPid")
    return (consumer_pid, "consumer") if path_pid == provider_pid else (provider_pid, "provider")


async def read_body(request: Request, *, limit: int) -> bytes:
    """The whole body, `limit` bytes at most."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise MalformedMessage(f"body: larger than {limit} bytes, the limit of this participant")
    except ClientDisconnect:  # nobody reads the answer; it is no fault of ours, and the log says what it was
        raise MalformedMessage("body: broke off, the sender closed the connection") from None
    return bytes(body)


def decode_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    document: Any = decode(body)
    if not isinstance(document, dict):
        raise MalformedMessage("body: expected a JSON object")
    if b"\\u0000" in body:  # PostgreSQL stores no NUL in text
        raise MalformedMessage("body: the character U+0000 is not accepted")
    return cast("dict[str, Any]", document)


def parse(document: dict[str, Any], expected: type[M]) -> M:
    """The document as one kind of message."""
    return parse_message(document, expected=expected)


def acknowledgement(exchange: Exchange, process: Process, state: m.Document, *, status: int) -> Response:
    """The answer to a message; what the process has to send next is attempted once it is written."""

    async def attempt() -> None:
        exchange.attempt(process)

    follows = BackgroundTask(attempt) if process.outbound is not None else None
    return Response(encode(state), status_code=status, media_type="application/json", background=follows)


def standing(state: m.Document) -> Response:
    """The answer to a GET."""
    return Response(encode(state), media_type="application/json")


def refusal(error: ConnectorError, body: m.Document) -> Response:
    """An error in the protocol's own words."""
    log.info(Event.MESSAGE_REFUSED, code=error.code, status=error.status, reason=error.message)
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
    return Response(encode(body), status_code=error.status, headers=headers, media_type="application/json")


def reasons(error: ConnectorError) -> tuple[str, ...]:
    """Message and hint, for the `reason` of an error body."""
    return (error.message, error.hint) if error.hint else (error.message,)


class Pids(TypedDict):
    """Both ids of a process, as messages have them."""

    consumer_pid: str | None
    provider_pid: str | None


def pids_in(body: bytes) -> Pids:
    """The pids a refused message named, as far as it can be read: error bodies repeat them."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    members = cast("dict[str, Any]", document) if isinstance(document, dict) else dict[str, Any]()
    return Pids(consumer_pid=_text(members.get("consumerPid")), provider_pid=_text(members.get("providerPid")))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
