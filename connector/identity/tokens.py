"""The token that goes with every protocol message: self-issued, for one receiver, one body, one minute.

Claims: `iss` = `sub` (the sender's DID), `aud` (the receiver's DID), `iat`, `exp` (seconds since the epoch), `jti`
(used once), `body` (base64url SHA-256 of the exact bytes of the message; of no bytes for a GET).
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

from joserfc.jwk import ECKey

from connector.identity.jws import InvalidToken, Unverified, read, sign, verify
from connector.identity.keys import SigningKey

TYP = "message+jwt"
MAX_LIFETIME_SECONDS = 600  # the most our own setting allows; used jti must be remembered this long
_JTI = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says; times in seconds since the epoch."""

    iss: str
    aud: str
    iat: int
    exp: int
    jti: str
    body: str


VerifiedClaims = NewType("VerifiedClaims", TokenClaims)


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A readable token; `iss` and `kid` may be used to find the key, nothing else may be used at all."""

    iss: str
    kid: str
    statement: Unverified


def issue_token(key: SigningKey, *, audience: str, body: bytes, now: datetime, jti: str, lifetime_seconds: int) -> str:
    """A token of `key`'s participant for one attempt to send `body` to `audience` (a DID)."""
    issued = int(now.timestamp())
    claims = {
        "iss": key.did,
        "sub": key.did,
        "aud": audience,
        "iat": issued,
        "exp": issued + lifetime_seconds,
        "jti": jti,
        "body": body_digest(body),
    }
    return sign(key, typ=TYP, claims=claims)


def body_digest(body: bytes) -> str:
    """Base64url SHA-256 without padding."""
    return urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode("ascii")


def read_token(token: str) -> UnverifiedToken:
    """The sender a token names; raises InvalidToken if it is not of our form or its key is not the sender's."""
    statement = read(token, typ=TYP)
    iss = _text(statement.claims, "iss")
    sender, _, fragment = statement.kid.partition("#")
    if sender != iss or not fragment:
        raise InvalidToken("kid is not a key of iss")
    return UnverifiedToken(iss=iss, kid=statement.kid, statement=statement)


def verify_token(
    token: UnverifiedToken, *, key: ECKey, audience: str, body: bytes, now: datetime, skew_seconds: int
) -> VerifiedClaims:
    """Check the signature and every claim; raises InvalidToken naming the claim.

    `key` is the sender's key with the token's kid, `audience` our DID, `now` our clock, which may differ from the
    sender's by `skew_seconds`. Whether the jti was used before is not checked here.
    """
    signed = verify(token.statement, key)
    claims = TokenClaims(
        iss=_text(signed, "iss"),
        aud=_text(signed, "aud"),
        iat=_seconds(signed, "iat"),
        exp=_seconds(signed, "exp"),
        jti=_text(signed, "jti"),
        body=_text(signed, "body"),
    )
    if _text(signed, "sub") != claims.iss:
        raise InvalidToken("sub is not iss")
    if claims.aud != audience:
        raise InvalidToken("aud is another participant")
    if claims.body != body_digest(body):
        raise InvalidToken("body is the digest of another message")
    if not _JTI.fullmatch(claims.jti):
        raise InvalidToken("jti is not 1 to 128 printable characters")
    check_times(claims.iat, claims.exp, now=now, skew_seconds=skew_seconds, max_lifetime_seconds=MAX_LIFETIME_SECONDS)
    return VerifiedClaims(claims)


def check_times(iat: int, exp: int, *, now: datetime, skew_seconds: int, max_lifetime_seconds: int) -> None:
    """Raises InvalidToken unless issued in the past, not expired, and not made to live longer than is allowed."""
    seconds = now.timestamp()
    if iat > seconds + skew_seconds:
        raise InvalidToken("iat is in the future")
    if exp <= seconds - skew_seconds:
        raise InvalidToken("exp is in the past")
    if not 0 < exp - iat <= max_lifetime_seconds:
        raise InvalidToken(f"exp is not within {max_lifetime_seconds} s after iat")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(f"{name} is missing or not a string")
    return value


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidToken(f"{name} is missing or not a number of seconds")
    return value
