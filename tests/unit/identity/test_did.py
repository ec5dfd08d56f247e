"""DID documents: where they are, what is taken from them, and how they are kept."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from connector.errors import AddressRefused, DeliveryError, InvalidInput
from connector.identity.did import DidResolver, did_document, did_web_url, parse_did_document
from tests.support.loopback import Clock, Participant, new_key, site, way_out

DID = "did:web:connector.example"
KEY = new_key(DID)


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:connector.example", "https://connector.example/.well-known/did.json"),
        ("did:web:connector.example%3A8443", "https://connector.example:8443/.well-known/did.json"),
        ("did:web:connector.example:sites:one", "https://connector.example/sites/one/did.json"),
        ("did:web:localhost%3A9102", "http://localhost:9102/.well-known/did.json"),
        ("did:web:localhost%3A9102:holder", "http://localhost:9102/holder/did.json"),
        ("did:web:127.0.0.1%3a9102", "http://127.0.0.1:9102/.well-known/did.json"),
        ("did:web:%5B%3A%3A1%5D%3A9102", "http://[::1]:9102/.well-known/did.json"),
    ],
)
def test_the_document_of_a_did_has_one_address(did: str, url: str):
    assert did_web_url(did) == url


@pytest.mark.parametrize(
    "did",
    [
        pytest.param("", id="empty"),
        pytest.param("did:web:", id="no host"),
        pytest.param("did:key:z6Mk", id="other method"),
        pytest.param("x did:web:example.org", id="something before"),
        pytest.param("https://example.org", id="address"),
        pytest.param("did:web:user%40example.org", id="user"),
        pytest.param("did:web:example.org%2Fevil", id="slash in host"),
        pytest.param("did:web:example.org%3Fq", id="query in host"),
        pytest.param("did:web:example.org/path", id="path"),
        pytest.param("did:web:example.org#key-1", id="fragment"),
        pytest.param("did:web:example.org:..:x", id="dots"),
        pytest.param("did:web:example.org:%2e%2e", id="encoded dots"),
        pytest.param("did:web:example.org::x", id="empty segment"),
        pytest.param("did:web:example.org%3Aport", id="port not a number"),
        pytest.param("did:web:exa mple.org", id="space"),
        pytest.param("did:web:example.org%0d%0aX", id="line break"),
        pytest.param("did:web:example.org\n", id="line break at the end"),
        pytest.param("did:web:" + "a" * 600, id="too long"),
    ],
)
def test_what_is_no_did_web_is_refused(did: str):
    with pytest.raises(InvalidInput, match="not a did:web"):
        did_web_url(did)


def test_our_document_is_read_back_as_it_was_meant():
    document = did_document(KEY, "https://connector.example", authority=True)
    found = parse_did_document(document, DID)
    assert list(found.keys) == [KEY.kid]
    assert found.keys[KEY.kid].as_dict(private=False)["x"] == KEY.public_jwk()["x"]
    assert found.endpoint("DataService") == "https://connector.example/.well-known/dspace-version"
    assert found.endpoint("TidegateMembers") == "https://connector.example/authority/members"
    assert '"d"' not in orjson.dumps(document).decode()


def test_only_an_authority_offers_a_list_of_members():
    with pytest.raises(DeliveryError, match="no service of type TidegateMembers"):
        parse_did_document(did_document(KEY, "https://connector.example"), DID).endpoint("TidegateMembers")


def document(**changes: Any) -> dict[str, Any]:
    return did_document(KEY, "https://connector.example") | changes


def method(**changes: Any) -> dict[str, Any]:
    return {"id": KEY.kid, "type": "JsonWebKey2020", "controller": DID, "publicKeyJwk": KEY.public_jwk()} | changes


@pytest.mark.parametrize(
    ("changes", "kids"),
    [
        pytest.param({"authentication": [method()]}, [KEY.kid], id="key inside authentication"),
        pytest.param({"authentication": ["#key-1"]}, [KEY.kid], id="relative reference"),
        pytest.param({"verificationMethod": [method(id="#key-1")]}, [KEY.kid], id="relative id"),
        pytest.param({"authentication": []}, [], id="not for authentication"),
        pytest.param({"authentication": ["did:web:other.example#key-1"]}, [], id="key of another document"),
        pytest.param(
            {"verificationMethod": [method(controller="did:web:other.example")]}, [], id="controlled by another"
        ),
        pytest.param({"verificationMethod": [method(publicKeyJwk={"kty": "EC"})]}, [], id="key not whole"),
        pytest.param(
            {"verificationMethod": [method(publicKeyJwk=KEY.public_jwk() | {"x": "AAAA"})]}, [], id="not on the curve"
        ),
        pytest.param(
            {"verificationMethod": [method(publicKeyJwk=ECKey.generate_key("P-384").as_dict(private=False))]},
            [],
            id="other curve",
        ),
        pytest.param({"verificationMethod": [method(publicKeyJwk={"kty": "oct", "k": "AAAA"})]}, [], id="symmetric"),
    ],
)
def test_only_good_p256_keys_for_authentication_are_taken(changes: dict[str, Any], kids: list[str]):
    assert list(parse_did_document(document(**changes), DID).keys) == kids


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.sampled_from([DID, KEY.kid, "EC", "P-256"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "controller", "publicKeyJwk", "kty", "crv", "x", "y", "type", "serviceEndpoint"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(document(), JSON)) | JSON)
def test_any_json_is_a_document_or_a_delivery_error(value: Any):
    try:
        found = parse_did_document(value, DID)
    except DeliveryError:
        return
    assert found.did == DID


async def test_a_document_is_fetched_once_and_again_when_it_is_old():
    clock = Clock()
    async with site() as page, way_out(page) as http:
        peer = Participant(page)
        resolver = DidResolver(http, cache_seconds=300, monotonic=clock.monotonic)
        for _ in range(3):
            assert list((await resolver.resolve(peer.did)).keys) == [peer.key.kid]
        assert page.hits.total() == 1
        clock.passes(300)
        await resolver.resolve(peer.did)
        assert page.hits.total() == 2


async def test_requests_at_the_same_time_share_one_fetch():
    async with site() as page, way_out(page) as http:
        peer = Participant(page)
        resolver = DidResolver(http, cache_seconds=300)
        await asyncio.gather(*(resolver.find_key(peer.did, peer.key.kid) for _ in range(20)))
        assert page.hits.total() == 1


async def test_a_new_key_is_found_and_nobody_can_make_us_look_all_the_time():
    clock = Clock()
    async with site() as page, way_out(page) as http:
        peer = Participant(page)
        resolver = DidResolver(http, cache_seconds=300, monotonic=clock.monotonic)
        assert await resolver.find_key(peer.did, peer.key.kid) is not None
        peer.key = new_key(peer.did, "key-2")
        peer.publish()
        for _ in range(5):
            assert await resolver.find_key(peer.did, peer.key.kid) is None
        assert page.hits.total() == 1
        clock.passes(5)
        assert await resolver.find_key(peer.did, peer.key.kid) is not None
        assert page.hits.total() == 2


async def test_an_old_document_is_not_used_when_the_new_one_cannot_be_had():
    clock = Clock()
    async with site() as page, way_out(page) as http:
        peer = Participant(page)
        resolver = DidResolver(http, cache_seconds=300, monotonic=clock.monotonic)
        await resolver.resolve(peer.did)
        await page.stop()
        await resolver.resolve(peer.did)
        clock.passes(300)
        with pytest.raises(DeliveryError, match="not reachable"):
            await resolver.resolve(peer.did)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(404, "answered 404", id="not found"),
        pytest.param(500, "answered 500", id="broken"),
        pytest.param(b"<html>", "not JSON", id="not JSON"),
        pytest.param(b"[]", "not its DID document", id="other JSON"),
        pytest.param(orjson.dumps(document()), "not its DID document", id="document of another"),
        pytest.param(b" " * 300_000, "more than 262144 bytes", id="too much"),
    ],
)
async def test_what_is_not_the_document_is_a_delivery_error(answer: bytes | int, problem: str):
    async with site() as page, way_out(page) as http:
        page.pages["/.well-known/did.json"] = answer
        with pytest.raises(DeliveryError, match=problem):
            await DidResolver(http, cache_seconds=300).resolve(page.did)


async def test_a_did_does_not_lead_to_a_private_address():
    async with site() as page, way_out() as http:
        with pytest.raises(AddressRefused):
            await DidResolver(http, cache_seconds=300).resolve(page.did)
        assert page.hits.total() == 0
