"""How commands end when something is wrong: interrupted, a fault of ours, a closed pipe; and how fast they start."""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import StorageError

TIDEGATE = [sys.executable, "-c", "from connector.cli.main import main; main()"]
ROOT = Path(__file__).parents[3]


def failing(error):
    def fail(_home: object):
        raise error

    return fail


def test_a_fault_of_ours_is_one_line_and_the_log_has_the_traceback(tidegate, monkeypatch, tmp_path):
    monkeypatch.setattr("connector.cli.catalog.find_participant", failing(KeyError("datasets")))
    result = tidegate("catalog", "did:web:p.example")
    log = tmp_path / "state" / "tidegate" / "log" / "commands.log"
    assert result.exit_code == 1
    assert result.stderr == f"error: unexpected KeyError, a fault of ours; the log has it: {log}\n"
    assert "KeyError: 'datasets'" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_where_the_log_cannot_be_written_the_line_says_so(tidegate, monkeypatch, tmp_path):
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setattr("connector.cli.catalog.find_participant", failing(KeyError("datasets")))
    result = tidegate("catalog", "did:web:p.example")
    assert result.exit_code == 1
    assert "and it could not be logged: " in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (StorageError("away"), 3)],
    ids=["Ctrl-C", "an error of the connector"],
)
def test_a_command_that_is_ended_from_outside_says_so_in_a_line(tidegate, monkeypatch, error, code):
    monkeypatch.setattr("connector.cli.catalog.find_participant", failing(error))
    result = tidegate("catalog", "did:web:p.example")
    assert result.exit_code == code
    assert result.stderr in {"interrupted\n", "error: away\n"}


def test_a_reader_that_goes_away_is_no_error(participant, process, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # it would hide the closed pipe
    participant.on("GET /api/negotiations", [process() for _ in range(5000)])
    command = subprocess.Popen(
        [*TIDEGATE, "negotiations", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    command.stdout.readline()
    command.stdout.close()
    said = command.stderr.read()
    command.stderr.close()
    assert command.wait(20) == 1
    assert said == b""


def test_starting_imports_nothing_heavy():
    heavy = (
        "aiohttp",
        "connector.app",
        "connector.settings",
        "numpy",
        "psycopg",
        "pydantic",
        "rich.progress",
        "starlette",
    )
    script = f"import sys, connector.cli.main; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout == "[]\n"


def test_without_a_command_the_help_is_shown(tidegate):
    result = tidegate()
    assert result.exit_code == 0
    assert "publish" in result.stdout


def test_the_version_is_that_of_the_distribution(tidegate):
    assert tidegate("--version").stdout == "0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--role", "king"], "TIDEGATE_ROLES"),
        (["--authority", "did:web:a.example", "--protocol-port", "0"], "TIDEGATE_PROTOCOL_PORT"),
        (["--authority", "did:web:a.example", "--public-url", "http://example.org"], "plain http is for loopback only"),
        ([], "authority_did is missing"),
    ],
    ids=["a role that is none", "a port that is none", "plain http", "no authority"],
)
def test_serve_refuses_settings_that_make_no_participant(tidegate, home, arguments, said):
    result = tidegate("serve", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_demo_refuses_a_folder_that_does_not_exist(tidegate, home):
    assert tidegate("demo", "--data", home / "missing").exit_code == 2


def test_the_page_of_the_commands_is_current():
    command = [sys.executable, "scripts/commands_page.py", "--check"]
    finished = subprocess.run(command, env={"PYTHONPATH": "."}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
