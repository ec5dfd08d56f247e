"""The manifest of a folder: which files it holds, and what each must be when it arrives. Pure.

`{"files": [{"path", "bytes", "sha256"}]}`, served in its RFC 8785 form, so that the digest of what was sent and the
digest of the manifest are one.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from connector.audit.leaf import LARGEST_INTEGER, canonical

MEDIA_TYPE = "application/vnd.tidegate.manifest+json"

_SHA256 = re.compile(r"[0-9a-f]{64}")
# What no file system we write to takes in one name, or what could mean a folder on another one.
_NOT_IN_A_PATH = re.compile(r"[\x00-\x1f\x7f\\]")
MAX_NAME_BYTES = 240  # of 255 that file systems take: room for `.part`
MAX_PATH_BYTES = 3000  # of 4096 that Linux takes: room for the destination


class MalformedManifest(ValueError):  # noqa: N818
    """The manifest is not one, or names a file outside the folder; the message says where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path below the folder, with `/`."""

    path: str
    bytes: int
    sha256: str


def render_manifest(entries: Iterable[Entry]) -> bytes:
    """The manifest's RFC 8785 form."""
    files = [{"path": entry.path, "bytes": entry.bytes, "sha256": entry.sha256} for entry in entries]
    return canonical({"files": files})


def manifest_digest(manifest: bytes) -> str:
    """Lower-case hex SHA-256 of the manifest's RFC 8785 form."""
    return hashlib.sha256(canonical(orjson.loads(manifest))).hexdigest()


def parse_manifest(body: bytes) -> tuple[Entry, ...]:
    """The entries in their order; raises MalformedManifest."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedManifest(f"not JSON: {error}") from None
    members = _members(document, {"files"}, where="manifest")
    files: Any = members["files"]
    if not isinstance(files, list):
        raise MalformedManifest("files: expected an array")
    entries = tuple(_parse_entry(item, where=f"files[{index}]") for index, item in enumerate(cast("list[Any]", files)))
    _refuse_clashes([entry.path for entry in entries])
    return entries


def _parse_entry(item: Any, *, where: str) -> Entry:
    members = _members(item, {"path", "bytes", "sha256"}, where=where)
    path, size, sha256 = members["path"], members["bytes"], members["sha256"]
    if not isinstance(path, str):
        raise MalformedManifest(f"{where}.path: expected a string")
    check_path(path, where=f"{where}.path")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST_INTEGER:
        raise MalformedManifest(f"{where}.bytes: expected a number of bytes")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise MalformedManifest(f"{where}.sha256: expected 64 lower-case hex digits")
    return Entry(path, size, sha256)


def check_path(path: str, *, where: str) -> None:
    """Refuse whatever does not name a file below the folder; raises MalformedManifest."""
    segments = path.split("/")
    if any(segment in {"", ".", ".."} for segment in segments) or _NOT_IN_A_PATH.search(path):
        raise MalformedManifest(f"{where}: {path[:200]!r} is not a relative path below the folder")
    if any(len(segment.encode()) > MAX_NAME_BYTES for segment in segments) or len(path.encode()) > MAX_PATH_BYTES:
        raise MalformedManifest(f"{where}: {path[:200]!r} is too long for a file system")


def _members(value: Any, names: set[str], *, where: str) -> Mapping[str, Any]:
    """Exactly these members: another one would be in the digest and yet not in what we keep."""
    if not isinstance(value, dict) or set(cast("dict[str, Any]", value)) != names:
        raise MalformedManifest(f"{where}: expected an object with exactly {', '.join(sorted(names))}")
    return cast("dict[str, Any]", value)


def _refuse_clashes(paths: Sequence[str]) -> None:
    """No path twice, none that is also a folder, none that is the temporary name of another."""
    files = set(paths)
    if len(files) != len(paths):
        raise MalformedManifest("files: a path occurs twice")
    for path in paths:
        if path.removesuffix(".part") != path and path.removesuffix(".part") in files:
            raise MalformedManifest(f"files: {path!r} is the temporary name of another file")
        parent = path
        while "/" in parent:
            parent = parent.rpartition("/")[0]
            if parent in files:
                raise MalformedManifest(f"files: {parent!r} is a file and a folder")
