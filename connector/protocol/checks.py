"""What a JSON value must be. Each check returns the value with its type, or raises `MalformedMessage` naming the path.

A string that PostgreSQL or UTF-8 cannot store (U+0000, a lone surrogate) is malformed here, so it cannot fail later.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, cast

from connector.errors import MalformedMessage

T = TypeVar("T")

# Deep enough for any policy that a person could read, far below Python's recursion limit (1,000).
MAX_DEPTH = 64

_KINDS: dict[type[Any], str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    tuple: "a list",
    dict: "an object",
}


def refuse(path: str, expected: str, value: Any, *, hint: str | None = None) -> NoReturn:
    """Raise `MalformedMessage`: at `path`, `expected` was expected and `value` found (named by kind, never quoted)."""
    found = _KINDS.get(cast(type[Any], type(value)), "something that is not JSON")
    raise MalformedMessage(f"{path}: expected {expected}, found {found}", hint=hint)


def missing(path: str) -> NoReturn:
    """Raise `MalformedMessage`: the member at `path` is required."""
    raise MalformedMessage(f"{path}: is required, but missing")


def at(path: str, member: str) -> str:
    """The path of a member; the message itself has the empty path."""
    return f"{path}.{member}" if path else member


def storable(value: str) -> bool:
    """Whether UTF-8 and PostgreSQL can hold this string."""
    if "\x00" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def string(value: Any, path: str) -> str:
    """A string, which may be empty."""
    if type(value) is not str:
        refuse(path, "a string", value)
    if not storable(value):
        raise MalformedMessage(f"{path}: contains a character that is not allowed (U+0000 or a lone surrogate)")
    return value


def text(value: Any, path: str) -> str:
    """A string with something in it."""
    found = string(value, path)
    if not found:
        raise MalformedMessage(f"{path}: expected a string with something in it, found an empty one")
    return found


def url(value: Any, path: str) -> str:
    """An absolute http or https address. Whether we would connect to it is for `connector.http` to say."""
    address = text(value, path)
    scheme, separator, rest = address.partition("://")
    if not separator or scheme.lower() not in {"http", "https"} or not rest or rest[0] in "/?#:" or " " in rest:
        raise MalformedMessage(f"{path}: expected an absolute http or https address")
    if not address.isprintable():
        raise MalformedMessage(f"{path}: expected an address of printable characters")
    return address


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """A JSON object."""
    if type(value) is not dict:
        refuse(path or "message", "an object", value)
    return cast(dict[str, Any], value)


def listed(value: Any, path: str) -> list[Any]:
    """A JSON list with at least one item: the schemas allow no empty one."""
    if type(value) is not list:
        refuse(path, "a list", value)
    items = cast(list[Any], value)
    if not items:
        raise MalformedMessage(f"{path}: expected at least one item, found an empty list", hint="leave the member out")
    return items


def each(value: Any, path: str, check: Callable[[Any, str], T]) -> tuple[T, ...]:
    """A list with at least one item, each of which passes `check`."""
    return tuple([check(item, f"{path}[{i}]") for i, item in enumerate(listed(value, path))])


def typed(document: Mapping[str, Any], path: str, name: str) -> None:
    """The object's `@type` is exactly `name`."""
    found = document.get("@type")
    if found is None:
        missing(at(path, "@type"))
    if found != name:
        raise MalformedMessage(f"{at(path, '@type')}: expected {name}", hint="use the compact form of DSP 2025-1")


def json_value(value: Any, path: str) -> Any:
    """Any JSON value whose strings can be stored and whose nesting is below `MAX_DEPTH`."""
    if not _is_sound(value, MAX_DEPTH):
        raise MalformedMessage(
            f"{path}: contains a character that is not allowed (U+0000 or a lone surrogate), "
            f"something that is not JSON, or nesting deeper than {MAX_DEPTH}"
        )
    return value


def _is_sound(value: Any, depth: int) -> bool:
    kind = cast(type[Any], type(value))
    if kind is str:
        return storable(value)
    if kind is dict:
        return depth > 0 and all(map(_is_sound_name, value)) and _are_sound(value.values(), depth)
    if kind is list:
        return depth > 0 and _are_sound(value, depth)
    return kind in _SCALARS


def _is_sound_name(name: Any) -> bool:
    return type(name) is str and storable(name)


def _are_sound(values: Any, depth: int) -> bool:
    return all([_is_sound(value, depth - 1) for value in values])  # noqa: C419  # a list is faster than a generator here


_SCALARS = frozenset({bool, int, float, type(None)})
