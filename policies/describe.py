"""A policy in the plain sentences that a person reads before agreeing."""

from policies.model import Constraint, Duty, Permission, Policy, Prohibition, is_deadline
from policies.vocabulary import KNOWN_PROFILES
from policies.words import condition, printable

Rule = Permission | Prohibition | Duty


def describe_policy(policy: Policy, *, title: str | None = None) -> str:
    """`You may use “title”, provided that …. You must not …. You have this duty …: ….` Without `title`: “this data”."""
    thing = f"“{title}”" if title else "this data"
    sentences = [_permission(rule, thing) for rule in policy.permissions] or [f"Nothing may be done with {thing}."]
    sentences += [_prohibition(rule, thing) for rule in policy.prohibitions]
    sentences += [_obligation(rule, thing) for rule in policy.obligations]
    unknown = [name for name, _ in policy.extra]
    unknown += [profile for profile in policy.profiles if profile not in KNOWN_PROFILES]
    if unknown:
        sentences.append(f"It also says {', '.join(unknown)}, which cannot be decided here: it will be refused.")
    return printable(" ".join(sentences))


def _permission(rule: Permission, thing: str) -> str:
    ends = _provided(rule.constraints) if rule.constraints else ", without conditions" if not rule.duties else ""
    duties = "".join(f", after you have done this: {_deed(duty)}" for duty in rule.duties)
    return f"You may {rule.action} {thing}{ends}{duties}{_more(rule)}."


def _prohibition(rule: Prohibition, thing: str) -> str:
    return f"You must not {rule.action} {thing}{_when(rule.constraints)}{_more(rule)}."


def _obligation(rule: Duty, thing: str) -> str:
    return f"You have this duty for {thing}: {_deed(rule)}."


def _deed(duty: Duty) -> str:
    deadlines = [condition(each).removeprefix("the time is ") for each in duty.constraints if is_deadline(each)]
    others = tuple(each for each in duty.constraints if not is_deadline(each))
    return f"{duty.action}{''.join(f' {deadline}' for deadline in deadlines)}{_when(others)}{_more(duty)}"


def _provided(constraints: tuple[Constraint, ...]) -> str:
    return ", provided that " + " and ".join(condition(constraint) for constraint in constraints)


def _when(constraints: tuple[Constraint, ...]) -> str:
    return " while " + " and ".join(condition(constraint) for constraint in constraints) if constraints else ""


def _more(rule: Rule) -> str:
    names = ", ".join(name for name, _ in rule.extra)
    return f" (with {names}, which cannot be decided here)" if names else ""
