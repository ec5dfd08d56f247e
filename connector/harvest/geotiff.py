"""What a GeoTIFF says about itself: place, time (MARS keys), bands as variables. Runs in the reading process only."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio  # pyright: ignore[reportMissingTypeStubs] - it has none
from pyproj import CRS
from rasterio.errors import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    RasterioError,
    RasterioIOError,
)

from catalog.model import Variable
from connector.harvest.crs import NO_CRS_HINT, parse_crs
from connector.harvest.footprint import Footprint, footprint_of_outline, footprint_of_points
from connector.harvest.model import SourceRefused
from connector.harvest.times import Period, join, mars_period

raster: Any = rasterio  # its annotations are not complete enough for strict checking

# of the MARS language, as the Climate DT uses it; other tags of a file are not published as metadata
MARS_KEYS = (
    *("class", "dataset", "activity", "experiment", "generation", "model", "realization", "resolution"),
    *("expver", "stream", "type", "levtype", "number", "date", "time", "step"),
)


@contextmanager
def opened(path: Path) -> Generator[Any]:
    """The file as a rasterio dataset, by the GeoTIFF driver alone. Raises SourceRefused where it is not one."""
    try:
        with raster.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):  # no side files: only this file was named
            dataset = raster.open(path, driver="GTiff")
    except (RasterioError, OSError) as error:
        raise SourceRefused(
            "it is not a readable GeoTIFF file", hint="check that it was written and copied whole"
        ) from error
    with dataset:
        yield dataset


def check_whole(dataset: Any) -> None:
    """Reads the last pixel of every band: a file that was cut short is found here. Raises SourceRefused."""
    last = ((dataset.height - 1, dataset.height), (dataset.width - 1, dataset.width))
    for band in dataset.indexes:
        try:
            dataset.read(band, window=last)
        except (RasterioIOError, OSError) as error:
            raise SourceRefused(
                f"its band {band} cannot be read", hint="check that the file was written and copied whole"
            ) from error


def read_place(dataset: Any, *, crs: str | None) -> tuple[Footprint, CRS]:
    """Footprint and reference system; `crs` counts only where the file has none. Raises SourceRefused."""
    points, points_crs = dataset.gcps
    written = dataset.crs or points_crs
    system = CRS.from_wkt(written.to_wkt()) if written else (parse_crs(crs) if crs else None)
    if system is None:
        raise SourceRefused("it has no coordinate reference system (CRS)", hint=NO_CRS_HINT)
    if points:
        x, y = (np.array([getattr(point, axis) for point in points], dtype=np.float64) for axis in "xy")
        return footprint_of_points(x, y, system), system
    if dataset.transform.is_identity:
        raise SourceRefused("it has no georeference: nothing says where its pixels are")
    return footprint_of_outline(_outline(dataset), system), system


def _outline(dataset: Any) -> Any:
    """The four outer pixel corners through the affine transform, so a rotated raster stays rotated. Shape (5, 2)."""
    width, height = dataset.width, dataset.height
    corners = [(0, height), (width, height), (width, 0), (0, 0), (0, height)]
    a, b, c, d, e, f = dataset.transform[:6]
    return np.array([(a * column + b * row + c, d * column + e * row + f) for column, row in corners], dtype=np.float64)


def read_period(dataset: Any) -> Period | None:
    """The valid times of all bands, from MARS keys in the tags of the file and of each band."""
    tags = _lower(dataset.tags())
    each_band = (mars_period(tags | _lower(dataset.tags(band))) for band in dataset.indexes)
    return join(filter(None, each_band))


def read_mars_keys(dataset: Any) -> dict[str, str]:
    """The file's MARS keys under the STAC prefix `ecmwf:`."""
    tags = _lower(dataset.tags())
    return {f"ecmwf:{key}": tags[key] for key in MARS_KEYS if key in tags}


def read_variables(dataset: Any) -> tuple[Variable, ...]:
    """One variable per band: its short name, else its description, else `band_1`."""
    return tuple(_variable(dataset, band) for band in dataset.indexes)


def _variable(dataset: Any, band: int) -> Variable:
    tags = _lower(dataset.tags(band))
    description = dataset.descriptions[band - 1]
    return Variable(
        name=tags.get("param") or tags.get("short_name") or description or f"band_{band}",
        standard_name=tags.get("standard_name"),
        long_name=tags.get("long_name") or description,
        unit=dataset.units[band - 1] or tags.get("units"),
        dimensions=("y", "x"),
    )


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in tags.items() if value}
