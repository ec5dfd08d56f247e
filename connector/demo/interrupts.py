"""Ctrl-C at a moment when it would leave something behind: a process just started and not yet known, half a folder."""

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType

HELD = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def held_back() -> Generator[None]:
    """What interrupts meanwhile does so at the end. Only the main thread is ever interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    with contextlib.ExitStack() as stack:
        # Called last: by then everybody's own handlers are back.
        stack.callback(lambda: [signal.raise_signal(number) for number in arrived])
        for number in HELD:
            stack.callback(signal.signal, number, signal.signal(number, note))
        yield
