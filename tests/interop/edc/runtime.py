"""An Eclipse EDC connector as a program: its jars from Maven Central, its configuration, its start and its end.

Control plane and in-tree data plane are one process. Its identity is EDC's own mock; stores and vault are in memory.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.maven import resolve
from tests.support.ports import free_ports

POM = Path(__file__).parent / "pom.xml"
LIBS = Path(__file__).parent / "libs"
MAIN = "org.eclipse.edc.boot.system.runtime.BaseRuntime"
# The empty main jar of okhttp 5, and the remote form of the data plane selector, which runs in the same process here.
LEFT_OUT = ("okhttp-5", "data-plane-selector-client-")
_READY = re.compile(r"Runtime \S+ ready")
START_SECONDS = 180
STOP_SECONDS = 15
# What EDC's own tests use; by default each of its steps waits up to a second.
STEP_MILLISECONDS = 50
HEAP = "-Xmx512m"
# As in a real data space. (EDC cannot read an agreement whose assignee is the bare word `edc`, a prefix of its own.)
PARTICIPANT = "did:web:edc.example"


@dataclass(frozen=True)
class Edc:
    """A running EDC: who it is, where peers and its user reach it, and where its log is."""

    participant: str
    management_url: str
    protocol_url: str
    key: str
    log: Path


def class_path() -> str:
    """The jars, resolved if need be. Raises ProgramMissing."""
    jars = resolve(POM, LIBS)
    return ":".join(str(jar) for jar in jars if not jar.name.startswith(LEFT_OUT))


@asynccontextmanager
async def running_edc(jars: str, folder: Path) -> AsyncIterator[Edc]:
    """An EDC from start to end, on free ports of loopback; `folder` gets its configuration and its log."""
    api, management, protocol, control, version = free_ports(5)
    edc = Edc(
        participant=PARTICIPANT,
        management_url=f"http://localhost:{management}/management",
        protocol_url=f"http://localhost:{protocol}/protocol/2025-1",
        key="interop",
        log=folder / "edc.log",
    )
    settings = {
        "edc.participant.id": PARTICIPANT,
        "edc.iam.mock.region": "eu",
        "edc.dsp.callback.address": f"http://localhost:{protocol}/protocol",
        "edc.transfer.proxy.token.signer.privatekey.alias": "private-key",
        "edc.transfer.proxy.token.verifier.publickey.alias": "public-key",
        "web.http.port": api,
        "web.http.path": "/api",
        "web.http.management.auth.type": "tokenbased",
        "web.http.management.auth.key": edc.key,
    }
    for name, port in {"management": management, "protocol": protocol, "control": control, "version": version}.items():
        settings |= {f"web.http.{name}.port": port, f"web.http.{name}.path": f"/{name}"}
    for part in ("negotiation.consumer", "negotiation.provider", "transfer", "data.plane.selector", "dataplane"):
        settings[f"edc.{part}.state-machine.iteration-wait-millis"] = STEP_MILLISECONDS
    configuration = folder / "edc.properties"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="ascii")
    async with _process(jars, configuration, edc):
        yield edc


@asynccontextmanager
async def _process(jars: str, configuration: Path, edc: Edc) -> AsyncIterator[None]:
    command = ["java", HEAP, f"-Dedc.fs.config={configuration}", "-cp", jars, MAIN]
    with edc.log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=asyncio.subprocess.STDOUT)
    try:
        async with asyncio.timeout(START_SECONDS):
            await _until_ready(process, edc)
        yield
    finally:
        await _end(process)


async def _until_ready(process: asyncio.subprocess.Process, edc: Edc) -> None:
    while not _READY.search(log := edc.log.read_text(errors="replace")):
        if process.returncode is not None:
            raise RuntimeError(f"EDC ended with {process.returncode} at its start:\n{log[-4000:]}")
        await asyncio.sleep(0.2)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
