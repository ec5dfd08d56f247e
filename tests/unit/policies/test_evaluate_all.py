"""Many policies at once, as a catalogue has them: each distinct one is decided once."""

from policies import Facts, evaluate_all, open_policy, parse_policy
from tests.unit.policies.build import BEFORE_2026, NOW, ask, permit


def test_equal_policies_share_one_decision():
    policies = [parse_policy(document) for document in (open_policy(), permit(BEFORE_2026), permit(), open_policy())]
    decisions = evaluate_all(policies, ask(), Facts(), NOW)
    assert [decision.permitted for decision in decisions] == [True, False, True, True]
    assert decisions[0] is decisions[2] is decisions[3]


def test_records_by_the_uid_of_a_duty_keep_equal_policies_apart():
    policies = [parse_policy(permit(duty=[{"@id": f"urn:{name}", "action": "attribute"}])) for name in "ab"]
    assert policies[0] == policies[1]
    decisions = evaluate_all(policies, ask(), Facts(states={"urn:a": "fulfilled"}), NOW)
    assert [decision.permitted for decision in decisions] == [True, False]
