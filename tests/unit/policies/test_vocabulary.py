import pytest

from policies.vocabulary import INCLUDED_IN, LEFT_OPERANDS, OPERATORS, covers, local_name


@pytest.mark.parametrize(
    ("action", "requested", "expected"),
    [
        ("use", "use", True),
        ("use", "read", True),
        ("use", "extract", True),
        ("reproduce", "extract", True),
        ("read", "use", False),
        ("use", "sell", False),
        ("transfer", "sell", True),
        ("use", "transfer", False),
        ("teleport", "use", None),
        ("use", "teleport", None),
        ("teleport", "teleport", None),
    ],
)
def test_an_action_covers_what_is_included_in_it(action, requested, expected):
    assert covers(action, requested) is expected


def test_every_action_leads_to_one_of_the_two_roots():
    assert {action for action, parent in INCLUDED_IN.items() if parent is None} == {"use", "transfer"}
    assert all(covers("use", action) or covers("transfer", action) for action in INCLUDED_IN)


def test_the_operators_are_the_twelve_of_odrl():
    assert len(OPERATORS) == 12
    assert "term-lteq" not in OPERATORS


def test_every_left_operand_says_where_its_value_comes_from():
    assert all(operand.source and operand.operators <= OPERATORS for operand in LEFT_OPERANDS.values())


@pytest.mark.parametrize("term", ["use", "odrl:use", "http://www.w3.org/ns/odrl/2/use"])
def test_odrl_terms_are_known_by_their_local_name(term):
    assert local_name(term) == "use"
