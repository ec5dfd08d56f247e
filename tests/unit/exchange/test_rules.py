"""What a message of the peer means: every reading, in every state."""

from dataclasses import replace
from itertools import product

import pytest

from connector.exchange import rules
from connector.exchange.model import MOVES, Kind, Party, Process, is_final, other
from connector.exchange.rules import Reading
from tests.unit.exchange.builders import NOW, OWN_PID, PEER_PID, inbound, outbound, process

KINDS: tuple[Kind, ...] = ("negotiation", "transfer")
ROLES: tuple[Party, ...] = ("provider", "consumer")


def states(kind: Kind) -> list[str]:
    return sorted({state for (source, _, _), target in MOVES[kind].items() for state in (source, target)} - {"NEW"})


def messages(kind: Kind) -> list[str]:
    return sorted({message for _, message, _ in MOVES[kind]})


EVERYTHING = [
    pytest.param(kind, role, state, message, id=f"{message} to the {role} of a {kind} in {state}")
    for kind in KINDS
    for role, state, message in product(ROLES, states(kind), messages(kind))
]


@pytest.mark.parametrize(("kind", "role", "state", "message"), EVERYTHING)
def test_with_nothing_under_way_the_table_of_moves_decides(kind: Kind, role: Party, state: str, message: str):
    legal = (state, message, other(role)) in MOVES[kind]
    reading = rules.read(process(kind, role, state), inbound(message))
    assert reading is (Reading.PLAIN if legal else Reading.ILLEGAL)


EARLY = [
    # kind, our role, our state, what we are sending, what overtakes its acknowledgement
    ("negotiation", "consumer", "NEW", "request", "offer"),
    ("negotiation", "consumer", "NEW", "request", "agreement"),
    ("negotiation", "consumer", "NEW", "request", "termination"),
    ("negotiation", "provider", "NEW", "offer", "request"),
    ("negotiation", "provider", "NEW", "offer", "acceptance"),
    ("negotiation", "provider", "NEW", "offer", "termination"),
    ("negotiation", "provider", "REQUESTED", "offer", "request"),
    ("negotiation", "provider", "REQUESTED", "offer", "acceptance"),
    ("negotiation", "provider", "REQUESTED", "agreement", "verification"),
    ("negotiation", "provider", "ACCEPTED", "agreement", "verification"),
    ("negotiation", "consumer", "OFFERED", "request", "offer"),
    ("negotiation", "consumer", "OFFERED", "request", "agreement"),
    ("negotiation", "consumer", "OFFERED", "acceptance", "agreement"),
    ("negotiation", "consumer", "AGREED", "verification", "finalization"),
    ("transfer", "consumer", "NEW", "request", "start"),
    ("transfer", "consumer", "NEW", "request", "termination"),
    ("transfer", "provider", "REQUESTED", "start", "suspension"),
    ("transfer", "provider", "REQUESTED", "start", "completion"),
    ("transfer", "provider", "STARTED", "suspension", "start"),
    ("transfer", "consumer", "STARTED", "suspension", "start"),
    ("transfer", "provider", "SUSPENDED", "start", "suspension"),
    ("transfer", "provider", "SUSPENDED", "start", "completion"),
    ("transfer", "consumer", "SUSPENDED", "start", "suspension"),
    ("transfer", "consumer", "SUSPENDED", "start", "completion"),
]


@pytest.mark.parametrize(
    ("kind", "role", "state", "ours", "theirs"),
    [
        pytest.param(*case, id=f"{case[4]} after our {case[3]} of the {case[0]} in {case[2]}, {case[1]}")
        for case in EARLY
    ],
)
def test_a_message_that_only_follows_ours_shows_that_ours_arrived(
    kind: Kind, role: Party, state: str, ours: str, theirs: str
):
    assert rules.read(process(kind, role, state, sending=ours), inbound(theirs)) is Reading.EARLY


def test_these_are_all_the_early_messages_there_are():
    found = {
        (kind, role, state, ours, theirs)
        for kind in KINDS
        for (state, ours, role) in MOVES[kind]
        for theirs in messages(kind)
        if rules.read(
            process(kind, "provider" if role == "provider" else "consumer", state, sending=ours), inbound(theirs)
        )
        is Reading.EARLY
    }
    assert found == set(EARLY)


CROSSINGS = [
    pytest.param(kind, state, provides, consumes, id=f"{provides} and {consumes} of a {kind} in {state}")
    for kind in KINDS
    for state in states(kind)
    for (source, provides, by) in MOVES[kind]
    for (other_source, consumes, other_by) in MOVES[kind]
    if source == other_source == state and (by, other_by) == ("provider", "consumer")
]


@pytest.mark.parametrize(("kind", "state", "provides", "consumes"), CROSSINGS)
def test_of_two_messages_that_cross_both_sides_let_the_same_one_win(
    kind: Kind, state: str, provides: str, consumes: str
):
    by_provider = rules.read(process(kind, "provider", state, sending=provides), inbound(consumes))
    by_consumer = rules.read(process(kind, "consumer", state, sending=consumes), inbound(provides))
    assert {by_provider, by_consumer} == {Reading.CROSSING_WON, Reading.CROSSING_LOST}
    winner = "consumer" if by_provider is Reading.CROSSING_WON else "provider"
    ends = {
        "provider": is_final(kind, MOVES[kind][state, provides, "provider"]),
        "consumer": is_final(kind, MOVES[kind][state, consumes, "consumer"]),
    }
    assert winner == "provider" if ends["provider"] == ends["consumer"] else ends[winner]


@pytest.mark.parametrize(
    ("kind", "state", "ours", "theirs"),
    [
        pytest.param("negotiation", "OFFERED", "acceptance", "offer", id="a second offer while ours accepts the first"),
        pytest.param("negotiation", "AGREED", "verification", "agreement", id="a second agreement"),
        pytest.param("transfer", "STARTED", "completion", "start", id="a start of what is started"),
        pytest.param("negotiation", "NEW", "request", "finalization", id="finalization of what was only requested"),
    ],
)
def test_what_is_legal_neither_before_nor_after_ours_is_illegal(kind: Kind, state: str, ours: str, theirs: str):
    assert rules.read(process(kind, "consumer", state, sending=ours), inbound(theirs)) is Reading.ILLEGAL


def test_a_request_that_was_given_up_takes_no_answer():
    assert rules.read(process("negotiation", "consumer", "NEW"), inbound("offer")) is Reading.ILLEGAL


def test_an_acknowledged_message_becomes_a_move_with_its_exact_body():
    before = process("negotiation", "provider", "REQUESTED", sending="agreement")
    after, move = rules.acknowledged(before)
    assert (after.state, after.seq, after.outbound) == ("AGREED", before.seq + 1, None)
    assert (move.source, move.message, move.sender, move.target) == ("REQUESTED", "agreement", "provider", "AGREED")
    assert (move.direction, move.body, move.message_id) == ("sent", '{"@type":"agreement"}', "urn:uuid:our-agreement")


def test_a_received_message_becomes_a_move_with_its_body_and_token():
    before = process("negotiation", "consumer", "REQUESTED", peer_pid=None)
    after, move = rules.received(before, inbound("agreement"))
    assert (after.state, after.seq, after.peer_pid) == ("AGREED", before.seq + 1, PEER_PID)
    assert (move.direction, move.body, move.token, move.token_issued_at) == (
        "received", '{"@type":"agreement"}', "token", NOW,
    )  # fmt: skip
    assert move.evidence == {"token_issued_at": NOW.isoformat()}


def test_the_pid_of_the_peer_is_what_it_said_first():
    after, _ = rules.received(process("negotiation", "consumer", "REQUESTED"), inbound("offer", peer_pid="another"))
    assert after.peer_pid == PEER_PID


def test_a_move_learnt_otherwise_is_our_own_and_has_no_body():
    after, move = rules.learnt(process("transfer", "provider", "STARTED"), "completion", "consumer", reason="read")
    assert after.state == "COMPLETED"
    assert (move.direction, move.body, move.evidence) == ("own", None, {"reason": "read"})


@pytest.mark.parametrize(
    "walk",
    [
        pytest.param(lambda p: rules.received(p, inbound("agreement")), id="received"),
        pytest.param(lambda p: rules.learnt(p, "agreement", "provider", reason=""), id="learnt"),
        pytest.param(rules.acknowledged, id="acknowledged, with nothing sent"),
        pytest.param(lambda p: rules.acknowledged(replace(p, outbound=outbound("agreement"))), id="acknowledged"),
    ],
)
def test_no_move_is_made_that_is_not_in_the_table(walk):
    with pytest.raises(ValueError, match=OWN_PID):
        walk(process("negotiation", "consumer", "FINALIZED"))


@pytest.mark.parametrize(
    ("start", "end", "way"),
    [
        pytest.param("REQUESTED", "REQUESTED", [], id="already there"),
        pytest.param("REQUESTED", "AGREED", [("agreement", "provider")], id="one step"),
        pytest.param(
            "OFFERED",
            "VERIFIED",
            [("acceptance", "consumer"), ("agreement", "provider"), ("verification", "consumer")],
            id="several steps",
        ),
        pytest.param("AGREED", "OFFERED", None, id="back"),
        pytest.param("TERMINATED", "FINALIZED", None, id="out of an end"),
    ],
)
def test_the_way_to_a_state_is_the_shortest_path_of_moves(start: str, end: str, way: list[tuple[str, str]] | None):
    found = rules.path_to(process("negotiation", "consumer", start), end)
    if way and len(way) > 1 and found is not None:  # more than one path may be shortest; it must be one
        assert len(found) <= len(way)
        walked: Process = process("negotiation", "consumer", start)
        for message, by in found:
            walked, _ = rules.learnt(walked, message, by, reason="")
        assert walked.state == end
        return
    assert found == way


@pytest.mark.parametrize(("kind", "word", "known"), [("negotiation", "AGREED", True), ("transfer", "AGREED", False)])
def test_a_state_is_a_state_of_its_own_protocol(kind: Kind, word: str, known: bool):
    assert rules.is_state(kind, word) is known
