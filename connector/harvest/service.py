"""A folder becomes drafts of offerings: listed, each source described by a reading process, each file hashed.

What fails is reported by name and does not stop the rest.
"""

import hashlib
import mimetypes
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from catalog.model import Asset, Description
from connector.errors import InvalidInput
from connector.harvest.child import find_crs_problem, read_source
from connector.harvest.model import Draft, HarvestReport, Problem, Progress, Source, SourceFile
from connector.harvest.scan import GEOTIFF_SUFFIXES, NETCDF_SUFFIXES, RUN_OUTPUTS, list_sources

READ_TIME_LIMIT_SECONDS = 60  # headers and coordinates take seconds; more than this is a reader that hangs
CHUNK_BYTES = 1024**2
NETCDF_MEDIA_TYPE = "application/netcdf"
GEOTIFF_MEDIA_TYPE = "image/tiff; application=geotiff"

OnProgress = Callable[[Progress], None]


def harvest(
    folder: Path,
    *,
    crs: str | None = None,
    on_progress: OnProgress | None = None,
    time_limit_seconds: int = READ_TIME_LIMIT_SECONDS,
) -> HarvestReport:
    """Everything of `folder` that can be published. Blocks: run it in a thread.

    `crs` is used for sources whose files have none. `on_progress` is called before each source and about once per MiB
    hashed; what it raises ends the harvest. Raises InvalidInput for a folder or `crs` that cannot be used at all.
    """
    listing = list_sources(folder)
    if crs is not None and (reason := find_crs_problem(crs)):
        raise InvalidInput(reason, hint="use an authority code such as --crs EPSG:4326")
    meter = _Meter(total=sum(source.bytes for source in listing.sources), tell=on_progress)
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for source in listing.sources:
        draft, found = _draft(source, listing.folder, meter, crs=crs, time_limit_seconds=time_limit_seconds)
        drafts += [draft] if draft else []
        problems += found
    return HarvestReport(offerings=tuple(drafts), problems=tuple(problems), skipped=listing.skipped)


class _Meter:
    """Adds up what was hashed and tells whoever wants to know."""

    def __init__(self, *, total: int, tell: OnProgress | None) -> None:
        self._total = total
        self._tell = tell
        self._done = 0
        self._source = ""

    def reading(self, source: str) -> None:
        self._source = source
        self._say("reading")

    def hashed(self, count: int) -> None:
        self._done += count
        self._say("hashing")

    def _say(self, stage: str) -> None:
        if self._tell:
            step = "reading" if stage == "reading" else "hashing"
            self._tell(Progress(source=self._source, stage=step, bytes_done=self._done, bytes_total=self._total))


def _draft(
    source: Source, folder: Path, meter: _Meter, *, crs: str | None, time_limit_seconds: int
) -> tuple[Draft | None, list[Problem]]:
    meter.reading(source.place())
    reading = read_source(source, crs=crs, time_limit_seconds=time_limit_seconds)
    problems = list(reading.problems)
    if reading.description is None:
        return None, problems
    files: list[SourceFile] = []
    for name in reading.files:
        try:
            files.append(hash_file(source.root, name, inside=folder, on_bytes=meter.hashed))
        except OSError as error:
            problems.append(Problem(path=source.place(name), reason=f"cannot be read: {error.strerror or error}"))
    if not RUN_OUTPUTS & {each.path for each in files} if source.kind == "sfincs" else not files:
        return None, problems
    return _assembled(source, reading.description, files), problems


def _assembled(source: Source, description: Description, files: list[SourceFile]) -> Draft:
    assets = tuple(_asset(source, file) for file in files)
    location = source.root if source.kind == "sfincs" else source.root / source.files[0]
    return Draft(id=source.id, source=location, description=replace(description, assets=assets), files=tuple(files))


def _asset(source: Source, file: SourceFile) -> Asset:
    result = source.kind != "sfincs" or file.path in RUN_OUTPUTS
    return Asset(
        path=file.path,
        media_type=file.media_type,
        bytes=file.bytes,
        sha256=file.sha256,
        roles=("data",) if result else ("source",),
    )


def hash_file(root: Path, name: str, *, inside: Path, on_bytes: Callable[[int], None] = lambda _: None) -> SourceFile:
    """Size, identity and SHA-256 of `root/name`, in constant memory.

    Raises OSError where it cannot be read, is no regular file inside `inside`, or changes while it is being read.
    """
    path = (root / name).resolve(strict=True)
    if not path.is_relative_to(inside):
        raise OSError("a symbolic link that leaves the folder")
    # O_NOFOLLOW and O_NONBLOCK: what was listed as a file may be a link or a pipe by now
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError("not a regular file")
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            on_bytes(len(chunk))
        if _identity(os.fstat(descriptor)) != _identity(before):
            raise OSError("it changed while it was being read: publish it when it is complete")
    return SourceFile(
        path=name,
        absolute_path=path,
        bytes=before.st_size,
        sha256=digest.hexdigest(),
        mtime_ns=before.st_mtime_ns,
        inode=before.st_ino,
        media_type=media_type(name),
    )


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def media_type(name: str) -> str:
    """By suffix: the registered type, `application/octet-stream` where there is none."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in NETCDF_SUFFIXES:
        return NETCDF_MEDIA_TYPE
    if suffix in GEOTIFF_SUFFIXES:
        return GEOTIFF_MEDIA_TYPE
    if suffix in {".geojson", ".json"}:
        return "application/geo+json" if suffix == ".geojson" else "application/json"
    return "text/plain" if suffix == ".inp" else _TYPES.guess_type(name)[0] or "application/octet-stream"


# the table of the library itself, not of this machine: the same file has the same type everywhere
_TYPES = mimetypes.MimeTypes()
