"""What stops a transfer stops its data: running streams are cut, and the token is no longer good."""

import http.client
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from connector.demo.space import ApiError, DataSpace, data_space
from tests.acceptance import steps
from tests.acceptance.large import SLOW, write_large_field

pytestmark = pytest.mark.timeout(900)

CUT_SECONDS = 1.0
READ_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def space() -> Iterator[DataSpace]:
    with data_space(settings=SLOW) as running:
        yield running


@pytest.fixture(scope="module")
def agreement(space: DataSpace, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_large_field(tmp_path_factory.mktemp("large") / "large.tif")
    return steps.agree(space, steps.publish(space, path)["published"][0]["id"])


@dataclass
class Reader:
    """Somebody else who reads with the token: slowly, until somebody waits for the end."""

    endpoint: str
    token: str
    total: int = 0
    received: int = 0
    ended_at: float | None = None
    _hurry: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request("GET", address.path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            self.total = int(answer.headers["Content-Length"])
            while piece := answer.read1(READ_BYTES):
                self.received += len(piece)
                self._hurry.wait(0.02)
        except (ConnectionError, http.client.HTTPException):
            pass
        finally:
            self.ended_at = time.monotonic()
            connection.close()

    def wait(self) -> None:
        """Until the stream has ended: what the kernel holds is read at full speed."""
        self._hurry.set()
        self._thread.join(steps.PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@dataclass(frozen=True)
class UnderWay:
    """A transfer whose file is coming in, and another reader with its token."""

    consumer_pid: str
    provider_pid: str
    reader: Reader


@pytest.fixture
def under_way(space: DataSpace, agreement: str) -> Iterator[UnderWay]:
    pid = steps.begin_transfer(space, agreement)
    steps.until(lambda: space["consumer"].call("GET", f"/api/transfers/{pid}")["bytes_done"], "the first bytes")
    endpoint, token = access(space, pid)
    reader = Reader(endpoint, token)
    steps.until(lambda: reader.received, "another reader's first bytes")
    now = space["consumer"].call("GET", f"/api/transfers/{pid}")
    yield UnderWay(pid, now["provider_pid"], reader)
    reader.wait()


def test_a_suspension_cuts_what_is_running_and_a_resumption_finishes_it(space: DataSpace, under_way: UnderWay):
    suspend = f"/api/transfers/{under_way.provider_pid}/suspension"
    space["provider"].call("POST", suspend, {"reason": "maintenance of the store"})
    assert_cut_at_once(under_way.reader)
    held = steps.ended(space["consumer"], "transfer", under_way.consumer_pid, "SUSPENDED")
    assert held["failure"]["reason"] == "maintenance of the store"
    assert_refused(under_way.reader)
    assert delivered(space, under_way) == []

    steps.ended(space["provider"], "transfer", under_way.provider_pid, "SUSPENDED")
    space["provider"].call("POST", f"/api/transfers/{under_way.provider_pid}/start")
    steps.resumed(space["consumer"], under_way.consumer_pid)
    done = steps.ended(space["consumer"], "transfer", under_way.consumer_pid, "COMPLETED")
    assert done["received"]["bytes"] == under_way.reader.total
    assert_refused(under_way.reader)  # the resumption came with a token of its own, and that one is used up as well
    endpoint, token = access(space, under_way.consumer_pid)
    assert token != under_way.reader.token
    assert steps.asked(endpoint, token)[0] == 403
    found = steps.compared(space, done["agreement"])
    assert found["consistent"], found["problems"]


def test_a_suspension_by_the_consumer_stops_it_and_it_may_go_on_itself(space: DataSpace, under_way: UnderWay):
    path = f"/api/transfers/{under_way.consumer_pid}"
    space["consumer"].call("POST", f"{path}/suspension", {"reason": "the line is needed for something else"})
    steps.ended(space["provider"], "transfer", under_way.provider_pid, "SUSPENDED")
    assert_cut_at_once(under_way.reader)
    assert_refused(under_way.reader)
    space["consumer"].call("POST", f"{path}/start")
    steps.resumed(space["consumer"], under_way.consumer_pid)
    steps.ended(space["consumer"], "transfer", under_way.consumer_pid, "COMPLETED")


def test_a_termination_ends_it_for_good(space: DataSpace, under_way: UnderWay):
    end = f"/api/transfers/{under_way.provider_pid}/termination"
    space["provider"].call("POST", end, {"reason": "the contract was broken"})
    assert_cut_at_once(under_way.reader)
    ended = steps.ended(space["consumer"], "transfer", under_way.consumer_pid, "TERMINATED")
    assert ended["failure"]["reason"] == "the contract was broken"
    assert_refused(under_way.reader)
    assert delivered(space, under_way) == []
    steps.ended(space["provider"], "transfer", under_way.provider_pid, "TERMINATED")
    with pytest.raises(ApiError, match="a start is not open to us in state TERMINATED"):
        space["provider"].call("POST", f"/api/transfers/{under_way.provider_pid}/start")


def test_a_token_that_expires_cuts_what_is_running(space: DataSpace, agreement: str):
    provider = space["provider"]
    before = provider.environment
    provider.stop()
    provider.environment = {**before, "TIDEGATE_DATAPLANE__TOKEN_LIFETIME_SECONDS": "2"}
    steps.restarted(provider)
    try:
        pid = steps.begin_transfer(space, agreement)
        started = "select data -> 'access' as access from process where pid = %s and state = 'STARTED'"
        steps.until(lambda: steps.rows(space["consumer"], started, pid), "the transfer to start")
        reader = Reader(*access(space, pid))
        reader.wait()
        assert reader.received < reader.total
        assert_refused(reader)
        ended = steps.ended(space["consumer"], "transfer", pid, "TERMINATED")
        assert "expired" in ended["failure"]["reason"]
    finally:
        provider.stop()
        provider.environment = before
        steps.restarted(provider)


def access(space: DataSpace, pid: str) -> tuple[str, str]:
    """Endpoint and token, which only the consumer's database knows."""
    (row,) = steps.rows(space["consumer"], "select data -> 'access' as access from process where pid = %s", pid)
    return row["access"]["endpoint"], row["access"]["token"]


def assert_cut_at_once(reader: Reader) -> None:
    """Within a second from now, and before everything was read."""
    now = time.monotonic()
    reader.wait()
    assert reader.ended_at is not None
    assert reader.ended_at - now < CUT_SECONDS
    assert 0 < reader.received < reader.total


def assert_refused(reader: Reader) -> None:
    """The token opens nothing."""
    status, refused = steps.asked(reader.endpoint, reader.token)
    assert (status, refused["code"]) == (403, "not_authorized")


def delivered(space: DataSpace, transfer: UnderWay) -> list[Path]:
    """Files under their final names."""
    folder = transfer.consumer_pid.replace(":", "_")
    found = (space["consumer"].home / "downloads").glob(f"*/{folder}/**/*")
    return [path for path in found if path.is_file() and path.suffix != ".part"]
