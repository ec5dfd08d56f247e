"""Where others fail open or read differently: the traps that were collected before this engine was written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policies import Facts, MalformedPolicy, UnknownTerm, check_policy, differences, evaluate, open_policy, parse_policy
from policies.concepts import Concepts
from policies.model import Literal, Observed
from policies.operands import LEFT_OPERANDS
from tests.unit.policies.build import NOW, ask, atom, decide, permit

PLACES = Concepts(parts=frozenset({("Kehl", "Germany")}))


def with_values(document, *, now=NOW, concepts=PLACES, request=None, **values: object):
    """The decision where these left operands have these values."""
    seen = {left: Observed((Literal(str(value)),)) for left, value in values.items()}
    policy = parse_policy(document)
    return evaluate(policy, request or ask(), Facts(observed=seen), now, concepts=concepts)


@pytest.mark.parametrize(
    "document",
    [
        permit(atom("moonPhase", "eq", "full")),
        permit(atom("dateTime", "term-lteq", "2027-01-01Z")),
        permit() | {"profile": "https://x.example/profile"},
        permit(odd=1),
        permit(atom("count", "lteq", 3) | {"odrl:status": 1}),
    ],
    ids=["operand", "operator", "profile", "member", "term"],
)
def test_what_is_unknown_denies_and_is_not_dropped(document):
    assert not with_values(document, count=1).permitted
    with pytest.raises(UnknownTerm):
        check_policy(parse_policy(document), supplied=LEFT_OPERANDS)


def test_a_rule_whose_only_constraint_is_not_understood_is_not_a_rule_without_constraints():
    assert not decide(permit(atom("moonPhase", "eq", "full"))).permitted
    assert decide(permit()).permitted


@pytest.mark.parametrize("document", [{}, {"permission": []}, {"permission": [], "prohibition": []}])
def test_an_empty_policy_permits_nothing(document):
    assert not decide(document).permitted


def test_a_prohibition_with_two_constraints_is_active_only_if_both_hold():
    prohibited = [{"action": "use", "constraint": [atom("count", "gt", 1), atom("count", "gt", 5)]}]
    document = open_policy() | {"prohibition": prohibited}
    assert with_values(document, count=3).permitted
    assert not with_values(document, count=6).permitted


@pytest.mark.parametrize(("count", "allowed"), [(1, False), (4, False), (6, True), (9, False)])
def test_xone_with_three_true_is_not_true(count, allowed):
    document = permit({"xone": [atom("count", "lt", 3), atom("count", "lt", 5), atom("count", "lt", 8)]})
    assert with_values(document, count=count).permitted is allowed


@pytest.mark.parametrize("context", ["http://www.w3.org/ns/odrl.jsonld", "https://www.w3.org/ns/odrl.jsonld"])
def test_the_context_of_odrl_is_known_by_both_of_its_schemes(context):
    assert decide(open_policy() | {"@context": context}).permitted


@pytest.mark.parametrize("left", ["dateTime", "odrl:dateTime", "http://www.w3.org/ns/odrl/2/dateTime"])
def test_a_bare_operand_is_the_one_of_odrl_and_not_relative_to_the_document(left):
    assert decide(permit(atom(left, "lt", "2027-01-01Z"))).permitted


def test_an_operand_that_resolved_against_somebodys_document_is_unknown():
    assert not decide(permit(atom("https://peer.example/dateTime", "lt", "2027-01-01Z"))).permitted


@pytest.mark.parametrize(
    ("right", "now", "expected"),
    [
        ("2023-12-31T06:00Z", datetime(2023, 12, 31, 5, tzinfo=UTC), True),
        ("2024-02-29Z", datetime(2024, 2, 28, 23, tzinfo=UTC), True),
        ("2023-02-29Z", datetime(2020, 1, 1, tzinfo=UTC), None),
        ("2026-03-29T02:30:00+01:00", datetime(2026, 3, 29, 1, 29, tzinfo=UTC), True),
        ("2026-03-29T02:30:00+02:00", datetime(2026, 3, 29, 1, 29, tzinfo=UTC), False),
        ("2026-03-29", datetime(2026, 3, 29, tzinfo=UTC), None),
        ("2026-03-29", datetime(2026, 3, 27, tzinfo=UTC), True),
        ("2026-03-29T00:00:00", datetime(2026, 3, 28, 23, tzinfo=UTC), None),
    ],
    ids=["no seconds", "leap day", "no leap day", "before DST", "in DST", "date, no zone", "days before", "no zone"],
)
def test_moments_without_seconds_zones_or_sense(right, now, expected):
    decision = decide(permit(atom("dateTime", "lt", right)), now=now)
    assert decision.rules[0].constraints[0].satisfied is expected
    assert decision.permitted is (expected is True)


@pytest.mark.parametrize(
    ("value", "operator", "right", "expected"),
    [
        ("10", "lt", "9", False),
        ("10", "gt", 9, True),
        ("1.0", "eq", 1, True),
        ("1e3", "eq", 1000, True),
        ("-0", "eq", 0, True),
        ("ten", "lt", 11, None),
        ("NaN", "eq", "NaN", None),
    ],
)
def test_numbers_compare_as_numbers(value, operator, right, expected):
    decision = with_values(permit(atom("payAmount", operator, right)), payAmount=value)
    assert decision.rules[0].constraints[0].satisfied is expected


@pytest.mark.parametrize(
    ("value", "operator", "right", "expected"),
    [
        ("P1D", "eq", "PT24H", True),
        ("P1M", "lt", "P32D", True),
        ("P1M", "lt", "P30D", None),
        ("P1Y", "eq", "P12M", True),
        ("PT90M", "gt", "PT1H", True),
        ("-P1D", "lt", "PT0S", True),
        ("P2W", "eq", "P14D", True),
        ("soon", "lt", "P1D", None),
    ],
)
def test_durations_compare_as_durations(value, operator, right, expected):
    decision = with_values(permit(atom("elapsedTime", operator, right)), elapsedTime=value)
    assert decision.rules[0].constraints[0].satisfied is expected


@pytest.mark.parametrize(
    ("place", "expected"), [("Kehl", True), ("Germany", True), ("Strasbourg", None), ("Europe", None)]
)
def test_under_an_open_world_a_place_nobody_related_is_unknown_and_not_outside(place, expected):
    decision = with_values(permit(atom("spatial", "isPartOf", "Germany")), spatial=place)
    assert decision.rules[0].constraints[0].satisfied is expected
    assert decision.permitted is (expected is True)


def test_a_whole_is_certainly_not_within_its_part():
    decision = with_values(permit(atom("spatial", "isPartOf", "Kehl")), spatial="Germany")
    assert decision.rules[0].constraints[0].satisfied is False


def test_the_agreement_must_be_the_offer_that_was_accepted():
    offer = permit(atom("count", "lteq", 3))
    assert differences(offer, offer | {"assigner": "did:web:p", "@id": "urn:agreement"}) == []
    assert differences(offer, permit(atom("count", "lteq", 4)))
    assert differences(offer, permit(atom("count", "lteq", 3) | {"odrl:unit": "urn:u"}))


def test_what_expired_between_the_check_and_the_last_byte_is_refused_when_asked_again():
    document = permit(atom("dateTime", "lt", "2027-01-01Z"))
    end = datetime(2027, 1, 1, tzinfo=UTC)
    assert decide(document, now=end - timedelta(seconds=1)).permitted
    assert not decide(document, now=end).permitted


@pytest.mark.parametrize("reading", ["tidegate", "suite"])
def test_a_permission_with_an_unfulfilled_duty_waits_for_it_in_our_reading_alone(reading):
    policy = parse_policy(permit(duty=[{"action": "attribute"}]))
    assert evaluate(policy, ask(), Facts(), NOW, reading=reading).permitted is (reading == "suite")


def test_a_rule_without_an_action_is_refused_at_intake_in_our_reading():
    with pytest.raises(MalformedPolicy, match="action"):
        parse_policy({"permission": [{}]})
    anything = parse_policy({"permission": [{}]}, any_action=True)
    assert evaluate(anything, ask("sell"), Facts(), NOW, reading="suite").permitted
    assert not evaluate(anything, ask("sell"), Facts(), NOW).permitted


@pytest.mark.parametrize("reading", ["tidegate", "suite"])
def test_missing_information_is_unsatisfied_for_the_suite_and_unknown_for_us(reading):
    policy = parse_policy(open_policy() | {"prohibition": [{"action": "use", "constraint": [atom("count", "gt", 1)]}]})
    decision = evaluate(policy, ask(), Facts(), NOW, reading=reading)
    assert decision.permitted is (reading == "suite")
    assert decision.rules[1].active is (False if reading == "suite" else None)


def test_what_is_neither_permitted_nor_prohibited_is_refused():
    assert not decide(open_policy(), replace(ask(), action="sell")).permitted


def test_the_place_of_use_and_the_extent_of_the_data_are_two_operands():
    extent = "https://w3id.org/tidegate/v1/extent"
    assert LEFT_OPERANDS["spatial"].space == "name"
    assert LEFT_OPERANDS[extent].space == "geometry"
    assert not with_values(permit(atom(extent, "isPartOf", {"bbox": [0, 0, 1, 1]})), spatial="Germany").permitted
