"""JSON to model and back, in the compact form that the schemas of the Dataspace Protocol 2025-1 define.

One table says, for each message, which members it has, whether they are required, and what each must be. camelCase
exists only here. There is no JSON-LD processing: the specification lets a connector treat it as plain JSON.

Lenient where peers are known to differ: members that are not in the table are kept in `extra`, further contexts in
`context`, a message needs no `@id`, errors need no pids, and the lists of a catalogue may be empty. Strict in all else.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast, overload

import orjson

from connector.errors import MalformedMessage
from connector.protocol import messages as m
from connector.protocol.catalog_shape import access_distribution, data_service
from connector.protocol.checks import each, json_value, listed, mapping, missing, refuse, string, text, typed, url
from connector.protocol.negotiation import NegotiationState
from connector.protocol.policy_shape import agreement, catalog_offer, message_offer
from connector.protocol.shape import ABSENT, Check, Member, Render, Shape, optional, required, word
from connector.protocol.transfer import TransferState

D = TypeVar("D", bound=m.Document)


# ---- checks of members ----


def _reasons(value: Any, path: str) -> tuple[Any, ...]:
    return tuple(listed(json_value(value, path), path))


def _any_list(value: Any, path: str) -> tuple[Any, ...]:
    if type(value) is not list:
        refuse(path, "a list", value)
    return tuple(cast(list[Any], json_value(value, path)))


def _purposes(value: Any, path: str) -> tuple[str, ...]:
    return (text(value, path),) if type(value) is str else each(value, path, text)


def _each(check: Check) -> Check:
    return lambda value, path: each(value, path, check)


def _each_if_any(check: Check) -> Check:
    return lambda value, path: () if value == [] else each(value, path, check)


def _an(shape: Shape) -> Check:
    """An object of this shape, which must say so in its `@type`."""

    def check(value: Any, path: str) -> Any:
        document = mapping(value, path)
        typed(document, path, shape.name)
        return shape.read(document, path)

    return check


def _nested(model: type[m.Document]) -> Check:
    """A dataset or catalogue inside a catalogue: there the schema does not ask for `@type`."""

    def check(value: Any, path: str) -> Any:
        shape = SHAPES[model]
        document = mapping(value, path)
        if "@type" in document:
            typed(document, path, shape.name)
        return shape.read(document, path)

    return check


# ---- how members are written ----


def _written(shape: Shape) -> Render:
    return lambda values: [shape.write(value) for value in values]


def _nested_written(model: type[m.Document]) -> Render:
    return lambda values: [SHAPES[model].write(value) for value in values]


def _copies(values: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    return [dict(value) for value in values]


# ---- the table ----

_ID = optional("@id", "id")
_CONSUMER = required("consumerPid", "consumer_pid")
_PROVIDER = required("providerPid", "provider_pid")
_MAYBE_CONSUMER = optional("consumerPid", "consumer_pid")
_MAYBE_PROVIDER = optional("providerPid", "provider_pid")
_MAYBE_CALLBACK = optional("callbackAddress", "callback_address", url)
_OFFER = required("offer", "offer", message_offer, dict)
_PURPOSE = optional(m.DECLARED_PURPOSE, "declared_purpose", _purposes, list)
_CODE = optional("code", "code", string)
_REASON = optional("reason", "reason", _reasons, list)
_FILTER = Member("filter", "filter", _any_list, required=False, render=list, keep_empty=True)
_EVENT = required("eventType", "event_type", word(m.EventType), str)
_NEGOTIATION_STATE = required("state", "state", word(NegotiationState, but=(NegotiationState.NEW,)), str)
_TRANSFER_STATE = required("state", "state", word(TransferState, but=(TransferState.NEW,)), str)

_PROPERTY = Shape(m.EndpointProperty, required("name", "name"), required("value", "value", string))
_ADDRESS = Shape(
    m.DataAddress,
    required("endpointType", "endpoint_type"),
    optional("endpoint", "endpoint"),
    optional("endpointProperties", "endpoint_properties", _each(_an(_PROPERTY)), _written(_PROPERTY)),
)
_DATA_ADDRESS = optional("dataAddress", "data_address", _an(_ADDRESS), _ADDRESS.write)

_PIDS = (_ID, _PROVIDER, _CONSUMER)
_ENDING = (*_PIDS, _CODE, _REASON)
_REFUSAL = (_ID, _MAYBE_PROVIDER, _MAYBE_CONSUMER, _CODE, _REASON)

_TABLE: Final = (
    Shape(m.CatalogRequestMessage, _ID, _FILTER),
    Shape(m.DatasetRequestMessage, _ID, required("dataset", "dataset")),
    Shape(
        m.Dataset,
        required("@id", "id"),
        required("hasPolicy", "has_policy", _each(catalog_offer), _copies),
        required("distribution", "distribution", _each(access_distribution), _copies),
    ),
    Shape(
        m.Catalog,
        required("@id", "id"),
        optional("participantId", "participant_id"),
        optional("service", "service", _each_if_any(data_service), _copies),
        optional("distribution", "distribution", _each_if_any(access_distribution), _copies),
        optional("dataset", "dataset", _each_if_any(_nested(m.Dataset)), _nested_written(m.Dataset)),
        optional("catalog", "catalog", _each_if_any(_nested(m.Catalog)), _nested_written(m.Catalog)),
    ),
    Shape(m.CatalogError, _ID, _CODE, _REASON),
    Shape(
        m.ContractRequestMessage,
        *(_ID, _MAYBE_PROVIDER, _CONSUMER, _OFFER, _MAYBE_CALLBACK, _PURPOSE),
        one_of=("callbackAddress", "providerPid"),
    ),
    Shape(
        m.ContractOfferMessage,
        *(_ID, _PROVIDER, _MAYBE_CONSUMER, _OFFER, _MAYBE_CALLBACK),
        one_of=("callbackAddress", "consumerPid"),
    ),
    Shape(m.ContractAgreementMessage, *_PIDS, required("agreement", "agreement", agreement, dict)),
    Shape(m.ContractAgreementVerificationMessage, *_PIDS),
    Shape(m.ContractNegotiationEventMessage, *_PIDS, _EVENT),
    Shape(m.ContractNegotiationTerminationMessage, *_ENDING),
    Shape(m.ContractNegotiation, *_PIDS, _NEGOTIATION_STATE),
    Shape(m.ContractNegotiationError, *_REFUSAL),
    Shape(
        m.TransferRequestMessage,
        *(_ID, _CONSUMER, required("agreementId", "agreement_id"), required("format", "format"), _DATA_ADDRESS),
        required("callbackAddress", "callback_address", url),
    ),
    Shape(m.TransferStartMessage, *_PIDS, _DATA_ADDRESS),
    Shape(m.TransferSuspensionMessage, *_ENDING),
    Shape(m.TransferCompletionMessage, *_PIDS),
    Shape(m.TransferTerminationMessage, *_ENDING),
    Shape(m.TransferProcess, *_PIDS, _TRANSFER_STATE),
    Shape(m.TransferError, *_REFUSAL),
)
SHAPES: Final[dict[type[Any], Shape]] = {shape.model: shape for shape in _TABLE}
_BY_NAME: Final = {shape.name: shape for shape in _TABLE}


# ---- parse ----


@overload
def parse_message(document: Any, *, expected: type[D]) -> D: ...
@overload
def parse_message(document: Any, *, expected: None = None) -> m.Document: ...
def parse_message(document: Any, *, expected: type[D] | None = None) -> m.Document:
    """The model of a decoded JSON document; any message of the protocol if `expected` is None.

    Raises `MalformedMessage`, and nothing else, naming the JSON path and what was expected there.
    """
    members = mapping(document, "")
    context = parse_context(members)
    shape = _expected_shape(members, expected)
    message = shape.read(members, "", context=context)
    if shape.model is m.Catalog and message.participant_id is None:
        missing("participantId")  # optional only in a nested catalogue
    return message


@overload
def parse_body(body: bytes, *, expected: type[D]) -> D: ...
@overload
def parse_body(body: bytes, *, expected: None = None) -> m.Document: ...
def parse_body(body: bytes, *, expected: Any = None) -> m.Document:
    """As `parse_message`, from the bytes of a request or response body."""
    return parse_message(decode(body), expected=expected)


def decode(body: bytes) -> Any:
    """The JSON document in `body`. Raises `MalformedMessage` if it is none, with the position."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedMessage(f"body: expected a JSON document; {error}") from None


def parse_context(members: Mapping[str, Any]) -> tuple[str, ...]:
    """The `@context`: a list of IRIs, the protocol's among them. EDC adds one of its own."""
    context = members.get("@context", ABSENT)
    if context is ABSENT:
        missing("@context")
    if context == [m.DSP_CONTEXT]:
        return _OURS
    contexts = each(context, "@context", text)
    if m.DSP_CONTEXT not in contexts:
        raise MalformedMessage(f"@context: expected {m.DSP_CONTEXT} among the contexts")
    return contexts


_OURS: Final = (m.DSP_CONTEXT,)


def _expected_shape(members: Mapping[str, Any], expected: type[m.Document] | None) -> Shape:
    if expected is not None:
        shape = SHAPES[expected]
        typed(members, "", shape.name)
        return shape
    name = members.get("@type")
    if name is None:
        missing("@type")
    found = _BY_NAME.get(name) if type(name) is str else None
    if found is None:
        raise MalformedMessage("@type: expected the name of a message of DSP 2025-1, in the compact form")
    return found


# ---- render ----


def render_message(message: m.Document) -> dict[str, Any]:
    """The compact form, ready for `encode`: `@context`, `@type`, then the members; no null and no empty list.

    (An empty `filter` is kept: the schema allows it, and the specification's own example has one.)
    """
    return {"@context": list(message.context), **SHAPES[type(message)].write(message)}


def encode(message: m.Document) -> bytes:
    """The exact bytes to send: they are stored first, and repeated as they are."""
    return orjson.dumps(render_message(message))
