"""Progress, on standard error: standard output is for the result."""

import sys
import time

_BEGAN = time.monotonic()


def tell(what: str) -> None:
    """One line, with the seconds since the start."""
    print(f"{time.monotonic() - _BEGAN:7.1f} s  {what}", file=sys.stderr, flush=True)
