"""Statements about concepts in RDF → `Concepts`."""

from typing import Final

import pyoxigraph as ox

from policies.concepts import Concepts, Pair
from policies.graph import Graph
from policies.terms import ODRL, RDF, local_name

_SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
_RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
_OWL: Final = "http://www.w3.org/2002/07/owl#"
_DCT: Final = "http://purl.org/dc/terms/"

_BROADER: Final = (f"{_SKOS}broader", f"{_SKOS}broaderTransitive", f"{_SKOS}broadMatch", f"{_RDFS}subClassOf")
_NARROWER: Final = (f"{_SKOS}narrower", f"{_SKOS}narrowerTransitive", f"{_SKOS}narrowMatch")
_PART_OF: Final = (f"{_DCT}isPartOf",)
_HAS_PART: Final = (f"{_DCT}hasPart",)
_SAME: Final = (f"{_SKOS}exactMatch", f"{_OWL}sameAs", f"{_OWL}equivalentClass")
_DISJOINT: Final = (f"{_OWL}disjointWith", f"{_OWL}propertyDisjointWith")
# What a term is in the vocabulary itself (a skos:Concept, an owl:Class) says nothing about the world.
_META: Final = (_SKOS, _RDFS, _OWL, RDF, ODRL)


def concepts_of(graph: Graph) -> Concepts:
    """What a graph states: skos:broader, rdfs:subClassOf, skos:exactMatch, dct:isPartOf, disjointness, and inverses."""
    types = [(a, b) for a, b in _pairs(graph, (f"{RDF}type",)) if not b.startswith(_META)]
    actions = _pairs(graph, (f"{ODRL}includedIn",))
    return Concepts(
        kinds=frozenset([*_pairs(graph, _BROADER), *_turned(_pairs(graph, _NARROWER)), *types]),
        parts=frozenset([*_pairs(graph, _PART_OF), *_turned(_pairs(graph, _HAS_PART))]),
        same_as=frozenset(_pairs(graph, _SAME)),
        disjoint=frozenset([*_pairs(graph, _DISJOINT), *_all_disjoint(graph)]),
        included_in={local_name(a): local_name(b) for a, b in actions},
    )


def _pairs(graph: Graph, predicates: tuple[str, ...]) -> list[Pair]:
    return [
        (subject.value, value.value)
        for predicate in predicates
        for subject, value in graph.subjects(predicate)
        if isinstance(subject, ox.NamedNode) and isinstance(value, ox.NamedNode)
    ]


def _turned(pairs: list[Pair]) -> list[Pair]:
    return [(b, a) for a, b in pairs]


def _all_disjoint(graph: Graph) -> list[Pair]:
    """owl:AllDisjointClasses, and what is owl:AllDifferent beyond names being different anyway."""
    found: list[Pair] = []
    for node, head in graph.subjects(f"{_OWL}members"):
        if f"{_OWL}AllDisjointClasses" in graph.types(node) and not isinstance(head, ox.Literal):
            names = [item.value for item in graph.items(head) or [] if isinstance(item, ox.NamedNode)]
            found += [(a, b) for index, a in enumerate(names) for b in names[index + 1 :]]
    return found
