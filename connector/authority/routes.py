"""What everybody may read of the authority: the signed list of members."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.authority.service import sign_list
from connector.db import Pool, connection
from connector.identity.keys import SigningKey


def authority_routes(
    pool: Pool, key: SigningKey, *, lifetime_seconds: int, clock: Callable[[], datetime]
) -> list[Route]:
    """`GET /authority/members`: a compact JWS (`identity.member_list`), valid for `lifetime_seconds`."""

    async def read_members(_: Request) -> Response:
        async with connection(pool) as conn:
            signed = await sign_list(conn, key, now=clock(), lifetime_seconds=lifetime_seconds)
        return Response(signed, media_type="application/jwt", headers={"Cache-Control": "no-store"})

    return [Route("/authority/members", read_members, methods=["GET"])]
