"""Inheritance: a policy has the rules of those it inherits from. They are looked up among local ones, never fetched."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from policies.errors import MalformedPolicy, UnknownTerm
from policies.model import Duty, Permission, Policy, Prohibition, Thing

R = TypeVar("R", Permission, Prohibition, Duty)


def inherit(policy: Policy, library: Mapping[str, Policy]) -> Policy:
    """The policy with the rules, profiles and members of its parents, and of theirs.

    A parent's target and parties go with its rules. Raises `UnknownTerm` for a parent that is not in `library`,
    `MalformedPolicy` for a circle and for parents with different conflict strategies.
    """
    return _inherit(policy, library, (policy.uid,) if policy.uid else ())


def _inherit(policy: Policy, library: Mapping[str, Policy], within: tuple[str, ...]) -> Policy:
    whole = policy
    for uid in policy.inherit_from:
        path = f"{policy.uid or 'policy'}.inheritFrom"
        if uid in within:
            raise MalformedPolicy(path, f"goes round in a circle: {' → '.join((*within, uid))}.")
        if uid not in library:
            hint = "Put both policies into one document; nothing is fetched."
            raise UnknownTerm(path, uid, f"{uid!r} is no policy that is known here.", hint=hint)
        whole = _with_parent(whole, _inherit(library[uid], library, (*within, uid)), path)
    return replace(whole, inherit_from=())


def _with_parent(policy: Policy, parent: Policy, path: str) -> Policy:
    strategies = {policy.conflict, parent.conflict} - {None}
    if len(strategies) > 1:
        raise MalformedPolicy(path, f"the parent's conflict strategy is {parent.conflict}, not {policy.conflict}.")
    return replace(
        policy,
        permissions=(*policy.permissions, *(_scoped(rule, parent) for rule in parent.permissions)),
        prohibitions=(*policy.prohibitions, *(_scoped(rule, parent) for rule in parent.prohibitions)),
        obligations=(*policy.obligations, *(_scoped(rule, parent) for rule in parent.obligations)),
        profiles=tuple(dict.fromkeys((*policy.profiles, *parent.profiles))),
        extra=tuple(sorted({**dict(parent.extra), **dict(policy.extra)}.items())),
        conflict=next(iter(strategies), None),
    )


def _scoped(rule: R, parent: Policy) -> R:
    """The rule with the target and the parties of its policy, where it has none of its own."""
    return replace(
        rule,
        target=rule.target or _thing(parent.target),
        assigner=rule.assigner or _thing(parent.assigner),
        assignee=rule.assignee or _thing(parent.assignee),
    )


def _thing(name: str | None) -> Thing | None:
    return None if name is None else Thing(id=name)
