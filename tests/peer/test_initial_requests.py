"""A first message that cannot become a process: a typed refusal, and nothing is kept."""

import asyncio
from typing import Any

import pytest

from tests.peer.scripted import Answer, ScriptedPeer, is_away, message, new_id
from tests.peer.talk import agreement_id, has_contract_as_consumer, offer_of, request_document, transfer_document
from tests.peer.world import World
from tests.unit.offers.builders import FOR_RESEARCH, description

LONG = "".join(f"{number:x}-" for number in range(1500))  # too long for an index, also when compressed
pytestmark = pytest.mark.asyncio(loop_scope="session")


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


def refused(answer: Answer, status: int, kind: str = "ContractNegotiationError") -> dict[str, Any]:
    """The typed error of a refusal."""
    document = answer.document
    assert (answer.status, document["@type"]) == (status, kind), document
    assert document["@context"] == ["https://w3id.org/dspace/2025/1/context.jsonld"]
    assert document["code"]
    assert all(isinstance(reason, str) for reason in document["reason"])
    return document


async def refused_offer(world: World, peer: ScriptedPeer, offer: dict[str, Any]) -> str:
    before = await world.count()
    document = request_document(peer, offer)
    error = refused(await peer.post("/negotiations/request", document), 400)
    assert error["code"] == "offer_not_valid"
    assert error["consumerPid"] == document["consumerPid"]
    assert await world.count() == before
    return error["reason"][0]


async def test_an_unknown_offer_is_refused(world: World, peer: ScriptedPeer):
    assert (await refused_offer(world, peer, offer_of(await world.offers(), **{"@id": "nobody:1"}))).startswith(
        "unknown"
    )


async def test_an_offer_of_another_dataset_is_refused(world: World, peer: ScriptedPeer):
    one, other = await world.offers(), await world.offers()
    assert (await refused_offer(world, peer, offer_of(one, target=other.id))).startswith("unknown")


async def test_a_withdrawn_offer_is_refused(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    await world.connector.offers.withdraw(offering.id)
    assert (await refused_offer(world, peer, offer_of(offering))).startswith("withdrawn")


async def test_a_stale_offer_is_refused(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    await world.renews(offering, description=description("deeper"))
    assert (await refused_offer(world, peer, offer_of(offering))).startswith("stale")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"permission": [{"action": "use"}]}, id="a constraint less"),
        pytest.param({"prohibition": [{"action": "use"}]}, id="a prohibition more"),
        pytest.param({"obligation": [{"action": "compensate"}]}, id="an obligation more"),
        pytest.param({"permission": [{"action": "distribute"}]}, id="another action"),
        pytest.param({"profile": "urn:another"}, id="a profile"),
        pytest.param({"permission": [{"action": "use", "constraint": [{"leftOperand": "x"}]}]}, id="not a policy"),
    ],
)
async def test_an_altered_offer_is_refused(world: World, peer: ScriptedPeer, change: dict[str, Any]):
    before = await world.count()
    offer = offer_of(await world.offers(FOR_RESEARCH), **change)
    refused(await peer.post("/negotiations/request", request_document(peer, offer)), 400)
    assert await world.count() == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"callbackAddress": None}, id="no callback address"),
        pytest.param({"callbackAddress": "ftp://peer.example"}, id="callback that is not http"),
        pytest.param({"callbackAddress": "/relative"}, id="relative callback"),
        pytest.param({"callbackAddress": None, "providerPid": "urn:uuid:x"}, id="a pid of ours"),
        pytest.param({"callbackAddress": "https://a.example", "providerPid": "urn:uuid:x"}, id="callback and pid"),
        pytest.param({"consumerPid": None}, id="no pid"),
        pytest.param({"consumerPid": 7}, id="pid that is a number"),
        pytest.param({"consumerPid": LONG}, id="pid of 5000 characters"),
        pytest.param({"consumerPid": "a\u0000b"}, id="U+0000 in the pid"),
        pytest.param({"https://example.org/more": "a\u0000b"}, id="U+0000 in an unknown member"),
        pytest.param({"@id": LONG}, id="message id of 5000 characters"),
        pytest.param({"@id": 7}, id="message id that is a number"),
        pytest.param({"offer": None}, id="no offer"),
        pytest.param({"offer": {"@id": "a:1", "@type": "Offer", "permission": [{"action": "use"}]}}, id="no target"),
        pytest.param({"@type": "ContractOfferMessage"}, id="another type"),
        pytest.param({"@context": ["https://example.org/"]}, id="another context"),
        pytest.param({"https://example.org/deep": nested(100)}, id="nested too deep"),
    ],
)
async def test_a_malformed_request_is_refused(world: World, peer: ScriptedPeer, change: dict[str, Any]):
    before = await world.count()
    whole = request_document(peer, offer_of(await world.offers())) | change
    document = {name: value for name, value in whole.items() if value is not None}
    refused(await peer.post("/negotiations/request", document), 400)
    assert await world.count() == before


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="broken off"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"text"', id="a string"),
        pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
        pytest.param(b'{"a": NaN}', id="not a number"),
        pytest.param(b"[" * 5000, id="5000 brackets"),
        pytest.param(b'{"a":' * 2000 + b"1" + b"}" * 2000, id="2000 objects"),
    ],
)
@pytest.mark.parametrize("path", ["/negotiations/request", "/transfers/request", "/negotiations/urn:uuid:x/agreement"])
async def test_a_body_that_is_no_json_object_is_refused(world: World, peer: ScriptedPeer, path: str, body: bytes):
    kind = "TransferError" if "transfers" in path else "ContractNegotiationError"
    error = refused(await peer.post_bytes(path, body, token=peer.token(body)), 400, kind)
    assert error["code"] == "malformed_message"


async def test_a_body_over_the_limit_is_refused(world: World, peer: ScriptedPeer):
    limit = world.connector.settings.exchange.max_message_bytes
    document = request_document(peer, offer_of(await world.offers()), padding="x" * limit)
    error = refused(await peer.post("/negotiations/request", document), 400)
    assert str(limit) in error["reason"][0]


async def test_a_sender_that_vanishes_in_the_middle_of_a_message_is_no_fault_of_ours(
    world: World, peer: ScriptedPeer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    host, _, port = world.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /dsp/2025-1/negotiations/request HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()
    document = request_document(peer, offer_of(await world.offers()))
    assert (await peer.post("/negotiations/request", document)).status == 201
    assert "unexpected" not in capsys.readouterr().out
    assert "Traceback" not in caplog.text


async def test_one_request_after_another_may_use_the_same_connection_after_a_refusal(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    for _ in range(3):
        refused(await peer.post("/negotiations/request", {"padding": "x" * 200_000}), 400)
        assert (await peer.post("/negotiations/request", request_document(peer, offer_of(offering)))).status == 201


async def test_a_refused_message_has_used_its_token(world: World, peer: ScriptedPeer):
    document = {"@type": "nothing"}
    token = peer.token(b'{"@type":"nothing"}')
    refused(await peer.post("/negotiations/request", document, token=token), 400)
    refused(await peer.post("/negotiations/request", document, token=token), 401)


# ---- transfers ----


async def test_a_format_we_do_not_have_is_refused(world: World, peer: ScriptedPeer):
    agreement = await agreement_id(await has_contract_as_consumer(world, peer))
    before = await world.count()
    document = transfer_document(peer, agreement, format="Carrier-Pigeon")
    error = refused(await peer.post("/transfers/request", document), 400, "TransferError")
    assert "Carrier-Pigeon" in error["reason"][0]
    assert "HttpData-PULL" in error["reason"][1]
    assert error["consumerPid"] == document["consumerPid"]
    assert await world.count() == before


async def test_an_agreement_that_does_not_exist_is_not_found(world: World, peer: ScriptedPeer):
    refused(await peer.post("/transfers/request", transfer_document(peer, new_id())), 404, "TransferError")


async def test_the_agreement_of_another_member_is_not_found(world: World, peer: ScriptedPeer, stranger: ScriptedPeer):
    agreement = await agreement_id(await has_contract_as_consumer(world, peer))
    refused(await stranger.post("/transfers/request", transfer_document(stranger, agreement)), 404, "TransferError")


async def test_an_agreement_that_is_not_finalized_gives_no_data(world: World, peer: ScriptedPeer):
    document = request_document(peer, offer_of(await world.offers()))
    answer = await peer.post("/negotiations/request", document)
    pid = answer.document["providerPid"]
    agreement = (await peer.gets("agreement", pid)).document["agreement"]["@id"]
    refused(await peer.post("/transfers/request", transfer_document(peer, agreement)), 404, "TransferError")


async def test_the_agreement_of_a_negotiation_that_was_ended_before_its_finalization_arrived_gives_no_data(
    world: World, peer: ScriptedPeer
):
    peer.on("finalization", is_away)
    document = request_document(peer, offer_of(await world.offers()))
    pid = (await peer.post("/negotiations/request", document)).document["providerPid"]
    agreement = (await peer.gets("agreement", pid)).document["agreement"]["@id"]
    pids = {"consumerPid": document["consumerPid"], "providerPid": pid}
    verification = message("ContractAgreementVerificationMessage", **pids)
    assert (await peer.post(f"/negotiations/{pid}/agreement/verification", verification)).status == 200
    await peer.gets("finalization", pid)
    await world.negotiations.terminate(pid, reason="a mistake")
    await world.reaches("negotiation", pid, "TERMINATED")
    refused(await peer.post("/transfers/request", transfer_document(peer, agreement)), 404, "TransferError")
