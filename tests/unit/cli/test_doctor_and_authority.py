"""`tidegate doctor` and `status`; and what only an authority can do."""

import json

import pytest

PEER = "did:web:provider.example"
BAD = {"name": "peer x", "ok": False, "detail": "does not answer", "hint": "is it running?"}


def test_a_finding_ends_with_1_and_says_what_to_do(tidegate, participant):
    participant.on("GET /api/doctor", {"ok": False, "findings": [BAD]})
    result = tidegate("doctor")
    assert result.exit_code == 1
    assert "wrong peer x: does not answer\n      → is it running?" in result.stdout
    assert "not well: peer x" in result.stderr


def test_findings_from_here_and_from_the_participant_are_one_document(tidegate, participant):
    participant.on("GET /api/doctor", {"ok": True, "findings": [BAD | {"ok": True}]})
    found = json.loads(tidegate("doctor", "--json").stdout)
    assert found["ok"] is True
    assert [finding["name"] for finding in found["findings"]] == ["folder", "participant", "peer x"]


def test_secrets_that_others_can_read_are_named(tidegate, participant, home):
    participant.on("GET /api/doctor", {"ok": True, "findings": []})
    (home / "signing-key.pem").touch(mode=0o644)
    (home / "signing-key.pem").chmod(0o644)
    result = tidegate("doctor")
    assert result.exit_code == 1
    assert f"chmod 600 {home}/signing-key.pem" in result.stdout


def test_a_folder_that_others_can_write_is_named(tidegate, participant, home):
    participant.on("GET /api/doctor", {"ok": True, "findings": []})
    home.chmod(0o777)
    assert f"others can write into {home}" in tidegate("doctor").stdout


def test_where_none_runs_the_settings_are_looked_at(tidegate, home, monkeypatch):
    said = tidegate("doctor")
    assert said.exit_code == 3
    assert "authority_did is missing" in said.stdout
    monkeypatch.setenv("TIDEGATE_AUTHORITY_DID", "did:web:authority.example")
    assert "settings: are complete" in tidegate("doctor").stdout


def test_a_misspelt_setting_is_found(tidegate, home, monkeypatch):
    monkeypatch.setenv("TIDEGATE_AUTHORTY_DID", "did:web:authority.example")
    assert "unknown setting TIDEGATE_AUTHORTY_DID" in tidegate("doctor").stdout


def test_status_ends_with_3_while_the_database_is_away(tidegate, participant):
    counted = dict.fromkeys(("offerings", "agreements"))
    participant.on("GET /api/status", {"id": PEER, "roles": [], "ready": False, "memory_bytes": 1, **counted})
    result = tidegate("status")
    assert result.exit_code == 3
    assert PEER in result.stdout
    assert "the database is away" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["members"],
        ["members", "add", PEER],
        ["members", "remove", PEER],
        ["audit", "compare", "a", "--provider", PEER, "--consumer", PEER],
    ],
    ids=" ".join,
)
def test_what_only_an_authority_can_do_ends_with_4_elsewhere(tidegate, participant, arguments):
    result = tidegate(*arguments)
    assert result.exit_code == 4
    assert "this participant is not an authority" in result.stderr


def test_a_member_is_added_with_title_and_address(tidegate, participant):
    participant.on("POST /api/members", {"did": PEER, "changed": False})
    result = tidegate("members", "add", PEER, "--title", "Provider", "--url", "https://provider.example")
    assert participant.last.body == {"did": PEER, "title": "Provider", "url": "https://provider.example"}
    assert f"{PEER} was a member already" in result.stdout


def test_records_that_differ_end_with_1_and_name_the_difference(tidegate, participant):
    problems = ["the provider has no leaf for the consumer's request"]
    answer = {"agreement": "a", "provider_leaves": 3, "consumer_leaves": 4, "consistent": False, "problems": problems}
    participant.on("POST /api/audit/compare", answer)
    result = tidegate("audit", "compare", "a", "--provider", PEER, "--consumer", PEER)
    assert result.exit_code == 1
    assert problems[0] in result.stdout
    assert f"what the parties recorded about a differs: {problems[0]}" in result.stderr


@pytest.mark.parametrize(
    ("leaf", "said"),
    [(None, "altered: cannot be read"), ({"kind": "transfer", "from": "STARTED", "to": None}, "STARTED → withdrawn")],
    ids=["altered", "withdrawn"],
)
def test_a_leaf_that_leads_nowhere_says_so(tidegate, participant, leaf, said):
    shown = {"id": 1, "process": "p", "seq": None, "at": "t", "hash": "ab" * 32, "leaf": leaf}
    participant.on("GET /api/audit/leaves", [shown])
    assert said in tidegate("audit", "leaves").stdout
