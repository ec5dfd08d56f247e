import json
import os
from pathlib import Path

import pytest

from policies import MalformedPolicy, PolicyError, UnknownTerm, parse_policy, render_policy
from policies.model import AtomicConstraint, Iri, Literal, LogicalConstraint, Opaque, Permission, Policy
from policies.vocabulary import ODRL, XSD
from tests.unit.policies.build import BEFORE_2027, FOR_RESEARCH, atom, permit

SHARED = Path(__file__).parents[4] / "shared" / "data" / "dsp-2025-1" / "negotiation" / "example"


def test_the_compact_form_becomes_a_policy():
    policy = parse_policy(permit(BEFORE_2027))
    constraint = AtomicConstraint("dateTime", "lt", Literal("2027-01-01T00:00:00Z"))
    assert policy == Policy(permissions=(Permission("use", (constraint,)),))


PREFIXED = {
    "@type": "odrl:Offer",
    "@id": "offer-1",
    "odrl:permission": {
        "odrl:action": {"@id": "odrl:use"},
        "odrl:constraint": {
            "odrl:leftOperand": {"@id": "odrl:dateTime"},
            "odrl:operator": {"@id": "odrl:lt"},
            "odrl:rightOperand": "2027-01-01T00:00:00Z",
        },
    },
    "odrl:prohibition": [],
    "odrl:obligation": [],
}
EXPANDED = {
    "@type": [f"{ODRL}Offer"],
    f"{ODRL}permission": [
        {
            f"{ODRL}action": [{"@id": f"{ODRL}use"}],
            f"{ODRL}constraint": [
                {
                    f"{ODRL}leftOperand": [{"@id": f"{ODRL}dateTime"}],
                    f"{ODRL}operator": [{"@id": f"{ODRL}lt"}],
                    f"{ODRL}rightOperand": {"@value": "2027-01-01T00:00:00Z"},
                }
            ],
        }
    ],
}
WITH_IRIS = permit(BEFORE_2027 | {"leftOperand": f"{ODRL}dateTime", "operator": "odrl:lt"})


@pytest.mark.parametrize("document", [PREFIXED, EXPANDED, WITH_IRIS], ids=["prefixed", "expanded", "iris"])
def test_the_forms_that_other_connectors_send_mean_the_same(document):
    assert parse_policy(document) == parse_policy(permit(BEFORE_2027))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", Literal("text")),
        ({"@id": "urn:x"}, Iri("urn:x")),
        ({"@value": "2027-01-01", "@type": "xsd:date"}, Literal("2027-01-01", f"{XSD}date")),
        ({"@value": "a", "@type": f"{XSD}string"}, Literal("a")),
        ({"@value": "a"}, Literal("a")),
        (5, Literal("5", f"{XSD}integer")),
        (0.5, Literal("0.5", f"{XSD}double")),
        (True, Literal("true", f"{XSD}boolean")),
        (["a", {"@id": "b"}], (Literal("a"), Iri("b"))),
        ({"@list": ["a"]}, (Literal("a"),)),
        ({"type": "Point", "b": [1]}, Opaque('{"b":[1],"type":"Point"}')),
    ],
    ids=["string", "iri", "typed", "xsd-string", "value", "integer", "double", "boolean", "list", "@list", "object"],
)
def test_a_right_operand_keeps_its_type(value, expected):
    (constraint,) = parse_policy(permit(atom("count", "eq", value))).permissions[0].constraints
    assert isinstance(constraint, AtomicConstraint)
    assert constraint.right_operand == expected


def test_a_logical_constraint_may_nest():
    (constraint,) = (
        parse_policy(permit({"or": [{"and": [BEFORE_2027, FOR_RESEARCH]}, BEFORE_2027]})).permissions[0].constraints
    )
    assert isinstance(constraint, LogicalConstraint)
    assert constraint.operator == "or"
    assert isinstance(constraint.parts[0], LogicalConstraint)


def test_parties_and_target_are_read_and_identifiers_and_timestamp_are_not_kept():
    agreement = permit() | {
        "@id": "urn:uuid:1",
        "@type": "Agreement",
        "target": "d",
        "assigner": {"@id": "did:web:p"},
        "assignee": "did:web:c",
        "timestamp": "2026-01-01T00:00:00.123456789Z",
    }
    policy = parse_policy(agreement)
    assert (policy.target, policy.assigner, policy.assignee, policy.extra) == ("d", "did:web:p", "did:web:c", ())
    assert policy.terms() == parse_policy(permit())


def test_members_without_a_place_are_kept_for_the_decision():
    policy = parse_policy(
        permit(BEFORE_2027 | {"unit": "xsd:day"}, remedy=[{"action": "delete"}]) | {"conflict": "perm"}
    )
    assert policy.extra == (("conflict", '"perm"'),)
    assert policy.permissions[0].extra == (("remedy", '[{"action":"delete"}]'),)
    assert policy.permissions[0].constraints[0].extra == (("unit", '"xsd:day"'),)


@pytest.mark.parametrize("context", ["http://www.w3.org/ns/odrl.jsonld", "https://www.w3.org/ns/odrl.jsonld"])
def test_both_spellings_of_the_odrl_context_are_known(context):
    assert parse_policy(permit() | {"@context": context}).extra == ()


def test_a_context_that_could_rename_our_words_is_kept_as_unknown():
    document = permit() | {"@context": {"dateTime": "https://elsewhere.example/never"}}
    assert [name for name, _ in parse_policy(document).extra] == ["@context"]


@pytest.mark.parametrize(
    ("document", "path", "problem"),
    [
        ([], "policy", "expected an object, found a list"),
        ({"permission": [{}]}, "policy.permission[0]", "'action' is missing"),
        ({"permission": None}, "policy.permission[0]", "found null"),
        ({"permission": ["use"]}, "policy.permission[0]", "expected an object"),
        ({"permission": [], "odrl:permission": []}, "policy.permission", "given twice"),
        (permit({"leftOperand": "dateTime"}), "policy.permission[0].constraint[0]", "'operator' is missing"),
        (permit({"and": []}), "policy.permission[0].constraint[0].and", "at least one"),
        (permit({"and": [BEFORE_2027], "or": [BEFORE_2027]}), "policy.permission[0].constraint[0]", "exactly one"),
        (permit({"and": [BEFORE_2027], **BEFORE_2027}), "policy.permission[0].constraint[0]", "exactly one"),
        (
            {"permission": [{"action": {"@value": "use", "@type": {}}}]},
            "policy.permission[0].action[0]",
            "found an object",
        ),
        (permit(atom("count", "eq", None)), "policy.permission[0].constraint[0].rightOperand", "found null"),
        (permit(atom("count", "eq", float("nan"))), "policy.permission[0].constraint[0].rightOperand", "expected"),
        (permit(atom("", "eq", "a")), "policy.permission[0].constraint[0].leftOperand", "empty string"),
        ({"permission": [{"action": "use"}] * 513}, "policy.permission", "at most 512"),
        ({"permission": [{"action": ["use"] * 30, "target": ["a"] * 30}]}, "policy.permission[0]", "single rules"),
        (permit() | {"target": [["a", "b"]]}, "policy.target[0]", "found a list"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_a_policy_is_refused_with_its_place(document, path, problem):
    with pytest.raises(MalformedPolicy) as caught:
        parse_policy(document)
    assert caught.value.path == path
    assert problem in caught.value.problem


@pytest.mark.parametrize("key", ["constraint", "unknown"])
def test_nesting_is_bounded(key):
    inner = BEFORE_2027
    for _ in range(100):
        inner = {"and": [inner]}
    with pytest.raises(MalformedPolicy, match="nested more than 32"):
        parse_policy({"permission": [{"action": "use", key: [inner]}]})


REFINED = {"rdf:value": {"@id": "odrl:print"}, "refinement": [atom("resolution", "lteq", "1200")]}


def test_a_refinement_that_the_context_of_dsp_would_drop_is_refused_rather_than_widened():
    with pytest.raises(UnknownTerm, match="refinement"):
        parse_policy({"permission": [{"action": REFINED}]})


def test_an_action_that_carries_anything_but_a_refinement_is_refused():
    with pytest.raises(UnknownTerm, match="colour"):
        parse_policy({"permission": [{"action": {"@id": "odrl:print", "colour": "blue"}}]})


def test_the_path_of_an_error_starts_where_the_caller_says():
    with pytest.raises(PolicyError, match=r"^offer\.permission\[0\]"):
        parse_policy({"permission": [1]}, path="offer")


@pytest.mark.parametrize(
    "name", ["contract-agreement-message-full", "contract-agreement-message", "contract-request-message"]
)
def test_the_policies_in_the_official_examples_are_read_whole(name):
    path = SHARED / f"{name}.json"
    if not path.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"{path} is not there: the shared data are not on this machine")
    message = json.loads(path.read_text())
    document = message.get("agreement") or message["offer"]
    terms = {key: document[key] for key in ("profile", "permission") if key in document}
    assert render_policy(parse_policy(document)) == terms
