"""Moments and durations together: elapsed = now - first use, time in use <= elapsed, first use <= now.

The first use was permitted too, so what is asked of the clock at every use was so at the first one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from policies.domains import Candidate, duration_literal, moment_literal, to_micros, to_moment
from policies.formula import Literal
from policies.operands import FIRST_USE
from policies.solvers import CERTAIN, IMPOSSIBLE, OPEN, Answer, Choice

NOW: Final = "dateTime"
ELAPSED: Final = "elapsedTime"
METERED: Final = "meteredTime"
TIMES: Final = frozenset({NOW, FIRST_USE, ELAPSED, METERED})

_FAR: Final = to_micros(to_moment(2**63))
_EARLY: Final = to_micros(to_moment(-(2**63)))

#: From … to, in microseconds, both included.
Stretch = tuple[int, int]


def together(
    lines: Mapping[str, Choice], literals: Mapping[str, frozenset[Literal]], starts: Iterable[Literal]
) -> Answer:
    """Whether the variables of time can have values for all of their literals at once."""
    at_start = frozenset(starts)
    for certain in (True, False):
        stretches = {name: _stretches(lines.get(name), literals.get(name, frozenset()), certain) for name in TIMES}
        began = _stretches(lines.get(NOW), at_start, certain)
        first = [both for one in stretches[FIRST_USE] for other in began if (both := _overlap(one, other))]
        found = _meet(stretches, first)
        if found is not None:
            return Answer(CERTAIN, _values(found, literals)) if certain else Answer(OPEN)
    return Answer(IMPOSSIBLE)


def _meet(stretches: Mapping[str, list[Stretch]], first: list[Stretch]) -> tuple[int, int, int, int] | None:
    """Now, first use, elapsed and metered time that fit each other."""
    for now in stretches[NOW]:
        for start in first:
            for elapsed in stretches[ELAPSED]:
                length = _overlap(elapsed, (max(0, now[0] - start[1]), now[1] - start[0]))
                if length is None:
                    continue
                for metered in stretches[METERED]:
                    if max(0, metered[0]) <= length[1]:
                        return _chosen(now, start, length, metered)
    return None


def _chosen(now: Stretch, start: Stretch, length: Stretch, metered: Stretch) -> tuple[int, int, int, int]:
    elapsed = max(length[0], metered[0], 0)
    began = max(start[0], now[0] - elapsed)
    return began + elapsed, began, elapsed, max(0, metered[0])


def _overlap(one: Stretch, other: Stretch) -> Stretch | None:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None


def _stretches(line: Choice | None, literals: frozenset[Literal], certain: bool) -> list[Stretch]:
    """Where on its line a variable passes; neighbours are joined."""
    if line is None or not literals:
        return [(_EARLY, _FAR)]
    mask = line.every
    for literal in literals:
        true, false = line.masks[literal.test]
        passing, failing = (true, false) if literal.wanted else (false, true)
        mask &= passing if certain else ~failing
    found: list[Stretch] = []
    for place, candidate in enumerate(line.candidates):
        if candidate.line and mask >> place & 1:
            low, high = _ends(candidate)
            if found and found[-1][1] + 1 == low:
                low = found.pop()[0]
            found.append((low, high))
    return found


def _ends(candidate: Candidate) -> Stretch:
    return (
        _EARLY if candidate.low is None else candidate.low,
        _FAR if candidate.high is None else candidate.high,
    )


def _values(found: tuple[int, int, int, int], literals: Mapping[str, frozenset[Literal]]) -> dict[str, Any]:
    now, start, elapsed, metered = found
    values: dict[str, Any] = {
        NOW: to_moment(now),
        FIRST_USE: (moment_literal(to_moment(start)),),
        ELAPSED: (duration_literal(elapsed),),
    }
    return values | ({METERED: (duration_literal(metered),)} if METERED in literals else {})
