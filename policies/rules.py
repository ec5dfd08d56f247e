"""Rules, constraints, assets and parties of a policy document; see `parse` for what is read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, TypeVar, cast

from policies.documents import ANY_TYPE, MAX_DEPTH, MAX_LIST, Members, each, single, term
from policies.errors import MalformedPolicy, UnknownTerm
from policies.model import (
    ANY_ACTION,
    AtomicConstraint,
    Constraint,
    Duty,
    LogicalConstraint,
    Permission,
    Prohibition,
    Thing,
)
from policies.operands import LEFT_OPERANDS
from policies.right_operand import parse_right_operand, with_datatype
from policies.terms import LOGICAL_OPERATORS, RDF, TIDEGATE, local_name
from policies.vocabulary import PARTY_FUNCTIONS

SCOPES: Final = ("target", "assigner", "assignee")
_CONSTRAINT_TYPES: Final = frozenset({"Constraint", "AtomicConstraint", "LogicalConstraint"})
_COLLECTIONS: Final = frozenset({"AssetCollection", "PartyCollection"})

#: One action with its refinements, and one target, assigner and assignee.
Single = tuple[tuple[str, tuple[Constraint, ...]], Thing | None, Thing | None, Thing | None]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RuleReader:
    """Reads rules. `whole`: bare terms outside DSP's profile count; `any_action`: a rule may have no action.

    `profile`: the context is (also) that of our profile, and its operands go by their short names.
    """

    whole: bool
    any_action: bool
    profile: bool = False

    def permissions(self, members: Members, name: str) -> tuple[Permission, ...]:
        """The permissions in the member `name`."""
        return _flat(members, name, self._permission)

    def prohibitions(self, members: Members, name: str) -> tuple[Prohibition, ...]:
        """The prohibitions in the member `name`."""
        return _flat(members, name, self._prohibition)

    def duties(self, members: Members, name: str) -> tuple[Duty, ...]:
        """The duties, obligations, consequences or remedies in the member `name`."""
        return _flat(members, name, self._duty)

    def things(self, members: Members, name: str) -> tuple[Thing, ...]:
        """The assets or parties in the member `name`."""
        return each(members.take(name), self._thing, f"{members.path}.{name}")

    def constraints(self, members: Members, name: str) -> tuple[Constraint, ...]:
        """The constraints or refinements in the member `name`."""
        return each(members.take(name), self._constraint, f"{members.path}.{name}")

    def _members(self, document: Any, path: str, types: Iterable[str]) -> Members:
        return Members(document, path, types=frozenset(types), whole=self.whole)

    def _permission(self, document: Any, path: str) -> list[Permission]:
        members = self._members(document, path, {"Rule", "Permission"})
        every, constraints = self._singles(members), self.constraints(members, "constraint")
        duties = self.duties(members, "duty")
        notes, extra, uid = members.descriptions(), members.rest(), members.uid
        return [
            Permission(action, constraints, duties, extra, refined, target, assigner, assignee, uid, notes)
            for (action, refined), target, assigner, assignee in every
        ]

    def _prohibition(self, document: Any, path: str) -> list[Prohibition]:
        members = self._members(document, path, {"Rule", "Prohibition"})
        every, constraints = self._singles(members), self.constraints(members, "constraint")
        remedies = self.duties(members, "remedy")
        notes, extra, uid = members.descriptions(), members.rest(), members.uid
        return [
            Prohibition(action, constraints, extra, refined, target, assigner, assignee, remedies, uid, notes)
            for (action, refined), target, assigner, assignee in every
        ]

    def _duty(self, document: Any, path: str) -> list[Duty]:
        members = self._members(document, path, {"Rule", "Duty", "Obligation"})
        every, constraints = self._singles(members), self.constraints(members, "constraint")
        consequences = self.duties(members, "consequence")
        functions = sorted(PARTY_FUNCTIONS & members.found.keys())
        parties = tuple((name, self._party(members.take(name), f"{path}.{name}")) for name in functions)
        notes, extra, uid = members.descriptions(), members.rest(), members.uid
        return [
            Duty(action, constraints, extra, refined, target, assigner, assignee, consequences, parties, uid, notes)
            for (action, refined), target, assigner, assignee in every
        ]

    def _singles(self, members: Members) -> list[Single]:
        """Every combination of one action, target, assigner and assignee."""
        if self.any_action and "action" not in members:
            actions: tuple[tuple[str, tuple[Constraint, ...]], ...] = ((ANY_ACTION, ()),)
        else:
            actions = each(members.require("action"), self._action, f"{members.path}.action")
        if not actions:
            raise MalformedPolicy(f"{members.path}.action", "expected an action, found none.")
        targets, assigners, assignees = (self.things(members, name) or (None,) for name in SCOPES)
        if len(actions) * len(targets) * len(assigners) * len(assignees) > MAX_LIST:
            raise MalformedPolicy(members.path, f"stands for more than {MAX_LIST} single rules.")
        return list(product(actions, targets, assigners, assignees))

    def _action(self, value: Any, path: str) -> tuple[str, tuple[Constraint, ...]]:
        one = single(value)
        if not isinstance(one, Mapping) or "@value" in one or set(cast("Mapping[str, Any]", one)) == {"@id"}:
            return local_name(term(one, path)), ()
        members = self._members(cast("Any", one), path, {"Action"})
        named = members.take("rdf:value") or members.take(f"{RDF}value") or members.uid
        refinements = self.constraints(members, "refinement")
        for name, _ in members.rest():
            problem = f"the action carries {name!r}, and without it the rule would say something else."
            raise UnknownTerm(path, name, problem, hint='Name the action alone, e.g. "use".')
        return local_name(term(named, path)), refinements

    def _thing(self, value: Any, path: str) -> Thing:
        if not isinstance(value, Mapping) or "@value" in value:
            return Thing(id=term(cast("Any", value), path))
        members = self._members(cast("Any", value), path, ANY_TYPE)
        source = term(members.take("source"), f"{path}.source") if "source" in members else None
        refinements = self.constraints(members, "refinement")
        if members.uid is None and source is None:
            raise MalformedPolicy(path, "expected a name or IRI, found an object without @id, uid or source.")
        return Thing(members.uid, source, members.type in _COLLECTIONS, refinements, members.rest())

    def _party(self, value: Any, path: str) -> str:
        (party, *more) = each(value, self._thing, path) or (Thing(),)
        if more or party.id is None:
            raise MalformedPolicy(path, "expected one party by its IRI.")
        return party.id

    def _constraint(self, document: Any, path: str, depth: int = 0) -> Constraint:
        if depth > MAX_DEPTH:
            raise MalformedPolicy(path, f"constraints are nested more than {MAX_DEPTH} deep.")
        members = self._members(document, path, _CONSTRAINT_TYPES)
        logical = sorted(LOGICAL_OPERATORS & members.found.keys())
        atomic = {"leftOperand", "operator", "rightOperand"} & members.found.keys()
        if not logical:
            return self._atomic(members, path)
        if len(logical) > 1 or atomic:
            found = ", ".join([*logical, *sorted(atomic)])
            raise MalformedPolicy(path, f"expected exactly one of and, or, xone, andSequence, found {found}.")
        return self._logical(members, logical[0], depth)

    def _atomic(self, members: Members, path: str) -> AtomicConstraint:
        left = local_name(term(members.require("leftOperand"), f"{path}.leftOperand"))
        if self.profile and TIDEGATE + left in LEFT_OPERANDS:
            left = TIDEGATE + left
        operator = local_name(term(members.require("operator"), f"{path}.operator"))
        given = members.require("rightOperand")
        right = parse_right_operand(given, f"{path}.rightOperand", expanded=members.expanded)
        if "dataType" in members:
            right = with_datatype(right, term(members.take("dataType"), f"{path}.dataType"))
        unit = term(members.take("unit"), f"{path}.unit") if "unit" in members else None
        members.descriptions()
        return AtomicConstraint(left, operator, right, members.rest(), unit, members.uid)

    def _logical(self, members: Members, operator: str, depth: int) -> LogicalConstraint:
        def part(document: Any, where: str) -> Constraint:
            return self._constraint(document, where, depth + 1)

        path = f"{members.path}.{operator}"
        parts = each(members.take(operator), part, path)
        if not parts:
            # An empty `and` would hold always: a constraint that was lost must not permit.
            raise MalformedPolicy(path, "expected at least one constraint, found none.")
        return LogicalConstraint(operator, parts, members.rest(), members.uid)


def _flat(members: Members, name: str, parse: Callable[[Any, str], list[T]]) -> tuple[T, ...]:
    path = f"{members.path}.{name}"
    rules = tuple(rule for several in each(members.take(name), parse, path) for rule in several)
    if len(rules) > MAX_LIST:
        raise MalformedPolicy(path, f"stands for {len(rules)} single rules; at most {MAX_LIST} are read.")
    return rules
