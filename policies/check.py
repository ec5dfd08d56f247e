"""What `publish` asks before a policy is offered: can this engine decide it, and will it do what was meant?"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from policies.comparison import is_comparable
from policies.errors import MalformedPolicy, UnknownTerm
from policies.geometry import InvalidArea, read_region
from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    Extra,
    Permission,
    Policy,
    Prohibition,
    Rule,
    Thing,
    is_deadline,
    may_hide_deadline,
)
from policies.operands import LEFT_OPERANDS, SUPPLIED, LeftOperand
from policies.values import read_span
from policies.vocabulary import CONFLICTS, DROPPED_BY_DSP, INCLUDED_IN, KNOWN_PROFILES

_LISTS: Final = frozenset({"isAnyOf", "isAllOf", "isNoneOf"})
_EXPECTED: Final = {
    "moment": "one date, or date and time, e.g. 2027-01-01T00:00:00Z",
    "duration": "a duration, e.g. P30D",
    "number": "a number",
    "level": "low, substantial or high",
    "name": "a name or IRI, or a list of them",
    "interval": "a period start/end, e.g. 2020-01-01/2021-01-01",
    "geometry": "an area",
}


def check_policy(policy: Policy, *, supplied: Collection[str] = SUPPLIED) -> None:
    """Raises `UnknownTerm` for the first term that this engine cannot decide, and names it.

    `supplied` are the left operands whose values will be there at a decision. Raises `MalformedPolicy` for a right
    operand that its operand cannot be compared with, and for a policy with neither permission nor prohibition (DSP
    2025-1 refuses those).
    """
    if not policy.permissions and not policy.prohibitions:
        raise MalformedPolicy("policy", "expected at least one permission or prohibition, found none.")
    _check_frame(policy)
    check = _Check(supplied)
    for index, permission in enumerate(policy.permissions):
        check.rule(permission, f"policy.permission[{index}]")
    for index, prohibition in enumerate(policy.prohibitions):
        check.rule(prohibition, f"policy.prohibition[{index}]")
    for index, obligation in enumerate(policy.obligations):
        check.obligation(obligation, f"policy.obligation[{index}]")


def refuse_dropped_terms(policy: Policy) -> None:
    """Raises `UnknownTerm` for a term that a JSON-LD processor drops under the policy's context."""
    for place, extra in _extras(policy):
        for name, _ in extra:
            if name in DROPPED_BY_DSP:
                raise _dropped(f"{place}.{name}", name)


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
    leaves = [leaf for rule in rules for constraint in rule.constraints for leaf in leaves_of(constraint)]
    spans = [read_span(leaf.right_operand) for leaf in leaves if leaf.left_operand == "dateTime"]
    missing = any(span and not span[2] for span in spans)
    note = "a date without a time zone refuses for fourteen hours either side of it; write a Z or an offset."
    return [note] if missing else []


def leaves_of(constraint: Constraint) -> list[AtomicConstraint]:
    """The atomic constraints in a constraint."""
    if isinstance(constraint, AtomicConstraint):
        return [constraint]
    return [leaf for part in constraint.parts for leaf in leaves_of(part)]


def _check_frame(policy: Policy) -> None:
    """What stands in the policy outside its rules."""
    for profile in policy.profiles:
        if profile not in KNOWN_PROFILES:
            raise UnknownTerm("policy.profile", profile, f"the profile {profile!r} is not known here.")
    if policy.conflict is not None and policy.conflict not in CONFLICTS:
        hint = f"Use one of: {', '.join(sorted(CONFLICTS))}."
        raise UnknownTerm("policy.conflict", policy.conflict, f"{policy.conflict!r} is no strategy.", hint=hint)
    for parent in policy.inherit_from:
        hint = "Name a policy that is known here; nothing is fetched."
        raise UnknownTerm("policy.inheritFrom", parent, f"{parent!r} was not looked up.", hint=hint)
    _check_extra(policy.extra, "policy")


@dataclass(frozen=True, slots=True)
class _Check:
    """Walks rules and constraints with their paths."""

    supplied: Collection[str]

    def rule(self, rule: Rule, path: str) -> None:
        _check_extra(rule.extra, path)
        if rule.action not in INCLUDED_IN:
            problem, hint = f"the action {rule.action!r} is not known here.", 'Use an action of ODRL, e.g. "use".'
            raise UnknownTerm(f"{path}.action", rule.action, problem, hint=hint)
        self.constraints(rule.constraints, f"{path}.constraint")
        self.constraints(rule.refinements, f"{path}.action.refinement")
        for name, thing in things_of(rule):
            _check_extra(thing.extra, f"{path}.{name}")
            self.constraints(thing.refinements, f"{path}.{name}.refinement")
        for name, duties in duties_of(rule):
            for index, duty in enumerate(duties):
                self.rule(duty, f"{path}.{name}[{index}]")

    def obligation(self, duty: Duty, path: str) -> None:
        self.rule(duty, path)
        for index, constraint in enumerate(duty.constraints):
            if may_hide_deadline(constraint):
                problem = f"{constraint.operator!r} cannot be decided in an obligation yet."
                hint = "Write its parts as constraints of their own, a deadline as dateTime lt."
                raise UnknownTerm(f"{path}.constraint[{index}]", constraint.operator, problem, hint=hint)

    def constraints(self, constraints: Iterable[Constraint], path: str) -> None:
        for index, constraint in enumerate(constraints):
            self.constraint(constraint, f"{path}[{index}]")

    def constraint(self, constraint: Constraint, path: str) -> None:
        _check_extra(constraint.extra, path)
        if isinstance(constraint, AtomicConstraint):
            self.atomic(constraint, path)
        else:
            self.constraints(constraint.parts, f"{path}.{constraint.operator}")

    def atomic(self, constraint: AtomicConstraint, path: str) -> None:
        left, operator = constraint.left_operand, constraint.operator
        known = LEFT_OPERANDS.get(left)
        if known is None or left not in self.supplied:
            where = f"; it would come from: {known.source}" if known else ""
            hint = f"Use one of: {', '.join(sorted(self.supplied))}."
            problem = f"nothing here knows the value of {left!r}{where}."
            raise UnknownTerm(f"{path}.leftOperand", left, problem, hint=hint)
        if operator not in known.operators:
            hint = f"Use one of: {', '.join(sorted(known.operators))}."
            raise UnknownTerm(f"{path}.operator", operator, f"{left} cannot be compared by {operator!r}.", hint=hint)
        if constraint.unit not in {None, known.unit}:
            problem = f"{left} is not measured in {constraint.unit}."
            raise UnknownTerm(f"{path}.unit", str(constraint.unit), problem, hint=f"Use {known.unit}, or none.")
        _check_right_operand(constraint, known, f"{path}.rightOperand")


def things_of(rule: Rule) -> list[tuple[str, Thing]]:
    """The asset and the parties of a rule, with the names of their roles."""
    named = (("target", rule.target), ("assigner", rule.assigner), ("assignee", rule.assignee))
    return [(name, thing) for name, thing in named if thing is not None]


def duties_of(rule: Rule) -> list[tuple[str, tuple[Duty, ...]]]:
    """The duties that hang on a rule, with the name of the member."""
    if isinstance(rule, Permission):
        return [("duty", rule.duties)]
    return [("remedy", rule.remedies)] if isinstance(rule, Prohibition) else [("consequence", rule.consequences)]


def _check_right_operand(constraint: AtomicConstraint, known: LeftOperand, path: str) -> None:
    right = constraint.right_operand
    values = right if isinstance(right, tuple) else (right,)
    if known.space == "geometry":
        _check_area(constraint, path)
    if not values or not all(is_comparable(known.space, value) for value in values):
        raise MalformedPolicy(path, f"expected {_EXPECTED[known.space]}.")
    if len(set(values)) > 1 and constraint.operator not in _LISTS:
        problem = f"{constraint.operator!r} compares with one value, found {len(values)}."
        raise MalformedPolicy(path, problem, hint="Use isAnyOf, isAllOf or isNoneOf for a list.")
    if isinstance(right, tuple) and known.space == "moment" and constraint.operator not in _LISTS:
        raise MalformedPolicy(path, f"expected {_EXPECTED[known.space]}.")


def _check_area(constraint: AtomicConstraint, path: str) -> None:
    right = constraint.right_operand
    try:
        read_region(right[0] if isinstance(right, tuple) and right else right)  # pyright: ignore[reportArgumentType]
    except InvalidArea as error:
        raise MalformedPolicy(path, f"expected an area; {error}.") from None


def _check_extra(extra: Extra, path: str) -> None:
    if extra:
        name = extra[0][0]
        if name in DROPPED_BY_DSP:
            raise _dropped(f"{path}.{name}", name)
        hint = "Leave it out if it means nothing; a rule that loses a member could permit more."
        raise UnknownTerm(f"{path}.{name}", name, f"the member {name!r} is not known here.", hint=hint)


def _dropped(path: str, name: str) -> UnknownTerm:
    problem = f"the context of the Dataspace Protocol does not know {name!r}: whoever reads this as JSON-LD loses it."
    return UnknownTerm(path, name, problem, hint=f"Write odrl:{name}, or give the document the context of ODRL.")


def _extras(policy: Policy) -> Iterable[tuple[str, Extra]]:
    yield "policy", policy.extra
    for name in ("permission", "prohibition", "obligation"):
        for index, rule in enumerate(getattr(policy, f"{name}s")):
            yield from _extras_of_rule(rule, f"policy.{name}[{index}]")


def _extras_of_rule(rule: Rule, path: str) -> Iterable[tuple[str, Extra]]:
    yield path, rule.extra
    yield from _extras_of(rule.constraints, f"{path}.constraint")
    yield from _extras_of(rule.refinements, f"{path}.action.refinement")
    for name, thing in things_of(rule):
        yield f"{path}.{name}", thing.extra
        yield from _extras_of(thing.refinements, f"{path}.{name}.refinement")
    for name, duties in duties_of(rule):
        for index, duty in enumerate(duties):
            yield from _extras_of_rule(duty, f"{path}.{name}[{index}]")


def _extras_of(constraints: Iterable[Constraint], path: str) -> Iterable[tuple[str, Extra]]:
    for index, constraint in enumerate(constraints):
        yield f"{path}[{index}]", constraint.extra
        if not isinstance(constraint, AtomicConstraint):
            yield from _extras_of(constraint.parts, f"{path}[{index}].{constraint.operator}")
