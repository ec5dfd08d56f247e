"""Two policies against each other: verdicts, witnesses, and what excludes each other."""

from random import Random

import pytest

from policies import evaluate, open_policy, parse_policy
from policies.concepts import Concepts
from policies.formula import All, Translation
from policies.operands import CREDENTIAL, DATA_TIME, EXTENT, FIRST_USE, MEMBER_OF, VARIABLE
from policies.overlap import compare_policies, contradictions
from policies.search import Search
from policies.solvers import CERTAIN, IMPOSSIBLE
from tests.odrl.generated import CONCEPTS, policy
from tests.unit.policies.build import BEFORE_2026, BEFORE_2027, FOR_RESEARCH, atom, permit

AFTER_2027 = atom("dateTime", "gteq", "2027-01-01T00:00:00Z")
NO_ZONE = atom("dateTime", "gteq", "2027-01-01T00:00:00")
REGIONS = Concepts(
    parts=frozenset({("Strasbourg", "France"), ("Alsace", "France"), ("Kehl", "Germany"), ("France", "EU")}),
    disjoint=frozenset({("France", "Germany")}),
)
BOX = {"bbox": [0, 0, 10, 10]}
BESIDE = {"bbox": [5, 5, 20, 20]}
FAR = {"bbox": [30, 30, 40, 40]}
ODRL = {"@context": "http://www.w3.org/ns/odrl.jsonld"}


def prohibit(*constraints: object, action="use"):
    return open_policy() | {"prohibition": [{"action": action, "constraint": list(constraints)}]}


def compared(a, b, concepts=REGIONS):
    """The comparison; a witness has been permitted by both."""
    policies = [parse_policy(ODRL | document) for document in (a, b)]
    found = compare_policies(*policies, concepts)
    for each in policies if found.witness else ():
        witness = found.witness
        decision = evaluate(each, witness.request, witness.facts, witness.now, concepts=concepts)
        assert decision.permitted, decision.sentence()
    return found


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (open_policy(), open_policy(), "compatible"),
        (open_policy(), {"prohibition": [{"action": "use"}]}, "conflict"),
        (permit(BEFORE_2027), permit(BEFORE_2026), "compatible"),
        (permit(BEFORE_2027), permit(AFTER_2027), "conflict"),
        (permit(BEFORE_2027), permit(NO_ZONE), "unknown"),
        (permit(atom("dateTime", "lt", "2027-01-02Z")), permit(NO_ZONE), "compatible"),
        (permit(atom("dateTime", "lt", "2027-01-01T00:00:00")), permit(NO_ZONE), "unknown"),
        (permit(atom("dateTime", "gt", "2026-12-31T23:59:59.999999Z")), permit(BEFORE_2027), "conflict"),
        (permit(atom("count", "lt", 3), atom("count", "gt", 2)), open_policy(), "conflict"),
        (permit(atom("percentage", "lt", 3), atom("percentage", "gt", 2)), open_policy(), "compatible"),
        (permit(atom("percentage", "gt", 100)), open_policy(), "conflict"),
        (permit(atom("count", "lt", 0)), open_policy(), "conflict"),
        (permit(atom("count", "lteq", "9")), permit(atom("count", "gteq", "10")), "conflict"),
        (permit(atom("count", "lteq", "10")), permit(atom("count", "gteq", "9")), "compatible"),
        (permit(atom("elapsedTime", "lt", "P1M")), permit(atom("elapsedTime", "gt", "P32D")), "conflict"),
        (permit(atom("elapsedTime", "lt", "P1M")), permit(atom("elapsedTime", "gt", "P29D")), "unknown"),
        (permit(atom("elapsedTime", "lt", "P1M")), permit(atom("elapsedTime", "gt", "P20D")), "compatible"),
        (permit(atom("timeInterval", "eq", "R/P1D")), permit(atom("timeInterval", "eq", "R/P1D")), "compatible"),
        (permit(atom("timeInterval", "eq", "P1D")), permit(atom("timeInterval", "eq", "P7D")), "conflict"),
        (permit(atom("spatial", "isPartOf", "France")), permit(atom("spatial", "eq", "Strasbourg")), "compatible"),
        (permit(atom("spatial", "isPartOf", "Germany")), permit(atom("spatial", "eq", "Strasbourg")), "conflict"),
        (permit(atom("spatial", "isPartOf", "Germany")), permit(atom("spatial", "eq", "Basel")), "unknown"),
        (permit(atom("spatial", "isPartOf", "Germany")), permit(atom("spatial", "isPartOf", "France")), "conflict"),
        (permit(atom("spatial", "isPartOf", "Germany")), permit(atom("spatial", "isPartOf", "EU")), "unknown"),
        (permit(atom("spatial", "hasPart", "Strasbourg")), permit(atom("spatial", "isPartOf", "EU")), "compatible"),
        (permit(FOR_RESEARCH), prohibit(FOR_RESEARCH), "conflict"),
        (permit(FOR_RESEARCH), prohibit(FOR_RESEARCH, BEFORE_2026), "compatible"),
        (permit(FOR_RESEARCH), prohibit(FOR_RESEARCH, action="distribute"), "compatible"),
        (permit(FOR_RESEARCH), prohibit(FOR_RESEARCH) | {"conflict": "perm"}, "compatible"),
        (permit(atom("purpose", "isAllOf", ["a", "b"])), permit(atom("purpose", "isAnyOf", ["b", "a"])), "compatible"),
        (permit(atom("purpose", "isAllOf", ["a", "b"])), permit(atom("purpose", "eq", "a")), "unknown"),
        (permit(atom(MEMBER_OF, "eq", "g")), permit(atom(MEMBER_OF, "eq", "h")), "compatible"),
        (permit(atom(MEMBER_OF, "eq", "g")), permit(atom(MEMBER_OF, "neq", "g")), "conflict"),
        (permit(atom(MEMBER_OF, "isAllOf", ["g", "h"])), permit(atom(MEMBER_OF, "isNoneOf", ["i"])), "compatible"),
        (permit(atom(CREDENTIAL, "isAnyOf", ["c", "d"])), permit(atom(CREDENTIAL, "neq", "c")), "compatible"),
        (permit(atom("recipient", "eq", "did:web:a")), permit() | {"assignee": "did:web:a"}, "compatible"),
        (permit(atom("recipient", "eq", "did:web:a")), permit() | {"assignee": "did:web:b"}, "conflict"),
        (permit() | {"target": "urn:a"}, permit() | {"target": "urn:b"}, "conflict"),
        (permit(target={"@type": "AssetCollection", "uid": "urn:c"}), permit() | {"target": "urn:b"}, "compatible"),
        ({"permission": [{"action": "print"}]}, {"permission": [{"action": "use"}]}, "compatible"),
        ({"permission": [{"action": "print"}]}, {"permission": [{"action": "sell"}]}, "conflict"),
        ({"permission": [{"action": "ex:own"}]}, {"permission": [{"action": "ex:own"}]}, "unknown"),
        (permit(atom(EXTENT, "isPartOf", BOX)), permit(atom(EXTENT, "isPartOf", BESIDE)), "compatible"),
        (permit(atom(EXTENT, "isPartOf", BOX)), permit(atom(EXTENT, "isPartOf", FAR)), "conflict"),
        (permit(atom(EXTENT, "isPartOf", BOX)), prohibit(atom(EXTENT, "isPartOf", BOX)), "conflict"),
        (permit(atom(EXTENT, "isPartOf", BOX)), prohibit(atom(EXTENT, "isPartOf", BESIDE)), "compatible"),
        (permit(atom(EXTENT, "isPartOf", BOX)), permit(atom(EXTENT, "hasPart", FAR)), "conflict"),
        (permit(atom(DATA_TIME, "isPartOf", "2020/2021")), open_policy(), "unknown"),
        (
            permit(atom(DATA_TIME, "isPartOf", "2020-01-01/2021-01-01")),
            permit(atom(DATA_TIME, "isPartOf", "2020-06-01/..")),
            "compatible",
        ),
        (
            permit(atom(DATA_TIME, "isPartOf", "2020-01-01/2021-01-01")),
            permit(atom(DATA_TIME, "isPartOf", "2021-01-01/..")),
            "conflict",
        ),
        (permit(atom(VARIABLE, "isAnyOf", ["t", "p"])), permit(atom(VARIABLE, "isAnyOf", ["p", "q"])), "compatible"),
        (
            permit({"xone": [atom("count", "lt", 5), atom("count", "lt", 9)]}),
            permit(atom("count", "lt", 5)),
            "conflict",
        ),
        (
            permit({"xone": [atom("count", "lt", 5), atom("count", "lt", 9)]}),
            permit(atom("count", "gt", 5)),
            "compatible",
        ),
        (permit({"or": [BEFORE_2026, AFTER_2027]}), permit({"and": [BEFORE_2027, AFTER_2027]}), "conflict"),
        (permit(atom("ex:own", "lt", 5)), permit(atom("ex:own", "gt", 4)), "compatible"),
        (permit(atom("ex:own", "eq", "x")), permit(atom("ex:own", "eq", "y")), "conflict"),
        (permit() | {"ex:odd": 1}, open_policy(), "conflict"),
        (permit(atom("count", "lt", "many")), open_policy(), "unknown"),
    ],
)
def test_the_verdict_on_two_policies(a, b, verdict):
    assert compared(a, b).verdict == verdict
    assert compared(b, a).verdict == verdict


WINDOW = [atom("dateTime", "gteq", "2026-01-01T00:00:00Z"), atom("dateTime", "lt", "2026-02-01T00:00:00Z")]


@pytest.mark.parametrize(
    ("constraints", "verdict"),
    [
        ([*WINDOW, atom("elapsedTime", "gteq", "P30D")], "compatible"),
        ([*WINDOW, atom("elapsedTime", "gteq", "P31D")], "conflict"),
        ([WINDOW[1], atom("elapsedTime", "gteq", "P31D")], "compatible"),
        ([WINDOW[1], atom(FIRST_USE, "gteq", "2026-01-20T00:00:00Z"), atom("elapsedTime", "gt", "P12D")], "conflict"),
        ([WINDOW[1], atom(FIRST_USE, "gteq", "2026-01-20T00:00:00Z"), atom("elapsedTime", "gt", "P11D")], "compatible"),
        ([atom("elapsedTime", "lt", "PT1H"), atom("meteredTime", "gteq", "PT1H")], "conflict"),
        ([atom("elapsedTime", "lteq", "PT1H"), atom("meteredTime", "gteq", "PT1H")], "compatible"),
        ([atom(FIRST_USE, "gt", "2026-01-01Z"), atom("dateTime", "lt", "2026-01-01Z")], "conflict"),
    ],
    ids=["fits", "too long", "no start", "start too late", "start in time", "in use longer", "as long", "used later"],
)
def test_a_start_and_an_elapsed_time_are_taken_together(constraints, verdict):
    assert compared(permit(*constraints[:1]), permit(*constraints[1:])).verdict == verdict
    assert compared(permit(*constraints), open_policy()).verdict == verdict


def test_a_conflict_names_what_excludes_each_other_and_nothing_else():
    a = permit(FOR_RESEARCH, BEFORE_2026, atom("count", "lt", 9))
    found = compared(a, permit(AFTER_2027, atom("recipient", "neq", "did:web:x")))
    assert [(item["policy"], item["path"]) for item in found.as_json()["because"]] == [
        ("A", "permission[0].constraint[1]"),
        ("B", "permission[0].constraint[0]"),
    ]
    assert found.as_json()["because"][0]["constraint"] == BEFORE_2026
    assert "1 January 2026" in found.sentence()


def test_the_elapsed_time_in_a_window_needs_both_of_its_ends_to_be_too_long():
    found = compared(permit(*WINDOW), permit(atom("elapsedTime", "gteq", "P60D")))
    assert [item.path for item in found.because] == [
        "permission[0].constraint[0]",
        "permission[0].constraint[1]",
        "permission[0].constraint[0]",
    ]


def test_an_unknown_verdict_names_what_hangs_on_a_relation():
    found = compared(
        permit(atom("spatial", "isPartOf", "Germany")), permit(atom("spatial", "eq", "Basel"), BEFORE_2027)
    )
    assert [item.path for item in found.because] == ["permission[0].constraint[0]"] * 2
    assert "nobody stated" in found.sentence()


@pytest.mark.parametrize("seed", range(150))
def test_without_any_one_of_a_conflict_the_rest_is_compatible(seed):
    random = Random(seed)
    translation = Translation()
    policies = [parse_policy(policy(random)) for _ in range(2)]
    search = Search(All(tuple(translation.permitted(each, n) for n, each in enumerate(policies))), CONCEPTS)
    found = compare_policies(*policies, CONCEPTS)
    if found.verdict != "conflict":
        return
    every = frozenset(range(len(translation.items)))
    core = frozenset(translation.items.index(item) for item in found.because)
    assert search.run(every - core).level == IMPOSSIBLE
    assert all(search.run(every - (core - {item})).level == CERTAIN for item in core)


def test_a_permission_that_meets_a_prohibition_of_its_policy_is_shown_with_a_situation():
    document = permit(BEFORE_2027) | {
        "prohibition": [{"action": "read", "constraint": [FOR_RESEARCH]}, {"action": "sell"}]
    }
    ((permission, prohibition, witness),) = contradictions(parse_policy(document))
    assert (permission, prohibition) == (0, 0)
    assert witness.request.action == "read"
    assert witness.request.purpose == frozenset(FOR_RESEARCH["rightOperand"])


def test_a_policy_without_overlap_has_no_contradiction():
    assert (
        contradictions(
            parse_policy(permit(BEFORE_2026) | {"prohibition": [{"action": "use", "constraint": [AFTER_2027]}]})
        )
        == []
    )


def test_a_duty_can_be_done_and_one_that_nobody_knows_cannot():
    assert compared(permit(duty=[{"action": "attribute"}]), open_policy()).verdict == "compatible"
    assert compared(permit(duty=[{"action": "teleport"}]), open_policy()).verdict == "conflict"
    assert compared(open_policy() | {"obligation": [{"action": "delete"}]}, open_policy()).verdict == "compatible"
