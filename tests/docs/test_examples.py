"""The commands on the pages for beginners are run as they stand, by a shell, on a folder of synthetic flood results.

Only what depends on machine and moment is replaced: ports, a date, and the ids that a reader copies from an answer.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from connector.harvest.sample import write_sample_run
from connector.postgres import EmbeddedPostgres, create_database, start_embedded
from connector.settings import PREFIX, PostgresSettings
from tests.support.documents import ROOT, Page

pytestmark = pytest.mark.timeout(300)

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
DATASET = "flood-run"
PORTS = re.compile(r"(?<![0-9])(8180|8181|9[1-3]0[01])(?![0-9])")


@pytest.fixture(scope="module")
def server(open_folder):
    """One PostgreSQL for the participants of all examples."""
    running = start_embedded(open_folder / "home-examples", PostgresSettings(root_dir=open_folder / "postgres"))
    yield running
    running.remove()


@pytest.fixture
def reader(server, tmp_path):
    """A reader with a home of their own."""
    write_sample_run(tmp_path / DATASET)
    someone = Reader(server, tmp_path)
    yield someone
    someone.leave()


@dataclass
class Reader:
    """Types the commands of a page. `tidegate serve` goes into a terminal of its own."""

    server: EmbeddedPostgres
    home: Path
    exported: dict[str, str] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=dict)
    serving: list[subprocess.Popen] = field(default_factory=list)
    numbers: count = field(default_factory=count)

    def type(self, line):
        """The finished process of a command; None for what only prepares, or goes on running."""
        if line.startswith("make "):
            return None  # what the reader has done who runs these tests
        line = self.adapted(line)
        exported = re.fullmatch(r"export (\w+)=(?P<quote>['\"]?)(.*)(?P=quote)", line)
        if exported:
            self.exported[exported[1]] = os.path.expandvars(exported[3]).replace("~", str(self.home))
            return None
        if "tidegate serve" in line:
            self.serve(line)
            return None
        return subprocess.run(
            ["bash", "-c", line], env=self.environment(), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip

    def adapted(self, line):
        """The line with this run's ports, date and ids."""
        line = PORTS.sub(lambda match: self.port(match[1]), line)
        line = line.replace("2027-12-31", (datetime.now(UTC) + timedelta(days=365)).date().isoformat())
        line = re.sub(r"\bDIR\b", str(self.home / DATASET), line).replace("DATASET_ID", DATASET)
        return line.replace("AGREEMENT_ID", self.newest_agreement()) if "AGREEMENT_ID" in line else line

    def port(self, written):
        """A free one for each that is written, the same every time."""
        if written not in self.ports:
            with ExitStack() as held:
                taken = [held.enter_context(socket.socket()) for _ in range(len(self.ports) + 1)]
                for each in taken:
                    each.bind(("127.0.0.1", 0))
                free = [str(each.getsockname()[1]) for each in taken]
            self.ports[written] = next(port for port in free if port not in self.ports.values())
        return self.ports[written]

    def newest_agreement(self):
        """What a reader copies from the answer to `tidegate negotiate`."""
        listed = self.type("tidegate agreements --json")
        return json.loads(listed.stdout)[0]["id"]

    def environment(self):
        """A login shell's, with the project's commands on its path, and what was exported."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.home), "COLUMNS": "200"} | self.exported

    def serve(self, line):
        """Start it and wait until it is ready. Where the line names no port, the defaults are replaced by free ones."""
        name = f"example_{next(self.numbers)}"
        protocol, management = self.port("8180"), self.port("8181")
        found = re.search(r"--management-port (\d+)", line)
        environment = self.environment() | {
            f"{PREFIX}DATABASE_URL": create_database(self.server.admin_url, name=name),
            f"{PREFIX}PUBLIC_URL": f"http://localhost:{protocol}",
            f"{PREFIX}PROTOCOL_PORT": protocol,
            f"{PREFIX}MANAGEMENT_PORT": management,
        }
        with (self.home / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", line], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.serving.append(process)
        ready = f"http://127.0.0.1:{found[1] if found else management}/readyz"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(ready, timeout=2):
                return
            time.sleep(0.05)
        pytest.fail(f"{line} did not start: {(self.home / f'{name}.log').read_text()[-2000:]}")

    def leave(self):
        """Ctrl-C in every terminal."""
        for process in self.serving:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        for process in self.serving:
            process.wait(STOP_SECONDS)


def run_all(reader, lines, expected):
    """Type all of it, and give what each command printed; `expected` has the exit codes that are not 0."""
    printed = []
    for line in lines:
        done = reader.type(line)
        if done is None:
            continue
        codes = next((codes for part, codes in expected.items() if part in line), {0})
        assert done.returncode in codes, f"{line}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        printed.append((line, done.stdout))
    return printed


def test_a_first_participant_in_five_commands(reader):
    lines = [line for line in Page(ROOT / "README.md").shell_lines() if not line.startswith("make ")]
    assert sum("tidegate " in line for line in lines) == 5
    printed = run_all(reader, lines, {})
    assert "COMPLETED" in printed[-1][1]
    assert list(reader.home.rglob("downloads/*/*/sfincs_map.nc"))


def test_a_first_data_space(reader):
    lines = Page(ROOT / "docs/start/first-data-space.md").shell_lines()
    last = lines.pop()
    printed = run_all(reader, lines, {"doctor": {1}, "advertising": {1}})
    said = {line.split()[1]: text for line, text in printed if line.startswith("tidegate")}
    assert "is not a member of this data space" in said["doctor"]
    assert "Both recorded the same." in said["audit"]
    assert any("the purpose is “advertising”" in text for _, text in printed)
    assert list(reader.home.rglob("downloads/*/*/sfincs_map.nc"))
    assert not list(reader.home.rglob("*.part"))
    # The removed consumer is refused as soon as the provider has the new list: by default within five seconds.
    deadline = time.monotonic() + 20
    while (done := reader.type(last)).returncode == 0 and time.monotonic() < deadline:
        time.sleep(1)
    assert done.returncode == 1
    assert "is not a member of this data space" in done.stderr
