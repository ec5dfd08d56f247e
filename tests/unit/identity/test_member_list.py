"""The authority's signed list, fetched from a real server."""

from typing import Any

import pytest

from connector.errors import DeliveryError
from connector.identity.did import DidResolver
from connector.identity.jws import sign
from connector.identity.keys import SigningKey
from connector.identity.member_list import Member, VerifiedMemberList, fetch_member_list, issue_member_list
from connector.identity.tokens import issue_token
from tests.support.loopback import Clock, Page, Participant, new_key, site, way_out

PATH = "/authority/members"
CLOCK = Clock()
NOW = int(CLOCK().timestamp())
ONE = Member(did="did:web:one.example", title="One", url="https://one.example")


def signed(key: SigningKey, *, typ: str = "members+jwt", **changes: Any) -> bytes:
    claims = {"iss": key.did, "version": 3, "iat": NOW, "exp": NOW + 300, "members": []} | changes
    return sign(key, typ=typ, claims={name: value for name, value in claims.items() if value is not None}).encode()


async def fetched(answer: Page | None = None, **changes: Any) -> VerifiedMemberList:
    """What comes of an authority that answers `answer`, or a good list with other claims."""
    async with site() as page, way_out(page) as http:
        authority = Participant(page, authority=True)
        page.pages[PATH] = signed(authority.key, **changes) if answer is None else answer
        resolver = DidResolver(http, cache_seconds=300)
        return await fetch_member_list(http, resolver, authority.did, clock=CLOCK, skew_seconds=30)


async def test_a_list_is_read_as_the_authority_issued_it():
    async with site() as page, way_out(page) as http:
        authority = Participant(page, authority=True)
        page.pages[PATH] = issue_member_list(
            authority.key, version=7, members=[ONE], now=CLOCK(), lifetime_seconds=300
        ).encode()
        resolver = DidResolver(http, cache_seconds=300)
        found = await fetch_member_list(http, resolver, authority.did, clock=CLOCK, skew_seconds=30)
    assert (found.authority, found.version, dict(found.members)) == (authority.did, 7, {ONE.did: ONE})
    assert found.expires_at.timestamp() == NOW + 300


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"iss": "did:web:other.example"}, "iss is not the authority", id="iss another"),
        pytest.param({"iss": None}, "iss is not the authority", id="no iss"),
        pytest.param({"version": None}, "version is missing", id="no version"),
        pytest.param({"version": -1}, "version is missing", id="negative version"),
        pytest.param({"version": "3"}, "version is missing", id="version a string"),
        pytest.param({"version": 2**53}, "version is missing", id="version too large"),
        pytest.param({"version": True}, "version is missing", id="version a boolean"),
        pytest.param({"exp": None}, "exp is missing", id="no expiry"),
        pytest.param({"iat": NOW - 300, "exp": NOW}, "it has expired", id="expired this moment"),
        pytest.param({"iat": NOW - 300, "exp": NOW - 60}, "exp is in the past", id="expired long ago"),
        pytest.param({"iat": NOW + 60}, "iat is in the future", id="from the future"),
        pytest.param({"exp": NOW + 86401}, "within 86400 s", id="lives too long"),
        pytest.param({"members": None}, "members is not an array", id="no members"),
        pytest.param({"members": {}}, "members is not an array", id="members an object"),
        pytest.param({"members": ["did:web:one.example"]}, "a member is not", id="member a string"),
        pytest.param({"members": [{"did": "did:web:one.example"}]}, "a member is not", id="member without title"),
        pytest.param({"typ": "message+jwt"}, "type is not members", id="another kind of statement"),
    ],
)
async def test_a_list_is_not_believed_and_the_reason_named(changes: dict[str, Any], problem: str):
    with pytest.raises(DeliveryError, match=problem):
        await fetched(**changes)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(503, "answered 503", id="broken"),
        pytest.param(b"<html>", "not a compact JWS", id="a page"),
        pytest.param(b"\xff\xfe", "not text", id="bytes"),
        pytest.param(b"", "not a compact JWS", id="nothing"),
        pytest.param(b"x" * (4 * 1024**2 + 1), "more than 4194304 bytes", id="too much"),
        pytest.param(signed(new_key("did:web:other.example")), "not signed with a key of", id="signed by another"),
        pytest.param(
            issue_token(
                new_key("did:web:x.example"), audience="a", body=b"", now=CLOCK(), jti="j", lifetime_seconds=60
            ).encode(),
            "type is not members",
            id="a message token",
        ),
    ],
)
async def test_what_is_not_the_list_is_a_delivery_error(answer: Page, problem: str):
    with pytest.raises(DeliveryError, match=problem):
        await fetched(answer)


async def test_a_list_signed_with_another_key_under_the_authoritys_name_is_not_believed():
    async with site() as page, way_out(page) as http:
        authority = Participant(page, authority=True)
        page.pages[PATH] = signed(new_key(authority.did))
        with pytest.raises(DeliveryError, match="signature"):
            await fetch_member_list(
                http, DidResolver(http, cache_seconds=300), authority.did, clock=CLOCK, skew_seconds=30
            )


async def test_a_participant_that_is_no_authority_has_no_list():
    async with site() as page, way_out(page) as http:
        with pytest.raises(DeliveryError, match="no service of type TidegateMembers"):
            await fetch_member_list(
                http, DidResolver(http, cache_seconds=300), Participant(page).did, clock=CLOCK, skew_seconds=30
            )
