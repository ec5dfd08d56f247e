"""Every (state, message, sender) of both protocols, and the conformance suite's scenarios walked along the tables."""

from itertools import product

import pytest

from connector.protocol.machine import IllegalTransition, Machine, Role, Row, cases
from connector.protocol.negotiation import NEGOTIATION, NegotiationMessage, NegotiationState
from connector.protocol.transfer import TRANSFER, TransferMessage, TransferState

C, P = Role.CONSUMER, Role.PROVIDER

# Written from section 2.6 of the reference, not from the tables: source, message, sender(s), target.
LEGAL_NEGOTIATION = """
NEW        request      C   REQUESTED
NEW        offer        P   OFFERED
REQUESTED  offer        P   OFFERED
REQUESTED  agreement    P   AGREED
REQUESTED  termination  CP  TERMINATED
OFFERED    request      C   REQUESTED
OFFERED    acceptance   C   ACCEPTED
OFFERED    termination  CP  TERMINATED
ACCEPTED   agreement    P   AGREED
ACCEPTED   termination  CP  TERMINATED
AGREED     verification C   VERIFIED
AGREED     termination  CP  TERMINATED
VERIFIED   finalization P   FINALIZED
VERIFIED   termination  CP  TERMINATED
"""
LEGAL_TRANSFER = """
NEW        request      C   REQUESTED
REQUESTED  start        P   STARTED
REQUESTED  termination  CP  TERMINATED
STARTED    suspension   CP  SUSPENDED
STARTED    completion   CP  COMPLETED
STARTED    termination  CP  TERMINATED
SUSPENDED  start        CP  STARTED
SUSPENDED  termination  CP  TERMINATED
"""

# The legal messages of each scenario of the suite (reference, 3.3 to 3.6), in order: word and sender.
NEGOTIATION_WALKS = {
    "CN:01-01": "request-C offer-P termination-C",
    "CN:01-02": "request-C offer-P request-C termination-P",
    "CN:01-03": "request-C offer-P acceptance-C agreement-P verification-C finalization-P",
    "CN:01-04": "request-C agreement-P verification-C finalization-P",
    "CN:02-01": "request-C termination-P",
    "CN:02-02": "request-C termination-C",
    "CN:02-03": "request-C agreement-P termination-C",
    "CN:02-04": "request-C offer-P termination-C",
    "CN:02-05": "request-C offer-P termination-P",
    "CN:02-06": "request-C offer-P acceptance-C termination-P",
    "CN:02-07": "request-C agreement-P verification-C termination-P",
    "CN:03-01": "request-C agreement-P verification-C finalization-P !termination-C",
    "CN:03-02": "request-C offer-P !verification-C",
    "CN:03-03": "request-C offer-P acceptance-C !verification-C",
    "CN:03-04": "request-C offer-P request-C !request-C",
    "CN_C:01-01": "request-C offer-P acceptance-C agreement-P verification-C finalization-P",
    "CN_C:01-02": "request-C offer-P request-C termination-P",
    "CN_C:01-03": "request-C offer-P termination-C",
    "CN_C:01-04": "request-C agreement-P verification-C finalization-P",
    "CN_C:02-01": "request-C termination-P",
    "CN_C:02-02": "request-C termination-C",
    "CN_C:02-03": "request-C agreement-P termination-C",
    "CN_C:02-04": "request-C offer-P termination-P",
    "CN_C:02-05": "request-C offer-P acceptance-C termination-P",
    "CN_C:02-06": "request-C agreement-P verification-C termination-P",
    "CN_C:03-01": "request-C !finalization-P",
    "CN_C:03-02": "request-C offer-P !agreement-P",
    "CN_C:03-03": "request-C offer-P !finalization-P",
    "CN_C:03-04": "request-C offer-P acceptance-C !finalization-P",
    "CN_C:03-05": "request-C offer-P acceptance-C !offer-P",
    "CN_C:03-06": "request-C offer-P acceptance-C agreement-P !finalization-P",
}
TRANSFER_WALKS = {
    "TP:01-01": "request-C start-P termination-P",
    "TP:01-02": "request-C start-P completion-P",
    "TP:01-03": "request-C start-P suspension-P termination-P",
    "TP:01-04": "request-C start-P suspension-P start-P completion-P",
    "TP:01-05": "request-C termination-P",
    "TP:02-01": "request-C start-P termination-C",
    "TP:02-02": "request-C start-P completion-C",
    "TP:02-03": "request-C start-P suspension-C termination-C",
    "TP:02-05": "request-C termination-C",
    "TP:03-01": "request-C !completion-C",
    "TP:03-02": "request-C !suspension-C",
    "TP:03-03": "request-C start-P suspension-C !completion-C",
    "TP:03-04": "request-C start-P termination-C !start-C",
    "TP:03-05": "request-C start-P termination-C !suspension-C",
    "TP:03-06": "request-C start-P termination-C !completion-C",
    "TP_C:01-01": "request-C start-P termination-P",
    "TP_C:01-02": "request-C start-P completion-P",
    "TP_C:01-03": "request-C start-P suspension-P termination-P",
    "TP_C:01-04": "request-C start-P suspension-P start-P completion-P",
    "TP_C:01-05": "request-C termination-P",
    "TP_C:02-01": "request-C start-P termination-C",
    "TP_C:02-02": "request-C start-P completion-C",
    "TP_C:02-03": "request-C start-P suspension-C termination-C",
    "TP_C:02-05": "request-C termination-C",
    "TP_C:03-01": "request-C !completion-P",
    "TP_C:03-02": "request-C !suspension-P",
    "TP_C:03-03": "request-C start-P suspension-P !completion-P",
    "TP_C:03-04": "request-C start-P termination-P !start-P",
    "TP_C:03-05": "request-C start-P termination-P !suspension-P",
    "TP_C:03-06": "request-C start-P termination-P !completion-P",
}
DISABLED_IN_THE_SUITE = {
    "TP:02-04": "request-C start-P suspension-C start-C completion-C",
    "TP_C:02-04": "request-C start-P suspension-C start-C completion-C",
}


def legal_moves(text):
    """{(source, message, sender): target} as plain strings."""
    moves = {}
    for line in text.split("\n"):
        if line:
            source, message, senders, target = line.split()
            moves |= {(source, message, C if sender == "C" else P): target for sender in senders}
    return moves


MACHINES = [
    pytest.param(NEGOTIATION, NegotiationState, NegotiationMessage, legal_moves(LEGAL_NEGOTIATION), id="negotiation"),
    pytest.param(TRANSFER, TransferState, TransferMessage, legal_moves(LEGAL_TRANSFER), id="transfer"),
]
TRIPLES = [
    pytest.param(machine, *triple, moves.get(triple), id=f"{machine.name}-{'-'.join(triple)}")
    for machine, states, messages, moves in (parameter.values for parameter in MACHINES)
    for triple in product(states, messages, Role)
]
WALKS = [
    pytest.param(machine, case, walk, id=case)
    for machine, walks in ((NEGOTIATION, NEGOTIATION_WALKS), (TRANSFER, TRANSFER_WALKS))
    for case, walk in walks.items()
]


@pytest.mark.parametrize(("machine", "state", "message", "sender", "target"), TRIPLES)
def test_every_triple_is_a_legal_move_or_refused(machine, state, message, sender, target):
    if target is not None:
        assert machine.step(state, message, sender) == target
        assert machine.may(state, message, sender)
        return
    assert not machine.may(state, message, sender)
    with pytest.raises(IllegalTransition) as caught:
        machine.step(state, message, sender)
    assert (caught.value.state, caught.value.message, caught.value.sender) == (state, message, sender)
    assert str(caught.value) == f"a {message} from the {sender} is not allowed in state {state}"


def test_there_are_112_negotiation_triples_of_which_19_are_legal_and_60_transfer_triples_of_which_14_are():
    assert (len(TRIPLES), len(NEGOTIATION.rows), len(TRANSFER.rows)) == (112 + 60, 19, 14)


@pytest.mark.parametrize(("machine", "states", "messages", "moves"), MACHINES)
def test_a_step_gives_the_same_for_words_read_from_the_database(machine, states, messages, moves):
    for (source, message, sender), target in moves.items():
        assert machine.step(str(source), str(message), str(sender)) == target


@pytest.mark.parametrize(("machine", "states", "messages", "moves"), MACHINES)
def test_every_state_is_reachable_from_new(machine, states, messages, moves):
    reached = {states("NEW")}
    while found := {row.target for row in machine.rows if row.source in reached} - reached:
        reached |= found
    assert reached == set(states)


@pytest.mark.parametrize(
    ("machine", "finals"),
    [
        pytest.param(NEGOTIATION, {"FINALIZED", "TERMINATED"}, id="negotiation"),
        pytest.param(TRANSFER, {"COMPLETED", "TERMINATED"}, id="transfer"),
    ],
)
def test_the_final_states_are_the_specification_s(machine, finals):
    states = NegotiationState if machine is NEGOTIATION else TransferState
    assert {state for state in states if machine.is_final(state)} == finals


@pytest.mark.parametrize(("machine", "states", "messages", "moves"), MACHINES)
def test_nothing_leads_back_to_new(machine, states, messages, moves):
    assert "NEW" not in {row.target for row in machine.rows}


@pytest.mark.parametrize(("machine", "states", "messages", "moves"), MACHINES)
@pytest.mark.parametrize("sender", Role)
def test_allowed_lists_exactly_the_steps_that_succeed(machine, states, messages, moves, sender):
    for state in states:
        assert dict(machine.allowed(state, sender)) == {
            message: moves[state, message, sender] for message in messages if (state, message, sender) in moves
        }


@pytest.mark.parametrize(("machine", "case", "walk"), WALKS)
def test_the_conformance_scenario_walks_rows_that_name_it_and_no_others(machine, case, walk):
    state, walked = machine.rows[0].source, []
    for step in walk.split():
        word, _, initial = step.removeprefix("!").partition("-")
        sender = C if initial == "C" else P
        if step.startswith("!"):
            assert not machine.may(state, word, sender)
        else:
            walked.append((state, word, sender))
            state = machine.step(state, word, sender)
    assert {(row.source, row.message, row.sender) for row in machine.rows if case in row.tck} == set(walked)


@pytest.mark.parametrize("walk", DISABLED_IN_THE_SUITE.values(), ids=DISABLED_IN_THE_SUITE)
def test_the_two_disabled_scenarios_would_succeed_although_no_row_names_them(walk):
    state = TransferState.NEW
    for step in walk.split():
        word, _, initial = step.partition("-")
        state = TRANSFER.step(state, word, C if initial == "C" else P)
    assert state == TransferState.COMPLETED


def test_the_rows_name_every_enabled_case_of_the_suite_and_nothing_else():
    named = {case for machine in (NEGOTIATION, TRANSFER) for row in machine.rows for case in row.tck}
    assert named == NEGOTIATION_WALKS.keys() | TRANSFER_WALKS.keys()
    assert len(named) == 65 - len({"MET:01-01", "CAT:01-01", "CAT:01-02", "CAT:01-03"})
    assert not named & DISABLED_IN_THE_SUITE.keys()


def test_every_row_says_where_the_specification_says_so():
    assert all(row.clause for machine in (NEGOTIATION, TRANSFER) for row in machine.rows)


def test_two_rows_for_one_state_message_and_sender_are_refused():
    row = Row(TransferState.NEW, TransferMessage.REQUEST, C, TransferState.REQUESTED, "figure")
    other = Row(TransferState.NEW, TransferMessage.REQUEST, C, TransferState.STARTED, "figure")
    with pytest.raises(ValueError, match="the table of twice has two rows"):
        Machine("twice", (row, other))


def test_a_role_knows_its_counterparty():
    assert (C.other, P.other) == (P, C)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param((), (), id="none"),
        pytest.param(("CN:01-01",), ("CN:01-01",), id="one"),
        pytest.param(("TP_C:03-04..06",), ("TP_C:03-04", "TP_C:03-05", "TP_C:03-06"), id="range"),
    ],
)
def test_ranges_of_cases_are_written_out(words, expected):
    assert cases(*words) == expected
