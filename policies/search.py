"""Is there a situation in which a formula holds? Case by case, each variable with its own solver.

A case is a set of literals; it is dropped as soon as one variable, or the moments and durations together, cannot have
a value for all of its literals. What excluded each other is collected on the way: it is the conflict.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from policies.concepts import Concepts
from policies.formula import All, Formula, Literal, Never, Some, Test
from policies.solvers import CERTAIN, IMPOSSIBLE, OPEN, Answer, Choice, Solver, solver_of
from policies.timeline import TIMES, together

#: Cases that are looked at before the search gives up. Two policies of ten rules need some hundred.
MOST_CASES: Final = 20_000

Case = Mapping[str, frozenset[Literal]]


@dataclass
class Outcome:
    """`level` as of a solver; with CERTAIN the values, with OPEN the case that nobody could exclude.

    `excluded`: the items that shut the cases which were dropped.
    """

    level: int
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    case: Case = field(default_factory=dict[str, frozenset[Literal]])
    excluded: frozenset[int] = frozenset()
    gave_up: bool = False


class Search:
    """A formula with the solvers of its variables."""

    def __init__(self, formula: Formula, concepts: Concepts) -> None:
        self.formula = formula
        tests: dict[str, list[Test]] = {}
        for literal in _literals(formula):
            tests.setdefault(literal.variable, []).append(literal.test)
        self.solvers: dict[str, Solver] = {name: solver_of(name, each, concepts) for name, each in tests.items()}
        self._known: dict[tuple[str, frozenset[Literal]], Answer] = {}
        self._times: dict[tuple[frozenset[Literal], ...], Answer] = {}
        self._at_start = frozenset(_moments_at_start(formula)) if TIMES & self.solvers.keys() else frozenset[Literal]()
        self._starts = self._at_start

    def run(self, relaxed: frozenset[int] = frozenset()) -> Outcome:
        """The best outcome, without asking for the items in `relaxed`."""
        self._cases = 0
        self._starts = frozenset(literal for literal in self._at_start if literal.item not in relaxed)
        self._excluded: set[int] = set()
        self._open: Outcome | None = None
        found = self._explore({}, [self.formula], relaxed)
        if found is not None:
            return found
        if self._cases > MOST_CASES:
            return Outcome(OPEN, gave_up=True)
        return self._open or Outcome(IMPOSSIBLE, excluded=frozenset(self._excluded))

    def _explore(
        self, case: dict[str, frozenset[Literal]], left: Sequence[Formula], relaxed: frozenset[int]
    ) -> Outcome | None:
        """The situation, if there is one in this case; else what is open is kept in `_open`."""
        self._cases += 1
        if self._cases > MOST_CASES:
            return None
        grown = self._add(case, left, relaxed)
        if grown is None:
            return None
        case, choices = grown
        if not choices:
            return self._settled(case)
        first = min(choices, key=lambda choice: len(choice.parts))
        rest = [choice for choice in choices if choice is not first]
        for part in first.parts:
            found = self._explore(dict(case), [part, *rest], relaxed)
            if found is not None:
                return found
        if first.item is not None:
            self._excluded.add(first.item)
        return None

    def _add(
        self, case: dict[str, frozenset[Literal]], left: Sequence[Formula], relaxed: frozenset[int]
    ) -> tuple[dict[str, frozenset[Literal]], list[Some]] | None:
        """The case with everything that has no alternative; None if that is impossible. And what has alternatives."""
        case, queue, choices = dict(case), list(left), list[Some]()
        while queue:
            formula = queue.pop()
            if isinstance(formula, All):
                queue.extend(formula.parts)
            elif isinstance(formula, Some):
                self._branch(formula, case, queue, choices, relaxed)
            elif formula.item in relaxed:
                continue
            elif isinstance(formula, Never):
                self._excluded.add(formula.item)
                return None
            elif not self._take(formula, case):
                return None
        return (case, [choice for choice in choices if not _is_met(choice, case)]) if self._fits_in_time(case) else None

    def _branch(
        self,
        choice: Some,
        case: Mapping[str, frozenset[Literal]],
        queue: list[Formula],
        choices: list[Some],
        relaxed: frozenset[int],
    ) -> None:
        if choice.item in relaxed:
            return
        if len(choice.parts) == 1:
            queue.append(choice.parts[0])
        elif not choice.parts:
            queue.append(Never(choice.item if choice.item is not None else -1))
        elif not _is_met(choice, case):
            choices.append(choice)

    def _take(self, literal: Literal, case: dict[str, frozenset[Literal]]) -> bool:
        name = literal.variable
        case[name] = case.get(name, frozenset()) | {literal}
        if self._answer(name, case[name]).level != IMPOSSIBLE:
            return True
        self._excluded |= {each.item for each in self._smallest(name, case[name])}
        return False

    def _answer(self, name: str, literals: frozenset[Literal]) -> Answer:
        key = name, literals
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.solvers[name].answer(literals)
        return found

    def _smallest(self, name: str, literals: frozenset[Literal]) -> frozenset[Literal]:
        """A part of the literals that is impossible already, and of which none can be spared."""
        for literal in sorted(literals, key=lambda each: each.item):
            without = literals - {literal}
            if without and self._answer(name, without).level == IMPOSSIBLE:
                literals = without
        return literals

    def _fits_in_time(self, case: Mapping[str, frozenset[Literal]]) -> bool:
        if len(TIMES & case.keys()) < 2:
            return True
        if self._in_time(case).level != IMPOSSIBLE:
            return True
        self._excluded |= {each.item for name in TIMES & case.keys() for each in case[name]}
        self._excluded |= {each.item for each in self._starts}
        return False

    def _in_time(self, case: Mapping[str, frozenset[Literal]]) -> Answer:
        key = (self._starts, *(case.get(name, frozenset[Literal]()) for name in sorted(TIMES)))
        found = self._times.get(key)
        if found is None:
            lines = {name: each for name, each in self.solvers.items() if name in TIMES and isinstance(each, Choice)}
            literals = {name: case[name] for name in TIMES & case.keys()}
            found = self._times[key] = together(lines, literals, self._starts)
        return found

    def _settled(self, case: Mapping[str, frozenset[Literal]]) -> Outcome | None:
        answers = {name: self._answer(name, literals) for name, literals in case.items()}
        values: dict[str, Any] = {name: answer.value for name, answer in answers.items()}
        unsettled = {name for name, answer in answers.items() if answer.level != CERTAIN}
        if len(TIMES & case.keys()) >= 2:
            times = self._in_time(case)
            values.update(times.value or {})
            unsettled |= TIMES & case.keys() if times.level != CERTAIN else frozenset[str]()
        if not unsettled:
            return Outcome(CERTAIN, values)
        self._open = self._open or Outcome(OPEN, case={name: case[name] for name in sorted(unsettled)})
        return None


def _literals(formula: Formula) -> Iterable[Literal]:
    if isinstance(formula, Literal):
        yield formula
    elif isinstance(formula, All | Some):
        for part in formula.parts:
            yield from _literals(part)


def _is_met(choice: Some, case: Mapping[str, frozenset[Literal]]) -> bool:
    return any(isinstance(part, Literal) and part in case.get(part.variable, ()) for part in choice.parts)


def _moments_at_start(formula: Formula) -> Iterable[Literal]:
    """What is asked of the clock in every case, and so was at the first use too."""
    if isinstance(formula, Literal):
        if formula.variable == "dateTime":
            yield formula
    elif isinstance(formula, All) or (isinstance(formula, Some) and len(formula.parts) == 1 and formula.item is None):
        for part in formula.parts:
            yield from _moments_at_start(part)
