"""What we have to say arrives once, with the same bytes, whatever the peer does in between; or the process ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from connector.identity.tokens import read_token
from tests.peer.scripted import Reply, ScriptedPeer, drops, is_away, is_silent, later, message, refuses, says, until
from tests.peer.talk import (
    Talk,
    asks,
    asks_for_data,
    begins_to_ask,
    has_contract_as_provider,
    is_agreed_with,
    is_offered,
    is_receiving,
    is_served,
    requests,
    their_agreement,
    their_offer,
)
from tests.peer.world import World
from tests.support.loopback import site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextmanager
def hours_later(world: World, hours: float = 2) -> Iterator[None]:
    """The clock by which the connector decides goes ahead."""
    before = world.exchange.clock
    world.exchange.clock = lambda: datetime.now(UTC) + timedelta(hours=hours)
    try:
        yield
    finally:
        world.exchange.clock = before


async def keeps_trying(world: World, talk: Talk) -> None:
    """What the job does, at once and until nothing is left to do."""
    delivery = world.connector.worker.delivery

    async def is_done() -> bool:
        process = await talk.process()
        return process.outbound is None or await delivery.send(process)

    await until(is_done, "the end of the attempts")


TROUBLE: list[Any] = [
    pytest.param(says(500), id="500"),
    pytest.param(says(503), id="503"),
    pytest.param(says(408), id="408"),
    pytest.param(says(425), id="425"),
    pytest.param(says(429), id="429"),
    pytest.param(drops, id="the connection is reset"),
    pytest.param(later(1.2), id="no answer in time"),
    pytest.param(says(200, b"x" * 100_000), id="too much"),
]
NOT_YET: list[Any] = [
    pytest.param(says(404, message("ContractNegotiationError")), id="404"),
    pytest.param(says(409), id="409"),
    pytest.param(says(401), id="401"),
]
NO_PID: list[Any] = [
    pytest.param(says(201, b"<html>"), id="garbage"),
    pytest.param(says(201), id="an empty answer"),
    pytest.param(says(201, b"[]"), id="a list"),
    pytest.param(says(201, {"providerPid": 7}), id="a pid that is a number"),
    pytest.param(says(201, {"providerPid": ""}), id="an empty pid"),
]


def is_one_message_sent_twice(peer: ScriptedPeer, word: str, pid: str) -> None:
    """The same bytes, with a new token each time."""
    sent = peer.all(word, pid)
    assert len(sent) == 2
    assert sent[0].body == sent[1].body
    tokens = [read_token(got.authorization.removeprefix("Bearer ")).statement.claims for got in sent]
    assert tokens[0]["jti"] != tokens[1]["jti"]
    assert tokens[0]["body"] == tokens[1]["body"]


@pytest.mark.parametrize("trouble", TROUBLE + NOT_YET)
async def test_our_agreement_arrives_once_the_peer_is_well_again(world: World, peer: ScriptedPeer, trouble: Reply):
    peer.on("agreement", trouble)
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    is_one_message_sent_twice(peer, "agreement", talk.pid)
    assert await talk.path() == ["request>REQUESTED received", "agreement>AGREED sent"]
    assert len(await world.leaves(talk.pid)) == 2


@pytest.mark.parametrize("trouble", TROUBLE + NO_PID)
async def test_our_request_arrives_once_the_peer_is_well_again(world: World, peer: ScriptedPeer, trouble: Reply):
    peer.on("request", trouble)
    talk = await begins_to_ask(world, peer)
    await talk.reaches("REQUESTED")
    is_one_message_sent_twice(peer, "request", talk.pid)
    assert await talk.path() == ["request>REQUESTED sent"]


@pytest.mark.parametrize("answer", [says(200), says(204), says(200, b"ok"), says(200, b"[]")])
async def test_an_answer_that_says_only_yes_is_enough_for_a_later_message(
    world: World, peer: ScriptedPeer, answer: Reply
):
    peer.on("agreement", answer)
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    assert len(peer.all("agreement", talk.pid)) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410])
async def test_a_refused_request_is_a_failure_with_the_peer_s_reason_and_without_a_history(
    world: World, peer: ScriptedPeer, status: int
):
    error = message("ContractNegotiationError", code="no", reason=["the offer is stale", "ask again"])
    peer.on("request", says(status, error))
    talk = await begins_to_ask(world, peer)
    process = await talk.reaches("NEW")
    assert process.data["failure"] == {"code": "peer_refused", "reason": f"{status} the offer is stale; ask again"}
    assert await talk.path() == []
    assert process.deadline is None
    leaves = await world.leaves(talk.pid)
    assert [leaf.seq for leaf in leaves] == [None]
    assert len(peer.all("request", talk.pid)) == 1


async def test_an_answer_after_we_have_given_up_is_refused(world: World, peer: ScriptedPeer):
    peer.on("request", says(400))
    talk = await begins_to_ask(world, peer)
    await talk.reaches("NEW")
    assert (await talk.says("agreement", agreement=their_agreement(talk))).status == 400
    assert (await talk.says("offer", offer=their_offer())).status == 400
    assert await talk.path() == []


# ---- the peer says that our message is illegal ----


async def test_a_peer_that_is_behind_is_sent_the_message_again(world: World, peer: ScriptedPeer):
    peer.on("agreement", refuses(), refuses())
    talk = await begin_and_stand(world, peer, "REQUESTED")
    await talk.reaches("AGREED")
    assert len(peer.all("agreement", talk.pid)) == 3
    assert len({got.body for got in peer.all("agreement", talk.pid)}) == 1


async def begin_and_stand(world: World, peer: ScriptedPeer, state: str) -> Talk:
    """The peer asks for a contract under a pid at which it says to stand in `state`."""
    pid = f"urn:uuid:standing-{peer.name}-{len(peer.received)}-{datetime.now(UTC).timestamp()}"
    peer.standing[pid] = state
    return await requests(world, peer, consumerPid=pid)


async def test_a_peer_that_has_our_message_already_has_acknowledged_it(world: World, peer: ScriptedPeer):
    peer.on("agreement", refuses())
    talk = await begin_and_stand(world, peer, "AGREED")
    await talk.reaches("AGREED")
    assert len(peer.all("agreement", talk.pid)) == 1
    assert (await world.leaves(talk.pid))[-1].openings["evidence"]["value"] == {"learnt": "from the peer's state"}


async def test_a_peer_that_is_ahead_is_caught_up_with(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    agreement = await is_agreed_with(talk)
    peer.on("termination", refuses())
    peer.standing[talk.peer_pid] = "FINALIZED"  # its finalization never reached us
    await world.negotiations.terminate(talk.pid, reason="too late")
    await talk.reaches("FINALIZED")
    assert (await talk.path())[-1] == "finalization>FINALIZED own"
    assert await world.rows("SELECT id FROM agreement WHERE negotiation = %s", talk.pid) == [{"id": agreement}]
    leaves = await world.leaves(talk.pid)
    assert [leaf.seq for leaf in leaves] == [1, 2, 3, None, 4]


async def test_a_peer_that_has_ended_it_is_followed(world: World, peer: ScriptedPeer):
    talk = await is_served(world, peer)
    peer.on("suspension", refuses("it is over"))
    peer.standing[talk.peer_pid] = "COMPLETED"
    await world.transfers.suspend(talk.pid, reason="a pause")
    await talk.reaches("COMPLETED")
    assert (await talk.path())[-1] == "completion>COMPLETED own"
    assert await world.rows("SELECT state FROM data_flow WHERE transfer = %s", talk.pid) == [{"state": "closed"}]


async def test_a_peer_that_is_ahead_by_a_message_with_content_is_waited_for(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    peer.on("acceptance", refuses(), is_away)
    peer.standing[talk.peer_pid] = "AGREED"
    assert (await talk.says("offer", offer=their_offer())).status == 200
    await peer.gets("read", talk.peer_pid)
    assert await talk.state() == "OFFERED"  # an agreement nobody has seen is none
    assert (await talk.says("agreement", agreement=their_agreement(talk))).state == "AGREED"
    await talk.reaches("VERIFIED")


async def test_a_peer_that_stands_elsewhere_ends_the_process(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    peer.on("verification", refuses("what agreement?"))
    peer.standing[talk.peer_pid] = "OFFERED"
    assert (await talk.says("agreement", agreement=their_agreement(talk))).status == 200
    process = await talk.reaches("TERMINATED")
    assert process.data["failure"]["code"] == "states_differ"
    assert "stands at OFFERED" in process.data["failure"]["reason"]
    assert "what agreement?" in process.data["failure"]["reason"]
    assert (await talk.path())[-1] == "termination>TERMINATED own"


async def test_a_peer_that_refuses_again_and_again_where_it_should_not_ends_the_process(
    world: World, peer: ScriptedPeer
):
    peer.on("agreement", *[refuses("I do not like it")] * 20)
    talk = await begin_and_stand(world, peer, "REQUESTED")
    await keeps_trying(world, talk)
    process = await talk.reaches("TERMINATED")
    assert process.data["failure"]["code"] == "states_differ"
    assert "I do not like it" in process.data["failure"]["reason"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(404), id="404"),
        pytest.param(says(200, b"<html>"), id="garbage"),
        pytest.param(says(200, {"state": "CONFUSED"}), id="no state of the protocol"),
        pytest.param(says(200, {"state": "STARTED"}), id="a state of the other protocol"),
        pytest.param(says(200, {"state": ["REQUESTED"]}), id="a list"),
        pytest.param(drops, id="the connection is reset"),
    ],
)
async def test_a_refusal_by_a_peer_that_does_not_say_where_it_stands_is_no_decision(
    world: World, peer: ScriptedPeer, answer: Reply
):
    peer.on("agreement", refuses())
    peer.on("read", answer)
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    is_one_message_sent_twice(peer, "agreement", talk.pid)


# ---- deadlines and jobs ----


async def test_what_does_not_arrive_by_its_deadline_ends_the_process(world: World, peer: ScriptedPeer):
    peer.on("agreement", is_away)
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    outbound = (await talk.process()).outbound
    assert outbound is not None
    with hours_later(world):
        await world.connector.worker.delivery.send_by_job(talk.pid, outbound.message_id)
    process = await talk.reaches("TERMINATED")
    assert process.data["failure"]["code"] == "delivery_deadline"
    assert "1:00:00" in process.data["failure"]["reason"]
    assert "503" in process.data["failure"]["reason"]
    assert [leaf.seq for leaf in await world.leaves(talk.pid)] == [1, None, 2]


async def test_no_data_flows_after_a_start_that_did_not_arrive(world: World, peer: ScriptedPeer):
    peer.on("start", is_away)
    talk = await asks_for_data(world, peer)
    await peer.gets("start", talk.pid)
    assert await world.rows("SELECT state FROM data_flow WHERE transfer = %s", talk.pid) == [{"state": "open"}]
    outbound = (await talk.process()).outbound
    assert outbound is not None
    with hours_later(world):
        await world.connector.worker.delivery.send_by_job(talk.pid, outbound.message_id)
    await talk.reaches("TERMINATED")
    assert await world.rows("SELECT state FROM data_flow WHERE transfer = %s", talk.pid) == [{"state": "closed"}]


async def test_the_job_of_a_message_ends_with_its_acknowledgement(world: World, peer: ScriptedPeer):
    jobs = "SELECT status FROM procrastinate_jobs WHERE lock = %s"
    peer.on("agreement", later(0.3))
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    assert [row["status"] for row in await world.rows(jobs, talk.pid)] == ["todo"]
    await talk.reaches("AGREED")
    assert await world.rows(jobs, talk.pid) == []


async def test_the_job_delivers_what_the_first_attempt_did_not(world: World, peer: ScriptedPeer):
    peer.on("agreement", is_away)
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    await world.exchange.close()  # as when the process of the operating system ends
    peer.script.replies.clear()
    await world.rows("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE lock = %s RETURNING id", talk.pid)
    await world.connector.worker.stop()
    world.connector.worker.start()
    await talk.reaches("AGREED")
    assert len({got.body for got in peer.all("agreement", talk.pid)}) == 1


async def test_the_job_of_a_message_that_was_superseded_does_nothing(world: World, peer: ScriptedPeer):
    peer.on("agreement", is_away)
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    outbound = (await talk.process()).outbound
    assert outbound is not None
    await world.negotiations.terminate(talk.pid, reason="enough")
    await talk.reaches("TERMINATED")
    sent = len(peer.all("agreement", talk.pid))
    await world.connector.worker.delivery.send_by_job(talk.pid, outbound.message_id)
    assert len(peer.all("agreement", talk.pid)) == sent


# ---- our own moves while something is under way ----


async def test_a_termination_takes_the_place_of_what_is_still_to_be_sent(world: World, peer: ScriptedPeer):
    peer.on("agreement", is_away)
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    await world.negotiations.terminate(talk.pid, reason="a mistake of ours")
    assert (await peer.gets("termination", talk.pid)).document["reason"] == ["a mistake of ours"]
    await talk.reaches("TERMINATED")
    leaves = await world.leaves(talk.pid)
    assert [leaf.seq for leaf in leaves] == [1, None, 2]


async def test_a_suspension_does_not_take_the_place_of_a_termination(world: World, peer: ScriptedPeer):
    talk = await is_served(world, peer)
    peer.on("termination", is_away)
    await world.transfers.terminate(talk.pid, reason="enough")
    with pytest.raises(Exception, match="termination is still being sent"):
        await world.transfers.suspend(talk.pid, reason="a pause")
    peer.script.replies.clear()
    await talk.reaches("TERMINATED")
    assert not peer.all("suspension", talk.pid)


async def test_the_same_command_twice_sends_one_message(world: World, peer: ScriptedPeer):
    talk = await is_receiving(world, peer)
    peer.on("suspension", later(0.2))
    await world.transfers.suspend(talk.pid, reason="a pause")
    await world.transfers.suspend(talk.pid, reason="a pause")
    await talk.reaches("SUSPENDED")
    assert len({got.body for got in peer.all("suspension", talk.pid)}) == 1
    assert (await talk.path()).count("suspension>SUSPENDED sent") == 1


async def test_a_negotiation_that_is_not_finished_in_time_is_ended_and_the_peer_told(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    with hours_later(world, 24 * 8):
        await world.connector.worker._sweep()
    told = (await peer.gets("termination", talk.pid)).document
    assert told["code"] == "deadline"
    assert (await talk.reaches("TERMINATED")).data["failure"]["code"] == "deadline"


# ---- where we do not go ----


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("https://169.254.169.254/latest", id="metadata service"),
        pytest.param("https://10.0.0.1/dsp", id="private network"),
        pytest.param("https://[::ffff:127.0.0.1]/dsp", id="loopback as an IPv4-mapped address"),
        pytest.param("http://peer.example/dsp", id="plain http"),
    ],
)
async def test_a_callback_address_inside_our_network_ends_the_process(world: World, peer: ScriptedPeer, address: str):
    talk = await requests(world, peer, callbackAddress=address)
    process = await talk.reaches("TERMINATED")
    assert process.data["failure"]["code"] == "address_refused"
    assert await talk.path() == ["request>REQUESTED received", "termination>TERMINATED own"]


async def test_a_callback_address_on_another_loopback_port_is_not_connected_to(world: World, peer: ScriptedPeer):
    async with site() as inner:
        talk = await requests(world, peer, callbackAddress=inner.url + "/dsp")
        process = await talk.reaches("TERMINATED")
        assert process.data["failure"]["code"] == "address_refused"
        assert inner.name in process.data["failure"]["reason"]
        assert inner.hits.total() == 0


async def test_a_redirect_to_another_place_is_not_followed(world: World, peer: ScriptedPeer, stranger: ScriptedPeer):
    async def redirects(peer: ScriptedPeer, got: Any) -> Any:
        return web.Response(status=307, headers={"Location": stranger.base + "/negotiations/x/agreement"})

    peer.on("agreement", redirects)
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    assert stranger.received == []


async def test_a_transfer_whose_request_is_refused_says_why(world: World, peer: ScriptedPeer):
    _, agreement = await has_contract_as_provider(world, peer)
    peer.on("request", says(400, message("TransferError", code="no", reason=["not today"])))
    process = await world.transfers.request(agreement)
    ended = await world.reaches("transfer", process.pid, "NEW")
    assert ended.data["failure"] == {"code": "peer_refused", "reason": "400 not today"}


async def test_our_offer_arrives_once_the_peer_is_well_again(world: World, peer: ScriptedPeer):
    peer.on("offer", says(503), drops)
    talk = await is_offered(world, peer)
    assert len(peer.all("offer", talk.pid)) == 3
    assert len({got.body for got in peer.all("offer", talk.pid)}) == 1


async def test_a_peer_that_never_answers_holds_up_nobody_else(world: World, peer: ScriptedPeer, stranger: ScriptedPeer):
    peer.on("agreement", is_silent)
    stuck = [await requests(world, peer) for _ in range(5)]
    quick = await requests(world, stranger)
    await world.reaches("negotiation", quick.pid, "AGREED")
    assert {await talk.state() for talk in stuck} == {"REQUESTED"}
