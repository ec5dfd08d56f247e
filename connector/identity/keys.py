"""The participant's signing key: ES256, in a file that only its owner can read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from connector.errors import ConfigurationError

CURVE = "P-256"  # the curve of ES256, RFC 7518 3.4
KEY_FRAGMENT = "key-1"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name peers know it by: `kid` is the DID with a fragment."""

    did: str
    kid: str
    private: ECKey

    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JSON Web Key: kty, crv, x, y."""
        jwk = self.private.as_dict(private=False)
        return {member: jwk[member] for member in ("kty", "crv", "x", "y")}


def load_or_create_key(path: Path, did: str) -> SigningKey:
    """The key in `path` (PKCS #8 PEM, mode 0600), made there at the first call.

    Two processes that start at once get the same key. Raises ConfigurationError if the file is readable by others, is
    not an EC P-256 key, or cannot be written.
    """
    try:
        if not path.exists():
            _create(path)
        return SigningKey(did=did, kid=f"{did}#{KEY_FRAGMENT}", private=_load(path))
    except OSError as error:
        raise ConfigurationError(f"the signing key {path} cannot be used: {error.strerror}") from None


def _load(path: Path) -> ECKey:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise ConfigurationError(f"the signing key {path} can be read by others", hint=f"chmod 600 {path}")
        pem = file.read()
    try:
        key = ECKey.import_key(pem)
        usable = key.is_private and key.curve_name == CURVE
    except (ValueError, TypeError, JoseError):
        usable = False
        key = None
    if key is None or not usable:
        raise ConfigurationError(
            f"{path} does not hold an EC {CURVE} private key in PEM form",
            hint="put the right file back, or move it away: a new key is made, and peers see it in the DID document",
        )
    return key


def _create(path: Path) -> None:
    """Write to a temporary name, then link: the file appears whole, and never replaces one that is there already."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = ECKey.generate_key(CURVE).as_pem(private=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return  # another process was first; its key is the key
        _sync_folder(path.parent)
    finally:
        temporary.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
