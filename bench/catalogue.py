"""The first page of a catalogue, as a member of the data space gets it over HTTP, for catalogues of growing size."""

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from bench.client import MeasurementFailed
from bench.figures import spread
from bench.publish import publish, read_run
from bench.sizes import Sizes
from bench.tell import tell
from connector.app import KEY_FILE
from connector.demo.space import DataSpace
from connector.identity.keys import SigningKey, load_or_create_key
from connector.identity.tokens import issue_token
from connector.protocol.messages import CatalogRequestMessage
from connector.protocol.wire import encode

REPORTED_OFFERINGS = 1000
TOKEN_SECONDS = 60


def measure(space: DataSpace, sizes: Sizes) -> dict[str, Any]:
    """The figure for a catalogue of 1,000 offerings (or the largest measured), and the curve over all sizes."""
    curve = asyncio.run(_curve(space, sizes))
    reported = next((point for point in curve if point["offerings"] == REPORTED_OFFERINGS), curve[-1])
    return {**reported, "curve": curve}


async def _curve(space: DataSpace, sizes: Sizes) -> list[dict[str, Any]]:
    provider, consumer = space["provider"], space["consumer"]
    key = load_or_create_key(consumer.home / KEY_FILE, consumer.did)
    run = read_run(space)
    curve: list[dict[str, Any]] = []
    published = 0
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session:
        for size in sizes.catalogue_offerings:
            tell(f"catalogue of {size} offerings")
            await publish(provider, (run.copy(number) for number in range(published, size)))
            published = size
            pages = [await _first_page(session, provider.url, provider.did, key) for _ in range(sizes.catalogue_pages)]
            curve.append({"offerings": size, **_figures(pages)})
    return curve


def _figures(pages: list[tuple[float, bytes]]) -> dict[str, Any]:
    body = pages[-1][1]
    return {
        "requests": len(pages),
        "datasets_in_page": len(orjson.loads(body)["dataset"]),
        "page_bytes": len(body),
        **spread([seconds for seconds, _ in pages], "first_page"),
    }


async def _first_page(session: aiohttp.ClientSession, url: str, did: str, key: SigningKey) -> tuple[float, bytes]:
    """Seconds from the request to the last byte, and the page. Making the token is the consumer's work, not counted."""
    body = encode(CatalogRequestMessage())
    token = issue_token(
        key,
        audience=did,
        body=body,
        now=datetime.now(UTC),
        jti=str(uuid.uuid4()),
        lifetime_seconds=TOKEN_SECONDS,
    )
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{url}/dsp/2025-1/catalog/request", data=body, headers=headers) as answer:
        content = await answer.read()
    seconds = time.perf_counter() - began
    if answer.status != 200:
        raise MeasurementFailed(f"the catalogue answered {answer.status}: {content[:300].decode()}")
    return seconds, content
