"""The list of members: a statement signed by the authority, with a version that only grows and a date of expiry.

Claims: `iss` (the authority's DID), `version`, `iat`, `exp`, `members` (`[{"did", "title", "url"}]`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NewType, cast

from connector.errors import DeliveryError
from connector.http import GuardedHttp
from connector.identity.did import MEMBERS_SERVICE, DidResolver
from connector.identity.jws import InvalidToken, Unverified, read, sign, verify
from connector.identity.keys import SigningKey
from connector.identity.tokens import check_times

TYP = "members+jwt"
MAX_LIST_BYTES = 4 * 1024**2  # some 15,000 members
MAX_LIFETIME_SECONDS = 86400  # the most our own setting allows
FETCH_TIMEOUT_SECONDS = 3.0  # messages wait for it: shorter than what their senders wait for us


@dataclass(frozen=True, slots=True)
class Member:
    """A participant that the authority vouches for."""

    did: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class MemberList:
    """Who belonged to the data space, from the authority's hand, until `expires_at`."""

    authority: str
    version: int
    members: Mapping[str, Member]
    expires_at: datetime


VerifiedMemberList = NewType("VerifiedMemberList", MemberList)


def issue_member_list(
    key: SigningKey, *, version: int, members: Iterable[Member], now: datetime, lifetime_seconds: int
) -> str:
    """The signed list, as the authority serves it."""
    issued = int(now.timestamp())
    claims = {
        "iss": key.did,
        "version": version,
        "iat": issued,
        "exp": issued + lifetime_seconds,
        "members": [asdict(member) for member in members],
    }
    return sign(key, typ=TYP, claims=claims)


async def fetch_member_list(
    http: GuardedHttp, resolver: DidResolver, authority: str, *, clock: Callable[[], datetime], skew_seconds: int
) -> VerifiedMemberList:
    """The authority's current list; raises DeliveryError if there is none, or none that can be believed."""
    address = (await resolver.resolve(authority)).endpoint(MEMBERS_SERVICE)
    answer = await http.request("GET", address, max_bytes=MAX_LIST_BYTES, timeout_seconds=FETCH_TIMEOUT_SECONDS)
    if answer.status != 200:
        raise DeliveryError(f"{address} answered {answer.status} instead of the list of members")
    try:
        statement = read(answer.body.decode("ascii"), typ=TYP, max_bytes=MAX_LIST_BYTES)
        key = await resolver.find_key(authority, statement.kid)
        if key is None:
            raise InvalidToken(f"it is not signed with a key of {authority}")  # noqa: TRY301 -- as every other reason
        verify(statement, key)
        return VerifiedMemberList(_parse(statement, authority, now=clock(), skew_seconds=skew_seconds))
    except (InvalidToken, UnicodeDecodeError) as error:
        problem = str(error) if isinstance(error, InvalidToken) else "it is not text"
        raise DeliveryError(f"the list of members at {address} cannot be believed: {problem}") from None


def _parse(statement: Unverified, authority: str, *, now: datetime, skew_seconds: int) -> MemberList:
    claims = statement.claims
    version, iat, exp = (_number(claims, name) for name in ("version", "iat", "exp"))
    if claims.get("iss") != authority:
        raise InvalidToken("iss is not the authority")
    check_times(iat, exp, now=now, skew_seconds=skew_seconds, max_lifetime_seconds=MAX_LIFETIME_SECONDS)
    expires_at = datetime.fromtimestamp(exp, UTC)
    if expires_at <= now:  # no skew here: what is allowed for clocks must not prolong a membership
        raise InvalidToken("it has expired")
    members = parse_members(claims.get("members"))
    return MemberList(authority=authority, version=version, members=members, expires_at=expires_at)


def parse_members(value: Any) -> dict[str, Member]:
    """Members by DID, from the JSON of a list; raises InvalidToken if it has another form."""
    if not isinstance(value, list):
        raise InvalidToken("members is not an array")
    members = [_member(entry) for entry in cast("Sequence[Any]", value)]
    return {member.did: member for member in members}


def _member(value: Any) -> Member:
    entry: Mapping[str, Any] = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    did, title, url = (entry.get(name) for name in ("did", "title", "url"))
    if not (isinstance(did, str) and isinstance(title, str) and isinstance(url, str)):
        raise InvalidToken("a member is not an object of did, title and url")
    return Member(did=did, title=title, url=url)


def _number(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise InvalidToken(f"{name} is missing or not a number")
    return value
