"""Signed statements: JWS compact, ES256 and nothing else.

Reading and verifying are two steps, since the key depends on who says to have signed; nothing of an `Unverified` may be
relied on except to choose that key. What is refused follows RFC 8725 (JSON Web Token Best Current Practices).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, serialize_compact, validate_compact

from connector.identity.keys import SigningKey

ALGORITHM = "ES256"
MAX_TOKEN_BYTES = 64 * 1024  # before anything is decoded; CVE-2025-61920 was a header of 500 MB

# Exactly what we write. Any other member (crit, jwk, jku, x5c, b64, zip ...) would change how the signature is to be
# checked, or by whom, and is refused whether or not it is marked critical.
_HEADER_MEMBERS = {"alg", "kid", "typ"}


class InvalidToken(ValueError):  # noqa: N818 -- the errors of the connector are named after what happened
    """The token is not acceptable; the text says why, without repeating the token."""


class _Registry(JWSRegistry):
    """Sizes are bounded before, by `read`."""

    max_header_length = 8 * 1024
    max_payload_length = 64 * 1024**2


_REGISTRY = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed statement whose signature has not been checked."""

    kid: str
    claims: Mapping[str, Any]
    signed: CompactSignature


def sign(key: SigningKey, *, typ: str, claims: Mapping[str, Any]) -> str:
    """`claims` as a compact JWS; `typ` tells kinds of statement by the same key apart (RFC 8725 3.11)."""
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": typ}
    return serialize_compact(header, orjson.dumps(claims), key.private, registry=_REGISTRY)


def read(token: str, *, typ: str, max_bytes: int = MAX_TOKEN_BYTES) -> Unverified:
    """Split and decode; raises InvalidToken for anything that `sign` would not have written."""
    if len(token) > max_bytes:
        raise InvalidToken(f"the token is longer than {max_bytes} bytes")
    try:
        signed = extract_compact(token.encode("ascii"), registry=_REGISTRY)
        header: dict[str, Any] = signed.headers()
        claims = orjson.loads(signed.payload or b"")
    except (ValueError, TypeError, AttributeError, RecursionError, JoseError):
        raise InvalidToken("the token is not a compact JWS with JSON claims") from None
    _check_header(header, typ)
    if not isinstance(claims, dict):
        raise InvalidToken("the claims are not a JSON object")
    return Unverified(kid=header["kid"], claims=cast("dict[str, Any]", claims), signed=signed)


def _check_header(header: Mapping[str, Any], typ: str) -> None:
    if header.get("alg") != ALGORITHM:
        raise InvalidToken(f"the algorithm is not {ALGORITHM}")
    if header.get("typ") != typ:
        raise InvalidToken(f"the type is not {typ}")
    if set(header) != _HEADER_MEMBERS or not isinstance(header["kid"], str):
        raise InvalidToken("the header has other members than alg, kid and typ")


def verify(unverified: Unverified, key: ECKey) -> Mapping[str, Any]:
    """The claims, if `key` signed them; else InvalidToken."""
    try:
        good = validate_compact(unverified.signed, key, registry=_REGISTRY)
    except (ValueError, TypeError, JoseError):
        good = False
    if not good:
        raise InvalidToken("the signature does not match the key of the sender")
    return unverified.claims
