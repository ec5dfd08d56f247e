"""The library of templates: each with its sentence, and what it permits and refuses."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from policies import (
    Facts,
    MalformedPolicy,
    cautions,
    check_policy,
    describe_policy,
    evaluate,
    open_policy,
    parse_policy,
    research_until,
)
from policies.model import Literal, Observed, Opaque
from policies.operands import LEFT_OPERANDS
from policies.templates import TEMPLATES
from policies.vocabulary import FLOOD_RISK_MANAGEMENT
from tests.unit.policies.build import NOW, RESEARCH, ask, decide

END = datetime(2027, 1, 1, tzinfo=UTC)


def filled(name):
    template = TEMPLATES[name]
    return template.fill({parameter.name: parameter.example for parameter in template.parameters})


def permitted(name, *, now=NOW, purpose=None, **observed: str):
    """Whether a template permits where these left operands (by the end of their name) have these values."""
    whole = {each.rpartition("/")[2]: each for each in LEFT_OPERANDS}
    seen = {
        whole[left]: Observed((Opaque(value) if value[0] == "{" else Literal(value),))
        for left, value in observed.items()
    }
    return evaluate(parse_policy(filled(name)), ask(purpose=purpose), Facts(observed=seen), now).permitted


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_can_be_decided_and_reads_well(name):
    policy = parse_policy(filled(name))
    check_policy(policy, supplied=LEFT_OPERANDS)
    assert cautions(policy) == []
    sentence = describe_policy(policy)
    assert "cannot" not in sentence
    assert "{" not in sentence
    assert TEMPLATES[name].sentence.endswith(".")


@pytest.mark.parametrize("name", ["open", "research-until", "embargo"])
def test_these_need_nothing_that_the_connector_does_not_supply_yet(name):
    check_policy(parse_policy(filled(name)))


@pytest.mark.parametrize(
    ("name", "situation", "expected"),
    [
        ("open", {}, True),
        ("attribution", {"elapsedTime": "P1D"}, True),
        ("attribution", {"elapsedTime": "P31D"}, False),
        ("research-until", {"purpose": {RESEARCH}}, True),
        ("research-until", {"purpose": {"commercial"}}, False),
        ("research-until", {"purpose": {RESEARCH}, "now": datetime(2028, 1, 1, tzinfo=UTC)}, False),
        ("one-region", {"extent": '{"bbox":[8.2,50.2,8.4,50.4]}'}, True),
        ("one-region", {"extent": '{"bbox":[8.2,50.2,9.4,50.4]}'}, False),
        ("one-region", {}, False),
        ("flood-authorities", {"purpose": {FLOOD_RISK_MANAGEMENT}, "memberOf": "urn:group:flood-authorities"}, True),
        ("flood-authorities", {"purpose": {FLOOD_RISK_MANAGEMENT}, "memberOf": "urn:group:others"}, False),
        ("flood-authorities", {"purpose": {RESEARCH}, "memberOf": "urn:group:flood-authorities"}, False),
        ("downloads", {"count": "3"}, True),
        ("downloads", {"count": "4"}, False),
        ("downloads", {}, False),
        ("embargo", {"now": datetime(2027, 5, 31, 23, 59, tzinfo=UTC)}, False),
        ("embargo", {"now": datetime(2027, 6, 1, tzinfo=UTC)}, True),
        ("paid-elsewhere", {"credential": "urn:credential:receipt"}, True),
        ("paid-elsewhere", {"credential": "urn:credential:other"}, False),
    ],
)
def test_a_template_permits_what_it_says(name, situation, expected):
    assert permitted(name, **situation) is expected


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "attribution",
            (
                "You may use this data, without conditions. "
                "You have this duty for this data: attribute within 30 days of the first use."
            ),
        ),
        ("downloads", "You may use this data, provided that the number of uses is at most 3."),
        (
            "one-region",
            (
                "You may use this data, provided that the area of the data lies within an area between longitude 8 and "
                "9, latitude 50 and 51."
            ),
        ),
        (
            "paid-elsewhere",
            "You may use this data, provided that the credential of the recipient is urn:credential:receipt.",
        ),
    ],
)
def test_a_person_reads_what_a_template_means(name, sentence):
    assert describe_policy(parse_policy(filled(name))) == sentence


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("downloads", {}, "downloads.most: is missing"),
        ("downloads", {"most": "0"}, "no whole number"),
        ("downloads", {"most": "3", "least": "1"}, "is no parameter"),
        ("embargo", {"from": "2027-06-01"}, "no time zone"),
        ("embargo", {"from": "soon"}, "no date"),
        ("one-region", {"area": "here"}, "POLYGON"),
        ("one-region", {"area": "{"}, "expected an area"),
        ("paid-elsewhere", {"credential": "a receipt"}, "no IRI"),
    ],
)
def test_a_parameter_that_is_missing_or_wrong_is_named(name, given, words):
    with pytest.raises(MalformedPolicy, match=words):
        TEMPLATES[name].fill(given)


def test_a_template_with_a_region_takes_geojson():
    area = {"type": "Polygon", "coordinates": [[[8, 50], [9, 50], [9, 51], [8, 50]]]}
    document = TEMPLATES["one-region"].fill({"area": json.dumps(area)})
    assert document["permission"][0]["constraint"][0]["rightOperand"] == area


@pytest.mark.parametrize(
    "document", [open_policy(), research_until(END, RESEARCH, "teaching")], ids=["open", "research"]
)
def test_a_template_may_be_published_without_caution(document):
    policy = parse_policy(document)
    check_policy(policy)
    assert cautions(policy) == []


@pytest.mark.parametrize(
    ("purpose", "now", "expected"),
    [
        ({RESEARCH}, NOW, True),
        ({"commercial"}, NOW, False),
        (None, NOW, False),
        ({RESEARCH}, END, False),
    ],
    ids=["research in time", "other purpose", "no purpose", "too late"],
)
def test_research_until_permits_research_until_then(purpose, now, expected):
    assert decide(research_until(END, RESEARCH), ask(purpose=purpose), now=now).permitted is expected


def test_the_end_is_written_in_utc():
    local = datetime(2027, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert research_until(local, RESEARCH) == research_until(END, RESEARCH)


def test_an_end_without_a_zone_and_an_empty_list_of_purposes_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        research_until(datetime(2027, 1, 1), RESEARCH)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="at least one"):
        research_until(END)
