"""The demo as a person starts it: what it prints, how it ends, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from connector.demo import story
from connector.demo.interrupts import held_back
from connector.demo.show import SilentTeller
from connector.demo.space import DataSpace
from tests.acceptance.steps import agree, asked, until

pytestmark = pytest.mark.timeout(600)

RUN_SECONDS = 240
TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
DEMO = [TIDEGATE, "demo", "--once"]


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


def finished(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The demo once it has ended; one that does not is asked to tidy up, as its participants would outlive it."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(folder), **pipes) as demo:
        try:
            written, said = demo.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            demo.send_signal(signal.SIGINT)
            written, said = demo.communicate(timeout=60)
            pytest.fail(f"the demo did not end by itself: {said}")
    return subprocess.CompletedProcess(command, demo.returncode, written, said)


def test_json_is_one_document_and_everything_is_removed(temporary: Path):
    ran = finished([*DEMO, "--json"], temporary)
    assert ran.returncode == 0, ran.stderr
    facts: dict[str, Any] = json.loads(ran.stdout)
    assert [p["role"] for p in facts["participants"]] == ["provider", "consumer", "authority"]
    assert len(facts["agreements"]) == len(facts["transfers"]) == len(facts["audit"]) == 2
    assert all(transfer["verified"] for transfer in facts["transfers"])
    assert all(exchange["consistent"] for exchange in facts["audit"])
    assert "advertising" in facts["refusals"][0]["reason"]
    assert spaces(temporary) == []


def test_a_folder_of_the_user_is_offered_openly_and_its_first_also_for_a_purpose(temporary: Path, sfincs_run: Path):
    ran = finished([*DEMO, "--json", "--data", str(sfincs_run)], temporary)
    assert ran.returncode == 0, ran.stderr
    facts: dict[str, Any] = json.loads(ran.stdout)
    offered = {offering["id"] for offering in facts["offerings"]}
    assert offered == {"sfincs-run", "sfincs-run-research"}
    terms = {agreement["offering"]: agreement["terms"] for agreement in facts["agreements"]}
    assert "without conditions" in terms["sfincs-run"]
    assert "purpose" in terms["sfincs-run-research"]


def test_a_folder_with_nothing_to_publish_ends_with_1_and_says_so(temporary: Path, tmp_path: Path):
    ran = finished([*DEMO, "--json", "--data", str(tmp_path)], temporary)
    assert ran.returncode == 1, ran
    assert ran.stdout == ""
    assert f"nothing in {tmp_path} could be published" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert spaces(temporary) == []


def test_it_stays_up_after_the_story_until_ctrl_c(temporary: Path):
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([TIDEGATE, "demo", "--json"], env=environment(temporary), **pipes) as demo:
        assert demo.stdout is not None
        facts = json.loads(demo.stdout.readline())
        for participant in facts["participants"]:
            assert asked(f"{participant['url']}/.well-known/did.json")[1]["id"] == participant["id"]
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 0
        assert demo.stdout.read() == ""
    assert spaces(temporary) == []


@pytest.mark.parametrize(
    "moment", ["postgres/postgres", "authority", "provider", "consumer/participant.log", "consumer/operator.token"]
)
def test_ctrl_c_in_the_middle_leaves_no_process_and_no_folder(temporary: Path, moment: str):
    with subprocess.Popen(
        DEMO, env=environment(temporary), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as demo:
        until(lambda: [found for space in spaces(temporary) for found in space.glob(moment)], f"{moment} to appear")
        (cluster,) = [(space / "postgres" / "postgres").resolve() for space in spaces(temporary)]
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 130
    until(lambda: not left_over(temporary, cluster), "all its processes to end", seconds=10)
    assert spaces(temporary) == []
    assert not cluster.exists()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT as a person at a terminal has it: a run that was started in the background inherits it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_until_what_was_begun_is_known():
    """The moment between a process that runs and one that we know is too short to be met from outside."""
    known: list[str] = []

    def begin() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            known.append("the process")

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert known == ["the process"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def left_over(folder: Path, cluster: Path) -> list[psutil.Process]:
    """Participants with a home in the folder, and the PostgreSQL of the cluster."""
    return [each for each in psutil.process_iter() if names(each, str(folder)) or names(each, str(cluster))]


def names(process: psutil.Process, path: str) -> bool:
    """In its arguments, or in its environment."""
    try:
        return path in " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return False


def test_a_transfer_that_does_not_move_ends_the_story(space: DataSpace, monkeypatch: pytest.MonkeyPatch):
    """Last in this file: the provider stays killed."""
    monkeypatch.setattr(story, "STALLED_SECONDS", 1)
    monkeypatch.setattr(story, "WAIT_SECONDS", 1)
    told = story.Story(space, SilentTeller())
    told.publish()
    dataset = next(iter(told.read_catalog()))["id"]
    agreement = agree(space, dataset)
    space["provider"].kill()
    with pytest.raises(story.StoryFailed, match=r"the transfer of a field is NEW: .*not reachable"):
        told.fetch(agreement, "a field")
