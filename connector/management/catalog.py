"""`/api/catalog`: what another participant offers us, in plain words."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from connector.errors import InvalidInput
from connector.offers.remote import Peers, RemoteDataset, RemoteOffer


class CatalogQuery(BaseModel):
    """Whose catalogue, and what in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    participant: str = Field(description="DID of the participant", examples=["did:web:provider.example"])
    search: str | None = Field(default=None, max_length=200, description="words that all have to occur")


class DatasetQuery(BaseModel):
    """One dataset of a participant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    participant: str
    dataset: str


def router(peers: Peers) -> APIRouter:
    """The routes, relative to the root of our own API."""
    routes = APIRouter(prefix="/api/catalog", tags=["catalog"])

    @routes.post("")
    async def read_catalog(query: CatalogQuery) -> dict[str, Any]:
        """The catalogue of a participant, each offer with its terms in a plain sentence."""
        catalog = await peers.catalog(_did(query.participant), text=query.search)
        return {
            "participant": catalog.participant,
            "title": catalog.title,
            "complete": catalog.complete,
            "datasets": [dataset_as_json(dataset) for dataset in catalog.datasets],
        }

    @routes.post("/dataset")
    async def read_dataset(query: DatasetQuery) -> dict[str, Any]:
        """One dataset as it is offered now, whole."""
        dataset = await peers.dataset(_did(query.participant), query.dataset)
        return dataset_as_json(dataset) | {"document": dataset.document}

    # FastAPI has registered them; named so that a reader (and pyright) sees they are used.
    _ = (read_catalog, read_dataset)
    return routes


def dataset_as_json(dataset: RemoteDataset) -> dict[str, Any]:
    """A dataset of a peer for a person or a script; `bytes` is null where the peer does not say."""
    return {
        "id": dataset.id,
        "title": dataset.title,
        "description": dataset.description,
        "keywords": list(dataset.keywords),
        "formats": list(dataset.formats),
        "bytes": dataset.total_bytes,
        "offers": [_offer_as_json(offer) for offer in dataset.offers],
    }


def _offer_as_json(offer: RemoteOffer) -> dict[str, Any]:
    return {"id": offer.offer_id, "terms": offer.sentence, "decidable": offer.decidable, "policy": dict(offer.policy)}


def _did(text: str) -> str:
    if not text.startswith("did:"):
        raise InvalidInput(f"participant: expected a DID, found {text[:80]!r}", hint="as in did:web:provider.example")
    return text
