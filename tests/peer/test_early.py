"""The peer's next message overtakes its answer to ours: it acknowledges ours, and is never refused for being early."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.peer.scripted import (
    Answer,
    Received,
    ScriptedPeer,
    drops,
    first,
    is_silent,
    pid_of,
    polite,
    says,
    until,
)
from tests.peer.talk import (
    Talk,
    address,
    asks,
    asks_for_data,
    begins_to_ask,
    begins_to_offer,
    fetches,
    has_contract_as_consumer,
    has_contract_as_provider,
    is_offered,
    is_receiving,
    is_served,
    offer_of,
    request_document,
    requests,
    their_agreement,
    their_offer,
)
from tests.peer.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

# How the peer answers our message after it has sent its own next one.
AFTERWARDS: list[Any] = [
    pytest.param(polite, id="then answers"),
    pytest.param(drops, id="then drops the connection"),
    pytest.param(is_silent, id="and never answers"),
    pytest.param(says(503), id="then fails"),
    pytest.param(says(409), id="then calls it a conflict"),
]


class Overtaking:
    """Says `word` as soon as a message of ours arrives, before that is answered; once."""

    def __init__(self, world: World, peer: ScriptedPeer, kind: str, role: str, word: str) -> None:
        self.begins: Callable[[str, str], Talk] = lambda ours, theirs: Talk(world, peer, kind, role, theirs, ours)
        self.role = role
        self.word = word
        self.contents: Callable[[Talk], dict[str, Any]] = lambda talk: {}
        self.answers: list[Answer] = []

    async def __call__(self, got: Received) -> None:
        if self.answers:
            return
        ours, theirs = ("providerPid", "consumerPid") if self.role == "consumer" else ("consumerPid", "providerPid")
        pid = got.document[ours]
        talk = self.begins(pid, got.document.get(theirs, ""))
        talk.peer_pid = talk.peer_pid or pid_of(talk.peer, pid)
        self.answers.append(await talk.says(self.word, **self.contents(talk)))

    async def answer(self) -> tuple[int, str]:
        """Status and state with which we took it."""
        await until(lambda: self.answers, "the answer to the early message")
        return self.answers[0].status, self.answers[0].state


@pytest.mark.parametrize("then", AFTERWARDS)
async def test_a_verification_overtakes_the_answer_to_our_agreement(world: World, peer: ScriptedPeer, then: Any):
    early = Overtaking(world, peer, "negotiation", "consumer", "verification")
    peer.on("agreement", first(early, then))
    talk = await requests(world, peer)
    assert await early.answer() == (200, "VERIFIED")
    await talk.reaches("FINALIZED")
    assert await talk.path() == [
        "request>REQUESTED received",
        "agreement>AGREED sent",
        "verification>VERIFIED received",
        "finalization>FINALIZED sent",
    ]
    rows = await world.rows("SELECT xmin::text AS tx FROM event WHERE pid = %s AND seq IN (2, 3)", talk.pid)
    assert len({row["tx"] for row in rows}) == 1, "both moves are one transaction"
    assert len(await world.leaves(talk.pid)) == 4
    assert len(peer.all("agreement", talk.pid)) == 1


@pytest.mark.parametrize("then", AFTERWARDS)
@pytest.mark.parametrize(
    ("word", "end"),
    [("offer", "OFFERED>ACCEPTED"), ("agreement", "AGREED>VERIFIED"), ("termination", "TERMINATED>")],
)
async def test_the_provider_s_answer_overtakes_the_acknowledgement_of_our_request(
    world: World, peer: ScriptedPeer, word: str, end: str, then: Any
):
    early = Overtaking(world, peer, "negotiation", "provider", word)
    early.contents = {
        "offer": lambda talk: {"offer": their_offer()},
        "agreement": lambda talk: {"agreement": their_agreement(talk)},
        "termination": lambda talk: {"reason": ["no"]},
    }[word]
    peer.on("request", first(early, then))
    talk = await begins_to_ask(world, peer)
    received, _, ours = end.partition(">")
    assert await early.answer() == (200, received)
    await talk.reaches(ours or received)
    assert (await talk.path())[:2] == ["request>REQUESTED sent", f"{word}>{received} received"]
    assert (await talk.process()).peer_pid == talk.peer_pid
    assert len(peer.all("request", talk.pid)) == 1


async def test_the_acceptance_overtakes_the_acknowledgement_of_our_offer(world: World, peer: ScriptedPeer):
    early = Overtaking(world, peer, "negotiation", "consumer", "acceptance")
    peer.on("offer", first(early))
    talk = await begins_to_offer(world, peer)
    assert await early.answer() == (200, "ACCEPTED")
    await peer.gets("agreement", talk.pid)
    assert (await talk.path())[:2] == ["offer>OFFERED sent", "acceptance>ACCEPTED received"]


@pytest.mark.parametrize("then", AFTERWARDS)
async def test_the_finalization_overtakes_the_answer_to_our_verification(world: World, peer: ScriptedPeer, then: Any):
    talk = await asks(world, peer)
    early = Overtaking(world, peer, "negotiation", "provider", "finalization")
    peer.on("verification", first(early, then))
    assert (await talk.says("agreement", agreement=their_agreement(talk))).status == 200
    assert await early.answer() == (200, "FINALIZED")
    await talk.reaches("FINALIZED")
    assert (await talk.path())[2:] == ["verification>VERIFIED sent", "finalization>FINALIZED received"]


async def test_an_agreement_overtakes_the_answer_to_our_acceptance(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    early = Overtaking(world, peer, "negotiation", "provider", "agreement")
    early.contents = lambda talk: {"agreement": their_agreement(talk)}
    peer.on("acceptance", first(early))
    assert (await talk.says("offer", offer=their_offer())).status == 200
    assert await early.answer() == (200, "AGREED")
    await talk.reaches("VERIFIED")


@pytest.mark.parametrize("then", AFTERWARDS)
async def test_a_transfer_request_shows_that_the_finalization_arrived(world: World, peer: ScriptedPeer, then: Any):
    asked: list[Talk] = []

    async def act(got: Received) -> None:
        process = await world.process("negotiation", got.document["providerPid"])
        asked.append(await asks_for_data(world, peer, process.agreement))

    peer.on("finalization", first(act, then))
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    await talk.says("verification")
    await until(lambda: asked, "the transfer request")
    await talk.reaches("FINALIZED")
    await asked[0].reaches("STARTED")
    assert len(peer.all("finalization", talk.pid)) == 1


@pytest.mark.parametrize("then", AFTERWARDS)
async def test_the_start_overtakes_the_acknowledgement_of_our_transfer_request(
    world: World, peer: ScriptedPeer, then: Any
):
    _, agreement = await has_contract_as_provider(world, peer)
    early = Overtaking(world, peer, "transfer", "provider", "start")
    early.contents = lambda talk: {"dataAddress": address(peer)}
    peer.on("request", first(early, then))
    process = await world.transfers.request(agreement)
    assert await early.answer() == (200, "STARTED")
    await world.reaches("transfer", process.pid, "STARTED")
    assert await world.path(process.pid) == ["request>REQUESTED sent", "start>STARTED received"]


@pytest.mark.parametrize(("word", "state"), [("suspension", "SUSPENDED"), ("completion", "COMPLETED")])
async def test_the_consumer_goes_on_before_it_has_answered_our_start(
    world: World, peer: ScriptedPeer, word: str, state: str
):
    contract = await has_contract_as_consumer(world, peer)
    early = Overtaking(world, peer, "transfer", "consumer", word)
    peer.on("start", first(early))
    talk = await asks_for_data(world, peer, (await contract.process()).agreement)
    assert await early.answer() == (200, state)
    await talk.reaches(state)
    assert (await talk.path())[1:] == ["start>STARTED sent", f"{word}>{state} received"]


# ---- crossing ----


async def test_our_agreement_is_withdrawn_when_it_crosses_with_a_termination(world: World, peer: ScriptedPeer):
    peer.on("agreement", is_silent)
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    assert (await talk.says("termination", reason=["no"])).state == "TERMINATED"
    assert await talk.path() == ["request>REQUESTED received", "termination>TERMINATED received"]
    leaves = await world.leaves(talk.pid)
    withdrawn = [leaf for leaf in leaves if leaf.seq is None]
    assert (len(leaves), len(withdrawn)) == (3, 1)
    assert withdrawn[0].openings is not None
    assert withdrawn[0].openings["evidence"]["value"]["withdrawn"] == "agreement"
    assert (await talk.process()).outbound is None


async def test_our_termination_counts_when_it_crosses_with_an_offer(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    peer.on("termination", is_silent)
    await world.negotiations.terminate(talk.pid, reason="enough")
    answer = await talk.says("offer", offer=their_offer())
    assert (answer.status, answer.document["code"]) == (400, "move_not_allowed")
    assert (await talk.process()).outbound is not None
    peer.script.replies.clear()


async def test_our_finalization_counts_when_it_crosses_with_a_termination(world: World, peer: ScriptedPeer):
    crossing = Overtaking(world, peer, "negotiation", "consumer", "termination")
    peer.on("finalization", first(crossing))
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    await talk.says("verification")
    await talk.reaches("FINALIZED")
    assert crossing.answers[0].status == 400


async def test_the_provider_s_finalization_counts_when_it_crosses_with_our_termination(
    world: World, peer: ScriptedPeer
):
    talk = await asks(world, peer)
    await talk.says("agreement", agreement=their_agreement(talk))
    await talk.reaches("VERIFIED")
    peer.on("termination", is_silent)
    await world.negotiations.terminate(talk.pid, reason="enough")
    assert (await talk.says("finalization")).state == "FINALIZED"
    await talk.reaches("FINALIZED")
    assert [leaf.seq for leaf in await world.leaves(talk.pid)].count(None) == 1


async def test_of_two_suspensions_that_cross_the_provider_s_counts(world: World, peer: ScriptedPeer):
    served, receiving = await is_served(world, peer), await is_receiving(world, peer)
    peer.on("suspension", is_silent, is_silent)
    await world.transfers.suspend(served.pid, reason="ours")
    assert (await served.says("suspension", reason=["theirs"])).status == 400
    await world.transfers.suspend(receiving.pid, reason="ours")
    assert (await receiving.says("suspension", reason=["theirs"])).state == "SUSPENDED"
    assert (await receiving.path())[-1] == "suspension>SUSPENDED received"
    peer.script.replies.clear()


async def test_our_suspension_is_withdrawn_when_the_consumer_has_completed(world: World, peer: ScriptedPeer):
    talk = await is_served(world, peer)
    peer.on("suspension", is_silent)
    await world.transfers.suspend(talk.pid, reason="a pause")
    assert (await talk.says("completion")).state == "COMPLETED"
    await talk.reaches("COMPLETED")


async def test_crossing_requests_of_both_sides_are_two_negotiations(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    one, other = await asyncio.gather(
        asks(world, peer), peer.post("/negotiations/request", request_document(peer, offer_of(offering)))
    )
    assert other.status == 201
    assert one.pid != other.document["providerPid"]


# ---- reordered ----


async def test_a_finalization_that_overtakes_its_agreement_is_refused_and_may_come_again(
    world: World, peer: ScriptedPeer
):
    talk = await asks(world, peer)
    finalization = talk.message("finalization")
    assert (await talk.send(*finalization)).status == 400
    await talk.says("agreement", agreement=their_agreement(talk))
    await talk.reaches("VERIFIED")
    assert (await talk.send(*finalization)).state == "FINALIZED"


async def test_a_completion_that_overtakes_the_start_is_refused(world: World, peer: ScriptedPeer):
    talk = await fetches(world, peer)
    assert (await talk.says("completion")).status == 400
    assert await talk.state() == "REQUESTED"


async def test_the_offer_we_made_is_accepted_only_once(world: World, peer: ScriptedPeer):
    talk = await is_offered(world, peer)
    assert (await talk.says("acceptance")).status == 200
    await peer.gets("agreement", talk.pid)
    await talk.reaches("AGREED")
    assert (await talk.says("acceptance", **{"https://example.org/nonce": "1"})).status == 400
