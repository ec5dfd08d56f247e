"""Writes a small run in SFINCS' output layout, for users who have none. `python -m connector.harvest.synthetic FOLDER`.

Nothing in it was computed by SFINCS, and each file says so: a smooth surge over a sloping shore, on a rotated grid on
the Dutch coast. The same bytes every time, so that its digest can be compared between machines.
"""

import sys
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from connector.harvest.footprint import Floats
from connector.harvest.sfincs import Grid

NOTE = "SYNTHETIC: written by Tidegate in SFINCS' output layout for demonstration; not the result of a model run."
EPSG = 32631
GRID = Grid(mmax=60, nmax=40, dx=100.0, dy=100.0, x0=585_000.0, y0=5_770_000.0, rotation=35.0)
HOURS = 25
UNITS = "seconds since 2026-01-10 00:00:00"
STATIONS = {"harbour": (10, 8), "beach": (20, 30), "polder": (34, 52)}  # row n, column m
MISSING = -99999.0

INPUT = f"""mmax                 = {GRID.mmax}
nmax                 = {GRID.nmax}
dx                   = {GRID.dx}
dy                   = {GRID.dy}
x0                   = {GRID.x0}
y0                   = {GRID.y0}
rotation             = {GRID.rotation}
epsg                 = {EPSG}
tref                 = 20260110 000000
tstart               = 20260110 000000
tstop                = 20260111 000000
dtout                = 3600.0
dthisout             = 3600.0
outputformat         = net
"""


def write_run(folder: Path) -> None:
    """`sfincs.inp`, `sfincs_map.nc` and `sfincs_his.nc` in `folder`, which is made if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sfincs.inp").write_text(INPUT, encoding="utf-8")
    bed, level = _bed(), _levels(_bed())
    _write_map(folder / "sfincs_map.nc", bed, level)
    _write_stations(folder / "sfincs_his.nc", bed, level)


def _bed() -> Floats:
    """Bed level in metres, shape (n, m): from 6 m below to 4 m above the reference, with a shallow channel."""
    n, m = np.mgrid[0 : GRID.nmax, 0 : GRID.mmax]
    channel = 1.5 * np.exp(-(((m - 30) / 6.0) ** 2))
    return np.asarray(-6.0 + 10.0 * n / (GRID.nmax - 1) - channel, dtype=np.float64)


def _levels(bed: Floats) -> Floats:
    """Water level in metres, shape (time, n, m), NaN where it is dry: a tide and a surge that fades inland."""
    hours = np.arange(HOURS, dtype=np.float64)
    sea = 0.8 * np.sin(2 * np.pi * hours / 12.42) + 2.5 * np.exp(-(((hours - 14) / 4.0) ** 2))
    inland = np.linspace(1.0, 0.85, GRID.nmax)
    level = np.broadcast_to(sea[:, None, None] * inland[None, :, None], (HOURS, GRID.nmax, GRID.mmax))
    return np.where(level > bed, level, np.nan)


def _places(n: Floats, m: Floats) -> tuple[Floats, Floats]:
    """X and y in metres of positions in cells from the grid's corner."""
    turn = np.radians(GRID.rotation)
    along, up = m * GRID.dx, n * GRID.dy
    return GRID.x0 + np.cos(turn) * along - np.sin(turn) * up, GRID.y0 + np.sin(turn) * along + np.cos(turn) * up


def _new(path: Path, title: str) -> Any:
    dataset: Any = netCDF4.Dataset(str(path), mode="w", format="NETCDF3_CLASSIC")
    dataset.setncatts({"Conventions": "CF-1.6, SGRID-0.3", "title": title, "comment": NOTE})
    crs = dataset.createVariable("crs", "i4")
    crs.setncatts({"EPSG": "-", "epsg_code": f"EPSG:{EPSG}"})
    crs[...] = EPSG
    dataset.createDimension("time", None)
    _add(dataset, "time", ("time",), 3600.0 * np.arange(HOURS, dtype=np.float64), standard_name="time", units=UNITS)
    return dataset


def _add(dataset: Any, name: str, dimensions: tuple[str, ...], values: Floats, **attributes: str) -> None:
    variable = dataset.createVariable(name, "f4", dimensions, fill_value=MISSING)
    variable.setncatts(attributes)
    variable[:] = np.where(np.isnan(values), MISSING, values)


def _write_map(path: Path, bed: Floats, level: Floats) -> None:
    with _new(path, "SFINCS map netcdf output") as dataset:
        for name, size in (
            ("n", GRID.nmax),
            ("m", GRID.mmax),
            ("corner_n", GRID.nmax + 1),
            ("corner_m", GRID.mmax + 1),
        ):
            dataset.createDimension(name, size)
        dataset.createDimension("timemax", 1)
        _add_grid(dataset, "", ("n", "m"), offset=0.5)
        _add_grid(dataset, "corner_", ("corner_n", "corner_m"), offset=0.0)
        shared = {"units": "m", "coordinates": "x y"}
        water = "sea_surface_height_above_mean_sea_level"
        _add(
            dataset,
            "zb",
            ("n", "m"),
            bed,
            **shared,
            standard_name="altitude",
            long_name="bed_level_above_reference_level",
        )
        _add(dataset, "zs", ("time", "n", "m"), level, **shared, standard_name=water, long_name="water_level")
        last = np.array([3600.0 * (HOURS - 1)])
        _add(dataset, "timemax", ("timemax",), last, standard_name="time", units=UNITS)
        highest = np.nanmax(np.where(np.isnan(level), MISSING, level), axis=0, keepdims=True)
        _add(dataset, "zsmax", ("timemax", "n", "m"), highest, **shared, long_name="maximum_water_level")


def _add_grid(dataset: Any, prefix: str, dimensions: tuple[str, str], *, offset: float) -> None:
    n, m = np.mgrid[0 : dataset.dimensions[dimensions[0]].size, 0 : dataset.dimensions[dimensions[1]].size]
    for axis, values in zip("xy", _places(n + offset, m + offset), strict=True):
        name = f"projection_{axis}_coordinate"
        _add(dataset, f"{prefix}{axis}", dimensions, values, standard_name=name, units="m", grid_mapping="crs")


def _write_stations(path: Path, bed: Floats, level: Floats) -> None:
    rows, columns = np.array(list(STATIONS.values())).T
    with _new(path, "SFINCS his point netcdf output") as dataset:
        dataset.createDimension("stations", len(STATIONS))
        dataset.createDimension("pointnamelength", 32)
        names = dataset.createVariable("station_name", "S1", ("stations", "pointnamelength"))
        names[:] = netCDF4.stringtochar(np.array([name.ljust(32) for name in STATIONS], dtype="S32"))
        for axis, values in zip("xy", _places(rows + 0.5, columns + 0.5), strict=True):
            name = f"projection_{axis}_coordinate"
            _add(dataset, f"point_{axis}", ("stations",), values, standard_name=name, units="m", grid_mapping="crs")
        shared = {"units": "m", "coordinates": "station_name point_x point_y"}
        _add(dataset, "point_zb", ("stations",), bed[rows, columns], **shared, standard_name="altitude")
        _add(dataset, "point_zs", ("time", "stations"), level[:, rows, columns], **shared, long_name="water_level")


if __name__ == "__main__":
    write_run(Path(sys.argv[1]))
