"""What no change of a policy may do: one Hypothesis run over policies with everything that ODRL has asserts all of it.

10,000 cases in CI, fewer elsewhere.
"""

import json
import os
from copy import deepcopy
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies import Facts, evaluate, parse_policy, render_policy
from policies.extent import Extent, compile_extent
from policies.geometry import region_of_bbox
from policies.model import Literal, Observed
from policies.operands import EXTENT
from policies.reading import read_policies
from policies.turtle import render_turtle
from tests.odrl import generated

CASES = 10_000 if os.environ.get("CI") == "true" else 300
UNKNOWN_MEMBERS = ["odd", "odrl:odd", "https://x.example/odd", "odrl:refinement", "unit", "status", "@odd"]
UNKNOWN_WORDS = {"leftOperand": "odrl:moonPhase", "operator": "odrl:term-lteq", "action": "odrl:teleport"}
WITHOUT_ORDER = {"permission", "prohibition", "constraint", "duty", "or", "and", "xone", "rightOperand"}
FORMS = ["dsp", "odrl", "prefixed", "expanded"]


def rich(random):
    """A generated policy with duties, refinements, remedies, collections and an obligation here and there."""
    document = generated.policy(random)
    for number, rule in enumerate((*document["permission"], *document["prohibition"])):
        rule["uid"] = f"urn:rule:{number}"
        if random.random() < 0.2:
            rule["target"] = {"@type": "AssetCollection", "uid": "urn:all", "refinement": [generated.atom(random)]}
        if random.random() < 0.2:
            rule["action"] = {"rdf:value": {"@id": f"odrl:{rule['action']}"}, "refinement": [generated.atom(random)]}
        if random.random() < 0.2:
            owed = "duty" if number < len(document["permission"]) else "remedy"
            rule[owed] = [
                {"uid": f"urn:{owed}", "action": "attribute", "consequence": [duty("urn:more", "compensate")]}
            ]
    if random.random() < 0.2:
        document["obligation"] = [duty("urn:obligation", "delete")]
    return document


def duty(uid, action):
    return {"uid": uid, "action": action}


def surroundings(random):
    """A request, facts with records and memberships, and a clock."""
    request, facts, now = generated.situation(generated.world(random))
    owed = ["urn:duty", "urn:remedy", "urn:more", "urn:obligation", "urn:rule:1", "urn:rule:2"]
    states = {
        uid: random.choice(["fulfilled", "fulfilled", "violated", "both"]) for uid in owed if random.random() < 0.8
    }
    member_of = {"urn:data": frozenset({"urn:all"})} if random.random() < 0.8 else {}
    seen = dict(facts.observed) | {"resolution": Observed((Literal("5"),))}
    return request, Facts(states=states, observed=seen, member_of=member_of), now


def permitted(document, situation):
    """Whether the document permits; one that is refused at intake permits nothing."""
    try:
        policy = parse_policy(document)
    except ValueError:
        return False
    return evaluate(policy, *situation, concepts=generated.CONCEPTS).permitted


def places(value, at=()):
    """Every object of a document by its path."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [at] if isinstance(value, dict) else []
    return found + [path for key, child in inner if key != "@context" for path in places(child, (*at, key))]


def at(document, path):
    for step in path:
        document = document[step]
    return document


def with_unknown_member(document, random):
    changed = deepcopy(document)
    at(changed, random.choice(places(changed)))[random.choice(UNKNOWN_MEMBERS)] = random.choice(
        ["z", 1, {"a": "b"}, []]
    )
    return changed


def with_unknown_word(document, random):
    changed = deepcopy(document)
    found = [(path, word) for path in places(changed) for word in UNKNOWN_WORDS if word in at(changed, path)]
    if found:
        path, word = random.choice(found)
        at(changed, path)[word] = UNKNOWN_WORDS[word]
    return changed


def narrowed(document, random):
    """With one more conjunct on a permission, or one more prohibition or obligation."""
    changed = deepcopy(document)
    kind = random.choice(["conjunct", "prohibition", "obligation"])
    if kind == "conjunct":
        random.choice(changed["permission"]).setdefault("constraint", []).append(generated.constraint(random))
    elif kind == "prohibition":
        changed["prohibition"].append(generated.rule(random))
    else:
        changed.setdefault("obligation", []).append(duty("urn:another", "inform"))
    return changed


def shuffled(value, random, name=""):
    """With every list in another order whose order says nothing."""
    if isinstance(value, dict):
        return {key: shuffled(inner, random, key) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    inner = [shuffled(each, random) for each in value]
    return random.sample(inner, len(inner)) if name in WITHOUT_ORDER else inner


def box(random):
    west, south = random.randint(-180, 150), random.randint(-90, 60)
    return [west, south, west + random.randint(1, 30), south + random.randint(1, 30)]


def assert_extents_are_monotone(random):
    """A further constraint, or a smaller request, never gives more."""
    constraints = [{"leftOperand": EXTENT, "operator": "isPartOf", "rightOperand": {"bbox": box(random)}} for _ in "ab"]
    (wide,) = compile_extent(parse_policy({"permission": [{"action": "use", "constraint": constraints[:1]}]}))
    (narrow,) = compile_extent(parse_policy({"permission": [{"action": "use", "constraint": constraints}]}))
    asked = Extent(area=region_of_bbox(box(random)))
    small, large = narrow.meet(asked), wide.meet(asked)
    assert small.is_empty or (large.holds(small) and asked.holds(small) and narrow.holds(small))


def assert_forms_come_back(document, random):
    policy = parse_policy(document)
    form = random.choice(FORMS)
    assert parse_policy(json.loads(json.dumps(render_policy(policy, form=form)))) == policy
    (again,) = read_policies(render_turtle(policy), name="policy.ttl").values()
    assert again == policy


@pytest.mark.timeout(600)
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1).map(Random))  # a seed: ten times as fast as drawing every choice
def test_no_change_makes_a_policy_permit_what_it_must_not(random):
    document, situation = rich(random), surroundings(random)
    before = permitted(document, situation)
    for change in (with_unknown_member, with_unknown_word, narrowed):
        changed = change(document, random)
        assert before or not permitted(changed, situation), (change.__name__, changed)
    assert permitted(shuffled(document, random), situation) is before
    assert_forms_come_back(document, random)
    assert_extents_are_monotone(random)


def test_the_generated_policies_permit_often_enough_to_mean_something():
    random = Random(1)
    found = [permitted(rich(random), surroundings(random)) for _ in range(2_000)]
    assert 0.03 < sum(found) / len(found) < 0.9
