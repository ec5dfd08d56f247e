"""`tidegate demo`: set up, tell the story, show what happened, stay up until Ctrl-C."""

import json
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console

from connector.demo.report import is_good, report
from connector.demo.show import SilentTeller, TerminalTeller, show_report
from connector.demo.space import DataSpace, data_space
from connector.demo.story import Story
from connector.errors import ConnectorError, InvalidInput


def run_demo(*, once: bool, as_json: bool, data: Path | None = None) -> int:
    """0 if everything was delivered, verified and recorded alike; 1 if anything was not; 130 after an early Ctrl-C.

    `once`: tear down and return after the story. `as_json`: one JSON object on standard output and nothing else.
    """
    if data is not None and not data.exists():
        raise InvalidInput(f"{data} does not exist", hint="--data takes a folder of NetCDF, GeoTIFF or SFINCS results")
    stop = threading.Event()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        # The first one ends the story where it is; a second one must not interrupt the tidying up.
        if not stop.is_set():
            stop.set()
            raise KeyboardInterrupt

    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, interrupted))
        try:
            return _run(once=once, as_json=as_json, data=data)
        except KeyboardInterrupt:
            return 130
        except ConnectorError as error:
            print(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)  # noqa: T201
            return 1


def _run(*, once: bool, as_json: bool, data: Path | None) -> int:
    began = time.monotonic()
    console = Console(stderr=as_json)
    teller = SilentTeller() if as_json else TerminalTeller(console)
    teller.step("demo", "sets up PostgreSQL, keys, and three participants, each a process with a database of its own")
    with data_space() as space:
        for participant in space.participants.values():
            teller.note(f"{participant.role:<10} {participant.did}")
        Story(space, teller, data.resolve() if data else None).run()
        facts = report(space, seconds=time.monotonic() - began)
        good = is_good(facts)
        with suppress(KeyboardInterrupt):  # the story is told: from here on Ctrl-C is how the demo is meant to end
            if as_json:
                print(json.dumps(facts), flush=True)  # noqa: T201
            else:
                show_report(console, facts, good=good)
            if not once:
                _stay(console, space)
        return 0 if good else 1


def _stay(console: Console, space: DataSpace) -> None:
    """Until Ctrl-C."""
    console.print("Still running. Try it: set one of these and use tidegate status, catalog, doctor …", highlight=False)
    for participant in space.participants.values():
        console.print(f"   {participant.role}: TIDEGATE_HOME={participant.home}", markup=False, highlight=False)
    console.print("Ctrl-C ends it and removes everything.")
    threading.Event().wait()
