"""The conformance suite as a program: its modules from Maven Central, its properties, its run, its log."""

import asyncio
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.transfer.model import HTTP_PULL
from tests.conformance.cases import CASES, subject, test_name
from tests.conformance.connector import AUTHORIZATION, NEGOTIATION_TRIGGER, TRANSFER_TRIGGER

SUITE = Path(__file__).parent / "suite"
LIBS = Path(__file__).parent / "libs"
EXPECTED_FAILURES = Path(__file__).parent / "expected_failures.toml"
RESOLVE_SECONDS = 600
RUN_SECONDS = 600
# How long the suite waits for a message that does not come: the price of each failure, not of a success.
WAIT_SECONDS = 5

_RESULT = re.compile(r"\] (SUCCESSFUL|FAILED|ABORTED): ([A-Z_]+:\d\d-\d\d)$")
_TOTALS = re.compile(r"^FOUND \d+ SUCCEEDED \d+ FAILED (\d+)$")


class SuiteMissing(Exception):  # noqa: N818
    """The suite cannot be run here; the message says what is missing."""


@dataclass(frozen=True)
class Verdict:
    """What a run said: the ids in the log, and the suite's own count of failures (None: it did not come to its end)."""

    passed: frozenset[str]
    failed: frozenset[str]
    failures: int | None

    @property
    def silent(self) -> list[str]:
        """Cases that left no line: a broken set-up does that."""
        return [case for case in CASES if case not in self.passed | self.failed]

    def unexpected(self, expected: frozenset[str]) -> list[str]:
        """What is wrong, one sentence each; none if all cases passed but those expected to fail."""
        wrong = [f"{case} failed" for case in sorted(self.failed - expected)]
        wrong += [f"{case} did not run" for case in self.silent]
        wrong += [
            f"{case} passed, but is listed in {EXPECTED_FAILURES.name}" for case in sorted(expected & self.passed)
        ]
        wrong += [f"{case} is no case we know" for case in sorted((self.passed | self.failed) - set(CASES))]
        if self.failures is None:
            wrong.append("the suite did not come to its end")
        elif self.failures != len(expected):
            wrong.append(f"the suite itself counted {self.failures} failures, expected {len(expected)}")
        return wrong

    def last_line(self) -> str:
        """`DSP 65 passed, 0 failed`; whatever did not pass counts as failed."""
        passed = len(self.passed & set(CASES))
        return f"DSP {passed} passed, {max(len(CASES) - passed, self.failures or 0)} failed"


def expected_failures() -> frozenset[str]:
    """The cases that may fail, with the reason in the file. There are none."""
    with EXPECTED_FAILURES.open("rb") as file:
        return frozenset(tomllib.load(file).get("cases", {}))


def require_suite() -> str:
    """The class path of the suite, resolved if need be. Raises SuiteMissing."""
    for program, what in (("java", "Java 17"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            raise SuiteMissing(f"{what} is not installed: there is no `{program}` on the path")
    stamp, pom = LIBS / ".resolved", SUITE / "pom.xml"
    if not stamp.exists() or stamp.read_bytes() != pom.read_bytes():
        _resolve(pom)
        stamp.write_bytes(pom.read_bytes())
    return str(LIBS / "*")


def _resolve(pom: Path) -> None:
    shutil.rmtree(LIBS, ignore_errors=True)
    command = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={LIBS}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RESOLVE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SuiteMissing(f"Maven did not resolve the suite within {RESOLVE_SECONDS} s") from None
    if done.returncode != 0:
        first = next((line for line in done.stdout.splitlines() if line.startswith("[ERROR]")), done.stderr[-500:])
        raise SuiteMissing(f"Maven could not resolve the suite: {first}")


def properties(*, did: str, public_url: str, protocol_url: str, suite_port: int) -> dict[str, str]:
    """The configuration of a run, from the list of cases."""
    connector = "dataspacetck.dsp.connector"
    return {
        "dataspacetck.debug": "true",
        "dataspacetck.ansi": "false",
        "dataspacetck.dsp.local.connector": "false",
        "dataspacetck.dsp.default.wait": str(WAIT_SECONDS),
        "dataspacetck.host": "127.0.0.1",
        "dataspacetck.port": str(suite_port),
        "dataspacetck.callback.address": f"http://localhost:{suite_port}",
        f"{connector}.agent.id": did,
        f"{connector}.http.url": protocol_url,
        f"{connector}.http.base.url": public_url,
        f"{connector}.http.headers.authorization": AUTHORIZATION,
        f"{connector}.negotiation.initiate.url": public_url + NEGOTIATION_TRIGGER,
        f"{connector}.transfer.initiate.url": public_url + TRANSFER_TRIGGER,
    } | {key: value for case in CASES for key, value in _of_case(case).items()}


def _of_case(case: str) -> dict[str, str]:
    name, about = test_name(case), subject(case)
    group = case.partition(":")[0]
    if group in {"TP", "TP_C"}:
        return {f"{name}_AGREEMENTID": about, f"{name}_FORMAT": HTTP_PULL}
    # Our offers are called after dataset and version. (The counter-offer of CN:01-02 is fixed in the suite, whatever
    # is said here; the script answers it.)
    offer = {f"{name}_OFFERID": f"{about}:1"} if group == "CN" else {}
    return {f"{name}_DATASETID": about} | offer


def write_properties(path: Path, entries: Mapping[str, str]) -> None:
    """A Java properties file: in keys and values `:` and `=` are escaped."""
    lines = [f"{_escaped(key)}={_escaped(value)}" for key, value in entries.items()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _escaped(text: str) -> str:
    return re.sub(r"([\\:= ])", r"\\\1", text)


async def run_suite(class_path: str, configuration: Path, log: Path) -> Verdict:
    """Run the suite, its output in `log`."""
    command = ["java", "-cp", class_path, str(SUITE / "RunSuite.java"), str(configuration)]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=asyncio.subprocess.STDOUT)
        try:
            async with asyncio.timeout(RUN_SECONDS):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    text = await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace")
    return read_verdict(text.splitlines())


def read_verdict(lines: Sequence[str]) -> Verdict:
    """What the log of a run says."""
    results = [found.groups() for line in lines if (found := _RESULT.search(line))]
    totals = [int(found[1]) for line in lines if (found := _TOTALS.match(line))]
    failed = frozenset(case for word, case in results if word != "SUCCESSFUL")
    passed = frozenset(case for word, case in results if word == "SUCCESSFUL") - failed
    return Verdict(passed, failed, totals[-1] if totals else None)
