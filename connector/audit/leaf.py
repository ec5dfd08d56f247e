"""A leaf of the audit log, version 1: what is hashed, what it commits to, and how it is opened. Pure.

A leaf is the RFC 8785 form of fourteen members, all always present, null when unknown. Nobody's name and no business
secret stands in it: the party, the subject, the terms and the evidence are commitments, each with a salt of its own.
Salt and value (the opening) are kept apart from the leaf, so that they can be deleted without changing what was hashed.

The format cannot be migrated: a leaf that was written is never written again.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

import orjson
import rfc8785

VERSION = 1
SALT_BYTES = 32
COMMITMENTS = ("party", "subject", "terms", "evidence")
MEMBERS = frozenset(
    {"v", "kind", "role", "process", "peer_process", "from", "to", "direction", "message", "at", *COMMITMENTS}
)

# RFC 9162, 2.1.1: leaves and inner nodes are hashed in different domains, so that none can pass for the other.
LEAF_PREFIX = b"\x00"

# RFC 8785, 3.2.2.3: numbers are IEEE 754 doubles; integers beyond are written as the nearest one.
LARGEST_INTEGER = 2**53 - 1

Kind = Literal["negotiation", "transfer"]
Role = Literal["provider", "consumer", "authority"]
Direction = Literal["sent", "received", "own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafFacts:
    """What is known about one transition.

    `message` is the hex SHA-256 of the exact body; None for a move learnt by GET, whose direction is "own". `target`
    is None for a message that was withdrawn: it led nowhere. `terms` is the policy document, None when there is none.
    `evidence` holds what else was seen: the peer's token time, bytes, digest, extent, reason.
    """

    kind: Kind
    role: Role
    process: str
    peer_process: str | None
    source: str
    target: str | None
    direction: Direction
    message: str | None
    at: datetime
    party: str | None
    offering: str | None
    agreement: str | None
    terms: Mapping[str, Any] | None
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class SealedLeaf:
    """A leaf ready to be stored: its exact bytes, their hash (hex), and the openings by member."""

    leaf: bytes
    hash: str
    openings: dict[str, dict[str, Any]]


def make_leaf(facts: LeafFacts, salts: Sequence[bytes]) -> SealedLeaf:
    """The leaf of a transition; `salts` are four fresh random strings of 32 bytes, for COMMITMENTS in their order."""
    values: dict[str, Any] = {
        "party": facts.party,
        "subject": {"offering": facts.offering, "agreement": facts.agreement},
        "terms": facts.terms,
        "evidence": facts.evidence,
    }
    members: dict[str, Any] = {
        "v": VERSION,
        "kind": facts.kind,
        "role": facts.role,
        "process": facts.process,
        "peer_process": facts.peer_process,
        "from": facts.source,
        "to": facts.target,
        "direction": facts.direction,
        "message": facts.message,
        "at": render_time(facts.at),
    }
    openings: dict[str, dict[str, Any]] = {}
    for (name, value), salt in zip(values.items(), salts, strict=True):
        members[name] = None if value is None else commit(salt, value)
        if value is not None:
            openings[name] = {"salt": _base64url(salt), "value": value}
    # Strings, one integer and nulls under ASCII names: orjson's sorted form is RFC 8785's, in a fortieth of the time.
    leaf = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    return SealedLeaf(leaf, leaf_hash(leaf), openings)


def leaf_hash(leaf: bytes) -> str:
    """RFC 9162, 2.1.1: SHA-256(0x00 || leaf), as lower-case hex."""
    return hashlib.sha256(LEAF_PREFIX + leaf).hexdigest()


def commit(salt: bytes, value: Any) -> str:
    """The commitment to a JSON value: base64url (no padding) of SHA-256(salt || RFC 8785 form)."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, this one {len(salt)}")
    return _base64url(hashlib.sha256(salt + canonical(value)).digest())


def opens(commitment: str, opening: Mapping[str, Any]) -> bool:
    """Whether an opening `{"salt", "value"}` is that of a commitment."""
    salt = str(opening["salt"])
    return commit(urlsafe_b64decode(salt + "=" * (-len(salt) % 4)), opening["value"]) == commitment


def canonical(value: Any) -> bytes:
    """RFC 8785 form of a JSON value."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_as_doubles(value))


def render_time(at: datetime) -> str:
    """RFC 3339, UTC, always with six digits of microseconds."""
    if at.tzinfo is None:
        raise ValueError("a time in a leaf needs its zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _as_doubles(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_doubles(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_as_doubles(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return float(value)
    return value


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
