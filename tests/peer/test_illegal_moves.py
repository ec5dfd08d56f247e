"""In every state, in both roles: what the table of moves does not allow is 400, typed, and changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connector.exchange.model import MOVES, Kind, Party
from tests.peer.scripted import ScriptedPeer, is_away, new_id
from tests.peer.talk import (
    NEGOTIATION,
    TRANSFER,
    Talk,
    asks,
    asks_for_data,
    fetches,
    has_contract_as_consumer,
    is_agreed_with,
    is_offered,
    is_receiving,
    is_served,
    requests,
    their_agreement,
    their_offer,
)
from tests.peer.world import World
from tests.unit.offers.builders import FOR_RESEARCH

pytestmark = pytest.mark.asyncio(loop_scope="session")

Reach = Callable[[World, ScriptedPeer], Awaitable[Talk]]
FINAL = {"FINALIZED", "TERMINATED"}
REASON = {"reason": ["over"]}


# Each way leads to a state in which the connector waits: for the peer, or until the peer takes what it has to say.


async def requested(world: World, peer: ScriptedPeer) -> Talk:
    peer.on("agreement", is_away)
    return await requests(world, peer)


async def accepted(world: World, peer: ScriptedPeer) -> Talk:
    peer.on("agreement", is_away)
    talk = await is_offered(world, peer)
    assert (await talk.says("acceptance")).status == 200
    return talk


async def agreed(world: World, peer: ScriptedPeer) -> Talk:
    talk = await requests(world, peer)
    await talk.reaches("AGREED")
    return talk


async def verified(world: World, peer: ScriptedPeer) -> Talk:
    peer.on("finalization", is_away)
    talk = await agreed(world, peer)
    assert (await talk.says("verification")).status == 200
    return talk


async def terminated(world: World, peer: ScriptedPeer) -> Talk:
    talk = await agreed(world, peer)
    assert (await talk.says("termination", **REASON)).status == 200
    return talk


async def is_offered_to_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await asks(world, peer)
    assert (await talk.says("offer", offer=their_offer(**FOR_RESEARCH))).status == 200
    return talk


async def accepted_by_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await asks(world, peer)
    assert (await talk.says("offer", offer=their_offer())).status == 200
    await talk.reaches("ACCEPTED")
    return talk


async def agreed_with_us(world: World, peer: ScriptedPeer) -> Talk:
    peer.on("verification", is_away)
    talk = await asks(world, peer)
    assert (await talk.says("agreement", agreement=their_agreement(talk))).status == 200
    return talk


async def verified_by_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await asks(world, peer)
    await is_agreed_with(talk)
    return talk


async def finalized_with_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await verified_by_us(world, peer)
    assert (await talk.says("finalization")).status == 200
    return talk


async def terminated_with_us(world: World, peer: ScriptedPeer) -> Talk:
    talk = await asks(world, peer)
    assert (await talk.says("termination", **REASON)).status == 200
    return talk


NEGOTIATIONS: list[tuple[Party, str, Reach]] = [
    ("provider", "REQUESTED", requested),
    ("provider", "OFFERED", is_offered),
    ("provider", "ACCEPTED", accepted),
    ("provider", "AGREED", agreed),
    ("provider", "VERIFIED", verified),
    ("provider", "FINALIZED", has_contract_as_consumer),
    ("provider", "TERMINATED", terminated),
    ("consumer", "REQUESTED", asks),
    ("consumer", "OFFERED", is_offered_to_us),
    ("consumer", "ACCEPTED", accepted_by_us),
    ("consumer", "AGREED", agreed_with_us),
    ("consumer", "VERIFIED", verified_by_us),
    ("consumer", "FINALIZED", finalized_with_us),
    ("consumer", "TERMINATED", terminated_with_us),
]


async def not_served_yet(world: World, peer: ScriptedPeer) -> Talk:
    peer.on("start", is_away)
    return await asks_for_data(world, peer)


def ended(reach: Reach, word: str) -> Reach:
    async def reached(world: World, peer: ScriptedPeer) -> Talk:
        talk = await reach(world, peer)
        assert (await talk.says(word)).status == 200
        return talk

    return reached


TRANSFERS: list[tuple[Party, str, Reach]] = [
    ("provider", "REQUESTED", not_served_yet),
    ("provider", "STARTED", is_served),
    ("provider", "SUSPENDED", ended(is_served, "suspension")),
    ("provider", "COMPLETED", ended(is_served, "completion")),
    ("provider", "TERMINATED", ended(is_served, "termination")),
    ("consumer", "REQUESTED", fetches),
    ("consumer", "STARTED", is_receiving),
    ("consumer", "SUSPENDED", ended(is_receiving, "suspension")),
    ("consumer", "COMPLETED", ended(is_receiving, "completion")),
    ("consumer", "TERMINATED", ended(is_receiving, "termination")),
]


def contents(talk: Talk, word: str) -> dict[str, Any]:
    """What a message needs beside its pids, and something that makes it no repeat of an earlier one."""
    needed: dict[str, Any] = {}
    if talk.kind == "negotiation":
        needed = {"offer": {"offer": their_offer()}, "request": {"offer": their_offer()}}.get(word, {})
        needed = {"agreement": their_agreement(talk)} if word == "agreement" else needed
    return needed | {"https://example.org/nonce": new_id()}


def is_legal(kind: Kind, role: Party, state: str, word: str, sending: str | None) -> bool:
    """By the table: now, or after what the connector is still sending."""
    sender = "provider" if role == "consumer" else "consumer"
    between = MOVES[kind].get((state, sending or "", role))
    return (state, word, sender) in MOVES[kind] or (between or "", word, sender) in MOVES[kind]


async def nothing_illegal_is_taken(talk: Talk, role: Party, state: str, words: set[str]) -> None:
    process, path = await talk.process(), await talk.path()
    assert process.state == state
    kind: Kind = "negotiation" if talk.kind == "negotiation" else "transfer"
    sending = process.outbound and process.outbound.message
    illegal = sorted(word for word in words if not is_legal(kind, role, state, word, sending))
    assert illegal
    for word in illegal:
        answer = await talk.says(word, **contents(talk, word))
        error = answer.document
        assert (answer.status, error.get("code")) == (400, "move_not_allowed"), (word, error)
        assert error["@type"] == ("ContractNegotiationError" if kind == "negotiation" else "TransferError")
        assert {name: error[name] for name in talk.pids} == talk.pids
        assert state in error["reason"][0]
    assert await talk.path() == path
    assert await talk.state() == state
    assert len(await talk.world.leaves(talk.pid)) == len(path)


@pytest.mark.parametrize(
    ("role", "state", "reach"), [pytest.param(*case, id=f"{case[0]} in {case[1]}") for case in NEGOTIATIONS]
)
async def test_a_negotiation_makes_no_illegal_move(
    world: World, peer: ScriptedPeer, role: Party, state: str, reach: Reach
):
    await nothing_illegal_is_taken(await reach(world, peer), role, state, set(NEGOTIATION))


@pytest.mark.parametrize(
    ("role", "state", "reach"), [pytest.param(*case, id=f"{case[0]} in {case[1]}") for case in TRANSFERS]
)
async def test_a_transfer_makes_no_illegal_move(
    world: World, peer: ScriptedPeer, role: Party, state: str, reach: Reach
):
    await nothing_illegal_is_taken(await reach(world, peer), role, state, set(TRANSFER))


@pytest.mark.parametrize(
    ("role", "state", "reach"),
    [
        pytest.param(*case, id=f"{case[0]} in {case[1]}")
        for case in NEGOTIATIONS
        if case[1] not in {"FINALIZED", "TERMINATED"}
    ],
)
async def test_either_side_may_end_a_negotiation_that_is_not_over(
    world: World, peer: ScriptedPeer, role: Party, state: str, reach: Reach
):
    talk = await reach(world, peer)
    sending = (await talk.process()).outbound
    answer = await talk.says("termination", code="enough", reason=["enough"])
    if (role, state) == ("provider", "VERIFIED"):
        assert answer.status == 400  # our finalization is under way: both are final, and the provider's counts
        return
    assert (answer.status, answer.state) == (200, "TERMINATED"), sending
    assert await talk.failure() == {"code": "enough", "reason": "enough", "by": peer.did}
