"""The shape of distributions and data services in a catalogue (`dataset-schema.json`, `catalog-schema.json`)."""

from collections.abc import Mapping
from typing import Any

from connector.protocol.checks import at, each, json_value, mapping, missing, text, typed
from connector.protocol.policy_shape import catalog_offer


def access_distribution(value: Any, path: str) -> Mapping[str, Any]:
    """A distribution: `format`, and `accessService` as the id of a data service or as the service itself."""
    distribution = mapping(json_value(value, path), path)
    if "@type" in distribution:
        typed(distribution, path, "Distribution")
    for member in ("format", "accessService"):
        if member not in distribution:
            missing(at(path, member))
    text(distribution["format"], at(path, "format"))
    service = distribution["accessService"]
    if type(service) is str:
        text(service, at(path, "accessService"))
    else:
        data_service(service, at(path, "accessService"))
    if "hasPolicy" in distribution:
        each(distribution["hasPolicy"], at(path, "hasPolicy"), catalog_offer)
    return distribution


def data_service(value: Any, path: str) -> Mapping[str, Any]:
    """A data service: `@id`, `@type`, `endpointURL`."""
    service = mapping(json_value(value, path), path)
    typed(service, path, "DataService")
    for member in ("@id", "endpointURL"):
        if member not in service:
            missing(at(path, member))
        text(service[member], at(path, member))
    return service
