"""Are two policies the same terms? An agreement must equal the offer that was accepted, apart from who and when.

Order and repetition of a list do not matter where ODRL gives them no meaning; everything else does, down to the
spelling of a date: two spellings of one moment are reported, not guessed at.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from policies.model import AtomicConstraint, Constraint, Permission, Policy, RightOperand, Rule
from policies.parse import parse_policy
from policies.render import render_constraint, render_operand, render_rule


def same_terms(a: Policy | Mapping[str, Any], b: Policy | Mapping[str, Any]) -> bool:
    """Whether `differences` finds none. Raises `PolicyError` if one of them cannot be read."""
    return not differences(a, b)


def differences(a: Policy | Mapping[str, Any], b: Policy | Mapping[str, Any]) -> list[str]:
    """One line for each rule, profile or other member that only one of the two has, in compact JSON.

    Not compared: identifiers, type, target, assigner, assignee, timestamp. Raises `PolicyError` if one cannot be read.
    """
    first, second = _canonical(a), _canonical(b)
    return [
        f"{kind} only in the {which}: {text}"
        for kind in first
        for which, only in (("first", first[kind] - second[kind]), ("second", second[kind] - first[kind]))
        for text in sorted(only.elements())
    ]


def _canonical(source: Policy | Mapping[str, Any]) -> dict[str, Counter[str]]:
    policy = source if isinstance(source, Policy) else parse_policy(source)
    return {
        "profile": Counter(policy.profiles),
        "permission": Counter(_rule(rule) for rule in policy.permissions),
        "prohibition": Counter(_rule(rule) for rule in policy.prohibitions),
        "obligation": Counter(_rule(rule) for rule in policy.obligations),
        "member": Counter(_members(policy)),
    }


def _members(policy: Policy) -> list[str]:
    conflict = [f"conflict = {_text(policy.conflict)}"] if policy.conflict else []
    parents = [f"inheritFrom = {_text(parent)}" for parent in policy.inherit_from]
    return [*conflict, *parents, *(f"{name} = {text}" for name, text in policy.extra)]


def _rule(rule: Rule) -> str:
    members = render_rule(rule)
    if rule.constraints:
        members["constraint"] = _sorted(_constraint(constraint) for constraint in rule.constraints)
    if isinstance(rule, Permission) and rule.duties:
        members["duty"] = sorted(_rule(duty) for duty in rule.duties)
    return _text(members)


def _constraint(constraint: Constraint) -> Any:
    members = render_constraint(constraint)
    if isinstance(constraint, AtomicConstraint):
        return members | {"rightOperand": _right_operand(constraint.right_operand)}
    parts = [_constraint(part) for part in constraint.parts]
    # the one list of ODRL whose order is its meaning
    return members | {constraint.operator: parts if constraint.operator == "andSequence" else _sorted(parts)}


def _right_operand(operand: RightOperand) -> Any:
    """A list without order or repetition; a list of one is its element, as JSON-LD compaction writes it."""
    if not isinstance(operand, tuple):
        return render_operand(operand)
    unique = _sorted(render_operand(each) for each in frozenset(operand))
    return unique[0] if len(unique) == 1 else unique


def _sorted(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=_text)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
