from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.dataplane.model import Flow
from connector.dataplane.tokens import check_claims, issue_data_token, verify_data_token
from connector.errors import NotAuthenticated, NotAuthorized
from connector.identity.keys import SigningKey, load_or_create_key
from connector.identity.tokens import issue_token

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)
FLOW = Flow(
    transfer="urn:uuid:t",
    agreement="urn:uuid:a",
    offering="flood",
    version=1,
    kind="file",
    consumer="did:web:consumer.example",
    endpoint="https://provider.example/data/urn:uuid:t",
    jti="one",
    expires_at=SOON,
    state="open",
    reason=None,
    bytes_sent=0,
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_create_key(tmp_path_factory.mktemp("key") / "key.pem", "did:web:provider.example")


def token(key: SigningKey, **changes: Any) -> str:
    known: dict[str, Any] = {
        "endpoint": FLOW.endpoint,
        "agreement": FLOW.agreement,
        "transfer": FLOW.transfer,
        "consumer": FLOW.consumer,
        "now": NOW,
        "jti": FLOW.jti,
        "expires_at": SOON,
    }
    return issue_data_token(key, **(known | changes))


def test_the_token_of_an_open_flow_lets_in(key: SigningKey):
    claims = verify_data_token(key, "Bearer " + token(key))
    assert check_claims(claims, transfer=FLOW.transfer, flow=FLOW, now=NOW) is FLOW


def test_whoever_has_no_valid_token_is_not_authenticated(key: SigningKey, tmp_path: Path):
    other = load_or_create_key(tmp_path / "other.pem", "did:web:provider.example")
    message = issue_token(key, audience="did:web:x", body=b"", now=NOW, jti="one", lifetime_seconds=60)
    good = token(key)
    altered = good[:-8] + ("A" if good[-8] != "A" else "B") + good[-7:]
    fields = [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic " + good,
        "Bearer x.y.z",
        "Bearer " + token(other),
        "Bearer " + altered,
    ]
    for field in [*fields, "Bearer " + message]:
        with pytest.raises(NotAuthenticated):
            verify_data_token(key, field)


@pytest.mark.parametrize(
    ("claims", "flow", "problem"),
    [
        pytest.param({"transfer": "urn:uuid:other"}, {}, "another transfer", id="token of another transfer"),
        pytest.param({"expires_at": NOW}, {}, "expired", id="expired token"),
        pytest.param({}, {"expires_at": NOW}, "expired", id="expired flow"),
        pytest.param({}, {"state": "closed", "reason": "suspended"}, "closed: suspended", id="closed flow"),
        pytest.param({"jti": "old"}, {}, "replaced", id="token of an earlier start"),
        pytest.param({"endpoint": "https://elsewhere.example"}, {}, "replaced", id="other audience"),
        pytest.param({"agreement": "urn:uuid:other"}, {}, "replaced", id="other agreement"),
        pytest.param({"consumer": "did:web:other.example"}, {}, "replaced", id="other consumer"),
    ],
)
def test_a_signed_token_for_something_else_is_not_authorized(
    key: SigningKey, claims: dict[str, Any], flow: dict[str, Any], problem: str
):
    verified = verify_data_token(key, "Bearer " + token(key, **claims))
    with pytest.raises(NotAuthorized, match=problem):
        check_claims(verified, transfer=FLOW.transfer, flow=replace(FLOW, **flow), now=NOW)


def test_a_transfer_that_was_never_started_is_told_apart_from_no_other(key: SigningKey):
    verified = verify_data_token(key, "Bearer " + token(key))
    with pytest.raises(NotAuthorized, match="another transfer"):
        check_claims(verified, transfer=FLOW.transfer, flow=None, now=NOW)
