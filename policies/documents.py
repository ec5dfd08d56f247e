"""Members and values of a JSON document, as JSON-LD writes them: prefixed, expanded or compact, one or a list."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from policies.errors import MalformedPolicy
from policies.model import Extra
from policies.terms import ODRL, XSD, local_name
from policies.vocabulary import ANNOTATIONS, DROPPED_BY_DSP, KNOWN_CONTEXTS, ODRL_CONTEXTS

# Deeper nesting is nobody's contract; it keeps recursion far below Python's limit of 1,000 frames.
MAX_DEPTH: Final = 32
# Members of one list: the largest policy of the ODRL-Test-Suite, every working hour of a year, has 262.
MAX_LIST: Final = 512

#: Of what an asset or party is (a foaf:Person, a dcat:Dataset) any type is welcome.
ANY_TYPE: Final = frozenset({"*"})

# a tuple: what a peer sends as a type need not be hashable
_NAME_TYPES: Final = (None, "xsd:anyURI", f"{XSD}anyURI", f"{XSD}string")

T = TypeVar("T")


class Members:
    """The members of one object by local name, as they are taken out; what nobody takes is `rest`.

    `whole` is whether the document's context knows every term of ODRL. Where it does not, a bare term that the context
    of the Dataspace Protocol would drop stays in `rest`: reading it would decide what others do not see.
    """

    def __init__(self, document: Any, path: str, *, types: frozenset[str], whole: bool) -> None:
        if not isinstance(document, Mapping):
            raise MalformedPolicy(path, f"expected an object, found {kind(document)}.")
        self.path = path
        self.found: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}
        self.dropped: dict[str, Any] = {}
        #: Whether names are whole IRIs, as in the expanded form of JSON-LD.
        self.expanded = False
        for key, value in cast("Mapping[Any, Any]", document).items():
            self._sort(str(key), value, whole=whole)
        self.type = self._take_type(types)
        self.uid = self._take_uid()

    def _sort(self, key: str, value: Any, *, whole: bool) -> None:
        name = local_name("@type" if whole and key == "type" else key)
        self.expanded = self.expanded or key.startswith(ODRL)
        if name in self.found or name in self.dropped:
            raise MalformedPolicy(f"{self.path}.{name}", "is given twice, with and without its prefix.")
        if name in ANNOTATIONS:
            self.notes[name] = value
        elif key == name and name in DROPPED_BY_DSP and not whole:
            self.dropped[name] = value
        else:
            self.found[name] = value

    def _take_type(self, types: frozenset[str]) -> str | None:
        """The one of `types` that it is; a type of which none is known stays, and is not understood."""
        if "@type" not in self.found:
            return None
        value = listed(self.found["@type"])
        names = [local_name(each) for each in value if isinstance(each, str)]
        known = [name for name in names if name in types]
        if self.found["@type"] is None or known or (types == ANY_TYPE and len(names) == len(value)):
            del self.found["@type"]
        return known[0] if known else (names[0] if names and types == ANY_TYPE else None)

    def _take_uid(self) -> str | None:
        ids = [single(self.found.pop(name, None)) for name in ("@id", "uid")]
        texts = [cast("Mapping[str, Any]", one).get("@id") if isinstance(one, Mapping) else one for one in ids]
        return next((text for text in texts if isinstance(text, str) and text), None)

    def take(self, name: str) -> Any:
        """The member `name`, taken out; an empty list if there is none."""
        return self.found.pop(name, ())

    def require(self, name: str) -> Any:
        """The member `name`, taken out; MalformedPolicy if there is none."""
        if name not in self.found:
            raise MalformedPolicy(self.path, f"{name!r} is missing.")
        return self.found.pop(name)

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def rest(self) -> Extra:
        """What is left: members that have no place in the model."""
        left = self.found | self.dropped
        return tuple((name, to_json(left[name], f"{self.path}.{name}")) for name in sorted(left))

    def descriptions(self) -> Extra:
        """Titles and the like, which change no decision."""
        return tuple((name, to_json(self.notes[name], f"{self.path}.{name}")) for name in sorted(self.notes))


def is_known_context(value: Any) -> bool:
    """Whether a context leaves the words of ODRL as they are."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value)) == {"odrl": ODRL}
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return all(not isinstance(part, list) and is_known_context(part) for part in parts)
    return isinstance(value, str) and value in KNOWN_CONTEXTS


def knows_whole_odrl(context: Any) -> bool:
    """Whether a context is, or has in it, the one of ODRL itself."""
    return any(isinstance(part, str) and part in ODRL_CONTEXTS for part in listed(context))


def each(value: Any, parse: Callable[[Any, str], T], path: str) -> tuple[T, ...]:
    """Every element, parsed. One element may stand without its list, as JSON-LD compaction leaves it."""
    elements = listed(unwrapped(value))
    if len(elements) > MAX_LIST:
        raise MalformedPolicy(path, f"has {len(elements)} elements; at most {MAX_LIST} are read.")
    return tuple([parse(element, f"{path}[{index}]") for index, element in enumerate(elements)])


def listed(value: Any) -> list[Any]:
    """The elements of a list, or a list of the one value."""
    return list(cast("list[Any]", value)) if isinstance(value, list | tuple) else [value]


def unwrapped(value: Any) -> Any:
    """The list inside `{"@list": […]}` or `{"@set": […]}`, alone or in a list of one; anything else as it is."""
    one = single(value)
    if isinstance(one, Mapping):
        members = cast("Mapping[str, Any]", one)
        for container in ("@list", "@set"):
            if set(members) == {container}:
                return members[container]
    return value


def single(value: Any) -> Any:
    """The element of a list of one, as the expanded form of JSON-LD has it; anything else as it is."""
    if not isinstance(value, list):
        return value
    elements = cast("list[Any]", value)
    return elements[0] if len(elements) == 1 else elements


def term(value: Any, path: str) -> str:
    """A name: a string, or a reference `{"@id": …}` or a typed string, possibly in a list of one."""
    one = single(value)
    if isinstance(one, Mapping):
        members = cast("Mapping[str, Any]", one)
        if set(members) == {"@id"}:
            one = members["@id"]
        elif "@value" in members and members.get("@type") in _NAME_TYPES:
            one = members["@value"]
    return string(one, path)


def string(value: Any, path: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise MalformedPolicy(path, f"expected a name or IRI, found {kind(value)}.")
    return value


def to_json(value: Any, path: str, depth: int = 0) -> str:
    """JSON text with sorted keys, equal for equal values."""
    if depth > MAX_DEPTH:
        raise MalformedPolicy(path, f"is nested more than {MAX_DEPTH} deep.")
    if isinstance(value, Mapping):
        pairs = sorted((str(key), inner) for key, inner in cast("Mapping[Any, Any]", value).items())
        return "{" + ",".join(f"{json.dumps(key)}:{to_json(inner, path, depth + 1)}" for key, inner in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(to_json(inner, path, depth + 1) for inner in cast("list[Any]", value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedPolicy(path, "is not a finite number.")
    if value is not None and not isinstance(value, str | int | float):
        raise MalformedPolicy(path, f"expected JSON, found {kind(value)}.")
    return json.dumps(value)


def kind(value: Any) -> str:
    """What a person would call a JSON value, for an error message."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "an empty string" if not value else f"the string {value[:40]!r}"
    kinds = ((bool, "a boolean"), (int | float, "a number"), (list, "a list"), (Mapping, "an object"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "something that is not JSON")
