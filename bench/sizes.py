"""How much is measured: enough to compare releases, or just enough to see that everything runs."""

from dataclasses import dataclass

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of requests and runs, and sizes of files in bytes."""

    warm_up: int
    one_at_a_time: int
    under_way: int
    catalogue_pages: int
    catalogue_offerings: tuple[int, ...]
    download_bytes: int
    download_runs: int
    memory_bytes: tuple[int, ...]
    memory_seconds: float
    starts: int


FULL = Sizes(
    warm_up=50,
    one_at_a_time=300,
    under_way=2000,
    catalogue_pages=100,
    catalogue_offerings=(10, 100, 1000, 5000),
    download_bytes=1024 * MIB,
    download_runs=5,
    memory_bytes=(1 * MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB),
    memory_seconds=2.0,
    starts=5,
)

QUICK = Sizes(
    warm_up=4,
    one_at_a_time=10,
    under_way=48,
    catalogue_pages=5,
    catalogue_offerings=(10, 120),
    download_bytes=16 * MIB,
    download_runs=1,
    memory_bytes=(1 * MIB, 16 * MIB),
    memory_seconds=0.2,
    starts=1,
)
