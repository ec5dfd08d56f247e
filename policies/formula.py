"""A policy as a formula: what must be True, and what must be False, for a request to be permitted.

The logic has three values, so "is not prohibited" is not the negation of "is prohibited": the constraint must be False,
not Unknown. Both are written out here, and a formula has no negation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from policies.model import (
    AtomicConstraint,
    Constraint,
    Duty,
    LogicalConstraint,
    Permission,
    Policy,
    Prohibition,
    Rule,
    Thing,
    is_deadline,
)
from policies.operands import SPACES
from policies.vocabulary import CONFLICTS, INCLUDED_IN, KNOWN_PROFILES

ROLES: Final = ("target", "assignee", "assigner")


@dataclass(frozen=True, slots=True)
class ActionTest:
    """The requested action is included in this one."""

    action: str


@dataclass(frozen=True, slots=True)
class ThingTest:
    """The asset or party of the request is this one, or in this collection."""

    thing: Thing


Test = AtomicConstraint | ActionTest | ThingTest


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a policy says and that may exclude another: a constraint, what a rule is about, a prohibition."""

    policy: int
    path: str
    rule: str | None
    said: Constraint | Test | Prohibition | str


@dataclass(frozen=True, slots=True)
class Literal:
    """The value of `variable` passes (`wanted`) or certainly fails a test."""

    variable: str
    test: Test
    wanted: bool
    item: int


@dataclass(frozen=True, slots=True)
class Never:
    """What no situation can bring about: a member that cannot be decided stands in the way."""

    item: int


@dataclass(frozen=True, slots=True)
class All:
    """Every part."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part. Without the item, if it has one, the whole of it is not asked for."""

    parts: tuple["Formula", ...]
    item: int | None = None


Formula = Literal | Never | All | Some
ALWAYS: Final = All(())


class Translation:
    """Policies as formulas; `items` is what they say, by the numbers that the formulas name."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def permitted(self, policy: Policy, number: int) -> Formula:
        """Some permission is active, and nothing stands in the way."""
        permissions = Some(
            tuple(self.active(rule, number, f"permission[{i}]") for i, rule in enumerate(policy.permissions))
        )
        nothing = () if policy.permissions else (Never(self._item(number, "permission", None, "it permits nothing")),)
        forbidden = policy.prohibitions if policy.conflict != "perm" else ()
        return All(
            (
                *self._frame(policy, number),
                *(nothing or (permissions,)),
                *(self._inactive(rule, number, f"prohibition[{i}]") for i, rule in enumerate(forbidden)),
                *(self._not_due(duty, number, f"obligation[{i}]") for i, duty in enumerate(policy.obligations)),
            )
        )

    def active(self, rule: Permission | Prohibition, number: int, place: str) -> Formula:
        """A rule is about the request, and all of its constraints hold. Its duties can be done."""
        if rule.extra:
            return Never(self._item(number, f"{place}.{rule.extra[0][0]}", rule.uid, rule.extra[0][0]))
        duties = rule.duties if isinstance(rule, Permission) else ()
        hopeless = [duty for duty in duties if not can_be_done(duty)]
        return All(
            (
                *(
                    Literal(variable, test, wanted=True, item=self._item(number, f"{place}.{path}", rule.uid, test))
                    for path, variable, test in _about(rule)
                ),
                *(
                    self._holds(constraint, scope, number, f"{place}.{path}", rule.uid)
                    for path, scope, constraint in _constraints(rule)
                ),
                *(Never(self._item(number, f"{place}.duty", rule.uid, duty.action)) for duty in hopeless),
            )
        )

    def _inactive(self, rule: Prohibition, number: int, place: str) -> Formula:
        item = self._item(number, place, rule.uid, rule)
        if rule.extra:
            return Never(item)
        about = [Literal(variable, test, wanted=False, item=item) for _, variable, test in _about(rule)]
        failed = [_fails(constraint, scope, item) for _, scope, constraint in _constraints(rule)]
        return Some((*about, *failed), item)

    def _not_due(self, duty: Duty, number: int, place: str) -> Formula:
        """A duty that can be done may be on record as done; one that nobody understands must not apply."""
        if can_be_done(duty):
            return ALWAYS
        item = self._item(number, place, duty.uid, duty.action)
        conditions = [each for each in duty.constraints if not is_deadline(each)]
        return Never(item) if duty.extra else Some(tuple(_fails(each, "", item) for each in conditions), item)

    def _frame(self, policy: Policy, number: int) -> Iterable[Formula]:
        """The parties and target of the policy as a whole, and what makes it permit nothing."""
        for role in ROLES:
            name: str | None = getattr(policy, role)
            if name is not None:
                test = ThingTest(Thing(id=name))
                yield Literal(role, test, wanted=True, item=self._item(number, role, None, test))
        odd = [
            *(("profile", profile) for profile in policy.profiles if profile not in KNOWN_PROFILES),
            *(("inheritFrom", parent) for parent in policy.inherit_from),
            *(("conflict", each) for each in (policy.conflict,) if each is not None and each not in CONFLICTS),
            *((name, name) for name, _ in policy.extra),
        ]
        for path, said in odd:
            yield Never(self._item(number, path, None, said))

    def _holds(self, constraint: Constraint, scope: str, number: int, path: str, rule: str | None) -> Formula:
        """A constraint that must be True. What stands in `xone` is one item: it is asked for and refused at once."""
        if isinstance(constraint, AtomicConstraint) or constraint.extra or constraint.operator == "xone":
            item = self._item(number, path, rule, constraint)
            return _is(constraint, scope, item, wanted=True)
        parts = tuple(
            self._holds(part, scope, number, f"{path}.{constraint.operator}[{i}]", rule)
            for i, part in enumerate(constraint.parts)
        )
        return Some(parts) if constraint.operator == "or" else All(parts)

    def _item(self, number: int, path: str, rule: str | None, said: Constraint | Test | Prohibition | str) -> int:
        self.items.append(Item(number, path, rule, said))
        return len(self.items) - 1


def can_be_done(duty: Duty) -> bool:
    """Whether a record of its fulfilment would count."""
    things = (duty.target, duty.assigner, duty.assignee)
    return not duty.extra and duty.action in INCLUDED_IN and not any(thing and thing.extra for thing in things)


def variable_of(constraint: AtomicConstraint, scope: str) -> str:
    """What a left operand's value is called: the recipient is the assignee, and there is one clock and one purpose."""
    left = constraint.left_operand
    if left == "recipient":
        return "assignee"
    return left if left in {"dateTime", "purpose"} else f"{scope}{left}"


def _about(rule: Rule) -> list[tuple[str, str, Test]]:
    """Path, variable and test of what a rule is about."""
    things = [(role, getattr(rule, role)) for role in ROLES]
    about: list[tuple[str, str, Test]] = [("action", "action", ActionTest(rule.action))]
    return about + [(role, role, ThingTest(thing)) for role, thing in things if thing is not None]


def _constraints(rule: Rule) -> Iterable[tuple[str, str, Constraint]]:
    """Path, scope and constraint: of the rule, and the refinements of its action, asset and parties."""
    for index, constraint in enumerate(rule.constraints):
        yield f"constraint[{index}]", "", constraint
    for index, constraint in enumerate(rule.refinements):
        yield f"action.refinement[{index}]", "action.", constraint
    for role in ROLES:
        thing: Thing | None = getattr(rule, role)
        for index, constraint in enumerate(thing.refinements if thing else ()):
            yield f"{role}.refinement[{index}]", f"{role}.", constraint


def _is(constraint: Constraint, scope: str, item: int, *, wanted: bool) -> Formula:
    if constraint.extra:
        return Never(item)
    if isinstance(constraint, AtomicConstraint):
        return _atomic(constraint, scope, item, wanted=wanted)
    if constraint.operator == "xone":
        return _one_of(constraint, scope, item, wanted=wanted)
    parts = tuple(_is(part, scope, item, wanted=wanted) for part in constraint.parts)
    return All(parts) if (constraint.operator == "or") is not wanted else Some(parts)


def _fails(constraint: Constraint, scope: str, item: int) -> Formula:
    return _is(constraint, scope, item, wanted=False)


def _atomic(constraint: AtomicConstraint, scope: str, item: int, *, wanted: bool) -> Formula:
    """A literal; where one of several values is enough (groups), isAllOf is several."""
    known = SPACES.get(constraint.left_operand)
    variable = variable_of(constraint, scope)
    right = constraint.right_operand
    if known is None or known.quantifier == "each" or constraint.operator != "isAllOf" or not isinstance(right, tuple):
        return Literal(variable, constraint, wanted, item)
    left, unit = constraint.left_operand, constraint.unit
    parts = tuple(Literal(variable, AtomicConstraint(left, "eq", one, unit=unit), wanted, item) for one in right)
    return All(parts) if wanted else Some(parts)


def _one_of(constraint: LogicalConstraint, scope: str, item: int, *, wanted: bool) -> Formula:
    """xone: exactly one True and the others False; to be False, every part must be known."""
    true = [_is(part, scope, item, wanted=True) for part in constraint.parts]
    false = [_is(part, scope, item, wanted=False) for part in constraint.parts]
    if wanted:
        return Some(tuple(All((one, *_without(false, {i}))) for i, one in enumerate(true)))
    known = [Some((one, other)) for one, other in zip(true, false, strict=True)]
    several = (All((true[i], true[j], *_without(known, {i, j}))) for i, j in combinations(range(len(true)), 2))
    return Some((All(tuple(false)), *several))


def _without(parts: Sequence[Formula], places: set[int]) -> list[Formula]:
    return [part for i, part in enumerate(parts) if i not in places]
