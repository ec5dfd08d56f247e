"""Samples as the few figures people compare."""

import statistics
from collections.abc import Sequence


def percentile(samples: Sequence[float], percent: float) -> float:
    """The sample that `percent` of all do not exceed (nearest rank: a value that was really measured)."""
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def spread(samples: Sequence[float], name: str) -> dict[str, float]:
    """`{name}_p50_ms` and `{name}_p95_ms` of samples in seconds; without a name just `p50_ms` and `p95_ms`."""
    prefix = f"{name}_" if name else ""
    return {f"{prefix}p{percent}_ms": milliseconds(percentile(samples, percent)) for percent in (50, 95)}


def milliseconds(seconds: float) -> float:
    """Two decimals: a hundredth of a millisecond is below what the clock of an event row tells."""
    return round(1000 * seconds, 2)


def median(samples: Sequence[float]) -> float:
    """The middle one, three decimals."""
    return round(statistics.median(samples), 3)
