import json

import pytest

from policies import evaluate, open_policy, parse_policy
from policies.model import Facts
from tests.unit.policies.build import (
    BEFORE_2026,
    BEFORE_2027,
    FOR_RESEARCH,
    NOW,
    RESEARCH,
    UNKNOWN,
    ask,
    decide,
    permit,
)


def test_the_tree_names_rule_constraint_operator_value_source_and_result():
    tree = decide(permit(BEFORE_2027, FOR_RESEARCH), ask(purpose={"commercial"})).as_json()
    assert tree["decision"] == "deny"
    (rule,) = tree["rules"]
    assert (rule["rule"], rule["type"], rule["action"], rule["active"]) == ("permission[0]", "permission", "use", False)
    time, purpose = rule["constraints"]
    assert time == BEFORE_2027 | {
        "value": "2026-11-25T12:00:00Z",
        "source": "trusted clock at the decision",
        "satisfied": True,
    }
    assert purpose == FOR_RESEARCH | {
        "value": ["commercial"],
        "source": "purpose declared by the consumer",
        "satisfied": False,
    }


def test_the_tree_is_json_for_every_kind_of_rule():
    document = permit({"or": [BEFORE_2026, UNKNOWN]}, duty=[{"action": "attribute"}])
    document |= {"prohibition": [{"action": "sell"}], "obligation": [{"action": "delete"}]}
    tree = json.loads(json.dumps(decide(document).as_json()))
    assert [rule["type"] for rule in tree["rules"]] == ["permission", "prohibition", "obligation"]
    assert tree["rules"][0]["constraints"][0]["parts"][1]["satisfied"] is None
    assert tree["rules"][0]["duties"][0]["rule"] == "permission[0].duty[0]"
    assert tree["rules"][0]["duties"][0]["blocks"] is True


def test_the_source_of_the_purpose_is_the_one_the_caller_names():
    from dataclasses import replace

    request = replace(ask(purpose={RESEARCH}), purpose_source="the offer in the request")
    tree = evaluate(parse_policy(permit(FOR_RESEARCH)), request, Facts(), NOW).as_json()
    assert tree["rules"][0]["constraints"][0]["source"] == "the offer in the request"


SHOWN = f"research <{RESEARCH}>"


@pytest.mark.parametrize(
    ("document", "purpose", "sentence"),
    [
        (open_policy(), None, "Permitted: use is allowed."),
        (
            permit(FOR_RESEARCH),
            {"commercial"},
            f"Refused: use is permitted only if the purpose is {SHOWN}, but the purpose is “commercial”.",
        ),
        (
            permit(FOR_RESEARCH),
            None,
            f"Refused: use is permitted only if the purpose is {SHOWN}, but no purpose was declared.",
        ),
        (
            permit(BEFORE_2026),
            None,
            (
                "Refused: use is permitted only if the time is before 1 January 2026, 00:00 UTC, "
                "but the time is 25 November 2026, 12:00 UTC."
            ),
        ),
        (
            permit(UNKNOWN),
            None,
            (
                "Refused: use is permitted only if moonPhase eq “full” (which cannot be decided here), "
                "but nothing here knows the value of 'moonPhase'."
            ),
        ),
        (
            {"permission": [{"action": "read"}]},
            None,
            "Refused: use is not permitted, because the rule is about read.",
        ),
        (
            open_policy() | {"prohibition": [{"action": "use", "constraint": [FOR_RESEARCH]}]},
            {RESEARCH},
            f"Refused: use is prohibited (while the purpose is {SHOWN}; the purpose is {SHOWN}).",
        ),
        (
            open_policy() | {"prohibition": [{"action": "use", "constraint": [FOR_RESEARCH]}]},
            None,
            (
                f"Refused: use may be prohibited (while the purpose is {SHOWN}, which is not certain; "
                "no purpose was declared)."
            ),
        ),
        (
            open_policy() | {"obligation": [{"action": "delete", "constraint": [BEFORE_2027]}]},
            None,
            "Permitted: use is allowed. Still to be done: delete.",
        ),
        (
            permit({"or": [BEFORE_2026, FOR_RESEARCH]}),
            None,
            (
                "Refused: use is permitted only if (the time is before 1 January 2026, 00:00 UTC or the purpose is "
                f"{SHOWN}), but the time is 25 November 2026, 12:00 UTC and no purpose was declared."
            ),
        ),
        (
            open_policy() | {"profile": "urn:other"},
            None,
            "Refused: the profile urn:other is not known here.",
        ),
    ],
    ids=[
        "open",
        "purpose",
        "undeclared",
        "expired",
        "unknown",
        "action",
        "prohibited",
        "maybe",
        "owed",
        "or",
        "profile",
    ],
)
def test_a_person_reads_the_reason(document, purpose, sentence):
    assert decide(document, ask(purpose=purpose)).sentence() == sentence


def test_a_peers_words_cannot_move_the_cursor():
    document = permit({"leftOperand": "purpose", "operator": "eq", "rightOperand": "x\x1b[2K\r\u202e"})
    sentence = decide(document, ask(purpose={"\n"})).sentence()
    assert sentence.isprintable()
