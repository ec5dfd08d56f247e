"""`Policy` → the compact form of DSP 2025-1.

Only the terms: `@id`, `@type`, `target`, parties and timestamp belong to the offer or agreement around them.
Empty lists are left out (the schemas forbid them).
"""

import json
from typing import Any

from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    Extra,
    Iri,
    Literal,
    Operand,
    Permission,
    Policy,
    Prohibition,
    RightOperand,
)

Rule = Permission | Prohibition | Duty


def render_policy(policy: Policy) -> dict[str, Any]:
    """`{"profile", "permission", "prohibition", "obligation"}`, each only if there is one, and what is in `extra`."""
    profiles = policy.profiles[0] if len(policy.profiles) == 1 else list(policy.profiles)
    rules = {
        "permission": [render_rule(rule) for rule in policy.permissions],
        "prohibition": [render_rule(rule) for rule in policy.prohibitions],
        "obligation": [render_rule(rule) for rule in policy.obligations],
    }
    members = {"profile": profiles, **rules}
    return {name: value for name, value in members.items() if value} | _render_extra(policy.extra)


def render_rule(rule: Rule) -> dict[str, Any]:
    """`{"action", "constraint", "duty"}` and what was kept in `extra`."""
    members: dict[str, Any] = {"action": rule.action}
    if rule.constraints:
        members["constraint"] = [render_constraint(constraint) for constraint in rule.constraints]
    if isinstance(rule, Permission) and rule.duties:
        members["duty"] = [render_rule(duty) for duty in rule.duties]
    return members | _render_extra(rule.extra)


def render_constraint(constraint: Constraint) -> dict[str, Any]:
    """An atomic constraint with its three members, or a logical one with its operator."""
    if isinstance(constraint, AtomicConstraint):
        members: dict[str, Any] = {
            "leftOperand": constraint.left_operand,
            "operator": constraint.operator,
            "rightOperand": render_operand(constraint.right_operand),
        }
    else:
        members = {constraint.operator: [render_constraint(part) for part in constraint.parts]}
    return members | _render_extra(constraint.extra)


def render_operand(operand: RightOperand) -> Any:
    """A string, an object or a list of these: what the DSP schema allows as a right operand."""
    return [_render_one(each) for each in operand] if isinstance(operand, tuple) else _render_one(operand)


def _render_one(operand: Operand) -> Any:
    if isinstance(operand, Iri):
        return {"@id": operand.value}
    if isinstance(operand, Literal):
        return operand.value if operand.datatype is None else {"@value": operand.value, "@type": operand.datatype}
    return json.loads(operand.json)


def _render_extra(extra: Extra) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in extra}
