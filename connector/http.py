"""The one guarded way out: every request to an address that a peer, a document or a user supplied.

Who may name an address may also name one inside our own network (server-side request forgery). The rules:

1. `https` only; plain `http` only to loopback, and only if the URL's host:port is on the allow list.
2. An address that is not public is refused unless the URL's host:port, as written, is on the allow list. The check is
   made on the address that is really connected to: in the resolver (the names) and in the socket factory (everything,
   also address literals, which aiohttp never shows to a resolver).
3. Redirects are followed to the same origin only, for GET and HEAD, three at most.
4. Answers are bounded in bytes and time, and never decompressed (a small answer must not become a big one).
5. No proxy, no cookies, no credentials from the environment or from the URL.

Nothing is retried here: a POST that failed, also one on a kept-alive connection that the peer had just closed, is a
DeliveryError, and the caller decides. (aiohttp itself repeats a GET once in that case.)
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from connector.errors import AddressRefused, DeliveryError
from connector.settings import HttpSettings
from connector.telemetry import Event, log

MAX_REDIRECTS = 3
# Kept-alive connections: enough for all members of a data space; a peer that never answers holds at most its share.
MAX_CONNECTIONS = 256
MAX_CONNECTIONS_PER_PEER = 64
KEEP_ALIVE_SECONDS = 15.0
# What asyncio reads from a socket at once; a stream whose reader is slow holds at most twice this.
STREAM_BUFFER_BYTES = 256 * 1024

# Public to ipaddress, but not a place on the public Internet:
_NOT_PUBLIC_V4 = (
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments, RFC 6890
    IPv4Network("168.63.129.16/32"),  # Azure's metadata and wire server
    IPv4Network("192.88.99.0/24"),  # 6to4 relay anycast, RFC 7526
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 2.4; leaves out IPv4-mapped and -compatible, NAT64, site-local
_NOT_PUBLIC_V6 = (
    IPv6Network("2002::/16"),  # 6to4, RFC 3056: carries an IPv4 address
    IPv6Network("3fff::/20"),  # documentation, RFC 9637; Python 3.11 does not know it
)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: `headers` are case-insensitive, `body` is as sent (no content coding)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is read piece by piece; `chunks` raises DeliveryError when it breaks off."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class _Destination:
    """What the URL of the request under way may connect to."""

    allow_listed: bool
    loopback_only: bool


# The socket factory sees an address, not the URL it belongs to; aiohttp runs it in the context of the request.
_destination: ContextVar[_Destination] = ContextVar("destination")


class _Blocked(OSError):  # noqa: N818 -- the errors of the connector are named after what happened
    """Travels through aiohttp, which wraps each OSError of a connection attempt."""


def is_public(address: str) -> bool:
    """Whether an IP address (with or without a zone) belongs to a host on the public Internet."""
    ip = ip_address(address)
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_V4)
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _NOT_PUBLIC_V6)


def _check_address(address: str) -> None:
    destination = _destination.get()
    if destination.loopback_only and not ip_address(address).is_loopback:
        raise _Blocked(f"plain http is for loopback only, and the address is {address}")
    if not destination.allow_listed and not is_public(address):
        raise _Blocked(f"{address} is not a public address")


def _guarded_socket(info: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, address = info
    _check_address(address[0])
    return socket.socket(family, kind, protocol)


class _GuardedResolver(AbstractResolver):
    """Refuses a name if any of its addresses is refused: a name that mixes public and private ones is not honest."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            _check_address(result["host"])
        return results

    async def close(self) -> None:
        await self._inner.close()


class GuardedHttp:
    """The outbound client with its pool of kept-alive connections; one per process, closed at the end."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._allow = frozenset(entry.lower() for entry in settings.allow)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int | None = None,
        timeout_seconds: float | None = None,
    ) -> Response:
        """Send and read the whole answer, whatever its status.

        `max_bytes` and `timeout_seconds` (whole exchange, redirects included) default to the settings. Raises
        AddressRefused when the guard says no, DeliveryError when there is no whole answer.
        """
        limit = self._settings.max_response_bytes if max_bytes is None else max_bytes
        seconds = self._settings.request_timeout_seconds if timeout_seconds is None else timeout_seconds
        target = self._check_url(url)
        with _delivery_errors(method, target):
            async with asyncio.timeout(seconds):
                answer = await self._send(method, target, headers, body, self._timeout(idle=None))
                try:
                    return Response(answer.status, answer.headers, await _read(answer, limit))
                finally:
                    answer.close()  # without effect once the body was read: the connection is back in the pool

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Stream]:
        """Send and hand out the answer's body in pieces; the time limit is between two reads, not on the whole."""
        target = self._check_url(url)
        with _delivery_errors(method, target):
            timeout = self._timeout(idle=self._settings.stream_idle_timeout_seconds)
            answer = await self._send(method, target, headers, None, timeout)
        try:
            yield Stream(answer.status, answer.headers, _chunks(answer, method, target))
        finally:
            answer.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _check_url(self, url: str) -> URL:
        try:
            parsed = URL(url)
            host, port = parsed.host, parsed.port
        except ValueError:
            raise _refused("the address is not a URL", hint="expected https://host[:port]/path") from None
        if parsed.scheme not in {"http", "https"} or not host or port is None:
            raise _refused(f"{_shown(parsed)}: expected https://host[:port]/path")
        if parsed.user is not None or parsed.password is not None:
            raise _refused(f"{_shown(parsed)}: a URL with credentials in it is refused")
        if parsed.scheme == "http" and not self._is_allowed(parsed):
            raise _refused(
                f"{_shown(parsed)}: plain http is refused",
                hint="use https, or allow a loopback host:port in TIDEGATE_HTTP__ALLOW",
            )
        return parsed.with_fragment(None)

    def _is_allowed(self, url: URL) -> bool:
        return _host_and_port(url) in self._allow

    def _timeout(self, *, idle: float | None) -> aiohttp.ClientTimeout:
        connect = self._settings.connect_timeout_seconds
        # `connect` also bounds the wait for a free connection; a whole request is bounded by its caller.
        return aiohttp.ClientTimeout(total=None, connect=idle, sock_connect=connect, sock_read=idle)

    async def _send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- aiohttp's limits on connecting and reading, not one on this call
    ) -> aiohttp.ClientResponse:
        _refuse_line_breaks(headers or {})
        _destination.set(_Destination(allow_listed=self._is_allowed(url), loopback_only=url.scheme == "http"))
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._client().request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            )
            try:
                following = _following(answer)
            except DeliveryError:
                answer.close()
                raise
            if following is None:
                return answer
            answer.release()
            url = following
        raise DeliveryError(f"{_shown(url)}: more than {MAX_REDIRECTS} redirects")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:  # at first use: aiohttp wants the running loop
            pool = aiohttp.TCPConnector(
                resolver=_GuardedResolver(),
                socket_factory=_guarded_socket,
                limit=MAX_CONNECTIONS,
                limit_per_host=MAX_CONNECTIONS_PER_PEER,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
            )
            self._session = aiohttp.ClientSession(
                connector=pool,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "tidegate", "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
                read_bufsize=STREAM_BUFFER_BYTES,
            )
        return self._session


def _following(answer: aiohttp.ClientResponse) -> URL | None:
    """The address to go on to, or None if this is the answer.

    A redirected POST is left to the caller: sending it elsewhere may do its work twice.
    """
    coding = answer.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise DeliveryError(f"{_shown(answer.url)} answered with a content coding, which was not asked for")
    location = answer.headers.get("Location")
    if answer.status not in {301, 302, 303, 307, 308} or answer.method not in {"GET", "HEAD"} or location is None:
        return None
    try:
        following = answer.url.join(URL(location)).with_fragment(None)
        same_origin = following.origin() == answer.url.origin() and following.user is None
    except ValueError:
        raise DeliveryError(f"{_shown(answer.url)} redirects to something that is not a URL") from None
    if not same_origin:
        raise _refused(f"{_shown(answer.url)} redirects to {_shown(following)}: another origin, not followed")
    return following


def _refuse_line_breaks(headers: Mapping[str, str]) -> None:
    """A header may hold a token that a peer chose: it must not begin a new header (RFC 9110, 5.5)."""
    for name, value in headers.items():
        if any(character in value for character in "\r\n\0"):
            raise DeliveryError(f"the value for the header {name} has characters that HTTP does not allow")


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    if (answer.content_length or 0) <= limit or answer.method == "HEAD":
        while piece := await answer.content.readany():
            size += len(piece)
            if size > limit:
                break
            pieces.append(piece)
        else:
            return b"".join(pieces)
    raise DeliveryError(f"{_shown(answer.url)} answered with more than {limit} bytes")


async def _chunks(answer: aiohttp.ClientResponse, method: str, url: URL) -> AsyncGenerator[bytes]:
    while True:
        with _delivery_errors(method, url):
            chunk = await answer.content.readany()
        if not chunk:
            return
        yield chunk


@contextmanager
def _delivery_errors(method: str, url: URL) -> Generator[None]:
    """Errors of aiohttp as ours; the message names method, host and path, never the query, headers or body."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        where = f"{method} {_shown(url)}"
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _Blocked):
            raise _refused(
                f"{where}: {error.os_error}",
                hint=f"if it is meant to be reached, add {_host_and_port(url)} to TIDEGATE_HTTP__ALLOW",
            ) from None
        if isinstance(error, aiohttp.InvalidURL):
            raise _refused(f"{where}: the address is not a URL of HTTP") from None
        raise DeliveryError(f"{where}: {_reason(error)}") from None


def _refused(message: str, *, hint: str | None = None) -> AddressRefused:
    """Each refusal is logged: it is a mistake in the settings, or somebody trying doors."""
    log.warning(Event.ADDRESS_REFUSED, problem=message)
    return AddressRefused(message, hint=hint)


def _reason(error: Exception) -> str:  # noqa: PLR0911 -- a table of error kinds, most special first
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not valid ({error.certificate_error})"
        case aiohttp.ClientConnectorError():
            return f"not reachable ({error.os_error.strerror or error.os_error})"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "the connection was closed before the answer"
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP"
        case _:
            return f"the exchange failed ({type(error).__name__})"


def _host_and_port(url: URL) -> str:
    host = f"[{url.host}]" if ":" in (url.host or "") else url.host
    return f"{host}:{url.port}"


def _shown(url: URL) -> str:
    """The URL for a message: without user, password, query and fragment, where secrets travel."""
    if not url.host:
        return repr(str(url.with_query(None))[:200])
    return f"{url.scheme}://{_host_and_port(url)}{url.raw_path}"[:300]
