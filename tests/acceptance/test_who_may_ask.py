"""Who is let in: members and nobody else, the authority to the log and nobody else, each token once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.demo.space import DataSpace, data_space
from policies import open_policy
from tests.acceptance import steps

pytestmark = pytest.mark.timeout(600)

MAX_AGE_SECONDS = 2
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"


@pytest.fixture(scope="module")
def space() -> Iterator[DataSpace]:
    with data_space(settings={"TIDEGATE_IDENTITY__MEMBERS_MAX_AGE_SECONDS": str(MAX_AGE_SECONDS)}) as running:
        yield running


@pytest.fixture(scope="module")
def dataset(space: DataSpace, climate_field: Path) -> str:
    return steps.publish(space, climate_field, crs="EPSG:4326")["published"][0]["id"]


def test_the_log_is_for_the_authority_alone(space: DataSpace, dataset: str):
    url = f"{space['provider'].url}/log/leaves?agreement={steps.agree(space, dataset)}"

    def shown() -> bool:  # the consumer's answer to the last message may still be on its way to the provider
        status, answer = steps.asked(url, steps.token_of(space["authority"], space["provider"]))
        return (status, len(answer["leaves"])) == (200, 4)

    steps.until(shown, "four leaves")
    status, refused = steps.asked(url, steps.token_of(space["consumer"], space["provider"]))
    assert (status, refused["code"]) == (403, "not_authorized")
    status, refused = steps.asked(url)
    assert (status, refused["code"]) == (401, "not_authenticated")


def test_a_token_for_somebody_else_is_none(space: DataSpace):
    url = f"{space['provider'].url}/log/leaves?agreement=any"
    status, refused = steps.asked(url, steps.token_of(space["authority"], space["consumer"]))
    assert (status, refused["code"]) == (401, "not_authenticated")


def test_a_token_is_good_once(space: DataSpace):
    url = f"{space['provider'].url}/log/leaves?agreement=any"
    token = steps.token_of(space["authority"], space["provider"])
    assert steps.asked(url, token)[0] == 200
    status, refused = steps.asked(url, token)
    assert (status, refused["message"]) == (401, "the token is refused: it was used before")


def test_our_own_api_wants_the_operator_token(space: DataSpace):
    status, refused = steps.asked(f"{space['provider'].management_url}/api/status", "guessed")
    assert (status, refused["code"]) == (401, "not_authenticated")


def test_our_own_api_is_not_on_the_public_address(space: DataSpace):
    for path in ("/api/status", "/api/offerings", "/api/members"):
        request = f"{space['authority'].url}{path}"
        with pytest.raises(json.JSONDecodeError):  # a plain 404, without a document of ours
            steps.asked(request)


def test_another_members_processes_do_not_exist_for_a_member(space: DataSpace, dataset: str):
    negotiation = steps.begin_negotiation(space, dataset, wait_seconds=60)
    url = f"{space['provider'].url}/dsp/2025-1/negotiations/{negotiation['provider_pid']}"
    assert steps.asked(url, steps.token_of(space["consumer"], space["provider"]))[0] == 200
    status, refused = steps.asked(url, steps.token_of(space["authority"], space["provider"]))
    assert (status, refused["code"]) == (404, "unknown_process")


def test_a_callback_to_another_port_of_this_machine_is_refused(space: DataSpace, dataset: str):
    """The provider may reach its peers, and nothing else on loopback: not even its own management surface."""
    body = request_message(space, dataset, callback=space["provider"].management_url)
    status, made = sent(space, body)
    assert status == 201
    pid = made["providerPid"]
    ended = steps.ended(space["provider"], "negotiation", pid, "TERMINATED")
    assert ended["failure"]["code"] == "address_refused"


def test_a_body_that_is_not_the_signed_one_is_refused(space: DataSpace, dataset: str):
    body = request_message(space, dataset)
    token = steps.token_of(space["consumer"], space["provider"], body)
    altered = body.replace(b"urn:uuid:", b"urn:uuid;")
    status, refused = steps.asked(request_url(space), token, method="POST", body=altered)
    assert (status, refused["code"]) == (401, "not_authenticated")


def test_a_stale_offer_is_refused(space: DataSpace, dataset: str, climate_field: Path):
    before = request_message(space, dataset)
    try:
        renewed = {**open_policy(), "prohibition": [{"action": "sell"}]}
        assert steps.publish(space, climate_field, renewed, crs="EPSG:4326")["published"][0]["outcome"] == "new_version"
        status, refused = sent(space, before)
        assert (status, refused["code"]) == (400, "offer_not_valid")
        assert "stale" in refused["reason"][0]
    finally:
        steps.publish(space, climate_field, crs="EPSG:4326")


def test_a_withdrawn_offering_disappears_and_its_offer_is_refused(space: DataSpace, dataset: str, climate_field: Path):
    before = request_message(space, dataset)
    agreement = steps.agree(space, dataset)
    space["provider"].call("POST", f"/api/offerings/{dataset}/withdraw")
    try:
        assert dataset not in steps.catalogue(space)
        status, refused = sent(space, before)
        assert (status, refused["code"]) == (400, "offer_not_valid")
        assert "withdrawn" in refused["reason"][0]
        assert steps.transferred(space, agreement)["received"]["bytes"] > 0  # what was agreed holds
    finally:
        steps.publish(space, climate_field, crs="EPSG:4326")
    assert dataset in steps.catalogue(space)


def test_a_removed_member_is_refused_in_time(space: DataSpace, dataset: str):
    consumer, authority = space["consumer"], space["authority"]
    url = f"{space['provider'].url}/dsp/2025-1/catalog/datasets/{dataset}"
    assert steps.asked(url, steps.token_of(consumer, space["provider"]))[0] == 200
    authority.call("DELETE", f"/api/members/{consumer.did.replace('%', '%25')}")
    try:
        time.sleep(MAX_AGE_SECONDS)
        status, refused = steps.asked(url, steps.token_of(consumer, space["provider"]))
        assert (status, refused["code"]) == (401, "not_authenticated")
        assert "is not a member of this data space" in refused["reason"][0]
    finally:
        authority.call("POST", "/api/members", {"did": consumer.did, "title": "City planner", "url": consumer.url})
    steps.until(
        lambda: steps.asked(url, steps.token_of(consumer, space["provider"]))[0] == 200, "the member to be let in again"
    )


def request_message(space: DataSpace, dataset: str, *, callback: str | None = None) -> bytes:
    """A ContractRequestMessage for the dataset's offer of now, as another program would write it."""
    (offer,) = steps.catalogue(space)[dataset]["offers"]
    message = {
        "@context": [CONTEXT],
        "@type": "ContractRequestMessage",
        "consumerPid": f"urn:uuid:test-{time.monotonic_ns()}",
        "offer": {**offer["policy"], "target": dataset},
        "callbackAddress": callback or f"{space['consumer'].url}/dsp/2025-1",
    }
    return json.dumps(message).encode()


def request_url(space: DataSpace) -> str:
    return f"{space['provider'].url}/dsp/2025-1/negotiations/request"


def sent(space: DataSpace, body: bytes) -> tuple[int, Any]:
    """What the provider answers to the consumer."""
    token = steps.token_of(space["consumer"], space["provider"], body)
    return steps.asked(request_url(space), token, method="POST", body=body)
