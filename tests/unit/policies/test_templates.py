from datetime import UTC, datetime, timedelta, timezone

import pytest

from policies import cautions, check_policy, open_policy, parse_policy, research_until
from tests.unit.policies.build import NOW, RESEARCH, ask, decide

END = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "document", [open_policy(), research_until(END, RESEARCH, "teaching")], ids=["open", "research"]
)
def test_a_template_may_be_published_without_caution(document):
    policy = parse_policy(document)
    check_policy(policy)
    assert cautions(policy) == []


@pytest.mark.parametrize(
    ("purpose", "now", "permitted"),
    [
        ({RESEARCH}, NOW, True),
        ({"commercial"}, NOW, False),
        (None, NOW, False),
        ({RESEARCH}, END, False),
    ],
    ids=["research in time", "other purpose", "no purpose", "too late"],
)
def test_research_until_permits_research_until_then(purpose, now, permitted):
    assert decide(research_until(END, RESEARCH), ask(purpose=purpose), now=now).permitted is permitted


def test_the_end_is_written_in_utc():
    local = datetime(2027, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert research_until(local, RESEARCH) == research_until(END, RESEARCH)


def test_an_end_without_a_zone_and_an_empty_list_of_purposes_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        research_until(datetime(2027, 1, 1), RESEARCH)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="at least one"):
        research_until(END)
