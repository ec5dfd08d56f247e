"""A message that comes twice is answered as the first time, and nothing happens a second time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from tests.peer.scripted import Answer, ScriptedPeer, is_away, new_id
from tests.peer.talk import (
    Talk,
    address,
    agreement_id,
    asks,
    fetches,
    has_contract_as_consumer,
    is_agreed_with,
    is_offered,
    is_receiving,
    is_served,
    offer_of,
    request_document,
    requests,
    their_agreement,
    their_offer,
    transfer_document,
)
from tests.peer.world import World
from tests.unit.offers.builders import FOR_RESEARCH

pytestmark = pytest.mark.asyncio(loop_scope="session")

Reach = Callable[[World, ScriptedPeer], Awaitable[Talk]]
Saying = tuple[str, Callable[[Talk], dict[str, Any]]]


def nothing(_: Talk) -> dict[str, Any]:
    return {}


async def agreed(world: World, peer: ScriptedPeer) -> Talk:
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    return talk


async def verified_by_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await asks(world, peer)
    await is_agreed_with(talk)
    return talk


async def suspended_for_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await is_receiving(world, peer)
    await world.transfers.suspend(talk.pid, reason="a pause")
    await talk.reaches("SUSPENDED")
    return talk


MESSAGES: list[Any] = [
    pytest.param(is_offered, ("request", lambda talk: {"offer": their_offer()}), id="counter-offer"),
    pytest.param(is_offered, ("acceptance", nothing), id="acceptance"),
    pytest.param(agreed, ("verification", nothing), id="verification"),
    pytest.param(agreed, ("termination", lambda talk: {"reason": ["no"]}), id="termination, of a consumer"),
    pytest.param(asks, ("offer", lambda talk: {"offer": their_offer(**FOR_RESEARCH)}), id="offer"),
    pytest.param(asks, ("agreement", lambda talk: {"agreement": their_agreement(talk)}), id="agreement"),
    pytest.param(verified_by_us, ("finalization", nothing), id="finalization"),
    pytest.param(asks, ("termination", nothing), id="termination, of a provider"),
    pytest.param(is_served, ("suspension", nothing), id="suspension, of a consumer"),
    pytest.param(is_served, ("completion", nothing), id="completion, of a consumer"),
    pytest.param(is_served, ("termination", nothing), id="termination of a transfer, of a consumer"),
    pytest.param(fetches, ("start", lambda talk: {"dataAddress": address(talk.peer)}), id="start"),
    pytest.param(suspended_for_us, ("start", nothing), id="start again"),
    pytest.param(is_receiving, ("suspension", nothing), id="suspension, of a provider"),
    pytest.param(is_receiving, ("completion", nothing), id="completion, of a provider"),
]


@pytest.mark.parametrize(("reach", "saying"), MESSAGES)
@pytest.mark.parametrize("identified", [True, False], ids=["with id", "without id"])
async def test_a_repeated_message_gets_the_same_answer_and_does_nothing(
    world: World, peer: ScriptedPeer, reach: Reach, saying: Saying, identified: bool
):
    word, contents = saying
    talk = await reach(world, peer)
    path, document = talk.message(word, **contents(talk), id=new_id() if identified else None)
    # What follows stays under way, so that nothing happens between the two.
    for reaction in ("agreement", "verification", "finalization", "termination"):
        peer.on(reaction, is_away)
    first = await talk.send(path, document)
    assert first.status == 200, first.body
    history, leaves = await talk.path(), len(await world.leaves(talk.pid))
    agreements = await world.rows("SELECT id FROM agreement WHERE negotiation = %s", talk.pid)
    for _ in range(2):
        again = await talk.send(path, document)
        assert (again.status, again.body) == (first.status, first.body)
    assert await talk.path() == history
    assert len(await world.leaves(talk.pid)) == leaves == len(history)
    assert await world.rows("SELECT id FROM agreement WHERE negotiation = %s", talk.pid) == agreements


async def repeated(peer: ScriptedPeer, path: str, document: dict[str, Any], *, later: dict[str, Any]) -> list[Answer]:
    return [await peer.post(path, document), await peer.post(path, document | later)]


@pytest.mark.parametrize("later", [{}, {"@id": "urn:uuid:another"}], ids=["same id", "another id"])
async def test_a_repeated_first_request_finds_the_negotiation_it_made(
    world: World, peer: ScriptedPeer, later: dict[str, Any]
):
    peer.on("agreement", is_away)
    document = request_document(peer, offer_of(await world.offers()))
    before = await world.count()
    first, again = await repeated(peer, "/negotiations/request", document, later=later)
    assert (first.status, again.status) == (201, 201)
    assert again.document == first.document
    assert await world.count() == before + 1
    assert await world.path(first.document["providerPid"]) == ["request>REQUESTED received"]


async def test_a_first_request_repeated_without_id_finds_the_negotiation_it_made(world: World, peer: ScriptedPeer):
    peer.on("agreement", is_away)
    document = request_document(peer, offer_of(await world.offers()))
    del document["@id"]
    first, again = await repeated(peer, "/negotiations/request", document, later={})
    assert (first.status, first.body) == (again.status, again.body)


async def test_a_first_request_repeated_after_the_end_makes_no_second_negotiation(world: World, peer: ScriptedPeer):
    document = request_document(peer, offer_of(await world.offers()))
    first = await peer.post("/negotiations/request", document)
    pid = first.document["providerPid"]
    talk = Talk(world, peer, "negotiation", "consumer", document["consumerPid"], pid)
    await talk.reaches("AGREED")
    await talk.says("termination")
    before = await world.count()
    again = await peer.post("/negotiations/request", document)
    assert (again.status, again.document["providerPid"]) == (201, pid)
    assert await world.count() == before


@pytest.mark.parametrize("later", [{}, {"@id": "urn:uuid:another"}], ids=["same id", "another id"])
async def test_a_repeated_transfer_request_finds_the_transfer_it_made(
    world: World, peer: ScriptedPeer, later: dict[str, Any]
):
    agreement = await agreement_id(await has_contract_as_consumer(world, peer))
    peer.on("start", is_away)
    before = await world.count()
    first, again = await repeated(peer, "/transfers/request", transfer_document(peer, agreement), later=later)
    assert (first.status, again.status) == (201, 201)
    assert again.document == first.document
    assert await world.count() == before + 1


async def test_equal_first_requests_at_the_same_time_make_one_negotiation(world: World, peer: ScriptedPeer):
    document = request_document(peer, offer_of(await world.offers()))
    before = await world.count()
    answers = await asyncio.gather(*(peer.post("/negotiations/request", document) for _ in range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.document["providerPid"] for answer in answers}) == 1
    assert await world.count() == before + 1


async def test_equal_messages_at_the_same_time_make_one_move(world: World, peer: ScriptedPeer):
    talk = await agreed(world, peer)
    path, document = talk.message("verification")
    answers = await asyncio.gather(*(talk.send(path, document) for _ in range(8)))
    assert {answer.status for answer in answers} == {200}
    await talk.reaches("FINALIZED")
    assert (await talk.path()).count("verification>VERIFIED received") == 1
    assert len(peer.all("finalization", talk.pid)) == 1


async def test_a_late_copy_of_an_agreement_is_answered_and_changes_nothing(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    path, document = talk.message("agreement", agreement=their_agreement(talk))
    await talk.send(path, document)
    await talk.reaches("VERIFIED")
    await talk.says("finalization")
    history = await talk.path()
    assert (await talk.send(path, document)).status == 200
    assert await talk.path() == history


async def test_a_late_copy_of_an_offer_does_not_bring_its_terms_back(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    path, document = talk.message("offer", offer=their_offer(**FOR_RESEARCH))
    await talk.send(path, document)
    counter = their_offer(**{"@id": "urn:uuid:counter"})
    await world.negotiations.counter_request(talk.pid, counter, ())
    await talk.reaches("REQUESTED")
    assert (await talk.send(path, document)).status == 200
    process = await talk.process()
    assert (process.state, process.data["offer"]) == ("REQUESTED", counter)


async def test_an_offer_made_again_under_a_new_id_is_not_taken_for_a_repeat(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    assert (await talk.says("offer", offer=their_offer(**FOR_RESEARCH))).status == 200
    assert (await talk.says("offer", offer=their_offer(**FOR_RESEARCH))).status == 400


async def test_a_suspension_after_a_resumption_is_a_new_one(world: World, peer: ScriptedPeer):
    talk = await is_served(world, peer)
    for _ in range(2):
        assert (await talk.says("suspension", id=None)).state == "SUSPENDED"
        assert (await talk.says("start")).state == "STARTED"
    assert (await talk.path()).count("suspension>SUSPENDED received") == 2


async def test_a_late_copy_of_a_start_does_not_resume_what_was_suspended(world: World, peer: ScriptedPeer):
    talk = await fetches(world, peer)
    path, document = talk.message("start", dataAddress=address(peer), id=None)
    token = peer.token(orjson.dumps(document))  # sent before the suspension, arrives after it
    assert (await talk.send(path, document)).state == "STARTED"
    await world.transfers.suspend(talk.pid, reason="a pause")
    await talk.reaches("SUSPENDED")
    assert (await talk.send(path, document, token=token)).status == 200
    assert await talk.state() == "SUSPENDED"
