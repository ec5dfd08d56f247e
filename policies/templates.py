"""Ready policies, in the compact form that `publish` and the catalogue take; each says what it means in a sentence.

`TEMPLATES` is the library behind `tidegate policy new`: a function with its parameters, each read from text.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from policies.errors import MalformedPolicy
from policies.geometry import InvalidArea, read_region
from policies.model import Literal, Opaque
from policies.operands import CREDENTIAL, EXTENT, MEMBER_OF
from policies.values import read_span
from policies.vocabulary import FLOOD_RISK_MANAGEMENT, RESEARCH

Document = dict[str, Any]


def open_policy() -> Document:
    """Anybody who sees the offer may use the data."""
    return {"permission": [{"action": "use"}]}


def open_with_attribution(within: timedelta = timedelta(days=30)) -> Document:
    """Anybody may use the data, and must name its source within `within` of the first use."""
    deadline = _constraint("elapsedTime", "lteq", _typed("duration", f"P{within.days}D"))
    return open_policy() | {"obligation": [{"action": "attribute", "constraint": [deadline]}]}


def research_until(end: datetime, *purposes: str) -> Document:
    """Use before `end`, for one of `purposes` (IRIs or names; at least one).

    `end` needs a time zone, else ValueError: without one it would mean a different moment to each side.
    """
    if not purposes:
        raise ValueError("purposes: expected at least one")
    before = _constraint("dateTime", "lt", _moment(end, "end"))
    return _permit(before, _constraint("purpose", "isAnyOf", list(purposes)))


def one_region(area: Any) -> Document:
    """Use of the data within one area: WKT, or GeoJSON, in CRS84. ValueError for what is no area."""
    operand = Literal(area) if isinstance(area, str) else Opaque(json.dumps(area))
    try:
        read_region(operand)
    except InvalidArea as error:
        raise ValueError(f"area: {error}") from None
    return _permit(_constraint(EXTENT, "isPartOf", area))


def flood_risk_authorities(group: str) -> Document:
    """Use for flood-risk management, by the members of a group of participants."""
    return _permit(
        _constraint(MEMBER_OF, "eq", {"@id": group}),
        _constraint("purpose", "isAnyOf", [FLOOD_RISK_MANAGEMENT]),
    )


def downloads(most: int) -> Document:
    """At most so many downloads by each consumer, counted over all of its contracts."""
    if most < 1:
        raise ValueError("most: expected at least 1")
    return _permit(_constraint("count", "lteq", _typed("integer", str(most))))


def embargo_until(start: datetime) -> Document:
    """Nobody may use the data before `start` (with a time zone, else ValueError); then anybody may."""
    return _permit(_constraint("dateTime", "gteq", _moment(start, "start")))


def paid_elsewhere(credential: str) -> Document:
    """Use by whoever shows a credential, such as a receipt, of this type."""
    return _permit(_constraint(CREDENTIAL, "eq", {"@id": credential}))


def _permit(*constraints: Document) -> Document:
    return {"permission": [{"action": "use", "constraint": list(constraints)}]}


def _constraint(left: str, operator: str, right: Any) -> Document:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _typed(datatype: str, value: str) -> Document:
    return {"@value": value, "@type": f"http://www.w3.org/2001/XMLSchema#{datatype}"}


def _moment(moment: datetime, name: str) -> str:
    if moment.utcoffset() is None:
        raise ValueError(f"{name}: expected a moment with a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# --- the library -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that a template needs, and how it is read; `example` is a text that is one."""

    name: str
    means: str
    example: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A policy with gaps. It may need facts that this connector cannot supply yet: `check_policy` says so."""

    name: str
    sentence: str
    parameters: tuple[Parameter, ...]
    make: Callable[..., Document]

    def fill(self, given: Mapping[str, str]) -> Document:
        """The policy with these values. Raises `MalformedPolicy` naming the parameter that is missing or wrong."""
        named = {parameter.name for parameter in self.parameters}
        for name in given:
            if name not in named:
                hint = f"It has: {', '.join(sorted(named)) or 'none'}."
                raise MalformedPolicy(f"{self.name}.{name}", "is no parameter of this template.", hint=hint)
        return self.make(*(self._read(parameter, given) for parameter in self.parameters))

    def _read(self, parameter: Parameter, given: Mapping[str, str]) -> Any:
        path = f"{self.name}.{parameter.name}"
        if parameter.name not in given:
            raise MalformedPolicy(path, f"is missing: {parameter.means}.", hint=f"e.g. {parameter.example}")
        try:
            return parameter.read(given[parameter.name])
        except ValueError as error:
            problem = f"expected {parameter.means}: {error}."
            raise MalformedPolicy(path, problem, hint=f"e.g. {parameter.example}") from None


def _read_moment(text: str) -> datetime:
    span = read_span(Literal(text))
    if span is None:
        raise ValueError(f"{text!r} is no date")
    if not span[2]:
        raise ValueError("it has no time zone; write a Z at its end")
    return span[0]


def _read_iri(text: str) -> str:
    if ":" not in text or any(letter.isspace() for letter in text):
        raise ValueError(f"{text!r} is no IRI")
    return text


def _read_area(text: str) -> Any:
    document = json.loads(text) if text.lstrip().startswith("{") else text
    one_region(document)
    return document


def _read_most(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise ValueError(f"{text!r} is no whole number from 1")
    return int(text)


def _research(end: datetime, purpose: str) -> Document:
    return research_until(end, purpose)


_END: Final = Parameter("until", "the moment from which it may no longer be used", "2028-01-01Z", _read_moment)
_PURPOSE: Final = Parameter("purpose", "what for, as a word or an IRI", RESEARCH, str)
_AREA: Final = Parameter(
    "area", "an area in CRS84, as WKT or GeoJSON", "POLYGON ((8 50, 9 50, 9 51, 8 51, 8 50))", _read_area
)
_GROUP: Final = Parameter("group", "the IRI of a group of participants", "urn:group:flood-authorities", _read_iri)
_MOST: Final = Parameter("most", "how many times at most", "3", _read_most)
_START: Final = Parameter("from", "the moment from which anybody may use it", "2027-06-01Z", _read_moment)
_CREDENTIAL: Final = Parameter("credential", "the type of the credential", "urn:credential:receipt", _read_iri)

TEMPLATES: Final[Mapping[str, Template]] = {
    template.name: template
    for template in (
        Template("open", "Anybody may use it.", (), open_policy),
        Template("attribution", "Anybody may use it who names the source.", (), open_with_attribution),
        Template("research-until", "Use for one purpose until a date.", (_END, _PURPOSE), _research),
        Template("one-region", "Use of the data within one area.", (_AREA,), one_region),
        Template("flood-authorities", "Flood-risk management by a group.", (_GROUP,), flood_risk_authorities),
        Template("downloads", "At most so many downloads.", (_MOST,), downloads),
        Template("embargo", "Nobody before a date, then anybody.", (_START,), embargo_until),
        Template("paid-elsewhere", "Use with a proof of payment.", (_CREDENTIAL,), paid_elsewhere),
    )
}
