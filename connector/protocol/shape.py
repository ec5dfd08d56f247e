"""How an object of the wire maps to a model: which members, required or not, what each must be, how each is written.

`wire` has the table of shapes, one for each message; here is what is done with a shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from connector.errors import MalformedMessage
from connector.protocol.checks import at, json_value, missing, refuse, text

Word = TypeVar("Word", bound=StrEnum)
Check = Callable[[Any, str], Any]
Render = Callable[[Any], Any]

ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name on the wire and in the model, what it must be, and how it is written if not as it is.

    `check` takes the value and its path, and returns what the model holds. An empty tuple is not written, unless
    `keep_empty`.
    """

    name: str
    attribute: str
    check: Check
    required: bool = True
    render: Render | None = None
    keep_empty: bool = False


def required(name: str, attribute: str, check: Check = text, render: Render | None = None) -> Member:
    """A member that must be there; a string if not told otherwise."""
    return Member(name, attribute, check, required=True, render=render)


def optional(name: str, attribute: str, check: Check = text, render: Render | None = None) -> Member:
    """A member that may be absent; null is not absent."""
    return Member(name, attribute, check, required=False, render=render)


class Shape:
    """What one kind of object looks like on the wire."""

    def __init__(
        self, model: type[Any], *members: Member, name: str | None = None, one_of: tuple[str, str] | None = None
    ) -> None:
        """`one_of` names two members of which exactly one must be present; `name` is the `@type` if not the model's."""
        self.model = model
        self.name = name or model.__name__
        self.members = members
        self.one_of = one_of
        self.known = frozenset({"@context", "@type", *(member.name for member in members)})

    def read(self, document: Mapping[str, Any], path: str, **values: Any) -> Any:
        """The model. `values` are attributes that the caller has read already. Raises `MalformedMessage`."""
        for member in self.members:
            value = document.get(member.name, ABSENT)
            if value is not ABSENT:
                values[member.attribute] = member.check(value, at(path, member.name))
            elif member.required:
                missing(at(path, member.name))
        if self.one_of is not None:
            _exactly_one(document, path, self.one_of)
        extra = {name: value for name, value in document.items() if name not in self.known}
        if extra:
            values["extra"] = json_value(extra, path or "message")
        return self.model(**values)

    def write(self, value: Any) -> dict[str, Any]:
        """The compact form without `@context`. What the model knows wins over what its `extra` says."""
        document: dict[str, Any] = {"@type": self.name}
        for member in self.members:
            part = getattr(value, member.attribute)
            if part is None or (part == () and not member.keep_empty):
                continue
            document[member.name] = member.render(part) if member.render else part
        for name, part in value.extra.items():
            document.setdefault(name, part)
        return document


def word(words: type[Word], *, but: tuple[Word, ...] = ()) -> Check:
    """A check for one of a list of words, in the compact form."""
    known = {str(known_word): known_word for known_word in words if known_word not in but}

    def check(value: Any, path: str) -> Word:
        if type(value) is not str:
            refuse(path, "a string", value)
        found = known.get(value)
        if found is None:
            raise MalformedMessage(f"{path}: expected one of {', '.join(known)}")
        return found

    return check


def _exactly_one(document: Mapping[str, Any], path: str, names: tuple[str, str]) -> None:
    first, second = names
    if (first in document) == (second in document):
        raise MalformedMessage(
            f"{path or 'message'}: expected exactly one of {first} and {second}",
            hint=f"{first} belongs to the first message of a process, {second} to all later ones",
        )
