"""For one variable: can all of these tests come out as wanted, and with which value?

Three answers: a value with which they certainly do; none, but nobody stated enough to exclude it; impossible.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from policies.concepts import Concepts
from policies.domains import NEW_NAME, Candidate, candidates, truth
from policies.formula import Literal, Test, ThingTest
from policies.geometry import WORLD, Region, find_region, geos, only_areas, wkt_literal
from policies.model import AtomicConstraint, Operand
from policies.model import Literal as Text
from policies.operands import SPACES
from policies.values import read_names

IMPOSSIBLE, OPEN, CERTAIN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Answer:
    """`level` is one of the three above; `value` goes with CERTAIN."""

    level: int
    value: Any = None


NO: Final = Answer(IMPOSSIBLE)


class Solver(Protocol):
    """Answers for one variable."""

    def answer(self, literals: frozenset[Literal]) -> Answer:
        """Whether the variable can have a value for which all of the literals come out as wanted."""
        ...


def solver_of(variable: str, tests: Sequence[Test], concepts: Concepts) -> Solver:
    """What answers for a variable of which these are all the tests."""
    if variable in {"target", "assignee", "assigner"}:
        return Roles(variable, tests, concepts)
    atoms = [test for test in tests if isinstance(test, AtomicConstraint)]
    known = SPACES.get(atoms[0].left_operand) if atoms else None
    if known is not None and known.quantifier == "some":
        return Groups(variable, tests, concepts)
    choice = Choice(variable, tests, concepts)
    return choice if choice.candidates else Areas(atoms)


class Choice:
    """One of finitely many candidates; which of them pass a test is a number with a bit for each."""

    def __init__(self, variable: str, tests: Sequence[Test], concepts: Concepts) -> None:
        self.concepts = concepts
        self.candidates: list[Candidate] = candidates(variable, tests, concepts)
        self.every = (1 << len(self.candidates)) - 1
        self.masks = {test: self._masks(test) for test in dict.fromkeys(tests)}

    def answer(self, literals: frozenset[Literal]) -> Answer:
        certain, possible = self.every, self.every
        for literal in literals:
            true, false = self.masks[literal.test]
            passing, failing = (true, false) if literal.wanted else (false, true)
            certain &= passing
            possible &= ~failing
        if certain:
            return Answer(CERTAIN, self.candidates[_lowest(certain)].value)
        return Answer(OPEN) if self._stays_possible(possible, literals) else NO

    def _masks(self, test: Test) -> tuple[int, int]:
        true = false = 0
        for place, candidate in enumerate(self.candidates):
            result = truth(test, candidate.value, self.concepts)
            true |= (result is True) << place
            false |= (result is False) << place
        return true, false

    def _stays_possible(self, mask: int, literals: frozenset[Literal]) -> bool:
        """Whether one of the candidates would do if somebody stated the relations that are missing."""
        left = (self.candidates[place].value for place in range(len(self.candidates)) if mask >> place & 1)
        return any(_may_be(value, literals, self.concepts) for value in left)


def _may_be(value: Any, literals: frozenset[Literal], concepts: Concepts) -> bool:
    """Whether a value would do, if what nobody stated were as it would have to be."""
    names = read_names(cast("tuple[Operand, ...]", value)) if isinstance(value, tuple) else None
    if not names or len(names) != 1:
        return True
    stated = _supposed(names, literals, concepts)
    if any(_contradicts_itself(name, stated) for name in stated.names):
        return False
    atoms = [literal for literal in literals if isinstance(literal.test, AtomicConstraint)]
    return all(truth(each.test, value, stated) is not (not each.wanted) for each in atoms)


def _supposed(names: frozenset[str], literals: Iterable[Literal], concepts: Concepts) -> Concepts:
    """The concepts, with the missing relations of a name as they would have to be."""
    (name,) = names
    kinds, parts = set(concepts.kinds), set(concepts.parts)
    for literal in literals:
        test = literal.test
        if literal.wanted and isinstance(test, AtomicConstraint):
            others = read_names(test.right_operand) or frozenset()
            pairs = {(name, other) for other in others if other != name}
            if test.operator == "isA":
                kinds |= pairs
            elif test.operator == "isPartOf":
                parts |= pairs
            elif test.operator == "hasPart":
                parts |= {(other, name) for _, other in pairs}
    return Concepts(frozenset(kinds), frozenset(parts), concepts.same_as, concepts.disjoint, concepts.included_in)


def _contradicts_itself(name: str, concepts: Concepts) -> bool:
    """Whether a name lies under two that exclude each other, or in a circle of different things."""
    above = concepts.above(name, parts=True)
    circle = any(name in concepts.above(other, parts=True) for other in above if not concepts.same(name, other))
    return circle or concepts.exclude_each_other(above, above)


class Groups:
    """A set of names of which one is enough for a test: everything that is wanted, and nothing that is not."""

    def __init__(self, variable: str, tests: Sequence[Test], concepts: Concepts) -> None:
        self.single = Choice(variable, tests, concepts)

    def answer(self, literals: frozenset[Literal]) -> Answer:
        single = self.single
        allowed = maybe = single.every
        asked: list[Test] = []
        for literal in literals:
            true, false = single.masks[literal.test]
            if _asks_for_one(literal):
                asked.append(literal.test)
            elif _negative(literal.test):  # `neq` is not a member: what is one fails it
                allowed, maybe = allowed & true, maybe & ~false
            else:
                allowed, maybe = allowed & false, maybe & ~true
        found = [self._passing(test) for test in asked]
        if all(allowed & true for true, _ in found):
            chosen = {single.candidates[_lowest(allowed & true)].value[0] for true, _ in found}
            return Answer(CERTAIN, tuple(sorted(chosen, key=str)))
        possible = all(maybe & ~false for _, false in found)
        return Answer(OPEN) if possible else NO

    def _passing(self, test: Test) -> tuple[int, int]:
        true, false = self.single.masks[test]
        return (false, true) if _negative(test) else (true, false)


def _negative(test: Test) -> bool:
    return isinstance(test, AtomicConstraint) and test.operator in {"neq", "isNoneOf"}


def _asks_for_one(literal: Literal) -> bool:
    return literal.wanted is not _negative(literal.test)


@dataclass(frozen=True, slots=True)
class Named:
    """An asset or party: its name, and the collections that it is part of."""

    name: str
    member_of: frozenset[str] = frozenset()


class Roles:
    """The asset or a party: one name, in any collections. Whether it is in one is for the state of the world to say."""

    def __init__(self, role: str, tests: Sequence[Test], concepts: Concepts) -> None:
        self.concepts = concepts
        things = [test.thing for test in tests if isinstance(test, ThingTest)]
        atoms = [test for test in tests if isinstance(test, AtomicConstraint)]
        named = [thing.id for thing in things if thing.id and not thing.collection]
        named += [thing.source for thing in things if thing.source and not thing.collection]
        values = [candidate.value for candidate in candidates(role, atoms, concepts)] if atoms else []
        names = [value[0].value for value in values if len(value) == 1]
        self.names: list[str] = list(dict.fromkeys([*named, *names, f"{NEW_NAME}-{role}"]))

    def answer(self, literals: frozenset[Literal]) -> Answer:
        best = NO
        for name in self.names:
            found = self._with(name, literals)
            if found.level == CERTAIN:
                return found
            best = found if found.level > best.level else best
        return best

    def _with(self, name: str, literals: frozenset[Literal]) -> Answer:
        level, member_of = CERTAIN, frozenset[str]()
        for literal in literals:
            if isinstance(literal.test, ThingTest) and literal.wanted and not _is(name, literal.test):
                if not _has_members(literal.test):
                    return NO
                member_of |= {literal.test.thing.id or literal.test.thing.source or ""}
        for literal in literals:
            result = self._passes(name, member_of, literal.test)
            if result is (not literal.wanted):
                return NO
            level = OPEN if result is None else level
        if level == OPEN and not _may_be((Text(name),), literals, self.concepts):
            return NO
        return Answer(level, Named(name, member_of))

    def _passes(self, name: str, member_of: frozenset[str], test: Test) -> bool | None:
        if isinstance(test, ThingTest):
            thing = test.thing
            if thing.extra:
                return None
            return _is(name, test) or bool({thing.id, thing.source} & member_of)
        return truth(test, (Text(name),), self.concepts)


def _is(name: str, test: ThingTest) -> bool:
    return name == test.thing.id or (name == test.thing.source and not test.thing.collection)


def _has_members(test: ThingTest) -> bool:
    return test.thing.collection or test.thing.source is not None or bool(test.thing.refinements)


class Areas:
    """An area: the largest that is allowed, what it must have in it, and what lies between."""

    def __init__(self, tests: Sequence[AtomicConstraint]) -> None:
        self.named = [region for test in tests for one in _rights(test) if (region := find_region(one)) is not None]

    def answer(self, literals: frozenset[Literal]) -> Answer:
        outer = _common(literals)
        if outer is None:
            return NO
        values = [(wkt_literal(region),) for region in self._regions(literals, outer)]
        tests = [(literal.test, literal.wanted) for literal in literals]
        unknown = [test for test, _ in tests if truth(test, (wkt_literal(WORLD),), Concepts()) is None]
        for value in values:
            if all(truth(test, value, Concepts()) is wanted for test, wanted in tests):
                return Answer(CERTAIN, value)
        return Answer(OPEN) if unknown else NO

    def _regions(self, literals: frozenset[Literal], outer: Region) -> list[Region]:
        """Candidates: the common area, its parts outside of each area that is named, with what must be in it."""
        needed = [each for literal in literals for each in _wanted(literal, "hasPart")]
        core = geos.union_all(needed) if needed else None
        outside = [only_areas(geos.difference(outer, region)) for region in self.named]
        pieces = [outer, *(piece for piece in outside if not piece.is_empty and piece.area > 0)]
        pieces += [small for piece in list(pieces) for small in _within(piece)]
        joined = [geos.union(core, piece) for piece in pieces] if core is not None else []
        return [*self.named, *([core] if core is not None else []), *joined, *pieces]


def _common(literals: frozenset[Literal]) -> Region | None:
    """What all areas that it must lie within have in common; None if they have nothing."""
    outer = WORLD
    for literal in literals:
        for region in _wanted(literal, "isPartOf"):
            outer = only_areas(geos.intersection(outer, region))
            if outer.is_empty or outer.area == 0:
                return None
    return outer


def _wanted(literal: Literal, operator: str) -> list[Region]:
    test = literal.test
    if not literal.wanted or not isinstance(test, AtomicConstraint) or test.operator != operator:
        return []
    return [region for one in _rights(test) if (region := find_region(one)) is not None]


def _within(region: Region) -> list[Region]:
    """Squares well inside: an intersection's own corners are rounded, and may stick out of what it was made from."""
    at = region.representative_point()
    sizes = [size for size in (1.0, 0.1, 0.01, 1e-4, 1e-6) if region.covers(at.buffer(size, cap_style="square"))]
    return [at.buffer(sizes[0], cap_style="square")] if sizes else []


def _rights(test: AtomicConstraint) -> tuple[Operand, ...]:
    return test.right_operand if isinstance(test.right_operand, tuple) else (test.right_operand,)


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
