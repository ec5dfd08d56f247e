"""Is a rule about this request at all: its action, its target, its parties?"""

from policies.concepts import Concepts
from policies.model import ANY_ACTION, Facts, Request, Rule, Thing
from policies.terms import Truth
from policies.values import all_of
from policies.vocabulary import INCLUDED_IN, covers

#: Whether, and what a person should know if it is not certain or not so.
Match = tuple[Truth, str | None]


def matches(rule: Rule, request: Request, facts: Facts, *, suite: bool, concepts: Concepts) -> Match:
    """Whether a rule's action, target and parties are those of the request."""
    acted, why = _action(rule.action, request.action, suite=suite, concepts=concepts)
    asked = (
        ("target", rule.target, request.target),
        ("assignee", rule.assignee, request.assignee),
        ("assigner", rule.assigner, request.assigner),
    )
    found = [acted]
    for role, thing, value in asked:
        if thing is not None:
            same = _thing(thing, value, facts, suite=suite)
            found.append(same)
            why = why or (None if same else f"the rule is for the {role} {thing.id or thing.source}, not {value}")
    return all_of(found), why


def _action(action: str, requested: str, *, suite: bool, concepts: Concepts) -> Match:
    if suite and action in {ANY_ACTION, requested}:
        return True, None
    about = covers(action, requested, concepts.included_in)
    if about is None:
        unknown = action if action not in INCLUDED_IN else requested
        return None, f"the action {unknown!r} is not known here"
    return about, None if about else f"the rule is about {action}"


def _thing(thing: Thing, asked: str, facts: Facts, *, suite: bool) -> Truth:
    """Whether the asset or party of the request is the one of the rule, or a member of the collection that it names."""
    if thing.extra and not suite:
        return None
    if asked == thing.id or (asked == thing.source and not thing.collection):
        return True
    collections = facts.member_of.get(asked)
    if collections is None:
        # nobody said what it is a member of
        return None if thing.collection and not suite else False
    return bool({thing.id, thing.source} & collections)
