"""What happened in a data space, asked of its running participants: one function, used by the demo and by the tests."""

from datetime import datetime
from typing import Any

from connector.demo.space import DataSpace


def report(space: DataSpace, *, seconds: float) -> dict[str, Any]:
    """The facts of all exchanges so far; `is_good` says whether all is as it should be. `seconds`: how long it took.

    Nothing is remembered: the provider says what it offers, the consumer what was agreed, refused and received (its
    files are read again), the authority what both parties have recorded.
    """
    negotiations = space["consumer"].call("GET", "/api/negotiations?limit=200")[::-1]
    agreed = [negotiation for negotiation in negotiations if negotiation["state"] == "FINALIZED"]
    return {
        "participants": [_participant(space, role) for role in ("provider", "consumer", "authority")],
        "offerings": _offerings(space),
        "agreements": [_agreement(space, negotiation) for negotiation in agreed],
        "refusals": [
            {"offering": negotiation["offering"], "reason": negotiation["failure"]["reason"]}
            for negotiation in negotiations
            if negotiation["failure"]
        ],
        "transfers": _transfers(space),
        "audit": [_compared(space, negotiation["agreement"]) for negotiation in agreed],
        "memory_bytes": space.memory_bytes(),
        "seconds": round(seconds, 3),
    }


def is_good(facts: dict[str, Any]) -> bool:
    """Whether every digest is verified and every exchange recorded alike on both sides, and there are such."""
    proofs = [transfer["verified"] for transfer in facts["transfers"]]
    proofs += [exchange["consistent"] for exchange in facts["audit"]]
    complete = len(facts["transfers"]) >= len(facts["agreements"]) > 0
    return complete and all(proofs)


def _participant(space: DataSpace, role: Any) -> dict[str, Any]:
    status = space[role].call("GET", "/api/status")
    return {"role": role, "id": status["id"], "url": status["url"], "memory_bytes": status["memory_bytes"]}


def _offerings(space: DataSpace) -> list[dict[str, Any]]:
    answer = space["provider"].call("GET", "/api/offerings?limit=1000")
    return [{"id": entry["id"], "title": entry["title"], "bytes": entry["bytes"]} for entry in answer["offerings"]]


def _agreement(space: DataSpace, negotiation: dict[str, Any]) -> dict[str, Any]:
    history = space["consumer"].call("GET", f"/api/negotiations/{negotiation['pid']}/history")
    began = datetime.fromisoformat(negotiation["created_at"])
    return {
        "id": negotiation["agreement"],
        "offering": negotiation["offering"],
        "provider_pid": negotiation["provider_pid"],
        "consumer_pid": negotiation["consumer_pid"],
        "terms": negotiation["sentence"],
        "seconds": round((datetime.fromisoformat(history[-1]["at"]) - began).total_seconds(), 4),
    }


def _transfers(space: DataSpace) -> list[dict[str, Any]]:
    consumer = space["consumer"]
    transfers = [t for t in consumer.call("GET", "/api/transfers?limit=200")[::-1] if t["received"]]
    return [
        {
            "agreement": transfer["agreement"],
            "bytes": transfer["received"]["bytes"],
            "digest": transfer["received"]["digest"],
            "verified": consumer.call("GET", f"/api/transfers/{transfer['pid']}/verification")["verified"],
            "seconds": transfer["received"]["seconds"],
        }
        for transfer in transfers
    ]


def _compared(space: DataSpace, agreement: str) -> dict[str, Any]:
    exchange = {"agreement": agreement, "provider": space["provider"].did, "consumer": space["consumer"].did}
    compared = space["authority"].call("POST", "/api/audit/compare", exchange)
    return {
        "agreement": agreement,
        "provider_leaves": compared["provider_leaves"],
        "consumer_leaves": compared["consumer_leaves"],
        "consistent": compared["consistent"],
        "problems": compared["problems"],
    }
