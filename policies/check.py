"""What `publish` asks before a policy is offered: can this engine decide it, and will it do what was meant?"""

from policies.errors import MalformedPolicy, UnknownTerm
from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    Extra,
    Permission,
    Policy,
    Prohibition,
    is_deadline,
    may_hide_deadline,
)
from policies.values import read_names, read_span
from policies.vocabulary import INCLUDED_IN, KNOWN_PROFILES, LEFT_OPERANDS


def check_policy(policy: Policy) -> None:
    """Raises `UnknownTerm` for the first term that this engine cannot decide, and names it.

    Raises `MalformedPolicy` for a right operand that its operand cannot be compared with, and for a policy with neither
    permission nor prohibition (DSP 2025-1 refuses those).
    """
    if not policy.permissions and not policy.prohibitions:
        raise MalformedPolicy("policy", "expected at least one permission or prohibition, found none.")
    for profile in policy.profiles:
        if profile not in KNOWN_PROFILES:
            raise UnknownTerm("policy.profile", profile, f"the profile {profile!r} is not known here.")
    _check_extra(policy.extra, "policy")
    for index, permission in enumerate(policy.permissions):
        _check_rule(permission, f"policy.permission[{index}]")
    for index, prohibition in enumerate(policy.prohibitions):
        _check_rule(prohibition, f"policy.prohibition[{index}]")
    for index, obligation in enumerate(policy.obligations):
        _check_obligation(obligation, f"policy.obligation[{index}]")


def cautions(policy: Policy) -> list[str]:
    """What a provider should read before publishing a valid policy: what makes it refuse more than it seems to."""
    notes = [
        f"permission[{index}] has the duty to {duty.action} before use; nothing can record it yet: it permits nobody."
        for index, permission in enumerate(policy.permissions)
        for duty in permission.duties
    ]
    notes += [
        f"obligation[{index}] ({duty.action}) has no deadline (dateTime lt …); nothing can record it yet: it refuses."
        for index, duty in enumerate(policy.obligations)
        if not any(is_deadline(constraint) for constraint in duty.constraints)
    ]
    if not policy.permissions:
        notes.append("the policy has no permission, so it permits nothing.")
    return notes + _without_zone(policy)


def _without_zone(policy: Policy) -> list[str]:
    rules = (*policy.permissions, *policy.prohibitions, *policy.obligations)
    leaves = [leaf for rule in rules for constraint in rule.constraints for leaf in _leaves(constraint)]
    spans = [read_span(leaf.right_operand) for leaf in leaves if leaf.left_operand == "dateTime"]
    missing = any(span and not span[2] for span in spans)
    note = "a date without a time zone refuses for fourteen hours either side of it; write a Z or an offset."
    return [note] if missing else []


def _leaves(constraint: Constraint) -> list[AtomicConstraint]:
    if isinstance(constraint, AtomicConstraint):
        return [constraint]
    return [leaf for part in constraint.parts for leaf in _leaves(part)]


def _check_rule(rule: Permission | Prohibition | Duty, path: str) -> None:
    _check_extra(rule.extra, path)
    if rule.action not in INCLUDED_IN:
        hint = 'Use an action of the ODRL vocabulary, e.g. "use".'
        raise UnknownTerm(f"{path}.action", rule.action, f"the action {rule.action!r} is not known here.", hint=hint)
    for index, constraint in enumerate(rule.constraints):
        _check_constraint(constraint, f"{path}.constraint[{index}]")
    if isinstance(rule, Permission):
        for index, duty in enumerate(rule.duties):
            _check_rule(duty, f"{path}.duty[{index}]")


def _check_obligation(duty: Duty, path: str) -> None:
    _check_rule(duty, path)
    for index, constraint in enumerate(duty.constraints):
        if may_hide_deadline(constraint):
            problem = f"{constraint.operator!r} cannot be decided in an obligation yet."
            hint = "Write its parts as constraints of their own, a deadline as dateTime lt."
            raise UnknownTerm(f"{path}.constraint[{index}]", constraint.operator, problem, hint=hint)


def _check_constraint(constraint: Constraint, path: str) -> None:
    _check_extra(constraint.extra, path)
    if isinstance(constraint, AtomicConstraint):
        _check_atomic(constraint, path)
        return
    for index, part in enumerate(constraint.parts):
        _check_constraint(part, f"{path}.{constraint.operator}[{index}]")


def _check_atomic(constraint: AtomicConstraint, path: str) -> None:
    left, operator = constraint.left_operand, constraint.operator
    known = LEFT_OPERANDS.get(left)
    if known is None:
        hint = f"Use one of: {', '.join(LEFT_OPERANDS)}."
        raise UnknownTerm(f"{path}.leftOperand", left, f"nothing here knows the value of {left!r}.", hint=hint)
    if operator not in known.operators:
        hint = f"Use one of: {', '.join(sorted(known.operators))}."
        raise UnknownTerm(f"{path}.operator", operator, f"{left} cannot be compared by {operator!r}.", hint=hint)
    _check_right_operand(constraint, f"{path}.rightOperand")


def _check_right_operand(constraint: AtomicConstraint, path: str) -> None:
    if constraint.left_operand == "dateTime":
        if read_span(constraint.right_operand) is None:
            raise MalformedPolicy(path, "expected one date, or date and time, e.g. 2027-01-01T00:00:00Z.")
        return
    names = read_names(constraint.right_operand)
    if not names:
        raise MalformedPolicy(path, "expected a name or IRI, or a list of them.")
    if len(names) > 1 and constraint.operator not in {"isAnyOf", "isAllOf", "isNoneOf"}:
        problem = f"{constraint.operator!r} compares with one name, found {len(names)}."
        raise MalformedPolicy(path, problem, hint="Use isAnyOf, isAllOf or isNoneOf for a list.")


def _check_extra(extra: Extra, path: str) -> None:
    if extra:
        name = extra[0][0]
        hint = "Leave it out if it means nothing; a rule that loses a member could permit more."
        raise UnknownTerm(f"{path}.{name}", name, f"the member {name!r} is not known here.", hint=hint)
