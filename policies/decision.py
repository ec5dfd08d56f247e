"""A decision and its explanation: every rule, every constraint, the value seen and where it came from.

`satisfied` and `active` are True, False or None; None is Unknown: something that nobody stated or that this engine
cannot decide. Unknown never permits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from policies.model import AtomicConstraint, LogicalConstraint
from policies.render import render_operand
from policies.vocabulary import Truth
from policies.words import condition, moment, name, printable, subject

Kind = Literal["permission", "prohibition", "obligation", "duty"]


@dataclass(frozen=True, slots=True)
class AtomicOutcome:
    """One comparison: `value` is what was seen (a moment as RFC 3339, or names), None if there was none."""

    constraint: AtomicConstraint
    satisfied: Truth
    value: str | tuple[str, ...] | None
    source: str | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class LogicalOutcome:
    """One logical constraint over the outcomes of its parts."""

    constraint: LogicalConstraint
    satisfied: Truth
    parts: tuple["Outcome", ...]


Outcome = AtomicOutcome | LogicalOutcome


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """One rule: `rule` is its place (`permission[0]`), `active` whether it applies to the request.

    `blocks` is True where this rule alone refuses the request: a prohibition that is or may be active, an obligation or
    duty that is or may be due and that nothing has recorded as fulfilled.
    """

    rule: str
    kind: Kind
    action: str
    active: Truth
    constraints: tuple[Outcome, ...] = ()
    duties: tuple["RuleOutcome", ...] = ()
    blocks: bool = False
    why: str | None = None
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether `action` is permitted at `at`; `problems` are reasons that lie in the policy as a whole."""

    permitted: bool
    action: str
    at: datetime | None
    rules: tuple[RuleOutcome, ...]
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The tree for a machine; see `sentence` for the same in one sentence."""
        return {
            "decision": "permit" if self.permitted else "deny",
            "action": self.action,
            "at": self.at.isoformat() if self.at else None,
            "because": self.sentence(),
            "problems": list(self.problems),
            "rules": [_rule_json(rule) for rule in self.rules],
        }

    def report(self) -> dict[str, Any]:
        """What `tidegate policy evaluate --json` prints: as `as_json`, with `active` True or False alone.

        A rule is called by its identifier where it has one. What is not certain (`"unknown": true`) is not active as a
        permission and active as a prohibition: so it was decided.
        """
        return self.as_json() | {"rules": [_reported(rule) for rule in self.rules]}

    def sentence(self) -> str:
        """`Permitted: …` or `Refused: …`, with every reason, for a person."""
        if not self.permitted:
            return printable(f"Refused: {'; '.join(self._reasons())}.")
        owed = [rule for rule in self.rules if rule.kind == "obligation" and rule.active]
        return f"Permitted: {self.action} is allowed." + "".join(f" Still to be done: {rule.action}." for rule in owed)

    def _reasons(self) -> list[str]:
        blocked = [_blocked(rule) for rule in self.rules if rule.blocks]
        found = [*self.problems, *blocked]
        permissions = [rule for rule in self.rules if rule.kind == "permission"]
        if any(rule.active for rule in permissions):
            return found
        if not permissions:
            return [*found, "the policy permits nothing"]
        return [*found, *dict.fromkeys(_not_permitted(rule, self.action) for rule in permissions)]


def _blocked(rule: RuleOutcome) -> str:
    if rule.kind == "prohibition":
        sure = "is" if rule.active else "may be"
        details = [rule.why] if rule.why else [_observed(outcome) for outcome in rule.constraints]
        return f"{rule.action} {sure} prohibited" + (f" ({' and '.join(details)})" if details else "")
    return f"{rule.action} must be done first ({rule.why})"


def _not_permitted(rule: RuleOutcome, requested: str) -> str:
    if rule.why:
        return f"{requested} is not permitted, because {rule.why}"
    open_duties = [_blocked(duty) for duty in rule.duties if duty.blocks]
    failed = [outcome for outcome in rule.constraints if outcome.satisfied is not True]
    wanted = [f"{requested} is permitted only if {condition(each.constraint)}, but {_seen(each)}" for each in failed]
    return " and ".join([*wanted, *open_duties])


def _observed(outcome: Outcome) -> str:
    unknown = ", which is not certain" if outcome.satisfied is None else ""
    return f"while {condition(outcome.constraint)}{unknown}; {_seen(outcome)}"


def _seen(outcome: Outcome) -> str:
    if isinstance(outcome, LogicalOutcome):
        return " and ".join(dict.fromkeys(_seen(leaf) for leaf in _leaves(outcome)))
    if outcome.why:
        return outcome.why
    left = subject(outcome.constraint.left_operand)
    if outcome.value is None:
        return f"no {left} was declared" if left == "purpose" else f"no {left} is known"
    # to the second: enough for a person, and the tree has it exactly
    shown = (
        moment(f"{outcome.value[:19]}Z") if isinstance(outcome.value, str) else " and ".join(map(name, outcome.value))
    )
    return f"the {left} is {shown}"


def _leaves(outcome: Outcome) -> list[AtomicOutcome]:
    if isinstance(outcome, AtomicOutcome):
        return [outcome]
    return [leaf for part in outcome.parts for leaf in _leaves(part)]


def _rule_json(rule: RuleOutcome) -> dict[str, Any]:
    tree = {
        "rule": rule.rule,
        "type": rule.kind,
        "action": rule.action,
        "active": rule.active,
        "blocks": rule.blocks,
        "constraints": [_outcome_json(outcome) for outcome in rule.constraints],
        "duties": [_rule_json(duty) for duty in rule.duties],
    }
    return tree | ({"why": rule.why} if rule.why else {})


def _reported(rule: RuleOutcome) -> dict[str, Any]:
    unknown = rule.active is None
    active = rule.blocks if unknown else rule.active
    named = {"rule": rule.uid or rule.rule, "place": rule.rule}
    duties = [_reported(duty) for duty in rule.duties]
    return _rule_json(rule) | named | {"active": active, "unknown": unknown, "duties": duties}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, LogicalOutcome):
        parts = [_outcome_json(part) for part in outcome.parts]
        logical = {"operator": outcome.constraint.operator, "satisfied": outcome.satisfied, "parts": parts}
        return logical | _identified(outcome.constraint)
    tree = {
        "leftOperand": outcome.constraint.left_operand,
        "operator": outcome.constraint.operator,
        "rightOperand": render_operand(outcome.constraint.right_operand),
        "value": list(outcome.value) if isinstance(outcome.value, tuple) else outcome.value,
        "source": outcome.source,
        "satisfied": outcome.satisfied,
    }
    return tree | ({"why": outcome.why} if outcome.why else {}) | _identified(outcome.constraint)


def _identified(constraint: AtomicConstraint | LogicalConstraint) -> dict[str, Any]:
    return {"constraint": constraint.uid} if constraint.uid else {}
