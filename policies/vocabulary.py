"""The words of ODRL 2.2 that this engine decides, and where each value comes from.

Terms are held by their local name (`dateTime`, `use`, `lteq`); everything outside the ODRL namespace is held as
written. A word that is not in one of these tables is Unknown, and Unknown denies.
"""

from dataclasses import dataclass
from typing import Final

ODRL: Final = "http://www.w3.org/ns/odrl/2/"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
TIDEGATE: Final = "https://w3id.org/tidegate/v1/"

RESEARCH: Final = f"{TIDEGATE}purpose/research"
FLOOD_RISK_MANAGEMENT: Final = f"{TIDEGATE}purpose/flood-risk-management"
COMMERCIAL: Final = f"{TIDEGATE}purpose/commercial"

#: True, False, or None for Unknown (Kleene's third value).
Truth = bool | None

# ODRL Vocabulary 2.2 section 3.3 (operators). The DSP schema also lists `term-lteq`, which no specification defines.
ORDER: Final = frozenset({"eq", "neq", "lt", "lteq", "gt", "gteq"})
SETS: Final = frozenset({"eq", "neq", "isA", "hasPart", "isPartOf", "isAnyOf", "isAllOf", "isNoneOf"})
OPERATORS: Final = ORDER | SETS
LOGICAL_OPERATORS: Final = frozenset({"and", "or", "xone", "andSequence"})


@dataclass(frozen=True, slots=True)
class LeftOperand:
    """Where the value of a left operand comes from, and by which operators it can be compared."""

    source: str
    operators: frozenset[str]


LEFT_OPERANDS: Final[dict[str, LeftOperand]] = {
    "dateTime": LeftOperand("trusted clock at the decision", ORDER),
    "purpose": LeftOperand("purpose declared by the consumer", SETS),
    "recipient": LeftOperand("verified identity of the assignee", SETS),
}

# ODRL Vocabulary 2.2 section 3.2 (actions): action → the action it is included in. `use` and `transfer` are the roots.
_IN_USE = (
    "acceptTracking aggregate annotate anonymize archive attribute compensate concurrentUse delete derive digitize "
    "display distribute ensureExclusivity execute grantUse include index inform install modify move nextPolicy "
    "obtainConsent play present print read reproduce reviewPolicy stream synchronize textToSpeech transform "
    "translate uninstall watermark"
)
INCLUDED_IN: Final[dict[str, str | None]] = {
    "use": None,
    "transfer": None,
    **dict.fromkeys(_IN_USE.split(), "use"),
    "extract": "reproduce",
    "give": "transfer",
    "sell": "transfer",
}

# An unknown profile stops processing (ODRL Information Model 2.2 section 4). The core needs none, but may be named.
KNOWN_PROFILES: Final = frozenset({ODRL, f"{ODRL}core", "https://w3id.org/dspace/2025/1/odrl-profile.jsonld"})

# A context inside a policy could give our words another meaning: only these leave it as it is.
KNOWN_CONTEXTS: Final = frozenset(
    {
        "https://w3id.org/dspace/2025/1/context.jsonld",
        "https://w3id.org/dspace/2025/1/odrl-profile.jsonld",
        "http://www.w3.org/ns/odrl.jsonld",
        "https://www.w3.org/ns/odrl.jsonld",
    }
)


def local_name(term: str) -> str:
    """`odrl:use` and `http://www.w3.org/ns/odrl/2/use` → `use`; anything else as it is."""
    return term.removeprefix(ODRL).removeprefix("odrl:")


def covers(action: str, requested: str) -> Truth:
    """Whether a rule about `action` is about `requested` too: includedIn, transitively. None if either is unknown."""
    if action not in INCLUDED_IN or requested not in INCLUDED_IN:
        return None
    step: str | None = requested
    while step is not None and step != action:
        step = INCLUDED_IN[step]
    return step == action
