"""All 68 cases of the ODRL-Test-Suite through the command, and where our own reading differs from it."""

import pytest

from tests.odrl.command import evaluate
from tests.odrl.suite import cases, parametrised

MISSING_ACTION = "a rule without an action is refused"
UNFULFILLED_DUTY = "a duty that is not on record as fulfilled denies"

# Every case where `--reading tidegate` answers otherwise than the suite expects; decision record 12 says why.
DIFFERENCES = {
    "testcase-001-alice": MISSING_ACTION,
    "testcase-002-bob": MISSING_ACTION,
    "testcase-003-bob-write-y": MISSING_ACTION,
    "testcase-004-alice": MISSING_ACTION,
    "testcase-005-bob": MISSING_ACTION,
    "testcase-006-bob-write-y": MISSING_ACTION,
    "testcase-059-nonset": UNFULFILLED_DUTY,
    "testcase-065-alice": UNFULFILLED_DUTY,
}


def satisfactions(constraints):
    """Each constraint of a report that has an identifier, with its result."""
    for each in constraints:
        if "constraint" in each:
            yield each["constraint"], each["satisfied"]
        yield from satisfactions(each.get("parts", ()))


@parametrised
def test_every_rule_is_active_as_the_suite_expects(case):
    finished = evaluate(case.policy, case.request, case.state, "--reading", "suite")
    assert {rule["rule"]: rule["active"] for rule in finished.json["rules"]} == case.active


@parametrised
def test_every_constraint_is_satisfied_as_the_suite_expects(case):
    finished = evaluate(case.policy, case.request, case.state, "--reading", "suite")
    found = dict(pair for rule in finished.json["rules"] for pair in satisfactions(rule["constraints"]))
    assert {uid: found[uid] for uid in case.satisfied} == case.satisfied


@parametrised
def test_our_own_reading_differs_where_the_table_says_and_nowhere_else(case):
    finished = evaluate(case.policy, case.request, case.state)
    if DIFFERENCES.get(case.name) == MISSING_ACTION:
        assert finished.code == 2
        assert "'action' is missing" in finished.error
        return
    active = {rule["rule"]: rule["active"] for rule in finished.json["rules"]}
    assert (active != case.active) is (case.name in DIFFERENCES)
    if case.name in DIFFERENCES:
        assert finished.json["decision"] == "deny"
        assert "duty" in finished.json["because"]


@pytest.mark.skipif(not cases(), reason="the shared data are not on this machine")
def test_there_are_68_cases_and_the_table_names_some_of_them():
    assert len(cases()) == 68
    assert DIFFERENCES.keys() <= {case.name for case in cases()}
