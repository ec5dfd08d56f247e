"""What everybody may read about us: the DID document."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.identity.did import did_document
from connector.identity.keys import SigningKey


def identity_routes(key: SigningKey, public_url: str, *, authority: bool) -> list[Route]:
    """`GET /.well-known/did.json`; with the authority's service if that role is switched on."""
    document = orjson.dumps(did_document(key, public_url, authority=authority))

    async def read_did_document(_: Request) -> Response:
        return Response(document, media_type="application/did+json")

    return [Route("/.well-known/did.json", read_did_document, methods=["GET"])]
