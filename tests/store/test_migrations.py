"""From an empty database to this release, and every database we must not touch."""

import threading
from collections.abc import Callable
from importlib.resources import files

import psycopg
import pytest

from connector.db import migrate, sync_moves
from connector.db.constraints import CONSTRAINTS
from connector.db.migrations import release_migrations
from connector.errors import ConfigurationError, StorageError
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER

Change = Callable[[psycopg.Connection], object]


def _change(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)


def test_an_empty_database_gets_every_migration_once(empty_database_url: str) -> None:
    names = [item.name for item in release_migrations()]
    assert migrate(empty_database_url) == names
    assert migrate(empty_database_url) == []
    with psycopg.connect(empty_database_url) as conn:
        assert sorted(row[0] for row in conn.execute("select name from schema_migration")) == sorted(names)


def test_migrations_are_applied_in_the_order_of_their_numbers() -> None:
    queue, *own = [item.name for item in release_migrations()]
    assert queue == "procrastinate"
    assert own == sorted(own)
    assert len({name[:4] for name in own}) == len(own), "two migrations have one number"
    on_disk = [file.name for file in (files("connector.sql") / "migrations").iterdir() if file.name.endswith(".sql")]
    assert len(on_disk) == len(own), "a file is named in another way than NNNN_what.sql"


def test_participants_that_start_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    applied: list[str] = []
    threads = [threading.Thread(target=lambda: applied.extend(migrate(empty_database_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == sorted(item.name for item in release_migrations())


def test_the_queue_belongs_to_the_migrations(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        assert conn.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)


def test_the_table_of_moves_equals_the_tables_of_the_protocol(database_url: str) -> None:
    expected = {
        (kind, row.source, row.message, row.sender, row.target)
        for kind, machine in (("negotiation", NEGOTIATION), ("transfer", TRANSFER))
        for row in machine.rows
    }
    with psycopg.connect(database_url) as conn:
        assert set(conn.execute("select kind, source, message, sender, target from move")) == expected


def test_a_move_that_is_gone_is_deleted_and_a_new_one_is_added(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        before = set(conn.execute("select * from move"))
        conn.execute("insert into move values ('negotiation', 'FINALIZED', 'request', 'consumer', 'REQUESTED')")
        conn.execute("delete from move where kind = 'transfer'")
        sync_moves(conn)
        assert set(conn.execute("select * from move")) == before


def test_a_move_that_a_history_used_cannot_be_given_up(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("insert into move values ('negotiation', 'FINALIZED', 'request', 'consumer', 'REQUESTED')")
        conn.execute(
            "create table history (kind text, source text, message text, sender text, target text,"
            " constraint history_move_fkey foreign key (kind, source, message, sender, target) references move)"
        )
        conn.execute("insert into history values ('negotiation', 'FINALIZED', 'request', 'consumer', 'REQUESTED')")
        with pytest.raises(
            ConfigurationError, match=r"a move this release does not know \(constraint history_move_fkey\)"
        ):
            sync_moves(conn)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        pytest.param(
            "update schema_migration set sha256 = '' where name <> 'procrastinate'",
            r"migration \d{4}_\w+ is not the one that was applied",
            id="a migration that was changed later",
        ),
        pytest.param(
            "update schema_migration set sha256 = '' where name = 'procrastinate'",
            "the job queue in the database is not that of the installed procrastinate",
            id="another version of the queue",
        ),
        pytest.param(
            "insert into schema_migration values ('9999_later', '')",
            r"migrated by a newer release \(it has 9999_later\)",
            id="a newer release",
        ),
    ],
)
def test_a_database_of_another_release_is_refused(database_url: str, statement: str, problem: str) -> None:
    _change(database_url, statement)
    with pytest.raises(ConfigurationError, match=problem):
        migrate(database_url)


def test_a_database_with_a_queue_of_its_own_is_refused(empty_database_url: str) -> None:
    _change(empty_database_url, "create table procrastinate_jobs (id bigint)")
    with pytest.raises(ConfigurationError, match=r"a job queue \(procrastinate\) that is not Tidegate's"):
        migrate(empty_database_url)


def test_a_migration_that_fails_leaves_nothing_half_done(empty_database_url: str) -> None:
    _change(empty_database_url, "create table offering (id text)")
    with pytest.raises(
        ConfigurationError, match=r"migration \d{4}_\w+ failed and was rolled back: relation .* already exists"
    ):
        migrate(empty_database_url)
    _change(empty_database_url, "drop table offering")
    migrate(empty_database_url)


def test_a_role_that_may_not_create_tables_is_a_clear_error(empty_database_url: str) -> None:
    _change(empty_database_url, "revoke create on schema public from pg_database_owner")
    with pytest.raises(ConfigurationError, match="permission denied for schema public") as caught:
        migrate(empty_database_url)
    assert "must own its database" in (caught.value.hint or "")


def test_a_database_that_is_down_is_worth_another_try() -> None:
    with pytest.raises(StorageError) as caught:
        migrate("postgresql://nobody@127.0.0.1:1/none")
    assert caught.value.retry


def test_every_constraint_with_an_error_of_its_own_exists(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("select conname from pg_constraint union select relname from pg_class where relkind = 'i'")
        assert set(CONSTRAINTS) <= {name for (name,) in rows}
