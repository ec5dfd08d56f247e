"""What a participant offers: one offering, its files, its variables, its place and time.

A `Description` is what can be learnt from the data itself. An `Offering` adds what the provider decides: identifier,
version and policy. Both become plain JSON and come back equal (`to_json`, `from_json`): that is how they are stored,
and how the child process that reads the files hands them over.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self, cast

Kind = Literal["folder", "file"]
BBox = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One file: `path` relative to the offering with `/`, `bytes` its size, `sha256` lower-case hex."""

    path: str
    media_type: str
    bytes: int
    sha256: str
    roles: tuple[str, ...] = ("data",)
    title: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One variable as its file names it; `unit` is the file's own spelling, `dimensions` the names in order."""

    name: str
    standard_name: str | None = None
    long_name: str | None = None
    unit: str | None = None
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the data says about itself.

    `geometry` is GeoJSON in EPSG:4326, split at the antimeridian (RFC 7946, 3.1.9); `bbox` is west, south, east, north
    in degrees, with west > east where it crosses the antimeridian (RFC 7946, 5.2). `start` and `end` are UTC, or both
    None where the data has no time. `calendar` names a calendar that is not the Gregorian one (CF spelling,
    e.g. `360_day`). `crs` is an authority code such as `EPSG:32633`, else WKT 2. `properties` are STAC properties of
    this item only.
    """

    title: str
    description: str
    geometry: Mapping[str, Any]
    bbox: BBox
    kind: Kind
    keywords: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    variables: tuple[Variable, ...] = ()
    assets: tuple[Asset, ...] = ()
    crs: str | None = None
    calendar: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def total_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(asset.bytes for asset in self.assets)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object; `from_json` gives an equal value back."""
        return _plain(asdict(self)) | {"start": format_time(self.start), "end": format_time(self.end)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The value that `to_json` rendered. Raises ValueError naming what is missing or not expected."""
        return cls(**_members(cls, document))


@dataclass(frozen=True, kw_only=True)
class Offering(Description):
    """A description under an identifier, in a version, with the policy it is offered under.

    `policy` holds the members `permission`, `prohibition`, `obligation` (and `profile`) of the protocol's compact form.
    """

    id: str
    version: int
    policy: Mapping[str, Any]

    @property
    def offer_id(self) -> str:
        """Identifies this version's offer: a new version is a new offer, the old one is stale."""
        return f"{self.id}:{self.version}"


def offering_of(
    description: Description,
    *,
    id: str,  # noqa: A002 - the field's name
    version: int,
    policy: Mapping[str, Any],
) -> Offering:
    """The description as an offering under an identifier, in a version, with a policy."""
    members = {name.name: getattr(description, name.name) for name in fields(Description)}
    return Offering(**members, id=id, version=version, policy=policy)


def next_version(offering: Offering, description: Description, *, policy: Mapping[str, Any]) -> Offering:
    """The same offering again: unchanged (the same object) or as the next version."""
    candidate = offering_of(description, id=offering.id, version=offering.version, policy=policy)
    return offering if candidate == offering else replace(candidate, version=offering.version + 1)


def format_time(value: datetime | None) -> str | None:
    """RFC 3339 in UTC with `Z`, as STAC and xsd:dateTime both read it."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(value: str | None) -> datetime | None:
    """The inverse of `format_time`. Raises ValueError."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has them: the rendered value equals the one that was stored and read again."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value


def _members(cls: type[Description], document: Mapping[str, Any]) -> dict[str, Any]:
    known = {name.name for name in fields(cls)}
    if unknown := sorted(set(document) - known):
        raise ValueError(f"{cls.__name__} has no members {unknown}; expected {sorted(known)}")
    if missing := sorted(known - set(document)):
        raise ValueError(f"{cls.__name__} lacks the members {missing}")
    return dict(document) | {
        "keywords": tuple(document["keywords"]),
        "bbox": cast("BBox", tuple(document["bbox"])),
        "start": parse_time(document["start"]),
        "end": parse_time(document["end"]),
        "variables": tuple(_parse_variable(each) for each in document["variables"]),
        "assets": tuple(_parse_asset(each) for each in document["assets"]),
    }


def _parse_variable(document: Mapping[str, Any]) -> Variable:
    members: dict[str, Any] = {**document}
    members["dimensions"] = tuple(document["dimensions"])
    return Variable(**members)


def _parse_asset(document: Mapping[str, Any]) -> Asset:
    members: dict[str, Any] = {**document}
    members["roles"] = tuple(document["roles"])
    return Asset(**members)
