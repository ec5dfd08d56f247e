"""Sample data for the demo: a synthetic run in SFINCS' layout, and a real climate field from `iris-sample-data`."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from connector.errors import ConfigurationError, StorageError
from connector.harvest.child import child_environment

CLIMATE_FIELD = "A1B_north_america.nc"  # Met Office, air temperature 1860-2100, Open Government Licence
WRITE_TIME_LIMIT_SECONDS = 60


def write_sample_run(folder: Path) -> None:
    """A small run in `folder`, which says that it is synthetic. Raises StorageError where it cannot be written.

    Written by a process of its own, so that no participant loads the NetCDF libraries.
    """
    command = [sys.executable, "-m", "connector.harvest.synthetic", str(folder.resolve())]
    try:
        subprocess.run(  # noqa: S603 - our own module
            command, env=child_environment(), check=True, capture_output=True, timeout=WRITE_TIME_LIMIT_SECONDS
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise StorageError(
            f"the sample run could not be written to {folder}: {''.join(last)}", hint="is the disk full or read-only?"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise StorageError(f"writing the sample run to {folder} took more than {WRITE_TIME_LIMIT_SECONDS} s") from error


def sample_climate_field() -> Path:
    """The NetCDF file of the package `iris-sample-data`. Raises ConfigurationError where that is not installed."""
    found = importlib.util.find_spec("iris_sample_data")
    origin = Path(found.origin).parent if found and found.origin else None
    field = origin / "sample_data" / CLIMATE_FIELD if origin else None
    if field is None or not field.is_file():
        raise ConfigurationError(
            f"the sample climate field {CLIMATE_FIELD} is not installed",
            hint="pip install 'tidegate[demo]', or publish your own folder with --data DIR",
        )
    return field
