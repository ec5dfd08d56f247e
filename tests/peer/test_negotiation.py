"""A whole negotiation in both roles, over HTTP, and what both sides keep of it."""

import hashlib
from typing import Any

import orjson
import pytest

from connector.agreements.store import find_agreement
from connector.db import connection
from tests.peer.scripted import ScriptedPeer
from tests.peer.talk import (
    Talk,
    agreement_id,
    agreement_of,
    asks,
    begins_to_ask,
    has_contract_as_consumer,
    has_contract_as_provider,
    is_agreed_with,
    is_offered,
    offer_of,
    request_document,
    requests,
    their_agreement,
    their_offer,
)
from tests.peer.world import World
from tests.unit.offers.builders import FOR_RESEARCH, OPEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

DECLARED_PURPOSE = "https://w3id.org/tidegate/v1/declaredPurpose"
FOR_TEACHING: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "purpose", "operator": "eq", "rightOperand": "urn:purpose:teaching"}],
        }
    ]
}


async def test_a_consumer_gets_a_contract_from_us(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer)
    agreed = (await peer.gets("agreement", talk.pid)).document
    assert {name: agreed[name] for name in talk.pids} == talk.pids
    assert (await talk.says("verification")).state == "VERIFIED"
    finalized = (await peer.gets("finalization", talk.pid)).document
    assert finalized["eventType"] == "FINALIZED"
    await talk.reaches("FINALIZED")
    assert await talk.path() == [
        "request>REQUESTED received",
        "agreement>AGREED sent",
        "verification>VERIFIED received",
        "finalization>FINALIZED sent",
    ]


async def test_we_get_a_contract_from_a_provider(world: World, peer: ScriptedPeer):
    talk, agreement = await has_contract_as_provider(world, peer)
    assert await talk.path() == [
        "request>REQUESTED sent",
        "agreement>AGREED received",
        "verification>VERIFIED sent",
        "finalization>FINALIZED received",
    ]
    assert (await talk.process()).agreement == agreement
    async with connection(world.connector.pool) as conn:
        kept = await find_agreement(conn, agreement_id=agreement, role="consumer", peer=peer.did)
    assert kept is not None
    assert (kept.offering, kept.assigner, kept.assignee) == ("their-dataset", peer.did, world.did)


async def test_each_message_of_ours_goes_to_its_own_path_below_the_callback_address(world: World, peer: ScriptedPeer):
    talk = await has_contract_as_consumer(world, peer)
    assert [got.path for got in peer.received if got.method == "POST"] == [
        f"/dsp/2025-1/negotiations/{talk.peer_pid}/agreement",
        f"/dsp/2025-1/negotiations/{talk.peer_pid}/events",
    ]


async def test_a_callback_address_may_end_in_a_slash(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer, callbackAddress=peer.base + "/")
    assert (await peer.gets("agreement", talk.pid)).path == f"/dsp/2025-1/negotiations/{talk.peer_pid}/agreement"


async def test_a_pid_of_the_peer_stays_one_segment_of_the_path(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer, consumerPid="../../admin?x=1#y")
    got = await peer.gets("agreement", talk.pid)
    assert got.document["consumerPid"] == "../../admin?x=1#y"
    assert got.path == "/dsp/2025-1/negotiations/../../admin?x=1#y/agreement"  # as aiohttp decodes one segment


async def test_an_agreement_equals_the_offer_and_names_both_parties(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    talk = await requests(world, peer, offering)
    agreement = (await peer.gets("agreement", talk.pid)).document["agreement"]
    expected = agreement_of(offer_of(offering), provider=world.did, consumer=peer.did)
    differing = {"@id", "timestamp"}
    assert agreement.keys() == expected.keys()
    assert all(agreement[name] == expected[name] for name in expected.keys() - differing)


async def test_the_agreement_is_in_force_with_the_finalization_and_not_before(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    agreement = await is_agreed_with(talk)

    async def in_force() -> bool:
        async with connection(world.connector.pool) as conn:
            return await find_agreement(conn, agreement_id=agreement, role="consumer") is not None

    assert not await in_force()
    assert (await talk.says("finalization")).state == "FINALIZED"
    assert await in_force()


async def test_an_offer_with_the_terms_we_asked_for_is_accepted(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    assert (await talk.says("offer", offer=their_offer(**{"@id": "another-offer"}))).state == "OFFERED"
    await talk.reaches("ACCEPTED")
    await is_agreed_with(talk)
    assert (await talk.says("finalization")).state == "FINALIZED"


async def test_an_offer_with_other_terms_waits_for_a_person(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    changed = their_offer(**FOR_RESEARCH)
    assert (await talk.says("offer", offer=changed)).state == "OFFERED"
    process = await talk.reaches("OFFERED")
    assert process.data["awaits_decision"] is True
    assert process.data["changed_terms"]
    await world.negotiations.accept(talk.pid)
    await talk.reaches("ACCEPTED")
    assert (await talk.says("agreement", agreement=their_agreement(talk, changed))).status == 200
    await talk.reaches("VERIFIED")


async def test_an_offer_with_other_terms_can_be_answered_with_a_counter_offer(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    await talk.says("offer", offer=their_offer(**FOR_RESEARCH))
    counter = their_offer(**{"@id": "urn:uuid:counter"})
    await world.negotiations.counter_request(talk.pid, counter, ())
    got = await peer.gets("request", talk.pid, times=2)
    assert got.path == f"/dsp/2025-1/negotiations/{talk.peer_pid}/request"
    assert (got.document["offer"], got.document["providerPid"]) == (counter, talk.peer_pid)
    assert "callbackAddress" not in got.document
    await talk.reaches("REQUESTED")


async def test_an_offer_nobody_asked_for_is_kept_for_a_person(world: World, peer: ScriptedPeer):
    document = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "ContractOfferMessage",
        "providerPid": "urn:uuid:theirs-" + peer.name, "offer": their_offer(), "callbackAddress": peer.base,
    }  # fmt: skip
    answer = await peer.post("/negotiations/offers", document)
    assert (answer.status, answer.state) == (201, "OFFERED")
    talk = Talk(world, peer, "negotiation", "provider", document["providerPid"], answer.document["consumerPid"])
    assert (await talk.process()).data["awaits_decision"] is True
    await world.negotiations.accept(talk.pid)
    await talk.reaches("ACCEPTED")
    await is_agreed_with(talk)
    assert (await talk.says("finalization")).state == "FINALIZED"


async def test_our_offer_can_be_accepted(world: World, peer: ScriptedPeer):
    talk = await is_offered(world, peer)
    assert (await talk.says("acceptance")).state == "ACCEPTED"
    await peer.gets("agreement", talk.pid)
    assert (await talk.says("verification")).state == "VERIFIED"
    await talk.reaches("FINALIZED")


async def test_our_offer_that_was_withdrawn_meanwhile_is_not_agreed_to(world: World, peer: ScriptedPeer):
    offering = await world.offers()
    talk = await is_offered(world, peer, offering)
    await world.connector.offers.withdraw(offering.id)
    assert (await talk.says("acceptance")).state == "ACCEPTED"
    told = (await peer.gets("termination", talk.pid)).document
    assert told["code"] == "offer_not_valid"
    assert "withdrawn" in told["reason"][0]


@pytest.mark.parametrize("declared", ["urn:purpose:research", ["urn:purpose:research"]], ids=["a string", "a list"])
async def test_a_declared_purpose_is_judged_and_kept_with_the_agreement(
    world: World, peer: ScriptedPeer, declared: str | list[str]
):
    offering = await world.offers(FOR_RESEARCH)
    talk = await requests(world, peer, offering, **{DECLARED_PURPOSE: declared})
    agreed = (await peer.gets("agreement", talk.pid)).document
    assert DECLARED_PURPOSE not in agreed["agreement"]
    await talk.says("verification")
    await talk.reaches("FINALIZED")
    async with connection(world.connector.pool) as conn:
        kept = await find_agreement(conn, agreement_id=await agreement_id(talk), role="provider", peer=peer.did)
    assert kept is not None
    assert kept.declared_purpose == ["urn:purpose:research"]
    assert DECLARED_PURPOSE not in kept.document


async def test_without_a_declaration_the_purpose_of_the_request_s_own_offer_counts(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer, await world.offers(FOR_RESEARCH))
    await peer.gets("agreement", talk.pid)
    process = await talk.process()
    assert process.data["purpose"] == ["urn:purpose:research"]
    assert process.data["purpose_source"] == "purpose named by the offer in the request"


async def test_we_declare_our_purpose_under_a_key_that_is_an_absolute_iri(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer, purpose=("urn:purpose:research",))
    sent = (await peer.gets("request", talk.pid)).document
    assert sent[DECLARED_PURPOSE] == ["urn:purpose:research"]
    assert sent["@context"] == ["https://w3id.org/dspace/2025/1/context.jsonld"]
    agreement = await is_agreed_with(talk)
    await talk.says("finalization")
    async with connection(world.connector.pool) as conn:
        kept = await find_agreement(conn, agreement_id=agreement, role="consumer", peer=peer.did)
    assert kept is not None
    assert kept.declared_purpose == ["urn:purpose:research"]


async def test_what_policy_refuses_is_taken_and_then_terminated_with_the_reason(world: World, peer: ScriptedPeer):
    offering = await world.offers(FOR_RESEARCH)
    talk = await requests(world, peer, offering, **{DECLARED_PURPOSE: "urn:purpose:advertising"})
    told = (await peer.gets("termination", talk.pid)).document
    process = await talk.reaches("TERMINATED")
    assert told["code"] == process.data["failure"]["code"] == "policy"
    assert told["reason"] == [process.data["failure"]["reason"]]
    assert "purpose" in told["reason"][0]
    assert process.data["decision"]
    assert not peer.all("agreement", talk.pid)


async def test_a_refusal_we_are_told_is_kept_with_code_and_reason(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    answer = await talk.says("termination", code="policy", reason=["not for you", "nor for anybody"])
    assert answer.state == "TERMINATED"
    assert await talk.failure() == {"code": "policy", "reason": "not for you; nor for anybody", "by": peer.did}


@pytest.mark.parametrize(
    "reason", [None, ["gone"], [{"@value": "weg", "@language": "de"}]], ids=["none", "text", "object"]
)
async def test_a_termination_may_say_anything_or_nothing(world: World, peer: ScriptedPeer, reason: Any):
    talk = await asks(world, peer)
    assert (await talk.says("termination", reason=reason)).state == "TERMINATED"
    assert (await talk.failure())["code"] == "terminated"


async def test_we_end_a_negotiation_and_say_why(world: World, peer: ScriptedPeer):
    talk = await asks(world, peer)
    await world.negotiations.terminate(talk.pid, reason="no longer needed")
    told = (await peer.gets("termination", talk.pid)).document
    assert (told["code"], told["reason"]) == ("operator", ["no longer needed"])
    await talk.reaches("TERMINATED")


async def test_the_consumer_ends_it_while_our_agreement_is_under_way(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer)
    await peer.gets("agreement", talk.pid)
    assert (await talk.says("termination", code="changed-mind", reason=["no"])).state == "TERMINATED"
    assert (await talk.failure())["by"] == peer.did


# ---- the record ----


async def test_there_is_exactly_one_leaf_for_each_event_with_the_digest_of_the_bytes_on_the_wire(
    world: World, peer: ScriptedPeer
):
    talk = await requests(world, peer, offering := await world.offers())
    del offering
    await peer.gets("agreement", talk.pid)
    await talk.says("verification")
    await talk.reaches("FINALIZED")
    leaves = [orjson.loads(leaf.leaf) for leaf in await world.leaves(talk.pid)]
    assert [leaf["to"] for leaf in leaves] == ["REQUESTED", "AGREED", "VERIFIED", "FINALIZED"]
    sent = [hashlib.sha256(got.body).hexdigest() for got in peer.received if got.method == "POST"]
    assert [leaf["message"] for leaf in leaves if leaf["direction"] == "sent"] == sent
    events = await world.rows("SELECT body FROM event WHERE pid = %s AND direction = 'received' ORDER BY seq", talk.pid)
    received = [hashlib.sha256(event["body"].encode()).hexdigest() for event in events]
    assert [leaf["message"] for leaf in leaves if leaf["direction"] == "received"] == received


async def test_the_leaf_of_a_received_message_has_the_digest_of_exactly_what_was_sent(world: World, peer: ScriptedPeer):
    document = request_document(peer, offer_of(await world.offers()))
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2)  # not as we would write it
    answer = await peer.post_bytes("/negotiations/request", body, token=peer.token(body))
    assert answer.status == 201
    first = orjson.loads((await world.leaves(answer.document["providerPid"]))[0].leaf)
    assert first["message"] == hashlib.sha256(body).hexdigest()


async def test_the_leaf_commits_to_the_terms_and_names_nobody(world: World, peer: ScriptedPeer):
    talk = await requests(world, peer, await world.offers())
    await talk.reaches("AGREED")
    stored = (await world.leaves(talk.pid))[0]
    assert peer.did not in stored.leaf.decode()
    assert stored.openings is not None
    assert stored.openings["party"]["value"] == peer.did
    assert stored.openings["terms"]["value"] == OPEN


async def test_the_token_of_a_received_message_is_kept_with_it(world: World, peer: ScriptedPeer):
    document = request_document(peer, offer_of(await world.offers()))
    token = peer.token(orjson.dumps(document))
    answer = await peer.post("/negotiations/request", document, token=token)
    rows = await world.rows(
        "SELECT token, message_id FROM event WHERE pid = %s AND seq = 1", answer.document["providerPid"]
    )
    assert rows == [{"token": token, "message_id": document["@id"]}]


async def test_our_first_message_says_where_to_answer(world: World, peer: ScriptedPeer):
    talk = await begins_to_ask(world, peer)
    sent = (await peer.gets("request", talk.pid)).document
    assert sent["callbackAddress"] == world.url + "/dsp/2025-1"
    assert sent["offer"] == their_offer()
    await talk.reaches("REQUESTED")


async def test_everybody_may_read_the_versions_we_speak(world: World, peer: ScriptedPeer):
    async with peer.session.get(world.url + "/.well-known/dspace-version") as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        versions = await response.json()
    assert versions == {"protocolVersions": [{"version": "2025-1", "path": "/dsp/2025-1", "binding": "HTTPS"}]}
