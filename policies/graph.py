"""RDF as plain triples, and from a node of them the tree that a JSON-LD document in expanded form is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyoxigraph as ox

from policies.documents import MAX_DEPTH
from policies.errors import MalformedPolicy
from policies.terms import ODRL, RDF, XSD

Node = ox.NamedNode | ox.BlankNode
Object = Node | ox.Literal

#: Triples in one document: a policy of some hundred rules has a few thousand.
MAX_TRIPLES: Final = 200_000
_DEEPEST: Final = MAX_DEPTH * 3  # each constraint within another is a few objects in the tree
_UID: Final = f"{ODRL}uid"
_NIL: Final = ox.NamedNode(f"{RDF}nil")

# What a value of these is, is named and not described: the rest of the graph says nothing about the policy.
_NAMED_ONLY: Final = frozenset(
    ODRL + name for name in ("leftOperand", "operator", "rightOperand", "profile", "inheritFrom", "unit", "dataType")
)
_THINGS: Final = frozenset({ODRL + "target", ODRL + "assigner", ODRL + "assignee"})
_SEEN: Final = frozenset({ODRL + "refinement", ODRL + "source", f"{RDF}value"})


@dataclass(frozen=True)
class Graph:
    """The triples of one document: by subject, each predicate with its objects in the order of the text."""

    about: Mapping[Node, Mapping[str, list[Object]]] = field(default_factory=dict[Node, Mapping[str, list[Object]]])

    def objects(self, subject: Node, predicate: str) -> list[Object]:
        """What stands for `predicate` of `subject`."""
        return list(self.about.get(subject, {}).get(predicate, []))

    def subjects(self, predicate: str) -> Iterable[tuple[Node, Object]]:
        """Every subject with each object of `predicate`."""
        for subject, members in self.about.items():
            for value in members.get(predicate, []):
                yield subject, value

    def types(self, subject: Node) -> frozenset[str]:
        """The IRIs of its types."""
        return frozenset(each.value for each in self.objects(subject, f"{RDF}type"))

    def tree(self, subject: Node) -> dict[str, Any]:
        """The object in expanded form, with what it refers to within it. MalformedPolicy for a circle."""
        return self._object(subject, (subject,), "")

    def value(self, value: Object) -> Any:
        """One object in expanded form, as a right operand has it: named things by name alone."""
        return self._value(value, f"{ODRL}rightOperand", ())

    def _object(self, subject: Node, within: tuple[Node, ...], role: str) -> dict[str, Any]:
        if len(within) > _DEEPEST:
            raise MalformedPolicy(_name(subject), f"is nested more than {_DEEPEST} deep.")
        # a node is its identifier; one without may say by uid what it is
        named: list[Object] = [subject] if isinstance(subject, ox.NamedNode) else self.objects(subject, _UID)
        tree: dict[str, Any] = {"@id": named[0].value} if named else {}
        for predicate, values in self.about.get(subject, {}).items():
            if role in _THINGS and isinstance(subject, ox.NamedNode) and not predicate.startswith((ODRL, RDF)):
                continue  # what else is known about an asset or a party is no term of the policy
            if predicate == f"{RDF}type":
                tree["@type"] = [value.value for value in values]
            elif predicate != _UID:
                tree[predicate] = [self._value(value, predicate, within) for value in values]
        return tree

    def _value(self, value: Object, predicate: str, within: tuple[Node, ...]) -> Any:
        if isinstance(value, ox.Literal):
            return _literal(value)
        items = self.items(value)
        if items is not None:
            return {"@list": [self._value(item, predicate, within) for item in items]}
        if isinstance(value, ox.NamedNode) and not self._is_described(value, predicate):
            return {"@id": value.value}
        if value in within:
            raise MalformedPolicy(_name(value), "refers to itself.")
        return self._object(value, (*within, value), predicate)

    def _is_described(self, value: ox.NamedNode, predicate: str) -> bool:
        """Whether what the graph says about a named node belongs to the policy."""
        members = self.about.get(value, {})
        if predicate in _NAMED_ONLY or not predicate.startswith(ODRL):
            return False
        if predicate == f"{ODRL}action":
            return bool(_SEEN & members.keys())
        return bool(members)

    def items(self, node: Node) -> list[Object] | None:
        """The items of an RDF list; None if the node is none."""
        if node == _NIL:
            return []
        if f"{RDF}first" not in self.about.get(node, {}):
            return None
        items: list[Object] = []
        seen: set[Node] = set()
        while node != _NIL:
            first, rest = self.objects(node, f"{RDF}first"), self.objects(node, f"{RDF}rest")
            if node in seen or len(first) != 1 or len(rest) != 1 or isinstance(rest[0], ox.Literal):
                raise MalformedPolicy(_name(node), "expected a list with one first and one rest.")
            seen.add(node)
            items += first
            node = rest[0]
        return items


def parse_turtle(text: str, *, name: str = "document") -> Graph:
    """The triples of a Turtle document. MalformedPolicy names the line of what cannot be read."""
    return _parsed(text, ox.RdfFormat.TURTLE, name)


def parse_json_ld(text: str, *, name: str = "document") -> Graph:
    """The triples of a JSON-LD document that names no context by IRI."""
    return _parsed(text, ox.RdfFormat.JSON_LD, name)


def _parsed(text: str, form: ox.RdfFormat, name: str) -> Graph:
    about: dict[Node, dict[str, list[Object]]] = {}
    try:
        for count, quad in enumerate(ox.parse(text, format=form)):
            if count >= MAX_TRIPLES:
                raise MalformedPolicy(name, f"has more than {MAX_TRIPLES} triples.")
            subject, value = quad.subject, quad.object
            if isinstance(subject, ox.Triple) or isinstance(value, ox.Triple):
                raise MalformedPolicy(name, "has triples within triples, which say nothing here.")
            about.setdefault(subject, {}).setdefault(quad.predicate.value, []).append(value)
    except SyntaxError as error:
        where = f"{name}, line {error.lineno}" if error.lineno else name
        problem = str(error.msg).partition(": ")[2] or str(error.msg)
        raise MalformedPolicy(where, f"is not {form.name}: {problem}.") from None
    return Graph(
        {node: {key: list(dict.fromkeys(found)) for key, found in each.items()} for node, each in about.items()}
    )


def _literal(literal: ox.Literal) -> dict[str, Any]:
    if literal.language:
        return {"@value": literal.value, "@language": literal.language}
    datatype = literal.datatype.value
    if datatype == f"{RDF}JSON":
        return _json(literal.value)
    return {"@value": literal.value} if datatype == f"{XSD}string" else {"@value": literal.value, "@type": datatype}


def _json(text: str) -> dict[str, Any]:
    try:
        return {"@value": json.loads(text), "@type": "@json"}
    except (ValueError, RecursionError):
        raise MalformedPolicy("document", "a literal of type rdf:JSON is not JSON.") from None


def _name(node: Node) -> str:
    return node.value if isinstance(node, ox.NamedNode) else f"_:{node.value}"
