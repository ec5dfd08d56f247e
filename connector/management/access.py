"""Who may use our own API: whoever holds the operator token, a file that only its owner can read."""

import hmac
import os
import secrets
from pathlib import Path

from starlette.requests import Request

from connector.errors import ConfigurationError, NotAuthenticated

TOKEN_FILE = "operator.token"  # noqa: S105 -- a file name


def load_or_create_operator_token(home: Path) -> str:
    """The token in `home`, made there at the first start with mode 0600."""
    path = home / TOKEN_FILE
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_operator_token(home)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}", hint="set TIDEGATE_HOME") from None
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token + "\n")
    return token


def read_operator_token(home: Path) -> str:
    """The token in `home`; raises ConfigurationError if it is absent or others can read it."""
    path = home / TOKEN_FILE
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read by others", hint=f"chmod 600 {path}")
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}", hint="is this the participant's folder? name it with --home or TIDEGATE_HOME"
        ) from None


def require_operator(token: str, request: Request) -> None:
    """Raises NotAuthenticated unless the request carries the operator token."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        raise NotAuthenticated(
            "the operator token is missing or wrong", hint="it is in operator.token, in the participant's folder"
        )
