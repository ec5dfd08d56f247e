"""The suite's 65 cases against a scripted peer over real HTTP: in seconds, without Java, with the suite's ids."""

from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from connector.db import connection
from connector.exchange.model import MOVES
from connector.exchange.store import list_events
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from tests.conformance.cases import CASES, CATALOGUE
from tests.conformance.conftest import Both
from tests.conformance.peer import CONTEXT
from tests.conformance.scenarios import SCENARIOS

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 5.0
# How long a scenario that cannot work waits for what does not come.
NO_PATIENCE_SECONDS = 0.5

Key = tuple[str, str, str]
ROWS = {"negotiation": NEGOTIATION.rows, "transfer": TRANSFER.rows}


def rows_of(case: str) -> set[Key]:
    """The rows of the table of moves that name a case."""
    return {
        (row.source.value, row.message.value, row.sender.value)
        for rows in ROWS.values()
        for row in rows
        if case in row.tck
    }


# Each case with each of its rows.
TAKEN_OUT = [
    pytest.param(case, row, id=f"{case} without {' '.join(row)}") for case in SCENARIOS for row in sorted(rows_of(case))
]


async def test_every_case_of_the_suite_has_its_scenario() -> None:
    assert len(CASES) == 65
    assert {*SCENARIOS, *CATALOGUE} == set(CASES)


@pytest.mark.parametrize("case", SCENARIOS)
async def test_the_connector_walks(case: str, both: Both) -> None:
    pid = await both.walk(case, patience_seconds=PATIENCE_SECONDS)
    async with connection(both.connector.participant.pool) as conn:
        events = await list_events(conn, pid=pid)
    assert {(event["source"], event["message"], event["sender"]) for event in events} == rows_of(case)


# The table is the program's: one database is enough.
@pytest.mark.parametrize("postgres_server", ["embedded"], indirect=True, scope="session")
@pytest.mark.parametrize(("case", "row"), TAKEN_OUT)
async def test_a_scenario_fails_when_its_row_is_taken_out(
    case: str, row: Key, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(_moves(case), row)
    with capture_logs(), pytest.raises(AssertionError, match=r"^step \d+, "):
        await both.walk(case, patience_seconds=NO_PATIENCE_SECONDS)


def _moves(case: str) -> dict[Key, str]:
    moves: Mapping[Key, str] = MOVES["transfer" if case.startswith("TP") else "negotiation"]
    assert isinstance(moves, dict)
    return moves


async def test_MET_01_01_the_versions_of_the_protocol_are_told(both: Both) -> None:  # noqa: N802
    status, document = await both.peer.get("/.well-known/dspace-version")
    versions = {version["version"]: version for version in document["protocolVersions"]}
    assert (status, versions["2025-1"]["path"], versions["2025-1"]["binding"]) == (200, "/dsp/2025-1", "HTTPS")


async def test_CAT_01_01_the_catalogue_has_the_dataset(both: Both) -> None:  # noqa: N802
    message = {"@context": [CONTEXT], "@type": "CatalogRequestMessage"}
    status, catalog = await both.peer.post("/dsp/2025-1/catalog/request", message)
    assert (status, catalog["@type"], catalog["participantId"]) == (200, "Catalog", both.peer.connector_did)
    assert "CAT0101" in {dataset["@id"] for dataset in catalog["dataset"]}


async def test_CAT_01_02_the_dataset_is_found(both: Both) -> None:  # noqa: N802
    status, dataset = await both.peer.get("/dsp/2025-1/catalog/datasets/CAT0102")
    assert (status, dataset["@type"], dataset["@id"]) == (200, "Dataset", "CAT0102")
    assert [offer["permission"] for offer in dataset["hasPolicy"]] == [[{"action": "use"}]]
    assert "target" not in dataset["hasPolicy"][0]
    assert {"format", "accessService"} <= set(dataset["distribution"][0])


async def test_CAT_01_03_an_unknown_dataset_is_answered_with_a_catalog_error(both: Both) -> None:  # noqa: N802
    status, error = await both.peer.get("/dsp/2025-1/catalog/datasets/CAT0103")
    assert (status, error["@type"], error["code"]) == (404, "CatalogError", "unknown_process")
    assert "CAT0103" in error["reason"][0]
