"""The noun that negotiation and transfer share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Agreement:
    """A contract in force. `document` is the Agreement of the protocol; `role` is ours in it, `peer` the other party.

    `declared_purpose` is what the consumer said it wants the data for, kept by both sides; None: nothing was said.
    `offering_version` is known to the provider alone.
    """

    id: str
    role: Literal["provider", "consumer"]
    peer: str
    negotiation: str
    offering: str
    offering_version: int | None
    document: Mapping[str, Any]
    declared_purpose: list[str] | None
    agreed_at: datetime

    @property
    def assigner(self) -> str:
        """The provider's DID."""
        return str(self.document["assigner"])

    @property
    def assignee(self) -> str:
        """The consumer's DID."""
        return str(self.document["assignee"])
