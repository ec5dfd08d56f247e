"""The words of ODRL 2.2 and of our profile that this engine decides: actions, operators, contexts, profiles.

Terms are held by their local name (`dateTime`, `use`, `lteq`); everything outside the ODRL namespace is held as
written. A word that is not in one of these tables is Unknown, and Unknown denies. Left operands: see `operands`.
"""

from collections.abc import Mapping
from typing import Final

from policies.operands import LEFT_OPERANDS, LeftOperand
from policies.terms import LOGICAL_OPERATORS, ODRL, OPERATORS, ORDER, RDF, SETS, TIDEGATE, XSD, Truth, local_name

__all__ = [
    "ANNOTATIONS",
    "COMMERCIAL",
    "CONFLICTS",
    "DROPPED_BY_DSP",
    "FLOOD_RISK_MANAGEMENT",
    "INCLUDED_IN",
    "KNOWN_CONTEXTS",
    "KNOWN_PROFILES",
    "LEFT_OPERANDS",
    "LOGICAL_OPERATORS",
    "ODRL",
    "ODRL_CONTEXTS",
    "OPERATORS",
    "ORDER",
    "PARTY_FUNCTIONS",
    "PROFILE",
    "RDF",
    "RESEARCH",
    "SETS",
    "TIDEGATE",
    "TIDEGATE_CONTEXT",
    "XSD",
    "LeftOperand",
    "Truth",
    "covers",
    "local_name",
]

RESEARCH: Final = f"{TIDEGATE}purpose/research"
FLOOD_RISK_MANAGEMENT: Final = f"{TIDEGATE}purpose/flood-risk-management"
COMMERCIAL: Final = f"{TIDEGATE}purpose/commercial"

#: Our profile for Earth data, and its JSON-LD context.
PROFILE: Final = f"{TIDEGATE}profile"
TIDEGATE_CONTEXT: Final = f"{TIDEGATE}context.jsonld"

# ODRL Information Model 2.2 section 2.9; without one it is `invalid`.
CONFLICTS: Final = frozenset({"perm", "prohibit", "invalid"})

# ODRL Vocabulary 2.2 section 3.2 (actions): action → the action it is included in. `use` and `transfer` are the roots.
# `write` and `copy` are deprecated there, but the ODRL-Test-Suite asks for one of them.
_IN_USE = (
    "acceptTracking aggregate annotate anonymize archive attribute compensate concurrentUse copy delete derive "
    "digitize display distribute ensureExclusivity execute grantUse include index inform install modify move "
    "nextPolicy obtainConsent play present print read reproduce reviewPolicy stream synchronize textToSpeech "
    "transform translate uninstall watermark write"
)
# the vocabulary spells CommericalUse so, Creative Commons does not
_CREATIVE_COMMONS = (
    "Attribution CommercialUse CommericalUse DerivativeWorks Distribution Notice Reproduction ShareAlike Sharing "
    "SourceCode"
)
INCLUDED_IN: Final[dict[str, str | None]] = {
    "use": None,
    "transfer": None,
    **dict.fromkeys(_IN_USE.split(), "use"),
    "extract": "reproduce",
    "give": "transfer",
    "sell": "transfer",
    **{f"http://creativecommons.org/ns#{name}": "use" for name in _CREATIVE_COMMONS.split()},
}

# ODRL Vocabulary 2.2 section 3.4: other parties of a duty. They say for whom it is done.
_FUNCTIONS = (
    "attributedParty attributingParty compensatedParty compensatingParty consentedParty consentingParty "
    "contractedParty contractingParty informedParty informingParty trackedParty trackingParty"
)
PARTY_FUNCTIONS: Final = frozenset(_FUNCTIONS.split())

# An unknown profile stops processing (ODRL Information Model 2.2 section 4). The core needs none, but may be named.
KNOWN_PROFILES: Final = frozenset({ODRL, f"{ODRL}core", "https://w3id.org/dspace/2025/1/odrl-profile.jsonld", PROFILE})

ODRL_CONTEXTS: Final = frozenset({"http://www.w3.org/ns/odrl.jsonld", "https://www.w3.org/ns/odrl.jsonld"})

# A context inside a policy could give our words another meaning: only these leave it as it is.
KNOWN_CONTEXTS: Final = ODRL_CONTEXTS | {
    "https://w3id.org/dspace/2025/1/context.jsonld",
    "https://w3id.org/dspace/2025/1/odrl-profile.jsonld",
    TIDEGATE_CONTEXT,
}

# Terms of ODRL 2.2 that the contexts of DSP 2025-1 do not define: written bare, a JSON-LD processor drops them.
_UNDEFINED = (
    "refinement remedy consequence unit conflict inheritFrom dataType status rightOperandReference source output "
    "function failure implies includedIn partOf relation"
)
DROPPED_BY_DSP: Final = PARTY_FUNCTIONS | frozenset(_UNDEFINED.split())

_DCT: Final = ("http://purl.org/dc/terms/", "dct:", "dcterms:")
_DESCRIBING: Final = "title description source creator created issued modified publisher identifier subject language"
#: Members that describe and change no decision, in the spellings that are met.
ANNOTATIONS: Final = frozenset(
    {f"{prefix}{name}" for prefix in _DCT for name in _DESCRIBING.split()}
    | {f"http://www.w3.org/2000/01/rdf-schema#{name}" for name in ("label", "comment", "seeAlso")}
    | {f"http://www.w3.org/2004/02/skos/core#{name}" for name in ("prefLabel", "definition", "note")}
)


def covers(action: str, requested: str, more: Mapping[str, str] | None = None) -> Truth:
    """Whether a rule about `action` is about `requested` too: includedIn, transitively. None if either is unknown.

    `more` says of other actions what they are included in.
    """
    known: Mapping[str, str | None] = INCLUDED_IN if not more else {**more, **INCLUDED_IN}
    if action not in known or requested not in known:
        return None
    seen: set[str] = set()
    step: str | None = requested
    while step is not None and step != action and step not in seen:
        seen.add(step)
        step = known.get(step)
    return step == action
