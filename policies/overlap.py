"""Two policies against each other: is there any situation that both permit?

Every left operand is a variable over its value space, so no source of values is needed. *compatible* comes with such a
situation, and `evaluate` permits it under both; *conflict* with the smallest set found of what excludes each other, of
which nothing can be spared; *unknown* with what hangs on a relation that nobody stated.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Final, Literal

from policies.concepts import NO_CONCEPTS, Concepts
from policies.domains import NEW_NAME
from policies.formula import ROLES, ActionTest, All, Formula, Item, ThingTest, Translation, can_be_done
from policies.model import AtomicConstraint, Facts, LogicalConstraint, Observed, Policy, Prohibition, Request
from policies.render import render_constraint, render_operand, render_rule
from policies.search import Outcome, Search
from policies.solvers import CERTAIN, IMPOSSIBLE, Named
from policies.values import read_names
from policies.words import condition, name, printable

Verdict = Literal["compatible", "conflict", "unknown"]

#: Smaller sets are looked for among so many, and so often: beyond that the one found is minimal, not smallest.
_ROUNDS: Final = 4
_MOST_ITEMS: Final = 12
_MOST_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Witness:
    """A situation: a request, the state of the world, and the clock (None if it does not matter)."""

    request: Request
    facts: Facts
    now: datetime | None

    def as_json(self) -> dict[str, Any]:
        """`{"request", "state"}`; in the state the clock, the values of operands, memberships, and what was done."""
        request = self.request
        asked: dict[str, Any] = {
            "action": request.action,
            "target": request.target,
            "assignee": request.assignee,
            "assigner": request.assigner,
        }
        if request.purpose is not None:
            asked["purpose"] = sorted(request.purpose)
        state: dict[str, Any] = {"dateTime": self.now.isoformat().replace("+00:00", "Z")} if self.now else {}
        state |= {left: [render_operand(value) for value in seen.values] for left, seen in self.facts.observed.items()}
        if any(self.facts.member_of.values()):
            state["partOf"] = {member: sorted(groups) for member, groups in self.facts.member_of.items() if groups}
        if self.facts.fulfilled:
            state["fulfilled"] = [render_rule(duty) for duty in sorted(self.facts.fulfilled, key=repr)]
        return {"request": asked, "state": state}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict, with its witness, or because of what."""

    verdict: Verdict
    witness: Witness | None = None
    because: tuple[Item, ...] = ()
    gave_up: bool = False

    def as_json(self) -> dict[str, Any]:
        """`{"verdict", "witness", "because"}`: what `tidegate policy compare --json` prints."""
        return {
            "verdict": self.verdict,
            "witness": self.witness.as_json() if self.witness else None,
            "because": [item_json(item) for item in self.because],
        }

    def sentence(self) -> str:
        """The verdict for a person."""
        said = "; ".join(f"{_WHICH[item.policy]} says at {item.path}: {item_text(item)}" for item in self.because)
        if self.verdict == "compatible":
            return "Compatible: there is a request that both permit."
        if self.verdict == "conflict":
            return printable(f"Conflict: nothing is permitted by both. These exclude each other: {said}.")
        if self.gave_up:
            return "Unknown: there are too many cases to look at all of them."
        return printable(f"Unknown: it hangs on relations that nobody stated. {said}.")


_WHICH: Final = ("the first", "the second")


def compare_policies(a: Policy, b: Policy, concepts: Concepts = NO_CONCEPTS) -> Comparison:
    """Whether some request, in some state of the world, is permitted by both."""
    translation = Translation()
    formula = All((translation.permitted(a, 0), translation.permitted(b, 1)))
    return _decided(formula, translation, (a, b), concepts)


def contradictions(policy: Policy, concepts: Concepts = NO_CONCEPTS) -> list[tuple[int, int, Witness]]:
    """Where a permission and a prohibition of one policy overlap: their numbers, and a situation in which both hold."""
    found: list[tuple[int, int, Witness]] = []
    for number, permission in enumerate(policy.permissions):
        for other, prohibition in enumerate(policy.prohibitions):
            translation = Translation()
            both = All(
                (
                    translation.active(permission, 0, f"permission[{number}]"),
                    translation.active(prohibition, 1, f"prohibition[{other}]"),
                )
            )
            outcome = Search(both, concepts).run()
            if outcome.level == CERTAIN:
                found.append((number, other, _witness(outcome, (policy,))))
    return found


def _decided(
    formula: Formula, translation: Translation, policies: tuple[Policy, ...], concepts: Concepts
) -> Comparison:
    search = Search(formula, concepts)
    outcome = search.run()
    if outcome.level == CERTAIN:
        return Comparison("compatible", _witness(outcome, policies))
    if outcome.level == IMPOSSIBLE:
        core = _minimal(search, range(len(translation.items)), outcome.excluded)
        return Comparison("conflict", because=tuple(translation.items[item] for item in core))
    because = tuple(translation.items[item] for item in sorted(outcome.hanging))
    return Comparison("unknown", because=because, gave_up=outcome.gave_up)


def _minimal(search: Search, items: range, excluded: frozenset[int]) -> list[int]:
    """What excludes each other, so that without any one of it the rest does not."""
    every = frozenset(items)
    kept = excluded & every
    for _ in range(_ROUNDS):  # what is left out was not needed; the rest may need less of itself
        found = search.conflict(every - kept)
        if found is None or kept <= found:
            break
        kept &= found
    for item in sorted(kept):
        found = search.conflict(every - (kept - {item})) if item in kept else None
        if found is not None:
            kept = (kept - {item}) & found
    return sorted(_smaller(search, every, excluded & every, kept))


def _smaller(search: Search, every: frozenset[int], among: frozenset[int], kept: frozenset[int]) -> frozenset[int]:
    """A smaller conflict than `kept`, if a few tries find one."""
    if len(kept) <= 2 or len(among) > _MOST_ITEMS:
        return kept
    tries = 0
    for size in range(1, len(kept)):
        for chosen in combinations(sorted(among), size):
            tries += 1
            if tries > _MOST_TRIES:
                return kept
            if search.conflict(every - frozenset(chosen)) is not None:
                return frozenset(chosen)
    return kept


# --- witnesses ---------------------------------------------------------------------------------------------------


def _witness(outcome: Outcome, policies: Iterable[Policy]) -> Witness:
    values = dict(outcome.values)
    purpose = values.pop("purpose", None)
    roles = {role: values.pop(role, None) or Named(f"{NEW_NAME}-{role}") for role in ROLES}
    now: datetime | None = values.pop("dateTime", None)
    request = Request(
        values.pop("action", "use"),
        roles["target"].name,
        roles["assignee"].name,
        roles["assigner"].name,
        None if purpose is None else read_names(purpose),
        "the situation that was looked for",
    )
    facts = Facts(
        fulfilled=frozenset(_duties(policies)),
        observed={left: Observed(value, "the situation that was looked for") for left, value in values.items()},
        member_of={role.name: role.member_of for role in roles.values()},
    )
    return Witness(request, facts, now)


def _duties(policies: Iterable[Policy]) -> Iterable[Any]:
    for policy in policies:
        for duty in (*policy.obligations, *(duty for rule in policy.permissions for duty in rule.duties)):
            if can_be_done(duty):
                yield duty


# --- what excludes each other ------------------------------------------------------------------------------------


def item_json(item: Item) -> dict[str, Any]:
    """`{"policy": "A" | "B", "rule", "path", "says"}`, with the constraint where it is one."""
    members: dict[str, Any] = {
        "policy": "AB"[item.policy],
        "rule": item.rule,
        "path": item.path,
        "says": item_text(item),
    }
    said = item.said
    if isinstance(said, AtomicConstraint | LogicalConstraint):
        members["constraint"] = ({"@id": said.uid} if said.uid else {}) | render_constraint(said)
    return members


def item_text(item: Item) -> str:
    """What it says, in words."""
    said = item.said
    if isinstance(said, AtomicConstraint | LogicalConstraint):
        return condition(said)
    if isinstance(said, ActionTest):
        return f"the action is {said.action}"
    if isinstance(said, ThingTest):
        return f"the {item.path.rpartition('.')[2]} is {name(said.thing.id or said.thing.source or 'somebody')}"
    if isinstance(said, Prohibition):
        conditions = " and ".join(condition(each) for each in said.constraints)
        return f"{said.action} is prohibited" + (f" while {conditions}" if conditions else "")
    return said
