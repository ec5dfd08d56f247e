"""The nouns of the offerings registry."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785

from catalog.model import Description, Offering
from connector.dataplane.model import ServedFile


@dataclass(frozen=True, slots=True)
class Source:
    """Where an offering comes from, and with that which offering it is: the same source again is the same offering.

    `path` is absolute, of a folder or a file. `variant` tells offerings of one source under different terms apart.
    """

    path: str
    variant: str = ""

    def key(self) -> str:
        """Eight hexadecimal digits that are the same for the same source: they tell two sources with one name apart."""
        return hashlib.sha256(rfc8785.dumps([self.path, self.variant])).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published. `wished_id` is taken unless another source has it; `policy` passed `sound_policy`."""

    source: Source
    wished_id: str
    description: Description
    policy: Mapping[str, Any]
    files: Sequence[ServedFile]


class Outcome(StrEnum):
    """What publishing did."""

    NEW = "new"
    NEW_VERSION = "new_version"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Published:
    """An offering as it now stands in the registry."""

    offering: Offering
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """An offering of ours in its current version, with what only its owner sees."""

    offering: Offering
    source: Source
    published_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class PublishedOffer:
    """An offer that was published at some time. `policy`: DSP compact members, without `@id`, `@type` and `target`."""

    offer_id: str
    offering_id: str
    version: int
    title: str
    policy: Mapping[str, Any]
    current_version: int
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of offerings, ordered by id; `next_after` is where the next one starts, None on the last."""

    offerings: tuple[Offering, ...]
    next_after: str | None


def offering_digest(offering: Offering) -> str:
    """SHA-256 (hex) of all an offering says, its terms included, apart from which version it is."""
    said = {key: value for key, value in offering.to_json().items() if key not in {"id", "version"}}
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def searchable_words(offering: Offering) -> str:
    """All text a person may search for."""
    variables = (text for v in offering.variables for text in (v.name, v.standard_name, v.long_name) if text)
    return " ".join([offering.id, offering.title, offering.description, *offering.keywords, *variables])
