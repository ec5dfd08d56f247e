"""Whether both parties recorded the same exchange. Pure.

Each message has one leaf on both sides, "sent" on one and "received" on the other, with the same digest of the same
bytes and the same move. What differs lawfully:

- a move learnt by GET has direction "own" and no message, where the other side has a message: it explains that move;
- a withdrawn message has a leaf that leads nowhere (`to` is null): the other side may or may not have seen it.

Everything else that one side has and the other has not is a problem, and so is a history with a missing or altered
leaf.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from connector.audit.record import AlteredLeaf, RecordedLeaf, open_leaf

START = "NEW"

Party = Literal["provider", "consumer"]
Leaf = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many leaves each side showed, and every difference in a sentence."""

    provider_leaves: int
    consumer_leaves: int
    problems: tuple[str, ...]

    @property
    def consistent(self) -> bool:
        """Nothing is missing, nothing differs."""
        return not self.problems


def compare(provider: Sequence[RecordedLeaf], consumer: Sequence[RecordedLeaf]) -> Comparison:
    """Compare what both parties recorded about one agreement, each in the order of its log."""
    problems: list[str] = []
    if not provider or not consumer:
        problems.append("a side shows no leaves: there is nothing to compare")
    sides: dict[Party, list[Leaf]] = {
        "provider": _opened("provider", provider, problems),
        "consumer": _opened("consumer", consumer, problems),
    }
    for party, leaves in sides.items():
        problems += _broken_histories(party, leaves)
    problems += _unmatched("provider", sides["provider"], "consumer", sides["consumer"])
    problems += _unmatched("consumer", sides["consumer"], "provider", sides["provider"])
    problems += _different_ends(sides["provider"], sides["consumer"])
    return Comparison(len(provider), len(consumer), tuple(problems))


def _opened(party: Party, recorded: Iterable[RecordedLeaf], problems: list[str]) -> list[Leaf]:
    leaves: list[Leaf] = []
    for number, item in enumerate(recorded, 1):
        try:
            leaf = open_leaf(item)
        except AlteredLeaf as error:
            problems.append(f"{party}, leaf {number}: altered: {error}")
            continue
        if leaf["role"] == party:
            leaves.append(leaf)
        else:
            problems.append(f"{party}, leaf {number}: recorded in the role {leaf['role']}")
    return _with_peers(leaves)


def _with_peers(leaves: list[Leaf]) -> list[Leaf]:
    """The first leaf of a process may not know the peer's id of it yet; a later one does."""
    peers = {leaf["process"]: leaf["peer_process"] for leaf in leaves if leaf["peer_process"] is not None}
    return [{**leaf, "peer_process": peers.get(leaf["process"])} for leaf in leaves]


def _broken_histories(party: Party, leaves: Iterable[Leaf]) -> list[str]:
    """Each process is one path from NEW; withdrawn messages lie beside it."""
    states: dict[str, str] = {}
    problems: list[str] = []
    for leaf in leaves:
        before = states.get(leaf["process"], START)
        if leaf["to"] is not None:
            if leaf["from"] != before:
                problems.append(f"{party}: {_named(leaf)} does not follow {before}")
            states[leaf["process"]] = leaf["to"]
    return problems


def _unmatched(party: Party, leaves: Iterable[Leaf], other: Party, others: Iterable[Leaf]) -> list[str]:
    """Messages of `party` that `other` neither recorded, nor explains by a move it learnt by GET."""
    moves = [leaf for leaf in others if leaf["to"] is not None]
    seen = Counter(_message_key(leaf, mirrored=True) for leaf in moves if leaf["message"] is not None)
    learnt = Counter(_move_key(leaf, mirrored=True) for leaf in moves if leaf["direction"] == "own")
    withdrawn = {leaf["message"] for leaf in others if leaf["to"] is None}
    problems: list[str] = []
    for leaf in leaves:
        if leaf["message"] is None or leaf["to"] is None:
            continue
        if _taken(seen, _message_key(leaf)) or leaf["message"] in withdrawn or _taken(learnt, _move_key(leaf)):
            continue
        problems.append(f"{other}: no leaf for {_named(leaf)}, which the {party} {leaf['direction']}")
    return problems


def _different_ends(provider: Iterable[Leaf], consumer: Iterable[Leaf]) -> list[str]:
    theirs = {_pair(leaf, mirrored=True): leaf["to"] for leaf in consumer if leaf["to"] is not None}
    ours = {_pair(leaf): leaf["to"] for leaf in provider if leaf["to"] is not None}
    return [
        f"{kind} {process}: the provider ended in {state}, the consumer in {theirs[kind, process, peer]}"
        for (kind, process, peer), state in ours.items()
        if theirs.get((kind, process, peer), state) != state
    ]


def _pair(leaf: Leaf, *, mirrored: bool = False) -> tuple[Any, Any, Any]:
    """Kind, own and peer process; mirrored, as the other side names them."""
    own, peer = leaf["process"], leaf["peer_process"]
    return (leaf["kind"], peer, own) if mirrored else (leaf["kind"], own, peer)


def _move_key(leaf: Leaf, *, mirrored: bool = False) -> tuple[Any, ...]:
    return (*_pair(leaf, mirrored=mirrored), leaf["from"], leaf["to"])


def _message_key(leaf: Leaf, *, mirrored: bool = False) -> tuple[Any, ...]:
    direction = leaf["direction"]
    if mirrored:
        direction = {"sent": "received", "received": "sent"}.get(direction, direction)
    return (leaf["message"], direction, *_move_key(leaf, mirrored=mirrored))


def _taken(counts: Counter[tuple[Any, ...]], key: tuple[Any, ...]) -> bool:
    """Whether one is left, which is then used up: equal messages are matched one by one."""
    if counts[key] < 1:
        return False
    counts[key] -= 1
    return True


def _named(leaf: Leaf) -> str:
    message = f", message {leaf['message'][:16]}…" if leaf["message"] else ""
    return f"{leaf['kind']} {leaf['process']}: {leaf['from']} → {leaf['to']}{message}"
