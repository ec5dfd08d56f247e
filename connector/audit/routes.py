"""GET /log/leaves?agreement=ID: what we recorded about an agreement, for the authority and nobody else."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.audit.record import RecordedLeaf, parse_leaves, render_leaf
from connector.audit.store import list_agreement_leaves
from connector.db import Pool, connection
from connector.errors import ConnectorError, DeliveryError, MalformedMessage, NotAuthorized, PeerRefused
from connector.http import GuardedHttp

PATH = "/log/leaves"

# Which DID sent a request with this Authorization field and body; raises NotAuthenticated.
WhoAsks = Callable[[str | None, bytes], Awaitable[str]]
# A token for this audience (a DID) and body.
TokenFor = Callable[[str, bytes], str]


def routes(pool: Pool, *, who_asks: WhoAsks, authority_did: str) -> list[Route]:
    """The routes of the log on the public surface."""

    async def leaves(request: Request) -> Response:
        """All leaves of an agreement, process by process, in the order of writing."""
        try:
            asking = await who_asks(request.headers.get("authorization"), await request.body())
            if asking != authority_did:
                raise NotAuthorized("only the authority of the data space may read the log")
            agreement = request.query_params.get("agreement")
            if not agreement:
                raise MalformedMessage("the query parameter agreement is missing")
            async with connection(pool) as conn:
                stored = await list_agreement_leaves(conn, agreement=agreement)
        except ConnectorError as error:
            return _json(error.status, error.as_json())
        return _json(200, {"agreement": agreement, "leaves": [render_leaf(leaf) for leaf in stored]})

    return [Route(PATH, leaves, methods=["GET"])]


async def fetch_leaves(
    http: GuardedHttp, *, url: str, did: str, agreement: str, token_for: TokenFor, max_bytes: int | None = None
) -> tuple[RecordedLeaf, ...]:
    """The authority's side: what the member `did`, reachable at `url`, recorded; an unknown agreement has no leaves.

    Raises DeliveryError or PeerRefused when the member gives no answer, MalformedMessage when it is not one.
    """
    response = await http.request(
        "GET",
        f"{url}{PATH}?{urlencode({'agreement': agreement})}",
        headers={"Authorization": f"Bearer {token_for(did, b'')}"},
        max_bytes=max_bytes,
    )
    if response.status >= 500:
        raise DeliveryError(f"{did} answered {response.status} to the question for its leaves")
    if response.status != 200:
        raise PeerRefused(f"{did} answered {response.status} to the question for its leaves")
    return parse_leaves(response.body)


def _json(status: int, document: object) -> Response:
    return Response(orjson.dumps(document), status_code=status, media_type="application/json")
