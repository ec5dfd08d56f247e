"""The catalogue protocol of DSP 2025-1: `POST /catalog/request` and `GET /catalog/datasets/{id}`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from catalog.dcat import render_catalog, render_dataset, render_service
from catalog.model import Offering
from connector.errors import ConnectorError, MalformedMessage
from connector.exchange.routes import read_body, reasons, refusal
from connector.identity.verify import Peer, PeerRequest
from connector.offers.search import parse_filter
from connector.offers.service import Offers
from connector.protocol.checks import storable
from connector.protocol.messages import DSP_CONTEXT, CatalogError, CatalogRequestMessage
from connector.protocol.wire import parse_body

Verify = Callable[[PeerRequest], Awaitable[Peer]]


@dataclass(frozen=True, slots=True)
class CatalogPlace:
    """Whose catalogue it is and where: `endpoint_url` is the base of the protocol, without a slash at the end."""

    did: str
    title: str
    endpoint_url: str
    page_size: int
    max_message_bytes: int


def catalog_routes(offers: Offers, verify: Verify, place: CatalogPlace) -> list[Route]:
    """The two routes, relative to the base of the protocol."""

    async def request_catalog(request: Request) -> Response:
        body = await read_body(request, limit=place.max_message_bytes)
        await verify(PeerRequest(request.headers.get("authorization"), body))
        search = parse_filter(parse_body(body, expected=CatalogRequestMessage).filter or ())
        after = request.query_params.get("after", "")
        if not storable(after):
            raise MalformedMessage("after: expected what the link to the next page said")
        page = await offers.page(search, after=after, limit=place.page_size)
        headers = {"link": next_link(place, page.next_after)} if page.next_after else None
        return _answer(catalog_document(page.offerings, place), headers=headers)

    async def find_dataset(request: Request) -> Response:
        await verify(PeerRequest(request.headers.get("authorization"), b""))
        offering = await offers.offered(request.path_params["dataset"])
        return _answer({"@context": [DSP_CONTEXT]} | dataset_document(offering, place))

    return [
        Route("/catalog/request", _refusing(request_catalog), methods=["POST"]),
        Route("/catalog/datasets/{dataset:path}", _refusing(find_dataset), methods=["GET"]),
    ]


def catalog_document(offerings: tuple[Offering, ...], place: CatalogPlace) -> dict[str, Any]:
    """A page of the catalogue as a Catalog message."""
    catalog = render_catalog(
        place.did,
        [dataset_document(offering, place) for offering in offerings],
        catalog_id=f"{place.endpoint_url}/catalog",
        service=render_service(place.endpoint_url),
    )
    return {"@context": [DSP_CONTEXT], "dct:title": place.title} | catalog


def dataset_document(offering: Offering, place: CatalogPlace) -> dict[str, Any]:
    """One offering as a Dataset, without `@context`."""
    return render_dataset(offering, endpoint_url=place.endpoint_url, publisher_did=place.did)


def next_link(place: CatalogPlace, after: str) -> str:
    """A Link header's value (RFC 8288) for the page behind `after`."""
    return f'<{place.endpoint_url}/catalog/request?after={quote(after, safe="")}>; rel="next"'


def _refusing(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose errors become a CatalogError, the only body an error of this protocol may have."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ConnectorError as error:
            return refusal(error, CatalogError(code=error.code, reason=reasons(error)))

    return guarded


def _answer(document: dict[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), headers=headers, media_type="application/json")
