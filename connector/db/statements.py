"""Named statements from files: a name line, a purpose line, the statement.

-- name: load_offering
-- The current version of one offering.
select ... where id = %(id)s;
"""

import functools
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import LiteralString, cast


class Queries(Mapping[str, LiteralString]):
    """The named statements of one file."""

    def __init__(self, feature: str, statements: Mapping[str, LiteralString]) -> None:
        self.feature = feature
        self._statements = statements

    def __getitem__(self, name: str) -> LiteralString:
        try:
            return self._statements[name]
        except KeyError:
            raise KeyError(f"no statement {name!r} in connector/sql/queries/{self.feature}.sql") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


@functools.cache
def queries(feature: str) -> Queries:
    """The statements of `connector/sql/queries/{feature}.sql` by name."""
    text = (files("connector.sql") / "queries" / f"{feature}.sql").read_text("utf-8")
    return Queries(feature, parse_queries(text))


_NAME_LINE = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def parse_queries(text: str) -> dict[str, LiteralString]:
    """Statements by name; raises ValueError for a name used twice, or without a purpose line or a statement."""
    _, *parts = _NAME_LINE.split(text)
    statements: dict[str, LiteralString] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        purpose, _, statement = body.strip().partition("\n")
        if not purpose.startswith("--") or not statement.strip():
            raise ValueError(f"statement {name!r}: expected a line '-- purpose' and then the statement")
        if name in statements:
            raise ValueError(f"statement {name!r} is there twice")
        # Package data, written by us: as trustworthy as a literal in this file.
        statements[name] = cast(LiteralString, statement.strip().rstrip(";"))
    return statements
