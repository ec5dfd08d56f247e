"""The token of one transfer: its holder may fetch what the transfer is about until it expires or the flow is closed.

Claims: `iss` (the provider's DID), `sub` (the consumer's), `aud` (the endpoint), `iat`, `exp` (seconds since the
epoch), `jti`, `agreement`, `transfer` (the provider's pid). Our own key signs and verifies: nobody else reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType, cast

from connector.dataplane.model import Flow
from connector.errors import NotAuthenticated, NotAuthorized
from connector.identity.jws import InvalidToken, read, sign, verify
from connector.identity.keys import SigningKey

# Another type than a message's token: neither can be used as the other, though one key signs both (RFC 8725, 3.11).
TYP = "data+jwt"

_TEXTS = ("iss", "sub", "aud", "jti", "agreement", "transfer")


@dataclass(frozen=True, slots=True)
class DataClaims:
    """What a data token says; `exp` in seconds since the epoch."""

    iss: str
    sub: str
    aud: str
    jti: str
    agreement: str
    transfer: str
    exp: int


VerifiedDataClaims = NewType("VerifiedDataClaims", DataClaims)


def issue_data_token(
    key: SigningKey,
    *,
    endpoint: str,
    agreement: str,
    transfer: str,
    consumer: str,
    now: datetime,
    jti: str,
    expires_at: datetime,
) -> str:
    """The token for `consumer` (a DID) to fetch `endpoint` until `expires_at`."""
    claims = {
        "iss": key.did,
        "sub": consumer,
        "aud": endpoint,
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": jti,
        "agreement": agreement,
        "transfer": transfer,
    }
    return sign(key, typ=TYP, claims=claims)


def verify_data_token(key: SigningKey, authorization: str | None) -> VerifiedDataClaims:
    """The claims of an Authorization field; raises NotAuthenticated if `key` did not sign them.

    Nothing is said yet about time, flow and place: that is `check_claims`.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("the transfer's token is missing", hint="send it as 'Authorization: Bearer ...'")
    try:
        claims = verify(read(token.strip(), typ=TYP), key.private)
    except InvalidToken as error:
        raise NotAuthenticated(f"this is not a token of a transfer: {error}") from None
    return VerifiedDataClaims(_parse_claims(claims))


def check_claims(claims: VerifiedDataClaims, *, transfer: str, flow: Flow | None, now: datetime) -> Flow:
    """The flow that the token opens; raises NotAuthorized when it is for something else, expired or closed."""
    if flow is None or claims.transfer != transfer:
        raise NotAuthorized("the token is for another transfer")
    if claims.exp <= now.timestamp() or now >= flow.expires_at:
        raise NotAuthorized("the token has expired", hint="ask for the transfer to be started again")
    if flow.state != "open":
        raise NotAuthorized(f"the transfer is closed: {(flow.reason or 'no reason given')[:200]}")
    # All of them, though the jti alone would do: a row that was changed by hand must not lend a token to somebody else.
    if (claims.jti, claims.aud, claims.sub, claims.agreement) != (
        flow.jti,
        flow.endpoint,
        flow.consumer,
        flow.agreement,
    ):
        raise NotAuthorized("the token was replaced by a newer one", hint="use the one of the last start message")
    return flow


def _parse_claims(claims: Mapping[str, Any]) -> DataClaims:
    texts = [claims.get(name) for name in _TEXTS]
    exp = claims.get("exp")
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(exp, int):
        raise NotAuthenticated("this is not a token of a transfer: a claim is missing")
    return DataClaims(*cast("list[str]", texts), exp=exp)
