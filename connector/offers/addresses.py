"""Where a peer's protocol endpoint is: DID document, version metadata, base address (DSP 2025-1, Version Metadata)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urljoin

from connector.errors import DeliveryError
from connector.http import GuardedHttp
from connector.identity.did import DidResolver
from connector.protocol.wire import decode

VERSION = "2025-1"
WELL_KNOWN = "/.well-known/dspace-version"


@dataclass(slots=True)
class PeerAddresses:
    """Base addresses of peers, remembered for `lifetime_seconds`."""

    http: GuardedHttp
    resolver: DidResolver
    lifetime_seconds: float
    _found: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]], init=False)

    async def dsp_base(self, did: str) -> str:
        """As `find_dsp_base`, remembered."""
        base, until = self._found.get(did, ("", 0.0))
        if time.monotonic() >= until:
            base = await find_dsp_base(self.http, self.resolver, did)
            self._found[did] = base, time.monotonic() + self.lifetime_seconds
        return base


async def find_dsp_base(http: GuardedHttp, resolver: DidResolver, did: str) -> str:
    """The address that a peer's protocol paths are appended to, without a slash at the end.

    DeliveryError says what is missing: the document, its DataService, or the version of the protocol.
    """
    address = version_address(await resolver.resolve(did), did)
    answer = await http.request("GET", address)
    if answer.status != 200:
        raise DeliveryError(f"{address} answered {answer.status}, expected the versions of the protocol")
    path = version_path(decode(answer.body), address)
    root = address.removesuffix(WELL_KNOWN)
    return (urljoin(root + "/", path) if "://" in path else root + "/" + path.strip("/")).rstrip("/")


def version_address(document: Mapping[str, Any], did: str) -> str:
    """The address of the version metadata in a DID document's first DataService."""
    for service in _objects(document.get("service")):
        endpoint = service.get("serviceEndpoint")
        if "DataService" in _listed(service.get("type")) and isinstance(endpoint, str):
            return endpoint if endpoint.endswith(WELL_KNOWN) else endpoint.rstrip("/") + WELL_KNOWN
    raise DeliveryError(
        f"the DID document of {did} has no service of type DataService",
        hint=f"its serviceEndpoint should be an address that ends in {WELL_KNOWN}",
    )


def version_path(document: Any, address: str) -> str:
    """The path of our version of the protocol in a version document."""
    versions = _objects(cast(Mapping[str, Any], document).get("protocolVersions") if _is_object(document) else None)
    for version in versions:
        path = version.get("path")
        if version.get("version") == VERSION and isinstance(path, str):
            return path
    known = ", ".join(sorted(str(version.get("version")) for version in versions)) or "none"
    raise DeliveryError(f"{address}: expected version {VERSION} of the protocol among {known}")


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _listed(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else [value]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in _listed(value) if _is_object(item)]
