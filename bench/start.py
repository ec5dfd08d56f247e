"""From starting a participant's process to its saying that it is ready, with a database that exists."""

import time
from typing import Any

from bench.figures import median
from bench.sizes import Sizes
from bench.tell import tell
from connector.demo.space import READY_SECONDS, DataSpace


def measure(space: DataSpace, sizes: Sizes) -> dict[str, Any]:
    """The median of several starts of the provider, each after a clean stop."""
    seconds = [_start(space, number) for number in range(1, sizes.starts + 1)]
    return {"runs": sizes.starts, "ready_seconds": median(seconds), "slowest_seconds": round(max(seconds), 3)}


def _start(space: DataSpace, number: int) -> float:
    tell(f"start {number}")
    provider = space["provider"]
    provider.stop()
    began = time.monotonic()
    provider.start()
    provider.wait_ready(began + READY_SECONDS)
    return time.monotonic() - began
