from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from policies import Facts, evaluate, open_policy, parse_policy
from tests.unit.policies.build import (
    BEFORE_2026,
    BEFORE_2027,
    CONSUMER,
    FOR_RESEARCH,
    NOW,
    PROVIDER,
    RESEARCH,
    UNKNOWN,
    ask,
    atom,
    decide,
    permit,
)


def test_an_open_policy_permits():
    assert decide(open_policy()).permitted


@pytest.mark.parametrize("document", [{}, {"permission": []}, {"prohibition": [{"action": "sell"}]}])
def test_what_is_not_permitted_is_refused(document):
    decision = decide(document)
    assert not decision.permitted
    assert "permits nothing" in decision.sentence()


@pytest.mark.parametrize(
    ("constraints", "permitted"),
    [
        ([BEFORE_2027], True),
        ([BEFORE_2026], False),
        ([FOR_RESEARCH], True),
        ([atom("purpose", "eq", "commercial")], False),
        ([atom("recipient", "eq", CONSUMER)], True),
        ([atom("recipient", "isAnyOf", [{"@id": CONSUMER}, "did:web:other.example"])], True),
        ([atom("recipient", "isNoneOf", [CONSUMER])], False),
        ([BEFORE_2027, FOR_RESEARCH], True),
        ([BEFORE_2027, UNKNOWN], False),
        ([UNKNOWN], False),
        ([BEFORE_2027 | {"operator": "term-lteq"}], False),
        ([BEFORE_2027 | {"operator": "isAnyOf"}], False),
        ([BEFORE_2027 | {"unit": "day"}], False),
        ([BEFORE_2027 | {"leftOperand": "https://peer.example/dateTime"}], False),
        ([{"or": [BEFORE_2026, FOR_RESEARCH]}], True),
        ([{"or": [UNKNOWN, FOR_RESEARCH]}], True),
        ([{"or": [UNKNOWN, BEFORE_2026]}], False),
        ([{"and": [BEFORE_2027, FOR_RESEARCH]}], True),
        ([{"and": [BEFORE_2027, BEFORE_2026]}], False),
        ([{"andSequence": [BEFORE_2027, FOR_RESEARCH]}], True),
        ([{"xone": [BEFORE_2027, BEFORE_2026]}], True),
        ([{"xone": [BEFORE_2027, FOR_RESEARCH, atom("recipient", "eq", CONSUMER)]}], False),
        ([{"xone": [BEFORE_2027, UNKNOWN]}], False),
        ([{"or": [FOR_RESEARCH], "note": "x"}], False),
    ],
)
def test_a_permission_is_active_only_if_every_constraint_is_certain(constraints, permitted):
    assert decide(permit(*constraints), ask(purpose={RESEARCH})).permitted is permitted


def test_an_undeclared_purpose_is_unknown_and_denied():
    decision = decide(permit(FOR_RESEARCH), ask(purpose=None))
    assert not decision.permitted
    assert decision.as_json()["rules"][0]["constraints"][0]["satisfied"] is None


@pytest.mark.parametrize(
    ("prohibition", "permitted"),
    [
        ({"action": "use"}, False),
        ({"action": "distribute"}, True),
        ({"action": "transfer"}, True),
        ({"action": "use", "constraint": [BEFORE_2026]}, True),
        ({"action": "use", "constraint": [BEFORE_2027]}, False),
        ({"action": "use", "constraint": [BEFORE_2027, BEFORE_2026]}, True),
        ({"action": "use", "constraint": [BEFORE_2027, FOR_RESEARCH]}, False),
        ({"action": "use", "constraint": [UNKNOWN]}, False),
        ({"action": "use", "constraint": [UNKNOWN, BEFORE_2026]}, True),
        ({"action": "teleport"}, False),
        ({"action": "use", "constraint": [BEFORE_2026], "remedy": [{"action": "delete"}]}, False),
    ],
)
def test_a_prohibition_refuses_unless_it_is_certainly_inactive(prohibition, permitted):
    document = open_policy() | {"prohibition": [prohibition]}
    assert decide(document, ask(purpose={RESEARCH})).permitted is permitted


def test_a_prohibited_purpose_among_several_declared_ones_refuses():
    document = open_policy() | {"prohibition": [{"action": "use", "constraint": [atom("purpose", "eq", "ads")]}]}
    assert not decide(document, ask(purpose={"ads", RESEARCH})).permitted


@pytest.mark.parametrize(
    ("action", "permitted"), [("use", True), ("read", True), ("sell", False), ("teleport", False), ("", False)]
)
def test_a_permission_covers_the_actions_included_in_its_own(action, permitted):
    assert decide(open_policy(), ask(action)).permitted is permitted


def test_a_permission_of_an_unknown_action_permits_nothing():
    assert not decide({"permission": [{"action": "teleport"}]}, ask("teleport")).permitted


def test_a_permission_with_an_unknown_member_permits_nothing():
    assert not decide({"permission": [{"action": "use", "target": "part-of-it"}]}).permitted


def test_one_certain_permission_is_enough():
    document = {"permission": [{"action": "use", "constraint": [UNKNOWN]}, {"action": "use"}]}
    assert decide(document).permitted


WITH_DUTY = permit(duty=[{"action": "attribute"}])


def test_a_duty_before_use_that_nothing_can_record_denies_and_says_so():
    decision = decide(WITH_DUTY)
    assert not decision.permitted
    assert "attribute must be done first" in decision.sentence()


@pytest.mark.parametrize("condition", [BEFORE_2026, BEFORE_2027, atom("purpose", "eq", "other")])
def test_a_condition_on_a_duty_before_use_does_not_lift_it(condition):
    assert not decide(permit(duty=[{"action": "attribute", "constraint": [condition]}])).permitted


def test_a_duty_on_record_as_fulfilled_permits():
    policy = parse_policy(WITH_DUTY)
    facts = Facts(fulfilled=frozenset(policy.permissions[0].duties))
    assert evaluate(policy, ask(), facts, NOW).permitted


AFTER_2027 = atom("dateTime", "gteq", "2027-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("obligation", "permitted"),
    [
        ({"action": "delete"}, False),
        ({"action": "delete", "constraint": [BEFORE_2027]}, True),
        ({"action": "delete", "constraint": [BEFORE_2026]}, False),
        ({"action": "delete", "constraint": [AFTER_2027]}, True),
        ({"action": "delete", "constraint": [UNKNOWN]}, False),
        ({"action": "delete", "constraint": [BEFORE_2027, UNKNOWN]}, False),
        ({"action": "delete", "constraint": [BEFORE_2027], "consequence": [{"action": "inform"}]}, False),
        ({"action": "delete", "constraint": [AFTER_2027], "consequence": [{"action": "inform"}]}, False),
        ({"action": "teleport", "constraint": [BEFORE_2027]}, False),
        ({"action": "delete", "constraint": [{"or": [BEFORE_2026, BEFORE_2026]}]}, False),
        ({"action": "delete", "constraint": [atom("dateTime", "eq", "2026-01-01Z")]}, False),
        ({"action": "inform", "constraint": [atom("recipient", "eq", "did:web:somebody.else")]}, True),
    ],
)
def test_an_obligation_may_wait_only_until_a_deadline_that_is_ahead(obligation, permitted):
    assert decide(open_policy() | {"obligation": [obligation]}).permitted is permitted


def test_an_obligation_on_record_as_fulfilled_permits():
    policy = parse_policy(open_policy() | {"obligation": [{"action": "delete"}]})
    assert evaluate(policy, ask(), Facts(fulfilled=frozenset(policy.obligations)), NOW).permitted


def test_a_record_cannot_lift_a_duty_that_is_not_understood():
    odd = {"action": "delete", "consequence": [{"action": "inform"}]}
    policy = parse_policy(permit(duty=[odd]) | {"obligation": [odd]})
    facts = Facts(fulfilled=frozenset((*policy.permissions[0].duties, *policy.obligations)))
    decision = evaluate(policy, ask(), facts, NOW)
    assert not decision.permitted
    assert decision.rules[0].duties[0].blocks
    assert decision.rules[1].blocks


@pytest.mark.parametrize(
    "change",
    [{"target": "another"}, {"assignee": "did:web:another"}, {"assigner": "did:web:another"}],
    ids=["target", "assignee", "assigner"],
)
def test_an_agreement_permits_only_its_own_parties_and_target(change):
    agreement = parse_policy(open_policy() | {"target": "dataset-1", "assigner": PROVIDER, "assignee": CONSUMER})
    assert evaluate(agreement, ask(), Facts(), NOW).permitted
    decision = evaluate(agreement, replace(ask(), **change), Facts(), NOW)
    assert not decision.permitted
    assert next(iter(change)) in decision.sentence()


@pytest.mark.parametrize(
    "member",
    [{"profile": "https://test.com/profile"}, {"conflict": "perm"}, {"inheritFrom": "urn:p"}, {"@type": "Ticket"}],
    ids=["profile", "conflict", "inheritFrom", "type"],
)
def test_anything_unknown_in_the_policy_as_a_whole_denies(member):
    assert not decide(open_policy() | member).permitted


def test_the_moment_of_expiry_is_already_too_late():
    end = datetime.fromisoformat("2027-01-01T00:00:00Z")
    assert decide(permit(BEFORE_2027), now=end - timedelta(microseconds=1)).permitted
    assert not decide(permit(BEFORE_2027), now=end).permitted


def test_a_clock_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        decide(open_policy(), now=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
