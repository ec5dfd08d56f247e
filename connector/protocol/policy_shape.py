"""The shape of offers and agreements on the wire (schema `contract-schema.json`), not their meaning.

Unknown actions, operators and operands pass: `policies` denies them and explains. Terms may be `{"@id": …}`, and a
right operand may be a number, because connectors that do not check their policies against the schema send such.
"""

import re
from collections.abc import Mapping
from typing import Any

from connector.errors import MalformedMessage
from connector.protocol.checks import at, each, json_value, listed, mapping, missing, refuse, text, typed

RULES = ("permission", "prohibition", "obligation")
LOGICAL = ("and", "andSequence", "or", "xone")
ATOMIC = ("leftOperand", "operator", "rightOperand")

# xsd:dateTime as in the schema, but of the whole string. Any number of fractional digits: the suite sends 9.
_TIMESTAMP = re.compile(
    r"-?([1-9][0-9]{3,}|0[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
)


def message_offer(value: Any, path: str) -> Mapping[str, Any]:
    """An offer in a message: `@id`, `@type`, `target`, and a permission or prohibition.

    The schema of the request lets `target` be absent; the text says MUST, and everybody sends it.
    """
    offer = _policy(value, path, "Offer")
    _ids(offer, path, required=("@id", "target"), optional=("assigner", "assignee"))
    _grants_or_forbids(offer, path)
    return offer


def agreement(value: Any, path: str) -> Mapping[str, Any]:
    """An agreement: as an offer, with both parties. `timestamp` is optional as in the schema."""
    policy = _policy(value, path, "Agreement")
    _ids(policy, path, required=("@id", "target", "assigner", "assignee"))
    _grants_or_forbids(policy, path)
    if "timestamp" in policy and not _TIMESTAMP.fullmatch(text(policy["timestamp"], at(path, "timestamp"))):
        raise MalformedMessage(f"{at(path, 'timestamp')}: expected an xsd:dateTime such as 2026-09-01T12:00:00Z")
    return policy


def catalog_offer(value: Any, path: str) -> Mapping[str, Any]:
    """An offer in a catalogue: without a target. EDC sends an empty policy as `@id` and `@type` alone."""
    offer = mapping(json_value(value, path), path)
    if "@type" in offer:
        typed(offer, path, "Offer")
    _ids(offer, path, required=("@id",), optional=("assigner", "assignee"))
    if "target" in offer:
        raise MalformedMessage(f"{at(path, 'target')}: an offer in a catalogue has no target, its dataset is it")
    _rules(offer, path)
    return offer


def _policy(value: Any, path: str, name: str) -> Mapping[str, Any]:
    policy = mapping(json_value(value, path), path)
    typed(policy, path, name)
    _rules(policy, path)
    return policy


def _ids(policy: Mapping[str, Any], path: str, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    for member in required:
        if member not in policy:
            missing(at(path, member))
        text(policy[member], at(path, member))
    for member in optional:
        if member in policy:
            text(policy[member], at(path, member))


def _grants_or_forbids(policy: Mapping[str, Any], path: str) -> None:
    if "permission" not in policy and "prohibition" not in policy:
        raise MalformedMessage(f"{path}: expected a permission or a prohibition")


def _rules(policy: Mapping[str, Any], path: str) -> None:
    for member in RULES:
        if member in policy:
            each(policy[member], at(path, member), _rule)


def _rule(value: Any, path: str) -> None:
    rule = mapping(value, path)
    if "action" not in rule:
        missing(at(path, "action"))
    _term(rule["action"], at(path, "action"))
    _each_if_any(rule, "constraint", path, _constraint)
    _each_if_any(rule, "duty", path, _rule)


def _each_if_any(rule: Mapping[str, Any], member: str, path: str, check: Any) -> None:
    """Here the schema sets no least number of items."""
    items = rule.get(member, ())
    if items not in ([], ()):
        each(items, at(path, member), check)


def _constraint(value: Any, path: str) -> None:
    constraint = mapping(value, path)
    logical = [word for word in LOGICAL if word in constraint]
    if not logical:
        _atomic(constraint, path)
    elif len(logical) > 1 or any(word in constraint for word in ATOMIC):
        raise MalformedMessage(f"{path}: expected exactly one of {', '.join(LOGICAL)}, or an atomic constraint")
    else:
        for i, item in enumerate(listed(constraint[logical[0]], at(path, logical[0]))):
            _constraint(item, f"{path}.{logical[0]}[{i}]")


def _atomic(constraint: Mapping[str, Any], path: str) -> None:
    for member in ATOMIC:
        if member not in constraint:
            missing(at(path, member))
    _term(constraint["leftOperand"], at(path, "leftOperand"))
    _term(constraint["operator"], at(path, "operator"))
    if constraint["rightOperand"] is None:
        refuse(at(path, "rightOperand"), "a value", None)


def _term(value: Any, path: str) -> None:
    if type(value) is dict and type(value.get("@id")) is str:  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # JSON
        return
    text(value, path)
