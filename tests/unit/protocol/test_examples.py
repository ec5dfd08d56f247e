"""The specification's own 27 examples: parsed, rendered, validated, and expanded with our contexts and with its own."""

import json

import pytest
from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from connector.protocol.contexts import contexts, expand
from connector.protocol.versions import parse_did_service, parse_versions, render_did_service, render_versions
from connector.protocol.wire import parse_message, render_message

MESSAGES = {
    "catalog/catalog": "catalog/catalog",
    "catalog/nested-catalog": "catalog/catalog",
    "catalog/dataset": "catalog/dataset",
    "catalog/catalog-error": "catalog/catalog-error",
    "catalog/catalog-request-message": "catalog/catalog-request-message",
    "catalog/dataset-request-message": "catalog/dataset-request-message",
    "negotiation/contract-agreement-message": "negotiation/contract-agreement-message",
    "negotiation/contract-agreement-message-full": "negotiation/contract-agreement-message",
    "negotiation/contract-agreement-verification-message": "negotiation/contract-agreement-verification-message",
    "negotiation/contract-negotiation": "negotiation/contract-negotiation",
    "negotiation/contract-negotiation-error": "negotiation/contract-negotiation-error",
    "negotiation/contract-negotiation-event-message": "negotiation/contract-negotiation-event-message",
    "negotiation/contract-negotiation-termination-message": "negotiation/contract-negotiation-termination-message",
    "negotiation/contract-offer-message": "negotiation/contract-offer-message",
    "negotiation/contract-offer-message_initial": "negotiation/contract-offer-message",
    "negotiation/contract-request-message": "negotiation/contract-request-message",
    "negotiation/contract-request-message_initial": "negotiation/contract-request-message",
    "transfer/transfer-completion-message": "transfer/transfer-completion-message",
    "transfer/transfer-error": "transfer/transfer-error",
    "transfer/transfer-process": "transfer/transfer-process",
    "transfer/transfer-request-message": "transfer/transfer-request-message",
    "transfer/transfer-start-message": "transfer/transfer-start-message",
    "transfer/transfer-suspension-message": "transfer/transfer-suspension-message",
    "transfer/transfer-termination-message": "transfer/transfer-termination-message",
}
DID_SERVICES = {
    "common/catalogservice-did-service": "common/did-service",
    "common/dataservice-did-service": "common/did-service",
}
SCHEMAS = MESSAGES | DID_SERVICES | {"common/protocol-version": "common/protocol-version"}

# Its `DataService` example ends in /.well-known/dspace-version; the schema wants an address that ends in /catalog.
CONTRADICTS_ITS_SCHEMA = "common/dataservice-did-service"

# `…/transfer-schema.json#definitions/…` lacks the slash that makes it a JSON pointer.
BROKEN_REFERENCE, REPAIRED = "schema.json#definitions/", "schema.json#/definitions/"


def example(folder, name):
    group, stem = name.split("/")
    return json.loads((folder / group / "example" / f"{stem}.json").read_text())


@pytest.fixture(scope="module")
def schemas(specification):
    """Every schema by its name, and a registry in which they find each other."""
    texts = {
        f"{path.parent.name}/{path.name.removesuffix('-schema.json')}": path.read_text()
        for path in specification.glob("*/*-schema.json")
    }
    repaired = {name: json.loads(text.replace(BROKEN_REFERENCE, REPAIRED)) for name, text in texts.items()}
    assert sum(BROKEN_REFERENCE in text for text in texts.values()) == 3
    assert len(texts) == 26
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in repaired.values()]
    return repaired, Registry().with_resources(resources)


@pytest.fixture(scope="module")
def official(specification):
    """The official contexts; for DID documents, of which none is among the data, ours."""
    names = {
        "https://w3id.org/dspace/2025/1/context.jsonld": "dspace.jsonld",
        "https://w3id.org/dspace/2025/1/odrl-profile.jsonld": "odrl.jsonld",
    }
    files = {iri: json.loads((specification / "context" / name).read_text()) for iri, name in names.items()}
    return {"https://www.w3.org/ns/did/v1": contexts()["https://www.w3.org/ns/did/v1"], **files}


def is_valid(schemas, name, document):
    by_name, registry = schemas
    return Draft201909Validator(by_name[name], registry=registry).is_valid(document)


def test_there_are_27_examples_and_none_is_left_out(specification):
    found = {f"{path.parent.parent.name}/{path.stem}" for path in specification.glob("*/example/*.json")}
    assert found == SCHEMAS.keys()
    assert len(found) == 27


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_message_parses_and_renders_to_equal_json(specification, name):
    document = example(specification, name)
    message = parse_message(document)
    assert type(message).__name__ == document["@type"]
    assert render_message(message) == document


@pytest.mark.parametrize("name", DID_SERVICES)
def test_an_example_did_service_parses_and_renders_to_equal_json(specification, name):
    document = example(specification, name)
    assert render_did_service(parse_did_service(document)) == document


def test_the_example_version_document_parses_and_renders_to_equal_json(specification):
    document = example(specification, "common/protocol-version")
    assert render_versions(parse_versions(document)) == document


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name != CONTRADICTS_ITS_SCHEMA])
def test_an_example_validates_against_its_schema(specification, schemas, name):
    assert is_valid(schemas, SCHEMAS[name], example(specification, name))


def test_one_example_contradicts_its_schema_in_one_point(specification, schemas):
    document = example(specification, CONTRADICTS_ITS_SCHEMA)
    by_name, registry = schemas
    validator = Draft201909Validator(by_name[SCHEMAS[CONTRADICTS_ITS_SCHEMA]], registry=registry)
    errors = [list(error.absolute_path) for error in validator.iter_errors(document)]
    assert errors == [["serviceEndpoint"]]


@pytest.mark.parametrize("name", MESSAGES | DID_SERVICES)
def test_an_example_means_the_same_under_our_contexts_as_under_the_official_ones(specification, official, name):
    document = example(specification, name)
    ours = expand(document)
    assert ours == expand(document, known=official)
    assert ours[0]["@type"]


def test_24_examples_have_contexts_that_are_among_the_official_ones(specification, official):
    iris = official.keys() - {"https://www.w3.org/ns/did/v1"}
    covered = [name for name in SCHEMAS if set(example(specification, name).get("@context", ["none"])) <= iris]
    assert len(covered) == 24


def test_a_changed_term_in_a_context_would_be_noticed(specification, official):
    spoilt = json.loads(json.dumps(official).replace("dspace:consumerPid", "dspace:somebody"))
    document = example(specification, "transfer/transfer-completion-message")
    assert expand(document) != expand(document, known=spoilt)


def test_what_we_render_for_each_message_validates_against_its_schema(documents, schemas):
    by_type = {schema["title"].removesuffix("Schema"): name for name, schema in schemas[0].items()}
    for kind, document in documents.items():
        assert is_valid(schemas, by_type[kind], render_message(parse_message(document))), kind


def test_our_version_document_validates_against_its_schema(schemas):
    assert is_valid(schemas, "common/protocol-version", render_versions())
