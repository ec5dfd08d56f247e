"""Where a peer's protocol endpoint is: DID document, version metadata, base address (DSP 2025-1, Version Metadata)."""

import time
from dataclasses import dataclass, field

from connector.errors import DeliveryError, MalformedMessage
from connector.http import GuardedHttp
from connector.identity.did import DATA_SERVICE, DidResolver
from connector.protocol.versions import VERSION, WELL_KNOWN_PATH, parse_versions
from connector.protocol.wire import decode


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
    """The address that the paths of the protocol are appended to, without a slash at the end.

    InvalidInput: not a DID we can resolve. DeliveryError: what is missing of document, service and version.
    """
    document = await resolver.resolve(did)
    root = document.endpoint(DATA_SERVICE).removesuffix(WELL_KNOWN_PATH).rstrip("/")
    address = root + WELL_KNOWN_PATH
    answer = await http.request("GET", address)
    if answer.status != 200:
        raise DeliveryError(f"{address} answered {answer.status}, expected the versions of the protocol")
    try:
        path = parse_versions(decode(answer.body)).path_of(VERSION)
    except MalformedMessage as error:
        raise DeliveryError(f"{address} did not answer with the versions of the protocol: {error.message}") from None
    if path is None:
        raise DeliveryError(f"{did} does not speak version {VERSION} of the protocol (see {address})")
    return root + path.rstrip("/")
