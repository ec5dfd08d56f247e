"""GET and HEAD of `/data/{transfer}` and `/data/{transfer}/{path}`, for the holder of the transfer's token. Raw ASGI.

The endpoint of a folder is its manifest, with the files below it; a single file is served itself.
"""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

import orjson

from connector.dataplane.answers import Answer, Representation, answer
from connector.dataplane.files import PublishedFile
from connector.dataplane.flows import add_bytes_sent, find_flow
from connector.dataplane.manifest import MEDIA_TYPE, Entry, manifest_digest, render_manifest
from connector.dataplane.model import Flow, ServedFile
from connector.dataplane.stream import InMemory, Message, Receive, Send, Sending, Source
from connector.dataplane.tokens import check_claims, verify_data_token
from connector.dataplane.watch import FlowWatch, IsMember
from connector.db import Connection, Pool, connection
from connector.errors import ConnectorError, NotAuthorized, UnknownProcess
from connector.identity.keys import SigningKey
from connector.settings import DataPlaneSettings
from connector.telemetry import Event, log

PREFIX = "/data/"

# Lists of files that are kept between requests: a folder of ten thousand files must not be listed ten thousand times.
CACHED_LISTS = 8

FilesOf = Callable[[Connection, str, int], Awaitable[Sequence[ServedFile]]]


def endpoint_of(public_url: str, transfer: str) -> str:
    """The address under which the data of a transfer is fetched."""
    return f"{public_url}{PREFIX}{quote(transfer, safe=':')}"


class DataPlane:
    """The ASGI application; `files_of(conn, offering, version)` lists what an offering consists of."""

    def __init__(
        self,
        *,
        key: SigningKey,
        pool: Pool,
        files_of: FilesOf,
        is_member: IsMember,
        watch: FlowWatch,
        settings: DataPlaneSettings,
    ) -> None:
        self._key = key
        self._pool = pool
        self._files = FileLists(files_of)
        self._is_member = is_member
        self._watch = watch
        self._settings = settings

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        method: str = scope["method"]
        try:
            if method not in {"GET", "HEAD"}:
                await _send_error(send, method, 405, {"code": "method_not_allowed", "message": "GET or HEAD"})
                return
            await self._serve(scope, receive, send)
        except ConnectorError as error:
            await _send_error(send, method, error.status, error.as_json())

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        fields = _fields(scope)
        transfer, _, path = str(scope["path"]).removeprefix(PREFIX).partition("/")
        claims = verify_data_token(self._key, fields.get("authorization"))
        async with connection(self._pool) as conn:
            found = await find_flow(conn, transfer=transfer)
            flow = check_claims(claims, transfer=transfer, flow=found, now=datetime.now(UTC))
            if not await self._is_member(flow.consumer):
                raise NotAuthorized(f"{flow.consumer} is no longer a member of this data space")
            representation, source = await self._open(conn, flow, path)
        try:
            reply = answer(
                scope["method"],
                fields,
                representation,
                boundary=secrets.token_hex(16),
                max_ranges=self._settings.max_ranges,
            )
            await self._reply(reply, scope["method"], flow, source, receive, send)
        finally:
            source.close()

    async def _open(self, conn: Connection, flow: Flow, path: str) -> tuple[Representation, Source]:
        files = await self._files.load(conn, flow)
        if not path and flow.kind == "folder":
            return _manifest(files)
        if path and flow.kind == "file":
            raise UnknownProcess(f"there is nothing below {flow.endpoint}: it is a single file")
        served = next(iter(files.values()), None) if flow.kind == "file" else files.get(path)
        if served is None:
            raise UnknownProcess(f"there is no file {path[:200]!r} in this offering")
        try:
            source = await PublishedFile.open(served)
        except ConnectorError:
            # The list may be older than the last look at the files: publishing equal content again notes new times.
            fresh = (await self._files.load(conn, flow, again=True)).get(served.path)
            if fresh is None or fresh == served:
                raise
            served, source = fresh, await PublishedFile.open(fresh)
        name = served.path.rpartition("/")[2]
        return Representation(name, served.media_type, served.bytes, served.sha256), source

    async def _reply(  # noqa: PLR0917 -- what an ASGI answer consists of
        self, reply: Answer, method: str, flow: Flow, source: Source, receive: Receive, send: Send
    ) -> None:
        if method == "HEAD" or not reply.parts:
            await _send_start(send, reply)
            await send({"type": "http.response.body", "body": b""})
            return
        sending = Sending(source, reply.parts, chunk_bytes=self._settings.chunk_bytes)
        with self._watch.stream(flow.transfer, flow.jti, flow.consumer) as watched:
            await _send_start(send, reply)
            reason = await sending.run(receive, send, watched=watched, expires_at=flow.expires_at)
        if reason is not None:
            log.info(Event.STREAM_CUT, transfer=flow.transfer, sent=sending.sent, reason=reason)
        await self._note(flow, sending.sent)

    async def _note(self, flow: Flow, sent: int) -> None:
        try:
            async with connection(self._pool) as conn:
                await add_bytes_sent(conn, transfer=flow.transfer, sent=sent)
        except ConnectorError as error:
            # A figure for people; what was delivered is proven by the consumer's digest. The answer is out already.
            log.warning(Event.DATABASE_AWAY, transfer=flow.transfer, error=error.code)


class FileLists:
    """The files of the versions that were asked for last: a published version does not change."""

    def __init__(self, files_of: FilesOf) -> None:
        self._files_of = files_of
        self._lists: OrderedDict[tuple[str, int], dict[str, ServedFile]] = OrderedDict()

    async def load(self, conn: Connection, flow: Flow, *, again: bool = False) -> Mapping[str, ServedFile]:
        """The files by path; raises UnknownProcess if the version has none."""
        version = (flow.offering, flow.version)
        if again or version not in self._lists:
            files = await self._files_of(conn, *version)
            if not files:
                raise UnknownProcess(f"offering {flow.offering}, version {flow.version}, has no files")
            self._lists[version] = {file.path: file for file in sorted(files, key=lambda file: file.path)}
        self._lists.move_to_end(version)
        while len(self._lists) > CACHED_LISTS:
            self._lists.popitem(last=False)
        return self._lists[version]


def _manifest(files: Mapping[str, ServedFile]) -> tuple[Representation, Source]:
    body = render_manifest(Entry(file.path, file.bytes, file.sha256) for file in files.values())
    return Representation("manifest.json", MEDIA_TYPE, len(body), manifest_digest(body)), InMemory(body)


def _fields(scope: Message) -> dict[str, str]:
    """Header fields by lower-case name; repeated ones are one list (RFC 9110, 5.2)."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


async def _send_start(send: Send, reply: Answer) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.fields]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


async def _send_error(send: Send, method: str, status: int, error: Mapping[str, str]) -> None:
    body = orjson.dumps(error)
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    if status == HTTPStatus.UNAUTHORIZED:
        fields.append(("WWW-Authenticate", "Bearer"))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        fields.append(("Allow", "GET, HEAD"))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        fields.append(("Retry-After", "1"))
    await _send_start(send, Answer(status, fields))
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
