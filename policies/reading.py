"""Documents in Turtle or JSON-LD, as text → graphs and policies. The caller has read the files."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from policies.check import refuse_dropped_terms
from policies.contexts import KNOWN
from policies.documents import is_known_context, listed
from policies.errors import MalformedPolicy, UnknownTerm
from policies.graph import Graph, parse_json_ld, parse_turtle
from policies.inherit import inherit
from policies.model import Policy
from policies.parse import parse_policy
from policies.turtle import policy_at, policy_nodes

#: Contexts by IRI: `{"@context": …}`.
Contexts = Mapping[str, Mapping[str, Any]]
_NO_CONTEXTS: Final[Contexts] = {}
_CONTEXTS_WITHIN: Final = 32  # contexts that name contexts


def read_policies(
    text: str, *, name: str, contexts: Contexts = _NO_CONTEXTS, any_action: bool = False
) -> dict[str, Policy]:
    """The policies of a document by their identifiers (one without an identifier by the document's name).

    What a policy inherits from the others is in it. `contexts` are known beside ODRL's and ours. Raises `PolicyError`
    for what is no policy, and for a term that the document's context would drop.
    """
    found = _policies(text, name, contexts, any_action=any_action)
    if not found:
        raise MalformedPolicy(name, "has no policy: nothing of type odrl:Set, Offer or Agreement, and no rules.")
    for policy in found.values():
        refuse_dropped_terms(policy)
    return {uid: inherit(policy, found) for uid, policy in found.items()}


def read_graph(text: str, *, name: str, contexts: Contexts = _NO_CONTEXTS) -> Graph:
    """The triples of a document. Raises `PolicyError` for what is neither Turtle nor JSON-LD."""
    if _is_json(text):
        return _json_graph(_json(text, name), name, contexts)
    return parse_turtle(text, name=name)


def _is_json(text: str) -> bool:
    """Turtle never begins with a brace; a list in brackets may be either, and then it is a blank node."""
    start = text.lstrip("\ufeff \t\r\n")[:2]
    return start.startswith("{") or (start in {"[{", "[\n", "[]", "[ "} and _loads(text) is not None)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _policies(text: str, name: str, contexts: Contexts, *, any_action: bool) -> dict[str, Policy]:
    document = _json(text, name) if _is_json(text) else None
    if isinstance(document, Mapping) and _is_plain(cast("Mapping[str, Any]", document)):
        policy = parse_policy(cast("Mapping[str, Any]", document), path=name, any_action=any_action)
        ruled = policy.permissions or policy.prohibitions or policy.obligations or policy.inherit_from or policy.kind
        return {policy.uid or name: policy} if ruled else {}
    graph = parse_turtle(text, name=name) if document is None else _json_graph(document, name, contexts)
    found = {node: policy_at(graph, node, any_action=any_action) for node in policy_nodes(graph)}
    return {policy.uid or (name if len(found) == 1 else str(node)): policy for node, policy in found.items()}


def _is_plain(document: Mapping[str, Any]) -> bool:
    """Whether it can be read as it stands: one policy, under contexts that leave ODRL's words alone."""
    if "@graph" in document:
        return False
    return "@context" not in document or is_known_context(document["@context"])


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedPolicy(f"{name}, line {error.lineno}", f"is not JSON: {error.msg}.") from None
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy(name, f"is not JSON: {error}.") from None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def _json_graph(document: Any, name: str, contexts: Contexts) -> Graph:
    known = {**KNOWN, **contexts}
    whole = _with_contexts(document, known, name)
    _refuse_undefined(whole, name)
    return parse_json_ld(json.dumps(whole), name=name)


def _with_contexts(value: Any, known: Contexts, name: str, depth: int = 0) -> Any:
    """The document with every context that it names by IRI written out."""
    if depth > _CONTEXTS_WITHIN * 4:
        raise MalformedPolicy(name, "is nested too deep.")
    if isinstance(value, list):
        return [_with_contexts(each, known, name, depth + 1) for each in cast("list[Any]", value)]
    if not isinstance(value, Mapping):
        return value
    members = cast("Mapping[str, Any]", value)
    return {
        key: _written_out(inner, known, name) if key == "@context" else _with_contexts(inner, known, name, depth + 1)
        for key, inner in members.items()
    }


def _written_out(context: Any, known: Contexts, name: str) -> Any:
    if isinstance(context, list):
        return [_written_out(each, known, name) for each in cast("list[Any]", context)]
    if not isinstance(context, str):
        return context
    if context not in known:
        hint = f"Known are: {', '.join(sorted(known))}."
        raise UnknownTerm(f"{name}.@context", context, f"{context!r} is no context that is known here.", hint=hint)
    return known[context]["@context"]


def _refuse_undefined(document: Any, name: str) -> None:
    """A key that no context defines is dropped by JSON-LD, and with it what it meant."""
    defined: set[str] = set()
    for context in _contexts_in(document):
        if "@vocab" in context:
            return
        defined |= context.keys()
    for key in _keys(document):
        if not key.startswith("@") and ":" not in key and key not in defined:
            problem = f"no context of the document defines {key!r}: whoever reads it as JSON-LD loses it."
            raise UnknownTerm(f"{name}.{key}", key, problem, hint="Write its IRI, or add a context that defines it.")


def _contexts_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _contexts_in(each)
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            if key == "@context":
                yield from (each for each in listed(inner) if isinstance(each, Mapping))
            yield from _contexts_in(inner)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _keys(each)
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield key
            if key not in {"@context", "@value"}:
                yield from _keys(inner)
