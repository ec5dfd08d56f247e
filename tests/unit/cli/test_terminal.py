"""On a real terminal: colours, progress, and Ctrl-C."""

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TIDEGATE = [sys.executable, "-c", "from connector.cli.main import main; main()"]
PATIENCE_SECONDS = 20


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command: subprocess.Popen[bytes], screen: int) -> None:
        self.command, self.screen, self.text = command, screen, ""

    def read_until(self, words: str | None) -> None:
        """Until the words are on the screen, or (None) until the command has ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (words is None or words not in self.text) and time.monotonic() < until:
            try:
                self.text += os.read(self.screen, 4096).decode(errors="replace")
            except OSError:  # the command has ended
                assert words is None, self.text
                return


@contextmanager
def terminal(*arguments: str):
    screen, end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    command = subprocess.Popen([*TIDEGATE, *arguments], stdin=end, stdout=end, stderr=end, cwd=ROOT, env=environment)
    os.close(end)
    try:
        yield Terminal(command, screen)
    finally:
        command.kill()
        command.wait()
        os.close(screen)


@pytest.fixture
def half_done(participant, process):
    """A transfer that stands still in the middle."""
    participant.on("GET /api/transfers", [])
    started = process("transfer", state="STARTED", bytes_done=600_000_000, bytes_total=1_200_000_000)
    participant.on("POST /api/transfers", started)
    participant.on("GET /api/transfers/urn:uuid:transfer", started)


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["for a person", "for a script"])
def test_ctrl_c_ends_a_download_cleanly_with_130(half_done, participant, arguments):
    with terminal("get", "urn:uuid:a", *arguments) as shown:
        until = time.monotonic() + PATIENCE_SECONDS
        while len(participant.asked) < 4 and time.monotonic() < until:
            time.sleep(0.01)
        shown.command.send_signal(signal.SIGINT)
        shown.read_until(None)
        assert shown.command.wait(PATIENCE_SECONDS) == 130
    assert "Traceback" not in shown.text
    assert ("0.6/1.2 GB" in shown.text) is (arguments == [])
    assert ("The transfer goes on" in shown.text) is (arguments == [])


def test_what_takes_a_while_shows_that_it_is_under_way(participant, process):
    participant.on("POST /api/negotiations", process(state="REQUESTED"))
    participant.on("GET /api/negotiations/urn:uuid:negotiation", process(state="VERIFIED"))
    with terminal("negotiate", "did:web:p.example", "run-1") as shown:
        shown.read_until("Negotiating with did:web:p.example: VERIFIED")


def test_tables_have_colours_on_a_terminal(participant, process):
    participant.on("GET /api/doctor", {"ok": True, "findings": []})
    with terminal("doctor") as shown:
        shown.read_until(None)
        assert shown.command.wait(PATIENCE_SECONDS) == 0
    assert "\x1b[32mok" in shown.text
