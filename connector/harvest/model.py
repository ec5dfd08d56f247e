"""What harvesting a folder gives: sources that would be published, drafts of offerings, and problems by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.model import Description

SourceKind = Literal["sfincs", "netcdf", "geotiff"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One future offering: a SFINCS run (a folder) or a single file.

    `id` is a slug of `path`, unique in its listing. `path` is relative to the listed folder, `root` the absolute folder
    that `files` are relative to. All relative paths use `/`.
    """

    id: str
    path: str
    kind: SourceKind
    root: Path
    files: tuple[str, ...]
    bytes: int

    def place(self, file: str = "") -> str:
        """How a person finds this source, or a file of a run: relative to the listed folder."""
        if not file or self.kind != "sfincs":
            return self.path if self.path != "." else self.root.name
        return file if self.path == "." else f"{self.path}/{file}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A path that is not published, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What publishing this folder would publish, and what it would leave out."""

    folder: Path
    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A source, or a file of one, that could not be published: where, why, and what to do about it."""

    path: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file as it was when it was hashed.

    `path` is relative to the offering, `absolute_path` has no symbolic links left in it. Size, `mtime_ns` and `inode`
    say later whether it is still the same file.
    """

    path: str
    absolute_path: Path
    bytes: int
    sha256: str
    mtime_ns: int
    inode: int
    media_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An offering before the provider gives it a version and a policy.

    `source` is the absolute path it was read from: the identifier is a slug of the name alone, so two folders of one
    name in different places propose the same one.
    """

    id: str
    source: Path
    description: Description
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HarvestReport:
    """Everything of a folder that can be published, and by name what cannot."""

    offerings: tuple[Draft, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a harvest stands: bytes hashed of all bytes listed, and what it is at."""

    source: str
    stage: Literal["reading", "hashing"]
    bytes_done: int
    bytes_total: int


class SourceRefused(Exception):  # noqa: N818 - a result for one source, reported by name
    """The source cannot be described. `path` names the file where it is not the source itself."""

    def __init__(self, reason: str, *, hint: str | None = None, path: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.path = path
