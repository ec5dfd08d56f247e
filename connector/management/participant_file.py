"""Where a running participant can be found: `participant.json` in its folder, for the command line."""

import ipaddress
import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from connector.errors import ConfigurationError, NotFound

PARTICIPANT_FILE = "participant.json"
MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The address of our own API, whose it is, and the id of the process that serves it."""

    management_url: str
    did: str
    pid: int


def write_participant_file(home: Path, whereabouts: Whereabouts) -> None:
    """Say in `home` that this participant runs; replaces what an earlier one said. Raises ConfigurationError."""
    path = home / PARTICIPANT_FILE
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(whereabouts), file)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}", hint="set TIDEGATE_HOME") from None


def remove_participant_file(home: Path, pid: int) -> None:
    """The participant of process `pid` runs no longer. A file that another process wrote stays."""
    try:
        if read_participant_file(home).pid == pid:
            (home / PARTICIPANT_FILE).unlink()
    except (ConfigurationError, NotFound, OSError):
        return


def read_participant_file(home: Path) -> Whereabouts:
    """Raises NotFound if no participant has run in `home`, ConfigurationError if the file is not one of ours."""
    path = home / PARTICIPANT_FILE
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(MAX_BYTES))
        found = Whereabouts(str(said["management_url"]), str(said["did"]), int(said["pid"]))
    except FileNotFoundError:
        raise NotFound(f"no participant runs in {home}", hint="tidegate serve starts one") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{path} is damaged", hint="restart the participant: it writes it anew") from None
    return found


def management_address(listening: socket.socket) -> str:
    """The address at which this machine reaches a listening socket: loopback where it listens everywhere."""
    host, port = listening.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
