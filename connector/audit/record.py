"""Leaves as they travel: from a member to the authority, and to people. Pure.

`{"process", "seq", "at", "leaf", "hash"}`: `leaf` is the text of the exact bytes that were hashed, `hash` hex. For our
own people `openings` are added; they never leave the participant.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson

from connector.audit.leaf import COMMITMENTS, MEMBERS, VERSION, canonical, leaf_hash, opens
from connector.errors import MalformedMessage

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("kind", "role", "process", "from", "direction", "at")
_TEXTS_OR_NULL = ("peer_process", "to", "message", *COMMITMENTS)


@dataclass(frozen=True, slots=True)
class RecordedLeaf:
    """A leaf as a party shows it: the bytes, and the hash it was recorded under (hex)."""

    leaf: bytes
    hash: str


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """A row of the log, with its openings unless they were deleted."""

    id: int
    process: str
    seq: int | None
    at: datetime
    leaf: bytes
    hash: bytes
    openings: Mapping[str, Any] | None


class AlteredLeaf(ValueError):  # noqa: N818
    """The leaf is not what its hash says, or is no leaf of version 1."""


def render_leaf(stored: StoredLeaf, *, with_openings: bool = False) -> dict[str, Any]:
    """A leaf for the wire."""
    document: dict[str, Any] = {
        "process": stored.process,
        "seq": stored.seq,
        "at": stored.at.isoformat(),
        "leaf": stored.leaf.decode("utf-8", errors="replace"),  # what is not text was altered, and its hash will say so
        "hash": stored.hash.hex(),
    }
    return document | {"openings": stored.openings} if with_openings else document


def parse_leaves(body: bytes) -> tuple[RecordedLeaf, ...]:
    """The leaves of a member's answer; raises MalformedMessage. Whether they are right is not looked at here."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedMessage("the answer is not JSON: expected {leaves: [...]}") from None
    leaves = cast("dict[str, Any]", document).get("leaves") if isinstance(document, dict) else None
    if not isinstance(leaves, list):
        raise MalformedMessage("leaves: expected an array")
    return tuple(_parse_leaf(item, index) for index, item in enumerate(cast("list[Any]", leaves)))


def _parse_leaf(item: Any, index: int) -> RecordedLeaf:
    members = cast("dict[str, Any]", item) if isinstance(item, dict) else dict[str, Any]()
    leaf, digest = members.get("leaf"), members.get("hash")
    if not isinstance(leaf, str) or not isinstance(digest, str):
        raise MalformedMessage(f"leaves[{index}]: expected an object with leaf and hash")
    return RecordedLeaf(leaf.encode(), digest)


def open_leaf(recorded: RecordedLeaf) -> Mapping[str, Any]:
    """The members of a leaf, if its hash and form are right; raises AlteredLeaf."""
    if leaf_hash(recorded.leaf) != recorded.hash:
        raise AlteredLeaf(f"its bytes do not have the recorded hash {recorded.hash[:16]}…")
    try:
        members: Any = orjson.loads(recorded.leaf)
    except orjson.JSONDecodeError:
        raise AlteredLeaf("it is not JSON") from None
    if not _is_leaf(members) or canonical(members) != recorded.leaf:
        raise AlteredLeaf("it is not a leaf of version 1 in its RFC 8785 form")
    return cast("Mapping[str, Any]", members)


def opens_all(recorded: RecordedLeaf, openings: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether these openings are those of the leaf's commitments."""
    members = open_leaf(recorded)
    return all(isinstance(members[name], str) and opens(members[name], opening) for name, opening in openings.items())


def _is_leaf(members: Any) -> bool:
    if not isinstance(members, dict):
        return False
    leaf = cast("dict[str, Any]", members)
    if leaf.keys() != MEMBERS:
        return False
    message = leaf["message"]
    return (
        leaf["v"] == VERSION
        and all(isinstance(leaf[name], str) for name in _TEXTS)
        and all(leaf[name] is None or isinstance(leaf[name], str) for name in _TEXTS_OR_NULL)
        and (message is None or _DIGEST.fullmatch(message) is not None)
        and leaf["direction"] in {"sent", "received", "own"}
    )
