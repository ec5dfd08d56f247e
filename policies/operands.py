"""Every left operand that this engine knows: where its value comes from, its value space, its operators.

The value space says how values compare (see `comparison`), and over what `overlap` searches. An operand that is not
in `LEFT_OPERANDS` has no source, and a policy that uses it is refused when it is defined. `SUPPLIED` are those whose
source this connector has now: a policy may be published only with these.
"""

from dataclasses import dataclass
from typing import Final, Literal

from policies.terms import ORDER, SETS, TIDEGATE

#: How values of an operand compare.
Space = Literal["moment", "duration", "number", "level", "name", "geometry", "interval"]

#: `each`: a constraint must say the same of all values. `some`: one value for which it holds is enough.
Quantifier = Literal["each", "some"]

_LISTS: Final = frozenset({"isAnyOf", "isNoneOf"})
WITHIN: Final = frozenset({"eq", "neq", "isPartOf", "hasPart"})
METRE: Final = "http://qudt.org/vocab/unit/M"
BYTE: Final = "http://qudt.org/vocab/unit/BYTE"


@dataclass(frozen=True, slots=True)
class LeftOperand:
    """One line of the table. `lowest` and `highest` bound the value; `whole` means that it is counted."""

    source: str
    operators: frozenset[str]
    space: Space
    says: str
    quantifier: Quantifier = "each"
    unit: str | None = None
    lowest: int | None = None
    highest: int | None = None
    whole: bool = False


EXTENT: Final = f"{TIDEGATE}extent"
DATA_TIME: Final = f"{TIDEGATE}dataTime"
VARIABLE: Final = f"{TIDEGATE}variable"
SPATIAL_RESOLUTION: Final = f"{TIDEGATE}spatialResolution"
LEVEL: Final = f"{TIDEGATE}level"
BYTE_VOLUME: Final = f"{TIDEGATE}byteVolume"
FIRST_USE: Final = f"{TIDEGATE}firstUse"
MEMBER_OF: Final = f"{TIDEGATE}memberOf"
ASSURANCE: Final = f"{TIDEGATE}levelOfAssurance"
CREDENTIAL: Final = f"{TIDEGATE}credential"

_CLOCK: Final = "trusted clock at the decision"
_LEDGER: Final = "usage ledger"
_CLAIM: Final = "verified claim of the assignee"
_DECLARED: Final = "declared by the consumer, and recorded"
_REQUESTED: Final = "what the request asks for"
_AMOUNT: Final = ORDER | _LISTS

LEFT_OPERANDS: Final[dict[str, LeftOperand]] = {
    # ODRL Vocabulary 2.2 section 3.5
    "dateTime": LeftOperand(_CLOCK, _AMOUNT, "moment", "time"),
    "elapsedTime": LeftOperand(
        f"{_LEDGER}: time since the first permitted use", ORDER, "duration", "time since first use", lowest=0
    ),
    "meteredTime": LeftOperand(
        f"{_LEDGER}: time in use since the first permitted use", ORDER, "duration", "time in use", lowest=0
    ),
    "count": LeftOperand(
        f"{_LEDGER}: uses so far, with the one being decided",
        _AMOUNT,
        "number",
        "number of uses",
        lowest=0,
        whole=True,
    ),
    "purpose": LeftOperand("purpose declared by the consumer", SETS, "name", "purpose"),
    "recipient": LeftOperand("verified identity of the assignee", SETS, "name", "recipient"),
    "industry": LeftOperand(_CLAIM, SETS, "name", "industry"),
    "spatial": LeftOperand(f"place of use, {_DECLARED}", SETS, "name", "place of use"),
    # Our profile for Earth data
    EXTENT: LeftOperand(f"geometry of the requested data: {_REQUESTED}", WITHIN, "geometry", "area of the data"),
    DATA_TIME: LeftOperand(f"period of the requested data: {_REQUESTED}", WITHIN, "interval", "period of the data"),
    VARIABLE: LeftOperand(f"variables: {_REQUESTED}", SETS, "name", "variable"),
    SPATIAL_RESOLUTION: LeftOperand(
        f"finest distance of samples: {_REQUESTED}",
        ORDER,
        "number",
        "spacing of samples in metres",
        unit=METRE,
        lowest=0,
    ),
    LEVEL: LeftOperand(f"vertical levels: {_REQUESTED}", _AMOUNT, "number", "level"),
    BYTE_VOLUME: LeftOperand(
        f"{_LEDGER}: bytes served so far, with those being decided",
        ORDER,
        "number",
        "volume in bytes",
        unit=BYTE,
        lowest=0,
        whole=True,
    ),
    FIRST_USE: LeftOperand(f"{_LEDGER}: moment of the first permitted use", ORDER, "moment", "time of first use"),
    MEMBER_OF: LeftOperand(
        "verified membership of the assignee in groups of participants",
        SETS,
        "name",
        "group of the recipient",
        quantifier="some",
    ),
    ASSURANCE: LeftOperand(
        "level of assurance of the assignee's verified credential", ORDER, "level", "level of assurance"
    ),
    CREDENTIAL: LeftOperand(
        "verified credentials of the assignee, by type or id",
        SETS,
        "name",
        "credential of the recipient",
        quantifier="some",
    ),
}

#: What this connector can supply at a decision now; whatever it comes to record or verify is added here.
SUPPLIED: Final = frozenset({"dateTime", "purpose", "recipient"})

# The other operands of ODRL 2.2: no source here, but a value space, over which two policies can be compared.
_UNSOURCED: Final[dict[Space, str]] = {
    "number": (
        "absolutePosition absoluteSize percentage payAmount relativePosition relativeSize resolution "
        "absoluteSpatialPosition relativeSpatialPosition"
    ),
    "duration": "delayPeriod timeInterval relativeTemporalPosition",
    "moment": "absoluteTemporalPosition",
    "geometry": "spatialCoordinates",
    "name": (
        "deliveryChannel device event fileFormat language media product system systemDevice unitOfCount version "
        "virtualLocation"
    ),
}
_FROM_ZERO: Final = frozenset(
    {"absoluteSize", "payAmount", "relativeSize", "resolution", "percentage", "delayPeriod", "timeInterval"}
)


def operators_of(space: Space) -> frozenset[str]:
    """The operators that make sense in a value space."""
    sets: dict[Space, frozenset[str]] = {"name": SETS, "geometry": WITHIN, "interval": WITHIN}
    return sets.get(space, _AMOUNT)


def _unsourced(name: str, space: Space) -> LeftOperand:
    lowest, highest = (0 if name in _FROM_ZERO else None), (100 if name == "percentage" else None)
    return LeftOperand("nothing here", operators_of(space), space, name, lowest=lowest, highest=highest)


#: Every left operand with a value space, whether or not it has a source.
SPACES: Final[dict[str, LeftOperand]] = {
    **{name: _unsourced(name, space) for space, names in _UNSOURCED.items() for name in names.split()},
    **LEFT_OPERANDS,
}
