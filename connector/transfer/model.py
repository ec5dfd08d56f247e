"""What is kept about a transfer beside the process itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

HTTP_PULL = "HttpData-PULL"
FORMATS = frozenset({HTTP_PULL})
HTTP_ENDPOINT = "https://w3id.org/idsa/v4.1/HTTP"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the consumer fetches the data, and with which token; None: the provider's endpoint asks for none."""

    endpoint: str
    token: str | None

    def __repr__(self) -> str:
        """Without the token."""
        return f"Access(endpoint={self.endpoint!r}, token=…)"

    def as_data(self) -> dict[str, str | None]:
        """As the process keeps it."""
        return asdict(self)


def access_from(data: Mapping[str, Any]) -> Access | None:
    """The access that the last start message gave."""
    access = data.get("access")
    return None if access is None else Access(**access)
