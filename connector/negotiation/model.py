"""What is kept about a negotiation beside the process itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast


def terms_of(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of an offer or agreement: all but its id, its type, the parties, the target and the time."""
    apart = {"@id", "@type", "@context", "target", "assigner", "assignee", "timestamp"}
    return {name: value for name, value in policy.items() if name not in apart}


@dataclass(frozen=True, slots=True)
class Terms:
    """What is on the table.

    `offer` is the offer as sent last, `purpose` what the consumer declared (None: nothing), `purpose_source` where.
    `version` is the offering's, known to the provider. `agreement` is there from AGREED on, `decision` explains what
    policy said. `awaits_decision`: a person of ours has to say how it goes on.
    """

    offer: Mapping[str, Any]
    purpose: Sequence[str] | None = None
    purpose_source: str | None = None
    version: int | None = None
    agreement: Mapping[str, Any] | None = None
    decision: Mapping[str, Any] | None = None
    awaits_decision: bool = False
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def as_data(self) -> dict[str, Any]:
        """As the process keeps it; `terms` is what audit leaves commit to."""
        return {
            **self.more,
            "offer": dict(self.offer),
            "purpose": self.purpose,
            "purpose_source": self.purpose_source,
            "awaits_decision": self.awaits_decision,
            "version": self.version,
            "agreement": self.agreement,
            "decision": self.decision,
            "terms": terms_of(self.agreement or self.offer),
        }


def terms_from(data: Mapping[str, Any]) -> Terms:
    """The inverse of `Terms.as_data`."""
    known = {"offer", "purpose", "purpose_source", "version", "agreement", "decision", "awaits_decision", "terms"}
    return Terms(
        offer=cast("Mapping[str, Any]", data["offer"]),
        purpose=data.get("purpose"),
        purpose_source=data.get("purpose_source"),
        awaits_decision=bool(data.get("awaits_decision")),
        version=data.get("version"),
        agreement=data.get("agreement"),
        decision=data.get("decision"),
        more={name: value for name, value in data.items() if name not in known},
    )
