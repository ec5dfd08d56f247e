"""A whole transfer in both roles: what is started, paused, resumed and ended, by either side, and what flows when."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog.model import Asset, Offering
from connector.dataplane.model import ServedFile
from tests.peer.scripted import ScriptedPeer, is_away, until
from tests.peer.talk import (
    Talk,
    address,
    agreement_id,
    asks_for_data,
    fetches,
    has_contract_as_consumer,
    has_contract_as_provider,
    is_receiving,
    is_served,
    transfer_document,
)
from tests.peer.world import World
from tests.unit.offers.builders import OPEN, description

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTENT = b"water depth " * 1000


async def offers_a_file(world: World, folder: Path, policy: dict[str, Any] = OPEN) -> Offering:
    """A file of the connector that can really be fetched."""
    path = folder / "map.nc"
    path.write_bytes(CONTENT)
    facts, digest = path.stat(), hashlib.sha256(CONTENT).hexdigest()
    media_type = "application/netcdf"
    served = ServedFile("map.nc", str(path), len(CONTENT), digest, facts.st_mtime_ns, facts.st_ino, media_type)
    asset = Asset(path="map.nc", media_type=media_type, bytes=len(CONTENT), sha256=digest)
    return await world.offers(policy, description=description(kind="file", assets=(asset,)), files=[served])


async def is_served_a_file(world: World, peer: ScriptedPeer, folder: Path) -> Talk:
    contract = await has_contract_as_consumer(world, peer, await offers_a_file(world, folder))
    talk = await asks_for_data(world, peer, await agreement_id(contract))
    await talk.reaches("STARTED")
    return talk


async def ticket(peer: ScriptedPeer, talk: Talk, *, times: int = 1) -> tuple[str, str]:
    """Endpoint and token of a start message of ours."""
    data_address = (await peer.gets("start", talk.pid, times=times)).document["dataAddress"]
    properties = {each["name"]: each["value"] for each in data_address["endpointProperties"]}
    assert properties["authType"] == "bearer"
    return data_address["endpoint"], properties["authorization"]


async def get(peer: ScriptedPeer, endpoint: str, token: str) -> tuple[int, bytes]:
    async with peer.session.get(endpoint, headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status, await response.read()


# ---- we provide ----


async def test_a_consumer_fetches_what_its_contract_covers(world: World, peer: ScriptedPeer, tmp_path: Path):
    talk = await is_served_a_file(world, peer, tmp_path)
    assert await get(peer, *await ticket(peer, talk)) == (200, CONTENT)
    assert (await talk.says("completion")).state == "COMPLETED"
    assert await talk.path() == [
        "request>REQUESTED received",
        "start>STARTED sent",
        "completion>COMPLETED received",
    ]
    assert len(await world.leaves(talk.pid)) == 3


async def test_the_start_says_where_how_and_with_which_token(world: World, peer: ScriptedPeer):
    talk = await is_served(world, peer)
    sent = (await peer.gets("start", talk.pid)).document
    assert {name: sent[name] for name in talk.pids} == talk.pids
    assert sent["dataAddress"]["@type"] == "DataAddress"
    assert sent["dataAddress"]["endpointType"] == "https://w3id.org/idsa/v4.1/HTTP"
    assert all(each["@type"] == "EndpointProperty" for each in sent["dataAddress"]["endpointProperties"])


@pytest.mark.parametrize("word", ["suspension", "completion", "termination"])
async def test_nothing_is_served_once_the_consumer_stopped_its_transfer(
    world: World, peer: ScriptedPeer, tmp_path: Path, word: str
):
    talk = await is_served_a_file(world, peer, tmp_path)
    endpoint, token = await ticket(peer, talk)
    assert (await talk.says(word)).status == 200
    assert (await get(peer, endpoint, token))[0] == 403


@pytest.mark.parametrize("word", ["suspension", "termination"])
async def test_nothing_is_served_once_we_decided_to_stop_even_if_the_consumer_is_not_told_yet(
    world: World, peer: ScriptedPeer, tmp_path: Path, word: str
):
    talk = await is_served_a_file(world, peer, tmp_path)
    endpoint, token = await ticket(peer, talk)
    peer.on(word, is_away)
    stop = world.transfers.suspend if word == "suspension" else world.transfers.terminate
    await stop(talk.pid, reason="enough")
    assert (await get(peer, endpoint, token))[0] == 403


async def test_a_transfer_we_suspend_and_resume_has_a_new_token(world: World, peer: ScriptedPeer, tmp_path: Path):
    talk = await is_served_a_file(world, peer, tmp_path)
    endpoint, first_token = await ticket(peer, talk)
    await world.transfers.suspend(talk.pid, reason="maintenance")
    told = (await peer.gets("suspension", talk.pid)).document
    assert (told["code"], told["reason"]) == ("operator", ["maintenance"])
    await talk.reaches("SUSPENDED")
    await world.transfers.resume(talk.pid)
    await talk.reaches("STARTED")
    endpoint, second_token = await ticket(peer, talk, times=2)
    assert (await get(peer, endpoint, first_token))[0] == 403
    assert await get(peer, endpoint, second_token) == (200, CONTENT)


async def test_a_transfer_the_consumer_suspends_and_resumes_goes_on_with_its_token(
    world: World, peer: ScriptedPeer, tmp_path: Path
):
    talk = await is_served_a_file(world, peer, tmp_path)
    endpoint, token = await ticket(peer, talk)
    assert (await talk.says("suspension", code="lunch", reason=["back soon"])).state == "SUSPENDED"
    assert await talk.failure() == {"code": "lunch", "reason": "back soon", "by": peer.did}
    assert (await talk.says("start")).state == "STARTED"
    assert await get(peer, endpoint, token) == (200, CONTENT)


async def test_a_transfer_we_terminate_tells_the_reason(world: World, peer: ScriptedPeer):
    talk = await is_served(world, peer)
    await world.transfers.terminate(talk.pid, reason="the contract was broken")
    told = (await peer.gets("termination", talk.pid)).document
    assert told["reason"] == ["the contract was broken"]
    process = await talk.reaches("TERMINATED")
    assert process.data["failure"] == {"code": "operator", "reason": "the contract was broken", "by": world.did}


@asynccontextmanager
async def an_expired_contract(world: World, peer: ScriptedPeer) -> AsyncIterator[str]:
    """A contract that was good when it was made; inside, its time is over."""
    end = datetime.now(UTC) + timedelta(hours=1)
    constraint = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": end.isoformat()}
    offering = await world.offers({"permission": [{"action": "use", "constraint": [constraint]}]})
    agreement = await agreement_id(await has_contract_as_consumer(world, peer, offering))
    before = world.exchange.clock
    world.exchange.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    try:
        yield agreement
    finally:
        world.exchange.clock = before


async def test_a_contract_that_has_expired_gives_no_data_and_says_why(world: World, peer: ScriptedPeer):
    async with an_expired_contract(world, peer) as agreement:
        talk = await asks_for_data(world, peer, agreement)
        told = (await peer.gets("termination", talk.pid)).document
        process = await talk.reaches("TERMINATED")
    assert told["code"] == process.data["failure"]["code"] == "policy"
    assert told["reason"] == [process.data["failure"]["reason"]]
    assert process.data["decision"]
    assert not peer.all("start", talk.pid)


async def test_a_suspended_transfer_is_not_resumed_when_its_contract_has_expired(world: World, peer: ScriptedPeer):
    async with an_expired_contract(world, peer) as agreement:
        expired, world.exchange.clock = world.exchange.clock, lambda: datetime.now(UTC)
        talk = await asks_for_data(world, peer, agreement)
        await talk.reaches("STARTED")
        assert (await talk.says("suspension")).state == "SUSPENDED"
        world.exchange.clock = expired
        assert (await talk.says("start")).state == "STARTED"
        assert (await peer.gets("termination", talk.pid)).document["code"] == "policy"
        await talk.reaches("TERMINATED")
    assert await world.rows("SELECT state FROM data_flow WHERE transfer = %s", talk.pid) == [{"state": "closed"}]


async def test_one_contract_may_be_used_for_several_transfers(world: World, peer: ScriptedPeer):
    agreement = await agreement_id(await has_contract_as_consumer(world, peer))
    talks = [await asks_for_data(world, peer, agreement) for _ in range(2)]
    for talk in talks:
        await talk.reaches("STARTED")
    assert (await talks[0].says("termination")).state == "TERMINATED"
    assert await talks[1].state() == "STARTED"


# ---- we consume ----


async def test_we_fetch_verify_and_say_that_it_is_done(world: World, peer: ScriptedPeer):
    at = peer.serves_file(CONTENT)
    talk = await fetches(world, peer)
    assert (await talk.says("start", dataAddress=address(peer, at=at))).state == "STARTED"
    await peer.gets("completion", talk.pid)
    process = await talk.reaches("COMPLETED")
    received = process.data["received"]
    assert (received["bytes"], received["digest"]) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert (Path(received["path"]) / received["files"][0]).read_bytes() == CONTENT
    assert await talk.path() == ["request>REQUESTED sent", "start>STARTED received", "completion>COMPLETED sent"]
    evidence = (await world.leaves(talk.pid))[-1].openings
    assert evidence is not None
    assert evidence["evidence"]["value"] == {"bytes": len(CONTENT), "digest": received["digest"]}


async def test_data_that_is_not_what_its_digest_says_ends_the_transfer_with_the_reason(
    world: World, peer: ScriptedPeer
):
    at = peer.serves_file(CONTENT, digest_of=b"something else")
    talk = await fetches(world, peer)
    assert (await talk.says("start", dataAddress=address(peer, at=at))).state == "STARTED"
    told = (await peer.gets("termination", talk.pid)).document
    assert told["reason"]
    assert (await talk.reaches("TERMINATED")).data["failure"]["reason"] == told["reason"][0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="no address"),
        pytest.param({"dataAddress": {"@type": "DataAddress", "endpointType": "x"}}, id="no endpoint"),
    ],
)
async def test_a_first_start_that_does_not_say_where_is_malformed(
    world: World, peer: ScriptedPeer, change: dict[str, Any]
):
    talk = await fetches(world, peer)
    answer = await talk.says("start", **change)
    assert (answer.status, answer.document["@type"]) == (400, "TransferError")
    assert await talk.state() == "REQUESTED"


@pytest.mark.parametrize(("word", "state"), [("suspension", "SUSPENDED"), ("termination", "TERMINATED")])
async def test_the_provider_stops_and_its_reason_is_kept(world: World, peer: ScriptedPeer, word: str, state: str):
    talk = await is_receiving(world, peer)
    assert (await talk.says(word, code="quota", reason=["too much", "too fast"])).state == state
    assert await talk.failure() == {"code": "quota", "reason": "too much; too fast", "by": peer.did}
    # A job that begins just now looks at the transfer, and ends at once.
    await until(lambda: talk.pid not in world.transfers.downloads, "the download to stop")


async def test_a_transfer_that_the_provider_resumes_goes_on_at_the_new_address(world: World, peer: ScriptedPeer):
    talk = await is_receiving(world, peer)
    await talk.says("suspension")
    at = peer.serves_file(CONTENT)
    assert (await talk.says("start", dataAddress=address(peer, at=at))).state == "STARTED"
    await talk.reaches("COMPLETED")


async def test_a_download_that_is_stopped_while_it_only_begins_is_cut(world: World, peer: ScriptedPeer):
    talk = await is_receiving(world, peer)
    await until(lambda: talk.pid in world.transfers.downloads, "the download of the job")
    world.transfers.stop_download(talk.pid)
    again = asyncio.create_task(world.connector.processes.downloads.run(talk.pid, attempt=0))
    await asyncio.sleep(0)  # it has begun, and not yet read what there is to download
    world.transfers.stop_download(talk.pid)
    async with asyncio.timeout(1):
        await again


async def test_a_transfer_that_we_resume_goes_on_at_the_address_it_had(world: World, peer: ScriptedPeer):
    at = peer.serves_file(CONTENT, slowly=True)
    talk = await fetches(world, peer)
    await talk.says("start", dataAddress=address(peer, at=at))
    await world.transfers.suspend(talk.pid, reason="a pause")
    await talk.reaches("SUSPENDED")
    peer.serves_file(CONTENT)
    await world.transfers.resume(talk.pid)
    sent = (await peer.gets("start", talk.pid)).document
    assert "dataAddress" not in sent
    await talk.reaches("COMPLETED")
    assert (await talk.path())[-2:] == ["start>STARTED sent", "completion>COMPLETED sent"]


async def test_a_transfer_we_end_while_it_runs_tells_the_reason(world: World, peer: ScriptedPeer):
    talk = await is_receiving(world, peer)
    await world.transfers.terminate(talk.pid, reason="no longer needed")
    assert (await peer.gets("termination", talk.pid)).document["reason"] == ["no longer needed"]
    assert (await talk.reaches("TERMINATED")).data["failure"]["by"] == world.did


async def test_a_refusal_by_the_provider_is_kept_with_its_reason(world: World, peer: ScriptedPeer):
    talk = await fetches(world, peer)
    assert (await talk.says("termination", code="policy", reason=["expired"])).state == "TERMINATED"
    assert await talk.failure() == {"code": "policy", "reason": "expired", "by": peer.did}


async def test_our_contract_as_consumer_gives_no_data_to_its_provider(world: World, peer: ScriptedPeer):
    _, agreement = await has_contract_as_provider(world, peer)
    answer = await peer.post("/transfers/request", transfer_document(peer, agreement))
    assert (answer.status, answer.document["@type"]) == (404, "TransferError")
