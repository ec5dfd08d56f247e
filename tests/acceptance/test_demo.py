"""The demo as a person starts it: what it prints, how it ends, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.steps import until

DEMO = [str(Path(sys.executable).with_name("tidegate")), "demo", "--once"]


def environment(folder: Path) -> dict[str, str]:
    """Data spaces are made in `folder`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return plain | {"TMPDIR": str(folder)}


@pytest.fixture
def temporary(open_folder: Path) -> Path:
    folder = open_folder / "demo"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return folder


def spaces(folder: Path) -> list[Path]:
    return list(folder.glob("tidegate-*"))


def test_json_is_one_document_and_everything_is_removed(temporary: Path):
    ran = subprocess.run(
        [*DEMO, "--json"], env=environment(temporary), capture_output=True, text=True, timeout=110, check=False
    )
    assert ran.returncode == 0, ran.stderr
    facts: dict[str, Any] = json.loads(ran.stdout)
    assert [p["role"] for p in facts["participants"]] == ["provider", "consumer", "authority"]
    assert len(facts["agreements"]) == len(facts["transfers"]) == len(facts["audit"]) == 2
    assert all(transfer["verified"] for transfer in facts["transfers"])
    assert all(exchange["consistent"] for exchange in facts["audit"])
    assert "advertising" in facts["refusals"][0]["reason"]
    assert spaces(temporary) == []


def test_a_folder_of_the_user_is_offered_openly_and_its_first_also_for_a_purpose(temporary: Path, sfincs_run: Path):
    command = [*DEMO, "--json", "--data", str(sfincs_run)]
    ran = subprocess.run(command, env=environment(temporary), capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stderr
    facts: dict[str, Any] = json.loads(ran.stdout)
    offered = {offering["id"] for offering in facts["offerings"]}
    assert offered == {"sfincs-run", "sfincs-run-research"}
    terms = {agreement["offering"]: agreement["terms"] for agreement in facts["agreements"]}
    assert "without conditions" in terms["sfincs-run"]
    assert "purpose" in terms["sfincs-run-research"]


def test_ctrl_c_in_the_middle_leaves_no_process_and_no_folder(temporary: Path):
    demo = subprocess.Popen(DEMO, env=environment(temporary), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(
        lambda: [log for s in spaces(temporary) for log in s.glob("provider/participant.log")], "the provider to start"
    )
    space = spaces(temporary)[0]
    started = psutil.Process(demo.pid).children(recursive=True)
    server = int((space / "postgres" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) == 130
    assert started
    until(lambda: not any(process.is_running() for process in started), "the participants to end", seconds=10)
    until(lambda: not psutil.pid_exists(server), "PostgreSQL to end", seconds=10)
    assert spaces(temporary) == []
