"""A policy in the plain sentences that a person reads before agreeing."""

from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    Literal,
    Permission,
    Policy,
    Prohibition,
    Rule,
    Thing,
    is_deadline,
)
from policies.vocabulary import CONFLICTS, KNOWN_PROFILES
from policies.words import condition, length, name, printable

_CONFLICTS = {
    "perm": "Where a permission and a prohibition meet, the permission holds.",
    "prohibit": "Where a permission and a prohibition meet, the prohibition holds.",
}


def describe_policy(policy: Policy, *, title: str | None = None) -> str:
    """`You may use “title”, provided that …. You must not …. You have this duty …: ….` Without `title`: “this data”."""
    thing = f"“{title}”" if title else "this data"
    sentences = [_permission(rule, thing) for rule in policy.permissions] or [f"Nothing may be done with {thing}."]
    sentences += [_prohibition(rule, thing) for rule in policy.prohibitions]
    sentences += [_obligation(rule, thing) for rule in policy.obligations]
    if policy.prohibitions and policy.conflict in _CONFLICTS:
        sentences.append(_CONFLICTS[policy.conflict])
    unknown = [name for name, _ in policy.extra]
    unknown += [profile for profile in policy.profiles if profile not in KNOWN_PROFILES]
    unknown += [f"conflict {policy.conflict}"] if policy.conflict not in CONFLICTS | {None} else []
    if unknown:
        sentences.append(f"It also says {', '.join(unknown)}, which cannot be decided here: it will be refused.")
    if policy.inherit_from:
        sentences.append(f"It takes over all that {' and '.join(map(name, policy.inherit_from))} says.")
    return printable(" ".join(sentences))


def _permission(rule: Permission, thing: str) -> str:
    ends = _provided(rule.constraints) if rule.constraints else ", without conditions" if not rule.duties else ""
    duties = "".join(f", after you have done this: {_deed(duty)}" for duty in rule.duties)
    return f"{_who(rule.assignee, 'You')} may {_action(rule)} {_what(rule, thing)}{ends}{duties}{_more(rule)}."


def _prohibition(rule: Prohibition, thing: str) -> str:
    remedies = "".join(f" If it is done all the same, this must follow: {_deed(duty)}." for duty in rule.remedies)
    who = _who(rule.assignee, "You")
    return f"{who} must not {_action(rule)} {_what(rule, thing)}{_when(rule.constraints)}{_more(rule)}.{remedies}"


def _obligation(rule: Duty, thing: str) -> str:
    who = "You have" if rule.assignee is None else f"{_who(rule.assignee, 'You')} has"
    return f"{who} this duty for {_what(rule, thing)}: {_deed(rule)}."


def _who(party: Thing | None, otherwise: str) -> str:
    if party is None:
        return otherwise
    named = name(party.id or party.source or "somebody")
    members = f"Members of {named}" if party.collection else named
    return members + _where(party.refinements)


def _what(rule: Rule, thing: str) -> str:
    target = rule.target
    if target is None:
        return thing
    named = name(target.id or target.source or "something")
    return (f"what is in {named}" if target.collection else named) + _where(target.refinements)


def _where(refinements: tuple[Constraint, ...]) -> str:
    return f" (those of which {' and '.join(condition(each) for each in refinements)})" if refinements else ""


def _action(rule: Rule) -> str:
    refined = f" (so that {' and '.join(condition(each) for each in rule.refinements)})" if rule.refinements else ""
    return f"{rule.action or 'do anything with'}{refined}"


def _deed(duty: Duty) -> str:
    deadlines = [_by(each) for each in duty.constraints if isinstance(each, AtomicConstraint) and is_deadline(each)]
    others = tuple(each for each in duty.constraints if not is_deadline(each))
    parties = "".join(f", {function}: {name(party)}" for function, party in duty.parties)
    after = "".join(f"; if it is not done in time, then also: {_deed(each)}" for each in duty.consequences)
    done = f"{_action(duty)}{''.join(f' {deadline}' for deadline in deadlines)}{_when(others)}"
    return f"{done}{parties}{_more(duty)}{after}"


def _by(deadline: AtomicConstraint) -> str:
    """`before 1 January 2027`, `within 30 days of the first use`."""
    right = deadline.right_operand
    if deadline.left_operand == "elapsedTime" and isinstance(right, Literal) and not deadline.extra:
        return f"within {length(right)} of the first use"
    return condition(deadline).removeprefix("the time is ")


def _provided(constraints: tuple[Constraint, ...]) -> str:
    return ", provided that " + " and ".join(condition(constraint) for constraint in constraints)


def _when(constraints: tuple[Constraint, ...]) -> str:
    return " while " + " and ".join(condition(constraint) for constraint in constraints) if constraints else ""


def _more(rule: Rule) -> str:
    things = [thing for thing in (rule.target, rule.assigner, rule.assignee) if thing is not None]
    names = ", ".join(name for name, _ in (*rule.extra, *(extra for thing in things for extra in thing.extra)))
    return f" (with {names}, which cannot be decided here)" if names else ""
