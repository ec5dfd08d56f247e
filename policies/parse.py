"""JSON documents → `Policy`.

Reads the compact form of DSP 2025-1 and, because other connectors send them, `odrl:` prefixes, full IRIs,
`{"@id": …}` references, `{"@list": …}` and a single object where a list is meant. Words that the engine does not know
stay in the model (they deny later); what is not a policy at all is `MalformedPolicy`.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from policies.errors import MalformedPolicy, UnknownTerm
from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    Extra,
    Iri,
    Literal,
    LogicalConstraint,
    Opaque,
    Operand,
    Permission,
    Policy,
    Prohibition,
    RightOperand,
)
from policies.vocabulary import KNOWN_CONTEXTS, LOGICAL_OPERATORS, ODRL, XSD, local_name

# Deeper nesting is nobody's contract; it keeps recursion far below Python's limit of 1,000 frames.
MAX_DEPTH = 32
# Members of one list; a policy of a few hundred rules is a data base, and evaluation must stay below a millisecond.
MAX_LIST = 256

_POLICY_TYPES = frozenset({"Offer", "Agreement", "Set", "Policy"})
_CONSTRAINT_TYPES = frozenset({"Constraint", "AtomicConstraint", "LogicalConstraint"})
# DSP's own member of an agreement, as compact term, prefixed, and expanded. It is no term of the policy.
_TIMESTAMPS = frozenset({"timestamp", "dspace:timestamp", "https://w3id.org/dspace/2025/1/timestamp"})

T = TypeVar("T")


def parse_policy(document: Mapping[str, Any], *, path: str = "policy") -> Policy:
    """The policy in an offer or agreement, or in its rules alone. `path` is where the document stands, for errors.

    `@id`, `uid` and the agreement's timestamp identify a policy and are no part of its terms: they are not kept.
    Raises `MalformedPolicy`; `UnknownTerm` for a refined action, which would be wider without its refinement.
    """
    members = _members(document, path, types=_POLICY_TYPES)
    for name in _TIMESTAMPS & members.keys():
        members.pop(name)
    if _is_known_context(members.get("@context")):
        members.pop("@context", None)
    return Policy(
        permissions=_each(members.pop("permission", ()), _permission, f"{path}.permission"),
        prohibitions=_each(members.pop("prohibition", ()), _prohibition, f"{path}.prohibition"),
        obligations=_each(members.pop("obligation", ()), _duty, f"{path}.obligation"),
        profiles=_each(members.pop("profile", ()), _term, f"{path}.profile"),
        target=_optional_iri(members, "target", path),
        assigner=_optional_iri(members, "assigner", path),
        assignee=_optional_iri(members, "assignee", path),
        extra=_extra(members, path),
    )


def _permission(document: Any, path: str) -> Permission:
    members = _members(document, path, types=frozenset({"Rule", "Permission"}))
    action, constraints = _rule(members, path)
    duties = _each(members.pop("duty", ()), _duty, f"{path}.duty")
    return Permission(action, constraints, duties, _extra(members, path))


def _prohibition(document: Any, path: str) -> Prohibition:
    members = _members(document, path, types=frozenset({"Rule", "Prohibition"}))
    action, constraints = _rule(members, path)
    return Prohibition(action, constraints, _extra(members, path))


def _duty(document: Any, path: str) -> Duty:
    members = _members(document, path, types=frozenset({"Rule", "Duty", "Obligation"}))
    action, constraints = _rule(members, path)
    return Duty(action, constraints, _extra(members, path))


def _rule(members: dict[str, Any], path: str) -> tuple[str, tuple[Constraint, ...]]:
    """Takes `action` and `constraint` out of the members of a rule."""
    action = _action(_required(members, "action", path), f"{path}.action")
    return action, _each(members.pop("constraint", ()), _constraint, f"{path}.constraint")


def _action(value: Any, path: str) -> str:
    one = _single(value)
    if isinstance(one, Mapping) and (more := [key for key in cast("Mapping[str, Any]", one) if key != "@id"]):
        raise UnknownTerm(
            path,
            str(more[0]),
            f"the action carries {more[0]!r}, and without it the rule would say something else.",
            hint='Name the action alone, e.g. "use".',
        )
    return local_name(_term(one, path))


def _constraint(document: Any, path: str, depth: int = 0) -> Constraint:
    if depth > MAX_DEPTH:
        raise MalformedPolicy(path, f"constraints are nested more than {MAX_DEPTH} deep.")
    members = _members(document, path, types=_CONSTRAINT_TYPES)
    logical = sorted(LOGICAL_OPERATORS & members.keys())
    atomic = {"leftOperand", "operator", "rightOperand"} & members.keys()
    if not logical:
        return _atomic(members, path)
    if len(logical) > 1 or atomic:
        found = ", ".join([*logical, *sorted(atomic)])
        raise MalformedPolicy(path, f"expected exactly one of and, or, xone, andSequence, found {found}.")
    return _logical(members, logical[0], path, depth)


def _atomic(members: dict[str, Any], path: str) -> AtomicConstraint:
    left = _term(_required(members, "leftOperand", path), f"{path}.leftOperand")
    operator = _term(_required(members, "operator", path), f"{path}.operator")
    right = _right_operand(_required(members, "rightOperand", path), f"{path}.rightOperand")
    return AtomicConstraint(local_name(left), local_name(operator), right, _extra(members, path))


def _logical(members: dict[str, Any], operator: str, path: str, depth: int) -> LogicalConstraint:
    def part(document: Any, where: str) -> Constraint:
        return _constraint(document, where, depth + 1)

    parts = _each(members.pop(operator), part, f"{path}.{operator}")
    if not parts:
        # An empty `and` would hold always: a constraint that was lost must not permit.
        raise MalformedPolicy(f"{path}.{operator}", "expected at least one constraint, found none.")
    return LogicalConstraint(operator, parts, _extra(members, path))


def _right_operand(value: Any, path: str) -> RightOperand:
    listed = _listed(value)
    return _each(cast("Any", listed), _operand, path) if isinstance(listed, list | tuple) else _operand(listed, path)


def _operand(value: Any, path: str) -> Operand:
    if not isinstance(value, Mapping):
        return _literal(value, None, path)
    members = cast("Mapping[str, Any]", value)
    if set(members) == {"@id"}:
        return Iri(_string(members["@id"], f"{path}.@id"))
    if "@value" in members and members.keys() <= {"@value", "@type"}:
        datatype = _string(members["@type"], f"{path}.@type") if "@type" in members else None
        return _literal(members["@value"], datatype, path)
    return Opaque(_json(members, path))


def _literal(value: Any, datatype: str | None, path: str) -> Literal:
    """JSON numbers and booleans get their XSD type and lexical form, as in JSON-LD; DSP itself allows only strings."""
    text, native = _lexical(value, path)
    chosen = datatype or native
    if chosen and chosen.startswith("xsd:"):
        chosen = XSD + chosen.removeprefix("xsd:")
    return Literal(text, None if chosen == f"{XSD}string" else chosen)


def _lexical(value: Any, path: str) -> tuple[str, str | None]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, bool):
        return str(value).lower(), f"{XSD}boolean"
    if isinstance(value, int):
        return str(value), f"{XSD}integer"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value), f"{XSD}double"
    raise MalformedPolicy(path, f'expected a string, {{"@id"}}, {{"@value"}} or a list of these, found {_kind(value)}.')


# --- members of a JSON object ------------------------------------------------------------------------------------


def _members(document: Any, path: str, *, types: frozenset[str]) -> dict[str, Any]:
    """The members by local name, without identifiers and without an expected `@type`."""
    if not isinstance(document, Mapping):
        raise MalformedPolicy(path, f"expected an object, found {_kind(document)}.")
    members: dict[str, Any] = {}
    for key, value in cast("Mapping[Any, Any]", document).items():
        name = local_name(str(key))
        if name in members:
            raise MalformedPolicy(f"{path}.{name}", "is given twice, with and without its prefix.")
        members[name] = value
    members.pop("@id", None)
    members.pop("uid", None)
    if _has_type(members.get("@type"), types):
        members.pop("@type", None)
    return members


def _has_type(value: Any, types: frozenset[str]) -> bool:
    one = _single(value)
    return one is None or (isinstance(one, str) and local_name(one) in types)


def _is_known_context(value: Any) -> bool:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value)) == {"odrl": ODRL}
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return all(not isinstance(part, list) and _is_known_context(part) for part in parts)
    return isinstance(value, str) and value in KNOWN_CONTEXTS


def _required(members: dict[str, Any], name: str, path: str) -> Any:
    if name not in members:
        raise MalformedPolicy(path, f"{name!r} is missing.")
    return members.pop(name)


def _optional_iri(members: dict[str, Any], name: str, path: str) -> str | None:
    return _term(members.pop(name), f"{path}.{name}") if name in members else None


def _extra(members: dict[str, Any], path: str) -> Extra:
    return tuple((name, _json(members[name], f"{path}.{name}")) for name in sorted(members))


# --- values ------------------------------------------------------------------------------------------------------


def _each(value: Any, parse: Callable[[Any, str], T], path: str) -> tuple[T, ...]:
    """Every element, parsed. One element may stand without its list, as JSON-LD compaction leaves it."""
    listed = _listed(value)
    elements = list(cast("list[Any]", listed)) if isinstance(listed, list | tuple) else [listed]
    if len(elements) > MAX_LIST:
        raise MalformedPolicy(path, f"has {len(elements)} elements; at most {MAX_LIST} are read.")
    return tuple([parse(element, f"{path}[{index}]") for index, element in enumerate(elements)])


def _listed(value: Any) -> Any:
    """The list inside `{"@list": […]}` or `{"@set": […]}`; anything else as it is."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        for container in ("@list", "@set"):
            if set(members) == {container}:
                return members[container]
    return cast("Any", value)


def _single(value: Any) -> Any:
    """The element of a list of one, as the expanded form of JSON-LD has it; anything else as it is."""
    if not isinstance(value, list):
        return value
    elements = cast("list[Any]", value)
    return elements[0] if len(elements) == 1 else elements


def _term(value: Any, path: str) -> str:
    """A name: a string, or a reference `{"@id": …}`, possibly in a list of one."""
    one = _single(value)
    if isinstance(one, Mapping) and set(cast("Mapping[str, Any]", one)) == {"@id"}:
        one = cast("Mapping[str, Any]", one)["@id"]
    return _string(one, path)


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise MalformedPolicy(path, f"expected a name or IRI, found {_kind(value)}.")
    return value


def _json(value: Any, path: str, depth: int = 0) -> str:
    """JSON text with sorted keys, equal for equal values."""
    if depth > MAX_DEPTH:
        raise MalformedPolicy(path, f"is nested more than {MAX_DEPTH} deep.")
    if isinstance(value, Mapping):
        pairs = sorted((str(key), inner) for key, inner in cast("Mapping[Any, Any]", value).items())
        return "{" + ",".join(f"{json.dumps(key)}:{_json(inner, path, depth + 1)}" for key, inner in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_json(inner, path, depth + 1) for inner in cast("list[Any]", value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedPolicy(path, "is not a finite number.")
    if value is not None and not isinstance(value, str | int | float):
        raise MalformedPolicy(path, f"expected JSON, found {_kind(value)}.")
    return json.dumps(value)


def _kind(value: Any) -> str:
    """What a person would call a JSON value, for an error message."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "an empty string" if not value else f"the string {value[:40]!r}"
    kinds = ((bool, "a boolean"), (int | float, "a number"), (list, "a list"), (Mapping, "an object"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "something that is not JSON")
