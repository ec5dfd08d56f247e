"""Waiting for a negotiation or a transfer, and what is said about its end."""

import json
from typing import Any

import pytest

PEER = "did:web:provider.example"
NEGOTIATION = "/api/negotiations/urn:uuid:negotiation"
TRANSFER = "/api/transfers/urn:uuid:transfer"
REFUSED = {"code": "policy", "reason": "Refused: the purpose is “selling”.", "by": PEER}
RECEIVED = {
    "path": "/downloads/run-1",
    "files": ["a.nc", "b.nc"],
    "bytes": 3_000_000,
    "digest": "ab" * 32,
    "seconds": 2,
}


def test_a_contract_is_asked_for_as_it_was_said(tidegate, participant, process):
    participant.on("POST /api/negotiations", process(state="FINALIZED", agreement="urn:uuid:a"))
    said = ("negotiate", PEER, "run-1", "--offer", "run-1:2", "--purpose", "research", "--purpose", "teaching")
    assert tidegate(*said).exit_code == 0
    assert participant.last.body == {
        "provider": PEER,
        "dataset": "run-1",
        "offer": "run-1:2",
        "purpose": ["research", "teaching"],
    }


def test_the_command_waits_until_both_sides_have_the_agreement(tidegate, participant, process):
    participant.on("POST /api/negotiations", process(state="NEW", sending="request"))
    done = process(state="FINALIZED", agreement="urn:uuid:a")
    participant.on(f"GET {NEGOTIATION}", process(), process(state="VERIFIED", sending=None), done)
    result = tidegate("negotiate", PEER, "run-1")
    assert result.exit_code == 0
    assert "urn:uuid:a" in result.stdout
    assert "Next: tidegate get urn:uuid:a" in result.stderr
    assert len(participant.asked) == 4
    assert 0 < float(participant.last.query["wait_seconds"]) <= 1


def test_a_refusal_says_why_and_ends_with_1(tidegate, participant, process):
    participant.on("POST /api/negotiations", process(state="TERMINATED", failure=REFUSED))
    result = tidegate("negotiate", PEER, "run-1")
    assert result.exit_code == 1
    assert f"the negotiation was ended by {PEER}: Refused: the purpose is “selling”." in result.stderr
    as_json = tidegate("negotiate", PEER, "run-1", "--json")
    assert json.loads(as_json.stdout)["failure"] == REFUSED
    assert json.loads(as_json.stderr)["code"] == "policy"


def test_a_request_that_the_provider_did_not_take_says_why(tidegate, participant, process):
    failure = {"code": "offer_not_valid", "reason": "the offer is stale"}
    participant.on("POST /api/negotiations", process(state="NEW", failure=failure))
    result = tidegate("negotiate", PEER, "run-1")
    assert result.exit_code == 1
    assert "was not taken by the other side: the offer is stale" in result.stderr


def test_other_terms_wait_for_a_person_who_is_told_how_to_accept_them(tidegate, participant, process):
    offered = process(state="OFFERED", awaits_decision=True, sentence="You may use it for research.")
    participant.on("POST /api/negotiations", offered)
    result = tidegate("negotiate", PEER, "run-1")
    assert result.exit_code == 1
    assert "offers other terms: You may use it for research." in result.stderr
    assert "tidegate negotiations accept urn:uuid:negotiation" in result.stderr


def test_what_takes_longer_than_the_wait_goes_on_and_ends_with_1(tidegate, participant, process):
    waiting = process(state="NEW", sending="request", last_error="connection refused")
    participant.on("POST /api/negotiations", waiting)
    participant.on(f"GET {NEGOTIATION}", waiting)
    result = tidegate("negotiate", PEER, "run-1", "--wait", "0.05")
    assert result.exit_code == 1
    assert f"goes on by itself; {PEER} was not reached: connection refused" in result.stderr
    assert "tidegate negotiations show urn:uuid:negotiation" in result.stderr


def test_without_waiting_the_contract_is_only_asked_for(tidegate, participant, process):
    participant.on("POST /api/negotiations", process(state="NEW", sending="request"))
    result = tidegate("negotiate", PEER, "run-1", "--wait", "0", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(participant.asked) == 1


@pytest.fixture
def transfers(participant, process):
    """The participant with a list of transfers, and one that completes when it is asked for."""

    def prepare(*known: Any):
        participant.on("GET /api/transfers", list(known))
        participant.on("POST /api/transfers", process("transfer", state="NEW", sending="request"))
        participant.on(f"GET {TRANSFER}", process("transfer", state="COMPLETED", received=RECEIVED))
        participant.on(f"POST {TRANSFER}/start", process("transfer", state="SUSPENDED", sending="start"))

    return prepare


def posted(participant):
    return [each.path for each in participant.asked if each.method == "POST"]


def test_get_says_where_the_files_are_and_their_digest(tidegate, participant, transfers):
    transfers()
    result = tidegate("get", "urn:uuid:a")
    assert result.exit_code == 0
    for said in ("/downloads/run-1", "a.nc, b.nc", "3.0 MB", "ab" * 32):
        assert said in result.stdout
    assert posted(participant) == ["/api/transfers"]


def test_of_many_files_the_first_are_named(tidegate, participant, transfers, process):
    transfers()
    files = [f"{number}.nc" for number in range(12)]
    participant.on(f"GET {TRANSFER}", process("transfer", state="COMPLETED", received=RECEIVED | {"files": files}))
    assert "9.nc and 2 more" in tidegate("get", "urn:uuid:a").stdout


def test_a_transfer_that_is_under_way_is_taken_up(tidegate, participant, transfers, process):
    transfers(process("transfer", state="STARTED", agreement="urn:uuid:a"))
    assert tidegate("get", "urn:uuid:a").exit_code == 0
    assert posted(participant) == []


@pytest.mark.parametrize(
    "other",
    [
        {"state": "STARTED", "agreement": "urn:uuid:b"},
        {"state": "STARTED", "agreement": "urn:uuid:a", "role": "provider"},
        {"state": "COMPLETED", "agreement": "urn:uuid:a"},
        {"state": "TERMINATED", "agreement": "urn:uuid:a"},
        {"state": "NEW", "agreement": "urn:uuid:a", "failure": {"code": "x", "reason": "y"}},
    ],
    ids=["another agreement", "we provide", "completed", "terminated", "never taken"],
)
def test_otherwise_a_new_transfer_is_asked_for(tidegate, participant, transfers, process, other):
    transfers(process("transfer", **other))
    assert tidegate("get", "urn:uuid:a").exit_code == 0
    assert posted(participant) == ["/api/transfers"]


def test_a_suspended_transfer_is_resumed(tidegate, participant, transfers, process):
    transfers(process("transfer", state="SUSPENDED", agreement="urn:uuid:a", open_to_us=["start", "termination"]))
    assert tidegate("get", "urn:uuid:a").exit_code == 0
    assert posted(participant) == [f"{TRANSFER}/start"]


def test_a_suspension_that_we_may_not_end_says_who_made_it_and_why(tidegate, transfers, process):
    failure = {"code": "suspension", "reason": "maintenance", "by": PEER}
    transfers(process("transfer", state="SUSPENDED", agreement="urn:uuid:a", failure=failure))
    result = tidegate("get", "urn:uuid:a")
    assert result.exit_code == 1
    assert f"was suspended by {PEER}: maintenance" in result.stderr


def test_a_failed_download_says_why(tidegate, participant, transfers, process):
    transfers()
    full = {"code": "no_room", "reason": "the disk is full: 3 GB are missing"}
    participant.on(f"GET {TRANSFER}", process("transfer", state="SUSPENDED", agreement="urn:uuid:a", failure=full))
    result = tidegate("get", "urn:uuid:a")
    assert result.exit_code == 1
    assert "the disk is full: 3 GB are missing" in result.stderr
    assert "tidegate get urn:uuid:a takes it up again" in result.stderr


def test_get_without_waiting_ends_at_once(tidegate, participant, transfers):
    transfers()
    assert tidegate("get", "urn:uuid:a", "--no-wait").exit_code == 0
    assert participant.last.path == "/api/transfers"
