"""Processor time by process: less disturbed by what else the machine does than time on the clock."""

import time
from collections.abc import Mapping

import psutil

from bench.figures import milliseconds
from connector.demo.space import ROLES, DataSpace

Seconds = Mapping[str, float]


def processor_seconds(space: DataSpace) -> Seconds:
    """User and system seconds so far of each participant, of PostgreSQL with all its backends, and of ourselves."""
    taken = {role: _of(process.pid) for role in ROLES if (process := space[role].process) is not None}
    return {**taken, "postgres": _of(space.server.pid), "client": time.process_time()}


def each_ms(before: Seconds, after: Seconds, count: int) -> dict[str, float]:
    """What one of `count` took, in milliseconds, by process."""
    return {name: milliseconds((after[name] - before[name]) / count) for name in before}


def _of(pid: int) -> float:
    """Of a process, its living children, and those that have ended: a backend may end while we measure."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
