"""The option --policy."""

import json
from datetime import UTC, datetime

import pytest

from connector.cli.exits import CommandFailed, Exit
from connector.cli.policy import read_policy, terms_of
from policies.evaluate import Facts, Request, evaluate
from policies.parse import parse_policy


def permitted(policy, moment, purpose="research"):
    request = Request(
        action="use", target="run-1", assignee="did:web:c", assigner="did:web:p", purpose=frozenset({purpose})
    )
    return evaluate(parse_policy(policy), request, Facts(), moment).permitted


def test_open_permits_use_without_conditions():
    assert read_policy("open") == {"permission": [{"action": "use"}]}


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [(datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC), True), (datetime(2028, 1, 1, tzinfo=UTC), False)],
    ids=["the end of the last day", "the day after"],
)
def test_the_day_of_research_until_is_the_last_one(moment, allowed):
    assert permitted(read_policy("research-until:2027-12-31"), moment) is allowed


@pytest.mark.parametrize(
    ("text", "purpose", "allowed"),
    [
        ("research-until:2027-12-31", "research", True),
        ("research-until:2027-12-31", "teaching", False),
        ("research-until:2027-12-31:teaching", "teaching", True),
        ("research-until:2027-12-31:https://example.org/purpose#a", "https://example.org/purpose#a", True),
    ],
    ids=["research is the default", "another purpose is refused", "a word", "an IRI with colons"],
)
def test_research_until_is_for_its_purpose(text, purpose, allowed):
    assert permitted(read_policy(text), datetime(2027, 1, 1, tzinfo=UTC), purpose) is allowed


def test_a_file_is_read_whole(tmp_path):
    policy = {"permission": [{"action": "use"}], "prohibition": [{"action": "distribute"}]}
    path = tmp_path / "terms.json"
    path.write_text(json.dumps(policy))
    assert read_policy(str(path)) == policy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("closed", "'closed' is neither a template nor a .json file"),
        ("research-until:soon", "'soon' is not a day"),
        ("research-until:2027-02-30", "'2027-02-30' is not a day"),
        ("research-until:9999-12-31", "'9999-12-31' is not a day"),
        ("missing.json", "missing.json: No such file"),
    ],
)
def test_what_is_no_policy_is_refused_by_name(text, said):
    with pytest.raises(CommandFailed) as refused:
        read_policy(text)
    assert said in refused.value.message
    assert refused.value.exit is Exit.USAGE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1]", "expected an object"),
        (b" " * (1024**2 + 1), "is larger than"),
    ],
    ids=["cut short", "not text", "nested too deep", "a list", "too large"],
)
def test_a_file_that_is_no_policy_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "terms.json"
    path.write_bytes(content)
    with pytest.raises(CommandFailed) as refused:
        read_policy(str(path))
    assert str(path) in refused.value.message
    assert said in refused.value.message


def test_an_unknown_operand_is_named_before_anything_is_sent():
    policy = {
        "permission": [
            {"action": "use", "constraint": [{"leftOperand": "mood", "operator": "eq", "rightOperand": "good"}]}
        ]
    }
    with pytest.raises(CommandFailed, match="mood") as refused:
        terms_of(policy)
    assert refused.value.exit is Exit.USAGE
