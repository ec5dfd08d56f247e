"""A policy as frozen values: ODRL 2.2, one action, target and party to a rule (atomised), however it was written.

What this model has no place for is kept in `extra` (member name → JSON text with sorted keys), so that it is
rendered again, denies in `evaluate`, and is named by `check_policy`. Nothing is dropped. Identifiers (`uid`) and
descriptions (`notes`) are kept too, but two policies that differ in them alone are equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

#: Members without a place in the model: (name, canonical JSON text), sorted by name.
Extra = tuple[tuple[str, str], ...]

#: The action of a rule that names none, where that is allowed (`--reading suite`): it is about every action.
ANY_ACTION: Final = ""


@dataclass(frozen=True, slots=True)
class Iri:
    """A right operand given as `{"@id": …}`."""

    value: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A right operand given as a string, or as `{"@value": …, "@type": …}`; `datatype` is an IRI, None for a string."""

    value: str
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A right operand that is some other JSON object, as canonical JSON text: a geometry in GeoJSON."""

    json: str


Operand = Iri | Literal | Opaque
RightOperand = Operand | tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class AtomicConstraint:
    """`left_operand operator right_operand`, all by local name where they are ODRL's. `unit` is an IRI."""

    left_operand: str
    operator: str
    right_operand: RightOperand
    extra: Extra = ()
    unit: str | None = None
    uid: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class LogicalConstraint:
    """`and`, `or`, `xone` or `andSequence` over at least one part."""

    operator: str
    parts: tuple["Constraint", ...]
    extra: Extra = ()
    uid: str | None = field(default=None, compare=False)


Constraint = AtomicConstraint | LogicalConstraint

_LIMITS: Final = frozenset({"dateTime", "elapsedTime"})


def is_deadline(constraint: Constraint) -> bool:
    """`dateTime` or `elapsedTime`, `lt` or `lteq`: in an obligation this is until when it may be fulfilled."""
    if not isinstance(constraint, AtomicConstraint):
        return False
    return constraint.left_operand in _LIMITS and constraint.operator in {"lt", "lteq"}


def may_hide_deadline(constraint: Constraint) -> bool:
    """A logical constraint, or a time `eq` something: time passing must not make an obligation go away unfulfilled."""
    if isinstance(constraint, LogicalConstraint):
        return True
    return constraint.left_operand in _LIMITS and constraint.operator not in {"lt", "lteq", "gt", "gteq"}


@dataclass(frozen=True, slots=True)
class Thing:
    """The target or a party of one rule. With `refinements` it is those members of a collection for which they hold.

    `id` names it, or the collection; `source` says where a collection has its members.
    """

    id: str | None = None
    source: str | None = None
    collection: bool = False
    refinements: tuple[Constraint, ...] = ()
    extra: Extra = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """What must be done: before use as the duty of a permission, or as an obligation of the policy.

    Once it was violated its `consequences` must be fulfilled as well. `parties`: for whom it is done, by function.
    """

    action: str
    constraints: tuple[Constraint, ...] = ()
    extra: Extra = ()
    refinements: tuple[Constraint, ...] = ()
    target: Thing | None = None
    assigner: Thing | None = None
    assignee: Thing | None = None
    consequences: tuple["Duty", ...] = ()
    parties: tuple[tuple[str, str], ...] = ()
    uid: str | None = field(default=None, compare=False)
    notes: Extra = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be done if all constraints hold and all duties are fulfilled. `refinements` narrow its action."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    duties: tuple[Duty, ...] = ()
    extra: Extra = ()
    refinements: tuple[Constraint, ...] = ()
    target: Thing | None = None
    assigner: Thing | None = None
    assignee: Thing | None = None
    uid: str | None = field(default=None, compare=False)
    notes: Extra = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Prohibition:
    """What must not be done while all constraints hold. Once it was violated its `remedies` must be fulfilled."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    extra: Extra = ()
    refinements: tuple[Constraint, ...] = ()
    target: Thing | None = None
    assigner: Thing | None = None
    assignee: Thing | None = None
    remedies: tuple[Duty, ...] = ()
    uid: str | None = field(default=None, compare=False)
    notes: Extra = field(default=(), compare=False)


Rule = Permission | Prohibition | Duty


@dataclass(frozen=True, slots=True)
class Policy:
    """A set, offer or agreement. `target`, `assigner` and `assignee` are None where the document does not name one.

    `conflict` is perm, prohibit, invalid or None (which is invalid); `inherit_from` are policies whose rules hold too.
    """

    permissions: tuple[Permission, ...] = ()
    prohibitions: tuple[Prohibition, ...] = ()
    obligations: tuple[Duty, ...] = ()
    profiles: tuple[str, ...] = ()
    target: str | None = None
    assigner: str | None = None
    assignee: str | None = None
    extra: Extra = ()
    conflict: str | None = None
    inherit_from: tuple[str, ...] = ()
    uid: str | None = field(default=None, compare=False)
    kind: str | None = field(default=None, compare=False)
    notes: Extra = field(default=(), compare=False)

    def terms(self) -> "Policy":
        """The same policy without what differs between an offer and its agreement: target, assigner, assignee."""
        return replace(self, target=None, assigner=None, assignee=None)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, and by whom.

    `action` is an ODRL action, usually `use`; `target` the id of the dataset; `assignee` and `assigner` the DIDs of
    consumer and provider, verified by the caller. `purpose` is what the consumer declared, None if it declared nothing;
    `purpose_source` says where that stood, for the explanation.
    """

    action: str
    target: str
    assignee: str
    assigner: str
    purpose: frozenset[str] | None = None
    purpose_source: str = "purpose declared by the consumer"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a left operand is in one situation: all of its values, and where they come from, in words."""

    values: tuple[Operand, ...]
    source: str | None = None


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of the world beside the request and the clock.

    `fulfilled`: the duties and obligations on record as fulfilled. `states`: by the uid of a duty or prohibition,
    `fulfilled`, `violated`, or `both` (violated, and fulfilled since); anything else counts as neither.
    `observed`: by left operand, its values; a refinement's operand may be given as `action.…`, `target.…` or
    `assignee.…`. `member_of`: by asset or party, all collections it is part of.
    """

    fulfilled: frozenset[Duty] = frozenset()
    states: Mapping[str, str] = field(default_factory=_nothing)
    observed: Mapping[str, Observed] = field(default_factory=_nothing)
    member_of: Mapping[str, frozenset[str]] = field(default_factory=_nothing)
