"""The version document, and the services of a DID document that lead to it: plain JSON, no JSON-LD types.

`GET <root>/.well-known/dspace-version` is unversioned and unauthenticated (2025-1, Exposure of versions).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from connector.errors import MalformedMessage
from connector.protocol.checks import at, each, json_value, mapping, missing, text
from connector.protocol.messages import DSP_CONTEXT
from connector.protocol.shape import Shape, optional, required
from connector.protocol.wire import parse_context

VERSION: Final = "2025-1"
BINDING: Final = "HTTPS"
BASE_PATH: Final = "/dsp/2025-1"
WELL_KNOWN_PATH: Final = "/.well-known/dspace-version"
DID_CONTEXT: Final = "https://www.w3.org/ns/did/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolVersion:
    """One version that a participant speaks, and where below its root. `auth` is kept as the JSON object it came as."""

    version: str
    path: str
    binding: str = BINDING
    service_id: str | None = None
    identifier_type: str | None = None
    auth: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionResponse:
    """What a participant answers at the well-known address."""

    protocol_versions: tuple[ProtocolVersion, ...]
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def path_of(self, version: str = VERSION) -> str | None:
        """The path of the first entry of `version` over HTTPS; None if the participant does not speak it."""
        entries = (v for v in self.protocol_versions if v.version == version and v.binding == BINDING)
        return next((entry.path for entry in entries), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DidService:
    """An entry of a DID document's `service`: type `DataService` (the version document) or `CatalogService`."""

    id: str
    type: str
    service_endpoint: str
    context: tuple[str, ...] = (DSP_CONTEXT, DID_CONTEXT)
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


OURS: Final = VersionResponse(protocol_versions=(ProtocolVersion(version=VERSION, path=BASE_PATH),))


def parse_versions(document: Any) -> VersionResponse:
    """The model of a version document. Raises `MalformedMessage`."""
    return cast(VersionResponse, _RESPONSE.read(mapping(document, ""), ""))


def render_versions(response: VersionResponse = OURS) -> dict[str, Any]:
    """The version document; ours if not told otherwise."""
    return _plain(_RESPONSE, response)


def parse_did_service(document: Any) -> DidService:
    """The model of a service of a DID document that has its own `@context`. Raises `MalformedMessage`.

    The `DataService` example ends in `/.well-known/dspace-version`, its schema wants `/catalog`: any will do.
    """
    members = mapping(document, "")
    context = parse_context(members)
    return cast(DidService, _SERVICE.read(members, "", context=context))


def render_did_service(service: DidService) -> dict[str, Any]:
    """The service as an entry of a DID document."""
    return {"@context": list(service.context), **_plain(_SERVICE, service)}


def _plain(shape: Shape, value: Any) -> dict[str, Any]:
    document = shape.write(value)
    del document["@type"]
    return document


def _version(value: Any, path: str) -> Any:
    return _VERSION.read(mapping(value, path), path)


def _auth(value: Any, path: str) -> Mapping[str, Any]:
    auth = mapping(json_value(value, path), path)
    for member in ("protocol", "version"):
        if member not in auth:
            missing(at(path, member))
        text(auth[member], at(path, member))
    return auth


def _path(value: Any, path: str) -> str:
    address = text(value, path)
    if not address.startswith("/"):
        raise MalformedMessage(f"{path}: expected a path that starts with /")
    return address


_VERSION = Shape(
    ProtocolVersion,
    required("version", "version"),
    required("path", "path", _path),
    required("binding", "binding"),
    optional("serviceId", "service_id"),
    optional("identifierType", "identifier_type"),
    optional("auth", "auth", _auth, dict),
)
_RESPONSE = Shape(
    VersionResponse,
    required(
        "protocolVersions",
        "protocol_versions",
        lambda value, path: each(value, path, _version),
        lambda versions: [_plain(_VERSION, version) for version in versions],
    ),
)
_SERVICE = Shape(
    DidService, required("id", "id"), required("type", "type"), required("serviceEndpoint", "service_endpoint")
)
