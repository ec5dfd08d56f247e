"""JSON documents → `Policy`.

Reads the compact form of DSP 2025-1, ODRL's own JSON-LD and, because other connectors send them, `odrl:` prefixes, full
IRIs, `{"@id": …}` references, `{"@list": …}` and a single object where a list is meant. A rule with several actions,
targets or parties becomes several rules. Words that the engine does not know stay in the model (they deny later); what
is not a policy at all is `MalformedPolicy`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from policies.documents import MAX_LIST, Members, each, is_known_context, knows_whole_odrl, listed, term
from policies.errors import MalformedPolicy
from policies.model import Duty, Permission, Policy, Prohibition, Thing
from policies.rules import SCOPES, RuleReader
from policies.terms import local_name
from policies.vocabulary import TIDEGATE_CONTEXT

_POLICY_TYPES: Final = frozenset({"Offer", "Agreement", "Set", "Policy", "Request", "Privacy", "Assertion"})
# DSP's own member of an agreement, as compact term, prefixed, and expanded. It is no term of the policy.
_TIMESTAMPS: Final = ("timestamp", "dspace:timestamp", "https://w3id.org/dspace/2025/1/timestamp")

R = TypeVar("R", Permission, Prohibition, Duty)


def parse_policy(
    document: Mapping[str, Any], *, path: str = "policy", whole: bool | None = None, any_action: bool = False
) -> Policy:
    """The policy in an offer or agreement, or in its rules alone. `path` is where the document stands, for errors.

    `whole` is whether bare terms outside DSP's profile (refinement, remedy, …) count, by default only under ODRL's own
    context. `any_action` allows a rule without an action. Raises `MalformedPolicy`; `UnknownTerm` for an action that
    carries something else than a refinement.
    """
    whole = _knows_whole(document) if whole is None else whole
    members = Members(document, path, types=_POLICY_TYPES, whole=whole)
    profile = TIDEGATE_CONTEXT in listed(members.found.get("@context"))
    for name in _TIMESTAMPS:
        members.take(name)
    if is_known_context(members.found.get("@context")):
        members.take("@context")
    reader = RuleReader(whole, any_action, profile)
    scope = {name: reader.things(members, name) for name in SCOPES if name in members}
    simple = {name: things[0].id for name, things in scope.items() if len(things) == 1 and _is_plain(things[0])}
    spread = {name: things for name, things in scope.items() if name not in simple}
    return Policy(
        permissions=_spread(reader.permissions(members, "permission"), spread, path),
        prohibitions=_spread(reader.prohibitions(members, "prohibition"), spread, path),
        obligations=_spread(reader.duties(members, "obligation"), spread, path),
        profiles=each(members.take("profile"), term, f"{path}.profile"),
        conflict=local_name(term(members.take("conflict"), f"{path}.conflict")) if "conflict" in members else None,
        inherit_from=each(members.take("inheritFrom"), term, f"{path}.inheritFrom"),
        uid=members.uid,
        kind=members.type,
        notes=members.descriptions(),
        extra=members.rest(),
        target=simple.get("target"),
        assigner=simple.get("assigner"),
        assignee=simple.get("assignee"),
    )


def _knows_whole(document: Any) -> bool:
    return isinstance(document, Mapping) and knows_whole_odrl(cast("Mapping[str, Any]", document).get("@context"))


def _is_plain(thing: Thing) -> bool:
    return thing.id is not None and thing == Thing(id=thing.id)


def _spread(rules: tuple[R, ...], scope: Mapping[str, tuple[Thing, ...]], path: str) -> tuple[R, ...]:
    """The rules, one for each target and party that the policy as a whole names several of, or describes."""
    for name, things in scope.items():
        if len(rules) * len(things) > MAX_LIST:
            raise MalformedPolicy(path, f"its rules times its {name}s are more than {MAX_LIST}.")
        own = [rule for rule in rules if getattr(rule, name) is not None]
        open_rules = [rule for rule in rules if getattr(rule, name) is None]
        rules = (*own, *(_with(rule, name, thing) for rule in open_rules for thing in things))
    return rules


def _with(rule: R, name: str, thing: Thing) -> R:
    return replace(rule, **{name: thing})
