"""Processes and messages as the message path sees them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from connector.exchange.model import Inbound, Kind, LastEvent, Outbound, Party, Process
from connector.identity.verify import Peer

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PEER = "did:web:peer.example"
OWN_PID = "urn:uuid:own"
PEER_PID = "urn:uuid:theirs"


def process(kind: Kind, role: Party, state: str, *, sending: str | None = None, **changes: Any) -> Process:
    """One side in `state`, with a message of ours under way if `sending` names one."""
    facts: dict[str, Any] = {
        "pid": OWN_PID,
        "peer": PEER,
        "peer_pid": None if state == "NEW" else PEER_PID,
        "peer_address": "https://peer.example/dsp/",
        "seq": 0 if state == "NEW" else 3,
        "data": {},
        "offering": "flood-map",
        "outbound": outbound(sending) if sending else None,
    }
    return Process(**{"kind": kind, "role": role, "state": state} | facts | changes)


def outbound(message: str, **changes: Any) -> Outbound:
    facts: dict[str, Any] = {
        "message_id": f"urn:uuid:our-{message}",
        "url": f"https://peer.example/dsp/{message}",
        "body": f'{{"@type":"{message}"}}',
        "content_digest": f"digest of our {message}",
        "evidence": {},
        "queued_at": NOW,
        "deadline": NOW + timedelta(hours=1),
    }
    return Outbound(message=message, **facts | changes)


def sender(*, issued: datetime = NOW, jti: str = "jti-1") -> Peer:
    return Peer(did=PEER, token="token", token_issued_at=issued, jti=jti, expires_at=issued + timedelta(minutes=2))


def inbound(message: str, *, issued: datetime = NOW, **changes: Any) -> Inbound:
    facts: dict[str, Any] = {
        "body": f'{{"@type":"{message}"}}'.encode(),
        "message_id": f"urn:uuid:their-{message}",
        "content_digest": f"digest of their {message}",
        "peer_pid": PEER_PID,
        "sender": sender(issued=issued),
    }
    return Inbound(message=message, **facts | changes)


def received(message: str, **changes: Any) -> LastEvent:
    """The peer's `message` as the last event, with the id and content that `inbound` gives it."""
    facts: dict[str, Any] = {
        "direction": "received",
        "message_id": f"urn:uuid:their-{message}",
        "content_digest": f"digest of their {message}",
        "at": NOW,
    }
    return LastEvent(message=message, **facts | changes)


def sent(message: str, *, at: datetime = NOW) -> LastEvent:
    return LastEvent(message, "sent", f"urn:uuid:our-{message}", f"digest of our {message}", at)
