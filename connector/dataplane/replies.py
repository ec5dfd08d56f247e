"""What a provider's answers mean to a download."""

import re
from base64 import b64decode
from typing import Any, cast

import orjson

from connector.dataplane.answers import disposition_name
from connector.dataplane.manifest import Entry, MalformedManifest, check_path
from connector.errors import DataChanged, DeliveryError, PeerRefused
from connector.http import Response, Stream

# Of an error's explanation.
MAX_ERROR_BYTES = 64 * 1024

_AGAIN = {408, 425, 429}  # and 5xx: the provider asks for another attempt
_SHA256_DIGEST = re.compile(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+)")


class Facts:
    """What a HEAD says."""

    def __init__(self, response: Response) -> None:
        fields = response.headers
        self.media_type = fields.get("Content-Type", "").partition(";")[0].strip().lower()
        length = fields.get("Content-Length", "")
        self.size = int(length) if length.isascii() and length.isdigit() else None
        self.sha256 = _repr_digest(fields.get("Repr-Digest"))
        self.name = disposition_name(fields.get("Content-Disposition"))


async def continues(answer: Stream, url: str, *, have: int, size: int) -> bool:
    """Whether the answer goes on after the `have` bytes; False when it starts anew. Raises for any other answer."""
    if answer.status not in {200, 206}:
        refuse(answer.status, await _beginning(answer), url)
    if answer.status != 206:
        return False
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None or (int(found[1]), int(found[2])) != (have, size):
        raise DataChanged(f"{shown(url)} answers with another range, or another size, than was asked for")
    return True


async def _beginning(answer: Stream) -> bytes:
    body = b""
    async for chunk in answer.chunks:
        body += chunk
        if len(body) > MAX_ERROR_BYTES:
            break
    return body[:MAX_ERROR_BYTES]


def refuse(status: int, body: bytes, url: str) -> None:
    """Raise what an answer that is not a success means."""
    if status in {200, 206}:
        return
    message = f"{shown(url)} answered {status}: {_explanation(body)}"
    if status == 409:
        raise DataChanged(message, hint="the provider has to publish it again; then negotiate a new contract")
    if status in _AGAIN or status >= 500:
        raise DeliveryError(message)
    raise PeerRefused(message)


def _explanation(body: bytes) -> str:
    """The peer's `message`, if it is one: printable and short, for it is not ours."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "no explanation"
    text = cast("dict[str, Any]", document).get("message") if isinstance(document, dict) else None
    if not isinstance(text, str):
        return "no explanation"
    return "".join(character if character.isprintable() else " " for character in text[:300])


def single_entry(facts: Facts, endpoint: str, expected_sha256: str | None) -> Entry:
    """What a single file must be when it has arrived; raises PeerRefused if nobody says."""
    sha256 = expected_sha256 or facts.sha256
    if sha256 is None or facts.size is None:
        raise PeerRefused(
            f"{shown(endpoint)} tells no {'digest' if sha256 is None else 'size'}: nothing can be verified",
            hint="ask the provider for Repr-Digest (RFC 9530) and Content-Length",
        )
    if facts.sha256 not in {None, sha256}:
        raise DataChanged(f"{shown(endpoint)} is another file (SHA-256 {facts.sha256}, not {sha256})")
    return Entry(_safe_name(facts.name), facts.size, sha256)


def _safe_name(name: str | None) -> str:
    try:
        check_path(name or "", where="file name")
    except MalformedManifest:
        return "data"
    return str(name)


def _repr_digest(field: str | None) -> str | None:
    found = _SHA256_DIGEST.search(field or "")
    return b64decode(found[1]).hex() if found else None


def shown(url: str) -> str:
    """An address for a message: without the query, where other connectors put secrets."""
    return url.partition("?")[0][:300]
