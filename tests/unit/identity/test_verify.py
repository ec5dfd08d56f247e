"""What is refused before anybody is asked: not the authority, not the sender, not the database."""

import pytest
from psycopg_pool import AsyncConnectionPool

from connector.errors import NotAuthenticated
from connector.identity.did import DidResolver
from connector.identity.member_list import VerifiedMemberList
from connector.identity.members import Members
from connector.identity.verify import PeerRequest, Verifier, utc_now
from connector.settings import IdentitySettings
from tests.support.loopback import way_out


async def nobody_asks() -> VerifiedMemberList:
    raise AssertionError("the authority was asked")


@pytest.mark.parametrize(
    ("authorization", "problem"),
    [
        pytest.param(None, "there is no token", id="no header"),
        pytest.param("", "there is no token", id="empty header"),
        pytest.param("Bearer", "there is no token", id="scheme alone"),
        pytest.param("Bearer ", "there is no token", id="scheme and a space"),
        pytest.param("Basic dTpw", "there is no token", id="another scheme"),
        pytest.param("bearer-token", "there is no token", id="no scheme"),
        pytest.param("Bearer garbage", "not a compact JWS", id="garbage"),
        pytest.param("Bearer a.b.c", "not a compact JWS", id="three letters"),
        pytest.param("bearer  a.b.c", "not a compact JWS", id="two spaces"),
        pytest.param("Bearer " + "x" * 70_000, "longer than 65536 bytes", id="too long"),
    ],
)
async def test_no_token_or_a_bad_one_is_not_authenticated(authorization: str | None, problem: str):
    async with way_out() as http:
        nowhere = AsyncConnectionPool("postgresql://nowhere", open=False)
        verifier = Verifier(
            did="did:web:ours.example",
            members=Members(
                authority="did:web:authority.example",
                fetch=nobody_asks,
                pool=nowhere,
                max_age_seconds=5,
                clock=utc_now,
            ),
            resolver=DidResolver(http, cache_seconds=300),
            pool=nowhere,
            settings=IdentitySettings(),
        )
        with pytest.raises(NotAuthenticated, match=problem):
            await verifier.verify_peer(PeerRequest(authorization, b""))
