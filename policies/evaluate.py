"""`evaluate`: may this request be granted under this policy, now? Closed world, and Unknown denies.

A request is permitted if at least one permission is active, no prohibition is or may be active, no obligation is
due, and nothing in the policy as a whole is unknown. A permission is active if its action covers the requested one, all
its constraints hold and all its duties are on record as fulfilled (ODRL Information Model 2.2 section 2.6; where
readings differ we take the stricter one).
"""

from datetime import UTC, datetime
from typing import Final

from policies.decision import AtomicOutcome, Decision, LogicalOutcome, Outcome, RuleOutcome
from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    Facts,
    LogicalConstraint,
    Permission,
    Policy,
    Prohibition,
    Request,
    is_deadline,
    may_hide_deadline,
)
from policies.values import all_of, any_of, compare_moment, compare_names, one_of
from policies.vocabulary import INCLUDED_IN, KNOWN_PROFILES, LEFT_OPERANDS, Truth, covers

_UNDECIDABLE: Final = "carries a member that this connector cannot decide"


def evaluate(policy: Policy, request: Request, facts: Facts, now: datetime) -> Decision:
    """The decision on `request` at `now` (with a time zone, else ValueError), with its explanation."""
    if now.utcoffset() is None:
        raise ValueError("now: expected a moment with a time zone")
    problems = _problems(policy, request)
    permissions = [_permission(f"permission[{i}]", p, request, facts, now) for i, p in enumerate(policy.permissions)]
    prohibitions = [_prohibition(f"prohibition[{i}]", p, request, now) for i, p in enumerate(policy.prohibitions)]
    obligations = [_obligation(f"obligation[{i}]", o, request, facts, now) for i, o in enumerate(policy.obligations)]
    blocked = bool(problems) or any(rule.blocks for rule in (*prohibitions, *obligations))
    permitted = not blocked and any(rule.active is True for rule in permissions)
    return Decision(permitted, request.action, now, (*permissions, *prohibitions, *obligations), problems)


def _problems(policy: Policy, request: Request) -> tuple[str, ...]:
    """What stops the policy as a whole: other parties or another target, unknown profiles and members."""
    named = (
        ("target", policy.target, request.target),
        ("assignee", policy.assignee, request.assignee),
        ("assigner", policy.assigner, request.assigner),
    )
    return (
        *(f"the policy is for {what} {ours}, not {asked}" for what, ours, asked in named if ours not in {None, asked}),
        *(f"the profile {profile} is not known here" for profile in policy.profiles if profile not in KNOWN_PROFILES),
        *(f"the policy carries {member!r}, which this connector cannot decide" for member, _ in policy.extra),
    )


def _permission(place: str, rule: Permission, request: Request, facts: Facts, now: datetime) -> RuleOutcome:
    about, why = _about(rule, request)
    constraints = tuple([_outcome(each, request, now) for each in rule.constraints])
    duties = tuple([_duty(f"{place}.duty[{i}]", duty, facts) for i, duty in enumerate(rule.duties)])
    held = (outcome.satisfied for outcome in constraints)
    active = all_of((about, *held, *(not duty.blocks for duty in duties)))
    return RuleOutcome(place, "permission", rule.action, active, constraints, duties, why=why)


def _prohibition(place: str, rule: Prohibition, request: Request, now: datetime) -> RuleOutcome:
    """Active only if all constraints hold, but it blocks unless it is certain that one does not."""
    about, why = _about(rule, request)
    constraints = tuple([_outcome(each, request, now) for each in rule.constraints])
    active = None if rule.extra else all_of((about, *(outcome.satisfied for outcome in constraints)))
    return RuleOutcome(place, "prohibition", rule.action, active, constraints, blocks=active is not False, why=why)


def _duty(place: str, duty: Duty, facts: Facts) -> RuleOutcome:
    """A duty of a permission comes before use, under all circumstances; only a record of its fulfilment lifts it."""
    if duty in facts.fulfilled and not duty.extra:
        return RuleOutcome(place, "duty", duty.action, active=False)
    why = "it is a duty before use, and nothing has recorded its fulfilment"
    return RuleOutcome(place, "duty", duty.action, active=True, blocks=True, why=why)


def _obligation(place: str, duty: Duty, request: Request, facts: Facts, now: datetime) -> RuleOutcome:
    """An obligation with a deadline may be fulfilled after use has begun, until then; without one it comes first."""
    deadlines = [each for each in duty.constraints if is_deadline(each)]
    conditions = [each for each in duty.constraints if not is_deadline(each)]
    outcomes = tuple([_outcome(each, request, now) for each in (*conditions, *deadlines)])
    applies = all_of(_certain(outcome) for outcome in outcomes[: len(conditions)])
    in_time = all_of(outcome.satisfied for outcome in outcomes[len(conditions) :])
    done = duty in facts.fulfilled and not duty.extra
    if done or (applies is False and not duty.extra):
        return RuleOutcome(place, "obligation", duty.action, active=False, constraints=outcomes)
    why = _why_due(duty, applies=applies, in_time=in_time, has_deadline=bool(deadlines))
    return RuleOutcome(place, "obligation", duty.action, applies, outcomes, blocks=why is not None, why=why)


def _why_due(duty: Duty, *, applies: Truth, in_time: Truth, has_deadline: bool) -> str | None:
    """Why an obligation stands in the way now; None if its deadline is still ahead."""
    if duty.extra:
        return f"the obligation {_UNDECIDABLE}: {duty.extra[0][0]!r}"
    if duty.action not in INCLUDED_IN:
        return "the action is not known here"
    if applies is None or in_time is None:
        return "it is not known whether the obligation is due"
    if not has_deadline:
        return "the obligation has no deadline, and nothing has recorded its fulfilment"
    return None if in_time else "its deadline has passed, and nothing has recorded its fulfilment"


def _certain(outcome: Outcome) -> Truth:
    return None if may_hide_deadline(outcome.constraint) else outcome.satisfied


def _about(rule: Permission | Prohibition, request: Request) -> tuple[Truth, str | None]:
    """Whether the rule is about the requested action, and what a person should know if it is not certain."""
    if rule.extra:
        return None, f"the rule {_UNDECIDABLE}: {rule.extra[0][0]!r}"
    about = covers(rule.action, request.action)
    if about is None:
        unknown = rule.action if rule.action not in INCLUDED_IN else request.action
        return None, f"the action {unknown!r} is not known here"
    return about, None if about else f"the rule is about {rule.action}"


def _outcome(constraint: Constraint, request: Request, now: datetime) -> Outcome:
    if isinstance(constraint, AtomicConstraint):
        return _atomic(constraint, request, now)
    parts = tuple([_outcome(part, request, now) for part in constraint.parts])
    return LogicalOutcome(constraint, _join(constraint, parts), parts)


def _join(constraint: LogicalConstraint, parts: tuple[Outcome, ...]) -> Truth:
    # andSequence: every value is of the one moment of the decision, so order adds nothing to `and`
    joins = {"and": all_of, "andSequence": all_of, "or": any_of, "xone": one_of}
    if constraint.extra or constraint.operator not in joins:
        return None
    return joins[constraint.operator](part.satisfied for part in parts)


def _atomic(constraint: AtomicConstraint, request: Request, now: datetime) -> AtomicOutcome:
    known = LEFT_OPERANDS.get(constraint.left_operand)
    if known is None:
        why = f"nothing here knows the value of {constraint.left_operand!r}"
        return AtomicOutcome(constraint, None, None, None, why)
    value, source = _value(constraint.left_operand, request, now)
    why = _why_undecidable(constraint, known.operators)
    if why or value is None:
        return AtomicOutcome(constraint, None, value, source, why)
    return AtomicOutcome(constraint, _compare(constraint, value, now), value, source)


def _why_undecidable(constraint: AtomicConstraint, operators: frozenset[str]) -> str | None:
    if constraint.extra:
        return f"the constraint {_UNDECIDABLE}: {constraint.extra[0][0]!r}"
    if constraint.operator not in operators:
        return f"{constraint.left_operand} cannot be compared by {constraint.operator!r} here"
    return None


def _value(left: str, request: Request, now: datetime) -> tuple[str | tuple[str, ...] | None, str]:
    """The value of a known left operand, and its source."""
    source = LEFT_OPERANDS[left].source
    if left == "dateTime":
        return now.astimezone(UTC).isoformat().replace("+00:00", "Z"), source
    if left == "recipient":
        return ((request.assignee,) if request.assignee else None), source
    return (tuple(sorted(request.purpose)) if request.purpose else None), request.purpose_source


def _compare(constraint: AtomicConstraint, value: str | tuple[str, ...], now: datetime) -> Truth:
    if isinstance(value, str):
        return compare_moment(now, constraint.operator, constraint.right_operand)
    return compare_names(frozenset(value), constraint.operator, constraint.right_operand)
