"""What a scripted peer says in each role, as short as a test wants to say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.model import Offering
from connector.exchange.model import NEW, Draft, Process, Reaction
from connector.negotiation.model import Terms
from tests.peer.scripted import BASE, SILENT, Answer, ScriptedPeer, message, new_id, pid_of
from tests.peer.world import World
from tests.unit.offers.builders import OPEN


def offer_of(offering: Offering, **changes: Any) -> dict[str, Any]:
    """An offer as the catalogue of the connector has it, ready for a request."""
    return {"@id": offering.offer_id, "@type": "Offer", "target": offering.id, **offering.policy, **changes}


def agreement_of(offer: Mapping[str, Any], *, provider: str, consumer: str, **changes: Any) -> dict[str, Any]:
    """The agreement that equals an offer."""
    terms = {name: value for name, value in offer.items() if not name.startswith("@")}
    facts = {"@id": new_id(), "@type": "Agreement", "assigner": provider, "assignee": consumer}
    return {**terms, **facts, "timestamp": "2026-11-25T12:00:00Z", **changes}


@dataclass
class Talk:
    """One process between the connector and a peer: `pid` is the connector's, `peer_pid` the peer's."""

    world: World
    peer: ScriptedPeer
    kind: str
    role: str  # the peer's
    peer_pid: str
    pid: str = ""

    @property
    def pids(self) -> dict[str, str]:
        if self.role == "consumer":
            return {"consumerPid": self.peer_pid, "providerPid": self.pid}
        return {"consumerPid": self.pid, "providerPid": self.peer_pid}

    async def send(self, path: str, document: Mapping[str, Any], *, token: str | None = None) -> Answer:
        """A message below this process, or `path` with a leading slash as it is."""
        below = path if path.startswith("/") else f"/{self.kind}s/{self.pid}/{path}"
        return await self.peer.post(below, document, token=token)

    async def says(self, word: str, **members: Any) -> Answer:
        """A message by its word."""
        path, document = self.message(word, **members)
        return await self.send(path, document)

    def message(self, word: str, **members: Any) -> tuple[str, dict[str, Any]]:
        """Path and document of a message by its word."""
        path, kind, fixed = (NEGOTIATION if self.kind == "negotiation" else TRANSFER)[word]
        return path, message(kind, **{**self.pids, **fixed, **members})

    async def state(self) -> str:
        return await self.peer.state_at_the_connector(self.kind, self.pid)

    async def process(self) -> Process:
        return await self.world.process(self.kind, self.pid)  # pyright: ignore[reportArgumentType]

    async def reaches(self, state: str) -> Process:
        return await self.world.reaches(self.kind, self.pid, state)  # pyright: ignore[reportArgumentType]

    async def path(self) -> list[str]:
        return await self.world.path(self.pid)

    async def failure(self) -> dict[str, Any]:
        return (await self.process()).data["failure"]


NEGOTIATION: dict[str, tuple[str, str, dict[str, Any]]] = {
    "request": ("request", "ContractRequestMessage", {}),
    "offer": ("offers", "ContractOfferMessage", {}),
    "acceptance": ("events", "ContractNegotiationEventMessage", {"eventType": "ACCEPTED"}),
    "agreement": ("agreement", "ContractAgreementMessage", {}),
    "verification": ("agreement/verification", "ContractAgreementVerificationMessage", {}),
    "finalization": ("events", "ContractNegotiationEventMessage", {"eventType": "FINALIZED"}),
    "termination": ("termination", "ContractNegotiationTerminationMessage", {}),
}
TRANSFER: dict[str, tuple[str, str, dict[str, Any]]] = {
    "start": ("start", "TransferStartMessage", {}),
    "suspension": ("suspension", "TransferSuspensionMessage", {}),
    "completion": ("completion", "TransferCompletionMessage", {}),
    "termination": ("termination", "TransferTerminationMessage", {}),
}


# ---- the connector provides ----


def request_document(peer: ScriptedPeer, offer: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """An initial request."""
    facts: dict[str, Any] = {"consumerPid": new_id(), "offer": offer, "callbackAddress": peer.base}
    return message("ContractRequestMessage", **facts | changes)


async def requests(world: World, peer: ScriptedPeer, offering: Offering | None = None, **changes: Any) -> Talk:
    """The peer asks for a contract, and the connector took the request."""
    document = request_document(peer, offer_of(offering or await world.offers()), **changes)
    answer = await peer.post("/negotiations/request", document)
    assert answer.status == 201, answer.body
    return Talk(world, peer, "negotiation", "consumer", document["consumerPid"], answer.document["providerPid"])


async def begins_to_offer(world: World, peer: ScriptedPeer, offering: Offering | None = None) -> Talk:
    """The connector offers something of its own accord."""
    offering = offering or await world.offers()
    offer = offer_of(offering)
    pid = new_id()
    process = Process(
        pid=pid,
        kind="negotiation",
        role="provider",
        peer=peer.did,
        peer_pid=None,
        peer_address=peer.base,
        state=NEW,
        seq=0,
        offering=offering.id,
        data=Terms(offer=offer).as_data(),
    )
    document = message("ContractOfferMessage", providerPid=pid, offer=offer, callbackAddress=world.url + BASE)
    opened = await world.exchange.open_own(process, Reaction(send=Draft("offer", "/negotiations/offers", document)))
    world.exchange.attempt(opened)
    return Talk(world, peer, "negotiation", "consumer", pid_of(peer, pid), pid)


async def is_offered(world: World, peer: ScriptedPeer, offering: Offering | None = None) -> Talk:
    """The connector offered, and the peer took the offer."""
    talk = await begins_to_offer(world, peer, offering)
    await talk.reaches("OFFERED")
    return talk


async def has_contract_as_consumer(world: World, peer: ScriptedPeer, offering: Offering | None = None) -> Talk:
    """The peer negotiated to the end."""
    talk = await requests(world, peer, offering)
    await peer.gets("agreement", talk.pid)
    assert (await talk.says("verification")).status == 200
    await talk.reaches("FINALIZED")
    return talk


async def agreement_id(talk: Talk) -> str:
    return (await talk.process()).agreement or ""


def transfer_document(peer: ScriptedPeer, agreement: str, **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"consumerPid": new_id(), "agreementId": agreement, "format": "HttpData-PULL"}
    return message("TransferRequestMessage", **facts | {"callbackAddress": peer.base} | changes)


async def asks_for_data(world: World, peer: ScriptedPeer, agreement: str | None = None) -> Talk:
    """The peer asks for the data of its contract, and the connector took the request."""
    agreement = agreement or await agreement_id(await has_contract_as_consumer(world, peer))
    document = transfer_document(peer, agreement)
    answer = await peer.post("/transfers/request", document)
    assert answer.status == 201, answer.body
    return Talk(world, peer, "transfer", "consumer", document["consumerPid"], answer.document["providerPid"])


async def is_served(world: World, peer: ScriptedPeer) -> Talk:
    """The peer's transfer is started."""
    talk = await asks_for_data(world, peer)
    await talk.reaches("STARTED")
    return talk


# ---- the connector consumes ----


def their_offer(**changes: Any) -> dict[str, Any]:
    """An offer of the peer's catalogue."""
    return {"@id": "their-offer", "@type": "Offer", "target": "their-dataset", **OPEN, **changes}


async def begins_to_ask(
    world: World, peer: ScriptedPeer, *, purpose: tuple[str, ...] = (), offer: Mapping[str, Any] | None = None
) -> Talk:
    """The connector asks the peer for a contract; whether the peer answers is up to its script."""
    process = await world.negotiations.request(
        provider=peer.did, provider_address=peer.base, offer=offer or their_offer(), target="their-dataset",
        purpose=purpose,
    )  # fmt: skip
    return Talk(world, peer, "negotiation", "provider", pid_of(peer, process.pid), process.pid)


async def asks(world: World, peer: ScriptedPeer, **how: Any) -> Talk:
    """The connector asked, and the peer took the request."""
    talk = await begins_to_ask(world, peer, **how)
    await talk.reaches("REQUESTED")
    return talk


def their_agreement(talk: Talk, offer: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return agreement_of(offer or their_offer(), provider=talk.peer.did, consumer=talk.world.did, **changes)


async def is_agreed_with(talk: Talk) -> str:
    """The peer agrees and the connector verified; the id of the agreement."""
    agreement = their_agreement(talk)
    assert (await talk.says("agreement", agreement=agreement)).status == 200
    await talk.reaches("VERIFIED")
    return agreement["@id"]


async def has_contract_as_provider(world: World, peer: ScriptedPeer) -> tuple[Talk, str]:
    """The connector has a contract with the peer, and its id."""
    talk = await asks(world, peer)
    agreement = await is_agreed_with(talk)
    assert (await talk.says("finalization")).status == 200
    return talk, agreement


async def fetches(world: World, peer: ScriptedPeer) -> Talk:
    """The connector asked for data, and the peer took the request."""
    _, agreement = await has_contract_as_provider(world, peer)
    process = await world.transfers.request(agreement)
    talk = Talk(world, peer, "transfer", "provider", pid_of(peer, process.pid), process.pid)
    await talk.reaches("REQUESTED")
    return talk


def address(peer: ScriptedPeer, *, at: str = SILENT) -> dict[str, Any]:
    """Where the peer says the data is; by default it never answers there."""
    properties = [
        {"@type": "EndpointProperty", "name": "authorization", "value": "their-token"},
        {"@type": "EndpointProperty", "name": "authType", "value": "bearer"},
    ]
    return {
        "@type": "DataAddress",
        "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
        "endpoint": peer.url + at,
        "endpointProperties": properties,
    }


async def is_receiving(world: World, peer: ScriptedPeer) -> Talk:
    """The peer started the connector's transfer; its data never comes."""
    talk = await fetches(world, peer)
    assert (await talk.says("start", dataAddress=address(peer))).status == 200
    return talk
