"""`tidegate publish`, as the participant sees it and as a person reads it."""

import json

import pytest

LISTING = {
    "folder": "/data",
    "sources": [{"id": "run-1", "path": "run-1", "kind": "sfincs", "files": ["sfincs_map.nc"], "bytes": 1_800_000}],
    "skipped": [{"path": "secret.nc", "reason": "a symbolic link that leaves the folder"}],
}
RUN = {"id": "run-1", "title": "Flood run", "version": 2, "files": 1, "bytes": 1_800_000, "outcome": "new version"}
REPORT = {"published": [RUN], "problems": [], "skipped": LISTING["skipped"], "cautions": []}
BROKEN = {"path": "b.nc", "reason": "it is not a readable NetCDF file", "hint": "copy it again"}


@pytest.fixture
def participant(participant):
    participant.on("POST /api/offerings/preview", LISTING)
    participant.on("POST /api/offerings", REPORT)
    return participant


def test_what_would_be_published_and_what_not_is_shown_before_with_the_terms(tidegate, participant, tmp_path):
    result = tidegate("publish", tmp_path, "--policy", "open")
    before, _, after = result.stdout.partition("Terms: You may use this data, without conditions.")
    assert "run-1" in before
    assert "1.8 MB" in before
    assert "secret.nc" in before
    assert "a symbolic link that leaves the folder" in before
    assert "new version" in after


def test_the_participant_is_given_an_absolute_path_the_terms_and_the_crs(tidegate, participant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert tidegate("publish", "runs", "--policy", "open", "--crs", "EPSG:4326", "--variant", "free").exit_code == 0
    assert participant.last.body == {
        "folder": str(tmp_path / "runs"),
        "crs": "EPSG:4326",
        "policy": {"permission": [{"action": "use"}]},
        "variant": "free",
    }


def test_a_broken_source_is_named_the_rest_is_published_and_the_exit_code_is_1(tidegate, participant, tmp_path):
    participant.on("POST /api/offerings", REPORT | {"problems": [BROKEN]})
    result = tidegate("publish", tmp_path, "--policy", "open")
    assert result.exit_code == 1
    assert "new version" in result.stdout
    assert "copy it again" in result.stdout
    assert "b.nc: it is not a readable NetCDF file" in result.stderr


def test_a_broken_source_is_in_the_document_and_the_error_is_json(tidegate, participant, tmp_path):
    participant.on("POST /api/offerings", REPORT | {"problems": [BROKEN]})
    result = tidegate("publish", tmp_path, "--policy", "open", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == [BROKEN]
    assert json.loads(result.stderr)["code"] == "broken_source"


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["for a person", "for a script"])
def test_a_folder_with_nothing_to_publish_is_no_success(tidegate, participant, tmp_path, arguments):
    participant.on("POST /api/offerings/preview", LISTING | {"sources": []})
    participant.on("POST /api/offerings", REPORT | {"published": []})
    result = tidegate("publish", tmp_path, "--policy", "open", *arguments)
    assert result.exit_code == 1
    assert "there is nothing here that can be published" in result.stderr


def test_cautions_about_the_terms_are_read(tidegate, participant, tmp_path):
    participant.on("POST /api/offerings", REPORT | {"cautions": ["it permits nobody."]})
    assert "Caution: it permits nobody." in tidegate("publish", tmp_path, "--policy", "open").stdout


def test_a_wrong_policy_is_refused_before_the_participant_is_asked(tidegate, participant, tmp_path):
    result = tidegate("publish", tmp_path, "--policy", "closed")
    assert result.exit_code == 2
    assert "one of: open | research-until" in result.stderr
    assert participant.asked == []


@pytest.mark.parametrize(
    ("answer", "arguments", "code"),
    [
        ("y\n", [], 0),
        ("n\n", [], 1),
        ("\n", [], 1),
        ("", [], 130),
        ("", ["--yes"], 0),
    ],
    ids=["yes", "no", "no is the default", "closed without an answer", "not asked"],
)
def test_on_a_terminal_a_person_is_asked(terminal, participant, answer, arguments, code):
    result = terminal("publish", ".", "--policy", "open", *arguments, input=answer)
    assert result.exit_code == code
    assert ("Publish this?" in result.stderr) is (arguments == [])
    assert (participant.last.path == "/api/offerings") is (code == 0)


@pytest.fixture
def terminal(tidegate, monkeypatch):
    """The command line where both standard input and output are a terminal."""
    monkeypatch.setattr("connector.cli.publish._somebody_is_there", lambda: True)
    return tidegate
