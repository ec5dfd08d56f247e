"""Requests and states of the world as graphs, in the shapes of the ODRL-Test-Suite.

Request: an odrl:Request with one permission (assignee, action, target); a constraint `x eq y` in it declares x.
State: `…currentTime dct:issued` is the clock; odrl:partOf membership; a compliance report with report:rule and
report:deonticState the record of a duty. The value of any other left operand is stated with the operand as predicate,
or as a node with odrl:leftOperand and odrl:rightOperand.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyoxigraph as ox

from policies.check import leaves_of, things_of
from policies.errors import MalformedPolicy
from policies.graph import Graph, Node
from policies.model import AtomicConstraint, Facts, Literal, Observed, Operand, Permission, Policy, Request
from policies.operands import SPACES
from policies.parse import parse_policy
from policies.right_operand import parse_right_operand
from policies.terms import ODRL, local_name
from policies.values import read_names, read_span

_REPORT: Final = "https://w3id.org/force/compliance-report#"
_ISSUED: Final = "http://purl.org/dc/terms/issued"
_IN_REQUEST: Final = "declared in the request"
_IN_STATE: Final = "the given state of the world"


@dataclass(frozen=True, slots=True)
class State:
    """The facts that a document states, and its clock."""

    facts: Facts
    now: datetime | None


def request_of(graph: Graph, *, name: str) -> tuple[Request, Mapping[str, Observed]]:
    """The request in a graph, and what it declares beside a purpose. MalformedPolicy if there is not exactly one."""
    nodes = [node for node in graph.about if f"{ODRL}Request" in graph.types(node)]
    nodes = nodes or [node for node, members in graph.about.items() if f"{ODRL}permission" in members]
    asked = [rule for node in nodes for rule in _asked(graph, node)]
    if len(asked) != 1:
        problem = f"expected one odrl:Request with one permission, one action, target and party, found {len(asked)}."
        raise MalformedPolicy(name, problem)
    policy, rule = asked[0]
    declared = _declared(rule)
    purpose = declared.pop("purpose", None)
    return Request(
        rule.action,
        _id(rule.target, policy.target),
        _id(rule.assignee, policy.assignee),
        _id(rule.assigner, policy.assigner),
        None if purpose is None else read_names(purpose.values),
        _IN_REQUEST,
    ), declared


def state_of(graph: Graph, *, operands: Collection[str] = ()) -> State:
    """The state of the world in a graph. `operands`: left operands to look for beside those that are known here."""
    names = {*SPACES, *operands}
    observed = {**_stated_by_predicate(graph, names), **_stated_by_node(graph)}
    member_of: dict[str, set[str]] = {}
    for member, collection in graph.subjects(f"{ODRL}partOf"):
        if not isinstance(collection, ox.Literal):
            member_of.setdefault(member.value, set()).add(collection.value)
    facts = Facts(
        states=_records(graph),
        observed=observed,
        member_of={member: frozenset(collections) for member, collections in member_of.items()},
    )
    return State(facts, _clock(graph))


def with_declared(facts: Facts, declared: Mapping[str, Observed]) -> Facts:
    """The facts, and what the request declares where they say nothing."""
    return Facts(facts.fulfilled, facts.states, {**declared, **facts.observed}, facts.member_of)


def _asked(graph: Graph, node: Node) -> list[tuple[Policy, Permission]]:
    policy = parse_policy(graph.tree(node), path=node.value, whole=True)
    return [(policy, rule) for rule in policy.permissions]


def _id(thing: Any, whole: str | None) -> str:
    found: str | None = thing.id if thing is not None else whole
    return found or ""


def _declared(rule: Permission) -> dict[str, Observed]:
    found: dict[str, Observed] = {}
    for constraint in rule.constraints:
        if isinstance(constraint, AtomicConstraint) and constraint.operator == "eq" and not constraint.extra:
            right = constraint.right_operand
            values = right if isinstance(right, tuple) else (right,)
            before = found[constraint.left_operand].values if constraint.left_operand in found else ()
            found[constraint.left_operand] = Observed((*before, *values), _IN_REQUEST)
    return found


def _stated_by_predicate(graph: Graph, names: Iterable[str]) -> dict[str, Observed]:
    found: dict[str, Observed] = {}
    for name in names:
        predicate = name if ":" in name else ODRL + name
        values = [graph.value(value) for _, value in graph.subjects(predicate)]
        if values and name != "dateTime":
            found[name] = Observed(_operands(values), _IN_STATE)
    return found


def _stated_by_node(graph: Graph) -> dict[str, Observed]:
    found: dict[str, list[Any]] = {}
    for node, left in graph.subjects(f"{ODRL}leftOperand"):
        operator = graph.objects(node, f"{ODRL}operator")
        if not isinstance(left, ox.Literal) and operator in ([], [ox.NamedNode(f"{ODRL}eq")]):
            values = graph.objects(node, f"{ODRL}rightOperand")
            found.setdefault(local_name(left.value), []).extend(graph.value(value) for value in values)
    return {name: Observed(_operands(values), _IN_STATE) for name, values in found.items()}


def _operands(values: Iterable[Any]) -> tuple[Operand, ...]:
    found: list[Operand] = []
    for value in values:
        parsed = parse_right_operand(value, "state", expanded=True)
        found += parsed if isinstance(parsed, tuple) else [parsed]
    return tuple(found)


def _clock(graph: Graph) -> datetime | None:
    """The moment that the state calls the current time; None if there is none, or it has no zone."""
    times = [value for node, value in graph.subjects(_ISSUED) if _is_clock(node)]
    times += [value for _, value in graph.subjects(f"{ODRL}dateTime")]
    spans = {read_span(Literal(value.value)) for value in times if isinstance(value, ox.Literal)}
    if len(spans) != 1:
        return None
    span = spans.pop()
    return span[0] if span and span[0] == span[1] and span[2] else None


def _is_clock(node: Node) -> bool:
    return isinstance(node, ox.NamedNode) and node.value.endswith("currentTime")


def _records(graph: Graph) -> dict[str, str]:
    """By the uid of a duty or prohibition, what the reports say about it."""
    found: dict[str, set[str]] = {}
    for node, rule in graph.subjects(f"{_REPORT}rule"):
        states = [value.value.removeprefix(_REPORT) for value in graph.objects(node, f"{_REPORT}deonticState")]
        if isinstance(rule, ox.NamedNode):
            found.setdefault(rule.value, set()).update(state.lower() for state in states)
    return {rule: _state(states) for rule, states in found.items()}


def _state(states: set[str]) -> str:
    if {"fulfilled", "violated"} <= states:
        return "both"
    return next((state for state in ("violated", "fulfilled") if state in states), "nonset")


def operands_in(policy: Policy) -> frozenset[str]:
    """The left operands that a policy's rules compare, refinements too."""
    rules = (*policy.permissions, *policy.prohibitions, *policy.obligations)
    return frozenset(
        leaf.left_operand
        for rule in rules
        for constraint in (
            *rule.constraints,
            *rule.refinements,
            *(refinement for _, thing in things_of(rule) for refinement in thing.refinements),
        )
        for leaf in leaves_of(constraint)
    )
