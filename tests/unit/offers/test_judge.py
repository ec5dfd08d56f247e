"""Which offers are still good, without a database: the pure part of an initial request."""

from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.model import Offering, offering_of
from connector.errors import InvalidInput, OfferNotValid
from connector.offers.model import PublishedOffer, Source, offering_digest
from connector.offers.service import judge_offer, sound_policy
from tests.unit.offers.builders import FOR_RESEARCH, OPEN, description

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def published(**changes: Any) -> PublishedOffer:
    facts: dict[str, Any] = {
        "offer_id": "run:2",
        "offering_id": "run",
        "version": 2,
        "title": "Run",
        "policy": FOR_RESEARCH,
        "current_version": 2,
        "withdrawn_at": None,
    }
    return PublishedOffer(**facts | changes)


def requested(**members: Any) -> dict[str, Any]:
    return {"@id": "run:2", "@type": "Offer", "target": "run"} | FOR_RESEARCH | members


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(requested(), id="as published"),
        pytest.param({"@id": "run:2"} | FOR_RESEARCH, id="without target"),
        pytest.param(requested(assigner="did:web:provider", assignee="did:web:consumer"), id="with parties"),
    ],
)
def test_an_offer_is_valid(offer: dict[str, Any]) -> None:
    assert judge_offer(published(), offer) == published()


@pytest.mark.parametrize(
    ("found", "offer", "reason"),
    [
        pytest.param(None, requested(), r"^unknown offer: 'run:2'", id="never made"),
        pytest.param(published(), requested(target="other"), r"^unknown offer.*'other'", id="another target"),
        pytest.param(published(current_version=3), requested(), r"^stale.*version 3 is offered now", id="stale"),
        pytest.param(
            published(withdrawn_at=datetime(2026, 1, 1, tzinfo=UTC)),
            requested(),
            r"^withdrawn.*2026-01-01",
            id="withdrawn",
        ),
        pytest.param(published(), requested(**OPEN), r"^altered.*in the request.*in the offer", id="opened up"),
        pytest.param(published(), requested(obligation=[{"action": "attribute"}]), r"^altered.*attribute", id="more"),
        pytest.param(published(), requested(permission="all of it"), r"^altered.*permission", id="unreadable"),
    ],
)
def test_an_offer_is_refused(found: PublishedOffer | None, offer: dict[str, Any], reason: str) -> None:
    with pytest.raises(OfferNotValid, match=reason):
        judge_offer(found, offer)


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        pytest.param({}, "policy", id="empty"),
        pytest.param({"prohibition": [{"action": "distribute"}]}, "at least one permission", id="nothing permitted"),
        pytest.param({"permission": [{"action": "teleport"}]}, r"permission\[0\]\.action.*teleport", id="no action"),
        pytest.param({"permission": "use"}, "permission", id="not a list of rules"),
    ],
)
def test_a_policy_is_not_published(policy: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        sound_policy(policy)


def test_a_published_policy_is_in_the_compact_form() -> None:
    prefixed = {"odrl:permission": {"odrl:action": {"@id": "odrl:use"}}}
    assert sound_policy(prefixed) == OPEN


def test_a_digest_says_what_is_offered_and_not_which_version_it_is() -> None:
    def offering(**changes: Any) -> Offering:
        return offering_of(description(), **{"id": "run", "version": 1, "policy": OPEN} | changes)

    assert offering_digest(offering()) == offering_digest(offering(id="other", version=9))
    assert offering_digest(offering()) != offering_digest(offering(policy=FOR_RESEARCH))
    assert offering_digest(offering_of(description("deeper"), id="run", version=1, policy=OPEN)) != offering_digest(
        offering()
    )


def test_sources_have_keys_of_their_own() -> None:
    sources = [Source("/a"), Source("/b"), Source("/a", "research")]
    assert len({source.key() for source in sources}) == 3
    assert Source("/a").key() == Source("/a").key()
