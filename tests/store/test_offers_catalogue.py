"""The catalogue protocol, over HTTP, between a provider with a real database and a consumer."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from connector.db import Pool
from connector.errors import ConnectorError, DeliveryError, NotAuthenticated, PeerRefused
from connector.http import GuardedHttp
from connector.identity.did import DidResolver
from connector.identity.jws import InvalidToken
from connector.identity.keys import SigningKey, load_or_create_key
from connector.identity.routes import identity_routes
from connector.identity.tokens import issue_token, read_token, verify_token
from connector.identity.verify import Peer, PeerRequest
from connector.offers.addresses import PeerAddresses
from connector.offers.model import Source
from connector.offers.remote import Peers
from connector.offers.routes import CatalogPlace, catalog_routes
from connector.offers.search import FILTER
from connector.offers.service import Offers
from connector.protocol.messages import DSP_CONTEXT
from connector.protocol.versions import render_versions
from connector.settings import HttpSettings
from tests.unit.offers.builders import FOR_RESEARCH, description, publication
from tests.unit.offers.serving import listen, serving

CONSUMER = "did:web:consumer.example"


@dataclass
class Provider:
    """A provider that is being served, and the consumer's way to it."""

    url: str
    did: str
    offers: Offers
    http: GuardedHttp
    peers: Peers
    sign: Callable[[str, bytes], str]

    async def post(self, body: bytes, *, path: str = "/catalog/request", token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or self.sign(self.did, body)}"}
        answer = await self.http.request("POST", f"{self.url}/dsp/2025-1{path}", headers=headers, body=body)
        return answer.status, json.loads(answer.body)

    async def get(self, path: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.sign(self.did, b'')}"}
        answer = await self.http.request("GET", f"{self.url}/dsp/2025-1{path}", headers=headers)
        return answer.status, json.loads(answer.body)


def verifier(key: SigningKey, audience: str) -> Callable[[PeerRequest], Awaitable[Peer]]:
    """Verifies tokens of one known key: membership is not what these tests are about."""

    async def verify(request: PeerRequest) -> Peer:
        text = (request.authorization or "").removeprefix("Bearer ")
        now = datetime.now(UTC)
        try:
            token = read_token(text)
            verify_token(token, key=key.private, audience=audience, body=request.body, now=now, skew_seconds=5)
        except InvalidToken as error:
            raise NotAuthenticated(str(error)) from None
        return Peer(did=token.iss, token=text, token_issued_at=now, jti="", expires_at=now)

    return verify


@pytest.fixture
async def provider(pool: Pool, tmp_path: Path) -> AsyncIterator[Provider]:
    listening, host = listen()
    did, url = f"did:web:{host.replace(':', '%3A')}", f"http://{host}"
    consumer_key = load_or_create_key(tmp_path / "consumer.pem", CONSUMER)
    provider_key = load_or_create_key(tmp_path / "provider.pem", did)
    offers = Offers(pool)
    place = CatalogPlace(
        did=did, title="Delta", endpoint_url=f"{url}/dsp/2025-1", page_size=2, max_message_bytes=10_000
    )

    async def versions(_: Request) -> Response:
        return JSONResponse(render_versions())

    routes = [
        *identity_routes(provider_key, url, authority=False),
        Route("/.well-known/dspace-version", versions),
        Mount("/dsp/2025-1", routes=catalog_routes(offers, verifier(consumer_key, did), place)),
    ]

    def sign(audience: str, body: bytes) -> str:
        now = datetime.now(UTC)
        return issue_token(
            consumer_key, audience=audience, body=body, now=now, jti=str(uuid.uuid4()), lifetime_seconds=60
        )

    http = GuardedHttp(HttpSettings(allow=(host,)))
    addresses = PeerAddresses(http, DidResolver(http, cache_seconds=60), lifetime_seconds=60)
    async with serving(Starlette(routes=routes), listening):
        yield Provider(url, did, offers, http, Peers(http, sign, addresses.dsp_base), sign)
        await http.close()


def request_body(**members: Any) -> bytes:
    return json.dumps({"@context": [DSP_CONTEXT], "@type": "CatalogRequestMessage"} | members).encode()


async def publish_many(offers: Offers, *names: str) -> None:
    for name in names:
        entry = publication(source=Source(f"/data/{name}"), wished_id=name)
        await offers.publish(replace(entry, description=description(title=f"Run {name}", keywords=(name,))))


async def test_a_consumer_reads_each_offer_in_a_plain_sentence(provider: Provider) -> None:
    await provider.offers.publish(publication(policy=FOR_RESEARCH))
    catalog = await provider.peers.catalog(provider.did)
    (dataset,) = catalog.datasets
    (offer,) = dataset.offers
    assert (catalog.participant, catalog.title, catalog.complete) == (provider.did, "Delta", True)
    assert (dataset.id, dataset.title, dataset.total_bytes) == ("run", "Flood depth, Po delta", 5)
    assert dataset.formats == ("HttpData-PULL",)
    assert (offer.offer_id, offer.decidable) == ("run:1", True)
    assert "urn:purpose:research" in offer.sentence
    assert "Flood depth, Po delta" in offer.sentence


async def test_all_pages_are_read_in_order(provider: Provider) -> None:
    await publish_many(provider.offers, "e", "a", "c", "b", "d")
    catalog = await provider.peers.catalog(provider.did)
    assert [dataset.id for dataset in catalog.datasets] == ["a", "b", "c", "d", "e"]
    assert catalog.complete


async def test_a_catalogue_with_more_pages_than_are_read_says_so(provider: Provider) -> None:
    await publish_many(provider.offers, "a", "b", "c")
    catalog = await provider.peers.catalog(provider.did, max_pages=1)
    assert ([dataset.id for dataset in catalog.datasets], catalog.complete) == (["a", "b"], False)


async def test_a_search_is_made_by_the_provider_over_all_pages(provider: Provider) -> None:
    await publish_many(provider.offers, "alpha", "beta", "gamma", "gamut")
    catalog = await provider.peers.catalog(provider.did, text="gam")
    assert [dataset.id for dataset in catalog.datasets] == ["gamma", "gamut"]


async def test_an_empty_catalogue_has_no_empty_lists(provider: Provider) -> None:
    status, catalog = await provider.post(request_body())
    assert (status, catalog["@type"], catalog["participantId"]) == (200, "Catalog", provider.did)
    assert [value for value in catalog.values() if value == []] == []
    assert (await provider.peers.catalog(provider.did)).datasets == ()


async def test_a_dataset_is_found_by_id(provider: Provider) -> None:
    await provider.offers.publish(publication())
    status, document = await provider.get("/catalog/datasets/run")
    assert (status, document["@id"], document["@context"]) == (200, "run", [DSP_CONTEXT])
    assert document["hasPolicy"] == [{"@id": "run:1", "@type": "Offer", "permission": [{"action": "use"}]}]
    assert (await provider.peers.dataset(provider.did, "run")).offers[0].offer_id == "run:1"


@pytest.mark.parametrize("path", ["unknown", "gone", "..%2Frun", "r%00n", "%ED%A0%80"])
async def test_a_dataset_that_is_not_offered_is_a_404_with_a_catalog_error(provider: Provider, path: str) -> None:
    await provider.offers.publish(publication(source=Source("/data/gone"), wished_id="gone"))
    await provider.offers.withdraw("gone")
    status, error = await provider.get(f"/catalog/datasets/{path}")
    assert (status, error["@type"], error["code"]) == (404, "CatalogError", "unknown_process")


async def test_a_dataset_that_is_not_there_is_told_in_the_peers_words(provider: Provider) -> None:
    with pytest.raises(PeerRefused, match="404: there is no dataset 'nothing'"):
        await provider.peers.dataset(provider.did, "nothing")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"", "body", id="nothing"),
        pytest.param(b"{", "body", id="not JSON"),
        pytest.param(request_body(**{"@type": "Catalog"}), "@type", id="another message"),
        pytest.param(request_body(filter=[{"anything": 1}]), r"filter[0].anything", id="a filter of others"),
        pytest.param(request_body(filter=["flood"]), "filter[0]", id="a filter that is a string"),
        pytest.param(request_body(filter=[{f"{FILTER}bbox": [1, 2, 3]}]), "filter[0]", id="half a box"),
        pytest.param(request_body(filter=[{f"{FILTER}start": "yesterday"}]), "filter[0]", id="no time"),
        pytest.param(request_body(padding="x" * 20_000), "10000 bytes", id="too large"),
    ],
)
async def test_a_request_that_is_malformed_gets_400_and_a_catalog_error(
    provider: Provider, body: bytes, problem: str
) -> None:
    status, error = await provider.post(body)
    assert (status, error["@type"], error["code"]) == (400, "CatalogError", "malformed_message")
    assert problem in error["reason"][0]


async def test_a_place_in_the_catalogue_that_no_link_named_gets_400(provider: Provider) -> None:
    status, error = await provider.post(request_body(), path="/catalog/request?after=%00")
    assert (status, error["code"]) == (400, "malformed_message")


async def test_a_request_without_a_valid_token_gets_401_and_a_catalog_error(provider: Provider) -> None:
    token_for_another_body = provider.sign(provider.did, b"something else")
    status, error = await provider.post(request_body(), token=token_for_another_body)
    assert (status, error["@type"], error["code"]) == (401, "CatalogError", "not_authenticated")


# ---- peers that misbehave ----


def dataset(name: str) -> dict[str, Any]:
    service = {"@id": "svc", "@type": "DataService", "endpointURL": "https://provider.example"}
    return {
        "@id": name,
        "@type": "Dataset",
        "dct:title": [{"@value": f"Title of {name}", "@language": "en"}],
        "hasPolicy": [{"@id": f"{name}:1", "@type": "Offer", "permission": [{"action": "use"}]}],
        "distribution": [{"@type": "Distribution", "format": "HttpData-PULL", "accessService": service}],
    }


def catalog(*datasets: dict[str, Any]) -> dict[str, Any]:
    base = {"@context": [DSP_CONTEXT], "@type": "Catalog", "@id": "c", "participantId": "did:web:peer"}
    return base | ({"dataset": list(datasets)} if datasets else {})


Answer = Callable[[Any, str], Response]


@asynccontextmanager
async def scripted_peer(answer: Answer) -> AsyncIterator[Peers]:
    """A peer that answers what the test says; the test sees the request's body and host."""
    listening, host = listen()

    async def reply(request: Request) -> Response:
        return answer(json.loads(await request.body()), host)

    http = GuardedHttp(HttpSettings(allow=(host,), request_timeout_seconds=2))

    async def base(_: str) -> str:
        return f"http://{host}"

    async with serving(Starlette(routes=[Route("/{path:path}", reply, methods=["POST"])]), listening):
        yield Peers(http, lambda did, body: "token", base)
        await http.close()


async def test_a_peer_that_knows_no_filter_is_searched_here() -> None:
    def answer(body: Any, host: str) -> Response:
        if body.get("filter"):
            error = {"@context": [DSP_CONTEXT], "@type": "CatalogError", "code": "400", "reason": ["no filters"]}
            return JSONResponse(error, status_code=400)
        return JSONResponse(catalog(dataset("flood"), dataset("wind")))

    async with scripted_peer(answer) as peers:
        found = await peers.catalog("did:web:peer", text="title FLO")
    assert [(each.id, each.title) for each in found.datasets] == [("flood", "Title of flood")]


async def test_datasets_of_nested_catalogues_are_found() -> None:
    nested = {"@id": "n", "@type": "Catalog", "dataset": [dataset("inner")]}
    async with scripted_peer(
        lambda body, host: JSONResponse(catalog(dataset("outer")) | {"catalog": [nested]})
    ) as peers:
        found = await peers.catalog("did:web:peer")
    assert [each.id for each in found.datasets] == ["outer", "inner"]


async def test_terms_that_cannot_be_read_are_shown_as_such_and_hide_nothing() -> None:
    strange = dataset("strange")
    constraint = {"leftOperand": "phaseOfTheMoon", "operator": "eq", "rightOperand": "full"}
    strange["hasPolicy"][0]["permission"][0]["constraint"] = [constraint]
    async with scripted_peer(lambda body, host: JSONResponse(catalog(strange, dataset("plain")))) as peers:
        found = await peers.catalog("did:web:peer")
    first, second = (each.offers[0] for each in found.datasets)
    assert (first.decidable, second.decidable) == (False, True)
    assert "phaseOfTheMoon" in first.sentence
    assert first.policy == strange["hasPolicy"][0]


def _garbage(body: Any, host: str) -> Response:
    return Response(b"<html>", media_type="text/html")


def _wrong_kind(body: Any, host: str) -> Response:
    return JSONResponse(dataset("x") | {"@context": [DSP_CONTEXT]})


def _no_content(body: Any, host: str) -> Response:
    return Response(b"")


def _too_much(body: Any, host: str) -> Response:
    return Response(b"[" * 5_000_000)


def _server_error(body: Any, host: str) -> Response:
    return Response(b"oops", status_code=503)


def _page_elsewhere(body: Any, host: str) -> Response:
    return JSONResponse(catalog(), headers={"link": '<https://elsewhere.example/c>; rel="next"'})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(_garbage, "did not answer with a Catalog", id="garbage"),
        pytest.param(_wrong_kind, "did not answer with a Catalog", id="another message"),
        pytest.param(_no_content, "did not answer with a Catalog", id="nothing"),
        pytest.param(_too_much, "more than", id="too much"),
        pytest.param(_server_error, "503", id="a server error"),
        pytest.param(_page_elsewhere, "at another address, not followed", id="a next page elsewhere"),
    ],
)
async def test_a_peer_that_answers_badly_is_a_delivery_error(answer: Answer, problem: str) -> None:
    async with scripted_peer(answer) as peers:
        with pytest.raises(DeliveryError, match=problem):
            await peers.catalog("did:web:peer")


async def test_a_peer_whose_pages_never_end_is_left_after_the_bound() -> None:
    def endless(body: Any, host: str) -> Response:
        return JSONResponse(catalog(dataset("x")), headers={"link": '</catalog/request?again>; rel="next"'})

    async with scripted_peer(endless) as peers:
        found = await peers.catalog("did:web:peer", max_pages=5)
    assert (len(found.datasets), found.complete) == (1, False)


async def test_a_refusal_is_told_in_the_peers_words() -> None:
    def refuse(body: Any, host: str) -> Response:
        error = {"@context": [DSP_CONTEXT], "@type": "CatalogError", "code": "no", "reason": ["not for you"]}
        return JSONResponse(error, status_code=403)

    async with scripted_peer(refuse) as peers:
        with pytest.raises(PeerRefused, match="403: not for you"):
            await peers.catalog("did:web:peer")


# ---- where a peer is ----


@asynccontextmanager
async def peer_with(document: Any, versions: Any) -> AsyncIterator[tuple[PeerAddresses, str]]:
    listening, host = listen()
    did = f"did:web:{host.replace(':', '%3A')}"

    async def did_document(_: Request) -> Response:
        return JSONResponse(document(did, host))

    async def version_document(_: Request) -> Response:
        return JSONResponse(versions)

    http = GuardedHttp(HttpSettings(allow=(host,)))
    routes = [Route("/.well-known/did.json", did_document), Route("/.well-known/dspace-version", version_document)]
    async with serving(Starlette(routes=routes), listening):
        yield PeerAddresses(http, DidResolver(http, cache_seconds=60), lifetime_seconds=60), did
        await http.close()


def _with_service(did: str, host: str) -> dict[str, Any]:
    service = {"id": "#dsp", "type": "DataService", "serviceEndpoint": f"http://{host}/.well-known/dspace-version"}
    return {"id": did, "service": [service]}


OTHER_VERSION = {"version": "2024-1", "path": "/old", "binding": "HTTPS"}
OUR_VERSION = {"version": "2025-1", "path": "/somewhere/dsp/", "binding": "HTTPS"}


async def test_the_base_address_is_found_by_the_did_alone() -> None:
    async with peer_with(_with_service, {"protocolVersions": [OTHER_VERSION, OUR_VERSION]}) as (addresses, did):
        base = await addresses.dsp_base(did)
        assert await addresses.dsp_base(did) == base
    assert base.removeprefix("http://localhost:").partition("/")[2] == "somewhere/dsp"


@pytest.mark.parametrize(
    ("document", "versions", "problem"),
    [
        pytest.param(lambda did, host: {"id": did}, {}, "no service of type DataService", id="no service"),
        pytest.param(_with_service, {"protocolVersions": [OTHER_VERSION]}, "does not speak", id="an old version"),
        pytest.param(_with_service, ["garbage"], "did not answer with the versions", id="garbage"),
        pytest.param(lambda did, host: {"id": "did:web:x"}, {}, "is not its DID document", id="somebody else's"),
    ],
)
async def test_a_peer_whose_address_cannot_be_found_says_what_is_missing(
    document: Any, versions: Any, problem: str
) -> None:
    async with peer_with(document, versions) as (addresses, did):
        with pytest.raises(ConnectorError, match=problem) as refused:
            await addresses.dsp_base(did)
    assert isinstance(refused.value, DeliveryError)
