"""Namespaces, operators and truth values: what every other table is written in."""

from typing import Final

ODRL: Final = "http://www.w3.org/ns/odrl/2/"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TIDEGATE: Final = "https://w3id.org/tidegate/v1/"
GEO: Final = "http://www.opengis.net/ont/geosparql#"

#: True, False, or None for Unknown (Kleene's third value).
Truth = bool | None

# ODRL Vocabulary 2.2 section 3.3 (operators). The DSP schema also lists `term-lteq`, which no specification defines.
ORDER: Final = frozenset({"eq", "neq", "lt", "lteq", "gt", "gteq"})
SETS: Final = frozenset({"eq", "neq", "isA", "hasPart", "isPartOf", "isAnyOf", "isAllOf", "isNoneOf"})
OPERATORS: Final = ORDER | SETS
LOGICAL_OPERATORS: Final = frozenset({"and", "or", "xone", "andSequence"})


def local_name(term: str) -> str:
    """`odrl:use` and `http://www.w3.org/ns/odrl/2/use` → `use`; `tidegate:extent` → its IRI; else as it is."""
    if term.startswith("tidegate:"):
        return TIDEGATE + term.removeprefix("tidegate:")
    return term.removeprefix(ODRL).removeprefix("odrl:")
