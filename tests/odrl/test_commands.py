"""The commands whose shape others build on: what they print, and how they end."""

import json
from random import Random

import pytest

from policies.templates import TEMPLATES
from tests.odrl.command import command, evaluate

PREFIXES = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> . @prefix ex: <http://example.org/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix dct: <http://purl.org/dc/terms/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix report: <https://w3id.org/force/compliance-report#> .
"""
REQUEST = """<urn:request> a odrl:Request ; odrl:permission [ odrl:action odrl:read ; odrl:target ex:x ;
  odrl:assignee ex:alice ] ."""
CLOCK = """<http://example.com/request/currentTime> dct:issued "2024-02-12T11:20:10Z"^^xsd:dateTime ."""


@pytest.fixture
def write(tmp_path):
    """Writes a Turtle file with our prefixes, or a JSON document."""

    def writing(name, content):
        path = tmp_path / name
        path.write_text(PREFIXES + content if isinstance(content, str) else json.dumps(content))
        return path

    return writing


def rule(constraint="", **members: str):
    said = " ; ".join(f"odrl:{name} {value}" for name, value in {"action": "odrl:use", **members}.items())
    return f"<urn:rule> {said} {constraint} ."


def policy(kind="permission", iri="urn:policy"):
    return f"<{iri}> a odrl:Set ; odrl:{kind} <urn:rule> ."


def where(left, operator, right):
    return f"; odrl:constraint [ odrl:leftOperand {left} ; odrl:operator odrl:{operator} ; odrl:rightOperand {right} ]"


@pytest.fixture
def decide(write):
    """The printed decision on the request, under a policy in Turtle, in a state."""

    def deciding(text, state="", *options: object, request=REQUEST):
        files = write("policy.ttl", text), write("request.ttl", request), write("state.ttl", CLOCK + state)
        return evaluate(*files, *options).json

    return deciding


NODE = "[] odrl:leftOperand odrl:purpose ; odrl:rightOperand ex:a ."
DECLARED = "ex:alice odrl:purpose ex:b ."
GROUP = " ex:group a odrl:PartyCollection ."


@pytest.mark.parametrize(
    ("text", "state", "decision"),
    [
        (policy() + rule(), "", "permit"),
        (policy() + rule(target="ex:y"), "", "deny"),
        (policy() + rule(where("odrl:count", "lteq", 3)), "ex:alice odrl:count 3 .", "permit"),
        (policy() + rule(where("odrl:count", "lteq", 3)), "ex:alice odrl:count 10 .", "deny"),
        (policy() + rule(where("odrl:count", "lteq", 3)), "", "deny"),
        (policy() + rule(where("ex:own", "eq", "ex:a")), "ex:alice ex:own ex:a .", "permit"),
        (policy() + rule(where("odrl:purpose", "eq", "ex:a")), NODE, "permit"),
        (policy() + rule(where("odrl:purpose", "isA", "ex:a")), "ex:b skos:broader ex:a . " + DECLARED, "permit"),
        (policy() + rule(assignee="ex:group") + GROUP, "ex:alice odrl:partOf ex:group .", "permit"),
        (policy() + rule(assignee="ex:group") + GROUP, "", "deny"),
        (policy() + rule(duty="<urn:duty>") + " <urn:duty> odrl:action odrl:attribute .", "", "deny"),
        (
            policy() + rule(duty="<urn:duty>") + " <urn:duty> odrl:action odrl:attribute .",
            "[] report:rule <urn:duty> ; report:deonticState report:Fulfilled .",
            "permit",
        ),
        (
            policy() + rule(duty="<urn:duty>") + " <urn:duty> odrl:action odrl:attribute .",
            "[] report:rule <urn:duty> ; report:deonticState report:Violated .",
            "deny",
        ),
    ],
)
def test_a_decision_on_a_state_of_the_world(decide, text, state, decision):
    assert decide(text, state)["decision"] == decision


CONSEQUENCE = (
    policy()
    + rule(duty="<urn:duty>")
    + ("<urn:duty> odrl:action odrl:attribute ; odrl:consequence <urn:more> . <urn:more> odrl:action odrl:compensate .")
)


def recorded(uid, *states: str):
    return "".join(f"[] report:rule <{uid}> ; report:deonticState report:{state} ." for state in states)


@pytest.mark.parametrize(
    ("state", "decision"),
    [
        (recorded("urn:duty", "Fulfilled"), "permit"),
        (recorded("urn:duty", "Violated", "Fulfilled"), "deny"),
        (recorded("urn:duty", "Violated") + recorded("urn:more", "Fulfilled"), "deny"),
        (recorded("urn:duty", "Violated", "Fulfilled") + recorded("urn:more", "Fulfilled"), "permit"),
    ],
    ids=["in time", "late", "consequence alone", "late, with its consequence"],
)
def test_after_a_violation_both_the_duty_and_its_consequence_are_needed(decide, state, decision):
    assert decide(CONSEQUENCE, state)["decision"] == decision


@pytest.mark.parametrize(
    ("state", "decision"),
    [
        ("", "permit"),
        (recorded("urn:not", "Violated"), "deny"),
        (recorded("urn:not", "Violated") + recorded("urn:remedy", "Fulfilled"), "permit"),
    ],
    ids=["kept", "violated", "made good"],
)
def test_a_violated_prohibition_refuses_until_its_remedy_is_done(decide, state, decision):
    prohibited = "<urn:policy> odrl:prohibition <urn:not> . <urn:not> odrl:action odrl:distribute ; "
    remedy = "odrl:remedy <urn:remedy> . <urn:remedy> odrl:action odrl:delete ."
    assert decide(policy() + rule() + prohibited + remedy, state)["decision"] == decision


@pytest.mark.parametrize(
    ("strategy", "decision"),
    [("", "deny"), ("odrl:perm", "permit"), ("odrl:prohibit", "deny"), ("odrl:invalid", "deny"), ("ex:mine", "deny")],
)
def test_the_conflict_strategy_says_what_holds_where_both_do(decide, strategy, decision):
    said = f"<urn:policy> odrl:conflict {strategy} ." if strategy else ""
    text = policy() + rule() + said + "<urn:policy> odrl:prohibition [ odrl:action odrl:read ] ."
    assert decide(text)["decision"] == decision


@pytest.mark.parametrize(("resolution", "decision"), [(300, "permit"), (1200, "deny")])
def test_a_refinement_narrows_the_action(decide, resolution, decision):
    refined = """[ <http://www.w3.org/1999/02/22-rdf-syntax-ns#value> odrl:use ; odrl:refinement [
      odrl:leftOperand odrl:resolution ; odrl:operator odrl:lteq ; odrl:rightOperand 600 ] ]"""
    assert decide(policy() + rule(action=refined), f"ex:x odrl:resolution {resolution} .")["decision"] == decision


def test_the_report_has_the_shape_that_others_build_on(decide):
    report = decide(
        policy() + rule(where("odrl:count", "lteq", 3) + where("ex:own", "eq", 1)), "ex:alice odrl:count 3 ."
    )
    (only,) = report["rules"]
    assert (report["decision"], only["rule"], only["type"], only["active"]) == ("deny", "urn:rule", "permission", False)
    assert [each["satisfied"] for each in only["constraints"]] == [True, None]
    assert only["constraints"][0]["source"] == "the given state of the world"
    assert "own" in report["because"]


def test_concepts_come_from_files_of_their_own(decide, write):
    text = policy() + rule(where("odrl:spatial", "isPartOf", "ex:EU"))
    state = "ex:alice odrl:spatial ex:Paris ."
    assert decide(text, state)["decision"] == "deny"
    places = write("places.ttl", "ex:Paris dct:isPartOf ex:France . ex:France skos:broader ex:EU .")
    assert decide(text, state, "--concepts", places)["decision"] == "permit"


def test_a_purpose_may_be_declared_in_the_request(decide):
    text = policy() + rule(where("odrl:purpose", "eq", "ex:research"))
    request = REQUEST.replace("] .", where("odrl:purpose", "eq", "ex:research") + "] .")
    assert decide(text, request=request)["decision"] == "permit"


@pytest.mark.parametrize("reading", ["tidegate", "suite"])
@pytest.mark.parametrize(("target", "decision"), [("ex:x", "permit"), ("ex:y", "deny")])
def test_the_target_of_the_policy_is_that_of_its_rules(decide, reading, target, decision):
    report = decide(policy() + rule() + f"<urn:policy> odrl:target {target} .", "", "--reading", reading)
    assert report["decision"] == decision
    assert report["rules"][0]["active"] is (decision == "permit")


def compare(*arguments: object):
    return command("compare", *arguments, "--json").json


def test_compatible_policies_come_with_a_witness(write):
    a = write("a.ttl", policy() + rule(where("odrl:count", "lteq", 3)))
    b = write("b.ttl", policy() + rule(where("odrl:count", "gt", 2), target="ex:x"))
    found = compare(a, b)
    assert (found["verdict"], found["because"]) == ("compatible", [])
    assert found["witness"]["request"]["target"] == "http://example.org/x"
    assert found["witness"]["state"]["count"][0]["@value"] == "3"


def test_conflicting_policies_come_with_what_excludes_each_other(write):
    a = write("a.ttl", policy() + rule(where("odrl:count", "lteq", 3) + where("odrl:language", "eq", '"de"')))
    b = write("b.ttl", policy() + rule(where("odrl:count", "gt", 3)))
    found = compare(a, b)
    assert (found["verdict"], found["witness"]) == ("conflict", None)
    assert [(each["policy"], each["rule"]) for each in found["because"]] == [("A", "urn:rule"), ("B", "urn:rule")]
    assert {each["constraint"]["operator"] for each in found["because"]} == {"lteq", "gt"}


def test_policies_of_one_file_are_named_by_their_iri(write):
    text = policy(iri="urn:a") + rule() + "<urn:b> a odrl:Set ; odrl:permission [ odrl:action odrl:sell ] ."
    both = write("both.ttl", text)
    assert compare(f"{both}#urn:a", f"{both}#urn:a")["verdict"] == "compatible"
    assert compare(f"{both}#urn:a", f"{both}#urn:b")["verdict"] == "conflict"
    unnamed = command("compare", both, both)
    assert unnamed.code == 2
    assert "urn:a" in unnamed.error
    assert command("compare", f"{both}#urn:c", both).code == 2


@pytest.mark.parametrize(
    ("concepts", "verdict"),
    [
        ("", "unknown"),
        ("ex:Paris dct:isPartOf ex:France .", "compatible"),
        ("ex:Paris dct:isPartOf ex:Gaul . ex:Gaul skos:exactMatch ex:France .", "compatible"),
        ("ex:Paris dct:isPartOf ex:Mars . ex:Mars owl:disjointWith ex:France .", "conflict"),
        ("[] a owl:AllDisjointClasses ; owl:members ( ex:Paris ex:Mars ex:France ) .", "conflict"),
    ],
    ids=["nothing", "part", "same", "disjoint", "all disjoint"],
)
def test_what_hangs_on_a_relation_is_unknown_until_it_is_stated(write, concepts, verdict):
    a = write("a.ttl", policy() + rule(where("odrl:spatial", "isPartOf", "ex:France")))
    b = write("b.ttl", policy() + rule(where("odrl:spatial", "eq", "ex:Paris")))
    found = compare(a, b, "--concepts", write("places.ttl", concepts))
    assert found["verdict"] == verdict
    assert len(found["because"]) == (0 if verdict == "compatible" else 2)


def test_a_policy_is_explained_in_a_paragraph(write):
    finished = command("explain", write("a.ttl", policy() + rule(where("odrl:count", "lteq", 3))))
    assert finished.output == "You may use this data, provided that the number of uses is at most 3.\n"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_policy_from_a_template_can_be_explained_and_compared(name, tmp_path):
    values = [f"{each.name}={each.example}" for each in TEMPLATES[name].parameters]
    made = command("new", name, *values)
    assert made.code == 0
    path = tmp_path / "policy.json"
    path.write_text(made.output)
    assert command("explain", path).output == made.error
    assert compare(path, path)["verdict"] == "compatible"


def test_the_templates_are_listed():
    assert [each["template"] for each in command("new", "--json").json] == list(TEMPLATES)
    assert "embargo" in command("new").output


def test_a_policy_is_checked_before_it_is_published(write):
    sound = {"permission": [{"action": "use"}], "prohibition": [{"action": "read"}]}
    found = command("check", write("a.json", sound), "--json").json
    assert [(each["permission"], each["prohibition"]) for each in found["overlaps"]] == [(0, 0)]
    refused = command("check", write("b.json", {"permission": [{"action": "use", "odrl:target": 5}]}))
    assert refused.code == 2
    lost = command("check", write("c.json", {"permission": [{"action": "use", "remedy": []}]}))
    assert lost.code == 2
    assert "remedy" in lost.error


@pytest.mark.parametrize("verb", ["explain", "check"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[1]",
        b"{}",
        b"<urn:a> <urn:b> ",
        b'{"@graph": 5}',
        b'{"permission": {"a": 1}}',
        b"null",
    ],
    ids=str,
)
def test_what_is_no_policy_ends_with_2_and_one_line(tmp_path, verb, content):
    path = tmp_path / "policy"
    path.write_bytes(content)
    finished = command(verb, path)
    assert (finished.code, finished.output) == (2, "")


def test_a_file_that_is_not_there_is_named(tmp_path):
    finished = command("explain", tmp_path / "missing.ttl")
    assert finished.code == 2
    assert "missing.ttl" in finished.error


def test_a_document_of_random_bytes_never_ends_in_a_traceback(tmp_path):
    random = Random(5)
    path = tmp_path / "policy"
    text = (PREFIXES + policy() + rule(where("odrl:count", "lteq", 3))).encode()
    for _ in range(300):
        broken = bytearray(text)
        for _ in range(random.randint(1, 4)):
            broken[random.randrange(len(broken))] = random.randrange(256)
        path.write_bytes(broken)
        finished = command("explain", path)
        assert finished.code in {0, 2}, finished.error
        assert "unexpected" not in finished.error
