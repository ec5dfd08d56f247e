"""Our own JSON-LD context files, written from the specifications, and expansion with them alone: nothing is fetched.

The wire format needs no JSON-LD (see `wire`); expansion is for comparing meanings and for what is not of the protocol.
The files lie beside this module; reading them is the one thing in this package that touches a file, once.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, cast

import orjson
from pyld import jsonld  # pyright: ignore[reportMissingTypeStubs]  # PyLD has none
from pyld.context_resolver import ContextResolver  # pyright: ignore[reportMissingTypeStubs]

from connector.errors import MalformedMessage
from connector.protocol.checks import json_value, mapping

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "https://w3id.org/dspace/2025/1/context.jsonld": "dspace-2025-1.jsonld",
        "https://w3id.org/dspace/2025/1/odrl-profile.jsonld": "odrl-profile-2025-1.jsonld",
        "https://www.w3.org/ns/did/v1": "did-v1.jsonld",
    }
)


@cache
def contexts() -> Mapping[str, Any]:
    """Each context IRI with its document, `{"@context": …}`."""
    folder = resources.files(__name__)
    return MappingProxyType({iri: orjson.loads((folder / name).read_bytes()) for iri, name in FILES.items()})


def expand(document: Any, *, known: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The expanded form of a document, with our contexts or those in `known`.

    Raises `MalformedMessage` if it is no JSON-LD, or names a context that is not known.
    """
    members = mapping(json_value(document, "message"), "")
    available = contexts() if known is None else known

    _refuse_unknown(members.get("@context"), available)

    def load(iri: str, _options: Any) -> dict[str, Any]:
        if iri not in available:
            raise MalformedMessage(_UNKNOWN.format(iri))
        return {"contextUrl": None, "documentUrl": iri, "document": available[iri]}

    options: Any = {
        "documentLoader": load,
        # PyLD's own resolver shares one cache of processed contexts in the whole process, by IRI alone.
        "contextResolver": ContextResolver({}, load),
        "processingMode": "json-ld-1.1",
    }
    try:
        return cast(list[dict[str, Any]], jsonld.expand(dict(members), options))  # pyright: ignore[reportUnknownMemberType]
    except jsonld.JsonLdError as error:
        raise MalformedMessage(f"message: expected JSON-LD, the processor says {error.type}") from None


_UNKNOWN: Final = "@context: {} is not a known context, and contexts are never fetched"


def _refuse_unknown(context: Any, available: Mapping[str, Any]) -> None:
    """PyLD's own error about a context that is not there does not name it."""
    for entry in cast(list[Any], context if type(context) is list else [context]):
        if type(entry) is str and entry not in available:
            raise MalformedMessage(_UNKNOWN.format(entry))
