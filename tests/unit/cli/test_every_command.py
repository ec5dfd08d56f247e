"""What holds for every command: one JSON document, exit codes, help with an example."""

import json

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from connector.cli.exits import MEANINGS
from connector.cli.main import app

PEER = "did:web:provider.example"
ENTRY = {
    "id": "run-1",
    "title": "Flood run",
    "description": "",
    "version": 1,
    "offer_id": "run-1:1",
    "kind": "folder",
    "bytes": 12,
    "files": 1,
    "bbox": None,
    "start": None,
    "end": None,
    "policy": {},
    "terms": "You may use “Flood run”.",
    "source": "/data/run-1",
    "variant": "",
    "published_at": "2026-11-25T10:00:00Z",
    "withdrawn_at": None,
}
SOURCE = {"id": "r", "path": "r", "kind": "sfincs", "files": ["a"], "bytes": 1}
PREVIEW = {"folder": "/d", "sources": [SOURCE], "skipped": []}
PUBLISHED = {"published": [ENTRY | {"outcome": "new"}], "problems": [], "skipped": [], "cautions": []}
CATALOG = {
    "participant": PEER,
    "title": "Provider",
    "complete": True,
    "datasets": [{"id": "run-1", "title": "Flood run", "offers": [{"id": "run-1:1", "terms": "You may use it."}]}],
}
LEAF = {
    "id": 1,
    "process": "urn:uuid:1",
    "seq": 1,
    "at": "2026-11-25T10:00:00Z",
    "hash": "ab" * 32,
    "leaf": {"kind": "negotiation", "from": "NEW", "to": "REQUESTED", "direction": "sent", "message": "cd" * 32},
}
COMPARED = {"agreement": "a", "provider_leaves": 4, "consumer_leaves": 4, "consistent": True, "problems": []}
STATUS = {"id": PEER, "roles": ["consumer"], "ready": True, "memory_bytes": 90_000_000, "process_id": 7}
MEMBER = {"did": PEER, "title": "Provider", "url": "https://provider.example", "added_at": "2026-11-25T10:00:00Z"}
AGREEMENT = {
    "id": "urn:uuid:a",
    "role": "consumer",
    "peer": PEER,
    "offering": "run-1",
    "sentence": "You may use it.",
    "agreed_at": "2026-11-25T10:00:00Z",
}

# Command, route, answer (a name of the process fixture's kinds, or the document), and a word of what a person reads.
COMMANDS = {
    "publish": (["publish", ".", "--policy", "open"], "POST /api/offerings", PUBLISHED, "Flood run"),
    "offerings": (["offerings"], "GET /api/offerings", {"offerings": [ENTRY], "next": None}, "Flood run"),
    "offerings show": (
        ["offerings", "show", "run-1"],
        "GET /api/offerings/run-1",
        ENTRY | {"document": {"assets": [{"path": "a.nc", "bytes": 12, "sha256": "ab" * 32}]}},
        "ab" * 32,
    ),
    "offerings withdraw": (
        ["offerings", "withdraw", "run-1"],
        "POST /api/offerings/run-1/withdraw",
        {"id": "run-1", "withdrawn_at": "2026-11-25T10:00:00Z"},
        "run-1 is withdrawn",
    ),
    "catalog": (["catalog", PEER], "POST /api/catalog", CATALOG, "You may use it."),
    "negotiate": (["negotiate", PEER, "run-1"], "POST /api/negotiations", "negotiation", "urn:uuid:agreement"),
    "get": (["get", "urn:uuid:agreement"], "POST /api/transfers", "transfer", "/home/downloads/run-1"),
    "negotiations": (["negotiations"], "GET /api/negotiations", ["negotiation"], "FINALIZED"),
    "negotiations show": (
        ["negotiations", "show", "urn:uuid:negotiation"],
        "GET /api/negotiations/urn%3Auuid%3Anegotiation",
        "negotiation",
        "FINALIZED",
    ),
    "negotiations accept": (
        ["negotiations", "accept", "x"],
        "POST /api/negotiations/x/acceptance",
        "negotiation",
        "FINALIZED",
    ),
    "negotiations end": (
        ["negotiations", "end", "x", "--reason", "no"],
        "POST /api/negotiations/x/termination",
        "negotiation",
        "FINALIZED",
    ),
    "transfers": (["transfers"], "GET /api/transfers", ["transfer"], "COMPLETED"),
    "transfers show": (["transfers", "show", "x"], "GET /api/transfers/x", "transfer", "COMPLETED"),
    "transfers suspend": (
        ["transfers", "suspend", "x", "--reason", "night"],
        "POST /api/transfers/x/suspension",
        "transfer",
        "COMPLETED",
    ),
    "transfers resume": (["transfers", "resume", "x"], "POST /api/transfers/x/start", "transfer", "COMPLETED"),
    "transfers end": (
        ["transfers", "end", "x", "--reason", "no"],
        "POST /api/transfers/x/termination",
        "transfer",
        "COMPLETED",
    ),
    "agreements": (["agreements"], "GET /api/agreements", [AGREEMENT], "You may use it."),
    "members": (["members"], "GET /api/members", [MEMBER], "https://provider.example"),
    "members add": (["members", "add", PEER], "POST /api/members", {"did": PEER, "changed": True}, "is a member"),
    "members remove": (
        ["members", "remove", PEER],
        "DELETE /api/members/did%3Aweb%3Aprovider.example",
        {"did": PEER, "changed": True},
        "is no member any more",
    ),
    "audit leaves": (["audit", "leaves", "a"], "GET /api/audit/leaves", [LEAF], "NEW → REQUESTED"),
    "audit compare": (
        ["audit", "compare", "a", "--provider", PEER, "--consumer", "did:web:c.example"],
        "POST /api/audit/compare",
        COMPARED,
        "Both recorded the same.",
    ),
    "status": (["status"], "GET /api/status", STATUS, "90.0 MB"),
    "doctor": (["doctor"], "GET /api/doctor", {"ok": True, "findings": []}, "ok    participant: answers"),
}
NOT_OVER_THE_API = {"demo", "serve"}


def verbs(command, path=""):
    if not isinstance(command, TyperGroup):
        return {path.strip(): command}
    return {
        name: verb for each, below in command.commands.items() for name, verb in verbs(below, f"{path} {each}").items()
    }


VERBS = verbs(get_command(app))


@pytest.fixture
def asked(participant, process):
    """The participant, ready for a command of the table; the document it will answer with."""

    def prepare(name):
        _, route, answer, _ = COMMANDS[name]
        received = {"path": "/home/downloads/run-1", "files": ["a.nc"], "bytes": 12, "digest": "ab" * 32, "seconds": 1}
        known = {
            "negotiation": process(state="FINALIZED", agreement="urn:uuid:agreement", sentence="You may use it."),
            "transfer": process("transfer", state="COMPLETED", agreement="urn:uuid:agreement", received=received),
        }
        if isinstance(answer, list):
            document = [known[each] if isinstance(each, str) else each for each in answer]
        else:
            document = known[answer] if isinstance(answer, str) else answer
        participant.on("GET /api/transfers", [])
        participant.on("POST /api/offerings/preview", PREVIEW)
        participant.on(route, document)
        return document

    return prepare


def test_the_table_has_every_command():
    # what `tidegate policy` does with files is in tests/odrl
    named = {name.removesuffix(" list") for name in VERBS if not name.startswith("policy ")}
    assert named == set(COMMANDS) | NOT_OVER_THE_API


@pytest.mark.parametrize("name", COMMANDS)
def test_a_person_reads_what_came_of_it(tidegate, asked, participant, name):
    arguments, route, _, words = COMMANDS[name]
    asked(name)
    result = tidegate(*arguments)
    assert (result.exit_code, words in result.stdout) == (0, True), result.output
    assert route in [f"{each.method} {each.path}" for each in participant.asked]


@pytest.mark.parametrize("name", COMMANDS)
def test_with_json_standard_output_is_one_document_and_nothing_else(tidegate, asked, name):
    document = asked(name)
    result = tidegate(*COMMANDS[name][0], "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = json.loads(result.stdout)
    if name == "offerings":
        document = document["offerings"]
    assert shown == document or name == "doctor"


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_participant_every_command_ends_with_3_and_says_what_to_do(tidegate, home, name):
    result = tidegate(*COMMANDS[name][0])
    assert result.exit_code == 3
    assert "no participant runs in" in result.output
    assert "tidegate serve starts one" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_participant_the_error_is_json_too(tidegate, home, name):
    result = tidegate(*COMMANDS[name][0], "--json")
    assert result.exit_code == 3
    assert json.loads(result.stderr)["code"] in {"unreachable", "findings"}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "case",
    [
        ((400, {"code": "invalid_input", "message": "m"}), 2),
        ((422, {"detail": [{"loc": ["body", "did"], "msg": "is missing"}]}), 2),
        ((403, {"code": "refused", "message": "m"}), 1),
        ((403, {"code": "not_authorized", "message": "m"}), 4),
        ((409, {"code": "move_not_open", "message": "m"}), 1),
        ((502, {"code": "delivery_failed", "message": "m"}), 1),
        ((503, {"code": "storage_error", "message": "m"}), 3),
        ((500, {"code": "unexpected", "message": "m"}), 1),
        ((200, b"<html>another program</html>"), 3),
        ((500, b""), 3),
    ],
    ids=lambda case: f"{case[0][0]} {str(case[0][1])[:32]}",
)
def test_an_error_of_the_participant_becomes_an_exit_code_and_never_a_traceback(
    tidegate, asked, participant, name, case
):
    answer, code = case
    asked(name)
    participant.on(COMMANDS[name][1], answer)
    result = tidegate(*COMMANDS[name][0])
    assert result.exit_code == code
    assert result.stderr.startswith("error: ") or name == "doctor"
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", VERBS)
def test_every_command_has_help_with_an_example_that_calls_it(tidegate, name):
    result = tidegate(*name.split(), "--help")
    assert result.exit_code == 0
    called = f"Example: tidegate {name.removesuffix(' list')}"
    assert VERBS[name].epilog.startswith(called)
    assert called in " ".join(result.stdout.split())
    assert "--json" in result.stdout


def test_the_help_of_all_documents_every_exit_code(tidegate):
    said = " ".join(tidegate("--help").stdout.split())
    for code, meaning in MEANINGS.items():
        assert f"{code.value} {meaning}" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["publsh"],
        ["publish", "."],
        ["get"],
        ["get", "a", "--nonsense"],
        ["negotiate", PEER, "d", "--wait", "soon"],
        ["transfers", "--limit", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_names_the_help(tidegate, home, arguments):
    result = tidegate(*arguments)
    assert result.exit_code == 2
    assert "--help" in result.stderr
    as_json = tidegate(*arguments, "--json")
    assert (as_json.exit_code, as_json.stdout, json.loads(as_json.stderr)["code"]) == (2, "", "usage")
