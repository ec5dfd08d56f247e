"""The story: publish, find, read the terms, negotiate, be refused, fetch, and let the authority compare."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from connector.demo.space import DataSpace
from connector.errors import ConnectorError
from connector.harvest.sample import sample_climate_field, write_sample_run
from policies import open_policy, research_until

PURPOSE = "flood-risk-research"
WRONG_PURPOSE = "advertising"
CONTRACT_DAYS = 365
WAIT_SECONDS = 30
PROGRESS_SECONDS = 0.2
STALLED_SECONDS = 60
SAMPLE_RUN = "sample-flood-run"


class StoryFailed(ConnectorError):  # noqa: N818
    """A step of the story did not end as it should."""

    code = "story_failed"


class Teller(Protocol):
    """Tells what happens: to a person at a terminal, or to nobody while JSON is asked for."""

    def step(self, who: str, what: str) -> None:
        """A step begins."""
        ...

    def note(self, text: str) -> None:
        """Something worth knowing about the step."""
        ...

    def catalog(self, datasets: list[dict[str, Any]]) -> None:
        """What the consumer sees."""
        ...

    def transfer(self, title: str, follow: Callable[[], tuple[int, int, bool]]) -> None:
        """Call `follow` until it says that the transfer has ended; it gives bytes so far and in all."""
        ...


@dataclass(frozen=True)
class Story:
    """One run of the story. `data`: publish this folder of the user's in place of the samples."""

    space: DataSpace
    tell: Teller
    data: Path | None = None

    def run(self) -> None:
        """All steps; raises ConnectorError if one fails."""
        self.publish()
        datasets = self.read_catalog()
        agreements = [self.negotiate(dataset) for dataset in datasets]
        self.be_refused(datasets)
        for agreement, dataset in zip(agreements, datasets, strict=True):
            self.fetch(agreement, dataset["title"])
        self.compare(agreements)

    def publish(self) -> None:
        """Two offerings of the samples, or all of the user's folder."""
        self.tell.step("provider", "publishes what it has, each offering with its own terms")
        if self.data is None:
            run = self.space.folder / SAMPLE_RUN
            write_sample_run(run)
            self.tell.note(f"{run.name} is synthetic: a small run in SFINCS' output layout, made for this demo")
            self._publish(run, self._limited())
            self._publish(sample_climate_field(), open_policy())
            return
        published = self._publish(self.data, open_policy())
        if not published:
            raise StoryFailed(f"nothing in {self.data} could be published", hint="tidegate publish says what and why")
        self._publish(Path(published[0]["source"]), self._limited(), variant="research")

    def _limited(self) -> dict[str, Any]:
        return research_until(datetime.now(UTC).replace(microsecond=0) + timedelta(days=CONTRACT_DAYS), PURPOSE)

    def _publish(self, folder: Path, policy: dict[str, Any], *, variant: str = "") -> list[dict[str, Any]]:
        wanted = {"folder": str(folder), "policy": policy, "variant": variant}
        answer = self.space["provider"].call("POST", "/api/offerings", wanted)
        for problem in answer["problems"]:
            self.tell.note(f"not published: {problem['path']}: {problem['reason']}")
        for offering in answer["published"]:
            self.tell.note(f"published {offering['id']} ({offering['files']} files, {offering['bytes']:,} bytes)")
        return answer["published"]

    def read_catalog(self) -> list[dict[str, Any]]:
        """What the consumer sees, terms in plain sentences."""
        self.tell.step("consumer", "asks for the catalogue and reads the terms")
        answer = self.space["consumer"].call("POST", "/api/catalog", {"participant": self.space["provider"].did})
        self.tell.catalog(answer["datasets"])
        return answer["datasets"]

    def negotiate(self, dataset: dict[str, Any]) -> str:
        """A contract for one dataset, with the purpose its terms ask for."""
        self.tell.step("consumer", f"negotiates a contract for {dataset['id']}")
        negotiation = self._negotiate(dataset["id"], PURPOSE)
        if negotiation["state"] != "FINALIZED":
            failure = negotiation["failure"] or {"reason": negotiation["last_error"]}
            raise StoryFailed(f"no contract for {dataset['id']}: {failure['reason']}")
        self.tell.note(f"agreed: {negotiation['agreement']}")
        return negotiation["agreement"]

    def be_refused(self, datasets: list[dict[str, Any]]) -> None:
        """One more try, for a purpose that the terms do not allow."""
        limited = next((d for d in datasets if PURPOSE in str(d["offers"])), None)
        if limited is None:
            raise StoryFailed("no offering is limited to a purpose")
        self.tell.step("consumer", f"tries {limited['id']} again, for {WRONG_PURPOSE}")
        negotiation = self._negotiate(limited["id"], WRONG_PURPOSE)
        if negotiation["state"] != "TERMINATED":
            raise StoryFailed(f"{WRONG_PURPOSE} was not refused: the negotiation is {negotiation['state']}")
        self.tell.note(negotiation["failure"]["reason"])

    def _negotiate(self, dataset: str, purpose: str) -> dict[str, Any]:
        wanted = {"provider": self.space["provider"].did, "dataset": dataset, "purpose": [purpose]}
        return self.space["consumer"].call("POST", f"/api/negotiations?wait_seconds={WAIT_SECONDS}", wanted)

    def fetch(self, agreement: str, title: str) -> None:
        """The data of a contract, through the provider's data plane."""
        self.tell.step("consumer", f"fetches {title}")
        consumer = self.space["consumer"]
        pid = consumer.call("POST", "/api/transfers", {"agreement": agreement})["pid"]

        done, moved_at = -1, time.monotonic()

        def follow() -> tuple[int, int, bool]:
            nonlocal done, moved_at
            now = consumer.call("GET", f"/api/transfers/{pid}?wait_seconds={PROGRESS_SECONDS}")
            if now["bytes_done"] != done:
                done, moved_at = now["bytes_done"], time.monotonic()
            settled = now["state"] in {"COMPLETED", "TERMINATED", "SUSPENDED"}
            return done, now["bytes_total"], settled or time.monotonic() - moved_at > STALLED_SECONDS

        self.tell.transfer(title, follow)
        ended = consumer.call("GET", f"/api/transfers/{pid}?wait_seconds={WAIT_SECONDS}")
        if ended["state"] != "COMPLETED":
            failure = ended["failure"] or {"reason": ended["last_error"]}
            raise StoryFailed(f"the transfer of {title} is {ended['state']}: {failure['reason']}")
        received = ended["received"]
        self.tell.note(f"{len(received['files'])} files, SHA-256 {received['digest']}, verified, in {received['path']}")

    def compare(self, agreements: list[str]) -> None:
        """The authority asks both parties what they recorded."""
        self.tell.step("authority", "asks both parties for their records of the exchange, and compares them")
        for agreement in agreements:
            exchange = {
                "agreement": agreement,
                "provider": self.space["provider"].did,
                "consumer": self.space["consumer"].did,
            }
            found = self.space["authority"].call("POST", "/api/audit/compare", exchange)
            counts = f"{found['provider_leaves']} leaves of the provider, {found['consumer_leaves']} of the consumer"
            self.tell.note(f"{agreement}: {counts}: {'consistent' if found['consistent'] else found['problems']}")
