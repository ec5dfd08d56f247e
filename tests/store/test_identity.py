"""Who is let in: verifiers on a real database, with peers and an authority on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import pytest
from structlog.testing import capture_logs

from connector.db import Pool, connection
from connector.errors import NotAuthenticated, StorageError, TrustUnavailable
from connector.http import GuardedHttp
from connector.identity.did import DidResolver
from connector.identity.member_list import Member, fetch_member_list, issue_member_list
from connector.identity.members import Members
from connector.identity.store import purge_used_tokens
from connector.identity.tokens import issue_token
from connector.identity.verify import Peer, PeerRequest, Verifier
from connector.settings import IdentitySettings
from tests.support.loopback import Clock, Participant, Site, new_key, site, way_out

MEMBERS_PATH = "/authority/members"
BODY = b'{"@type":"ContractRequestMessage"}'
OURS = "did:web:ours.example"
SETTINGS = IdentitySettings(members_max_age_seconds=5, members_lifetime_seconds=300)


class Space:
    """An authority and a peer on loopback, and verifiers of ours that share a database."""

    def __init__(self, pool: Pool, authority: Site, peer: Site, http: GuardedHttp) -> None:
        self.pool = pool
        self.http = http
        self.clock = Clock()
        self.authority = Participant(authority, authority=True)
        self.peer = Participant(peer)
        self.version = 1
        self.members = [self.peer.did]
        self.tokens = 0
        authority.pages[MEMBERS_PATH] = self.signed_list
        self.verifier = self.new_verifier()

    def signed_list(self) -> bytes:
        members = [Member(did=did, title="A member", url="https://member.example") for did in self.members]
        return issue_member_list(
            self.authority.key, version=self.version, members=members, now=self.clock(), lifetime_seconds=300
        ).encode()

    def admit(self, *dids: str) -> None:
        self.version += 1
        self.members = list(dids)

    def new_verifier(self) -> Verifier:
        """As after a restart, or in another process: nothing in memory, the same database."""
        resolver = DidResolver(self.http, cache_seconds=300, monotonic=self.clock.monotonic)
        fetch = partial(fetch_member_list, self.http, resolver, self.authority.did, clock=self.clock, skew_seconds=30)
        members = Members(
            authority=self.authority.did,
            fetch=fetch,
            pool=self.pool,
            max_age_seconds=SETTINGS.members_max_age_seconds,
            clock=self.clock,
            monotonic=self.clock.monotonic,
        )
        return Verifier(
            did=OURS, members=members, resolver=resolver, pool=self.pool, settings=SETTINGS, clock=self.clock
        )

    def request(self, sender: Participant | None = None, *, body: bytes = BODY) -> PeerRequest:
        """A good message with a fresh token."""
        self.tokens += 1
        key = (sender or self.peer).key
        token = issue_token(
            key, audience=OURS, body=body, now=self.clock(), jti=f"token-{self.tokens}", lifetime_seconds=60
        )
        return PeerRequest(f"Bearer {token}", body)

    async def verify(self, request: PeerRequest | None = None) -> Peer:
        return await self.verifier.verify_peer(request or self.request())


@pytest.fixture
async def space(pool: Pool) -> AsyncIterator[Space]:
    async with AsyncExitStack() as stack:
        authority = await stack.enter_async_context(site())
        peer = await stack.enter_async_context(site())
        http = await stack.enter_async_context(way_out(authority, peer))
        yield Space(pool, authority, peer, http)


async def test_a_member_is_known_by_its_token(space: Space):
    request = space.request()
    peer = await space.verify(request)
    assert (peer.did, peer.jti) == (space.peer.did, "token-1")
    assert f"Bearer {peer.token}" == request.authorization
    assert peer.token_issued_at == space.clock()
    assert peer.expires_at == space.clock() + timedelta(seconds=60 + 30)


async def test_the_authority_is_known_without_being_on_its_list(space: Space):
    assert (await space.verify(space.request(space.authority))).did == space.authority.did


async def test_a_token_does_not_hold_for_another_body(space: Space):
    request = space.request()
    with pytest.raises(NotAuthenticated, match="another message"):
        await space.verify(PeerRequest(request.authorization, BODY + b" "))


async def test_a_token_for_somebody_else_is_refused(space: Space):
    token = issue_token(
        space.peer.key, audience="did:web:other.example", body=BODY, now=space.clock(), jti="x", lifetime_seconds=60
    )
    with pytest.raises(NotAuthenticated, match="aud is another"):
        await space.verify(PeerRequest(f"Bearer {token}", BODY))


async def test_a_token_signed_with_a_key_that_is_not_in_the_did_document_is_refused(space: Space):
    space.peer.key = new_key(space.peer.did)
    with pytest.raises(NotAuthenticated, match="signature"):
        await space.verify()
    space.peer.key = new_key(space.peer.did, "key-9")
    with pytest.raises(NotAuthenticated, match="kid is not in the DID document"):
        await space.verify()


async def test_a_stranger_is_refused_and_its_did_is_never_fetched(space: Space):
    async with site() as elsewhere:
        with pytest.raises(NotAuthenticated, match="not a member"):
            await space.verify(space.request(Participant(elsewhere)))
        assert elsewhere.hits.total() == 0


async def test_a_token_is_good_once_for_all_verifiers_on_one_database(space: Space):
    request = space.request()
    other = space.new_verifier()
    await space.verifier.verify_peer(request)
    for verifier in (space.verifier, other):
        with pytest.raises(NotAuthenticated, match="used before"):
            await verifier.verify_peer(request)


async def test_of_many_uses_at_the_same_time_one_is_let_in(space: Space):
    request = space.request()
    verifiers = [space.new_verifier() for _ in range(4)]
    results = await asyncio.gather(
        *(verifier.verify_peer(request) for verifier in verifiers for _ in range(4)), return_exceptions=True
    )
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["NotAuthenticated"] * 15 + ["Peer"]


async def test_the_caller_may_use_up_the_token_itself(space: Space):
    request = space.request()
    peer = await space.verifier.verify_peer(request, consume=False)
    assert await space.verifier.verify_peer(request, consume=False) == peer
    await space.verifier.use_token(peer)
    with pytest.raises(NotAuthenticated, match="used before"):
        await space.verifier.use_token(peer)


async def test_the_same_jti_of_another_sender_is_another_token(space: Space):
    await space.verify(space.request())
    space.tokens = 0
    assert (await space.verify(space.request(space.authority))).jti == "token-1"


async def test_a_used_token_is_remembered_as_long_as_it_would_be_accepted(space: Space):
    request = space.request()
    peer = await space.verify(request)

    async def purge() -> int:
        async with connection(space.pool) as conn:
            return await purge_used_tokens(conn, now=space.clock())

    space.clock.passes(89)
    assert await purge() == 0
    with pytest.raises(NotAuthenticated, match="used before"):
        await space.verify(request)
    space.clock.passes(2)
    assert space.clock() > peer.expires_at
    assert await purge() == 1
    with pytest.raises(NotAuthenticated, match="exp is in the past"):
        await space.verify(request)


async def test_a_removed_member_is_refused_within_the_stated_time(space: Space):
    await space.verify()
    space.admit()
    space.clock.passes(SETTINGS.members_max_age_seconds - 0.1)
    await space.verify()
    space.clock.passes(0.1)
    with pytest.raises(NotAuthenticated, match="not a member"):
        await space.verify()


async def test_a_newcomer_need_not_wait_for_the_next_list(space: Space):
    newcomer, space.members = space.peer, []
    with pytest.raises(NotAuthenticated, match="not a member"):
        await space.verify()
    space.admit(newcomer.did)
    space.clock.passes(0.5)
    await space.verify()


async def test_strangers_cannot_make_us_ask_the_authority_all_the_time(space: Space):
    space.members = []
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            await space.verify()
    assert space.authority.site.hits[MEMBERS_PATH] == 1


async def test_requests_at_the_same_time_share_one_question_to_the_authority(space: Space):
    await asyncio.gather(*(space.verify() for _ in range(20)))
    assert space.authority.site.hits[MEMBERS_PATH] == 1
    space.clock.passes(5)
    await asyncio.gather(*(space.verify() for _ in range(20)))
    assert space.authority.site.hits[MEMBERS_PATH] == 2


async def test_while_the_authority_is_away_its_list_holds_until_it_expires(space: Space):
    await space.verify()
    await space.authority.site.stop()
    space.clock.passes(299)
    with capture_logs() as logs:
        await space.verify()
        await space.verify()
    assert [entry["event"] for entry in logs] == ["members_unreachable"]
    space.clock.passes(1)
    with pytest.raises(TrustUnavailable, match="no valid list of members") as refused:
        await space.verify()
    assert (refused.value.status, refused.value.retry) == (503, True)


async def test_when_the_authority_is_back_members_are_let_in_again(space: Space):
    await space.verify()
    await space.authority.site.stop()
    space.clock.passes(301)
    with pytest.raises(TrustUnavailable):
        await space.verify()
    await space.authority.site.start()
    space.clock.passes(0.5)
    await space.verify()


async def test_the_list_survives_a_restart_while_the_authority_is_away(space: Space):
    await space.verify()
    await space.authority.site.stop()
    space.clock.passes(200)
    assert await space.new_verifier().verify_peer(space.request())
    space.clock.passes(100)
    with pytest.raises(TrustUnavailable):
        await space.new_verifier().verify_peer(space.request())


async def test_without_any_list_nobody_is_let_in(space: Space):
    await space.authority.site.stop()
    with pytest.raises(TrustUnavailable):
        await space.verify()


async def test_an_older_list_is_not_believed_also_after_a_restart(space: Space):
    space.admit()
    with pytest.raises(NotAuthenticated, match="not a member"):
        await space.verify()
    space.version, space.members = 1, [space.peer.did]
    space.clock.passes(10)
    with capture_logs() as logs, pytest.raises(NotAuthenticated, match="not a member"):
        await space.verify()
    assert "older than one seen before" in logs[0]["problem"]
    with pytest.raises(NotAuthenticated, match="not a member"):
        await space.new_verifier().verify_peer(space.request())


async def test_an_older_list_does_not_prolong_the_newer_one(space: Space):
    space.admit(space.peer.did)
    await space.verify()
    space.version = 1
    space.clock.passes(300)
    with pytest.raises(TrustUnavailable):
        await space.verify()


async def test_a_list_that_contradicts_one_of_the_same_version_is_not_believed(space: Space):
    await space.verify()
    space.members = ["did:web:other.example"]
    space.clock.passes(10)
    await space.verify()


async def test_an_expired_list_is_not_believed(space: Space):
    old = space.signed_list()
    space.authority.site.pages[MEMBERS_PATH] = old
    space.clock.passes(301)
    with pytest.raises(TrustUnavailable):
        await space.verify()


async def test_a_peer_whose_did_document_is_away_is_not_trusted_now_and_may_try_again(space: Space):
    await space.peer.site.stop()
    with pytest.raises(TrustUnavailable, match=r"keys of .* cannot be read"):
        await space.verify()
    await space.peer.site.start()
    await space.verify()


async def test_without_the_database_nobody_is_let_in(space: Space):
    await space.verify()
    await space.pool.close()
    with pytest.raises(StorageError):
        await space.verify()
