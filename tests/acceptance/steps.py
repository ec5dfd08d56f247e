"""What a person does with a running data space, and what a test looks up behind its back."""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from connector.app import KEY_FILE
from connector.demo.report import report
from connector.demo.space import DataSpace, RunningParticipant
from connector.identity.keys import load_or_create_key
from connector.identity.tokens import issue_token
from policies import open_policy

# A machine that is slow still passes; one where it hangs fails.
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.05
OPEN = open_policy()

T = TypeVar("T")


def until(look: Callable[[], T], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """The first true answer of `look`; fails with `what` was waited for, and the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}; now it is {found!r}"
        time.sleep(LOOK_SECONDS)


def publish(space: DataSpace, folder: Path, policy: object = OPEN, **more: object) -> dict[str, Any]:
    """The provider's answer: what is published, and what is not."""
    return space["provider"].call("POST", "/api/offerings", {"folder": str(folder), "policy": policy, **more})


def catalogue(space: DataSpace) -> dict[str, dict[str, Any]]:
    """What the consumer sees at the provider, by id."""
    answer = space["consumer"].call("POST", "/api/catalog", {"participant": space["provider"].did})
    assert answer["complete"]
    return {dataset["id"]: dataset for dataset in answer["datasets"]}


def begin_negotiation(space: DataSpace, dataset: str, *purpose: str, wait_seconds: float = 0) -> dict[str, Any]:
    """The consumer asks for a contract."""
    wanted = {"provider": space["provider"].did, "dataset": dataset, "purpose": purpose}
    return space["consumer"].call("POST", f"/api/negotiations?wait_seconds={wait_seconds}", wanted)


def agree(space: DataSpace, dataset: str, *purpose: str) -> str:
    """The id of a new agreement."""
    negotiation = begin_negotiation(space, dataset, *purpose, wait_seconds=60)
    assert negotiation["state"] == "FINALIZED", negotiation
    return negotiation["agreement"]


def begin_transfer(space: DataSpace, agreement: str) -> str:
    """The consumer's id of a new transfer."""
    return space["consumer"].call("POST", "/api/transfers", {"agreement": agreement})["pid"]


def ended(participant: RunningParticipant, kind: str, pid: str, state: str) -> dict[str, Any]:
    """The process once nothing more comes of itself, which must be in `state`."""
    found = until(lambda: _rested(participant, kind, pid), f"{kind} {pid} to end in {state}")
    assert found["state"] == state, found
    return found


def resumed(participant: RunningParticipant, pid: str) -> None:
    """Until the participant knows that a suspended transfer goes on."""
    until(lambda: participant.call("GET", f"/api/transfers/{pid}")["state"] != "SUSPENDED", f"{pid} to be resumed")


def _rested(participant: RunningParticipant, kind: str, pid: str) -> dict[str, Any] | None:
    now = participant.call("GET", f"/api/{kind}s/{pid}?wait_seconds=5")
    at_rest = now["state"] in {"FINALIZED", "COMPLETED", "TERMINATED", "SUSPENDED"} and not now["sending"]
    return now if at_rest else None


def transferred(space: DataSpace, agreement: str) -> dict[str, Any]:
    """A transfer from its request to its completion."""
    return ended(space["consumer"], "transfer", begin_transfer(space, agreement), "COMPLETED")


def compared(space: DataSpace, agreement: str) -> dict[str, Any]:
    """What the authority finds when it asks both parties."""
    exchange = {"agreement": agreement, "provider": space["provider"].did, "consumer": space["consumer"].did}
    return space["authority"].call("POST", "/api/audit/compare", exchange)


def reported(space: DataSpace) -> dict[str, Any]:
    """The report of the demo over this space."""
    return report(space, seconds=0)


def restarted(participant: RunningParticipant) -> None:
    """Started again, and ready."""
    participant.start()
    participant.wait_ready(time.monotonic() + PATIENCE_SECONDS)


@contextmanager
def database(participant: RunningParticipant) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The participant's own database; each statement commits by itself."""
    url = participant.environment["TIDEGATE_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def rows(participant: RunningParticipant, statement: str, *values: object) -> list[dict[str, Any]]:
    """What its database holds."""
    with database(participant) as connection:
        return connection.execute(statement, values).fetchall()


def token_of(sender: RunningParticipant, receiver: RunningParticipant, body: bytes = b"") -> str:
    """A token as the sender itself makes it, with the key in its folder."""
    key = load_or_create_key(sender.home / KEY_FILE, sender.did)
    return issue_token(
        key, audience=receiver.did, body=body, now=datetime.now(UTC), jti=str(uuid.uuid4()), lifetime_seconds=60
    )


def asked(url: str, token: str | None = None, *, method: str = "GET", body: bytes | None = None) -> tuple[int, Any]:
    """Status and JSON body of an answer, as anybody on the network gets it."""
    fields = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, data=body, method=method, headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")
