"""The consumer's background work: fetch what a transfer is about, verify it, and say that it is done."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.dataplane.download import download
from connector.dataplane.model import Received
from connector.errors import ConnectorError, DataChanged, MoveNotOpenToUs, NoRoom, PeerRefused
from connector.exchange.model import Process
from connector.http import GuardedHttp
from connector.settings import DataPlaneSettings
from connector.telemetry import Event, log
from connector.transfer.model import access_from
from connector.transfer.service import Transfers

STARTED = "STARTED"
# A 403 may overtake the message that explains it: so often the transfer is looked at again before it is given up.
REFUSALS_BEFORE_GIVING_UP = 4


@dataclass(frozen=True)
class Downloads:
    """Downloads of this participant; `progress` is bytes so far and in all, by pid, for whoever watches."""

    transfers: Transfers
    http: GuardedHttp
    settings: DataPlaneSettings
    folder: Path
    progress: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    async def run(self, pid: str, *, attempt: int) -> None:
        """Fetch the data of a STARTED transfer, from wherever an earlier attempt got. Raises to be called again."""
        began = time.monotonic()
        # Before the transfer is looked at: whoever stops it is either seen there, or finds here what is to be cut.
        task = self.transfers.downloads[pid] = asyncio.create_task(self._fetch(pid))
        try:
            await _finished(task)
        finally:
            self.transfers.downloads.pop(pid, None)
        if not task.cancelled():
            await self._conclude(pid, task, seconds=time.monotonic() - began, attempt=attempt)

    async def _fetch(self, pid: str) -> tuple[Path, Received] | None:
        """What was received and the folder it lies in; None if the transfer does not run."""
        process = await self.transfers.exchange.load("transfer", pid)
        access = access_from(process.data)
        if process.state != STARTED or process.role != "consumer" or access is None:
            return None
        folder = self.destination(process)
        received = await download(
            self.http,
            endpoint=access.endpoint,
            token=access.token,
            destination=folder,
            settings=self.settings,
            on_progress=lambda done, total: self.progress.__setitem__(pid, (done, total)),
        )
        return folder, received

    async def _conclude(
        self, pid: str, task: asyncio.Task[tuple[Path, Received] | None], *, seconds: float, attempt: int
    ) -> None:
        try:
            fetched = task.result()
        except NoRoom as error:
            await self._end(pid, self.transfers.suspend, error)
        except DataChanged as error:
            await self._end(pid, self.transfers.terminate, error)
        except PeerRefused as error:
            if attempt < REFUSALS_BEFORE_GIVING_UP:
                raise
            await self._end(pid, self.transfers.terminate, error)
        else:
            if fetched is None:
                return
            folder, received = fetched
            log.info(Event.DOWNLOADED, pid=pid, bytes=received.bytes, digest=received.digest)
            await self.transfers.completed(pid, received_as_data(received, folder, seconds))

    async def _end(self, pid: str, end: Callable[..., Any], error: ConnectorError) -> None:
        log.warning(Event.DOWNLOAD_FAILED, pid=pid, code=error.code, reason=error.message)
        try:
            await end(pid, reason=error.message)
        except MoveNotOpenToUs:
            return  # the transfer was ended meanwhile

    def destination(self, process: Process) -> Path:
        """The folder of one transfer: offering, then transfer, both as plain names whatever the peer called them."""
        return self.folder / plain_name(process.offering or "data") / plain_name(process.pid)


def plain_name(text: str) -> str:
    """A single safe file name for an id that somebody else chose."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:120] or "data"


def received_as_data(received: Received, destination: Path, seconds: float) -> dict[str, Any]:
    """What the process keeps about a finished download; `path` is the folder it lies in."""
    return {
        "kind": received.kind,
        "files": list(received.files),
        "bytes": received.bytes,
        "digest": received.digest,
        "path": str(destination),
        "seconds": round(seconds, 3),
    }


def received_from(data: dict[str, Any]) -> Received:
    """The inverse of `received_as_data`."""
    return Received(data["kind"], tuple(data["files"]), data["bytes"], data["digest"])


async def _finished(task: asyncio.Task[Any]) -> None:
    """Until the download ends or is cut; if we are stopped ourselves, it is stopped with us."""
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
