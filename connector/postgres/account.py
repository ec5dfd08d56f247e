"""The operating-system account PostgreSQL's programs run as.

PostgreSQL refuses to run as root. Started as root, we run it as an unprivileged user. Whatever is written into a
folder which that user owns is written by a program that already runs as that user: root following a symbolic link
planted there would hand the machine over.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError

ROOT_USER_HINT = "set TIDEGATE_POSTGRES__ROOT_USER to an unprivileged user, or start Tidegate as one"


@dataclass(frozen=True)
class Account:
    """Who runs PostgreSQL: ourselves, or with `switched` another user (we are root)."""

    name: str
    uid: int
    gid: int
    switched: bool

    def run(self, command: Sequence[str | Path], *, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program that ends by itself; its return code is for the caller to look at."""
        return subprocess.run(  # noqa: S603 -- our own commands, no shell in between
            [str(part) for part in command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            **self._options(),
        )

    def run_detached(self, command: Sequence[str | Path]) -> int:
        """Run `pg_ctl start` and give its return code. The server keeps its pipes: captured, the call would hang."""
        return subprocess.call(  # noqa: S603 -- our own commands, no shell in between
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._options(),
        )

    def _options(self) -> dict[str, Any]:
        # A fixed environment: PGDATA, PGPORT or a locale of the operator's shell must not reach the server.
        options: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        return options | {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else options


def choose_account(root_user: str) -> Account:
    """Ourselves, or `root_user` when we are root; raises ConfigurationError when there is no such unprivileged user."""
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), switched=False)
    if not sys.platform.startswith("linux"):
        raise ConfigurationError(
            "the embedded PostgreSQL runs as root on Linux only", hint="start Tidegate as a normal user"
        )
    try:
        entry = pwd.getpwnam(root_user)
    except KeyError:
        raise ConfigurationError(f"there is no user {root_user!r} to run PostgreSQL as", hint=ROOT_USER_HINT) from None
    if entry.pw_uid == 0:
        raise ConfigurationError(f"PostgreSQL cannot run as {root_user!r}, which is root", hint=ROOT_USER_HINT)
    return Account(name=root_user, uid=entry.pw_uid, gid=entry.pw_gid, switched=True)
