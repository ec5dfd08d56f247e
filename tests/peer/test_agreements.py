"""Terms that are not the ones on the table: what a counter-offer may change, and what an agreement may not."""

from typing import Any

import pytest

from connector.agreements.store import find_agreement
from connector.db import connection
from tests.peer.scripted import ScriptedPeer
from tests.peer.talk import (
    Talk,
    asks,
    has_contract_as_provider,
    is_offered,
    offer_of,
    their_agreement,
    their_offer,
)
from tests.peer.world import World
from tests.unit.offers.builders import FOR_RESEARCH, OPEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITED: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "dateTime", "operator": "lteq", "rightOperand": "2099-01-01T00:00:00Z"},
                {"leftOperand": "purpose", "operator": "eq", "rightOperand": "urn:purpose:research"},
            ],
        }
    ]
}
REVERSED = {"permission": [{"action": "use", "constraint": LIMITED["permission"][0]["constraint"][::-1]}]}


# ---- we consume ----


async def is_refused(world: World, peer: ScriptedPeer, talk: Talk, agreement: dict[str, Any]) -> str:
    """The agreement is taken, and then the negotiation terminated with a reason, which is kept on both sides."""
    answer = await talk.says("agreement", agreement=agreement)
    assert (answer.status, answer.state) == (200, "AGREED")
    told = (await peer.gets("termination", talk.pid)).document
    process = await talk.reaches("TERMINATED")
    assert told["code"] == process.data["failure"]["code"] == "agreement_differs"
    assert told["reason"] == [process.data["failure"]["reason"]]
    assert not peer.all("verification", talk.pid)
    assert await world.rows("SELECT id FROM agreement WHERE negotiation = %s", talk.pid) == []
    return told["reason"][0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"assigner": "did:web:elsewhere.example"}, "assigner", id="another provider"),
        pytest.param({"assignee": "did:web:elsewhere.example"}, "assignee", id="another consumer"),
        pytest.param({"target": "another-dataset"}, "target", id="another dataset"),
        pytest.param(FOR_RESEARCH, "permission", id="a constraint more"),
        pytest.param({"permission": [{"action": "distribute"}]}, "distribute", id="another action"),
        pytest.param({"prohibition": [{"action": "use"}]}, "prohibition", id="a prohibition more"),
        pytest.param({"obligation": [{"action": "compensate"}]}, "obligation", id="an obligation more"),
        pytest.param({"https://example.org/fee": "1 EUR"}, "fee", id="a term nobody knows"),
    ],
)
async def test_an_agreement_that_is_not_the_accepted_offer_is_refused_with_the_difference(
    world: World, peer: ScriptedPeer, change: dict[str, Any], named: str
):
    talk = await asks(world, peer)
    assert named in await is_refused(world, peer, talk, their_agreement(talk, **change))


async def test_an_agreement_without_the_constraint_of_the_offer_is_refused(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer, offer=their_offer(**FOR_RESEARCH))
    assert "purpose" in await is_refused(world, peer, talk, their_agreement(talk, their_offer()))


async def test_the_agreement_must_equal_the_offer_that_we_accepted_last(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    await talk.says("offer", offer=their_offer(**FOR_RESEARCH))
    await world.negotiations.accept(talk.pid)
    await talk.reaches("ACCEPTED")
    assert "purpose" in await is_refused(world, peer, talk, their_agreement(talk, their_offer()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"timestamp": None}, id="without timestamp"),
        pytest.param({"timestamp": "2026-11-25T12:00:00.123456789Z"}, id="with nine digits of a second"),
        pytest.param(REVERSED, id="with its constraints in another order"),
    ],
)
async def test_an_agreement_that_says_the_same_is_verified(world: World, peer: ScriptedPeer, change: dict[str, Any]):
    talk = await asks(world, peer, offer=their_offer(**LIMITED))
    whole = their_agreement(talk, their_offer(**LIMITED), **change)
    agreement = {name: value for name, value in whole.items() if value is not None}
    assert (await talk.says("agreement", agreement=agreement)).status == 200
    await talk.reaches("VERIFIED")


async def test_an_agreement_under_the_id_of_another_one_is_refused(world: World, peer: ScriptedPeer):
    _, used = await has_contract_as_provider(world, peer)
    talk = await asks(world, peer)
    assert used in await is_refused(world, peer, talk, their_agreement(talk, **{"@id": used}))
    async with connection(world.connector.pool) as conn:
        assert await find_agreement(conn, agreement_id=used, role="consumer", peer=peer.did) is not None


async def test_two_providers_may_use_the_same_id_for_their_agreements(
    world: World, peer: ScriptedPeer, stranger: ScriptedPeer
):
    _, used = await has_contract_as_provider(world, peer)
    talk = await asks(world, stranger)
    assert (await talk.says("agreement", agreement=their_agreement(talk, **{"@id": used}))).status == 200
    await talk.reaches("VERIFIED")
    assert (await talk.says("finalization")).status == 200
    async with connection(world.connector.pool) as conn:
        kept = await find_agreement(conn, agreement_id=used, role="consumer", peer=stranger.did)
    assert kept is not None
    assert kept.negotiation == talk.pid


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"@type": "Offer"}, id="an offer"),
        pytest.param({"@id": None}, id="without id"),
        pytest.param({"assigner": None}, id="without assigner"),
        pytest.param({"timestamp": "yesterday"}, id="with a timestamp that is none"),
        pytest.param({"permission": None}, id="without a rule"),
        pytest.param({"@id": "".join(f"{n:x}-" for n in range(1500))}, id="with an id of 5000 characters"),
    ],
)
async def test_what_is_no_agreement_is_malformed_and_changes_nothing(
    world: World, peer: ScriptedPeer, change: dict[str, Any]
):
    talk = await asks(world, peer)
    whole = their_agreement(talk) | change
    agreement = {name: value for name, value in whole.items() if value is not None}
    answer = await talk.says("agreement", agreement=agreement)
    assert (answer.status, answer.document["code"]) == (400, "malformed_message")
    assert await talk.state() == "REQUESTED"


async def test_an_offer_we_cannot_read_is_malformed_and_changes_nothing(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    answer = await talk.says("offer", offer=their_offer(permission=[{"action": "use", "constraint": "none"}]))
    assert (answer.status, answer.document["code"]) == (400, "malformed_message")
    assert await talk.state() == "REQUESTED"


# ---- we provide ----


async def test_a_counter_offer_with_other_terms_is_taken_and_refused_with_the_difference(
    world: World, peer: ScriptedPeer
):
    offering = await world.offers(FOR_RESEARCH)
    talk = await is_offered(world, peer, offering)
    answer = await talk.says("request", offer=offer_of(offering, **OPEN))
    assert (answer.status, answer.state) == (200, "REQUESTED")
    told = (await peer.gets("termination", talk.pid)).document
    process = await talk.reaches("TERMINATED")
    assert told["code"] == process.data["failure"]["code"] == "offer_not_valid"
    assert told["reason"] == [process.data["failure"]["reason"]]
    assert "purpose" in told["reason"][0]


async def test_a_counter_offer_with_the_terms_we_publish_is_agreed_to(world: World, peer: ScriptedPeer):
    offering = await world.offers(FOR_RESEARCH)
    talk = await is_offered(world, peer, offering)
    assert (await talk.says("request", offer=offer_of(offering))).state == "REQUESTED"
    agreement = (await peer.gets("agreement", talk.pid)).document["agreement"]
    assert agreement["permission"] == FOR_RESEARCH["permission"]


async def test_a_counter_offer_for_another_purpose_is_refused_by_policy(world: World, peer: ScriptedPeer):
    offering = await world.offers(FOR_RESEARCH)
    talk = await is_offered(world, peer, offering)
    purpose = {"https://w3id.org/tidegate/v1/declaredPurpose": "urn:purpose:advertising"}
    assert (await talk.says("request", offer=offer_of(offering), **purpose)).state == "REQUESTED"
    assert (await peer.gets("termination", talk.pid)).document["code"] == "policy"


async def test_a_counter_offer_for_another_dataset_does_not_change_what_is_negotiated(world: World, peer: ScriptedPeer):
    one, other = await world.offers(FOR_RESEARCH), await world.offers(OPEN)
    talk = await is_offered(world, peer, one)
    assert (await talk.says("request", offer=offer_of(other))).status in {200, 400}
    process = await talk.process()
    assert process.offering == one.id
    assert not peer.all("agreement", talk.pid)
