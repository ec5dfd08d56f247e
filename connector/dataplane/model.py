"""What the data plane serves and receives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["folder", "file"]


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file as it was published: where it lies, and what tells that it is still the same one.

    `path` is relative to the offering, with `/`. `sha256` is lower-case hex. Size, `mtime_ns` and `inode` are compared
    before and during each delivery; the consumer verifies the digest.
    """

    path: str
    absolute_path: str
    bytes: int
    sha256: str
    mtime_ns: int
    inode: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One row of data_flow: who may fetch what, with which token, until when."""

    transfer: str
    agreement: str
    offering: str
    version: int
    kind: Kind
    consumer: str
    endpoint: str
    jti: str
    expires_at: datetime
    state: Literal["open", "closed"]
    reason: str | None
    bytes_sent: int

    def may_serve(self, now: datetime) -> bool:
        """Whether anything may be delivered."""
        return self.state == "open" and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Received:
    """A finished, verified delivery, as it is kept to verify it again later.

    `digest` is the SHA-256 (hex) of the file, or of the manifest's RFC 8785 form for a folder; `files` are relative to
    the destination folder, in the manifest's order.
    """

    kind: Kind
    files: tuple[str, ...]
    bytes: int
    digest: str
