"""The benchmark runs, prints what it says it prints, and leaves nothing behind. No figure is judged here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import skip_or_fail

NUMBER = (int, float)
PARTICIPANTS = {"authority": int, "provider": int, "consumer": int, "postgres": int, "all": int}
NEGOTIATIONS = {
    "count": int,
    "per_second": NUMBER,
    "p50_ms": NUMBER,
    "p95_ms": NUMBER,
    "client_p50_ms": NUMBER,
    "client_p95_ms": NUMBER,
    "processor_ms_each": dict.fromkeys(("authority", "provider", "consumer", "postgres", "client"), NUMBER),
}
PAGE = {
    "offerings": int,
    "requests": int,
    "datasets_in_page": int,
    "page_bytes": int,
    "first_page_p50_ms": NUMBER,
    "first_page_p95_ms": NUMBER,
}
SHAPE = {
    "quick": bool,
    "machine": {
        "cpu": str,
        "cores": int,
        "memory_bytes": int,
        "system": str,
        "python": str,
        "postgres": str,
        "durable": dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), str),
    },
    "negotiations": {"one_at_a_time": NEGOTIATIONS, "sixteen_under_way": NEGOTIATIONS},
    "catalogue": PAGE | {"curve": [PAGE]},
    "download": {
        "bytes": int,
        "runs": int,
        "tidegate_seconds": NUMBER,
        "nginx_seconds": NUMBER,
        "nginx_large_reads_seconds": NUMBER,
        "nginx_sendfile_seconds": NUMBER,
        "ratio": NUMBER,
        "ratio_to_large_reads": NUMBER,
        "ratio_to_sendfile": NUMBER,
        "consumer": {"seconds": NUMBER, "bytes_per_second": NUMBER},
    },
    "memory": {
        "at_rest_bytes": PARTICIPANTS,
        "after_work_bytes": PARTICIPANTS,
        "provider_peak_by_file": [{"file_bytes": int, "deliveries": int, "before_bytes": int, "peak_bytes": int}],
    },
    "start": {"runs": int, "ready_seconds": NUMBER, "slowest_seconds": NUMBER},
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench", "--quick", *arguments]


def environment(folder: Path) -> dict[str, str]:
    """The folder is for everything temporary: what is left in it, and who still has it, tells what was left behind."""
    return {**os.environ, "TMPDIR": str(folder)}


def left_behind(folder: Path) -> list[str]:
    processes = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                processes.append(f"process {process.pid} {process.name()}")
        except psutil.Error:
            continue
    return processes + [str(path) for path in folder.iterdir()]


def has_shape(value: object, shape: object, where: str = "") -> None:
    """Every member of the shape is there with its type, numbers are not negative, lists are not empty."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert set(value) == set(shape), where
        for name, inner in shape.items():
            has_shape(value[name], inner, f"{where}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        assert value, where
        for index, each in enumerate(value):
            has_shape(each, shape[0], f"{where}[{index}]")
    else:
        assert isinstance(value, shape), where
        assert not isinstance(value, NUMBER) or value >= 0, where


@pytest.mark.timeout(400)
def test_the_benchmark_prints_one_object_of_its_shape_and_leaves_nothing_behind(tmp_path: Path):
    if shutil.which("curl") is None:
        skip_or_fail("curl is not installed")
    done = subprocess.run(
        command(), env=environment(tmp_path), capture_output=True, text=True, timeout=380, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    has_shape(result, SHAPE)
    assert result["machine"]["durable"] == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    assert left_behind(tmp_path) == []


@pytest.mark.timeout(120)
def test_a_benchmark_that_is_stopped_leaves_nothing_behind(tmp_path: Path):
    running = subprocess.Popen(
        command("--only", "start"), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "start 1" in line:
            running.terminate()
            break
    printed, _ = running.communicate(timeout=60)
    assert (running.returncode, printed) == (130, "")
    assert left_behind(tmp_path) == []


def test_an_unknown_measurement_is_refused_with_those_there_are():
    done = subprocess.run(command("--only", "speed"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "negotiations" in done.stderr
    assert done.stdout == ""
