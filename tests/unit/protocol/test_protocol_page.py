"""The documentation page is what the tables say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = Path("docs/reference/state-machines.md")


def check(folder):
    """The finished process of the script's --check, on the project in `folder`."""
    command = [sys.executable, str(folder / "scripts/protocol_page.py"), "--check"]
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


@pytest.fixture
def copied(tmp_path):
    """A copy of the script and its page, to be spoilt."""
    for name in (Path("scripts/protocol_page.py"), PAGE):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def test_the_page_of_the_state_machines_is_current():
    finished = check(ROOT)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_a_page_that_lacks_a_row_is_noticed(copied):
    lines = (copied / PAGE).read_text().splitlines(keepends=True)
    (copied / PAGE).write_text("".join(line for line in lines if "| SUSPENDED | start | consumer |" not in line))
    finished = check(copied)
    assert finished.returncode == 1
    assert "is not current: run scripts/protocol_page.py" in finished.stderr
