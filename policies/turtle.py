"""Policies in Turtle: read by way of the expanded form of JSON-LD, and written."""

import json
import re
from typing import Any, Final, cast

import pyoxigraph as ox

from policies.errors import MalformedPolicy
from policies.graph import Graph, Node
from policies.model import Policy
from policies.parse import parse_policy
from policies.render import render_policy
from policies.terms import ODRL, RDF, TIDEGATE, XSD

_POLICY_TYPES: Final = frozenset(
    ODRL + name for name in ("Set", "Policy", "Offer", "Agreement", "Privacy", "Assertion")
)
_RULES: Final = tuple(ODRL + name for name in ("permission", "prohibition", "obligation"))
_REQUEST: Final = f"{ODRL}Request"
_PREFIXES: Final = {"odrl": ODRL, "xsd": XSD, "tidegate": TIDEGATE, "dct": "http://purl.org/dc/terms/"}
_LOCAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")


def policy_nodes(graph: Graph) -> list[Node]:
    """The policies of a graph: what has the type of one, or has rules and is no request."""
    found = [node for node in graph.about if graph.types(node) & _POLICY_TYPES]
    ruled = [node for node, members in graph.about.items() if any(rule in members for rule in _RULES)]
    return list(dict.fromkeys([*found, *(node for node in ruled if _REQUEST not in graph.types(node))]))


def policy_at(graph: Graph, node: Node, *, any_action: bool = False) -> Policy:
    """The policy that a node of the graph is. In Turtle every term is whole."""
    return parse_policy(graph.tree(node), path=node.value, whole=True, any_action=any_action)


def render_turtle(policy: Policy) -> str:
    """The policy as Turtle. MalformedPolicy for a name that is neither a word of ODRL nor an IRI."""
    tree = render_policy(policy, form="expanded")
    subject = _iri(tree.pop("@id")) if "@id" in tree else "[]"
    types = " , ".join(_iri(each) for each in tree.pop("@type"))
    body = "".join(f" ;\n    {_iri(key)} {_objects(value, 2)}" for key, value in tree.items())
    prefixes = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in _PREFIXES.items())
    return f"{prefixes}\n{subject} a {types}{body} .\n"


def _objects(value: Any, depth: int) -> str:
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    if len(values) == 1:
        return _object(values[0], depth)
    pad = "\n" + "    " * depth
    return "".join(
        f"{pad}{_object(each, depth + 1)}" + (" ," if i < len(values) - 1 else "") for i, each in enumerate(values)
    )


def _object(value: Any, depth: int) -> str:
    if not isinstance(value, dict):
        return _literal({"@value": value})
    members = cast("dict[str, Any]", value)
    if set(members) == {"@id"}:
        return _iri(members["@id"])
    if "@value" in members:
        return _literal(members)
    if set(members) == {"@list"}:
        return "( " + " ".join(_object(each, depth) for each in members["@list"]) + " )"
    pad = "\n" + "    " * depth
    lines = [f"{pad}{_key(key)} {_value(key, inner, depth + 1)}" for key, inner in members.items()]
    return "[" + " ;".join(lines) + " ]"


def _key(key: str) -> str:
    return {"@type": "a", "@id": "odrl:uid"}.get(key) or _iri(key)


def _value(key: str, value: Any, depth: int) -> str:
    if key == "@type":
        return " , ".join(_iri(each) for each in (cast("list[str]", value) if isinstance(value, list) else [value]))
    return _iri(value) if key == "@id" else _objects(value, depth)


def _iri(text: str) -> str:
    for prefix, namespace in _PREFIXES.items():
        name = text.removeprefix(namespace)
        if name != text and _LOCAL.fullmatch(name):
            return f"{prefix}:{name}"
    if not _IRI.fullmatch(text):
        raise MalformedPolicy(text, "is no IRI, and Turtle has no other names.", hint="Write the IRI in full.")
    return f"<{text}>"


def _literal(members: dict[str, Any]) -> str:
    value, datatype = members["@value"], members.get("@type")
    if datatype == "@json":
        return str(ox.Literal(json.dumps(value, sort_keys=True), datatype=ox.NamedNode(f"{RDF}JSON")))
    if not isinstance(value, str):
        raise MalformedPolicy(repr(value), "has no place in Turtle here.")
    return str(ox.Literal(value, datatype=ox.NamedNode(datatype)) if datatype else ox.Literal(value))
