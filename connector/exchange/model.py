"""The nouns of the message path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, LiteralString
from urllib.parse import quote

from connector.identity.verify import Peer
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER

Kind = Literal["negotiation", "transfer"]
Party = Literal["provider", "consumer"]
Direction = Literal["sent", "received", "own"]

NEW = "NEW"

# The rows of both tables as plain words, as the database keeps them: (source, message, sender) -> target.
Moves = Mapping[tuple[str, str, str], str]
MOVES: Mapping[Kind, Moves] = {
    "negotiation": {
        (row.source.value, row.message.value, row.sender.value): row.target.value for row in NEGOTIATION.rows
    },
    "transfer": {(row.source.value, row.message.value, row.sender.value): row.target.value for row in TRANSFER.rows},
}
_SOURCES: Mapping[Kind, frozenset[str]] = {
    kind: frozenset(source for source, _, _ in moves) for kind, moves in MOVES.items()
}


def quoted(pid: str | None) -> str:
    """A pid of the peer as one segment of a path: it is the peer's word, and may not lead elsewhere."""
    return quote(pid or "", safe=":")


def is_final(kind: Kind, state: str) -> bool:
    """Whether no row leads out of `state`."""
    return state not in _SOURCES[kind]


def other(role: Party) -> Party:
    """The counterparty's role."""
    return "consumer" if role == "provider" else "provider"


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message that is decided and stored, but not yet known to have arrived."""

    message: str
    message_id: str
    url: str
    body: str
    content_digest: str
    evidence: Mapping[str, Any]
    queued_at: datetime
    deadline: datetime
    refusals: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class LastEvent:
    """What a repeat is recognised by."""

    message: str
    direction: Direction
    message_id: str | None
    content_digest: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Process:
    """One side of a negotiation or transfer. `pid` is ours, `peer_pid` theirs; `role` says which is which."""

    pid: str
    kind: Kind
    role: Party
    peer: str
    peer_pid: str | None
    peer_address: str
    state: str
    seq: int
    data: Mapping[str, Any]
    offering: str | None = None
    agreement: str | None = None
    deadline: datetime | None = None
    outbound: Outbound | None = None
    last: LastEvent | None = None
    id_seen: bool = False
    content_seen: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Nothing can follow."""
        return is_final(self.kind, self.state)

    @property
    def consumer_pid(self) -> str | None:
        """The consumer's id of the process."""
        return self.pid if self.role == "consumer" else self.peer_pid

    @property
    def provider_pid(self) -> str | None:
        """The provider's id of the process."""
        return self.pid if self.role == "provider" else self.peer_pid

    def target_of(self, message: str, sender: Party, *, source: str | None = None) -> str | None:
        """Where the move leads from `source` (default: the current state); None if it is not a row of the table."""
        return MOVES[self.kind].get((source or self.state, message, sender))

    def allowed(self, sender: Party) -> list[str]:
        """What `sender` may send now: the buttons of a page."""
        return [message for (source, message, by) in MOVES[self.kind] if source == self.state and by == sender]


@dataclass(frozen=True, slots=True)
class Inbound:
    """A verified message of the peer, as far as the message path needs to know it.

    `content_digest` is the SHA-256 of the canonical body without `@id`: equal content in another envelope. `role` is
    the one in which the sender's pid stands; None for a first message, whose kind says it.
    """

    message: str
    body: bytes
    message_id: str | None
    content_digest: str
    peer_pid: str | None
    sender: Peer
    role: Party | None = None

    @property
    def peer(self) -> str:
        """The sender's DID."""
        return self.sender.did


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send: the path below the peer's address, and the wire document."""

    message: str
    path: str
    document: Mapping[str, Any]
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Effect:
    """A statement that lives and dies with the step."""

    sql: LiteralString
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from a move, decided without I/O. `None` leaves a field as it is."""

    send: Draft | None = None
    data: Mapping[str, Any] | None = None
    agreement: str | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table, walked; without target: a message that was withdrawn."""

    source: str
    message: str
    sender: Party
    target: str | None
    direction: Direction
    body: str | None = None
    message_id: str | None = None
    content_digest: str | None = None
    token: str | None = None
    token_issued_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
