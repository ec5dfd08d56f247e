"""The CF conventions (1.11) as questions about one variable: data, time, latitude? In the reading process only."""

from collections.abc import Iterator
from typing import Any

# CF 1.11, 4.1 and 4.2: the units alone make a latitude or longitude
LATITUDE_UNITS = frozenset({"degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"})
LONGITUDE_UNITS = frozenset({"degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"})
GRID_Y = frozenset({"projection_y_coordinate", "grid_latitude"})
GRID_X = frozenset({"projection_x_coordinate", "grid_longitude"})
# attributes of one variable that name others which are not data themselves
POINTERS = (
    "coordinates",
    "bounds",
    "climatology",
    "grid_mapping",
    "cell_measures",
    "ancillary_variables",
    "mesh",
    "grid",
)


def data_variables(dataset: Any) -> list[Any]:
    """Numeric variables with a dimension that are neither coordinates nor pointed to by others."""
    everything = list(variables(dataset))
    pointed = {name for each in everything for name in _pointed_names(each)}
    return [each for each in everything if _is_data(each) and each.name not in pointed]


def _is_data(variable: Any) -> bool:
    numeric = getattr(variable.dtype, "kind", "") in "fiu"
    names_itself = tuple(variable.dimensions) == (variable.name,)
    coordinate = is_time(variable) or any(test(variable) for test in (is_latitude, is_longitude, is_grid_y, is_grid_x))
    return (
        numeric and bool(variable.dimensions) and not names_itself and not coordinate and not text(variable, "cf_role")
    )


def _pointed_names(variable: Any) -> list[str]:
    values = [text(variable, pointer) or "" for pointer in POINTERS]
    if text(variable, "cf_role") == "mesh_topology":  # UGRID: every attribute of a topology points
        values = [str(variable.getncattr(name)) for name in variable.ncattrs()]
    return [word.strip(":") for value in values for word in value.split()]


def full_name(variable: Any) -> str:
    """The name with the groups it is in, `group/name`."""
    path = variable.group().path.strip("/")
    return f"{path}/{variable.name}" if path else variable.name


def variables(dataset: Any) -> Iterator[Any]:
    """All variables, those of groups as well."""
    yield from dataset.variables.values()
    for group in dataset.groups.values():
        yield from variables(group)


def text(variable: Any, name: str) -> str | None:
    """An attribute as text, stripped; None where it is absent, empty or SFINCS' `-`."""
    if name not in variable.ncattrs():
        return None
    value = str(variable.getncattr(name)).strip()
    return value if value not in {"", "-"} else None


def is_time(variable: Any) -> bool:
    """A time coordinate (CF 4.4), but not the time a forecast was made at."""
    name, units = text(variable, "standard_name"), text(variable, "units") or ""
    if " since " not in units:
        return False
    return name == "time" or (
        name is None and (text(variable, "axis") == "T" or tuple(variable.dimensions) == (variable.name,))
    )


def is_latitude(variable: Any) -> bool:
    """A latitude, by standard name or, without one, by units."""
    return _is_axis(variable, "latitude", LATITUDE_UNITS)


def is_longitude(variable: Any) -> bool:
    """A longitude, by standard name or, without one, by units."""
    return _is_axis(variable, "longitude", LONGITUDE_UNITS)


def _is_axis(variable: Any, standard_name: str, units: frozenset[str]) -> bool:
    name = text(variable, "standard_name")
    return name == standard_name or (name is None and (text(variable, "units") or "").lower() in units)


def is_grid_y(variable: Any) -> bool:
    """A y coordinate of a projection or of a rotated pole."""
    return text(variable, "standard_name") in GRID_Y or _is_bare_axis(variable, "y")


def is_grid_x(variable: Any) -> bool:
    """An x coordinate of a projection or of a rotated pole."""
    return text(variable, "standard_name") in GRID_X or _is_bare_axis(variable, "x")


def _is_bare_axis(variable: Any, letter: str) -> bool:
    """A coordinate variable without a standard name that is marked as, or called, X or Y."""
    if text(variable, "standard_name") or tuple(variable.dimensions) != (variable.name,):
        return False
    units = (text(variable, "units") or "").lower()
    marked = text(variable, "axis") == letter.upper() or variable.name.lower() == letter
    return marked and units not in LATITUDE_UNITS | LONGITUDE_UNITS
