"""The guarded way out, against real servers on loopback, some of which misbehave."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.errors import AddressRefused, DeliveryError
from connector.http import GuardedHttp, Response, is_public
from connector.settings import HttpSettings

Reply = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class ScriptedPeer:
    """A TCP server on loopback: reads one request head and body at a time, answers what the test's function writes."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                await self.reply(self.requests[-1], writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.name}{path}"


@asynccontextmanager
async def serving(reply: Reply, context: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedPeer]:
    peer = ScriptedPeer(reply)
    server = await asyncio.start_server(peer, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()


@asynccontextmanager
async def way_out(*allow: str, **limits: float) -> AsyncIterator[GuardedHttp]:
    http = GuardedHttp(HttpSettings(allow=allow, **limits))  # pyright: ignore[reportArgumentType]
    try:
        yield http
    finally:
        await http.close()


def self_signed_certificate(folder: Path) -> Path:
    """A PEM file with key and certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    path = folder / "certificate.pem"
    path.write_bytes(pem)
    return path


def answer(body: bytes = b"ok", *, status: str = "200 OK", headers: str = "") -> Reply:
    async def reply(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    return reply


def raw(data: bytes, *, close: bool = True) -> Reply:
    async def reply(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return reply


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(address, id=name)
        for name, address in {
            "unspecified": "0.0.0.0",
            "this network": "0.1.2.3",
            "loopback": "127.0.0.1",
            "other loopback": "127.9.9.9",
            "private 10": "10.1.2.3",
            "private 172": "172.16.0.1",
            "private 192": "192.168.1.1",
            "carrier NAT": "100.64.0.1",
            "Alibaba metadata": "100.100.100.200",
            "link-local": "169.254.1.1",
            "metadata": "169.254.169.254",
            "Azure wire server": "168.63.129.16",
            "protocol assignments": "192.0.0.9",
            "documentation": "192.0.2.1",
            "benchmarking": "198.18.0.1",
            "6to4 relay": "192.88.99.1",
            "multicast": "224.0.0.1",
            "global multicast": "239.255.255.250",
            "reserved": "240.0.0.1",
            "broadcast": "255.255.255.255",
            "unspecified v6": "::",
            "loopback v6": "::1",
            "link-local v6": "fe80::1",
            "link-local v6 with zone": "fe80::1%eth0",
            "site-local v6": "fec0::1",
            "unique local v6": "fd00:ec2::254",
            "multicast v6": "ff02::1",
            "IPv4-mapped private": "::ffff:10.0.0.1",
            "IPv4-mapped public": "::ffff:8.8.8.8",
            "IPv4-compatible": "::8.8.8.8",
            "IPv4-translated": "::ffff:0:8.8.8.8",
            "NAT64": "64:ff9b::7f00:1",
            "local NAT64": "64:ff9b:1::7f00:1",
            "6to4": "2002:7f00:1::",
            "Teredo": "2001:0:7f00:1::",
            "documentation v6": "2001:db8::1",
            "newer documentation v6": "3fff::1",
        }.items()
    ],
)
def test_an_address_that_is_not_public_is_seen(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "193.99.144.80", "2606:4700::1111", "2a00:1450:4001::1"])
def test_a_public_address_is_seen(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "127.1",
        "169.254.169.254",
        "10.0.0.1",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
        "[fe80::1]",
    ],
)
async def test_no_spelling_of_a_private_address_is_connected_to(host: str):
    async with serving(answer()) as peer, way_out("elsewhere:1", connect_timeout_seconds=1) as http:
        with pytest.raises(AddressRefused):
            await http.request("GET", f"https://{host}:{peer.port}/")
        assert peer.connections == 0


async def test_an_allow_listed_loopback_peer_is_reached_over_plain_http():
    async with serving(answer(b"hello", headers="X-Kind: test\r\n")) as peer, way_out(peer.name) as http:
        response = await http.request("POST", peer.url("/a?b=c"), headers={"X-Mine": "1"}, body=b"body")
    assert (response.status, response.body, response.headers["x-kind"]) == (200, b"hello", "test")
    assert peer.requests[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert peer.requests[0].endswith(b"\r\n\r\nbody")
    assert b"X-Mine: 1" in peer.requests[0]


async def test_another_port_of_an_allow_listed_host_is_refused():
    async with serving(answer()) as listed, serving(answer()) as other, way_out(listed.name) as http:
        with pytest.raises(AddressRefused, match="plain http is refused"):
            await http.request("POST", other.url())
        with pytest.raises(AddressRefused, match="not a public address") as refused:
            await http.request("POST", f"https://{other.name}/")
        assert other.connections == 0
        assert other.name in (refused.value.hint or "")


async def test_the_allow_list_goes_by_the_host_as_written():
    async with serving(answer()) as peer, way_out(peer.name) as http:
        with pytest.raises(AddressRefused):
            await http.request("GET", f"http://127.0.0.1:{peer.port}/")
        assert peer.connections == 0


async def test_an_allow_listed_peer_does_not_open_the_door_for_others_at_the_same_time():
    async with serving(answer()) as listed, serving(answer()) as other, way_out(listed.name) as http:
        results = await asyncio.gather(
            *(http.request("GET", listed.url()) for _ in range(5)),
            *(http.request("GET", f"https://127.0.0.1:{other.port}/") for _ in range(5)),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [Response] * 5 + [AddressRefused] * 5
    assert other.connections == 0


async def test_plain_http_does_not_leave_the_machine_even_when_allow_listed():
    async with way_out("192.0.2.1:80") as http:
        with pytest.raises(AddressRefused, match="loopback only"):
            await http.request("GET", "http://192.0.2.1/")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://example.org/x", id="other scheme"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("//example.org/x", id="no scheme"),
        pytest.param("/relative", id="no host"),
        pytest.param("", id="empty"),
        pytest.param("https://[::1", id="broken"),
        pytest.param("https://host:99999/", id="port too large"),
        pytest.param("http://example.org/", id="plain http"),
        pytest.param("https://user:s3cret@example.org/", id="credentials"),
    ],
)
async def test_what_is_not_a_plain_https_url_is_refused_and_shows_no_secret(url: str):
    async with way_out() as http:
        with pytest.raises(AddressRefused) as refused:
            await http.request("GET", url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="a private address"),
        pytest.param(["93.184.215.14", "127.0.0.1"], id="a public and a private address"),
        pytest.param(["::ffff:127.0.0.1"], id="a mapped address"),
    ],
)
async def test_a_name_does_not_lead_to_a_private_address(addresses: list[str], monkeypatch: pytest.MonkeyPatch):
    def name_server(_: str, port: int, *__: object, **___: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    async with serving(answer()) as peer, way_out(connect_timeout_seconds=1) as http:
        monkeypatch.setattr(socket, "getaddrinfo", name_server)
        with pytest.raises(AddressRefused, match="not a public address"):
            await http.request("GET", f"https://hostile.example:{peer.port}/")
        assert peer.connections == 0


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed_certificate(tmp_path))
    async with serving(answer(), context) as peer, way_out(peer.name) as http:
        with pytest.raises(DeliveryError, match="certificate is not valid"):
            await http.request("GET", f"https://{peer.name}/")
        assert peer.requests == []


async def test_a_redirect_within_the_origin_is_followed_for_get():
    async def reply(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request.startswith(b"GET /there"):
            await answer(b"arrived")(request, writer)
        else:
            await answer(status="302 Found", headers="Location: /there\r\n")(request, writer)

    async with serving(reply) as peer, way_out(peer.name) as http:
        assert (await http.request("GET", peer.url("/here"))).body == b"arrived"
        assert (await http.request("POST", peer.url("/here"), body=b"x")).status == 302


async def test_a_redirect_to_another_origin_is_refused_also_when_allow_listed():
    async with serving(answer()) as other:
        away = answer(status="307 Temporary Redirect", headers=f"Location: {other.url()}\r\n")
        async with serving(away) as peer, way_out(peer.name, other.name) as http:
            with pytest.raises(AddressRefused, match="another origin"):
                await http.request("GET", peer.url())
        assert other.connections == 0


async def test_an_endless_redirect_ends():
    round_and_round = answer(status="302 Found", headers="Location: /again\r\n")
    async with serving(round_and_round) as peer, way_out(peer.name) as http:
        with pytest.raises(DeliveryError, match="more than 3 redirects"):
            await http.request("GET", peer.url())
    assert len(peer.requests) == 4


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        pytest.param(raw(b""), "closed before the answer", id="nothing"),
        pytest.param(raw(b"\x16\x03\x01garbage\r\n\r\n"), "not HTTP", id="garbage"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "broke off", id="half a body"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "broke off|not HTTP", id="bad chunk"
        ),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), "not HTTP|closed", id="endless headers"),
        pytest.param(answer(b"x" * 2000), "more than 1000 bytes", id="too much, announced"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000), "more than 1000 bytes", id="too much, not announced"
        ),
        pytest.param(answer(b"x", headers="Content-Encoding: gzip\r\n"), "content coding", id="compressed"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", close=False), "in time", id="hangs in the body"
        ),
        pytest.param(raw(b"", close=False), "in time", id="hangs before the answer"),
    ],
)
async def test_a_peer_that_misbehaves_is_a_delivery_error(reply: Reply, problem: str):
    async with serving(reply) as peer, way_out(peer.name, request_timeout_seconds=0.5, max_response_bytes=1000) as http:
        with pytest.raises(DeliveryError, match=problem) as failed:
            await http.request(
                "POST", peer.url("/path?token=s3cret"), headers={"Authorization": "s3cret"}, body=b"s3cret"
            )
    assert failed.value.retry
    assert peer.name in failed.value.message
    assert "s3cret" not in failed.value.message


async def test_a_body_that_drips_for_ever_ends_at_the_time_limit():
    async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as peer, way_out(peer.name) as http:
        started = asyncio.get_running_loop().time()
        with pytest.raises(DeliveryError, match="in time"):
            await http.request("GET", peer.url(), timeout_seconds=0.3)
        assert asyncio.get_running_loop().time() - started < 2


async def test_nobody_listening_is_a_delivery_error_to_be_tried_again():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        name = f"localhost:{unused.getsockname()[1]}"
        async with way_out(name) as http:
            with pytest.raises(DeliveryError, match="not reachable") as failed:
                await http.request("POST", f"http://{name}/x")
    assert failed.value.retry


async def test_requests_share_a_kept_alive_connection():
    async with serving(answer()) as peer, way_out(peer.name) as http:
        for _ in range(5):
            await http.request("POST", peer.url(), body=b"x")
    assert (len(peer.requests), peer.connections) == (5, 1)


async def test_a_post_on_a_connection_that_the_peer_just_closed_is_not_repeated_silently():
    async def once(request: bytes, writer: asyncio.StreamWriter) -> None:
        if peer.requests[1:]:
            writer.close()  # reads the second message, then goes away: nobody knows whether it was acted on
        else:
            await answer()(request, writer)

    async with serving(once) as peer, way_out(peer.name) as http:
        assert (await http.request("POST", peer.url(), body=b"first")).status == 200
        with pytest.raises(DeliveryError, match="closed before the answer") as failed:
            await http.request("POST", peer.url(), body=b"second")
        assert failed.value.retry
    assert [request[-6:] for request in peer.requests] == [b"\nfirst", b"second"]


async def test_a_header_cannot_begin_another_one():
    async with serving(answer()) as peer, way_out(peer.name) as http:
        with pytest.raises(DeliveryError, match="Authorization") as failed:
            await http.request("GET", peer.url(), headers={"Authorization": "Bearer a\r\nX-Admin: 1"})
        assert "X-Admin" not in failed.value.message
    assert peer.requests == []


async def test_proxies_and_cookies_are_not_used(monkeypatch: pytest.MonkeyPatch):
    async with (
        serving(answer()) as proxy,
        serving(answer(headers="Set-Cookie: a=b\r\n")) as peer,
        way_out(peer.name) as http,
    ):
        for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url())
        await http.request("GET", peer.url())
        await http.request("GET", peer.url())
    assert proxy.connections == 0
    assert b"cookie" not in peer.requests[1].lower()


async def test_a_stream_is_read_in_pieces_beyond_the_size_limit():
    body = os.urandom(3_000_000)
    async with (
        serving(answer(body, status="206 Partial Content")) as peer,
        way_out(peer.name, max_response_bytes=1000) as http,
    ):
        async with http.stream("GET", peer.url(), headers={"Range": "bytes=0-"}) as stream:
            assert stream.status == 206
            pieces = [chunk async for chunk in stream.chunks]
        assert b"".join(pieces) == body
        assert len(pieces) > 1
        assert b"Range: bytes=0-" in peer.requests[0]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "broke off", id="breaks off"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=False), "in time", id="falls silent"
        ),
    ],
)
async def test_a_stream_that_breaks_off_is_a_delivery_error(reply: Reply, problem: str):
    async with (
        serving(reply) as peer,
        way_out(peer.name, stream_idle_timeout_seconds=0.3) as http,
        http.stream("GET", peer.url()) as stream,
    ):
        assert await anext(stream.chunks) == b"half"
        with pytest.raises(DeliveryError, match=problem):
            await anext(stream.chunks)


async def test_a_stream_to_a_private_address_is_refused():
    async with serving(answer()) as peer, way_out() as http:
        with pytest.raises(AddressRefused):
            async with http.stream("GET", f"https://127.0.0.1:{peer.port}/"):
                pass
        assert peer.connections == 0


async def test_the_error_of_the_reader_of_a_stream_stays_its_own():
    async with serving(answer(b"data")) as peer, way_out(peer.name) as http:
        with pytest.raises(TimeoutError, match="mine"):
            async with http.stream("GET", peer.url()):
                raise TimeoutError("mine")
