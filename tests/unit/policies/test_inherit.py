import pytest

from policies import Facts, MalformedPolicy, UnknownTerm, evaluate, open_policy, parse_policy
from policies.inherit import inherit
from policies.model import Thing
from policies.reading import read_policies
from tests.unit.policies.build import NOW, ask

CONTEXT = {"@context": "http://www.w3.org/ns/odrl.jsonld"}


def policy(uid, **members: object):
    return parse_policy(CONTEXT | {"uid": uid} | members)


def library(*policies: object):
    return {each.uid: each for each in policies}


PARENT = policy("urn:parent", target="urn:data", prohibition=[{"action": "distribute"}], profile=f"{'urn:p'}")
CHILD = policy("urn:child", permission=[{"action": "use"}], inheritFrom="urn:parent")


def test_a_policy_has_the_rules_and_profiles_of_its_parent_with_its_target():
    whole = inherit(CHILD, library(PARENT, CHILD))
    assert [rule.action for rule in whole.permissions] == ["use"]
    assert whole.prohibitions[0].target == Thing("urn:data")
    assert whole.profiles == ("urn:p",)
    assert whole.inherit_from == ()


def test_grandparents_count_too():
    middle = policy("urn:parent", inheritFrom="urn:top")
    top = policy("urn:top", prohibition=[{"action": "use"}])
    assert inherit(CHILD, library(middle, top)).prohibitions[0].action == "use"


def test_an_inherited_prohibition_refuses():
    whole = inherit(CHILD, library(policy("urn:parent", prohibition=[{"action": "use"}])))
    assert not evaluate(whole, ask(), Facts(), NOW).permitted


def test_what_was_not_looked_up_refuses():
    decision = evaluate(CHILD, ask(), Facts(), NOW)
    assert not decision.permitted
    assert "urn:parent" in decision.sentence()


def test_a_parent_that_is_not_here_is_never_fetched():
    with pytest.raises(UnknownTerm, match="nothing is fetched"):
        inherit(policy("urn:a", inheritFrom="http://169.254.169.254/policy"), {})


def test_a_circle_is_refused():
    a, b = policy("urn:a", inheritFrom="urn:b"), policy("urn:b", inheritFrom="urn:a")
    with pytest.raises(MalformedPolicy, match="urn:a → urn:b → urn:a"):
        inherit(a, library(a, b))


def test_parents_must_agree_about_conflicts():
    with pytest.raises(MalformedPolicy, match="conflict"):
        inherit(policy("urn:a", conflict="perm", inheritFrom="urn:b"), library(policy("urn:b", conflict="prohibit")))


def test_policies_of_one_document_inherit_from_each_other():
    text = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> .
    <urn:child> a odrl:Set ; odrl:inheritFrom <urn:parent> ; odrl:permission [ odrl:action odrl:use ] .
    <urn:parent> a odrl:Set ; odrl:prohibition [ odrl:action odrl:sell ] ."""
    assert read_policies(text, name="a.ttl")["urn:child"].prohibitions[0].action == "sell"


def test_without_parents_a_policy_is_itself():
    assert inherit(parse_policy(open_policy()), {}) == parse_policy(open_policy())
