"""Right operands: strings, numbers, IRIs, typed values, lists of these, and JSON objects such as a geometry."""

import math
from collections.abc import Mapping
from typing import Any, Final, cast

from policies.documents import each, kind, string, to_json, unwrapped
from policies.errors import MalformedPolicy
from policies.model import Iri, Literal, Opaque, Operand, RightOperand
from policies.terms import RDF, XSD

_JSON_TYPES: Final = frozenset({"@json", f"{RDF}JSON"})


def parse_right_operand(value: Any, path: str, *, expanded: bool) -> RightOperand:
    """One value, or a tuple of them where a list is written. In the expanded form a list of one value is that value."""
    inner = unwrapped(value)
    if isinstance(inner, list | tuple):
        elements = cast("list[Any]", inner)
        if expanded and len(elements) == 1 and inner is value:
            return parse_operand(elements[0], path)
        return each(elements, parse_operand, path)
    return parse_operand(inner, path)


def parse_operand(value: Any, path: str) -> Operand:
    """An IRI, a literal, or any other object as its JSON text."""
    if not isinstance(value, Mapping):
        return _literal(value, None, path)
    members = cast("Mapping[str, Any]", value)
    if set(members) == {"@id"}:
        return Iri(string(members["@id"], f"{path}.@id"))
    if "@value" in members and members.keys() <= {"@value", "@type"}:
        datatype = string(members["@type"], f"{path}.@type") if "@type" in members else None
        if datatype in _JSON_TYPES:
            return Opaque(to_json(members["@value"], path))
        return _literal(members["@value"], datatype, path)
    return Opaque(to_json(members, path))


def with_datatype(right: RightOperand, datatype: str) -> RightOperand:
    """The right operand with the data type that stands beside it (odrl:dataType), where it has none of its own."""
    if isinstance(right, tuple):
        return tuple(_with_datatype(one, datatype) for one in right)
    return _with_datatype(right, datatype)


def _with_datatype(operand: Operand, datatype: str) -> Operand:
    if isinstance(operand, Literal) and operand.datatype is None:
        return Literal(operand.value, _whole_type(datatype))
    return operand


def _literal(value: Any, datatype: str | None, path: str) -> Literal:
    """JSON numbers and booleans get their XSD type and lexical form, as in JSON-LD; DSP itself allows only strings."""
    text, native = _lexical(value, path)
    return Literal(text, _whole_type(datatype or native))


def _whole_type(datatype: str | None) -> str | None:
    """A datatype as a whole IRI; None for a plain string."""
    if datatype and datatype.startswith("xsd:"):
        datatype = XSD + datatype.removeprefix("xsd:")
    return None if datatype == f"{XSD}string" else datatype


def _lexical(value: Any, path: str) -> tuple[str, str | None]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, bool):
        return str(value).lower(), f"{XSD}boolean"
    if isinstance(value, int):
        return str(value), f"{XSD}integer"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value), f"{XSD}double"
    raise MalformedPolicy(path, f'expected a string, {{"@id"}}, {{"@value"}} or a list of these, found {kind(value)}.')
