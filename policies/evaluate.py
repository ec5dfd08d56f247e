"""`evaluate`: may this request be granted under this policy, now? Closed world, and Unknown denies.

A request is permitted if at least one permission is active, no prohibition is or may be active, no obligation is
due, and nothing in the policy as a whole is unknown. A permission is active if it is about the requested action, asset
and parties, all its constraints hold and all its duties are on record as fulfilled (ODRL Information Model 2.2 section
2.6; where readings differ we take the stricter one). With `conflict: perm` an active permission overrides prohibitions;
with `prohibit` and `invalid` the request on which both hold is refused.

The reading `suite` answers as the ODRL-Test-Suite expects; `docs/explain/policy.md` lists where the two differ.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from policies.concepts import NO_CONCEPTS, Concepts
from policies.decision import Decision, Outcome, RuleOutcome
from policies.matching import Match, matches
from policies.model import Duty, Facts, Permission, Policy, Prohibition, Request, is_deadline, may_hide_deadline
from policies.observe import Situation, outcomes
from policies.terms import Truth
from policies.values import all_of
from policies.vocabulary import CONFLICTS, INCLUDED_IN, KNOWN_PROFILES

#: `tidegate` fails closed; `suite` is the reading of the ODRL-Test-Suite.
Reading = Literal["tidegate", "suite"]

_UNDECIDABLE = "carries a member that this connector cannot decide"
_NOT_MADE_GOOD = "it was violated, and not made good since"


def evaluate(
    policy: Policy,
    request: Request,
    facts: Facts,
    now: datetime | None,
    *,
    reading: Reading = "tidegate",
    concepts: Concepts = NO_CONCEPTS,
) -> Decision:
    """The decision on `request` at `now` (with a time zone, else ValueError), with its explanation.

    `now` None means that the time is not known; then whatever depends on it is Unknown.
    """
    if now is not None and now.utcoffset() is None:
        raise ValueError("now: expected a moment with a time zone")
    return _Evaluation(Situation(request, facts, now, concepts), suite=reading == "suite").decide(policy)


def evaluate_all(
    policies: Iterable[Policy],
    request: Request,
    facts: Facts,
    now: datetime | None,
    *,
    concepts: Concepts = NO_CONCEPTS,
) -> list[Decision]:
    """A decision for each of many policies, as for a catalogue; policies with equal terms are decided once.

    Where there are records by the uid of a duty (`facts.states`), equal policies may differ, and each is decided.
    """
    known: dict[Policy, Decision] = {}
    decisions: list[Decision] = []
    for policy in policies:
        found = known.get(policy) if not facts.states else None
        if found is None:
            found = known[policy] = evaluate(policy, request, facts, now, concepts=concepts)
        decisions.append(found)
    return decisions


class _Evaluation:
    """Rules in one situation. `suite`: what is unknown is false, and duties may wait."""

    def __init__(self, situation: Situation, *, suite: bool) -> None:
        self.situation = situation
        self.request = situation.request
        self.facts = situation.facts
        self.suite = suite
        self.elsewhere: tuple[str, ...] = ()

    def decide(self, policy: Policy) -> Decision:
        self.elsewhere = self._elsewhere(policy)
        problems = () if self.suite else self._problems(policy)
        permissions = [self._permission(f"permission[{i}]", p) for i, p in enumerate(policy.permissions)]
        prohibitions = [self._prohibition(f"prohibition[{i}]", p) for i, p in enumerate(policy.prohibitions)]
        obligations = [self._obligation(f"obligation[{i}]", o) for i, o in enumerate(policy.obligations)]
        active = any(rule.active is True for rule in permissions)
        if policy.conflict == "perm" and active:
            prohibitions = [_overridden(rule) for rule in prohibitions]
        blocked = bool(problems) or any(rule.blocks for rule in (*prohibitions, *obligations))
        rules = (*permissions, *prohibitions, *obligations)
        return Decision(active and not blocked, self.request.action, self.situation.now, rules, problems)

    def _elsewhere(self, policy: Policy) -> tuple[str, ...]:
        """Why the policy as a whole is not about the request: other parties, or another target."""
        request = self.request
        named = (
            ("target", policy.target, request.target),
            ("assignee", policy.assignee, request.assignee),
            ("assigner", policy.assigner, request.assigner),
        )
        return tuple(
            f"the policy is for {what} {ours}, not {asked}" for what, ours, asked in named if not self._is(ours, asked)
        )

    def _problems(self, policy: Policy) -> tuple[str, ...]:
        """What stops the policy as a whole: other parties or another target, unknown profiles and members."""
        unknown = [] if policy.conflict in CONFLICTS | {None} else [policy.conflict]
        return (
            *self.elsewhere,
            *(f"the profile {each} is not known here" for each in policy.profiles if each not in KNOWN_PROFILES),
            *(f"the policy inherits from {each}, which was not looked up" for each in policy.inherit_from),
            *(f"the conflict strategy {each!r} is not known here" for each in unknown),
            *(f"the policy carries {member!r}, which this connector cannot decide" for member, _ in policy.extra),
        )

    def _is(self, named: str | None, asked: str) -> bool:
        return named is None or named == asked or named in self.facts.member_of.get(asked, frozenset())

    def _permission(self, place: str, rule: Permission) -> RuleOutcome:
        about, why, held = self._about(rule)
        held = (*held, *outcomes(rule.constraints, self.situation))
        duties = tuple([self._duty(f"{place}.duty[{i}]", duty) for i, duty in enumerate(rule.duties)])
        active = all_of([self._all_hold(about, held), *(not duty.blocks for duty in duties)])
        return RuleOutcome(place, "permission", rule.action, active, held, duties, why=why, uid=rule.uid)

    def _prohibition(self, place: str, rule: Prohibition) -> RuleOutcome:
        """Active only if all constraints hold, but it blocks unless it is certain that one does not."""
        about, why, held = self._about(rule)
        held = (*held, *outcomes(rule.constraints, self.situation))
        active = None if rule.extra and not self.suite else self._all_hold(about, held)
        owed = self._owed(place, rule)
        why = why or ("it was violated, and its remedy is not on record as done" if owed else None)
        blocks = active is not False or bool(owed)
        return RuleOutcome(place, "prohibition", rule.action, active, held, owed, blocks, why, rule.uid)

    def _owed(self, place: str, rule: Prohibition) -> tuple[RuleOutcome, ...]:
        """The remedies that are still to be done, if the prohibition is on record as violated."""
        if self.suite or rule.uid is None or self.facts.states.get(rule.uid) not in {"violated", "both"}:
            return ()
        remedies = [self._duty(f"{place}.remedy[{i}]", remedy) for i, remedy in enumerate(rule.remedies)]
        return tuple(remedy for remedy in remedies if remedy.blocks)

    def _about(self, rule: Permission | Prohibition) -> tuple[Truth, str | None, tuple[Outcome, ...]]:
        """Whether the rule is about this request, why not, and the outcomes of its refinements."""
        if rule.extra and not self.suite:
            return None, f"the rule {_UNDECIDABLE}: {rule.extra[0][0]!r}", ()
        about, why = (False, self.elsewhere[0]) if self.elsewhere else self._match(rule)
        refined = list(outcomes(rule.refinements, self.situation, "action."))
        for role, thing in (("target.", rule.target), ("assignee.", rule.assignee), ("assigner.", rule.assigner)):
            if thing is not None and thing.refinements:
                refined += outcomes(thing.refinements, self.situation, role)
        return about, why, tuple(refined)

    def _match(self, rule: Permission | Prohibition) -> Match:
        return matches(rule, self.request, self.facts, suite=self.suite, concepts=self.situation.concepts)

    def _all_hold(self, about: Truth, held: Sequence[Outcome]) -> Truth:
        """Kleene's and; the suite counts what is unknown as not satisfied."""
        found = all_of((about, *(outcome.satisfied for outcome in held)))
        return False if self.suite and found is None else found

    def _duty(self, place: str, duty: Duty) -> RuleOutcome:
        """A duty of a permission comes before use, under all circumstances; only a record of its fulfilment lifts it.

        The suite lets it wait, and asks only that it is not on record as violated.
        """
        violated = self._state(duty) in {"violated", "both"}
        if not violated if self.suite else self._fulfilled(duty):
            return RuleOutcome(place, "duty", duty.action, active=False, uid=duty.uid)
        why = _NOT_MADE_GOOD if violated else "it is a duty before use, and nothing has recorded its fulfilment"
        return RuleOutcome(place, "duty", duty.action, active=True, blocks=True, why=why, uid=duty.uid)

    def _state(self, duty: Duty) -> str | None:
        return None if duty.uid is None else self.facts.states.get(duty.uid)

    def _fulfilled(self, duty: Duty) -> bool:
        """On record as done; if it was violated before, with every consequence."""
        things = (duty.target, duty.assigner, duty.assignee)
        if duty.extra or duty.action not in INCLUDED_IN or any(thing and thing.extra for thing in things):
            return False
        state = self._state(duty)
        if state == "violated" or (duty not in self.facts.fulfilled and state not in {"fulfilled", "both"}):
            return False
        return state != "both" or all(self._fulfilled(each) for each in duty.consequences)

    def _obligation(self, place: str, duty: Duty) -> RuleOutcome:
        """An obligation with a deadline may be fulfilled until then, after use began; without one it comes first."""
        deadlines = tuple(each for each in duty.constraints if is_deadline(each))
        conditions = tuple(each for each in duty.constraints if not is_deadline(each))
        found = outcomes((*conditions, *deadlines), self.situation)
        applies = all_of(_certain(outcome) for outcome in found[: len(conditions)])
        in_time = all_of(outcome.satisfied for outcome in found[len(conditions) :])
        if self.suite or self._fulfilled(duty) or (applies is False and not duty.extra):
            return RuleOutcome(place, "obligation", duty.action, active=False, constraints=found, uid=duty.uid)
        why = _why_due(duty, applies=applies, in_time=in_time, has_deadline=bool(deadlines))
        why = _NOT_MADE_GOOD if self._state(duty) in {"violated", "both"} else why
        blocks = why is not None
        return RuleOutcome(place, "obligation", duty.action, applies, found, blocks=blocks, why=why, uid=duty.uid)


def _overridden(rule: RuleOutcome) -> RuleOutcome:
    return replace(rule, blocks=False, why=rule.why or "a permission overrides it (conflict: perm)")


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
