"""A SFINCS run: grid, time and variables from its results, with `sfincs.inp` where they are silent.

Runs in the reading process only. SFINCS (Deltares) writes `sfincs_map.nc` on its regular, possibly rotated grid with
the corners of its cells, `sfincs_his.nc` at stations; `sfincs.inp` holds `key = value` lines.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import CRS

from catalog.model import Variable
from connector.harvest import netcdf
from connector.harvest.crs import NO_CRS_HINT, parse_crs, render_crs
from connector.harvest.footprint import Floats, footprint_of_outline, grid_border
from connector.harvest.model import SourceRefused
from connector.harvest.netcdf import Place
from connector.harvest.times import Period, join

INPUT = "sfincs.inp"
MAX_INPUT_BYTES = 1024**2  # of a file that has a few kilobytes


@dataclass(frozen=True, slots=True)
class Grid:
    """The regular grid of `sfincs.inp`: cells in x and y, their size, the corner, degrees anticlockwise about it."""

    mmax: int
    nmax: int
    dx: float
    dy: float
    x0: float
    y0: float
    rotation: float

    def outline(self) -> Floats:
        """The closed outline of all cells, shape (5, 2), in the model's own coordinates."""
        along, up = self.mmax * self.dx, self.nmax * self.dy
        corners = np.array([[0, 0], [along, 0], [along, up], [0, up], [0, 0]], dtype=np.float64)
        cos, sin = math.cos(math.radians(self.rotation)), math.sin(math.radians(self.rotation))
        return corners @ np.array([[cos, sin], [-sin, cos]]) + np.array([self.x0, self.y0])

    def sentence(self) -> str:
        """The grid in words."""
        turned = f", rotated by {self.rotation:g} degrees" if self.rotation else ""
        return f"{self.mmax} x {self.nmax} cells of {self.dx:g} x {self.dy:g}{turned}"


def parse_input(path: Path) -> dict[str, str]:
    """The keys of `sfincs.inp`, lower case; empty where there is no such file or it is not text."""
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_INPUT_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (re.split(r"[#!]", line, maxsplit=1)[0].partition("=") for line in lines)
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals and value.strip()}


def parse_grid(keys: Mapping[str, str]) -> Grid | None:
    """The regular grid; None where a key is missing, is not a number, or makes no area (a quadtree run has none)."""
    try:
        grid = Grid(
            mmax=int(keys["mmax"]),
            nmax=int(keys["nmax"]),
            dx=float(keys["dx"]),
            dy=float(keys["dy"]),
            x0=float(keys["x0"]),
            y0=float(keys["y0"]),
            rotation=float(keys.get("rotation", "0")),
        )
    except (KeyError, ValueError):
        return None
    return grid if grid.mmax > 0 and grid.nmax > 0 and grid.dx > 0 and grid.dy > 0 else None


def parse_period(keys: Mapping[str, str]) -> Period | None:
    """`tstart` to `tstop`, as `YYYYMMDD HHMMSS`; None where either is missing or malformed."""
    try:
        start, end = (datetime.strptime(keys[key], "%Y%m%d %H%M%S").replace(tzinfo=UTC) for key in ("tstart", "tstop"))
    except (KeyError, ValueError):
        return None
    return Period(start, end)


def read_place(results: Mapping[str, Any], keys: Mapping[str, str], *, crs: str | None) -> Place:
    """Footprint and reference system: the corners the map file holds, else the grid of `sfincs.inp`, else coordinates.

    `results` are the readable datasets by file name. Raises SourceRefused without a reference system or a grid.
    """
    system = _find_crs(results, keys, crs)
    grid = parse_grid(keys)
    corners = _corners(results.get("sfincs_map.nc"))
    if corners is not None:
        return Place(footprint_of_outline(corners, system), system)
    if grid is not None:
        return Place(footprint_of_outline(grid.outline(), system), system)
    return netcdf.read_place(next(iter(results.values())), crs=render_crs(system))


def _find_crs(results: Mapping[str, Any], keys: Mapping[str, str], crs: str | None) -> CRS:
    for dataset in results.values():
        if (system := netcdf.file_crs(dataset)) is not None:
            return system
    code = keys.get("epsg", "0")
    chosen = f"EPSG:{code}" if code.isdigit() and int(code) > 0 else crs
    if chosen is None:
        raise SourceRefused(
            "neither its results nor sfincs.inp name a coordinate reference system (CRS)", hint=NO_CRS_HINT
        )
    try:
        return parse_crs(chosen)
    except ValueError as error:
        raise SourceRefused(f"its reference system {chosen} is not known", path=INPUT) from error


def _corners(dataset: Any) -> Floats | None:
    if dataset is None or not {"corner_x", "corner_y"} <= set(dataset.variables):
        return None
    x, y = (
        np.ma.asarray(dataset.variables[name][...], dtype=np.float64).filled(np.nan)
        for name in ("corner_x", "corner_y")
    )
    border = grid_border(x, y) if x.ndim == 2 and min(x.shape) > 1 else np.array([[np.nan, np.nan]])
    # a border with holes (cells that are switched off) says less than sfincs.inp
    return border if np.isfinite(border).all() else None


def read_period(results: Mapping[str, Any], keys: Mapping[str, str]) -> Period | None:
    """The range of the output times, else the simulated period."""
    return join(filter(None, (netcdf.read_period(each) for each in results.values()))) or parse_period(keys)


def read_variables(results: Mapping[str, Any]) -> tuple[Variable, ...]:
    """The variables of the results, without the timings of the program itself (dimension `runtime`)."""
    found: dict[str, Variable] = {}
    for dataset in results.values():
        for variable in netcdf.read_variables(dataset):
            if variable.dimensions != ("runtime",):
                found.setdefault(variable.name, variable)
    return tuple(found.values())
