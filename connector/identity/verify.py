"""The one way in: who sent this request?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc.jwk import ECKey

from connector.db import Pool, connection
from connector.errors import DeliveryError, NotAuthenticated, TrustUnavailable
from connector.identity.did import DidResolver
from connector.identity.jws import InvalidToken
from connector.identity.members import Members
from connector.identity.store import use_token
from connector.identity.tokens import UnverifiedToken, VerifiedClaims, read_token, verify_token
from connector.settings import IdentitySettings


@dataclass(frozen=True, slots=True)
class PeerRequest:
    """What of a request proves its sender: the Authorization header and the exact bytes of the body."""

    authorization: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Peer:
    """A member that proved to have sent this request, and its token.

    `expires_at` is when the token will be refused for its age alone: until then its `jti` has to be remembered.
    """

    did: str
    token: str
    token_issued_at: datetime
    jti: str
    expires_at: datetime


def utc_now() -> datetime:
    """The clock of decisions about tokens and lists."""
    return datetime.now(UTC)


class Verifier:
    """Verifies the senders of requests to the participant `did`."""

    def __init__(
        self,
        *,
        did: str,
        members: Members,
        resolver: DidResolver,
        pool: Pool,
        settings: IdentitySettings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._did = did
        self._members = members
        self._resolver = resolver
        self._pool = pool
        self._skew_seconds = settings.clock_skew_seconds
        self._clock = clock

    async def verify_peer(self, request: PeerRequest, *, consume: bool = True) -> Peer:
        """The peer, or NotAuthenticated saying why not; TrustUnavailable if that cannot be found out now.

        1. A bearer token of our form: at most 64 KiB, ES256, no header that asks for more.
        2. Its sender is a member. Before anything is fetched from an address that the token names.
        3. The key is in the sender's DID document.
        4. Signature, receiver, body and times.
        5. The token was not used before. With `consume=False` the caller **must** do this, with `use_token` or by
           inserting into used_token in its own transaction.
        """
        text = _bearer(request.authorization)
        try:
            token = read_token(text)  # 1
            await self._require_member(token.iss)  # 2
            claims = verify_token(  # 3, 4
                token,
                key=await self._key(token),
                audience=self._did,
                body=request.body,
                now=self._clock(),
                skew_seconds=self._skew_seconds,
            )
        except InvalidToken as error:
            raise NotAuthenticated(f"the token is refused: {error}") from None
        peer = self._peer(text, claims)
        if consume:
            await self.use_token(peer)  # 5
        return peer

    async def use_token(self, peer: Peer) -> None:
        """Step 5 alone; raises NotAuthenticated if the token was used before, by any process on this database."""
        async with connection(self._pool) as conn:
            fresh = await use_token(conn, iss=peer.did, jti=peer.jti, expires_at=peer.expires_at)
        if not fresh:
            raise NotAuthenticated("the token is refused: it was used before")

    async def _require_member(self, did: str) -> None:
        if not await self._members.is_member(did):
            raise NotAuthenticated(
                f"{did[:200]} is not a member of this data space",
                hint="the authority admits members: tidegate members add",
            )

    async def _key(self, token: UnverifiedToken) -> ECKey:
        try:
            key = await self._resolver.find_key(token.iss, token.kid)
        except DeliveryError as error:
            raise TrustUnavailable(f"the keys of {token.iss} cannot be read: {error.message}") from None
        if key is None:
            raise InvalidToken("kid is not in the DID document of iss")
        return key

    def _peer(self, text: str, claims: VerifiedClaims) -> Peer:
        return Peer(
            did=claims.iss,
            token=text,
            token_issued_at=datetime.fromtimestamp(claims.iat, UTC),
            jti=claims.jti,
            expires_at=datetime.fromtimestamp(claims.exp, UTC) + timedelta(seconds=self._skew_seconds),
        )


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("there is no token", hint="expected a header Authorization: Bearer and a token")
    return token
