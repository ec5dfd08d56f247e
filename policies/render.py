"""`Policy` → JSON: the compact form of DSP 2025-1, EDC's prefixed and expanded forms, and ODRL's own JSON-LD.

In the form of DSP only the terms are written: `@id`, `@type`, `target`, parties and timestamp belong to the offer or
agreement around them. Empty lists are left out (the schemas forbid them). Terms that DSP's context would drop are
written there with their prefix, `odrl:refinement`, which it keeps.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from policies.errors import UnknownTerm
from policies.model import (
    Constraint,
    Duty,
    Extra,
    Iri,
    LogicalConstraint,
    Opaque,
    Operand,
    Permission,
    Policy,
    Prohibition,
    RightOperand,
    Rule,
    Thing,
)
from policies.model import Literal as LiteralOperand
from policies.terms import ODRL, RDF
from policies.vocabulary import DROPPED_BY_DSP

#: How a policy is written.
Form = Literal["dsp", "odrl", "prefixed", "expanded"]

_CONTEXTS: Final[Mapping[str, Any]] = {"odrl": "http://www.w3.org/ns/odrl.jsonld", "prefixed": {"odrl": ODRL}}


def render_policy(policy: Policy, *, form: Form = "dsp") -> dict[str, Any]:
    """The policy in one of the forms; what was kept in `extra` goes with it.

    Raises `UnknownTerm` for a bare term that DSP's context drops, in a form that would bring it back to life.
    """
    writer = _Writer(form)
    members: dict[str, Any] = {
        writer.key("profile"): writer.references(policy.profiles),
        writer.key("conflict"): writer.term(policy.conflict) if policy.conflict else None,
        writer.key("inheritFrom"): writer.references(policy.inherit_from),
        writer.key("permission"): [writer.rule(rule) for rule in policy.permissions],
        writer.key("prohibition"): [writer.rule(rule) for rule in policy.prohibitions],
        writer.key("obligation"): [writer.rule(rule) for rule in policy.obligations],
    }
    terms = {name: value for name, value in members.items() if value} | writer.kept(policy.extra)
    return terms if form == "dsp" else writer.head(policy) | terms


def render_rule(rule: Rule) -> dict[str, Any]:
    """`{"action", "constraint", "duty", …}` in the form of DSP, and what was kept in `extra`."""
    return _Writer("dsp").rule(rule)


def render_constraint(constraint: Constraint) -> dict[str, Any]:
    """An atomic constraint with its three members, or a logical one with its operator, in the form of DSP."""
    return _Writer("dsp").constraint(constraint)


def render_operand(operand: RightOperand) -> Any:
    """A string, an object or a list of these: what the DSP schema allows as a right operand."""
    return _Writer("dsp").right_operand(operand)


def operand_text(operand: Operand) -> str:
    """One value without its type."""
    return operand.json if isinstance(operand, Opaque) else operand.value


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes names, references and values as one form has them."""

    form: Form

    def head(self, policy: Policy) -> dict[str, Any]:
        """Context, id, type, target, parties and descriptions of a whole document."""
        head: dict[str, Any] = {"@context": _CONTEXTS[self.form]} if self.form in _CONTEXTS else {}
        head["@type"] = [self.named(policy.kind or "Set")]
        if policy.uid:
            head["@id"] = policy.uid
        for name in ("target", "assigner", "assignee"):
            value: str | None = getattr(policy, name)
            if value:
                head[self.key(name)] = self.reference(value)
        return head | self.kept(policy.notes)

    def rule(self, rule: Rule) -> dict[str, Any]:
        members: dict[str, Any] = {"@id": rule.uid} if rule.uid and self.form != "dsp" else {}
        if rule.action:
            members[self.key("action")] = self.action(rule)
        for name in ("target", "assigner", "assignee"):
            thing: Thing | None = getattr(rule, name)
            if thing is not None:
                members[self.key(name)] = self.thing(thing)
        if rule.constraints:
            members[self.key("constraint")] = [self.constraint(each) for each in rule.constraints]
        name, duties = _duties(rule)
        if duties:
            members[self.key(name)] = [self.rule(duty) for duty in duties]
        if isinstance(rule, Duty):
            members |= {self.key(function): self.reference(party) for function, party in rule.parties}
        return members | self.kept(rule.notes) | self.kept(rule.extra)

    def action(self, rule: Rule) -> Any:
        if not rule.refinements:
            return self.term(rule.action)
        refinements = [self.constraint(each) for each in rule.refinements]
        return {f"{RDF}value": {"@id": self.term_iri(rule.action)}, self.key("refinement"): refinements}

    def thing(self, thing: Thing) -> Any:
        if thing == Thing(id=thing.id):
            return self.reference(thing.id or "")
        members: dict[str, Any] = {"@id": thing.id} if thing.id else {}
        if thing.collection:
            members["@type"] = self.named("AssetCollection")
        if thing.source:
            members[self.key("source")] = self.reference(thing.source)
        if thing.refinements:
            members[self.key("refinement")] = [self.constraint(each) for each in thing.refinements]
        return members | self.kept(thing.extra)

    def constraint(self, constraint: Constraint) -> dict[str, Any]:
        members: dict[str, Any] = {"@id": constraint.uid} if constraint.uid and self.form != "dsp" else {}
        if isinstance(constraint, LogicalConstraint):
            members[self.key(constraint.operator)] = self.many([self.constraint(part) for part in constraint.parts])
            return members | self.kept(constraint.extra)
        members[self.key("leftOperand")] = self.term(constraint.left_operand)
        members[self.key("operator")] = self.term(constraint.operator)
        members[self.key("rightOperand")] = self.right_operand(constraint.right_operand)
        if constraint.unit:
            members[self.key("unit")] = self.reference(constraint.unit)
        return members | self.kept(constraint.extra)

    def right_operand(self, operand: RightOperand) -> Any:
        if isinstance(operand, tuple):
            return self.many([self.operand(each) for each in operand])
        return self.operand(operand)

    def operand(self, operand: Operand) -> Any:
        if isinstance(operand, Iri):
            return {"@id": operand.value}
        if isinstance(operand, LiteralOperand):
            if operand.datatype is None:
                return operand.value if self.form != "expanded" else {"@value": operand.value}
            return {"@value": operand.value, "@type": operand.datatype}
        document = json.loads(operand.json)
        return document if self.form in {"dsp", "odrl"} else {"@value": document, "@type": "@json"}

    def many(self, values: list[Any]) -> Any:
        """Values whose order is kept."""
        return {"@list": values} if self.form in {"expanded", "prefixed"} else values

    def key(self, name: str) -> str:
        """The member for a term of ODRL."""
        if self.form == "dsp" and name in DROPPED_BY_DSP:
            return f"odrl:{name}"
        return self.named(name)

    def named(self, name: str) -> str:
        return {"prefixed": "odrl:", "expanded": ODRL}.get(self.form, "") + name

    def term(self, name: str) -> Any:
        """A word of ODRL as a value; anything else as it was written."""
        return name if self.form in {"dsp", "odrl"} else self.reference(self.term_iri(name))

    def term_iri(self, name: str) -> str:
        if ":" in name:
            return name
        return f"odrl:{name}" if self.form in {"dsp", "odrl"} else self.named(name)

    def reference(self, iri: str) -> Any:
        """Another thing by its identifier."""
        if self.form in {"dsp", "odrl"}:
            return iri
        return [{"@id": iri}] if self.form == "expanded" else {"@id": iri}

    def references(self, iris: tuple[str, ...]) -> Any:
        """Several of them; one alone stands without its list, as the schema of DSP has it."""
        if self.form == "expanded":
            return [{"@id": iri} for iri in iris]
        found = [self.reference(iri) for iri in iris]
        return found[0] if len(found) == 1 else found

    def kept(self, extra: Extra) -> dict[str, Any]:
        """Members without a place in the model, as they were."""
        if self.form == "dsp":
            return {name: json.loads(text) for name, text in extra}
        for name, _ in extra:
            if name in DROPPED_BY_DSP:
                problem = f"{name!r} was written without its prefix, where the context of DSP drops it."
                raise UnknownTerm(name, name, problem, hint=f"Write odrl:{name}, or leave it out.")
        keys = {name: name if ":" in name or name.startswith("@") else self.named(name) for name, _ in extra}
        return {keys[name]: json.loads(text) for name, text in extra}


def _duties(rule: Rule) -> tuple[str, tuple[Duty, ...]]:
    if isinstance(rule, Permission):
        return "duty", rule.duties
    return ("remedy", rule.remedies) if isinstance(rule, Prohibition) else ("consequence", rule.consequences)
