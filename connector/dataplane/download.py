"""Fetching what a transfer is about, going on after interruptions; a file gets its name when it is whole and right."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from connector.dataplane.manifest import (
    MEDIA_TYPE,
    Entry,
    MalformedManifest,
    manifest_digest,
    parse_manifest,
    render_manifest,
)
from connector.dataplane.model import Received
from connector.dataplane.partial import PartialFile, digest_of, is_whole
from connector.dataplane.replies import MAX_ERROR_BYTES, Facts, continues, refuse, shown, single_entry
from connector.errors import DataChanged, DeliveryError, InvalidInput
from connector.http import GuardedHttp, Response
from connector.settings import DataPlaneSettings
from connector.telemetry import Event, log

# A provider that restarts is back within seconds; one that is away for an hour is asked twice a minute.
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0
OnProgress = Callable[[int, int], None]
_T = TypeVar("_T")


async def download(
    http: GuardedHttp,
    *,
    endpoint: str,
    token: str | None,
    destination: Path,
    settings: DataPlaneSettings,
    expected_sha256: str | None = None,
    on_progress: OnProgress | None = None,
) -> Received:
    """Fetch the file or folder at `endpoint` into the folder `destination`, verified. Without `token`, as anybody may.

    `expected_sha256` is the digest known from elsewhere, of the file or the manifest; without it the provider's own is
    held against what arrives. `on_progress` gets bytes so far and in all. Interruptions are retried until
    `download_deadline_seconds`; what arrived stays as `.part`, and a later call goes on from there.

    Raises PeerRefused (the token is no longer good), DataChanged (not what was published, nor what was promised),
    NoRoom, DeliveryError (the deadline is over), AddressRefused.
    """
    fetching = _Fetching(http, token, settings, on_progress)
    facts = await fetching.probe(endpoint)
    if facts.media_type == MEDIA_TYPE:
        if (facts.size or 0) > settings.manifest_max_bytes:
            raise InvalidInput(
                f"the manifest has {facts.size} bytes, at most {settings.manifest_max_bytes} are read",
                hint="raise TIDEGATE_DATAPLANE__MANIFEST_MAX_BYTES if the folder is meant to be this large",
            )
        return await fetching.folder(endpoint, destination, expected_sha256)
    entry = single_entry(facts, endpoint, expected_sha256)
    fetching.total = entry.bytes
    await fetching.file(endpoint, destination, entry)
    return Received("file", (entry.path,), entry.bytes, entry.sha256)


async def reverify(destination: Path, received: Received) -> bool:
    """Read the delivered files again: whether they are still what was received."""
    try:
        return await asyncio.to_thread(_digest_on_disk, destination, received) == received.digest
    except OSError:
        return False


class _Fetching:
    """One download: who we are to the provider, how long we try, and how far we are."""

    def __init__(
        self, http: GuardedHttp, token: str | None, settings: DataPlaneSettings, on_progress: OnProgress | None
    ) -> None:
        self._http = http
        self._fields = {"Authorization": f"Bearer {token}"} if token else dict[str, str]()
        self._settings = settings
        self._deadline = asyncio.get_running_loop().time() + settings.download_deadline_seconds
        self._on_progress = on_progress
        self.done = 0
        self.total = 0

    async def probe(self, url: str) -> Facts:
        """What is at `url`."""
        return Facts(await self._retry(lambda: self._head(url)))

    async def folder(self, endpoint: str, destination: Path, expected_sha256: str | None) -> Received:
        """The manifest and every file in it."""
        body = await self._retry(lambda: self._manifest(endpoint))
        try:
            entries, digest = parse_manifest(body), manifest_digest(body)
        except MalformedManifest as error:
            raise DataChanged(f"the manifest of {endpoint} is refused: {error}") from None
        if expected_sha256 not in {None, digest}:
            raise DataChanged(f"the manifest of {endpoint} is another one (SHA-256 {digest}, not {expected_sha256})")
        self.total = sum(entry.bytes for entry in entries)
        for entry in entries:
            await self.file(f"{endpoint}/{quote(entry.path)}", destination, entry)
        return Received("folder", tuple(entry.path for entry in entries), self.total, digest)

    async def file(self, url: str, destination: Path, entry: Entry) -> None:
        """One file, unless an earlier call has brought it already."""
        target = _inside(destination, entry.path)
        before = self.done
        if not await asyncio.to_thread(is_whole, target, size=entry.bytes, sha256=entry.sha256):
            part = await PartialFile.open(target, expected_bytes=entry.bytes)
            try:
                await self._fill(url, part, entry, before)
            finally:
                await part.close()
        self._report(before + entry.bytes)

    async def _fill(self, url: str, part: PartialFile, entry: Entry, before: int) -> None:
        """Fetch the rest and publish; what an earlier call left and turns out wrong is fetched anew, once."""
        taken_up = part.size > 0
        await self._retry(lambda: self._rest(url, part, entry, before), progress=lambda: part.size)
        if taken_up and part.sha256 != entry.sha256:
            await part.restart()
            await self._retry(lambda: self._rest(url, part, entry, before), progress=lambda: part.size)
        await part.finish(sha256=entry.sha256)

    async def _rest(self, url: str, part: PartialFile, entry: Entry, before: int) -> None:
        """One attempt to fetch what is missing."""
        await part.settle()
        if part.size == entry.bytes:
            return
        fields = dict(self._fields)
        if part.size:
            # The content is its own validator: another one is sent whole (RFC 9110, 13.1.5).
            fields |= {"Range": f"bytes={part.size}-", "If-Range": f'"{entry.sha256}"'}
        async with self._http.stream("GET", url, headers=fields) as answer:
            if not await continues(answer, url, have=part.size, size=entry.bytes):
                await part.restart()
            async for chunk in answer.chunks:
                if part.size + len(chunk) > entry.bytes:
                    raise DataChanged(f"{shown(url)} sends more than the {entry.bytes} bytes that were promised")
                await part.write(chunk)
                self._report(before + part.size)
        await part.settle()
        if part.size < entry.bytes:
            raise DeliveryError(f"{shown(url)}: the answer broke off after {part.size} of {entry.bytes} bytes")

    async def _head(self, url: str) -> Response:
        response = await self._http.request("HEAD", url, headers=self._fields)
        if response.status >= 400:  # a HEAD cannot say why (RFC 9110, 9.3.2)
            response = await self._http.request("GET", url, headers=self._fields, max_bytes=MAX_ERROR_BYTES)
        refuse(response.status, response.body, url)
        return response

    async def _manifest(self, url: str) -> bytes:
        limit = self._settings.manifest_max_bytes
        response = await self._http.request("GET", url, headers=self._fields, max_bytes=limit)
        refuse(response.status, response.body, url)
        return response.body

    async def _retry(self, attempt: Callable[[], Awaitable[_T]], *, progress: Callable[[], int] = lambda: 0) -> _T:
        """Until it works, is refused, or the deadline is over; the wait is short again after some progress."""
        wait = FIRST_WAIT_SECONDS
        while True:
            before = progress()
            try:
                return await attempt()
            except DeliveryError as error:
                if not error.retry:
                    raise
                wait = FIRST_WAIT_SECONDS if progress() > before else wait
                if asyncio.get_running_loop().time() + wait > self._deadline:
                    raise DeliveryError(f"given up: {error.message}", hint="what arrived is kept; try again") from None
                log.info(Event.DELIVERY_FAILED, error=error.message, again_in_seconds=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _report(self, done: int) -> None:
        self.done = done
        if self._on_progress is not None:
            self._on_progress(done, self.total)


def _inside(destination: Path, path: str) -> Path:
    """The path below the destination; refused if a link that is there already leads elsewhere."""
    target = destination / path
    if not target.parent.resolve().is_relative_to(destination.resolve()):
        raise InvalidInput(f"{target.parent} leads out of {destination} through a link", hint="remove the link")
    return target


def _digest_on_disk(destination: Path, received: Received) -> str:
    paths = [destination / path for path in received.files]
    if received.kind == "file":
        return digest_of(paths[0]).hexdigest()
    entries = [
        Entry(name, path.stat().st_size, digest_of(path).hexdigest())
        for name, path in zip(received.files, paths, strict=True)
    ]
    return hashlib.sha256(render_manifest(entries)).hexdigest()
