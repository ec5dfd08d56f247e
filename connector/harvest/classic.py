"""The length a classic NetCDF file must have, from its header. The C library reads what was cut off as zeros.

Header grammar: NetCDF file format specification, "The Classic Format" (versions 1, 2 and 5). Standard library only.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

# bytes of each external type: byte, char, short, int, float, double, then those of version 5
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
STREAMING = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # "number of records not known"
MAX_HEADER_BYTES = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class _Stored:
    """One variable as stored: where it begins, bytes of it (per record), whether it has records."""

    begin: int
    bytes: int
    records: bool


class _Header:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 4
        self.version = content[3]

    def _take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._content):
            raise ValueError("the header is cut short")
        self._at += count
        return self._content[self._at - count : self._at]

    def tag(self) -> int:
        return struct.unpack(">I", self._take(4))[0]

    def count(self) -> int:
        """NON_NEG: 4 bytes, 8 in version 5."""
        return struct.unpack(">Q", self._take(8))[0] if self.version == 5 else self.tag()

    def offset(self) -> int:
        """OFFSET: 4 bytes in version 1, else 8."""
        return self.tag() if self.version == 1 else struct.unpack(">Q", self._take(8))[0]

    def skip(self, count: int) -> None:
        self._take(_padded(count))

    def skip_attributes(self) -> None:
        self.tag()
        for _ in range(self.count()):
            self.skip(self.count())
            size = TYPE_BYTES[self.tag()]
            self.skip(self.count() * size)

    def dimensions(self) -> list[int]:
        self.tag()
        lengths: list[int] = []
        for _ in range(self.count()):
            self.skip(self.count())
            lengths.append(self.count())
        return lengths

    def variables(self, lengths: list[int]) -> list[_Stored]:
        self.tag()
        return [self._variable(lengths) for _ in range(self.count())]

    def _variable(self, lengths: list[int]) -> _Stored:
        self.skip(self.count())
        shape = [lengths[self.count()] for _ in range(self.count())]
        self.skip_attributes()
        size = TYPE_BYTES[self.tag()]
        self.count()  # vsize: redundant, and wrong for large variables
        records = shape[:1] == [0]  # the unlimited dimension is stored as length 0 and comes first
        return _Stored(self.offset(), math.prod(shape[1:] if records else shape) * size, records)


def missing_bytes(path: Path) -> int:
    """How many bytes a classic NetCDF file lacks; 0 for a whole one and for any other format.

    Raises ValueError where the header itself is damaged.
    """
    with path.open("rb") as file:
        content = file.read(MAX_HEADER_BYTES)
    if content[:3] != b"CDF" or len(content) < 8:
        return 0
    try:
        header = _Header(content)
        records = header.count()
        lengths = header.dimensions()
        header.skip_attributes()
        stored = header.variables(lengths)
    except (KeyError, IndexError) as error:
        raise ValueError("the header is damaged") from error
    return max(0, _end(stored, 0 if records in STREAMING else records) - path.stat().st_size)


def _end(stored: list[_Stored], records: int) -> int:
    """Where the last value ends; padding behind it may be absent."""
    per_record = [each.bytes for each in stored if each.records]
    # a single record variable is not padded between records
    stride = per_record[0] if len(per_record) == 1 else sum(_padded(size) for size in per_record)
    ends = [each.begin + each.bytes for each in stored if not each.records]
    ends += [each.begin + (records - 1) * stride + each.bytes for each in stored if each.records and records]
    return max(ends, default=0)


def _padded(count: int) -> int:
    return -(-count // 4) * 4
