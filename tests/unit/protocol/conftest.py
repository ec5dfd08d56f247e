"""The specification's examples, schemas and contexts; a valid document of each message, to be spoilt by tests."""

import copy
import os
from pathlib import Path

import pytest

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
RULE = {
    "action": "use",
    "constraint": [
        {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-01-01T00:00:00Z"},
        {"or": [{"leftOperand": "purpose", "operator": "eq", "rightOperand": "flood-risk"}]},
    ],
}
OFFER = {"@type": "Offer", "@id": "offer-1", "target": "sea-level", "permission": [RULE]}
AGREEMENT = {
    **OFFER,
    "@type": "Agreement",
    "assigner": "did:web:provider.example",
    "assignee": "did:web:consumer.example",
    "timestamp": "2026-09-01T12:00:00Z",
}
PIDS = {"providerPid": "urn:uuid:p", "consumerPid": "urn:uuid:c"}
WHY = {"code": "99", "reason": ["because"]}
CALLBACK = "https://consumer.example/dsp/2025-1"
ADDRESS = {
    "@type": "DataAddress",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
    "endpoint": "https://provider.example/data",
    "endpointProperties": [{"@type": "EndpointProperty", "name": "authorization", "value": "TOKEN"}],
}
SERVICE = {"@type": "DataService", "@id": "svc-1", "endpointURL": "https://provider.example/dsp/2025-1"}
DISTRIBUTION = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": SERVICE}
CATALOG_OFFER = {"@type": "Offer", "@id": "offer-1", "permission": [RULE]}
DATASET = {
    "@type": "Dataset",
    "@id": "sea-level",
    "hasPolicy": [CATALOG_OFFER],
    "distribution": [DISTRIBUTION],
    "dct:title": "Sea level",
}

BODIES = {
    "CatalogRequestMessage": {"filter": []},
    "DatasetRequestMessage": {"dataset": "sea-level"},
    "Dataset": DATASET,
    "Catalog": {"@id": "cat", "participantId": "did:web:provider.example", "dataset": [DATASET], "service": [SERVICE]},
    "CatalogError": WHY,
    "ContractRequestMessage": {"consumerPid": "urn:uuid:c", "callbackAddress": CALLBACK, "offer": OFFER},
    "ContractOfferMessage": {**PIDS, "offer": OFFER},
    "ContractAgreementMessage": {**PIDS, "agreement": AGREEMENT},
    "ContractAgreementVerificationMessage": PIDS,
    "ContractNegotiationEventMessage": {**PIDS, "eventType": "ACCEPTED"},
    "ContractNegotiationTerminationMessage": {**PIDS, **WHY},
    "ContractNegotiation": {**PIDS, "state": "AGREED"},
    "ContractNegotiationError": {**PIDS, **WHY},
    "TransferRequestMessage": {
        "consumerPid": "urn:uuid:c",
        "agreementId": "urn:uuid:a",
        "format": "HttpData-PULL",
        "callbackAddress": CALLBACK,
    },
    "TransferStartMessage": {**PIDS, "dataAddress": ADDRESS},
    "TransferSuspensionMessage": {**PIDS, **WHY},
    "TransferCompletionMessage": PIDS,
    "TransferTerminationMessage": {**PIDS, **WHY},
    "TransferProcess": {**PIDS, "state": "SUSPENDED"},
    "TransferError": {**PIDS, **WHY},
}


@pytest.fixture(scope="session")
def specimens():
    """A valid document of each message, by its type. Not to be changed."""
    return {name: {"@context": CONTEXT, "@type": name, **body} for name, body in BODIES.items()}


@pytest.fixture
def documents(specimens):
    """A valid document of each message, by its type; a fresh copy for each test."""
    return copy.deepcopy(specimens)


@pytest.fixture(scope="session")
def specification():
    """The folder with the official examples, schemas and contexts."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "dsp-2025-1"
    if not folder.is_dir():
        reason = f"the specification's examples are not at {folder}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
