import pytest

from policies import declared_purposes, open_policy, parse_policy
from tests.unit.policies.build import BEFORE_2027, ask, atom, decide, permit


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (open_policy(), None),
        (permit(BEFORE_2027), None),
        (permit(atom("purpose", "eq", "a")), {"a"}),
        (permit(atom("purpose", "eq", {"@id": "a"})), {"a"}),
        (permit(atom("purpose", "isAnyOf", ["a", "b"])), {"a", "b"}),
        (permit(atom("purpose", "isAllOf", ["a", "b"])), {"a", "b"}),
        (permit(atom("purpose", "isA", "a")), {"a"}),
        (permit(atom("purpose", "neq", "a")), None),
        (permit(atom("purpose", "isPartOf", "a")), None),
        (permit({"and": [BEFORE_2027, atom("purpose", "eq", "a")]}), {"a"}),
        (permit({"and": [atom("purpose", "eq", "a")], "note": "x"}), None),
        (permit({"or": [BEFORE_2027, atom("purpose", "eq", "a")]}), None),
        (permit(atom("purpose", "isAnyOf", ["a", "b"]), atom("purpose", "neq", "b")), {"a"}),
        (permit(atom("purpose", "isAnyOf", ["a", "b"]), atom("purpose", "isAnyOf", ["b", "c"])), {"b"}),
        (permit(atom("purpose", "eq", "a"), atom("purpose", "eq", "b")), None),
        (permit(atom("purpose", "eq", {"x": 1})), None),
        (permit(atom("purpose", "eq", "a") | {"unit": "x"}), None),
        ({"prohibition": [{"action": "use", "constraint": [atom("purpose", "eq", "a")]}]}, None),
        ({"permission": [*permit(atom("purpose", "eq", "a"))["permission"], {"action": "use"}]}, {"a"}),
    ],
)
def test_the_purpose_constraint_of_an_offer_declares(document, expected):
    assert declared_purposes(parse_policy(document)) == expected


@pytest.mark.parametrize("operator", ["eq", "isAnyOf", "isAllOf", "isA"])
def test_who_repeats_the_providers_offer_satisfies_its_purpose(operator):
    offer = permit(atom("purpose", operator, "a"))
    declared = declared_purposes(parse_policy(offer))
    assert declared is not None
    assert decide(offer, ask(purpose=set(declared))).permitted
