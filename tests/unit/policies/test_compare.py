import pytest

from policies import MalformedPolicy, differences, open_policy, parse_policy, same_terms
from tests.unit.policies.build import BEFORE_2026, BEFORE_2027, CONSUMER, FOR_RESEARCH, PROVIDER, atom, permit

OFFER = permit(BEFORE_2027, FOR_RESEARCH) | {"@id": "offer-1", "@type": "Offer", "target": "d"}
AGREEMENT = permit(BEFORE_2027, FOR_RESEARCH) | {
    "@id": "urn:uuid:1",
    "@type": "Agreement",
    "target": "d2",
    "assigner": PROVIDER,
    "assignee": CONSUMER,
    "timestamp": "2026-11-25T12:00:00Z",
}


def test_an_agreement_equals_its_offer_apart_from_id_parties_time_and_target():
    assert differences(OFFER, AGREEMENT) == []
    assert same_terms(parse_policy(OFFER), AGREEMENT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (permit(BEFORE_2027, FOR_RESEARCH), permit(FOR_RESEARCH, BEFORE_2027)),
        (permit({"or": [BEFORE_2027, FOR_RESEARCH]}), permit({"or": [FOR_RESEARCH, BEFORE_2027]})),
        (permit(atom("purpose", "isAnyOf", ["a", "b"])), permit(atom("purpose", "isAnyOf", ["b", "a", "b"]))),
        (permit(atom("purpose", "isAnyOf", ["a"])), permit(atom("purpose", "isAnyOf", "a"))),
        (permit(), open_policy()),
        (permit(), {"odrl:permission": {"odrl:action": {"@id": "odrl:use"}}}),
    ],
    ids=["constraints", "or", "set", "list of one", "empty list", "prefix"],
)
def test_what_has_no_meaning_makes_no_difference(one, other):
    assert same_terms(one, other)


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (permit(BEFORE_2027), "permission only in the second"),
        (permit(BEFORE_2026, FOR_RESEARCH), "permission only in the second"),
        (permit(BEFORE_2027 | {"unit": "x"}, FOR_RESEARCH), "permission only in the second"),
        (permit(BEFORE_2027, FOR_RESEARCH, duty=[{"action": "inform"}]), "permission only in the second"),
        (OFFER | {"prohibition": [{"action": "sell"}]}, 'prohibition only in the second: {"action":"sell"}'),
        (OFFER | {"obligation": [{"action": "delete"}]}, 'obligation only in the second: {"action":"delete"}'),
        (OFFER | {"profile": "urn:p"}, "profile only in the second: urn:p"),
        (OFFER | {"conflict": "perm"}, 'member only in the second: conflict = "perm"'),
        ({"permission": OFFER["permission"] * 2}, "permission only in the second"),
    ],
    ids=["less", "date", "unit", "duty", "prohibition", "obligation", "profile", "member", "twice"],
)
def test_every_other_difference_is_named(other, line):
    assert any(found.startswith(line) for found in differences(OFFER, other))
    assert any(found.startswith(line.replace("second", "first")) for found in differences(other, OFFER))


def test_the_order_of_a_sequence_is_its_meaning():
    parts = [BEFORE_2027, FOR_RESEARCH]
    assert not same_terms(permit({"andSequence": parts}), permit({"andSequence": parts[::-1]}))


def test_an_iri_is_not_the_string_that_spells_it():
    assert not same_terms(permit(atom("purpose", "eq", {"@id": "urn:x"})), permit(atom("purpose", "eq", "urn:x")))


def test_what_cannot_be_read_cannot_be_compared():
    with pytest.raises(MalformedPolicy):
        same_terms(OFFER, {"permission": [{}]})
