import pytest

from policies import describe_policy, open_policy, parse_policy
from tests.unit.policies.build import BEFORE_2027, CONSUMER, FOR_RESEARCH, RESEARCH, UNKNOWN, atom, permit

SHOWN = f"research <{RESEARCH}>"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (open_policy(), "You may use “Run 1”, without conditions."),
        (
            permit(BEFORE_2027, FOR_RESEARCH),
            (
                "You may use “Run 1”, provided that the time is before 1 January 2027, 00:00 UTC "
                f"and the purpose is {SHOWN}."
            ),
        ),
        (
            permit(atom("purpose", "isAnyOf", ["teaching", RESEARCH])),
            f"You may use “Run 1”, provided that the purpose is one of “teaching” or {SHOWN}.",
        ),
        (
            permit(atom("recipient", "neq", CONSUMER)),
            f"You may use “Run 1”, provided that the recipient is not {CONSUMER}.",
        ),
        (
            permit({"xone": [BEFORE_2027, FOR_RESEARCH]}),
            (
                "You may use “Run 1”, provided that exactly one holds of (the time is before 1 January 2027, 00:00 UTC "
                f"or the purpose is {SHOWN})."
            ),
        ),
        (
            permit(UNKNOWN),
            "You may use “Run 1”, provided that moonPhase eq “full” (which cannot be decided here).",
        ),
        (
            permit(BEFORE_2027 | {"unit": "x"}, remedy=[]),
            (
                "You may use “Run 1”, provided that the time is before 1 January 2027, 00:00 UTC (with more, which "
                "cannot be decided here) (with remedy, which cannot be decided here)."
            ),
        ),
        (
            {"permission": [{"action": "use", "duty": [{"action": "attribute"}]}]},
            "You may use “Run 1”, after you have done this: attribute.",
        ),
        (
            open_policy() | {"prohibition": [{"action": "distribute", "constraint": [FOR_RESEARCH]}]},
            f"You may use “Run 1”, without conditions. You must not distribute “Run 1” while the purpose is {SHOWN}.",
        ),
        (
            open_policy() | {"obligation": [{"action": "delete", "constraint": [BEFORE_2027]}]},
            (
                "You may use “Run 1”, without conditions. "
                "You have this duty for “Run 1”: delete before 1 January 2027, 00:00 UTC."
            ),
        ),
        ({}, "Nothing may be done with “Run 1”."),
        (
            open_policy() | {"profile": "urn:p", "conflict": "perm"},
            (
                "You may use “Run 1”, without conditions. "
                "It also says conflict, urn:p, which cannot be decided here: it will be refused."
            ),
        ),
    ],
    ids=[
        "open",
        "time and purpose",
        "one of",
        "recipient",
        "xone",
        "unknown",
        "extra",
        "duty",
        "prohibition",
        "obligation",
        "empty",
        "profile",
    ],
)
def test_a_person_reads_the_terms_before_agreeing(document, sentence):
    assert describe_policy(parse_policy(document), title="Run 1") == sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2027-03-09T06:05:07Z", "9 March 2027, 06:05:07 UTC"),
        ("2027-03-09T06:05Z", "9 March 2027, 06:05 UTC"),
        ("2027-03-09T06:05:00+02:00", "9 March 2027, 06:05 UTC+02:00"),
        ("2027-03-09T06:05:00", "9 March 2027, 06:05 (no time zone given)"),
        ("2027-03-09", "9 March 2027 (no time zone given)"),
        ("2027-03-09Z", "9 March 2027 UTC"),
    ],
)
def test_a_date_is_written_as_people_write_it_with_its_own_zone(text, words):
    assert words in describe_policy(parse_policy(permit(atom("dateTime", "lt", text))))


def test_without_a_title_it_is_this_data():
    assert describe_policy(parse_policy(open_policy())) == "You may use this data, without conditions."


def test_a_title_cannot_move_the_cursor():
    assert describe_policy(parse_policy(open_policy()), title="a\x1b[2J\n").isprintable()
