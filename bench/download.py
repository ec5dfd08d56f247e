"""One large file from our data plane and from nginx, fetched with curl in turn; then by our own consumer.

The turns (ours, nginx as it is by default, with reads of 1 MiB, with sendfile, ours, …) spread whatever else the
machine does over all of them. The file is in the page cache for everybody, and curl throws away what it gets: what is
compared is the serving.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from bench.client import MeasurementFailed, api_of
from bench.figures import median
from bench.grant import grant
from bench.nginx import serving
from bench.publish import publish, single_file, write_random
from bench.sizes import Sizes
from bench.tell import tell
from connector.demo.space import DataSpace

CURL_SECONDS = 300


def measure(space: DataSpace, sizes: Sizes) -> dict[str, Any]:
    """Medians of seconds, `ratio` being ours to nginx's as it is by default."""
    root = space.folder / "bench-files"
    root.mkdir()
    path = root / "field.bin"
    tell(f"writing a file of {sizes.download_bytes:,} bytes")
    write_random(path, sizes.download_bytes)
    offering = asyncio.run(publish(space["provider"], [single_file(path)]))[0]
    ours = grant(space, offering)
    with serving(root, space.folder / "nginx") as nginx:
        clients: Mapping[str, Callable[[], float]] = {
            "tidegate": lambda: curl(ours.url, sizes.download_bytes, headers=ours.headers),
            "nginx": lambda: curl(f"{nginx.plain}/{path.name}", sizes.download_bytes),
            "nginx_large_reads": lambda: curl(f"{nginx.large_reads}/{path.name}", sizes.download_bytes),
            "nginx_sendfile": lambda: curl(f"{nginx.sendfile}/{path.name}", sizes.download_bytes),
        }
        seconds = _in_turn(clients, sizes.download_runs)
    tell("our own consumer, with the digest and a safe rename")
    received = asyncio.run(_receive(space, offering.id))
    medians = {f"{name}_seconds": median(taken) for name, taken in seconds.items()}
    return {
        "bytes": sizes.download_bytes,
        "runs": sizes.download_runs,
        **medians,
        "ratio": _ratio(medians, "nginx"),
        "ratio_to_large_reads": _ratio(medians, "nginx_large_reads"),
        "ratio_to_sendfile": _ratio(medians, "nginx_sendfile"),
        "consumer": {
            "seconds": received["seconds"],
            "bytes_per_second": round(received["bytes"] / max(received["seconds"], 0.001)),
        },
    }


def _ratio(medians: Mapping[str, float], other: str) -> float:
    """How many times the other server's seconds ours are."""
    return round(medians["tidegate_seconds"] / max(medians[f"{other}_seconds"], 0.001), 2)


def _in_turn(clients: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    for fetch in clients.values():
        fetch()  # the first one of each is not counted
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    for run in range(runs):
        tell(f"download {run + 1} of {runs}")
        for name, fetch in clients.items():
            seconds[name].append(fetch())
    return seconds


def curl(url: str, size: int, *, headers: Mapping[str, str] | None = None) -> float:
    """Seconds that curl says the whole transfer took; the token goes by standard input, not the process table."""
    program = shutil.which("curl")
    if program is None:
        raise MeasurementFailed("curl is not installed", hint="apt-get install curl")
    fields = "".join(f'header = "{name}: {value}"\n' for name, value in (headers or {}).items())
    form = "%{http_code} %{size_download} %{time_total}"
    command = [program, "--config", "-", "--silent", "--output", "/dev/null", "--write-out", form, url]
    done = subprocess.run(
        command, input=fields, capture_output=True, text=True, timeout=CURL_SECONDS, check=False, env={}
    )
    status, received, seconds = (done.stdout or "0 0 0").split()
    if (status, received) != ("200", str(size)):
        raise MeasurementFailed(f"curl ended with {done.returncode}: status {status}, {received} of {size} bytes")
    return float(seconds)


async def _receive(space: DataSpace, dataset: str) -> dict[str, Any]:
    """Contract, transfer, verified file: what the consumer says about it."""
    async with api_of(space["consumer"]) as api:
        agreement, _ = await api.negotiate(space["provider"].did, dataset)
        return await api.transfer(agreement["agreement"])
