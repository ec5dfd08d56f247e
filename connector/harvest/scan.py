"""Which files of a folder would be published, and which are left out and why. Reads names and first bytes only.

Three rules keep what was not meant to be published out of it: nothing whose name starts with a dot, nothing that a
symbolic link reaches outside the folder (or behind a dot name inside it), nothing that is not a regular file.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from connector.errors import InvalidInput
from connector.harvest.model import Listing, Skipped, Source, SourceKind

# SFINCS always writes its results under these names; what is in them is read from the files
RUN_OUTPUTS = frozenset({"sfincs_map.nc", "sfincs_his.nc"})
NETCDF_SUFFIXES = frozenset({".nc", ".nc4", ".cdf", ".netcdf"})
GEOTIFF_SUFFIXES = frozenset({".tif", ".tiff", ".gtiff"})
# classic, 64-bit offset, 64-bit data; HDF5 alone says nothing (NetCDF-4 needs its suffix as well)
NETCDF_MAGIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
TIFF_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
MAX_ENTRIES = 100_000  # a whole disk named by mistake ends with a clear error, not with an hour of silence


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    bytes: int
    kind: SourceKind | None


@dataclass(slots=True)
class _Scan:
    root: Path
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    entries: int = 0

    def skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path=_printable(path), reason=reason))


def list_sources(folder: Path) -> Listing:
    """What publishing `folder` (or a single file) would publish, in the order of paths.

    Raises InvalidInput where there is no such folder, it cannot be read, or it has more than MAX_ENTRIES entries.
    """
    folder = _existing(folder)
    if folder.is_file():
        return _single_file(folder)
    scan = _Scan(root=folder)
    found = sorted(_walk(scan, folder), key=lambda each: each.path)
    sources = [*_runs(scan, found), *_single_sources(scan, found)]
    sources.sort(key=lambda source: source.path)
    skipped = sorted(scan.skipped, key=lambda each: each.path)
    return Listing(folder=folder, sources=_with_unique_ids(sources), skipped=tuple(skipped))


def _existing(folder: Path) -> Path:
    try:
        return folder.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InvalidInput(
            f"cannot publish {folder}: {getattr(error, 'strerror', None) or error}",
            hint="name an existing folder, or a NetCDF or GeoTIFF file",
        ) from error


def _single_file(path: Path) -> Listing:
    scan = _Scan(root=path.parent)
    found = _inspect(scan, path, path.name)
    sources = _single_sources(scan, [found] if found else [])
    return Listing(folder=path.parent, sources=_with_unique_ids(sources), skipped=tuple(scan.skipped))


def _walk(scan: _Scan, folder: Path) -> Iterator[_Found]:
    relative = folder.relative_to(scan.root).as_posix()
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        if folder == scan.root:
            raise InvalidInput(f"cannot read the folder {folder}: {error.strerror}") from error
        scan.skip(relative, f"cannot be read: {error.strerror}")
        return
    for name in names:
        scan.entries += 1
        if scan.entries > MAX_ENTRIES:
            raise InvalidInput(
                f"{scan.root} has more than {MAX_ENTRIES} entries", hint="publish its sub-folders one by one"
            )
        yield from _enter(scan, folder / name, name if relative == "." else f"{relative}/{name}")


def _enter(scan: _Scan, path: Path, relative: str) -> Iterator[_Found]:
    if reason := _bad_name(path.name):
        scan.skip(relative, reason)
    elif path.is_dir() and not path.is_symlink():
        yield from _walk(scan, path)
    elif found := _inspect(scan, path, relative):
        yield found


def _bad_name(name: str) -> str | None:
    if name.startswith("."):
        return "its name starts with a dot"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if any(unicodedata.category(char).startswith("C") for char in name) or "\\" in name:
        return "its name has control characters or a backslash"
    return None


def _inspect(scan: _Scan, path: Path, relative: str) -> _Found | None:
    """A regular file inside the folder; anything else is skipped with its reason."""
    try:
        target = path.resolve(strict=True)
        status = target.stat()
    except (OSError, RuntimeError) as error:
        scan.skip(relative, f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return None
    if reason := _bad_target(scan.root, target) or _bad_type(status.st_mode):
        scan.skip(relative, reason)
        return None
    return _Found(path=relative, bytes=status.st_size, kind=_kind(target, relative))


def _bad_target(root: Path, target: Path) -> str | None:
    if not target.is_relative_to(root):
        return "a symbolic link that leaves the folder"
    if any(part.startswith(".") for part in target.relative_to(root).parts):
        return "a symbolic link to something whose name starts with a dot"
    return None


def _bad_type(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "a symbolic link to a folder: what is in it is published under its own path"
    return "not a regular file (a device, socket or pipe)"


def _kind(path: Path, name: str) -> SourceKind | None:
    """By first bytes, or by the suffix: a broken file that calls itself NetCDF must be named, not passed over."""
    suffix = PurePosixPath(name).suffix.lower()
    start = _first_bytes(path)
    if suffix in NETCDF_SUFFIXES or start.startswith(NETCDF_MAGIC):
        return "netcdf"
    if suffix in GEOTIFF_SUFFIXES or start.startswith(TIFF_MAGIC):
        return "geotiff"
    return None


def _first_bytes(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read(8)


def _runs(scan: _Scan, found: Sequence[_Found]) -> list[Source]:
    """One source per folder with SFINCS results; a file belongs to the nearest such folder above it."""
    folders = _run_folders(found)
    runs: dict[PurePosixPath, list[_Found]] = {folder: [] for folder in sorted(folders)}
    for each in found:
        if (owner := _owner(each.path, folders)) is not None:
            runs[owner].append(each)
    return [_run(scan.root, folder, files) for folder, files in runs.items()]


def _run_folders(found: Sequence[_Found]) -> set[PurePosixPath]:
    return {PurePosixPath(each.path).parent for each in found if PurePosixPath(each.path).name in RUN_OUTPUTS}


def _owner(path: str, folders: set[PurePosixPath]) -> PurePosixPath | None:
    return next((parent for parent in PurePosixPath(path).parents if parent in folders), None)


def _run(root: Path, folder: PurePosixPath, files: list[_Found]) -> Source:
    absolute = root / folder
    return Source(
        id=_slug(folder.as_posix() if folder.parts else root.name),
        path=folder.as_posix(),
        kind="sfincs",
        root=absolute,
        files=tuple(PurePosixPath(each.path).relative_to(folder).as_posix() for each in files),
        bytes=sum(each.bytes for each in files),
    )


def _single_sources(scan: _Scan, found: Sequence[_Found]) -> list[Source]:
    folders = _run_folders(found)
    sources: list[Source] = []
    for each in found:
        if _owner(each.path, folders) is not None:
            continue
        if each.kind is None:
            scan.skip(each.path, "neither NetCDF nor GeoTIFF, and not in a folder of SFINCS results")
            continue
        sources.append(_file_source(scan.root, each, each.kind))
    return sources


def _file_source(root: Path, found: _Found, kind: SourceKind) -> Source:
    path = PurePosixPath(found.path)
    return Source(
        id=_slug(path.with_suffix("").as_posix()),
        path=found.path,
        kind=kind,
        root=root / path.parent,
        files=(path.name,),
        bytes=found.bytes,
    )


def _slug(text: str) -> str:
    """Lower-case ASCII letters, digits and single hyphens, at most 80 characters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-") or "source"


def _with_unique_ids(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Sources that would share a slug all get a digest of their path behind it: no order decides who keeps it."""
    shared = {slug for slug, count in Counter(source.id for source in sources).items() if count > 1}
    return tuple(_distinct(source) if source.id in shared else source for source in sources)


def _distinct(source: Source) -> Source:
    digest = hashlib.sha256(source.path.encode()).hexdigest()[:8]
    return replace(source, id=f"{source.id}-{digest}")


def _printable(path: str) -> str:
    """A name that cannot be printed or encoded is shown with escapes."""
    return path if path.isprintable() else path.encode("unicode_escape", "surrogatepass").decode("ascii")
