"""Given where a transfer stands, what is sent next, and whether data may flow. No database, no socket."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.dataplane.flows import close_flow_statement
from connector.exchange.model import Effect, Process, Reaction
from connector.protocol.wire import parse_message
from connector.transfer import react
from connector.transfer.model import Access, access_from
from connector.transfer.react import Ticket
from connector.transfer.tasks import plain_name
from tests.unit.exchange.builders import OWN_PID, PEER, PEER_PID, process

TICKET = Ticket("https://own.example/data/x", "secret", "jti-1", datetime(2026, 11, 25, tzinfo=UTC), 2, "file")


def standing(state: str, role: Any = "provider") -> Process:
    return process("transfer", role, state, agreement="urn:uuid:a", data={"format": "HttpData-PULL"})


def closes(reaction: Reaction) -> bool:
    """Whether the reaction closes the flow of the transfer in its own transaction."""
    return [effect.sql for effect in reaction.effects] == [close_flow_statement(transfer="", reason="")[0]] and all(
        effect.params["transfer"] == OWN_PID for effect in reaction.effects
    )


def test_a_start_opens_the_flow_for_the_token_it_gives():
    reaction = react.started(standing("REQUESTED"), TICKET)
    assert reaction.send is not None
    address = reaction.send.document["dataAddress"]
    properties = {each["name"]: each["value"] for each in address["endpointProperties"]}
    assert (address["endpoint"], properties["authorization"], properties["authType"]) == (
        TICKET.endpoint, "secret", "bearer",
    )  # fmt: skip
    (effect,) = reaction.effects
    expected = {
        "transfer": OWN_PID, "consumer": PEER, "agreement": "urn:uuid:a", "offering": "flood-map", "jti": "jti-1",
        "version": 2, "expires_at": TICKET.expires_at,
    }  # fmt: skip
    assert {name: effect.params[name] for name in expected} == expected


def test_the_token_gets_into_the_message_and_nowhere_else():
    reaction = react.started(standing("REQUESTED"), TICKET, decision={"result": True})
    assert reaction.send is not None
    kept = (reaction.data, reaction.send.evidence, [effect.params for effect in reaction.effects])
    assert "secret" not in str(kept)
    assert reaction.data == {"format": "HttpData-PULL", "decision": {"result": True}}


@pytest.mark.parametrize("word", ["suspension", "termination"])
@pytest.mark.parametrize("role", ["provider", "consumer"])
def test_what_we_stop_is_closed_with_the_decision(word: str, role: str):
    reaction = react.ended(standing("STARTED", role), word, code="operator", reason="enough", by="did:web:own.example")
    assert reaction.send is not None
    assert (reaction.send.message, reaction.send.path) == (word, f"/transfers/{PEER_PID}/{word}")
    assert (reaction.send.document["code"], reaction.send.document["reason"]) == ("operator", ["enough"])
    assert reaction.data is not None
    assert reaction.data["failure"] == {"code": "operator", "reason": "enough", "by": "did:web:own.example"}
    assert closes(reaction)


@pytest.mark.parametrize("word", ["suspension", "completion", "termination"])
def test_what_the_peer_stops_is_closed_with_its_message(word: str):
    assert closes(react.told(standing("STARTED"), word, code=None, reasons=()))


def test_the_peer_s_reason_is_kept_as_it_came():
    reaction = react.told(standing("STARTED"), "termination", code="quota", reasons=("too much", {"@value": "zu viel"}))
    assert reaction.data is not None
    assert reaction.data["failure"] == {"code": "quota", "reason": "too much; {'@value': 'zu viel'}", "by": PEER}


def test_a_completion_is_no_failure():
    reaction = react.told(standing("STARTED"), "completion", code=None, reasons=())
    assert reaction.data == {"format": "HttpData-PULL"}


def test_what_policy_refuses_is_terminated_closed_and_keeps_the_decision():
    reaction = react.refused(standing("REQUESTED"), code="policy", reason="expired", decision={"result": False})
    assert reaction.send is not None
    assert reaction.send.message == "termination"
    assert reaction.data is not None
    assert (reaction.data["decision"], reaction.data["failure"]["reason"]) == ({"result": False}, "expired")
    assert closes(reaction)


def test_a_completion_tells_the_record_what_was_received():
    received = {"bytes": 7, "digest": "00", "path": "/home/me", "files": ["a"]}
    reaction = react.completed(standing("STARTED", "consumer"), received=received)
    assert reaction.send is not None
    assert reaction.send.evidence == {"bytes": 7, "digest": "00"}
    assert "/home/me" not in str(reaction.send)
    assert reaction.data is not None
    assert reaction.data["received"] == received


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(react.started(standing("REQUESTED"), TICKET).send, id="start"),
        pytest.param(react.resumed_by_consumer(standing("SUSPENDED", "consumer")), id="start by the consumer"),
        pytest.param(react.ended(standing("STARTED"), "suspension", code="c", reason="r").send, id="suspension"),
        pytest.param(react.ended(standing("STARTED"), "termination", code="c", reason="r").send, id="termination"),
        pytest.param(
            react.completed(standing("STARTED", "consumer"), received={"bytes": 1, "digest": "0"}).send, id="completion"
        ),
        pytest.param(
            react.request(
                process("transfer", "consumer", "NEW"), agreement_id="urn:uuid:a", transfer_format="HttpData-PULL",
                callback_address="https://own.example/dsp",
            ),
            id="request",
        ),
    ],
)  # fmt: skip
def test_what_we_send_is_a_message_that_we_would_take(draft: Any):
    assert parse_message(dict(draft.document)) is not None


def test_a_flow_is_closed_by_its_transfer():
    assert isinstance(react.close_flow(standing("STARTED"), "why"), Effect)
    assert react.close_flow(standing("STARTED"), "why").params == {"transfer": OWN_PID, "reason": "why"}


@pytest.mark.parametrize("token", ["secret", None])
def test_an_access_comes_back_from_what_a_process_keeps(token: str | None):
    access = Access("https://peer.example/data", token)
    assert access_from({"access": access.as_data()}) == access
    assert access_from({}) is None


def test_an_access_does_not_show_its_token():
    assert "secret" not in repr(Access("https://peer.example/data", "secret"))


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        ("urn:uuid:5c9e", "urn_uuid_5c9e"),
        ("../../etc/passwd", "etc_passwd"),
        ("..", "data"),
        ("", "data"),
        ("a\u0000b/c", "a_b_c"),
        (".hidden", "hidden"),
        ("x" * 500, "x" * 120),
    ],
)
def test_an_id_that_a_peer_chose_makes_one_safe_name(chosen: str, name: str):
    assert plain_name(chosen) == name
