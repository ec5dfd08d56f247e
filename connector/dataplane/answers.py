"""What a request for a representation is answered with: status, header fields and parts (RFC 9110, 13 to 15). Pure."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message as MimeFields
from urllib.parse import quote

from connector.dataplane.ranges import Part, RangeNotSatisfiable, Span, parse_ranges

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Representation:
    """What an address stands for: `size` bytes with this SHA-256 (hex), under a file name."""

    name: str
    media_type: str
    size: int
    sha256: str

    @property
    def etag(self) -> str:
        """A strong validator: the content itself (8.8.3)."""
        return f'"{self.sha256}"'


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header fields and what the body is made of."""

    status: int
    fields: Fields
    parts: tuple[Part, ...] = ()


def answer(
    method: str, fields: Mapping[str, str], representation: Representation, *, boundary: str, max_ranges: int
) -> Answer:
    """Evaluate preconditions and ranges in the order of 13.2.2. `boundary`: 32 random hex digits."""
    common = _common_fields(representation)
    if "if-match" in fields and not _matches(fields["if-match"], representation.etag):
        return Answer(412, [*common, ("Content-Length", "0")])
    # A weak tag can only come from somebody who changed ours: a match would be allowed here (13.1.2), and is not made.
    if "if-none-match" in fields and _matches(fields["if-none-match"], representation.etag):
        return Answer(304, common)
    spans = None
    # 14.2: for GET only. 13.1.5: without a strong match the whole is sent (no date matches: we send no Last-Modified).
    if method == "GET" and fields.get("if-range", representation.etag) == representation.etag:
        try:
            spans = parse_ranges(fields.get("range"), representation.size, max_ranges=max_ranges)
        except RangeNotSatisfiable:
            unsatisfied = ("Content-Range", f"bytes */{representation.size}")
            return Answer(416, [*common, unsatisfied, ("Content-Length", "0")])
    if spans is None:
        return _whole(representation, common)
    if len(spans) == 1:
        return _one_range(representation, spans[0], common)
    return _several_ranges(representation, spans, common, boundary)


def _common_fields(representation: Representation) -> Fields:
    digest = b64encode(bytes.fromhex(representation.sha256)).decode()
    return [
        ("ETag", representation.etag),
        ("Repr-Digest", f"sha-256=:{digest}:"),  # RFC 9530, 3: of the whole, also with a part of it
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "private, no-transform"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(representation.name, safe='')}"),  # RFC 8187
    ]


def _whole(representation: Representation, common: Fields) -> Answer:
    fields = [("Content-Type", representation.media_type), ("Content-Length", str(representation.size))]
    parts = (Part(b"", Span(0, representation.size - 1)),) if representation.size else ()
    return Answer(200, [*common, *fields], parts)


def _one_range(representation: Representation, span: Span, common: Fields) -> Answer:
    fields = [
        ("Content-Type", representation.media_type),
        ("Content-Range", span.content_range(representation.size)),
        ("Content-Length", str(span.length)),
    ]
    return Answer(206, [*common, *fields], (Part(b"", span),))


def _several_ranges(representation: Representation, spans: tuple[Span, ...], common: Fields, boundary: str) -> Answer:
    """RFC 9110, 14.6 and RFC 2046, 5.1.1."""
    parts: list[Part] = []
    for index, span in enumerate(spans):
        lines = [
            f"{'' if index == 0 else chr(13) + chr(10)}--{boundary}",
            f"Content-Type: {representation.media_type}",
            f"Content-Range: {span.content_range(representation.size)}",
            "\r\n",
        ]
        parts.append(Part("\r\n".join(lines).encode("latin-1"), span))
    parts.append(Part(f"\r\n--{boundary}--\r\n".encode(), None))
    fields = [
        ("Content-Type", f"multipart/byteranges; boundary={boundary}"),
        ("Content-Length", str(sum(part.length for part in parts))),
    ]
    return Answer(206, [*common, *fields], tuple(parts))


def _matches(field: str, etag: str) -> bool:
    """Whether a list of entity tags names this one, which is strong and holds no comma."""
    listed = {item.strip() for item in field.split(",")}
    return "*" in listed or etag in listed


def disposition_name(field: str | None) -> str | None:
    """The file name in a Content-Disposition field, without any folder; None if there is none."""
    if not field:
        return None
    mime = MimeFields()
    mime["Content-Disposition"] = field
    name = (mime.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    return name if name not in {"", ".", ".."} else None
