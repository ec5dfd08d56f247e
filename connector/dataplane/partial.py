"""A file that is being received: written under a temporary name, and renamed when it is whole and right.

Bytes are written in one thread and hashed in another while the next ones come in; two chunks are in memory at a time.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, Self

from connector.errors import DataChanged, InvalidInput, NoRoom

SUFFIX = ".part"

# EFBIG: larger than the process, or the file system, allows for one file.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class RunningDigest(Protocol):
    """What hashlib makes; its own name for it is private."""

    def update(self, data: bytes, /) -> None:
        """More content."""
        ...

    def hexdigest(self) -> str:
        """The digest so far, lower-case hex."""
        ...


class PartialFile:
    """The file `{target}.part`, with the digest of what is in it. `size` counts what was handed in.

    What an earlier attempt left there is kept: the caller goes on from `size`.
    """

    def __init__(self, target: Path, descriptor: int) -> None:
        self.target = target
        self.path = target.with_name(target.name + SUFFIX)
        self.size = 0
        self._descriptor = descriptor
        self._digest: RunningDigest = hashlib.sha256()
        # One thread each, so that closing can never overtake a write, whoever is cancelled meanwhile.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="partial-write")
        self._hasher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="partial-hash")
        self._pending: list[asyncio.Future[None]] = []

    @classmethod
    async def open(cls, target: Path, *, expected_bytes: int) -> Self:
        """Open or make it; raises NoRoom if `expected_bytes` do not fit, InvalidInput if another download has it."""
        part = cls(target, await asyncio.to_thread(_open, target))
        try:
            await part._run(lambda: part._take_up(expected_bytes))
        except BaseException:
            await part.close()
            raise
        return part

    async def write(self, chunk: bytes) -> None:
        """Append; returns when the chunk before this one is on the disk's way. Raises NoRoom."""
        await self.settle()
        self.size += len(chunk)
        hashing = asyncio.get_running_loop().run_in_executor(self._hasher, self._digest.update, chunk)
        self._pending = [self._run(lambda: self._append(chunk)), hashing]

    async def settle(self) -> None:
        """Wait until everything handed in is written. Raises NoRoom."""
        pending, self._pending = self._pending, []
        for work in pending:
            await work

    async def restart(self) -> None:
        """Throw away what is there."""
        await self.settle()
        self.size = 0
        self._digest = hashlib.sha256()
        await self._run(lambda: os.ftruncate(self._descriptor, 0))

    async def finish(self, *, sha256: str) -> None:
        """Give the file its final name; raises DataChanged, and removes it, if the digest is not the expected one."""
        await self.settle()
        if self.sha256 != sha256:
            self.path.unlink()
            raise DataChanged(
                f"{self.target.name}: what arrived is not what was published (SHA-256 {self.sha256}, not {sha256})",
                hint="nothing was kept; try again, and tell the provider if it happens again",
            )
        await self._run(self._publish)

    @property
    def sha256(self) -> str:
        """The digest of what is written; call `settle` before."""
        return self._digest.hexdigest()

    async def close(self) -> None:
        """Close the file; what is in it stays for a later attempt."""
        closed = self._run(lambda: os.close(self._descriptor))
        self._writer.shutdown(wait=False)
        self._hasher.shutdown(wait=False)
        await asyncio.gather(asyncio.shield(closed), *self._pending, return_exceptions=True)

    def _run(self, work: Callable[[], None]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _take_up(self, expected_bytes: int) -> None:
        """Hash what is there, and see whether the rest fits."""
        left = os.fstat(self._descriptor).st_size
        if left > expected_bytes:
            os.ftruncate(self._descriptor, 0)
            left = 0
        self._digest = digest_of(self.path) if left else hashlib.sha256()
        self.size = left
        free = shutil.disk_usage(self.path.parent).free
        if expected_bytes - left > free:
            if not left:
                self.path.unlink()
            raise NoRoom(
                f"{self.target} needs {expected_bytes - left} more bytes, and {free} are free",
                hint="free some space, or choose another destination",
            )

    def _append(self, chunk: bytes) -> None:
        self._guarded(lambda: _write_all(self._descriptor, chunk))

    def _publish(self) -> None:
        self._guarded(lambda: os.fsync(self._descriptor))
        self.path.replace(self.target)
        _sync_folder(self.target.parent)

    def _guarded(self, write: Callable[[], None]) -> None:
        """A full disk gets its room back: half a file helps nobody, and the disk may be the database's as well."""
        try:
            write()
        except OSError as error:
            if error.errno in _FULL:
                self.path.unlink(missing_ok=True)
            raise _cannot_write(self.target, error) from error


def digest_of(path: Path) -> RunningDigest:
    """The running SHA-256 of a file's content; blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def is_whole(path: Path, *, size: int, sha256: str) -> bool:
    """Whether a file is there and is the expected one; blocking."""
    return path.is_file() and path.stat().st_size == size and digest_of(path).hexdigest() == sha256


def _open(target: Path) -> int:
    path = target.with_name(target.name + SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise InvalidInput(f"{path} is being written by another download", hint="wait for it, or end it") from None
    return descriptor


def _write_all(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(target: Path, error: OSError) -> NoRoom:
    return NoRoom(
        f"{target} cannot be written: {error.strerror}", hint="free some space, or choose another destination"
    )
