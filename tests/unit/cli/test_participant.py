"""Finding the participant, and talking to it."""

import json
import os
import socket
import stat

import pytest

from connector.cli.api import Api, default_home
from connector.errors import ConfigurationError, NotFound
from connector.management.participant_file import (
    Whereabouts,
    management_address,
    read_participant_file,
    remove_participant_file,
    write_participant_file,
)
from connector.settings import Settings
from tests.unit.cli.fake import DID, TOKEN, say_it_runs

GONE = 2**22 + 1  # above the largest process id of Linux


def test_the_operator_token_goes_with_every_request(tidegate, participant):
    participant.on("GET /api/agreements", [])
    assert tidegate("agreements").exit_code == 0
    assert participant.last.token == f"Bearer {TOKEN}"


def test_a_wrong_token_ends_with_4(tidegate, participant, home):
    (home / "operator.token").write_text("another")
    result = tidegate("agreements")
    assert (result.exit_code, result.stderr) == (4, "error: the operator token is missing or wrong\n")


def test_the_folder_may_be_named_on_the_command_line(tidegate, participant, home, monkeypatch):
    monkeypatch.delenv("TIDEGATE_HOME")
    participant.on("GET /api/agreements", [])
    assert tidegate("agreements").exit_code == 3
    assert tidegate("agreements", "--home", home).exit_code == 0


def test_the_default_folder_is_that_of_the_settings():
    assert default_home() == Settings.model_fields["home"].get_default(call_default_factory=True)


def test_a_token_that_others_can_read_is_not_used(tidegate, participant, home):
    (home / "operator.token").chmod(0o644)
    result = tidegate("agreements")
    assert result.exit_code == 4
    assert f"chmod 600 {home}/operator.token" in result.stderr
    assert participant.asked == []


def test_a_missing_token_ends_with_4(tidegate, participant, home):
    (home / "operator.token").unlink()
    assert tidegate("agreements").exit_code == 4


def test_after_a_crash_the_token_is_not_given_to_whoever_listens_there_now(tidegate, participant, home):
    say_it_runs(home, participant.port, pid=GONE)
    result = tidegate("agreements")
    assert result.exit_code == 3
    assert f"process {GONE} is gone" in result.stderr
    assert participant.asked == []


def test_nobody_listening_ends_with_3_and_names_the_address(tidegate, home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        say_it_runs(home, port)
        result = tidegate("agreements")
    assert result.exit_code == 3
    assert f"{DID} at http://127.0.0.1:{port} does not answer: Connection refused" in result.stderr


def test_a_participant_that_says_nothing_is_given_up_after_the_time_limit(home):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        api = Api(DID, f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN)
        with pytest.raises(Exception, match=r"did not answer within 0 s"):
            api.post("/api/catalog", {}, seconds=0.05)


def test_the_token_is_not_in_what_is_printed_of_it():
    assert TOKEN not in repr(Api(DID, "http://127.0.0.1:1", TOKEN))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"management_url": "u", "did": "d", "pid": "x"}'], ids=repr
)
def test_a_damaged_participant_file_is_named(tidegate, home, content):
    (home / "participant.json").write_bytes(content)
    result = tidegate("agreements")
    assert result.exit_code == 3
    assert "participant.json is damaged" in result.stderr


def test_the_participant_file_says_where_it_is_to_its_owner_only(home):
    where = Whereabouts("http://127.0.0.1:8181", DID, os.getpid())
    write_participant_file(home, where)
    assert read_participant_file(home) == where
    assert json.loads((home / "participant.json").read_text()) == {
        "management_url": "http://127.0.0.1:8181",
        "did": DID,
        "pid": os.getpid(),
    }
    assert stat.S_IMODE((home / "participant.json").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["participant.json"]


def test_the_participant_file_goes_with_the_process_that_wrote_it(home):
    write_participant_file(home, Whereabouts("u", DID, 7))
    remove_participant_file(home, 8)
    assert read_participant_file(home).pid == 7
    remove_participant_file(home, 7)
    with pytest.raises(NotFound):
        read_participant_file(home)
    remove_participant_file(home, 7)


def test_a_folder_that_cannot_be_written_is_a_configuration_error(home):
    with pytest.raises(ConfigurationError, match=r"participant\.json cannot be written"):
        write_participant_file(home / "missing", Whereabouts("u", DID, 7))


@pytest.mark.parametrize(
    ("family", "host", "address"),
    [
        (socket.AF_INET, "127.0.0.1", "http://127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "http://127.0.0.1"),
        (socket.AF_INET6, "::1", "http://[::1]"),
        (socket.AF_INET6, "::", "http://[::1]"),
    ],
    ids=["loopback", "everywhere", "loopback of IPv6", "everywhere of IPv6"],
)
def test_the_address_is_one_that_this_machine_reaches(family, host, address):
    with socket.socket(family) as listening:
        try:
            listening.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} on this machine: {error}")
        assert management_address(listening) == f"{address}:{listening.getsockname()[1]}"
