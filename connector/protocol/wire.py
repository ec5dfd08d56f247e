"""JSON to model and back, in the compact form that the schemas of the Dataspace Protocol 2025-1 define.

One table says, for each message, which members it has, whether they are required, and what each must be. camelCase
exists only here. There is no JSON-LD processing: the specification lets a connector treat it as plain JSON.

Lenient where peers are known to differ: members that are not in the table are kept in `extra`, further contexts in
`context`, a message needs no `@id`, errors need no pids, and the lists of a catalogue may be empty. Strict in all else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar, cast, overload

import orjson

from connector.errors import MalformedMessage
from connector.protocol import messages as m
from connector.protocol.catalog_shape import access_distribution, data_service
from connector.protocol.checks import at, each, json_value, listed, mapping, missing, refuse, text, typed, url
from connector.protocol.negotiation import NegotiationState
from connector.protocol.policy_shape import agreement, catalog_offer, message_offer
from connector.protocol.transfer import TransferState

M = TypeVar("M", bound=m.Document)
Word = TypeVar("Word", bound=StrEnum)
Check = Callable[[Any, str], Any]
Render = Callable[[Any], Any]

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a message: its name on the wire and in the model, what it must be, how it is written."""

    name: str
    attribute: str
    check: Check
    required: bool = True
    render: Render | None = None
    keep_empty: bool = False


class Shape:
    """What one kind of object looks like on the wire."""

    def __init__(self, model: type[Any], name: str, *members: Member, one_of: tuple[str, str] | None = None) -> None:
        """`one_of` names two members of which exactly one must be present."""
        self.model = model
        self.name = name
        self.members = members
        self.one_of = one_of
        self.known = frozenset({"@context", "@type", *(member.name for member in members)})


# ---- checks that need a shape, or a word list ----


def _word(words: type[Word], *, but: tuple[Word, ...] = ()) -> Check:
    known = {str(word): word for word in words if word not in but}

    def check(value: Any, path: str) -> Word:
        word = known.get(value) if type(value) is str else None
        if word is None:
            if type(value) is not str:
                refuse(path, "a string", value)
            raise MalformedMessage(f"{path}: expected one of {', '.join(known)}")
        return word

    return check


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


def _each_or_none(check: Check) -> Check:
    return lambda value, path: () if value == [] else each(value, path, check)


def _data_address(value: Any, path: str) -> m.DataAddress:
    document = mapping(value, path)
    typed(document, path, "DataAddress")
    return cast(m.DataAddress, _read(_DATA_ADDRESS, document, path))


def _endpoint_property(value: Any, path: str) -> m.EndpointProperty:
    document = mapping(value, path)
    typed(document, path, "EndpointProperty")
    return cast(m.EndpointProperty, _read(_ENDPOINT_PROPERTY, document, path))


def _nested_dataset(value: Any, path: str) -> m.Dataset:
    return cast(m.Dataset, _nested(SHAPES[m.Dataset], value, path))


def _nested_catalog(value: Any, path: str) -> m.Catalog:
    return cast(m.Catalog, _nested(SHAPES[m.Catalog], value, path))


def _nested(shape: Shape, value: Any, path: str) -> Any:
    document = mapping(value, path)
    if "@type" in document:  # the schema does not ask for it here
        typed(document, path, shape.name)
    return _read(shape, document, path)


# ---- the table ----


def _required(name: str, attribute: str, check: Check = text, render: Render | None = None) -> Member:
    return Member(name, attribute, check, required=True, render=render)


def _optional(name: str, attribute: str, check: Check = text, render: Render | None = None) -> Member:
    return Member(name, attribute, check, required=False, render=render)


def _render_object(value: Any) -> dict[str, Any]:
    return _write(_shape_of(value), value)


def _render_objects(values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [_write(_shape_of(value), value) for value in values]


def _render_mappings(values: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    return [dict(value) for value in values]


_ID = _optional("@id", "id")
_CONSUMER = _required("consumerPid", "consumer_pid")
_PROVIDER = _required("providerPid", "provider_pid")
_MAYBE_CONSUMER = _optional("consumerPid", "consumer_pid")
_MAYBE_PROVIDER = _optional("providerPid", "provider_pid")
_MAYBE_CALLBACK = _optional("callbackAddress", "callback_address", url)
_OFFER = _required("offer", "offer", message_offer, dict)
_CODE = _optional("code", "code")
_REASON = _optional("reason", "reason", _reasons, list)
_FILTER = Member("filter", "filter", _any_list, required=False, render=list, keep_empty=True)
_STATE = _required("state", "state", _word(NegotiationState, but=(NegotiationState.NEW,)), str)
_TRANSFER_STATE = _required("state", "state", _word(TransferState, but=(TransferState.NEW,)), str)
_EVENT = _required("eventType", "event_type", _word(m.EventType), str)
_SERVICES = _optional("service", "service", _each_or_none(data_service), _render_mappings)
_ADDRESS = _optional("dataAddress", "data_address", _data_address, _render_object)

_ENDPOINT_PROPERTY = Shape(
    m.EndpointProperty, "EndpointProperty", _required("name", "name"), _required("value", "value")
)
_DATA_ADDRESS = Shape(
    m.DataAddress,
    "DataAddress",
    _required("endpointType", "endpoint_type"),
    _optional("endpoint", "endpoint"),
    _optional("endpointProperties", "endpoint_properties", _each(_endpoint_property), _render_objects),
)


def _shape(model: type[m.Document], *members: Member, one_of: tuple[str, str] | None = None) -> Shape:
    return Shape(model, model.__name__, *members, one_of=one_of)


_WITH_PIDS = (_ID, _PROVIDER, _CONSUMER)
_ENDING = (*_WITH_PIDS, _CODE, _REASON)
_REFUSAL = (_ID, _MAYBE_PROVIDER, _MAYBE_CONSUMER, _CODE, _REASON)

SHAPES: Final[dict[type[Any], Shape]] = {
    shape.model: shape
    for shape in (
        _shape(
            m.CatalogRequestMessage,
            _ID,
            _FILTER,
        ),
        _shape(m.DatasetRequestMessage, _ID, _required("dataset", "dataset")),
        _shape(
            m.Dataset,
            _required("@id", "id"),
            _required("hasPolicy", "has_policy", _each(catalog_offer), _render_mappings),
            _required("distribution", "distribution", _each(access_distribution), _render_mappings),
        ),
        _shape(
            m.Catalog,
            _required("@id", "id"),
            _optional("participantId", "participant_id"),
            _SERVICES,
            _optional("distribution", "distribution", _each_or_none(access_distribution), _render_mappings),
            _optional("dataset", "dataset", _each_or_none(_nested_dataset), _render_objects),
            _optional("catalog", "catalog", _each_or_none(_nested_catalog), _render_objects),
        ),
        _shape(m.CatalogError, _ID, _CODE, _REASON),
        _shape(
            m.ContractRequestMessage,
            _ID,
            _MAYBE_PROVIDER,
            _CONSUMER,
            _OFFER,
            _MAYBE_CALLBACK,
            _optional(m.DECLARED_PURPOSE, "declared_purpose", _purposes, list),
            one_of=("callbackAddress", "providerPid"),
        ),
        _shape(
            m.ContractOfferMessage,
            _ID,
            _PROVIDER,
            _MAYBE_CONSUMER,
            _OFFER,
            _MAYBE_CALLBACK,
            one_of=("callbackAddress", "consumerPid"),
        ),
        _shape(m.ContractAgreementMessage, *_WITH_PIDS, _required("agreement", "agreement", agreement, dict)),
        _shape(m.ContractAgreementVerificationMessage, *_WITH_PIDS),
        _shape(
            m.ContractNegotiationEventMessage,
            *_WITH_PIDS,
            _required("eventType", "event_type", _word(m.EventType), str),
        ),
        _shape(m.ContractNegotiationTerminationMessage, *_ENDING),
        _shape(
            m.ContractNegotiation,
            *_WITH_PIDS,
            _STATE,
        ),
        _shape(m.ContractNegotiationError, *_REFUSAL),
        _shape(
            m.TransferRequestMessage,
            _ID,
            _CONSUMER,
            _required("agreementId", "agreement_id"),
            _required("format", "format"),
            _ADDRESS,
            _required("callbackAddress", "callback_address", url),
        ),
        _shape(m.TransferStartMessage, *_WITH_PIDS, _ADDRESS),
        _shape(m.TransferSuspensionMessage, *_ENDING),
        _shape(m.TransferCompletionMessage, *_WITH_PIDS),
        _shape(m.TransferTerminationMessage, *_ENDING),
        _shape(
            m.TransferProcess,
            *_WITH_PIDS,
            _TRANSFER_STATE,
        ),
        _shape(m.TransferError, *_REFUSAL),
    )
}
_BY_NAME: Final = {shape.name: shape for shape in SHAPES.values()}


def _shape_of(value: Any) -> Shape:
    return _NESTED.get(cast(type[Any], type(value))) or SHAPES[type(value)]


_NESTED: Final[dict[type[Any], Shape]] = {m.DataAddress: _DATA_ADDRESS, m.EndpointProperty: _ENDPOINT_PROPERTY}


# ---- parse ----


@overload
def parse_message(document: Any, *, expected: type[M]) -> M: ...
@overload
def parse_message(document: Any, *, expected: None = None) -> m.Document: ...
def parse_message(document: Any, *, expected: type[M] | None = None) -> m.Document:
    """The model of a decoded JSON document; any message of the protocol if `expected` is None.

    Raises `MalformedMessage`, and nothing else, naming the JSON path and what was expected there.
    """
    members = mapping(document, "")
    context = _context(members)
    shape = _expected_shape(members, expected)
    message = _read(shape, members, "", context=context)
    if shape.model is m.Catalog and message.participant_id is None:
        missing("participantId")
    return message


@overload
def parse_body(body: bytes, *, expected: type[M]) -> M: ...
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
        raise MalformedMessage(f"body: expected a JSON document, {error}") from None


def _context(members: Mapping[str, Any]) -> tuple[str, ...]:
    context = members.get("@context", _ABSENT)
    if context is _ABSENT:
        missing("@context")
    if context == [m.DSP_CONTEXT]:
        return _OUR_CONTEXT
    contexts = each(context, "@context", text)
    if m.DSP_CONTEXT not in contexts:
        raise MalformedMessage(f"@context: expected {m.DSP_CONTEXT} among the contexts")
    return contexts


_OUR_CONTEXT: Final = (m.DSP_CONTEXT,)


def _expected_shape(members: Mapping[str, Any], expected: type[m.Document] | None) -> Shape:
    if expected is not None:
        shape = SHAPES[expected]
        typed(members, "", shape.name)
        return shape
    name = members.get("@type")
    if name is None:
        missing("@type")
    shape = _BY_NAME.get(name) if type(name) is str else None
    if shape is None:
        raise MalformedMessage("@type: expected the name of a message of DSP 2025-1, in the compact form")
    return shape


def _read(shape: Shape, document: Mapping[str, Any], path: str, **values: Any) -> Any:
    for member in shape.members:
        value = document.get(member.name, _ABSENT)
        if value is not _ABSENT:
            values[member.attribute] = member.check(value, at(path, member.name))
        elif member.required:
            missing(at(path, member.name))
    if shape.one_of is not None:
        _exactly_one(document, path, shape.one_of)
    extra = {name: value for name, value in document.items() if name not in shape.known}
    if extra:
        values["extra"] = json_value(extra, path or "message")
    return shape.model(**values)


def _exactly_one(document: Mapping[str, Any], path: str, names: tuple[str, str]) -> None:
    first, second = names
    if (first in document) == (second in document):
        raise MalformedMessage(
            f"{path or 'message'}: expected exactly one of {first} and {second}",
            hint=f"{first} belongs to the first message of a process, {second} to all later ones",
        )


# ---- render ----


def render_message(message: m.Document) -> dict[str, Any]:
    """The compact form, ready for `encode`: `@context`, `@type`, then the members; no null and no empty list.

    (An empty `filter` is kept: the schema allows it, and the specification's own example has one.)
    """
    return {"@context": list(message.context), **_write(SHAPES[type(message)], message)}


def encode(message: m.Document) -> bytes:
    """The exact bytes to send: they are stored first, and repeated as they are."""
    return orjson.dumps(render_message(message))


def _write(shape: Shape, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {"@type": shape.name}
    for member in shape.members:
        part = getattr(value, member.attribute)
        if part is None or (part == () and not member.keep_empty):
            continue
        document[member.name] = member.render(part) if member.render else part
    for name, part in value.extra.items():
        document.setdefault(name, part)
    return document
