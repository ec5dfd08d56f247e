"""`python -m bench [--quick] [--only NAME]`: one JSON object on standard output, progress on standard error."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from bench import catalogue, download, memory, negotiations, start
from bench.machine import machine
from bench.sizes import FULL, QUICK, Sizes
from bench.tell import tell
from connector.demo.space import DataSpace, data_space
from connector.errors import ConnectorError

MEASURES: Mapping[str, Callable[[DataSpace, Sizes], dict[str, Any]]] = {
    "negotiations": negotiations.measure,
    "catalogue": catalogue.measure,
    "download": download.measure,
    "memory": memory.measure,
    "start": start.measure,
}


def main() -> int:
    """0 with the result on standard output, 1 if something could not be measured."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _stop)  # as Ctrl-C: what was started is ended
    try:
        result = run(arguments.only or list(MEASURES), QUICK if arguments.quick else FULL)
    except KeyboardInterrupt:
        return 130
    except ConnectorError as error:
        print(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)
        return 1
    print(json.dumps(result, indent=2))
    return 0


def run(names: list[str], sizes: Sizes) -> dict[str, Any]:
    """The named measurements, each in a data space of its own, so that none finds what another left."""
    result: dict[str, Any] = {"quick": sizes is QUICK}
    for name in names:
        tell(f"{name}: starting three participants")
        with data_space() as space:
            result.setdefault("machine", machine(space))
            result[name] = MEASURES[name](space, sizes)
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures speed and size; prints JSON.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that it runs, not to compare")
    parser.add_argument(
        "--only", action="append", choices=list(MEASURES), metavar="NAME", help=f"one of {', '.join(MEASURES)}; repeat"
    )
    return parser.parse_args()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
