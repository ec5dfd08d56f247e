"""A whole data space on this machine: one PostgreSQL, three databases, three processes, free ports, a new folder."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from connector.demo.interrupts import held_back
from connector.errors import ConfigurationError, ConnectorError, DeliveryError
from connector.management.access import read_operator_token
from connector.postgres import EmbeddedPostgres, create_database, start_embedded
from connector.settings import PREFIX, PostgresSettings

Role = Literal["authority", "provider", "consumer"]
ROLES: tuple[Role, ...] = ("authority", "provider", "consumer")
TITLES: Mapping[Role, str] = {
    "authority": "Governance authority",
    "provider": "Flood-model provider",
    "consumer": "City planner",
}
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
REQUEST_SECONDS = 90.0


class ApiError(ConnectorError):
    """The participant's own API said no."""

    code = "api_error"


@dataclass
class RunningParticipant:
    """One participant: its process, and its own API with the operator token."""

    role: Role
    home: Path
    url: str
    management_url: str
    environment: Mapping[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def did(self) -> str:
        """Its identifier."""
        return "did:web:" + self.url.removeprefix("http://").replace(":", "%3A")

    @property
    def log(self) -> Path:
        """What it writes while it runs."""
        return self.home / "participant.log"

    def start(self) -> None:
        """Start the process; `wait_ready` tells when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "connector"],
                env={**_inherited(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is ours alone; we pass it on
            )

    def wait_ready(self, deadline: float) -> None:
        """Until it answers; raises ConfigurationError with the end of its log if it does not."""
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), urllib.request.urlopen(self.management_url + "/readyz", timeout=2):  # noqa: S310 -- our own
                return
            time.sleep(0.02)
        raise ConfigurationError(f"the {self.role} did not start", hint=f"{self.log}: {_tail(self.log)}")

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it cleanly, or by force after a while."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def memory_bytes(self) -> int:
        """Proportional set size of its process."""
        return 0 if self.process is None else pss(self.process.pid)

    def call(self, method: str, path: str, body: object | None = None) -> Any:
        """Ask its own API; raises ApiError with the API's own words, DeliveryError if it does not answer."""
        token = read_operator_token(self.home)
        request = urllib.request.Request(  # noqa: S310 -- our own loopback address
            self.management_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _api_error(error) from None
        except OSError as error:
            raise DeliveryError(f"the {self.role} does not answer: {error}", hint=f"see {self.log}") from None


@dataclass
class DataSpace:
    """Three participants over one server. Everything lies in `folder`, which `close` removes."""

    folder: Path
    server: EmbeddedPostgres
    participants: Mapping[Role, RunningParticipant]

    def __getitem__(self, role: Role) -> RunningParticipant:
        """One of the three."""
        return self.participants[role]

    def memory_bytes(self) -> int:
        """All processes, with PostgreSQL: proportional set sizes."""
        return sum(p.memory_bytes() for p in self.participants.values()) + pss(self.server.pid)

    def close(self) -> None:
        """Stop everything and remove the folder."""
        with held_back():
            for role in reversed(ROLES):
                self.participants[role].stop()
            self.server.remove()
            shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def data_space(*, settings: Mapping[str, str] | None = None, wait: bool = True) -> Generator[DataSpace]:
    """A running data space in which all three know each other. `settings` are added to everybody's environment."""
    with contextlib.ExitStack() as stack:
        with held_back():
            space = _prepare(settings or {})
            stack.callback(space.close)
        for role in ROLES:
            with held_back():
                space[role].start()
        if wait:
            deadline = time.monotonic() + READY_SECONDS
            for role in ROLES:
                space[role].wait_ready(deadline)
            for role in ("provider", "consumer"):
                member = {"did": space[role].did, "title": TITLES[role], "url": space[role].url}
                space["authority"].call("POST", "/api/members", member)
        yield space


def _prepare(settings: Mapping[str, str]) -> DataSpace:
    folder = Path(tempfile.mkdtemp(prefix="tidegate-"))
    try:
        server = start_embedded(folder / "postgres", PostgresSettings())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    ports = _free_ports(2 * len(ROLES))
    allow = json.dumps([f"localhost:{port}" for port in ports[: len(ROLES)]])
    participants: dict[Role, RunningParticipant] = {}
    for index, role in enumerate(ROLES):
        home = folder / role
        home.mkdir(mode=0o700)
        public, management = ports[index], ports[len(ROLES) + index]
        environment = {
            f"{PREFIX}ROLES": json.dumps([role]),
            f"{PREFIX}TITLE": TITLES[role],
            f"{PREFIX}HOME": str(home),
            f"{PREFIX}PUBLIC_URL": f"http://localhost:{public}",
            f"{PREFIX}PROTOCOL_PORT": str(public),
            f"{PREFIX}MANAGEMENT_PORT": str(management),
            f"{PREFIX}AUTHORITY_DID": f"did:web:localhost%3A{ports[0]}",
            f"{PREFIX}DATABASE_URL": create_database(server.admin_url, name=role),
            f"{PREFIX}HTTP__ALLOW": allow,
            **settings,
        }
        participants[role] = RunningParticipant(
            role, home, f"http://localhost:{public}", f"http://127.0.0.1:{management}", environment
        )
    return DataSpace(folder, server, participants)


def pss(pid: int) -> int:
    """Proportional set size of a process and its children, in bytes; 0 if it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += member.memory_full_info().pss
    return total


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on now: all are held until the last is found, so that they differ."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for _ in range(count):
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            ports.append(int(taken.getsockname()[1]))
        return ports


def _inherited() -> dict[str, str]:
    """Our environment without settings of another participant."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _tail(log: Path) -> str:
    try:
        return " | ".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return "no log"


def _api_error(error: urllib.error.HTTPError) -> ApiError:
    try:
        document: dict[str, Any] = json.load(error)
    except ValueError:
        document = {}
    return ApiError(str(document.get("message") or f"HTTP {error.code}"), hint=document.get("hint"))
