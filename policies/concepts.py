"""Concept hierarchies: what somebody stated about purposes, sectors, countries, regions and actions.

What follows from the statements is True or False, everything else Unknown: nobody said that there is no further
relation (an open world). Two different names are different things unless they are stated to be the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from policies.terms import Truth

Pair = tuple[str, str]


@dataclass(frozen=True)
class Concepts:
    """Stated pairs: `kinds` (narrower, broader by isA), `parts` (part, whole), `same_as`, `disjoint`, `included_in`.

    A kind of a thing is also part of it for `is_part_of`: SKOS does not tell the two apart.
    """

    kinds: frozenset[Pair] = frozenset()
    parts: frozenset[Pair] = frozenset()
    same_as: frozenset[Pair] = frozenset()
    disjoint: frozenset[Pair] = frozenset()
    included_in: Mapping[str, str] = field(default_factory=dict[str, str])

    def same(self, a: str, b: str) -> bool:
        """Whether two names are stated to mean the same, or are one name."""
        return a == b or (bool(self.same_as) and self._head(a) == self._head(b))

    def is_a(self, a: str, b: str) -> Truth:
        """Whether everything that is `a` is `b`."""
        return self._below(self._kinds_above, a, b)

    def is_part_of(self, a: str, b: str) -> Truth:
        """Whether `a` lies in `b`."""
        return self._below(self._wholes_above, a, b)

    def above(self, name: str, *, parts: bool) -> frozenset[str]:
        """`name` and everything that it is a kind of; with `parts`, that it is a part of as well."""
        head = self._head(name)
        return (self._wholes_above if parts else self._kinds_above).get(head, frozenset({head}))

    def exclude_each_other(self, above_a: frozenset[str], above_b: frozenset[str]) -> bool:
        """Whether what lies under all of the one cannot lie under all of the other."""
        return any(self._disjoint_from.get(name, frozenset()) & above_b for name in above_a)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that a statement is about."""
        pairs = (*self.kinds, *self.parts, *self.same_as, *self.disjoint)
        return frozenset(name for pair in pairs for name in pair)

    def joined(self, other: "Concepts") -> "Concepts":
        """What either of the two states."""
        return Concepts(
            self.kinds | other.kinds,
            self.parts | other.parts,
            self.same_as | other.same_as,
            self.disjoint | other.disjoint,
            {**self.included_in, **other.included_in},
        )

    def _below(self, above: Mapping[str, frozenset[str]], a: str, b: str) -> Truth:
        first, second = self._head(a), self._head(b)
        if first == second:
            return True
        over_first, over_second = above.get(first, frozenset({first})), above.get(second, frozenset({second}))
        if second in over_first:
            return True
        # neither is a whole within its part, nor one of two things that exclude each other within the other
        if first in over_second or self.exclude_each_other(over_first, over_second):
            return False
        return None

    def _head(self, name: str) -> str:
        return self._heads.get(name, name)

    @cached_property
    def _heads(self) -> dict[str, str]:
        """Each name that has synonyms, with the one that stands for all of them."""
        heads: dict[str, str] = {}

        def find(name: str) -> str:
            while heads.get(name, name) != name:
                name = heads[name]
            return name

        for a, b in sorted(self.same_as):
            first, second = sorted((find(a), find(b)))
            heads[second] = first
        return {name: find(name) for name in list(heads)}

    @cached_property
    def _kinds_above(self) -> dict[str, frozenset[str]]:
        return self._closure(self.kinds)

    @cached_property
    def _wholes_above(self) -> dict[str, frozenset[str]]:
        return self._closure(self.kinds | self.parts)

    @cached_property
    def _disjoint_from(self) -> dict[str, frozenset[str]]:
        heads = [(self._head(a), self._head(b)) for a, b in self.disjoint]
        return _gathered([*heads, *((b, a) for a, b in heads)])

    def _closure(self, pairs: Iterable[Pair]) -> dict[str, frozenset[str]]:
        direct = _gathered((self._head(a), self._head(b)) for a, b in pairs)
        return {name: _reachable(direct, name) for name in direct}


NO_CONCEPTS: Final = Concepts()


def _gathered(pairs: Iterable[Pair]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for a, b in pairs:
        found.setdefault(a, set()).add(b)
    return {name: frozenset(others) for name, others in found.items()}


def _reachable(direct: Mapping[str, frozenset[str]], start: str) -> frozenset[str]:
    seen, left = {start}, [start]
    while left:
        new = direct.get(left.pop(), frozenset()) - seen
        seen |= new
        left.extend(new)
    return frozenset(seen)
