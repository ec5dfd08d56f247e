import pytest

from policies import MalformedPolicy, UnknownTerm, cautions, check_policy, open_policy, parse_policy
from tests.unit.policies.build import BEFORE_2027, FOR_RESEARCH, UNKNOWN, atom, permit


@pytest.mark.parametrize(
    "document",
    [
        open_policy(),
        permit(BEFORE_2027, FOR_RESEARCH, {"or": [BEFORE_2027, FOR_RESEARCH]}),
        permit(duty=[{"action": "attribute"}]),
        {"prohibition": [{"action": "sell"}], "obligation": [{"action": "delete", "constraint": [BEFORE_2027]}]},
        open_policy() | {"profile": "http://www.w3.org/ns/odrl/2/core"},
    ],
    ids=["open", "constraints", "duty", "obligation", "profile"],
)
def test_what_can_be_decided_may_be_published(document):
    check_policy(parse_policy(document))


@pytest.mark.parametrize(
    ("document", "path", "term"),
    [
        (permit(UNKNOWN), "policy.permission[0].constraint[0].leftOperand", "moonPhase"),
        (permit({"or": [BEFORE_2027, UNKNOWN]}), "policy.permission[0].constraint[0].or[1].leftOperand", "moonPhase"),
        (permit(atom("spatial", "eq", "DE")), "policy.permission[0].constraint[0].leftOperand", "spatial"),
        (permit(BEFORE_2027 | {"operator": "term-lteq"}), "policy.permission[0].constraint[0].operator", "term-lteq"),
        (permit(BEFORE_2027 | {"operator": "isA"}), "policy.permission[0].constraint[0].operator", "isA"),
        (permit(BEFORE_2027 | {"unit": "d"}), "policy.permission[0].constraint[0].unit", "unit"),
        (permit(duty=[{"action": "teleport"}]), "policy.permission[0].duty[0].action", "teleport"),
        ({"prohibition": [{"action": "teleport"}]}, "policy.prohibition[0].action", "teleport"),
        ({"prohibition": [{"action": "use", "remedy": []}]}, "policy.prohibition[0].remedy", "remedy"),
        (open_policy() | {"profile": "urn:p"}, "policy.profile", "urn:p"),
        (open_policy() | {"conflict": "perm"}, "policy.conflict", "conflict"),
        (
            open_policy() | {"obligation": [{"action": "delete", "constraint": [{"or": [BEFORE_2027]}]}]},
            "policy.obligation[0].constraint[0]",
            "or",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_term_that_cannot_be_decided_is_named_with_its_place(document, path, term):
    with pytest.raises(UnknownTerm) as caught:
        check_policy(parse_policy(document))
    assert (caught.value.path, caught.value.term) == (path, term)
    assert term in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"obligation": [{"action": "delete"}]},
        permit(atom("dateTime", "lt", "soon")),
        permit(atom("dateTime", "lt", ["2027-01-01Z"])),
        permit(atom("purpose", "eq", ["a", "b"])),
        permit(atom("purpose", "isNoneOf", [])),
        permit(atom("recipient", "eq", {"a": 1})),
    ],
    ids=["empty", "no rule", "no date", "several dates", "eq of a list", "empty list", "object"],
)
def test_a_right_operand_that_cannot_be_compared_is_refused(document):
    with pytest.raises(MalformedPolicy):
        check_policy(parse_policy(document))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (permit(duty=[{"action": "attribute"}]), "permits nobody"),
        (open_policy() | {"obligation": [{"action": "delete"}]}, "no deadline"),
        ({"prohibition": [{"action": "sell"}]}, "no permission"),
        (permit({"or": [atom("dateTime", "lt", "2027-01-01T00:00:00")]}), "fourteen hours"),
    ],
    ids=["duty", "obligation", "no permission", "no zone"],
)
def test_a_provider_is_told_what_refuses_more_than_it_seems_to(document, words):
    (caution,) = cautions(parse_policy(document))
    assert words in caution


def test_a_plain_policy_gives_no_reason_for_caution():
    assert cautions(parse_policy(permit(BEFORE_2027, FOR_RESEARCH))) == []
