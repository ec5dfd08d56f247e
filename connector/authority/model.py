"""What the authority keeps about a member."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Admission:
    """One admitted participant; `url` is its public address, `added_at` when it was admitted (UTC)."""

    did: str
    title: str
    url: str
    added_at: datetime
