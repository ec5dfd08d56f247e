"""What a NetCDF file says about itself: place, time, variables (CF 1.11). Runs in the reading process only.

Everything comes from attributes and coordinates, never from the file's name.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from pyproj import CRS

from catalog.model import Variable
from connector.harvest import cf
from connector.harvest.classic import missing_bytes
from connector.harvest.crs import NO_CRS_HINT, WGS84, code_of, is_plain_degrees, parse_cf_crs, parse_crs
from connector.harvest.footprint import (
    Floats,
    Footprint,
    axis_range,
    cell_corners,
    footprint_of_outline,
    footprint_of_points,
    grid_border,
    rectangle,
    surrounds_the_globe,
)
from connector.harvest.model import SourceRefused
from connector.harvest.times import Period, cf_period, join

NOT_WHOLE_HINT = "check that the file was written and copied whole"
MAX_VARIABLES = 2000


@dataclass(frozen=True, slots=True)
class Pair:
    """A y and an x variable that together say where the data is."""

    y: Any
    x: Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where the data is, in which reference system."""

    footprint: Footprint
    crs: CRS


@contextmanager
def opened(path: Path) -> Generator[Any]:
    """The file as a netCDF4 dataset. Raises SourceRefused where it is not one, or is damaged."""
    try:
        lacking = missing_bytes(path)
        dataset: Any = netCDF4.Dataset(str(path), mode="r")
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceRefused("it is not a readable NetCDF file", hint=NOT_WHOLE_HINT) from error
    with dataset:
        if lacking:
            raise SourceRefused(f"its last {lacking} bytes are missing", hint=NOT_WHOLE_HINT)
        yield dataset


def check_whole(dataset: Any) -> None:
    """Reads the last value of every variable: a file that was cut short is found here. Raises SourceRefused."""
    for variable in cf.variables(dataset):
        if 0 in variable.shape:
            continue
        try:
            variable[tuple(-1 for _ in variable.shape)]
        except (OSError, RuntimeError, IndexError) as error:
            raise SourceRefused(f"its variable {variable.name} cannot be read", hint=NOT_WHOLE_HINT) from error


def read_place(dataset: Any, *, crs: str | None) -> Place:
    """Footprint and reference system. `crs` counts only where the file has none.

    Raises SourceRefused where there are no horizontal coordinates, or projected ones without a reference system.
    """
    grid, degrees = (
        _find_pair(dataset, cf.is_grid_y, cf.is_grid_x),
        _find_pair(dataset, cf.is_latitude, cf.is_longitude),
    )
    own = file_crs(dataset)
    if grid is not None and own is not None and not is_plain_degrees(own):
        return Place(_pair_footprint(grid, own), own)
    if degrees is not None:
        system = own if own is not None and code_of(own) and is_plain_degrees(own) else WGS84
        return Place(_pair_footprint(degrees, system), system)
    if grid is None:
        raise SourceRefused(
            "it has no horizontal coordinates",
            hint="CF expects latitude and longitude, or projection_x_coordinate and projection_y_coordinate",
        )
    system = own or (parse_crs(crs) if crs else None)
    if system is None:
        raise SourceRefused("its coordinates have no reference system (CRS)", hint=NO_CRS_HINT)
    return Place(_pair_footprint(grid, system), system)


def read_period(dataset: Any) -> Period | None:
    """The range of all time coordinates, their bounds included."""
    return join(filter(None, (_variable_period(each) for each in cf.variables(dataset) if cf.is_time(each))))


def read_variables(dataset: Any) -> tuple[Variable, ...]:
    """The data variables, as the file names them, in its order."""
    found = cf.data_variables(dataset)
    if len(found) > MAX_VARIABLES:
        raise SourceRefused(f"it has {len(found)} variables; at most {MAX_VARIABLES} can be published")
    return tuple(
        Variable(
            name=cf.full_name(each),
            standard_name=cf.text(each, "standard_name"),
            long_name=cf.text(each, "long_name"),
            unit=cf.text(each, "units"),
            dimensions=tuple(each.dimensions),
        )
        for each in found
    )


def _variable_period(variable: Any) -> Period | None:
    units, calendar = cf.text(variable, "units") or "", cf.text(variable, "calendar") or "standard"
    own = cf_period(variable[...], units=units, calendar=calendar)
    bounds = _neighbour(variable, cf.text(variable, "bounds"))
    if bounds is None:
        return own
    return join(filter(None, (own, cf_period(bounds[...], units=units, calendar=calendar))))


def _neighbour(variable: Any, name: str | None) -> Any:
    return variable.group().variables.get(name) if name else None


def _find_pair(dataset: Any, is_y: Any, is_x: Any) -> Pair | None:
    """The pair whose dimensions most data variables have; a file may hold corners, stations and staggered grids too."""
    ys, xs = ([each for each in cf.variables(dataset) if test(each)] for test in (is_y, is_x))
    pairs = [Pair(y, x) for y in ys for x in xs if _belong_together(y, x)]
    data = [set(each.dimensions) for each in cf.data_variables(dataset)]
    return max(pairs, key=lambda pair: _use(pair, data), default=None)


def _belong_together(y: Any, x: Any) -> bool:
    if tuple(y.dimensions) == tuple(x.dimensions):
        return True
    return y.ndim <= 1 and x.ndim <= 1


def _use(pair: Pair, data: Sequence[set[str]]) -> tuple[int, int]:
    dimensions = {*pair.y.dimensions, *pair.x.dimensions}
    return sum(dimensions <= each for each in data), len(dimensions)


def _pair_footprint(pair: Pair, crs: CRS) -> Footprint:
    """The area of an axis pair (1-D), a curvilinear grid (2-D) or scattered points (1-D, one dimension)."""
    y, x = _floats(pair.y), _floats(pair.x)
    if y.ndim > 2:
        return footprint_of_points(*_finite(x.ravel(), y.ravel()), crs)
    if y.ndim == 2:
        return _curvilinear(x, y, crs)
    if tuple(pair.y.dimensions) == tuple(pair.x.dimensions):
        return footprint_of_points(*_finite(np.atleast_1d(x), np.atleast_1d(y)), crs)
    return footprint_of_outline(rectangle(_axis(pair.x, x, crs), _axis(pair.y, y, crs)), crs)


def _floats(variable: Any) -> Floats:
    """Values with NaN where they are missing."""
    values = np.ma.asarray(variable[...], dtype=np.float64)
    return np.asarray(values.filled(np.nan), dtype=np.float64)


def _finite(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    usable = np.isfinite(x) & np.isfinite(y)
    if not usable.any():
        raise SourceRefused("all its horizontal coordinates are missing")
    return x[usable], y[usable]


def _axis(variable: Any, values: Floats, crs: CRS) -> tuple[float, float]:
    centres = np.atleast_1d(values)
    centres = centres[np.isfinite(centres)]
    if not centres.size:
        raise SourceRefused(f"its coordinate {variable.name} has no values")
    bounds = _neighbour(variable, cf.text(variable, "bounds"))
    edges = None if bounds is None else _floats(bounds)
    if crs.is_geographic and _is_eastward(variable):  # 0 ... 359, -180 ... 179 and 350 ... 10 all become one run
        centres = np.unwrap(centres, period=360.0)
        edges = None if edges is None else np.unwrap(edges.ravel(), period=360.0)
    return axis_range(centres, edges)


def _is_eastward(variable: Any) -> bool:
    return cf.is_longitude(variable) or cf.is_grid_x(variable)


def _curvilinear(x: Floats, y: Floats, crs: CRS) -> Footprint:
    scattered = not (np.isfinite(x).all() and np.isfinite(y).all()) or min(x.shape) < 2
    if scattered or (crs.is_geographic and surrounds_the_globe(x.ravel())):
        return footprint_of_points(*_finite(x.ravel(), y.ravel()), crs)
    if crs.is_geographic:
        x = np.unwrap(np.unwrap(x, period=360.0, axis=0), period=360.0, axis=1)
    return footprint_of_outline(grid_border(cell_corners(x), cell_corners(y)), crs)


def file_crs(dataset: Any) -> CRS | None:
    """The reference system of the grid mapping; None where there is none. Raises SourceRefused for a broken one."""
    for variable in _grid_mappings(dataset):
        if (crs := _mapping_crs(variable)) is not None:
            return crs
    return None


def _grid_mappings(dataset: Any) -> list[Any]:
    """Those that data variables name (CF 5.6), then any variable with the attributes of one."""
    named = [
        _neighbour(each, (cf.text(each, "grid_mapping") or ":").split()[0].strip(":")) for each in cf.variables(dataset)
    ]
    marks = {"grid_mapping_name", "crs_wkt", "spatial_ref", "epsg_code"}
    marked = [each for each in cf.variables(dataset) if marks & set(each.ncattrs())]
    return [each for each in [*named, *marked] if each is not None]


def _mapping_crs(variable: Any) -> CRS | None:
    written = next(
        filter(None, (cf.text(variable, name) for name in ("crs_wkt", "spatial_ref", "epsg_code", "EPSG"))), None
    )
    try:
        if written is not None:
            return parse_crs(written)
        attributes = {name: _plain(variable.getncattr(name)) for name in variable.ncattrs()}
        return parse_cf_crs(attributes) if "grid_mapping_name" in attributes else None
    except ValueError as error:
        raise SourceRefused(f"its reference system, in the variable {variable.name}, cannot be understood") from error


def _plain(value: Any) -> Any:
    """Numpy numbers and arrays as Python's own, which is what pyproj expects."""
    return value.tolist() if hasattr(value, "tolist") else value
