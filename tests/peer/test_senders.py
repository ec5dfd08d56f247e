"""Who may say what: without a good token nothing is believed, and to anybody else a process does not exist."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.peer.scripted import Answer, ScriptedPeer, in_the_past, is_away, message, new_id
from tests.peer.talk import (
    Talk,
    asks,
    begins_to_ask,
    has_contract_as_consumer,
    is_receiving,
    is_served,
    offer_of,
    request_document,
    requests,
    their_agreement,
)
from tests.peer.world import World
from tests.support.loopback import new_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

Forge = Callable[[ScriptedPeer, bytes], str]

BAD_TOKENS: list[Any] = [
    pytest.param(lambda peer, body: "", id="no token"),
    pytest.param(lambda peer, body: "nonsense", id="nonsense"),
    pytest.param(lambda peer, body: peer.token(body) + "x", id="a signature that is wrong"),
    pytest.param(lambda peer, body: peer.token(body, now=in_the_past(600)), id="expired"),
    pytest.param(lambda peer, body: peer.token(body, now=in_the_past(-600)), id="from the future"),
    pytest.param(lambda peer, body: peer.token(body, lifetime_seconds=86400), id="for too long"),
    pytest.param(lambda peer, body: peer.token(body, audience="did:web:elsewhere.example"), id="for somebody else"),
    pytest.param(lambda peer, body: peer.token(body, token_body=body + b" "), id="for another body"),
    pytest.param(lambda peer, body: peer.token(body, key=new_key(peer.did)), id="with a key that is not the sender's"),
    pytest.param(lambda peer, body: peer.token(body, jti="x" * 200), id="with a jti that is too long"),
    pytest.param(lambda peer, body: "x" * 70_000, id="of 70,000 characters"),
]


def not_believed(answer: Answer, kind: str = "ContractNegotiationError") -> None:
    assert (answer.status, answer.document["@type"]) == (401, kind), answer.body
    assert answer.document["code"] == "not_authenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("forge", BAD_TOKENS)
async def test_a_request_with_a_bad_token_is_not_believed(world: World, peer: ScriptedPeer, forge: Forge):
    before = await world.count()
    body = orjson.dumps(request_document(peer, offer_of(await world.offers())))
    not_believed(await peer.post_bytes("/negotiations/request", body, token=forge(peer, body)))
    assert await world.count() == before


@pytest.mark.parametrize("forge", BAD_TOKENS[:3])
async def test_a_later_message_with_a_bad_token_is_not_believed(world: World, peer: ScriptedPeer, forge: Forge):
    talk = await asks(world, peer)
    path, document = talk.message("termination")
    body = orjson.dumps(document)
    not_believed(await peer.post_bytes(f"/negotiations/{talk.pid}/{path}", body, token=forge(peer, body)))
    assert await talk.state() == "REQUESTED"


@pytest.mark.parametrize("kind", ["negotiation", "transfer"])
async def test_a_state_is_not_shown_without_a_token(world: World, peer: ScriptedPeer, kind: str):
    error = "TransferError" if kind == "transfer" else "ContractNegotiationError"
    not_believed(await peer.get(f"/{kind}s/{new_id()}", token="nonsense"), error)


async def test_a_token_is_good_once(world: World, peer: ScriptedPeer):
    document = request_document(peer, offer_of(await world.offers()))
    token = peer.token(orjson.dumps(document))
    assert (await peer.post("/negotiations/request", document, token=token)).status == 201
    not_believed(await peer.post("/negotiations/request", document, token=token))


async def test_a_token_of_a_get_is_good_once(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    token = peer.token(b"")
    assert (await peer.get(f"/negotiations/{talk.pid}", token=token)).status == 200
    not_believed(await peer.get(f"/negotiations/{talk.pid}", token=token))


async def test_a_token_used_for_one_message_moves_no_other_process(world: World, peer: ScriptedPeer):
    one, other = await asks(world, peer), await asks(world, peer)
    jti = new_id()
    path, document = one.message("termination")
    assert (await one.send(path, document, token=peer.token(orjson.dumps(document), jti=jti))).status == 200
    path, document = other.message("termination")
    not_believed(await other.send(path, document, token=peer.token(orjson.dumps(document), jti=jti)))
    assert await other.state() == "REQUESTED"


async def test_somebody_who_is_no_member_is_not_believed(world: World):
    outsider = world.outsider
    answer = await outsider.post("/negotiations/request", request_document(outsider, offer_of(await world.offers())))
    not_believed(answer)
    assert "not a member" in answer.document["reason"][0]
    assert outsider.hits["/.well-known/did.json"] == 0  # nothing is fetched for somebody who is no member


# ---- what is somebody else's does not exist ----


def not_found(answer: Answer, kind: str = "ContractNegotiationError") -> None:
    assert (answer.status, answer.document["@type"], answer.document["code"]) == (404, kind, "unknown_process")


@pytest.mark.parametrize("word", ["acceptance", "verification", "termination", "finalization"])
async def test_a_message_about_the_negotiation_of_another_member_is_not_found(
    world: World, peer: ScriptedPeer, stranger: ScriptedPeer, word: str
):
    talk = await requests(world, peer)
    process = await talk.reaches("AGREED")
    theirs = Talk(world, stranger, "negotiation", "consumer", talk.peer_pid, talk.pid)
    not_found(await theirs.says(word))
    assert await talk.process() == process


async def test_the_state_of_the_negotiation_of_another_member_is_not_found(
    world: World, peer: ScriptedPeer, stranger: ScriptedPeer
):
    talk = await asks(world, peer)
    not_found(await stranger.get(f"/negotiations/{talk.pid}"))


@pytest.mark.parametrize("word", ["suspension", "completion", "termination", "start"])
async def test_a_message_about_the_transfer_of_another_member_is_not_found(
    world: World, peer: ScriptedPeer, stranger: ScriptedPeer, word: str
):
    talk = await is_served(world, peer)
    theirs = Talk(world, stranger, "transfer", "consumer", talk.peer_pid, talk.pid)
    not_found(await theirs.says(word), "TransferError")
    not_found(await stranger.get(f"/transfers/{talk.pid}"), "TransferError")
    assert await talk.state() == "STARTED"


@pytest.mark.parametrize("pid", ["urn:uuid:nobody", "%00", "x" * 3000, "%F0%9F%8C%8A"])
@pytest.mark.parametrize("kind", ["negotiation", "transfer"])
async def test_a_process_that_does_not_exist_is_not_found(world: World, peer: ScriptedPeer, kind: str, pid: str):
    error = "TransferError" if kind == "transfer" else "ContractNegotiationError"
    not_found(await peer.get(f"/{kind}s/{pid}"), error)


async def test_a_negotiation_is_no_transfer(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    not_found(await peer.get(f"/transfers/{talk.pid}"), "TransferError")


async def test_a_dataset_that_is_withdrawn_is_not_found(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    assert (await peer.get(f"/catalog/datasets/{offering.id}")).status == 200
    await world.connector.offers.withdraw(offering.id)
    answer = await peer.get(f"/catalog/datasets/{offering.id}")
    assert (answer.status, answer.document["@type"]) == (404, "CatalogError")


async def test_a_request_of_ours_that_the_peer_has_not_taken_yet_is_not_found_there(world: World, peer: ScriptedPeer):
    peer.on("request", is_away)
    talk = await begins_to_ask(world, peer)
    not_found(await peer.get(f"/negotiations/{talk.pid}"))


# ---- pids ----


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"consumerPid": "urn:uuid:other"}, 404, id="another pid of the peer"),
        pytest.param({"providerPid": "urn:uuid:other"}, 404, id="another pid of ours"),
        pytest.param({"consumerPid": None}, 400, id="no pid of the peer"),
        pytest.param({"providerPid": None}, 400, id="no pid of ours"),
        pytest.param({"consumerPid": ""}, 400, id="an empty pid"),
        pytest.param({"consumerPid": ["a"]}, 400, id="a list of pids"),
    ],
)
async def test_a_message_with_wrong_pids_is_refused(
    world: World, peer: ScriptedPeer, change: dict[str, Any], status: int
):
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    answer = await talk.says("verification", **change)
    assert (answer.status, answer.document["@type"]) == (status, "ContractNegotiationError")
    assert await talk.state() == "AGREED"


async def test_pids_in_each_other_s_place_are_refused(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    answer = await talk.says("verification", consumerPid=talk.pid, providerPid=talk.peer_pid)
    assert answer.status in {400, 404}
    assert await talk.state() == "AGREED"


async def test_a_refusal_repeats_the_pids_of_the_message(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    error = (await talk.says("acceptance")).document
    assert {name: error[name] for name in talk.pids} == talk.pids


async def test_a_message_for_the_process_below_another_path_is_not_found(world: World, peer: ScriptedPeer):
    one, other = await asks(world, peer), await asks(world, peer)
    path, document = one.message("termination")
    not_found(await one.send(f"/negotiations/{other.pid}/{path}", document))
    assert (await one.state(), await other.state()) == ("REQUESTED", "REQUESTED")


async def test_the_same_pid_may_be_used_by_two_members(world: World, peer: ScriptedPeer, stranger: ScriptedPeer):
    offering, pid = await world.offers(), new_id()
    one = await requests(world, peer, offering, consumerPid=pid)
    other = await requests(world, stranger, offering, consumerPid=pid)
    assert one.pid != other.pid
    await peer.gets("agreement", one.pid)
    await stranger.gets("agreement", other.pid)


async def test_a_pid_may_be_used_for_a_negotiation_and_a_transfer(world: World, peer: ScriptedPeer):
    talk = await has_contract_as_consumer(world, peer)
    agreement = (await talk.process()).agreement
    document = message(
        "TransferRequestMessage", consumerPid=talk.peer_pid, agreementId=agreement, format="HttpData-PULL",
        callbackAddress=peer.base,
    )  # fmt: skip
    assert (await peer.post("/transfers/request", document)).status == 201


async def test_a_pid_that_was_used_for_another_negotiation_is_refused(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer)
    document = request_document(peer, offer_of(await world.offers()), consumerPid=talk.peer_pid)
    answer = await peer.post("/negotiations/request", document)
    assert (answer.status, answer.document["code"]) == (400, "move_not_allowed")


async def test_the_provider_s_pid_is_the_one_it_gave_first(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    answer = await talk.says("agreement", agreement=their_agreement(talk), providerPid="urn:uuid:another")
    assert answer.status == 404
    assert await talk.state() == "REQUESTED"


async def test_the_consumer_may_read_the_state_of_a_transfer_in_both_roles(world: World, peer: ScriptedPeer):
    received = await is_receiving(world, peer)
    assert await received.state() == "STARTED"
    served = await is_served(world, peer)
    assert await served.state() == "STARTED"
