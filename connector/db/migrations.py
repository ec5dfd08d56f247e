"""The schema: forward migrations, numbered, each in a transaction of its own, recorded with its digest.

Several participants' processes may start on one database at once. An advisory lock of each transaction orders them; it
is not one of the session, which a transaction pooler would leak.
"""

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Any, LiteralString, cast

import psycopg
from procrastinate.schema import SchemaManager

from connector.db.statements import queries
from connector.errors import ConfigurationError, StorageError
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER

MINIMUM_VERSION = 15
LOCK_KEY = 0x7469_6465  # "tide"; any number, the same in every release
QUEUE = "procrastinate"

Q = queries("schema")

SyncConnection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Migration:
    """`0003_exchange`, or the queue's schema under the name `procrastinate`."""

    name: str
    statements: LiteralString

    @property
    def sha256(self) -> str:
        """Digest of the statements, lower-case hex."""
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrate(url: str) -> list[str]:
    """Brings the database to this release and gives the names of what was applied.

    Raises StorageError when it cannot be reached, and ConfigurationError when it is too old, read-only, of another
    release, or was changed by hand.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="tidegate migrate") as conn:
            _check_server(conn)
            applied = [item.name for item in release_migrations() if _apply(conn, item)]
            sync_moves(conn)
            return applied
    except psycopg.OperationalError as error:
        raise StorageError(f"the database could not be migrated: {error}", hint="see TIDEGATE_DATABASE_URL") from error
    except psycopg.Error as error:
        raise ConfigurationError(
            f"the database could not be migrated: {error.diag.message_primary or error}",
            hint="the role in TIDEGATE_DATABASE_URL must own its database",
        ) from error


def release_migrations() -> list[Migration]:
    """What this release consists of, in order: the queue first, as our tables may refer to jobs."""
    queue = Migration(QUEUE, SchemaManager.get_schema())
    own = [
        # Package data, written by us: as trustworthy as a literal in this file.
        Migration(file.name.removesuffix(".sql"), cast(LiteralString, file.read_text("utf-8")))
        for file in (files("connector.sql") / "migrations").iterdir()
        if re.fullmatch(r"\d{4}_\w+\.sql", file.name)
    ]
    return [queue, *sorted(own, key=lambda item: item.name)]


def sync_moves(conn: SyncConnection) -> None:
    """Makes table `move`, to which the history's foreign keys point, equal to the protocol's tables of rows.

    Raises ConfigurationError when a row is gone that a stored history used.
    """
    if not _exists(conn, "move"):
        return
    rows = [
        [kind, row.source.value, row.message.value, row.sender.value, row.target.value]
        for kind, machine in (("negotiation", NEGOTIATION), ("transfer", TRANSFER))
        for row in machine.rows
    ]
    columns: dict[str, Any] = dict(
        zip(("kinds", "sources", "messages", "senders", "targets"), map(list, zip(*rows, strict=True)), strict=True)
    )
    try:
        with _locked(conn):
            conn.execute(Q["delete_moves"], columns)
            conn.execute(Q["insert_moves"], columns)
    except psycopg.errors.ForeignKeyViolation as error:
        raise ConfigurationError(
            f"a stored history uses a move this release does not know (constraint {error.diag.constraint_name})",
            hint="go back to the release that wrote it",
        ) from None


def _apply(conn: SyncConnection, item: Migration) -> bool:
    if _recorded(conn, item):
        return False
    with _locked(conn):
        conn.execute(Q["create_schema_migration"])
        if _recorded(conn, item):  # another process was quicker
            return False
        if item.name == QUEUE and _exists(conn, "procrastinate_jobs"):
            raise ConfigurationError(
                "the database holds a job queue (procrastinate) that is not Tidegate's",
                hint="give Tidegate a database of its own in TIDEGATE_DATABASE_URL",
            )
        _run(conn, item)
        conn.execute(Q["record_migration"], {"name": item.name, "sha256": item.sha256})
    return True


def _run(conn: SyncConnection, item: Migration) -> None:
    try:
        conn.execute(item.statements)
    except psycopg.errors.LockNotAvailable as error:
        raise StorageError(f"migration {item.name} waited too long for a lock", hint="start again") from error
    except (psycopg.ProgrammingError, psycopg.IntegrityError) as error:
        raise ConfigurationError(
            f"migration {item.name} failed and was rolled back: {error.diag.message_primary}"
        ) from error


def _recorded(conn: SyncConnection, item: Migration) -> bool:
    """Whether it was applied; raises ConfigurationError when what was applied is not what this release has."""
    found = (
        conn.execute(Q["find_migration"], {"name": item.name}).fetchone() if _exists(conn, "schema_migration") else None
    )
    if found is None:
        return False
    if found[0] != item.sha256 and item.name == QUEUE:
        raise ConfigurationError(
            f"the job queue in the database is not that of the installed procrastinate {version('procrastinate')}",
            hint="install the procrastinate this release of Tidegate is locked to (requirements.lock)",
        )
    if found[0] != item.sha256:
        raise ConfigurationError(
            f"migration {item.name} is not the one that was applied to this database",
            hint="a migration is never changed after it was applied: write a new one, or use a new database",
        )
    return True


def _check_server(conn: SyncConnection) -> None:
    if conn.info.server_version < MINIMUM_VERSION * 10_000:
        raise ConfigurationError(
            f"the database is PostgreSQL {conn.info.server_version // 10_000}, expected {MINIMUM_VERSION} or later"
        )
    read_only, encoding = conn.execute(Q["server_facts"]).fetchone() or (None, None)
    if read_only:
        raise ConfigurationError(
            "the database is a read-only replica", hint="point TIDEGATE_DATABASE_URL at the primary"
        )
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database's encoding is {encoding}, expected UTF8", hint="create it with ENCODING 'UTF8'"
        )
    unknown = _unknown(conn)
    if unknown:
        raise ConfigurationError(
            f"the database was migrated by a newer release (it has {', '.join(unknown)})", hint="install that release"
        )


def _unknown(conn: SyncConnection) -> list[str]:
    if not _exists(conn, "schema_migration"):
        return []
    ours = {item.name for item in release_migrations()}
    return [name for (name,) in conn.execute(Q["list_migrations"]) if name not in ours]


def _exists(conn: SyncConnection, table: str) -> bool:
    return conn.execute(Q["find_table"], {"table": table}).fetchone() == (True,)


@contextmanager
def _locked(conn: SyncConnection) -> Generator[None]:
    with conn.transaction():
        conn.execute(Q["lock_schema"], {"key": LOCK_KEY})  # first: its wait is not bounded by the timeouts below
        conn.execute(Q["limit_waiting"])
        yield
