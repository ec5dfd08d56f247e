"""A participant that cannot start says why in one clear line, with exit code 2."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

AUTHORITY = {"TIDEGATE_AUTHORITY_DID": "did:web:authority.example"}
# Never reached: each of these fails before the database is asked for.
DATABASE = {"TIDEGATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}


def started(home: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A participant with these settings, until it ends."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    environment = {**ours, **DATABASE, "TIDEGATE_HOME": str(home), **settings}
    command = [sys.executable, "-m", "connector"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Somebody else listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("settings", "named", "hint"),
    [
        pytest.param(
            {**AUTHORITY, "TIDEGATE_HTPP__ALLOW": "[]"},
            "unknown setting TIDEGATE_HTPP__ALLOW", "docs/reference/settings.md",
            id="an-unknown-setting",
        ),
        pytest.param(
            {**AUTHORITY, "TIDEGATE_HTTP__ALOW": "[]"},
            "TIDEGATE_HTTP__ALOW", "",
            id="an-unknown-setting-of-a-group",
        ),
        pytest.param(
            {**AUTHORITY, "TIDEGATE_PUBLIC_URL": "http://provider.example"},
            "TIDEGATE_PUBLIC_URL", "plain http is for loopback only",
            id="plain-http-in-public",
        ),
        pytest.param(
            {**AUTHORITY, "TIDEGATE_PUBLIC_URL": "https://provider.example/a/path"},
            "TIDEGATE_PUBLIC_URL", "without path",
            id="a-public-address-with-a-path",
        ),
        pytest.param({}, "authority_did is missing", "", id="no-authority"),
        pytest.param(
            {**AUTHORITY, "TIDEGATE_PROTOCOL_PORT": "many"}, "TIDEGATE_PROTOCOL_PORT", "", id="a-port-that-is-no-number"
        ),
        pytest.param(
            {**AUTHORITY, "TIDEGATE_HTTP__ALLOW": "localhost:1"}, "http", "JSON", id="a-list-that-is-not-json"
        ),
    ],
)  # fmt: skip
def test_bad_settings_are_named(tmp_path: Path, settings: dict[str, str], named: str, hint: str):
    assert_one_clear_line(started(tmp_path, settings), named, hint)


@pytest.mark.parametrize("setting", ["TIDEGATE_PROTOCOL_PORT", "TIDEGATE_MANAGEMENT_PORT"])
def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path, taken_port: int, setting: str):
    ended = started(tmp_path, {**AUTHORITY, setting: str(taken_port)})
    assert_one_clear_line(ended, f"cannot listen on 127.0.0.1:{taken_port}: Address already in use", setting)


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path):
    occupied = tmp_path / "a-file"
    occupied.write_text("")
    assert_one_clear_line(started(occupied, AUTHORITY), str(occupied), "TIDEGATE_HOME")


def test_a_key_that_others_can_read_is_named(tmp_path: Path):
    key = tmp_path / "signing-key.pem"
    key.write_text("not a key")
    key.chmod(0o644)
    assert_one_clear_line(started(tmp_path, AUTHORITY), str(key), "")


def assert_one_clear_line(ended: subprocess.CompletedProcess[str], named: str, hint: str) -> None:
    """Exit code 2, one line that names it, at most one more with what to do, nothing else."""
    assert ended.returncode == 2, ended
    error, *more = ended.stderr.splitlines()
    assert error.startswith("error: ")
    assert named in error
    assert hint in ended.stderr
    assert len(more) <= 1, ended.stderr
    assert ended.stdout == ""
