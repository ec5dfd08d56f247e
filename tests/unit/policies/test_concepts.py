"""What follows from stated relations, and what stays unknown."""

import pytest

from policies.concepts import Concepts
from policies.graph import parse_turtle
from policies.hierarchies import concepts_of

STATED = Concepts(
    kinds=frozenset({("flood", "water"), ("flash-flood", "flood"), ("drought", "water")}),
    parts=frozenset({("Kehl", "BW"), ("BW", "Germany"), ("Paris", "France")}),
    same_as=frozenset({("inundation", "flood"), ("Deutschland", "Germany")}),
    disjoint=frozenset({("flood", "drought"), ("Germany", "France")}),
)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("flood", "flood", True),
        ("flash-flood", "water", True),
        ("inundation", "water", True),
        ("water", "flood", False),
        ("flash-flood", "drought", False),
        ("flood", "air", None),
        ("storm", "water", None),
        ("Kehl", "Germany", None),
    ],
)
def test_a_kind_of(a, b, expected):
    assert STATED.is_a(a, b) is expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("Kehl", "Deutschland", True),
        ("Germany", "Kehl", False),
        ("Kehl", "France", False),
        ("Paris", "Germany", False),
        ("Basel", "Germany", None),
        ("flash-flood", "water", True),
    ],
)
def test_a_part_of(a, b, expected):
    assert STATED.is_part_of(a, b) is expected


def test_a_circle_of_statements_ends():
    circle = Concepts(kinds=frozenset({("a", "b"), ("b", "c"), ("c", "a")}))
    assert circle.is_a("a", "c") is True
    assert circle.is_a("a", "d") is None


def test_names_are_different_unless_they_are_stated_to_be_the_same():
    assert STATED.same("inundation", "flood")
    assert not STATED.same("drought", "flood")


def test_statements_are_read_from_rdf_in_both_directions():
    graph = parse_turtle(
        """@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix dct: <http://purl.org/dc/terms/> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix : <urn:> .
        :a skos:broader :b ; a skos:Concept . :b skos:narrower :c . :d rdfs:subClassOf :b . :e a :d .
        :f dct:isPartOf :g . :g dct:hasPart :h . :i skos:exactMatch :a . :a owl:disjointWith :d .
        :map odrl:includedIn odrl:use ."""
    )
    stated = concepts_of(graph)
    assert all(stated.is_a(f"urn:{name}", "urn:b") is True for name in "acdei")
    assert stated.is_a("urn:a", "urn:d") is False
    assert all(stated.is_part_of(f"urn:{name}", "urn:g") is True for name in "fh")
    assert stated.included_in == {"urn:map": "use"}


def test_what_two_files_state_holds_together():
    both = Concepts(parts=frozenset({("a", "b")})).joined(Concepts(parts=frozenset({("b", "c")})))
    assert both.is_part_of("a", "c") is True
