"""The reading process: describes one source, or says why it cannot. `python -m connector.harvest.read PATH [...]`.

It runs once per source and apart from the participant, because the libraries it needs are large C programs that parse
files from outside: what crashes or hangs them fails one source. It answers in JSON lines on standard output:

    {"reading": FILE}                       before each file, so that a crash can be laid at the right door
    {"problem": {"path", "reason", "hint"}} for a file that is left out, or for the whole source
    {"description": {...}, "files": [...]}  last, if there is something to publish
"""

import argparse
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from pyproj import CRS

from catalog.model import Description, Variable, format_time
from connector.harvest import cf, geotiff, netcdf, sfincs
from connector.harvest.crs import parse_crs, render_crs
from connector.harvest.footprint import Footprint
from connector.harvest.model import SourceKind, SourceRefused
from connector.harvest.scan import GEOTIFF_SUFFIXES, NETCDF_SUFFIXES, RUN_OUTPUTS
from connector.harvest.times import Period

MAX_OUTPUT_BYTES = 16 * 1024**2  # of one description; the kernel keeps it
MAX_MEMORY_BYTES = 4 * 1024**3  # address space: a coordinate that unpacks to more fails here, not the machine
NAMED_VARIABLES = 3  # in a title a person reads


@dataclass(frozen=True, slots=True)
class _Facts:
    footprint: Footprint
    crs: CRS
    period: Period | None
    variables: tuple[Variable, ...]


class _Answer:
    """The protocol's own standard output; whatever libraries print goes to standard error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, **members: Any) -> None:
        self._stream.write(json.dumps(members, allow_nan=False) + "\n")
        self._stream.flush()

    def problem(self, path: str, reason: str, hint: str | None = None) -> None:
        self.say(problem={"path": path, "reason": reason, "hint": hint})


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 with an answer on standard output, whatever the file holds; 2 for wrong arguments."""
    options = _options(arguments)
    answer = _Answer(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    _limit(options.time_limit)
    if options.check_crs:
        _check_crs(answer, options.crs)
        return 0
    files = [line for line in sys.stdin.buffer.read().decode().split("\0") if line]
    try:
        _describe(answer, options.path, options.kind, files, options.crs)
    except SourceRefused as refused:
        answer.problem(refused.path or "", refused.reason, refused.hint)
    except MemoryError:
        answer.problem("", "its coordinates need more memory than a reader may use")
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a broken file fails this source only
        answer.problem(
            "", f"it could not be read ({type(error).__name__})", "check that it was written and copied whole"
        )
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m connector.harvest.read", description="Describe one source as JSON."
    )
    parser.add_argument("path", type=Path, help="the file, or the folder of a run")
    parser.add_argument("--kind", choices=["sfincs", "netcdf", "geotiff"], default="netcdf")
    parser.add_argument("--crs", help="reference system of files that have none")
    parser.add_argument("--time-limit", type=int, default=60, help="seconds, then the process ends itself")
    parser.add_argument("--check-crs", action="store_true", help="only say whether --crs is known")
    return parser.parse_args(arguments)


def _limit(seconds: int) -> None:
    """Bounds that hold even when nobody watches any more: an orphan of a killed participant ends by itself."""
    signal.alarm(seconds)
    for limit, value in (
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
    ):
        with suppress(ValueError, OSError):  # not every system has each of them
            resource.setrlimit(limit, (value, value))


def _check_crs(answer: _Answer, crs: str) -> None:
    try:
        answer.say(crs=render_crs(parse_crs(crs)))
    except ValueError as error:
        answer.problem("", str(error), "use an authority code such as EPSG:4326")


def _describe(answer: _Answer, path: Path, kind: SourceKind, files: Sequence[str], crs: str | None) -> None:
    if kind == "sfincs":
        _describe_run(answer, path, files, crs)
        return
    answer.say(reading="")
    description = _describe_netcdf(path, crs) if kind == "netcdf" else _describe_geotiff(path, crs)
    answer.say(description=description.to_json(), files=[path.name])


def _describe_netcdf(path: Path, crs: str | None) -> Description:
    with netcdf.opened(path) as dataset:
        netcdf.check_whole(dataset)
        place = netcdf.read_place(dataset, crs=crs)
        facts = _Facts(place.footprint, place.crs, netcdf.read_period(dataset), netcdf.read_variables(dataset))
        title = cf.text(dataset, "title")
        properties = _cube([dataset], facts) | _source_properties(dataset)
    return _file_description(path, facts, title=title, properties=properties, form="NetCDF")


def _source_properties(dataset: Any) -> dict[str, Any]:
    """CF global attributes (2.6.2) that say where data comes from, shortened."""
    return {f"tidegate:{name}": value[:1000] for name in ("institution", "source") if (value := cf.text(dataset, name))}


def _describe_geotiff(path: Path, crs: str | None) -> Description:
    with geotiff.opened(path) as dataset:
        geotiff.check_whole(dataset)
        footprint, system = geotiff.read_place(dataset, crs=crs)
        facts = _Facts(footprint, system, geotiff.read_period(dataset), geotiff.read_variables(dataset))
        properties = {
            "proj:shape": [dataset.height, dataset.width],
            "proj:transform": list(dataset.transform)[:6],
            **geotiff.read_mars_keys(dataset),
        }
    return _file_description(path, facts, title=None, properties=properties, form="GeoTIFF")


def _file_description(
    path: Path, facts: _Facts, *, title: str | None, properties: dict[str, Any], form: str
) -> Description:
    named = _named(facts.variables)
    return Description(
        title=f"{title or named} ({path.stem})",
        description=f"{form} file with {named}.",
        kind="file",
        keywords=_keywords(facts.variables, form),
        **_shared(facts, properties, written=path.stat().st_mtime),
    )


def _describe_run(answer: _Answer, folder: Path, files: Sequence[str], crs: str | None) -> None:
    keys = sfincs.parse_input(folder / sfincs.INPUT) if sfincs.INPUT in files else {}
    with ExitStack() as stack:
        results: dict[str, Any] = {}
        whole = [each for each in files if _is_whole(answer, folder, each)]
        for name in sorted(RUN_OUTPUTS & set(whole), reverse=True):  # the map before the stations
            answer.say(reading=name)
            results[name] = stack.enter_context(netcdf.opened(folder / name))
        if not results:
            raise SourceRefused("none of its results (sfincs_map.nc, sfincs_his.nc) can be read")
        description = _run_description(folder, results, keys, crs)
    answer.say(description=description.to_json(), files=whole)


def _is_whole(answer: _Answer, folder: Path, name: str) -> bool:
    """Whether a file of the run can be published; one that cannot is named and left out, the rest stays."""
    suffix = PurePosixPath(name).suffix.lower()
    reader = netcdf if suffix in NETCDF_SUFFIXES else geotiff if suffix in GEOTIFF_SUFFIXES else None
    if reader is None:
        return True
    answer.say(reading=name)
    try:
        with reader.opened(folder / name) as dataset:
            reader.check_whole(dataset)
    except SourceRefused as refused:
        answer.problem(name, refused.reason, refused.hint)
        return False
    return True


def _run_description(folder: Path, results: dict[str, Any], keys: dict[str, str], crs: str | None) -> Description:
    place = sfincs.read_place(results, keys, crs=crs)
    period, variables = sfincs.read_period(results, keys), sfincs.read_variables(results)
    facts = _Facts(place.footprint, place.crs, period, variables)
    grid = sfincs.parse_grid(keys)
    where = f" on a grid of {grid.sentence()}" if grid else ""
    main = next(iter(results.values()))
    revision = cf.text(main, "Build-Revision")
    properties = _cube(list(results.values()), facts)
    properties |= {"processing:software": {"SFINCS": revision}} if revision else {}
    note = _note(results)
    origin = (
        "Synthetic flood results in SFINCS layout" if note.startswith(" SYNTHETIC") else "SFINCS flood model results"
    )
    return Description(
        title=f"{origin} ({folder.name})",
        description=f"{origin}{where}, in {place.crs.name}: {_named(variables)}.{note}",
        kind="folder",
        keywords=_keywords(variables, "SFINCS", "flood"),
        **_shared(facts, properties, written=(folder / next(iter(results))).stat().st_mtime),
    )


def _note(results: dict[str, Any]) -> str:
    """What the results themselves say in the attribute `comment`, e.g. that they are synthetic."""
    notes = {note for dataset in results.values() if (note := cf.text(dataset, "comment"))}
    return "".join(f" {note[:500]}" for note in sorted(notes))


def _shared(facts: _Facts, properties: dict[str, Any], *, written: float) -> dict[str, Any]:
    period = facts.period
    return {
        "geometry": facts.footprint.geometry,
        "bbox": facts.footprint.bbox,
        "start": period.start if period else None,
        "end": period.end if period else None,
        "calendar": period.calendar if period else None,
        "variables": facts.variables,
        "crs": render_crs(facts.crs),
        "properties": properties | _time_properties(period, written),
    }


def _time_properties(period: Period | None, written: float) -> dict[str, Any]:
    """A STAC item must have a time: data without one gets the time its file was written, and says so."""
    if period is None:
        updated = datetime.fromtimestamp(int(written), UTC)
        return {
            "updated": format_time(updated),
            "tidegate:time": "none in the data; the item's time is when its file was written",
        }
    if period.exact:
        return {"tidegate:start": period.exact[0], "tidegate:end": period.exact[1]}
    return {}


def _cube(datasets: Sequence[Any], facts: _Facts) -> dict[str, Any]:
    """`cube:dimensions` (datacube 2.3) of the dimensions that variables have, each from the first file that has it."""
    used = dict.fromkeys(name for variable in facts.variables for name in variable.dimensions)
    holders = {name: next((each for each in datasets if name in each.dimensions), None) for name in used}
    dimensions = {name: _dimension(each, name, facts.period) for name, each in holders.items() if each is not None}
    return {"cube:dimensions": dimensions} if len(dimensions) == len(used) > 0 else {}


def _dimension(dataset: Any, name: str, period: Period | None) -> dict[str, Any]:
    variable = dataset.variables.get(name)
    if variable is not None and cf.is_time(variable) and period:
        return {"type": "temporal", "extent": [format_time(period.start), format_time(period.end)]}
    return {"type": "count", "extent": [0, max(dataset.dimensions[name].size - 1, 0)]}


def _named(variables: Sequence[Variable]) -> str:
    """The first variables as a person says them."""
    said = (each.long_name or each.standard_name or each.name for each in variables)
    names = list(dict.fromkeys(name.replace("_", " ") for name in said))
    if not names:
        return "no variables"
    more = f" and {len(names) - NAMED_VARIABLES} more" if len(names) > NAMED_VARIABLES else ""
    return ", ".join(names[:NAMED_VARIABLES]) + more


def _keywords(variables: Sequence[Variable], *first: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *(each.standard_name or each.name for each in variables)]))[:32]


if __name__ == "__main__":
    sys.exit(main())
