"""The ODRL-Test-Suite: its cases, and what each expects."""

import os
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "odrl-test-suite"
REPORT = "https://w3id.org/force/compliance-report#"
PARTS = {
    "policySource": "policies",
    "requestSource": "requests",
    "sotwSource": "sotw",
    "expectedReportSource": "test_cases",
}


@dataclass(frozen=True)
class Case:
    """Files of one case, and for each rule whether it is expected to be active, and its constraints to be satisfied."""

    name: str
    policy: Path
    request: Path
    state: Path
    active: dict[str, bool]
    satisfied: dict[str, bool]


def triples(path):
    return list(ox.parse(path.read_bytes(), format=ox.RdfFormat.TURTLE))


def cases():
    """Every case of index.ttl, in its order; none, with a skip or in CI a failure, where the data are absent."""
    index = DATA / "index.ttl"
    if not index.exists():
        assert os.environ.get("CI") != "true", f"{index} is not there"
        return []
    found = {}
    for quad in triples(index):
        part = quad.predicate.value.rpartition("/")[2]
        if part in PARTS:
            name = quad.object.value.rpartition("/")[2]
            found.setdefault(quad.subject.value, {})[part] = DATA / PARTS[part] / name
    return [case_of(files) for files in found.values()]


def case_of(files):
    report = triples(files["expectedReportSource"])
    return Case(
        files["expectedReportSource"].stem,
        files["policySource"],
        files["requestSource"],
        files["sotwSource"],
        states(report, "rule", "activationState", "Active"),
        states(report, "constraint", "satisfactionState", "Satisfied"),
    )


def states(report, about, state, positive):
    """What the report's entries are about, with whether their state is the positive one."""
    value = {(quad.subject, quad.predicate.value): quad.object for quad in report}
    return {
        value[node, REPORT + about].value: value[node, REPORT + state].value == REPORT + positive
        for node, predicate in list(value)
        if predicate == REPORT + about and (node, REPORT + state) in value
    }


def parametrised(function):
    """One test for each case."""
    found = cases()
    if not found:
        return pytest.mark.skip(reason=f"{DATA} is not there: the shared data are not on this machine")(function)
    return pytest.mark.parametrize("case", found, ids=[case.name for case in found])(function)
