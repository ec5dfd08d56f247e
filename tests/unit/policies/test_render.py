import pytest

from policies import parse_policy, render_policy
from tests.unit.policies.build import BEFORE_2027, FOR_RESEARCH, UNKNOWN, atom, permit

DOCUMENTS = {
    "open": {"permission": [{"action": "use"}]},
    "constraints": permit(BEFORE_2027, FOR_RESEARCH),
    "logic": permit({"xone": [BEFORE_2027, {"andSequence": [FOR_RESEARCH, UNKNOWN]}]}),
    "duty": {"permission": [{"action": "use", "duty": [{"action": "attribute", "constraint": [BEFORE_2027]}]}]},
    "prohibition": {"prohibition": [{"action": "distribute"}], "obligation": [{"action": "delete"}]},
    "typed": permit(atom("dateTime", "lt", {"@value": "2027-01-01", "@type": "http://www.w3.org/2001/XMLSchema#date"})),
    "reference": permit(atom("purpose", "eq", {"@id": "urn:x"})),
    "object": permit(atom("spatial", "eq", {"type": "Point", "coordinates": [1, 2]})),
    "unknown members": permit(BEFORE_2027 | {"unit": "x"}) | {"profile": ["urn:a", "urn:b"], "inheritFrom": "urn:c"},
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_what_was_parsed_is_rendered_equal(document):
    assert render_policy(parse_policy(document)) == document


def test_empty_lists_are_left_out():
    document = {"permission": [{"action": "use", "constraint": [], "duty": []}], "prohibition": [], "obligation": []}
    assert render_policy(parse_policy(document)) == {"permission": [{"action": "use"}]}


def test_only_terms_are_rendered():
    document = permit() | {
        "@id": "o",
        "@type": "Offer",
        "target": "d",
        "assigner": "did:web:p",
        "assignee": "did:web:c",
    }
    assert render_policy(parse_policy(document)) == {"permission": [{"action": "use"}]}
