"""Is there a situation in which a formula holds? Case by case, each variable with its own solver.

Before a case is split, every alternative that it rules out is struck, and an alternative that is left alone is taken;
so most cases end before they are begun. What ruled out what is collected on the way: it is the conflict.

Literals are numbers here, and sets of them the bits of an integer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from policies.concepts import Concepts
from policies.formula import All, Formula, Literal, Never, Some, Test
from policies.solvers import CERTAIN, IMPOSSIBLE, OPEN, Answer, Choice, Solver, solver_of
from policies.timeline import TIMES, together

#: Cases that are looked at before the search gives up. Two policies of ten rules need some hundred.
MOST_CASES: Final = 5_000

#: By variable, which literals it has.
Case = dict[str, int]


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Literals by their variables, items that can never be, and choices: all of it is asked for."""

    literals: tuple[tuple[str, int], ...]
    never: frozenset[int]
    choices: tuple["Alternatives", ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of the parts is asked for. Without the item, if it has one, none is."""

    parts: tuple[Conjunction, ...]
    item: int | None


@dataclass
class Outcome:
    """`level` as of a solver; with CERTAIN the values, with OPEN the literals that nobody could exclude.

    `excluded`: the items that shut the cases which were dropped.
    """

    level: int
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    hanging: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()
    gave_up: bool = False


class Search:
    """A formula with the solvers of its variables."""

    def __init__(self, formula: Formula, concepts: Concepts) -> None:
        self.formula = formula
        self.literals: list[Literal] = list(dict.fromkeys(_literals(formula)))
        self._number = {literal: number for number, literal in enumerate(self.literals)}
        tests: dict[str, list[Test]] = {}
        for literal in self.literals:
            tests.setdefault(literal.variable, []).append(literal.test)
        self.solvers: dict[str, Solver] = {name: solver_of(name, each, concepts) for name, each in tests.items()}
        self._whole = self._numbered(formula)
        self._passing = [self._masks(literal) for literal in self.literals]
        self._answers: dict[tuple[str, int], Answer] = {}
        self._levels: dict[tuple[str, int], int] = {}
        self._reasons: dict[tuple[str, int], frozenset[int]] = {}
        self._times: dict[tuple[object, ...], Answer] = {}
        self._at_start = frozenset(_moments_at_start(formula)) if TIMES & self.solvers.keys() else frozenset[Literal]()

    def run(self, relaxed: frozenset[int] = frozenset()) -> Outcome:
        """The best outcome, without asking for the items in `relaxed`."""
        certain = self._run(CERTAIN, relaxed)
        return certain if certain.level == CERTAIN else self._run(OPEN, relaxed)

    def conflict(self, relaxed: frozenset[int]) -> frozenset[int] | None:
        """The items that exclude each other, without asking for those in `relaxed`; None if nothing is excluded."""
        found = self._run(OPEN, relaxed)
        return found.excluded if found.level == IMPOSSIBLE else None

    def _run(self, least: int, relaxed: frozenset[int]) -> Outcome:
        """The first outcome of at least this level."""
        self._least, self._relaxed = least, relaxed
        self._not_asked = sum(1 << bit for bit, literal in enumerate(self.literals) if literal.item in relaxed)
        self._cases = 0
        self._starts = frozenset(literal for literal in self._at_start if literal.item not in relaxed)
        self._excluded: set[int] = set()
        found = self._explore({}, self._whole, ())
        if found is not None:
            return found
        if self._cases > MOST_CASES:
            return Outcome(OPEN, gave_up=True)
        return Outcome(IMPOSSIBLE, excluded=frozenset(self._excluded))

    def _numbered(self, formula: Formula) -> Conjunction:
        """The formula with the numbers of its literals, sorted by their variables."""
        literals: dict[str, int] = {}
        never: set[int] = set()
        choices: list[Alternatives] = []
        left = [formula]
        while left:
            part = left.pop()
            if isinstance(part, Literal):
                literals[part.variable] = literals.get(part.variable, 0) | 1 << self._number[part]
            elif isinstance(part, Never):
                never.add(part.item)
            elif isinstance(part, All):
                left.extend(part.parts)
            else:
                choices.append(Alternatives(tuple(map(self._numbered, part.parts)), part.item))
        return Conjunction(tuple(literals.items()), frozenset(never), tuple(choices))

    # --- cases ----------------------------------------------------------------------------------------------------

    def _explore(self, case: Case, asked: Conjunction, choices: Sequence[Alternatives]) -> Outcome | None:
        """The situation, if there is one in this case."""
        self._cases += 1
        if self._cases > MOST_CASES:
            return None
        left = self._settle(case, asked, choices)
        if left is None or not self._fits_in_time(case):
            return None
        if not left:
            return self._end(case)
        first = min(left, key=lambda choice: len(choice.parts))
        rest = [choice for choice in left if choice is not first]
        for part in first.parts:
            found = self._explore(dict(case), part, rest)
            if found is not None:
                return found
        if first.item is not None:
            self._excluded.add(first.item)
        return None

    def _settle(self, case: Case, asked: Conjunction, choices: Sequence[Alternatives]) -> list[Alternatives] | None:
        """Takes into the case whatever has no alternative; the choices that are left, or None if it is impossible."""
        queue, open_choices = [asked], list(choices)
        while queue:
            while queue:
                conjunction = queue.pop()
                open_choices += conjunction.choices
                if not self._take(conjunction, case):
                    return None
            kept: list[Alternatives] = []
            for choice in open_choices:
                left = self._left(choice, case)
                if left is None:
                    continue
                if not left:
                    return None
                if len(left) == 1:
                    queue.append(left[0])
                else:
                    kept.append(choice if len(left) == len(choice.parts) else Alternatives(tuple(left), choice.item))
            open_choices = kept
        return open_choices

    def _take(self, asked: Conjunction, case: Case) -> bool:
        """Adds the literals to the case; False if they are impossible in it."""
        if not asked.never <= self._relaxed:
            self._excluded |= asked.never
            return False
        for name, every in asked.literals:
            bits = every & ~self._not_asked
            if bits:
                case[name] = case.get(name, 0) | bits
                if self._level(name, case[name]) < self._least:
                    return self._blame(name, case[name])
        return True

    def _left(self, choice: Alternatives, case: Case) -> list[Conjunction] | None:
        """The alternatives that the case does not rule out; None if one of them holds in it already."""
        if choice.item is not None and choice.item in self._relaxed:
            return None
        left: list[Conjunction] = []
        for part in choice.parts:
            if self._holds(part, case):
                return None
            if self._may(part, case):
                left.append(part)
        if len(left) < len(choice.parts) and choice.item is not None:
            self._excluded.add(choice.item)
        return left

    def _holds(self, asked: Conjunction, case: Case) -> bool:
        if asked.choices or not asked.never <= self._relaxed:
            return False
        wanted = ~self._not_asked
        return all(not every & wanted & ~case.get(name, 0) for name, every in asked.literals)

    def _may(self, asked: Conjunction, case: Case) -> bool:
        """Whether the case does not rule out an alternative, each of its variables by itself."""
        if not asked.never <= self._relaxed:
            self._excluded |= asked.never
            return False
        for name, every in asked.literals:
            bits = every & ~self._not_asked
            if bits:
                bits |= case.get(name, 0)
                if self._level(name, bits) < self._least:
                    return self._blame(name, bits)
        return all(self._left(choice, case) != [] for choice in asked.choices)

    def _end(self, case: Case) -> Outcome:
        answers = {name: self._answer(name, bits) for name, bits in case.items()}
        values: dict[str, Any] = {name: answer.value for name, answer in answers.items()}
        unsettled = {name for name, answer in answers.items() if answer.level != CERTAIN}
        if len(TIMES & case.keys()) >= 2:
            times = self._in_time(case)
            values.update(times.value or {})
            unsettled |= TIMES & case.keys() if times.level != CERTAIN else frozenset[str]()
        if not unsettled:
            return Outcome(CERTAIN, values)
        hanging = frozenset(self.literals[bit].item for name in unsettled for bit in _bits(case[name]))
        return Outcome(OPEN, hanging=hanging)

    # --- one variable ---------------------------------------------------------------------------------------------

    def _masks(self, literal: Literal) -> tuple[int, int]:
        """Of the candidates of its variable, those that certainly pass, and those that do not certainly fail."""
        solver = self.solvers[literal.variable]
        if not isinstance(solver, Choice):
            return 0, 0
        true, false = solver.masks[literal.test]
        return (true, solver.every & ~false) if literal.wanted else (false, solver.every & ~true)

    def _level(self, name: str, bits: int) -> int:
        key = name, bits
        found = self._levels.get(key)
        if found is None:
            found = self._levels[key] = self._find_level(name, bits)
        return found

    def _find_level(self, name: str, bits: int) -> int:
        solver = self.solvers[name]
        if isinstance(solver, Choice):
            certain = possible = solver.every
            for bit in _bits(bits):
                passing, maybe = self._passing[bit]
                certain &= passing
                possible &= maybe
            if certain or not possible:
                return CERTAIN if certain else IMPOSSIBLE
        return self._answer(name, bits).level

    def _answer(self, name: str, bits: int) -> Answer:
        key = name, bits
        found = self._answers.get(key)
        if found is None:
            literals = frozenset(self.literals[bit] for bit in _bits(bits))
            found = self._answers[key] = self.solvers[name].answer(literals)
        return found

    def _blame(self, name: str, bits: int) -> bool:
        """Notes a part of the literals that is impossible already, and of which none can be spared. Always False."""
        if self._least == CERTAIN:
            return False  # whether there is a conflict is seen when what is open counts too
        key = name, bits
        found = self._reasons.get(key)
        if found is None:
            left = bits
            for bit in _bits(bits):
                without = left & ~(1 << bit)
                if without and self._level(name, without) == IMPOSSIBLE:
                    left = without
            found = self._reasons[key] = frozenset(self.literals[bit].item for bit in _bits(left))
        self._excluded |= found
        return False

    # --- moments and durations ------------------------------------------------------------------------------------

    def _fits_in_time(self, case: Case) -> bool:
        named = TIMES & case.keys()
        if len(named) < 2 or self._in_time(case).level >= self._least:
            return True
        self._excluded |= {self.literals[bit].item for name in named for bit in _bits(case[name])}
        self._excluded |= {each.item for each in self._starts}
        return False

    def _in_time(self, case: Case) -> Answer:
        key = (self._starts, *(case.get(name, 0) for name in sorted(TIMES)))
        found = self._times.get(key)
        if found is None:
            lines = {name: each for name, each in self.solvers.items() if name in TIMES and isinstance(each, Choice)}
            named = TIMES & case.keys()
            literals = {name: frozenset(self.literals[bit] for bit in _bits(case[name])) for name in named}
            found = self._times[key] = together(lines, literals, self._starts)
        return found


def _bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _literals(formula: Formula) -> Iterable[Literal]:
    if isinstance(formula, Literal):
        yield formula
    elif isinstance(formula, All | Some):
        for part in formula.parts:
            yield from _literals(part)


def _moments_at_start(formula: Formula) -> Iterable[Literal]:
    """What is asked of the clock in every case, and so was at the first use too."""
    if isinstance(formula, Literal):
        if formula.variable == "dateTime":
            yield formula
    elif isinstance(formula, All) or (isinstance(formula, Some) and len(formula.parts) == 1 and formula.item is None):
        for part in formula.parts:
            yield from _moments_at_start(part)
