"""A policy as frozen values: ODRL 2.2 as far as DSP 2025-1 carries it.

What this model has no place for is kept in `extra` (member name → JSON text with sorted keys), so that it is
rendered again, denies in `evaluate`, and is named by `check_policy`. Nothing is dropped.
"""

from dataclasses import dataclass, replace

#: Members without a place in the model: (name, canonical JSON text), sorted by name.
Extra = tuple[tuple[str, str], ...]


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
    """A right operand that is some other JSON object, as canonical JSON text. No operand decides one."""

    json: str


Operand = Iri | Literal | Opaque
RightOperand = Operand | tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class AtomicConstraint:
    """`left_operand operator right_operand`, all by local name where they are ODRL's."""

    left_operand: str
    operator: str
    right_operand: RightOperand
    extra: Extra = ()


@dataclass(frozen=True, slots=True)
class LogicalConstraint:
    """`and`, `or`, `xone` or `andSequence` over at least one part."""

    operator: str
    parts: tuple["Constraint", ...]
    extra: Extra = ()


Constraint = AtomicConstraint | LogicalConstraint


def is_deadline(constraint: Constraint) -> bool:
    """`dateTime lt` or `lteq`: in an obligation this is the moment until which it may be fulfilled."""
    if not isinstance(constraint, AtomicConstraint):
        return False
    return constraint.left_operand == "dateTime" and constraint.operator in {"lt", "lteq"}


def may_hide_deadline(constraint: Constraint) -> bool:
    """A logical constraint, or `dateTime eq`: in an obligation, time passing must not make it go away unfulfilled."""
    if isinstance(constraint, LogicalConstraint):
        return True
    return constraint.left_operand == "dateTime" and constraint.operator in {"eq", "neq"}


@dataclass(frozen=True, slots=True)
class Duty:
    """What must be done: before use as the duty of a permission, or as an obligation of the policy."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    extra: Extra = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be done if all constraints hold and all duties are fulfilled."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    duties: tuple[Duty, ...] = ()
    extra: Extra = ()


@dataclass(frozen=True, slots=True)
class Prohibition:
    """What must not be done while all constraints hold."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    extra: Extra = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """An offer or agreement. `target`, `assigner` and `assignee` are None where the document does not name them."""

    permissions: tuple[Permission, ...] = ()
    prohibitions: tuple[Prohibition, ...] = ()
    obligations: tuple[Duty, ...] = ()
    profiles: tuple[str, ...] = ()
    target: str | None = None
    assigner: str | None = None
    assignee: str | None = None
    extra: Extra = ()

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
class Facts:
    """What is on record about the agreement. `fulfilled`: the duties and obligations that were fulfilled.

    Nothing records a fulfilment yet, so callers pass `Facts()`.
    """

    fulfilled: frozenset[Duty] = frozenset()
