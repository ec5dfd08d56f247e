"""Every form in which a policy is written: what was parsed and rendered is equal."""

import json

import pytest
from hypothesis import given

from policies import MalformedPolicy, UnknownTerm, check_policy, parse_policy, render_policy
from policies.check import refuse_dropped_terms
from policies.model import Literal, Opaque, Thing
from policies.reading import read_policies
from policies.render import Form
from policies.turtle import render_turtle
from policies.vocabulary import DROPPED_BY_DSP
from tests.unit.policies.build import BEFORE_2027, FOR_RESEARCH, atom, permit
from tests.unit.policies.test_properties import policies

ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
FORMS: tuple[Form, ...] = ("dsp", "odrl", "prefixed", "expanded")

RICH = {
    "@context": ODRL_CONTEXT,
    "@type": "Agreement",
    "uid": "urn:policy",
    "conflict": "perm",
    "profile": "http://www.w3.org/ns/odrl/2/core",
    "target": "urn:data",
    "assigner": "did:web:p",
    "assignee": "did:web:c",
    "permission": [
        {
            "uid": "urn:rule",
            "action": [{"rdf:value": {"@id": "odrl:print"}, "refinement": [atom("resolution", "lteq", 1200)]}],
            "constraint": [
                {"andSequence": [BEFORE_2027, {"xone": [FOR_RESEARCH, atom("count", "lt", 5)]}]},
                atom("payAmount", "eq", {"@value": "5.00", "@type": "xsd:decimal"}) | {"unit": "urn:euro"},
                atom("spatialCoordinates", "isPartOf", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1]]]}),
            ],
            "target": {"@type": "AssetCollection", "uid": "urn:all", "refinement": [atom("fileFormat", "eq", "nc")]},
            "duty": [
                {
                    "action": "attribute",
                    "attributedParty": "did:web:p",
                    "consequence": [{"action": "compensate", "constraint": [atom("payAmount", "eq", 5)]}],
                }
            ],
        }
    ],
    "prohibition": [{"action": "distribute", "remedy": [{"action": "delete"}]}],
    "obligation": [{"action": "inform", "informedParty": "did:web:p", "constraint": [BEFORE_2027]}],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_rich_policy_comes_back_from_every_json_form(form):
    policy = parse_policy(RICH)
    again = parse_policy(json.loads(json.dumps(render_policy(policy, form=form))))
    assert again.terms() == policy.terms()
    assert (again == policy) is (form != "dsp")


def test_a_rich_policy_comes_back_from_turtle():
    policy = parse_policy(RICH)
    (again,) = read_policies(render_turtle(policy), name="policy.ttl").values()
    assert again == policy
    assert (again.uid, again.permissions[0].uid, again.kind) == ("urn:policy", "urn:rule", "Agreement")


@pytest.mark.parametrize("form", FORMS)
@given(document=policies)
def test_any_policy_comes_back_from_every_json_form(form, document):
    policy = parse_policy(document)
    bare = DROPPED_BY_DSP & {name for name in json.dumps(document).split('"') if name.isalpha()}
    if form == "dsp" or not bare:
        assert parse_policy(render_policy(policy, form=form)) == policy


@given(document=policies)
def test_any_policy_comes_back_from_turtle(document):
    policy = parse_policy(document)
    if '"unit"' not in json.dumps(document) and (policy.permissions or policy.prohibitions or policy.obligations):
        (again,) = read_policies(render_turtle(policy), name="policy.ttl").values()
        assert again == policy


@pytest.mark.parametrize(
    "name", sorted(DROPPED_BY_DSP & {"refinement", "remedy", "consequence", "unit", "conflict", "inheritFrom"})
)
def test_a_term_that_the_context_of_dsp_would_drop_is_an_error(name):
    place = {"unit": BEFORE_2027 | {"unit": "x"}, "remedy": None, "conflict": None, "inheritFrom": None}.get(name)
    document = permit(place) if place else permit() | {name: "x"}
    policy = parse_policy(document)
    for refuse in (check_policy, refuse_dropped_terms):
        with pytest.raises(UnknownTerm, match=f"{name}.*Dataspace Protocol"):
            refuse(policy)
    with pytest.raises(UnknownTerm, match=name):
        render_policy(policy, form="expanded")
    with pytest.raises(UnknownTerm, match=name):
        read_policies(json.dumps(document), name="offer.json")


@pytest.mark.parametrize("form", ["prefix", "context"])
def test_the_same_term_with_its_prefix_or_under_odrls_context_is_understood(form):
    document = permit() | (
        {"odrl:conflict": "perm"} if form == "prefix" else {"conflict": "perm", "@context": ODRL_CONTEXT}
    )
    assert parse_policy(document).conflict == "perm"
    assert parse_policy(document).extra == ()


def test_several_actions_targets_and_parties_become_single_rules():
    rule = {"action": ["read", "print"], "target": ["urn:a", "urn:b"], "assignee": ["did:web:x", {"@id": "did:web:y"}]}
    rules = parse_policy({"permission": [rule]}).permissions
    found = {(each.action, each.target.id, each.assignee.id) for each in rules}
    assert len(rules) == len(found) == 8
    assert ("print", "urn:b", "did:web:x") in found


def test_several_targets_of_the_policy_go_to_its_rules():
    policy = parse_policy(permit() | {"target": ["urn:a", "urn:b"]})
    assert policy.target is None
    assert [rule.target for rule in policy.permissions] == [Thing("urn:a"), Thing("urn:b")]


def test_a_data_type_beside_the_right_operand_is_its_type():
    document = permit(atom("count", "eq", "5") | {"odrl:dataType": "xsd:integer"})
    (constraint,) = parse_policy(document).permissions[0].constraints
    assert constraint.right_operand == Literal("5", "http://www.w3.org/2001/XMLSchema#integer")


def test_json_in_an_expanded_document_is_a_value():
    document = permit(atom("spatialCoordinates", "eq", {"@value": {"bbox": [0, 0, 1, 1]}, "@type": "@json"}))
    (constraint,) = parse_policy(document).permissions[0].constraints
    assert constraint.right_operand == Opaque('{"bbox":[0,0,1,1]}')


IN_TURTLE = """
@prefix odrl: <http://www.w3.org/ns/odrl/2/> .
@prefix ex: <http://example.org/> .
ex:p a odrl:Offer ; odrl:permission [ odrl:action odrl:use ; odrl:target ex:x ;
  odrl:constraint [ odrl:leftOperand odrl:purpose ; odrl:operator odrl:isAnyOf ; odrl:rightOperand ex:a, ex:b ] ] .
"""


def test_turtle_and_json_ld_mean_the_same():
    in_json = {
        "@context": {"odrl": "http://www.w3.org/ns/odrl/2/", "ex": "http://example.org/"},
        "@graph": [
            {"@id": "ex:p", "@type": "odrl:Offer", "odrl:permission": {"@id": "ex:rule"}},
            {
                "@id": "ex:rule",
                "odrl:action": {"@id": "odrl:use"},
                "odrl:target": {"@id": "ex:x"},
                "odrl:constraint": {
                    "odrl:leftOperand": {"@id": "odrl:purpose"},
                    "odrl:operator": {"@id": "odrl:isAnyOf"},
                    "odrl:rightOperand": [{"@id": "ex:a"}, {"@id": "ex:b"}],
                },
            },
        ],
    }
    (turtle,) = read_policies(IN_TURTLE, name="a.ttl").values()
    (json_ld,) = read_policies(json.dumps(in_json), name="a.json").values()
    assert turtle == json_ld
    assert turtle.permissions[0].target == Thing("http://example.org/x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@prefix a: <x", "line 1"),
        ("\n\n<urn:a> <urn:b> .", "line 3"),
        ('{"permission": ', "line 1"),
        ("<urn:a> <urn:b> <urn:c> .", "no policy"),
        ("", "no policy"),
        ('{"@context": "https://elsewhere.example/c", "permission": []}', "elsewhere"),
        ('{"@context": {"odrl": "http://www.w3.org/ns/odrl/2/", "a": "urn:a"}, "refinement": 1}', "refinement"),
        ('{"permission": [{"action": "use", "constraint": NaN}]}', "NaN"),
        ("<urn:p> a <http://www.w3.org/ns/odrl/2/Set> ; <http://www.w3.org/ns/odrl/2/permission> <urn:p> .", "itself"),
    ],
    ids=["iri", "line", "json", "no policy", "empty", "context", "dropped", "nan", "circle"],
)
def test_what_cannot_be_read_is_named_with_its_place(text, words):
    with pytest.raises((MalformedPolicy, UnknownTerm)) as caught:
        read_policies(text, name="file")
    assert words in str(caught.value)


def test_a_name_that_is_no_iri_has_no_place_in_turtle():
    with pytest.raises(MalformedPolicy, match="no IRI"):
        render_turtle(parse_policy(permit() | {"target": "not an iri"}))


@pytest.mark.parametrize("with_context", [True, False])
def test_operands_of_the_profile_go_by_their_short_names_under_its_context(with_context):
    contexts = [ODRL_CONTEXT, "https://w3id.org/tidegate/v1/context.jsonld"] if with_context else ODRL_CONTEXT
    document = permit(atom("extent", "isPartOf", {"bbox": [0, 0, 1, 1]})) | {"@context": contexts}
    (constraint,) = parse_policy(document).permissions[0].constraints
    assert (constraint.left_operand == "https://w3id.org/tidegate/v1/extent") is with_context
