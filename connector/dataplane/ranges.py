"""Byte ranges of a representation, RFC 9110 section 14. Pure."""

import re
from dataclasses import dataclass
from itertools import pairwise

_BYTES = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE)
# RFC 9110, 14.1.1 and 14.1.2: int-range or suffix-range. Twenty digits hold any file size; longer ones are not read.
_SPEC = re.compile(r"([0-9]{1,20})-([0-9]{0,20})|-([0-9]{1,20})")


class RangeNotSatisfiable(ValueError):  # noqa: N818
    """No requested range overlaps the representation, or there are more than are served."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """Value of Content-Range (14.4)."""
        return f"bytes {self.first}-{self.last}/{size}"


@dataclass(frozen=True, slots=True)
class Part:
    """A span of the source, with what is written before it; without a span, what ends a multipart body."""

    before: bytes
    span: Span | None

    @property
    def length(self) -> int:
        """Bytes on the wire."""
        return len(self.before) + (self.span.length if self.span else 0)


def parse_ranges(header: str | None, size: int, *, max_ranges: int) -> tuple[Span, ...] | None:
    """The spans to send, or None when the whole representation is to be sent: no, or no valid, Range field.

    Unsatisfiable ranges are left out; raises RangeNotSatisfiable if none remains (14.2). Ranges that overlap are
    merged, so that an answer is never larger than the file; else they stay in the order of the request (15.3.7.2).
    """
    match = _BYTES.fullmatch(header) if header is not None else None
    if match is None:
        return None  # 14.2: an unknown range unit is ignored
    specs = [item.strip() for item in match[1].split(",") if item.strip()]
    found = [_SPEC.fullmatch(item) for item in specs]
    if not specs or not all(item is not None and _is_ordered(item) for item in found):
        return None
    if len(specs) > max_ranges:
        raise RangeNotSatisfiable(f"{len(specs)} ranges requested, at most {max_ranges} are served")
    if size == 0 and any(item and item[3] and int(item[3]) for item in found):
        return None  # 14.1.2: a suffix of nothing is satisfiable, but no Content-Range can say so
    spans = [span for item in found if item and (span := _span(item, size))]
    if not spans:
        raise RangeNotSatisfiable(f"no requested range lies within the {size} bytes")
    return _merge_overlapping(spans)


def _is_ordered(spec: re.Match[str]) -> bool:
    """14.1.1: an int-range whose last position is before its first is invalid."""
    return not (spec[1] and spec[2]) or int(spec[1]) <= int(spec[2])


def _span(spec: re.Match[str], size: int) -> Span | None:
    if spec[3]:
        length = min(int(spec[3]), size)
        return Span(size - length, size - 1) if length else None
    first = int(spec[1])
    if first >= size:
        return None
    return Span(first, min(int(spec[2]), size - 1) if spec[2] else size - 1)


def _merge_overlapping(spans: list[Span]) -> tuple[Span, ...]:
    ascending = sorted(spans, key=lambda span: span.first)
    if all(before.last < after.first for before, after in pairwise(ascending)):
        return tuple(spans)
    merged = [ascending[0]]
    for span in ascending[1:]:
        if span.first <= merged[-1].last:
            merged[-1] = Span(merged[-1].first, max(merged[-1].last, span.last))
        else:
            merged.append(span)
    return tuple(merged)
