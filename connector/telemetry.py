"""Names of everything that is logged, and how it is written.

The first argument of a log call is an `Event`; everything else is a field. Identifiers are logged, never bodies, tokens
or objects. `info` is a change of state, `warning` a handled surprise, `error` needs a person.
"""

import logging
import sys
from contextlib import suppress
from enum import StrEnum
from typing import Any, TextIO, cast

import structlog


class Event(StrEnum):
    """What can be read in the log."""

    STARTED = "started"
    STOPPED = "stopped"
    PROCESS_MOVED = "process_moved"
    STEP_RACED = "step_raced"
    DELIVERY_FAILED = "delivery_failed"
    PEER_REFUSED = "peer_refused"
    GAVE_UP = "gave_up"
    MESSAGE_REFUSED = "message_refused"
    DATABASE_AWAY = "database_away"
    DATABASE_DIED = "database_died"
    DATABASE_READY = "database_ready"
    JOBS_TAKEN_BACK = "jobs_taken_back"
    DOWNLOAD_FAILED = "download_failed"
    DOWNLOADED = "downloaded"
    PUBLISHED = "published"
    ADDRESS_REFUSED = "address_refused"
    STREAM_CUT = "stream_cut"
    LISTENING_LOST = "listening_lost"
    MEMBERS_UPDATED = "members_updated"
    MEMBERS_UNREACHABLE = "members_unreachable"
    UNEXPECTED = "unexpected"


log: Any = structlog.get_logger()


class _LossyStream:
    """A full disk, or a reader that is gone, costs lines of the log and never the work they tell of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Push it out if it can be."""
        with suppress(OSError):
            self._stream.flush()


def configure_logging(level: str) -> None:
    """Lines on standard error: coloured on a terminal, JSON elsewhere."""
    number = logging.getLevelNamesMapping()[level.upper()]
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _LossyStream(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # we say ourselves that the database is away
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
