import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from connector.audit.compare import Comparison, compare
from connector.audit.leaf import LeafFacts, leaf_hash, make_leaf
from connector.audit.record import RecordedLeaf

SALTS = [bytes(32)] * 4
Story = list[tuple[str, str, str | None, str, str]]  # side, from, to, sender's direction, message


def leaf(
    side: str, source: str, target: str | None, direction: str, message: str | None, **changes: Any
) -> RecordedLeaf:
    other = "consumer" if side == "provider" else "provider"
    known: dict[str, Any] = {
        "kind": "negotiation",
        "role": side,
        "process": f"{side}-process",
        "peer_process": f"{other}-process",
        "source": source,
        "target": target,
        "direction": direction,
        "message": hashlib.sha256(message.encode()).hexdigest() if message else None,
        "at": datetime(2025, 1, 1, tzinfo=UTC),
        "party": None,
        "offering": None,
        "agreement": None,
        "terms": None,
    }
    sealed = make_leaf(LeafFacts(**(known | changes)), SALTS)
    return RecordedLeaf(sealed.leaf, sealed.hash)


MOVES = [
    ("consumer", "NEW", "REQUESTED", "request"),
    ("provider", "REQUESTED", "AGREED", "agreement"),
    ("consumer", "AGREED", "VERIFIED", "verification"),
    ("provider", "VERIFIED", "FINALIZED", "finalization"),
]


def log_of(side: str) -> list[RecordedLeaf]:
    return [
        leaf(side, source, target, "sent" if sender == side else "received", message)
        for sender, source, target, message in MOVES
    ]


def test_two_complete_logs_are_consistent():
    assert compare(log_of("provider"), log_of("consumer")) == Comparison(4, 4, ())
    assert compare(log_of("provider"), log_of("consumer")).consistent


@pytest.mark.parametrize("side", ["provider", "consumer"])
@pytest.mark.parametrize("index", range(4))
def test_a_missing_leaf_is_noticed(side: str, index: int):
    logs = {"provider": log_of("provider"), "consumer": log_of("consumer")}
    del logs[side][index]
    result = compare(logs["provider"], logs["consumer"])
    assert not result.consistent
    assert any(problem.startswith(f"{side}: no leaf for") for problem in result.problems)


@pytest.mark.parametrize("side", ["provider", "consumer"])
@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("rehashed", [False, True], ids=["hash kept", "hash computed anew"])
def test_another_message_digest_is_noticed(side: str, index: int, rehashed: bool):
    logs = {"provider": log_of("provider"), "consumer": log_of("consumer")}
    altered = logs[side][index].leaf.replace(b'"message":"', b'"message":"0')
    members = orjson.loads(altered)
    members["message"] = members["message"][:64]
    altered = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    logs[side][index] = RecordedLeaf(altered, leaf_hash(altered) if rehashed else logs[side][index].hash)
    result = compare(logs["provider"], logs["consumer"])
    assert not result.consistent
    assert any(("no leaf" if rehashed else "altered") in problem for problem in result.problems)


def test_any_flipped_bit_is_noticed():
    provider, consumer = log_of("provider"), log_of("consumer")
    original = provider[1]
    for position in range(len(original.leaf) * 8):
        flipped = bytearray(original.leaf)
        flipped[position // 8] ^= 1 << position % 8
        provider[1] = RecordedLeaf(bytes(flipped), original.hash)
        assert not compare(provider, consumer).consistent, position


def test_a_move_learnt_by_get_stands_for_the_message_that_was_not_received():
    consumer = log_of("consumer")
    consumer[1] = leaf("consumer", "REQUESTED", "AGREED", "own", None)
    assert compare(log_of("provider"), consumer).problems == ()


def test_a_move_learnt_by_get_explains_one_message_only():
    provider = log_of("provider")
    consumer = log_of("consumer")
    consumer[1] = leaf("consumer", "REQUESTED", "AGREED", "own", None)
    consumer[3] = leaf("consumer", "VERIFIED", "VERIFIED", "own", None)
    assert not compare(provider, consumer).consistent


@pytest.mark.parametrize("seen_by_the_peer", [False, True])
def test_a_withdrawn_message_is_no_difference_whether_or_not_it_arrived(seen_by_the_peer: bool):
    provider = [
        *log_of("provider")[:1],
        leaf("provider", "REQUESTED", None, "own", "offer"),
        leaf("provider", "REQUESTED", "TERMINATED", "received", "termination"),
    ]
    consumer = [*log_of("consumer")[:1]]
    if seen_by_the_peer:
        consumer.append(leaf("consumer", "REQUESTED", "OFFERED", "received", "offer"))
        consumer.append(leaf("consumer", "OFFERED", "TERMINATED", "sent", "termination"))
        provider[2] = leaf("provider", "REQUESTED", "TERMINATED", "own", None)
        result = compare(provider, consumer)
        assert [problem for problem in result.problems if "offer" in problem] == []
    else:
        consumer.append(leaf("consumer", "REQUESTED", "TERMINATED", "sent", "termination"))
        assert compare(provider, consumer).problems == ()


def test_a_withdrawn_message_does_not_stand_for_a_move():
    provider = log_of("provider")
    provider[1] = leaf("provider", "REQUESTED", None, "own", "another")
    assert not compare(provider, log_of("consumer")).consistent


def test_equal_messages_are_counted():
    """Two suspensions without an id have one digest: one of them missing must be seen."""

    def side(name: str, times: int) -> list[RecordedLeaf]:
        direction = "sent" if name == "provider" else "received"
        started = [leaf(name, "NEW", "STARTED", direction, "start", kind="transfer")]
        moves = [("STARTED", "SUSPENDED", "suspension"), ("SUSPENDED", "STARTED", "restart")] * times
        return started + [leaf(name, *move[:2], direction, move[2], kind="transfer") for move in moves]

    assert compare(side("provider", 2), side("consumer", 2)).consistent
    assert not compare(side("provider", 2), side("consumer", 1)).consistent


def test_the_first_leaf_need_not_know_the_process_of_the_peer():
    consumer = log_of("consumer")
    consumer[0] = leaf("consumer", "NEW", "REQUESTED", "sent", "request", peer_process=None)
    assert compare(log_of("provider"), consumer).problems == ()


def test_sides_that_ended_differently_are_named():
    consumer = [*log_of("consumer")[:3], leaf("consumer", "VERIFIED", "TERMINATED", "own", None)]
    assert any(
        "ended in FINALIZED, the consumer in TERMINATED" in problem
        for problem in compare(log_of("provider"), consumer).problems
    )


@pytest.mark.parametrize("empty", ["provider", "consumer", "both"])
def test_no_leaves_are_not_consistent(empty: str):
    provider = [] if empty in {"provider", "both"} else log_of("provider")
    consumer = [] if empty in {"consumer", "both"} else log_of("consumer")
    result = compare(provider, consumer)
    assert not result.consistent
    assert (result.provider_leaves, result.consumer_leaves) == (len(provider), len(consumer))


def test_leaves_of_the_other_role_prove_nothing():
    assert not compare(log_of("provider"), log_of("provider")).consistent
