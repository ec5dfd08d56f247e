"""The whole path with real data: a SFINCS run and a field of the Climate DT, between three processes over HTTP."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.demo.report import is_good
from connector.demo.space import ApiError, DataSpace
from policies import research_until
from tests.acceptance import steps

pytestmark = pytest.mark.timeout(600)

PURPOSE = "flood-risk-research"
GIB = 1024**3


@pytest.fixture(scope="module")
def story(space: DataSpace, sfincs_run: Path, climate_field: Path) -> dict[str, Any]:
    """The report after everything was published, agreed, refused and fetched."""
    soon = research_until(datetime.now(UTC).replace(microsecond=0) + timedelta(days=365), PURPOSE)
    run = steps.publish(space, sfincs_run, soon)["published"][0]["id"]
    field = steps.publish(space, climate_field, crs="EPSG:4326")["published"][0]["id"]
    agreements = [steps.agree(space, run, PURPOSE), steps.agree(space, field)]
    steps.begin_negotiation(space, run, "advertising", wait_seconds=60)
    for agreement in agreements:
        steps.transferred(space, agreement)
    return steps.reported(space) | {"run": run, "field": field}


def test_the_whole_story_is_good(story: dict[str, Any]):
    assert is_good(story)


def test_a_raster_without_crs_is_refused_until_one_is_given(space: DataSpace, climate_field: Path):
    answer = steps.publish(space, climate_field)
    assert answer["published"] == []
    (problem,) = answer["problems"]
    assert problem["path"].endswith("climate-dt.tiff")
    assert "--crs" in problem["hint"]


def test_the_catalogue_shows_both_with_their_terms_in_a_sentence(space: DataSpace, story: dict[str, Any]):
    found = steps.catalogue(space)
    assert set(found) == {story["run"], story["field"]}
    limited, free = (found[story[name]]["offers"][0]["terms"] for name in ("run", "field"))
    assert f"the purpose is “{PURPOSE}”" in limited
    assert "the time is before" in limited
    assert free.endswith("without conditions.")


def test_the_field_lies_where_it_is_on_the_globe(space: DataSpace, story: dict[str, Any]):
    """Its longitudes run from 0 to 360: wrapped they are the whole earth."""
    west, south, east, north = space["provider"].call("GET", f"/api/offerings/{story['field']}")["bbox"]
    assert (west, south, east, north) == (-180, -90, 180, 90)


def test_the_run_lies_at_the_piave(space: DataSpace, story: dict[str, Any]):
    offering = space["provider"].call("GET", f"/api/offerings/{story['run']}")
    west, south, east, north = offering["bbox"]
    assert 12 < west < east < 13
    assert 45 < south < north < 46.5
    assert offering["start"].startswith("2010-02-05")


def test_the_wrong_purpose_is_refused_with_the_reason_on_both_sides(space: DataSpace, story: dict[str, Any]):
    (refusal,) = story["refusals"]
    assert refusal["offering"] == story["run"]
    assert f"the purpose is “{PURPOSE}”, but the purpose is “advertising”" in refusal["reason"]
    newest = space["provider"].call("GET", "/api/negotiations?limit=1")[0]
    assert (newest["state"], newest["failure"]["reason"]) == ("TERMINATED", refusal["reason"])


def test_the_digests_are_those_of_the_source_files(
    story: dict[str, Any], sfincs_run: Path, climate_field: Path, space: DataSpace
):
    run, field = story["transfers"]
    assert field["digest"] == sha256(climate_field)
    assert field["bytes"] == climate_field.stat().st_size
    received = received_files(space, run["agreement"])
    files = {path.relative_to(sfincs_run).as_posix(): path for path in sfincs_run.rglob("*") if path.is_file()}
    assert set(received) == set(files)
    assert run["digest"] == manifest_digest(files)
    assert run["bytes"] == sum(path.stat().st_size for path in files.values())
    assert {name: sha256(path) for name, path in received.items()} == {
        name: sha256(path) for name, path in files.items()
    }


def test_both_sides_recorded_the_same(story: dict[str, Any]):
    for exchange in story["audit"]:
        assert exchange["consistent"], exchange
        # Negotiation: request, agreement, verification, finalization. Transfer: request, start, completion.
        assert (exchange["provider_leaves"], exchange["consumer_leaves"]) == (7, 7)


def test_the_report_has_the_documented_form(story: dict[str, Any]):
    documented = {
        "participants": {"role": str, "id": str, "url": str, "memory_bytes": int},
        "offerings": {"id": str, "title": str, "bytes": int},
        "agreements": {
            "id": str, "offering": str, "provider_pid": str, "consumer_pid": str, "terms": str, "seconds": float,
        },
        "refusals": {"offering": str, "reason": str},
        "transfers": {"agreement": str, "bytes": int, "digest": str, "verified": bool, "seconds": float},
        "audit": {"agreement": str, "provider_leaves": int, "consumer_leaves": int, "consistent": bool},
    }  # fmt: skip
    report = json.loads(json.dumps(story))
    for name, members in documented.items():
        assert report[name], f"{name} is empty"
        for entry in report[name]:
            assert {member: type(entry[member]) for member in members} == members
    assert type(report["memory_bytes"]) is int
    assert type(report["seconds"]) in {int, float}
    assert [participant["role"] for participant in report["participants"]] == ["provider", "consumer", "authority"]


def test_three_participants_with_postgresql_fit_into_a_gibibyte(story: dict[str, Any]):
    assert sum(each["memory_bytes"] for each in story["participants"]) < story["memory_bytes"] < GIB


def test_the_report_is_false_while_a_stored_message_digest_is_another(space: DataSpace, story: dict[str, Any]):
    agreement = story["agreements"][0]
    with altered_leaf(space, agreement["provider_pid"]):
        facts = steps.reported(space)
        assert not is_good(facts)
        assert [exchange["consistent"] for exchange in facts["audit"]] == [False, True]
        assert all(transfer["verified"] for transfer in facts["transfers"])
    assert is_good(steps.reported(space))


def test_the_report_is_false_while_a_byte_of_a_delivered_file_is_another(space: DataSpace, story: dict[str, Any]):
    path = received_files(space, story["transfers"][0]["agreement"])["sfincs_map.nc"]
    with altered_byte(path):
        facts = steps.reported(space)
        assert not is_good(facts)
        assert [transfer["verified"] for transfer in facts["transfers"]] == [False, True]
    assert is_good(steps.reported(space))


def test_the_report_is_false_while_a_delivered_file_is_missing(space: DataSpace, story: dict[str, Any]):
    path = received_files(space, story["transfers"][1]["agreement"])["climate-dt.tiff"]
    aside = path.rename(path.with_suffix(".aside"))
    assert not is_good(steps.reported(space))
    aside.rename(path)
    assert is_good(steps.reported(space))


def test_what_was_never_agreed_cannot_be_fetched(space: DataSpace, story: dict[str, Any]):
    with pytest.raises(ApiError, match="there is no agreement urn:uuid:nobody"):
        steps.begin_transfer(space, "urn:uuid:nobody")


def received_files(space: DataSpace, agreement: str) -> dict[str, Path]:
    """By their name in the offering."""
    transfers = space["consumer"].call("GET", "/api/transfers")
    received = next(each["received"] for each in transfers if each["agreement"] == agreement)
    return {name: Path(received["path"]) / name for name in received["files"]}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest_digest(files: dict[str, Path]) -> str:
    """Of names in ASCII and whole numbers, the RFC 8785 form is what `json` writes with sorted keys."""
    entries = [
        {"path": name, "bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in sorted(files.items())
    ]
    form = json.dumps({"files": entries}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(form.encode()).hexdigest()


@contextmanager
def altered_leaf(space: DataSpace, process: str) -> Iterator[None]:
    """The first leaf of a process says another message digest, and its hash fits: only the other side can tell."""
    with steps.database(space["provider"]) as connection:
        found = connection.execute("select id, leaf, hash from audit_leaf where process = %s and seq = 1", [process])
        leaf = found.fetchone()
        assert leaf is not None
        members = json.loads(leaf["leaf"])
        members["message"] = hashlib.sha256(b"another message").hexdigest()
        forged = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
        put = "update audit_leaf set leaf = %s, hash = %s where id = %s"
        connection.execute(put, [forged, hashlib.sha256(b"\x00" + forged).digest(), leaf["id"]])
        try:
            yield
        finally:
            connection.execute(put, [leaf["leaf"], leaf["hash"], leaf["id"]])


@contextmanager
def altered_byte(path: Path) -> Iterator[None]:
    """One byte in the middle is another."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    try:
        yield
    finally:
        path.write_bytes(content)
