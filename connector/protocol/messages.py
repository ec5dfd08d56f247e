"""One frozen model per message of the Dataspace Protocol 2025-1.

Every model has

- `id`: the message's `@id`. The specification does not ask for one; the conformance suite and EDC send it. (Datasets
  and catalogues must have one.)
- `context`: the `@context` as received; ours is `(DSP_CONTEXT,)`.
- `extra`: every member that the specification does not name, untouched, so that nothing a peer sent is lost.

Policies (offers, agreements), distributions and data services are kept as the JSON objects they came as: their meaning
belongs to `policies` and `catalog`. `wire` checks their shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from connector.protocol.negotiation import NegotiationMessage, NegotiationState
from connector.protocol.transfer import TransferMessage, TransferState

DSP_CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"

# The protocol has no member for a declared purpose. An absolute IRI as key is legal in JSON-LD whatever the context,
# and leaves the `@context` the protocol's own, which the conformance suite requires.
DECLARED_PURPOSE: Final = "https://w3id.org/tidegate/v1/declaredPurpose"


class EventType(StrEnum):
    """The two events of a ContractNegotiationEventMessage."""

    ACCEPTED = "ACCEPTED"
    FINALIZED = "FINALIZED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What everything with an `@context` has."""

    context: tuple[str, ...] = (DSP_CONTEXT,)
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Document):
    """What every message has."""

    id: str | None = None


# ---- catalogue ----


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRequestMessage(Message):
    """Asks for the catalogue. `filter` is free; None when the member was absent, `()` when it was an empty list."""

    filter: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRequestMessage(Message):
    """Asks for one dataset by id. Not used by the HTTPS binding, which has a GET."""

    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Document):
    """A dataset of a catalogue: its `@id` is `id`; titles and other metadata are in `extra`."""

    id: str
    has_policy: tuple[Mapping[str, Any], ...]
    distribution: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog(Document):
    """A catalogue. `participant_id` is None only in a catalogue that is nested in another."""

    id: str
    participant_id: str | None = None
    dataset: tuple[Dataset, ...] = ()
    catalog: tuple["Catalog", ...] = ()
    service: tuple[Mapping[str, Any], ...] = ()
    distribution: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogError(Message):
    """Why a catalogue or dataset was not delivered."""

    code: str | None = None
    reason: tuple[Any, ...] = ()


# ---- contract negotiation ----


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRequestMessage(Message):
    """The consumer asks for a contract: initially with `callback_address`, as a counter-offer with `provider_pid`.

    `declared_purpose` is ours, see `DECLARED_PURPOSE`; empty means that nothing was declared.
    """

    consumer_pid: str
    offer: Mapping[str, Any]
    provider_pid: str | None = None
    callback_address: str | None = None
    declared_purpose: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractOfferMessage(Message):
    """The provider offers: initially with `callback_address`, as an answer with `consumer_pid`."""

    provider_pid: str
    offer: Mapping[str, Any]
    consumer_pid: str | None = None
    callback_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractAgreementMessage(Message):
    """The provider agrees. `agreement` is the whole policy; its timestamp stays the string that was sent."""

    consumer_pid: str
    provider_pid: str
    agreement: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractAgreementVerificationMessage(Message):
    """The consumer verified the agreement."""

    consumer_pid: str
    provider_pid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNegotiationEventMessage(Message):
    """ACCEPTED by the consumer, or FINALIZED by the provider."""

    consumer_pid: str
    provider_pid: str
    event_type: EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNegotiationTerminationMessage(Message):
    """Either side ends the negotiation. A reason may be anything, mostly a string."""

    consumer_pid: str
    provider_pid: str
    code: str | None = None
    reason: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNegotiation(Message):
    """The answer to a message or a GET: where the negotiation stands."""

    consumer_pid: str
    provider_pid: str
    state: NegotiationState


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNegotiationError(Message):
    """Why a message was refused. Pids are required by the schema, but unknown when the request had none."""

    consumer_pid: str | None = None
    provider_pid: str | None = None
    code: str | None = None
    reason: tuple[Any, ...] = ()


# ---- transfer process ----


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProperty:
    """One name and value of a data address, e.g. `authorization` and the token."""

    name: str
    value: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        """Without the value, which may be a token: a model may end up in a log or a traceback."""
        return f"EndpointProperty(name={self.name!r}, value=…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAddress:
    """Where the data is fetched from, or pushed to."""

    endpoint_type: str
    endpoint: str | None = None
    endpoint_properties: tuple[EndpointProperty, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def value_of(self, name: str) -> str | None:
        """The value of the first endpoint property called `name`."""
        return next((p.value for p in self.endpoint_properties if p.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequestMessage(Message):
    """The consumer asks for the data of an agreement. `data_address` is for a push only."""

    consumer_pid: str
    agreement_id: str
    format: str
    callback_address: str
    data_address: DataAddress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStartMessage(Message):
    """The data may flow. A pull needs `data_address`; a resumption may leave it out."""

    consumer_pid: str
    provider_pid: str
    data_address: DataAddress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSuspensionMessage(Message):
    """Either side pauses the transfer."""

    consumer_pid: str
    provider_pid: str
    code: str | None = None
    reason: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCompletionMessage(Message):
    """Either side says that the transfer is done."""

    consumer_pid: str
    provider_pid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTerminationMessage(Message):
    """Either side ends the transfer."""

    consumer_pid: str
    provider_pid: str
    code: str | None = None
    reason: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProcess(Message):
    """The answer to a message or a GET: where the transfer stands."""

    consumer_pid: str
    provider_pid: str
    state: TransferState


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferError(Message):
    """Why a message was refused. EDC sends it without pids, although the schema requires them."""

    consumer_pid: str | None = None
    provider_pid: str | None = None
    code: str | None = None
    reason: tuple[Any, ...] = ()


# ---- from a model to the word of its state machine ----

NegotiationMove = (
    ContractRequestMessage
    | ContractOfferMessage
    | ContractAgreementMessage
    | ContractAgreementVerificationMessage
    | ContractNegotiationEventMessage
    | ContractNegotiationTerminationMessage
)
TransferMove = (
    TransferRequestMessage
    | TransferStartMessage
    | TransferSuspensionMessage
    | TransferCompletionMessage
    | TransferTerminationMessage
)

_NEGOTIATION_WORDS: dict[type[Message], NegotiationMessage] = {
    ContractRequestMessage: NegotiationMessage.REQUEST,
    ContractOfferMessage: NegotiationMessage.OFFER,
    ContractAgreementMessage: NegotiationMessage.AGREEMENT,
    ContractAgreementVerificationMessage: NegotiationMessage.VERIFICATION,
    ContractNegotiationTerminationMessage: NegotiationMessage.TERMINATION,
}
_EVENT_WORDS = {
    EventType.ACCEPTED: NegotiationMessage.ACCEPTANCE,
    EventType.FINALIZED: NegotiationMessage.FINALIZATION,
}
_TRANSFER_WORDS: dict[type[Message], TransferMessage] = {
    TransferRequestMessage: TransferMessage.REQUEST,
    TransferStartMessage: TransferMessage.START,
    TransferSuspensionMessage: TransferMessage.SUSPENSION,
    TransferCompletionMessage: TransferMessage.COMPLETION,
    TransferTerminationMessage: TransferMessage.TERMINATION,
}


def negotiation_word(message: NegotiationMove) -> NegotiationMessage:
    """The word under which `NEGOTIATION` knows this message."""
    if isinstance(message, ContractNegotiationEventMessage):
        return _EVENT_WORDS[message.event_type]
    return _NEGOTIATION_WORDS[type(message)]


def transfer_word(message: TransferMove) -> TransferMessage:
    """The word under which `TRANSFER` knows this message."""
    return _TRANSFER_WORDS[type(message)]
