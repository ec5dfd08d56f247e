"""`did:web`: a participant's identifier is a host name, its document lists its keys and services.

https://w3c-ccg.github.io/did-method-web/ (cited as DW) and DID Core 1.0. One deviation, for participants on one
machine: the document of a loopback host is fetched with plain http.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote
from weakref import WeakValueDictionary

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from connector.errors import DeliveryError, InvalidInput
from connector.http import GuardedHttp
from connector.identity.keys import CURVE, SigningKey
from connector.settings import LOOPBACK_HOSTS

DATA_SERVICE = "DataService"  # DSP 2025-1: where the version document is
MEMBERS_SERVICE = "TidegateMembers"  # ours: where an authority's list of members is

MAX_DOCUMENT_BYTES = 256 * 1024  # ours have 1 KiB; room for many keys and services
MAX_CACHED_DOCUMENTS = 4096
FETCH_TIMEOUT_SECONDS = 5.0  # a message waits for it: shorter than what its sender waits for us
# A token with an unknown kid may mean a new key; more often than this nobody can make us look again.
UNKNOWN_KEY_RETRY_SECONDS = 5.0

_HOST = re.compile(r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a DID document; it may be of several types (DID Core 5.4)."""

    id: str
    types: frozenset[str]
    endpoint: str


@dataclass(frozen=True, slots=True)
class DidDocument:
    """What we use of a DID document: P-256 keys for authentication, by kid, and services with one address each."""

    did: str
    keys: Mapping[str, ECKey]
    services: tuple[Service, ...]

    def endpoint(self, service_type: str) -> str:
        """Address of the first service of a type; raises DeliveryError if there is none."""
        for service in self.services:
            if service_type in service.types:
                return service.endpoint
        raise DeliveryError(f"the DID document of {self.did} has no service of type {service_type}")


def did_web_url(did: str) -> str:
    """Where the document of a DID is (DW 2.5.2); raises InvalidInput if it is not a did:web."""
    method, _, name = did.partition("did:web:")
    host_and_port, *segments = name.split(":")
    authority = unquote(host_and_port)
    match = _HOST.fullmatch(authority)
    if method or match is None or len(did) > 512 or not all(_PATH_SEGMENT.fullmatch(segment) for segment in segments):
        raise InvalidInput(
            f"{did[:200]!r} is not a did:web identifier",
            hint="expected did:web:host, or did:web:host%3Aport, as in did:web:connector.example.org",
        )
    scheme = "http" if match["host"].lower() in LOOPBACK_HOSTS else "https"
    path = "/".join(segments) if segments else ".well-known"
    return f"{scheme}://{authority}/{path}/did.json"


def did_document(key: SigningKey, public_url: str, *, authority: bool = False) -> dict[str, Any]:
    """Our own document: one key, the data-space service, and for an authority the list of members."""
    services = [
        {"id": f"{key.did}#dsp", "type": DATA_SERVICE, "serviceEndpoint": f"{public_url}/.well-known/dspace-version"}
    ]
    if authority:
        endpoint = f"{public_url}/authority/members"
        services.append({"id": f"{key.did}#members", "type": MEMBERS_SERVICE, "serviceEndpoint": endpoint})
    method = {"id": key.kid, "type": "JsonWebKey", "controller": key.did, "publicKeyJwk": key.public_jwk()}
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": key.did,
        "verificationMethod": [method],
        "authentication": [key.kid],
        "assertionMethod": [key.kid],
        "capabilityInvocation": [key.kid],
        "service": services,
    }


def parse_did_document(document: Any, did: str) -> DidDocument:
    """Keys and services that can be used; others are left out. Raises DeliveryError if it is not that of `did`."""
    content = _object(document)
    if content.get("id") != did:
        raise DeliveryError(f"the document found for {did} is not its DID document")
    methods = [_object(method) for method in _list(content.get("verificationMethod"))]
    named = {_absolute(did, method.get("id")): method for method in methods}
    keys: dict[str, ECKey] = {}
    for entry in _list(content.get("authentication")):
        method = named.get(_absolute(did, entry), {}) if isinstance(entry, str) else _object(entry)
        key = _public_key(method.get("publicKeyJwk"))
        if key is not None and method.get("controller") == did:
            keys[_absolute(did, method.get("id"))] = key
    return DidDocument(did=did, keys=keys, services=tuple(_services(content.get("service"))))


def _services(value: Any) -> list[Service]:
    found = [_object(entry) for entry in _list(value)]
    return [
        Service(id=str(entry.get("id")), types=_types(entry.get("type")), endpoint=endpoint)
        for entry in found
        if isinstance(endpoint := entry.get("serviceEndpoint"), str)
    ]


def _types(value: Any) -> frozenset[str]:
    return frozenset(kind for kind in [value, *_list(value)] if isinstance(kind, str))


def _public_key(jwk: Any) -> ECKey | None:
    members = _object(jwk)
    if members.get("kty") != "EC" or members.get("crv") != CURVE:
        return None
    try:
        return ECKey.import_key({name: members[name] for name in ("kty", "crv", "x", "y")})
    except (KeyError, ValueError, TypeError, JoseError):
        return None


def _absolute(did: str, reference: Any) -> str:
    """A DID URL; documents may write only the fragment (DID Core 3.2.2)."""
    text = str(reference)
    return did + text if text.startswith("#") else text


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class _Cached:
    document: DidDocument
    fetched_at: float


class DidResolver:
    """Fetches DID documents through the guarded way out and keeps them, parsed, for `cache_seconds`."""

    def __init__(
        self, http: GuardedHttp, *, cache_seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._cache: dict[str, _Cached] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def resolve(self, did: str) -> DidDocument:
        """The document, at most `cache_seconds` old; raises InvalidInput or DeliveryError."""
        return await self._resolve(did, max_age=self._cache_seconds)

    async def find_key(self, did: str, kid: str) -> ECKey | None:
        """The key `kid` of `did`; a key that is not in the kept document makes us look again, but not all the time."""
        key = (await self.resolve(did)).keys.get(kid)
        if key is None:
            key = (await self._resolve(did, max_age=UNKNOWN_KEY_RETRY_SECONDS)).keys.get(kid)
        return key

    async def _resolve(self, did: str, *, max_age: float) -> DidDocument:
        cached = self._fresh(did, max_age)
        if cached is not None:
            return cached
        # One fetch at a time for each DID: whoever waited finds the document of the one before.
        async with self._locks.setdefault(did, asyncio.Lock()):
            cached = self._fresh(did, max_age)
            if cached is not None:
                return cached
            document = await self._fetch(did)
            if len(self._cache) >= MAX_CACHED_DOCUMENTS:
                self._cache.clear()
            self._cache[did] = _Cached(document, self._monotonic())
            return document

    def _fresh(self, did: str, max_age: float) -> DidDocument | None:
        cached = self._cache.get(did)
        return cached.document if cached is not None and self._monotonic() - cached.fetched_at < max_age else None

    async def _fetch(self, did: str) -> DidDocument:
        url = did_web_url(did)
        response = await self._http.request(
            "GET", url, max_bytes=MAX_DOCUMENT_BYTES, timeout_seconds=FETCH_TIMEOUT_SECONDS
        )
        if response.status != 200:
            raise DeliveryError(f"{url} answered {response.status} instead of the DID document of {did}")
        try:
            document = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            raise DeliveryError(f"{url} answered something that is not JSON instead of a DID document") from None
        return parse_did_document(document, did)
