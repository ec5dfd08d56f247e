"""JSON-LD contexts as values: the one of ODRL, written from its vocabulary, and ours for the Earth-data profile."""

from collections.abc import Mapping
from typing import Any, Final

from policies.operands import LEFT_OPERANDS, SPACES
from policies.terms import GEO, LOGICAL_OPERATORS, ODRL, OPERATORS, RDF, TIDEGATE, XSD
from policies.vocabulary import CONFLICTS, INCLUDED_IN, ODRL_CONTEXTS, PARTY_FUNCTIONS, TIDEGATE_CONTEXT

_CLASSES: Final = (
    "Policy Set Offer Agreement Request Privacy Assertion Ticket Rule Permission Prohibition Duty Asset "
    "AssetCollection Party PartyCollection Action Constraint LogicalConstraint LeftOperand Operator RightOperand"
)
_LINKS: Final = (
    "profile inheritFrom permission prohibition obligation duty consequence remedy target assigner assignee "
    "constraint refinement source partOf hasPolicy relation output function includedIn implies unit "
    "rightOperandReference"
)
_WORDS: Final = "action leftOperand operator conflict"


def _odrl_terms() -> dict[str, Any]:
    own = [action for action in INCLUDED_IN if ":" not in action]
    operands = [name for name in SPACES if ":" not in name]
    words = [*_CLASSES.split(), *own, *operands, *sorted(OPERATORS), *sorted(CONFLICTS)]
    links = [*_LINKS.split(), *sorted(PARTY_FUNCTIONS)]
    return {
        "odrl": ODRL,
        "rdf": RDF,
        "xsd": XSD,
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "dct": "http://purl.org/dc/terms/",
        "cc": "http://creativecommons.org/ns#",
        "uid": "@id",
        "type": "@type",
        **{word: f"odrl:{word}" for word in words},
        **{link: {"@id": f"odrl:{link}", "@type": "@id"} for link in links},
        **{word: {"@id": f"odrl:{word}", "@type": "@vocab"} for word in _WORDS.split()},
        **{word: {"@id": f"odrl:{word}", "@container": "@list"} for word in sorted(LOGICAL_OPERATORS)},
        "rightOperand": "odrl:rightOperand",
        "dataType": {"@id": "odrl:dataType", "@type": "@vocab"},
        "status": "odrl:status",
    }


def _tidegate_terms() -> dict[str, Any]:
    names = [name.removeprefix(TIDEGATE) for name in LEFT_OPERANDS if name.startswith(TIDEGATE)]
    return {"tidegate": TIDEGATE, "geo": GEO, **{name: f"tidegate:{name}" for name in names}}


#: The context of ODRL 2.2, with every term of its vocabulary that this engine reads.
ODRL_CONTEXT: Final[Mapping[str, Any]] = {"@context": _odrl_terms()}

#: The context of our profile: its left operands by their short names. It goes beside ODRL's or DSP's own.
PROFILE_CONTEXT: Final[Mapping[str, Any]] = {"@context": _tidegate_terms()}

#: Contexts by IRI, for documents that name them; nothing is ever fetched.
KNOWN: Final[Mapping[str, Mapping[str, Any]]] = {
    **dict.fromkeys(ODRL_CONTEXTS, ODRL_CONTEXT),
    TIDEGATE_CONTEXT: PROFILE_CONTEXT,
}
