"""When a message was taken before. In doubt a suspension or termination is applied, and a start is not."""

from datetime import timedelta
from typing import Any

import pytest

from connector.exchange import rules
from connector.exchange.model import Kind, LastEvent, Party
from connector.exchange.rules import Reading
from tests.unit.exchange.builders import NOW, inbound, process, received, sent

REPEAT, PLAIN, ILLEGAL = Reading.REPEAT, Reading.PLAIN, Reading.ILLEGAL
EARLIER, LATER = NOW - timedelta(seconds=20), NOW + timedelta(seconds=20)
NO_ID: dict[str, Any] = {"message_id": None}
OTHER_ID: dict[str, Any] = {"message_id": "urn:uuid:another"}
OTHER_CONTENT: dict[str, Any] = {"content_digest": "another"}


def reading(
    kind: Kind, role: Party, state: str, message: str, last: LastEvent, *, stored: tuple[bool, bool] = (False, False),
    **changes: Any,
) -> Reading:  # fmt: skip
    """`stored`: whether the id, the content of the message are known from before."""
    id_seen, content_seen = stored
    standing = process(kind, role, state, last=last, id_seen=id_seen, content_seen=content_seen)
    return rules.read(standing, inbound(message, **changes))


ORDINARY = [
    pytest.param("negotiation", "consumer", "AGREED", "agreement", id="agreement"),
    pytest.param("negotiation", "provider", "VERIFIED", "verification", id="verification"),
    pytest.param("negotiation", "provider", "ACCEPTED", "acceptance", id="acceptance"),
    pytest.param("negotiation", "consumer", "FINALIZED", "finalization", id="finalization"),
    pytest.param("negotiation", "provider", "TERMINATED", "termination", id="termination of a negotiation"),
    pytest.param("transfer", "consumer", "STARTED", "start", id="start"),
    pytest.param("transfer", "provider", "SUSPENDED", "suspension", id="suspension"),
    pytest.param("transfer", "provider", "COMPLETED", "completion", id="completion"),
    pytest.param("transfer", "consumer", "TERMINATED", "termination", id="termination of a transfer"),
]


@pytest.mark.parametrize(("kind", "role", "state", "message"), ORDINARY)
@pytest.mark.parametrize("envelope", [{}, NO_ID, OTHER_ID], ids=["same id", "no id", "another id"])
def test_equal_content_right_after_it_was_taken_is_a_repeat(
    kind: Kind, role: Party, state: str, message: str, envelope: dict[str, Any]
):
    assert reading(kind, role, state, message, received(message), **envelope) is REPEAT


@pytest.mark.parametrize(("kind", "role", "state", "message"), ORDINARY)
def test_other_content_under_another_id_is_no_repeat(kind: Kind, role: Party, state: str, message: str):
    assert reading(kind, role, state, message, received(message), **OTHER_ID, **OTHER_CONTENT) is ILLEGAL


@pytest.mark.parametrize(
    ("role", "state", "message"),
    [("provider", "REQUESTED", "request"), ("consumer", "OFFERED", "offer")],
    ids=["counter-offer of the consumer", "offer of the provider"],
)
@pytest.mark.parametrize(
    ("envelopes", "expected"),
    [
        pytest.param(({}, {}), REPEAT, id="same id"),
        pytest.param((NO_ID, NO_ID), REPEAT, id="no id in either"),
        pytest.param(({}, OTHER_ID), ILLEGAL, id="another id"),
        pytest.param((NO_ID, {}), ILLEGAL, id="an id only now"),
        pytest.param(({}, NO_ID), ILLEGAL, id="an id only then"),
    ],
)
def test_a_proposal_made_again_is_a_repeat_only_in_the_same_envelope(
    role: Party, state: str, message: str, envelopes: tuple[dict[str, Any], dict[str, Any]], expected: Reading
):
    first, again = envelopes
    stored = (first == again == {}, True)
    last = received(message, **first)
    assert reading("negotiation", role, state, message, last, stored=stored, issued=LATER, **again) is expected


@pytest.mark.parametrize(
    ("stored", "changes", "expected"),
    [
        pytest.param((True, True), {"issued": LATER}, REPEAT, id="its id is stored"),
        pytest.param((False, True), NO_ID | {"issued": EARLIER}, REPEAT, id="no id, token from before our last move"),
        pytest.param((False, True), NO_ID | {"issued": LATER}, PLAIN, id="no id, token from after our last move"),
        pytest.param((False, False), NO_ID | {"issued": EARLIER}, PLAIN, id="no id, content never seen"),
        pytest.param((False, True), OTHER_ID | {"issued": EARLIER}, PLAIN, id="an id of its own, never seen"),
    ],
)
def test_a_late_copy_of_a_start_is_known_by_its_id_or_by_its_token(
    stored: tuple[bool, bool], changes: dict[str, Any], expected: Reading
):
    found = reading("transfer", "consumer", "SUSPENDED", "start", sent("suspension"), stored=stored, **changes)
    assert found is expected


@pytest.mark.parametrize("message", ["suspension", "termination"])
def test_in_doubt_what_stops_the_data_is_applied(message: str):
    copy = NO_ID | {"issued": EARLIER}
    assert reading("transfer", "provider", "STARTED", message, sent("start"), stored=(False, True), **copy) is PLAIN


def test_a_late_copy_of_an_offer_without_id_is_no_second_offer():
    copy = NO_ID | {"issued": EARLIER}
    found = reading("negotiation", "consumer", "REQUESTED", "offer", sent("request"), stored=(False, True), **copy)
    assert found is REPEAT


def test_an_id_that_is_known_makes_a_repeat_in_every_state():
    found = reading("negotiation", "provider", "FINALIZED", "request", sent("finalization"), stored=(True, False))
    assert found is REPEAT


def test_our_own_last_move_is_not_taken_for_the_message_of_the_peer():
    last = LastEvent("termination", "sent", None, "digest of their termination", NOW)
    assert reading("transfer", "provider", "TERMINATED", "termination", last, **NO_ID) is ILLEGAL


@pytest.mark.parametrize("known", [True, False], ids=["seen", "unseen"])
def test_the_first_message_of_a_process_is_no_repeat_of_nothing(known: bool):
    standing = process("transfer", "provider", "STARTED", content_seen=known)
    assert rules.is_repeat(standing, inbound("suspension", message_id=None)) is False
