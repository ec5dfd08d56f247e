"""A file that is large enough to be interrupted, and a data plane that is slow enough for that."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

# The smallest chunk there is: a stream of some tens of MB a second.
SLOW = {"TIDEGATE_DATAPLANE__CHUNK_BYTES": "4096"}

SIDE = 8192


def write_large_field(path: Path, *, height: int = SIDE) -> Path:
    """An uncompressed GeoTIFF of one band; 8192 rows are 256 MiB. No two rows are alike."""
    transform = Affine(30 / SIDE, 0, -10, 0, -20 / height, 60)
    profile = {"driver": "GTiff", "width": SIDE, "height": height, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", transform=transform, **profile) as file:
        for row in range(0, height, 512):
            values = np.arange(row * SIDE, (row + 512) * SIDE, dtype="float32").reshape(512, SIDE)
            file.write(values, 1, window=Window(0, row, SIDE, 512))
    return path
