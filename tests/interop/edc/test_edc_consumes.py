"""EDC is the consumer: its user finds our data, negotiates, and receives it."""

import pytest

from tests.interop.edc.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_edc_reads_our_catalogue(world: World):
    offering = await world.publish({"map.nc": b"depth"})
    dataset = (await world.user.catalog())[offering.id]
    assert dataset["dct:title"] == offering.title
    assert dataset["hasPolicy"][0]["@id"] == offering.offer_id


async def test_edc_negotiates_a_contract_with_us(world: World):
    offering = await world.publish({"map.nc": b"depth"})
    pid = await world.user.negotiates((await world.user.catalog())[offering.id])
    theirs = await world.user.negotiation_reaches(pid, "FINALIZED")
    ours = await world.reaches("negotiation", await world.ours_of("negotiation", pid), "FINALIZED")
    assert (theirs["correlationId"], theirs["assetId"]) == (ours.pid, offering.id)
    assert await world.path(ours.pid) == [
        "request>REQUESTED received",
        "agreement>AGREED sent",
        "verification>VERIFIED received",
        "finalization>FINALIZED sent",
    ]
