"""What must hold for every policy, request and moment: Hypothesis looks for a counter-example."""

import contextlib
import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import (
    Facts,
    PolicyError,
    UnknownTerm,
    cautions,
    check_policy,
    declared_purposes,
    describe_policy,
    differences,
    evaluate,
    parse_policy,
    render_policy,
    same_terms,
)
from tests.unit.policies.build import CONSUMER, NOW, UNKNOWN, ask

PURPOSES = ["a", "b", "c"]
names = st.sampled_from(PURPOSES)
moments = st.sampled_from(["2026-11-24Z", "2026-11-25T12:00:00Z", "2026-11-26", "2027-01-01T00:00:00+01:00", "soon"])


def atoms_of(left, operators, right):
    members = {"leftOperand": st.just(left), "operator": st.sampled_from(operators), "rightOperand": right}
    return st.fixed_dictionaries(members)


known = st.one_of(
    atoms_of("dateTime", ["lt", "lteq", "gt", "gteq", "eq", "neq"], moments),
    atoms_of("purpose", ["eq", "neq", "isA"], names),
    atoms_of("purpose", ["isAnyOf", "isNoneOf", "isAllOf"], st.lists(names, min_size=1, max_size=3)),
    atoms_of("recipient", ["eq", "neq", "isPartOf"], st.sampled_from([CONSUMER, "did:web:other"])),
)
unknown = st.one_of(
    st.just(UNKNOWN),
    atoms_of("dateTime", ["term-lteq", "isA", "before"], moments),
    atoms_of("spatial", ["eq"], st.just({"type": "Point"})),
    known.map(lambda atom: atom | {"unit": "x"}),
)


def logic(parts):
    return st.builds(
        lambda word, inner: {word: inner},
        st.sampled_from(["and", "or", "xone", "andSequence"]),
        st.lists(parts, min_size=1, max_size=3),
    )


constraints = st.recursive(st.one_of(known, unknown), logic, max_leaves=6)
actions = st.sampled_from(["use", "read", "sell", "distribute", "teleport"])


def rules(more=None):
    optional = {"constraint": st.lists(constraints, max_size=3), **(more or {})}
    return st.lists(st.fixed_dictionaries({"action": actions}, optional=optional), max_size=3)


policies = st.fixed_dictionaries(
    {"permission": rules({"duty": rules()})},
    optional={
        "prohibition": rules(),
        "obligation": rules(),
        "profile": st.sampled_from(["urn:p", "http://www.w3.org/ns/odrl/2/core"]),
    },
)
requests = st.builds(
    ask,
    st.sampled_from(["use", "read", "sell", "teleport"]),
    st.one_of(st.none(), st.sets(names, max_size=3)),
    st.sampled_from([CONSUMER, "did:web:other"]),
)
times = st.integers(-100, 100).map(lambda hours: NOW + timedelta(hours=hours))


def permitted(document, request, now):
    return evaluate(parse_policy(document), request, Facts(), now).permitted


def copy(document):
    return json.loads(json.dumps(document))


@given(policies)
def test_parse_and_render_are_inverse(document):
    policy = parse_policy(document)
    assert parse_policy(render_policy(policy)) == policy
    assert same_terms(document, render_policy(policy))


@given(policies, requests, times)
def test_a_rendered_policy_decides_like_the_one_it_was_rendered_from(document, request, now):
    assert permitted(render_policy(parse_policy(document)), request, now) == permitted(document, request, now)


@given(policies, unknown, requests, times)
def test_a_permission_with_an_unknown_constraint_never_permits(document, extra, request, now):
    changed = copy(document)
    for rule in changed["permission"]:
        rule["constraint"] = [*rule.get("constraint", []), extra]
    assert not permitted(changed, request, now)


@given(policies, constraints, requests, times, st.integers(0, 2))
def test_adding_a_constraint_to_a_permission_never_widens(document, extra, request, now, index):
    changed = copy(document)
    for rule in changed["permission"][index : index + 1]:
        rule["constraint"] = [*rule.get("constraint", []), extra]
    assert permitted(document, request, now) or not permitted(changed, request, now)


@given(policies, rules(), requests, times, st.sampled_from(["prohibition", "obligation"]))
def test_adding_a_prohibition_or_an_obligation_never_widens(document, extra, request, now, kind):
    changed = document | {kind: [*document.get(kind, []), *extra]}
    assert permitted(document, request, now) or not permitted(changed, request, now)


def paths(value, at=()):
    """Every object in a document, by its path: the places where a member can be added."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    own = [at] if isinstance(value, dict) else []
    return own + [path for key, child in inner for path in paths(child, (*at, key))]


@given(policies, requests, times, st.data())
def test_adding_an_unknown_member_anywhere_never_widens(document, request, now, data):
    changed = copy(document)
    place = changed
    for step in data.draw(st.sampled_from(paths(changed))):
        place = place[step]
    place[data.draw(st.sampled_from(["unit", "refinement", "remedy", "https://x.example/y"]))] = "z"
    assert permitted(document, request, now) or not permitted(changed, request, now)


@given(policies, requests, times, st.randoms(use_true_random=False))
def test_the_order_of_rules_and_constraints_does_not_matter(document, request, now, random):
    changed = copy(document)
    for kind in ("permission", "prohibition", "obligation"):
        for rule in changed.get(kind, []):
            random.shuffle(rule.get("constraint", []))
        random.shuffle(changed.get(kind, []))
    assert differences(document, changed) == []
    assert permitted(document, request, now) == permitted(changed, request, now)


@given(policies, requests, times)
def test_every_decision_can_be_explained(document, request, now):
    policy = parse_policy(document)
    decision = evaluate(policy, request, Facts(), now)
    json.dumps(decision.as_json())
    assert decision.sentence().startswith("Permitted: " if decision.permitted else "Refused: ")
    assert describe_policy(policy)
    assert all(isinstance(caution, str) for caution in cautions(policy))


@given(policies)
def test_what_passes_the_check_has_no_unknown_words_in_its_sentence(document):
    policy = parse_policy(document)
    with contextlib.suppress(PolicyError):
        check_policy(policy)
        assert "cannot be decided" not in describe_policy(policy)


@given(st.lists(known, max_size=4), times)
def test_who_repeats_an_offer_declares_only_purposes_that_it_names(atoms, now):
    declared = declared_purposes(parse_policy({"permission": [{"action": "use", "constraint": atoms}]}))
    assert declared is None or (declared and declared <= set(PURPOSES))


MEMBERS = [
    *("permission", "odrl:permission", "action", "constraint", "duty", "and", "target", "profile", "x"),
    *("leftOperand", "operator", "rightOperand", "@id", "@value", "@type", "@list", "@context"),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_a_policy_or_an_error_of_ours(document):
    with contextlib.suppress(PolicyError):
        policy = parse_policy(document)
        assert parse_policy(render_policy(policy)) == policy.terms()
        describe_policy(policy)
        with contextlib.suppress(PolicyError):
            check_policy(policy)


@given(st.text(max_size=30), st.sampled_from(["lt", "eq", "gteq"]))
def test_any_text_compared_with_the_clock_is_decided_or_unknown(text, operator):
    constraint = {"leftOperand": "dateTime", "operator": operator, "rightOperand": text}
    assert permitted({"permission": [{"action": "use", "constraint": [constraint]}]}, ask(), NOW) in {True, False}


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_every_moment_with_a_zone_compares_like_the_clock(naive, minutes):
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{naive.isoformat()}{sign}{size // 60:02d}:{size % 60:02d}"
    constraint = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": text}
    expected = datetime.fromisoformat(text) > NOW
    assert permitted({"permission": [{"action": "use", "constraint": [constraint]}]}, ask(), NOW) is expected


@given(unknown)
def test_an_unknown_constraint_is_refused_when_it_is_published(constraint):
    with pytest.raises(UnknownTerm):
        check_policy(parse_policy({"permission": [{"action": "use", "constraint": [constraint]}]}))
