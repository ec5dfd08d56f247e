"""A step of a process as the one JSON argument of `exchange_step_v1`: events, leaves, what is to be sent. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from connector.audit.leaf import LeafFacts, make_leaf
from connector.exchange.model import Inbound, Move, Outbound, Process, Reaction
from connector.identity.verify import Peer


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a step needs from outside: the time, fresh salts (four for each leaf, in order), waiting times."""

    now: datetime
    salts: Sequence[bytes]
    message_id: str
    job_due: timedelta
    delivery_deadline: timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """From `before` (None: the process is new) by `moves` to `after`, and what follows."""

    before: Process | None
    after: Process
    moves: tuple[Move, ...]
    reaction: Reaction
    withdrawn: Outbound | None = None
    reason: str = ""
    inbound: Inbound | None = None


def salts_needed(step: Step) -> int:
    """How many salts `render_step` draws."""
    return 4 * (len(step.moves) + (step.withdrawn is not None))


def render_step(step: Step, circumstances: Circumstances) -> tuple[bytes, Process]:
    """The argument of the function, and the process as it will be once the step is done.

    ValueError if what follows is no move of the table: nothing may be sent that could not be acknowledged.
    """
    outbound = _outbound(step, circumstances)
    after = _settled(step, outbound)
    before, data = step.before, step.reaction.data
    document = {
        "pid": after.pid,
        "seq": before.seq if before else 0,
        "outbound": before.outbound.message_id if before and before.outbound else None,
        "create": None if before else _row(after),
        "state": after.state,
        "peer_pid": after.peer_pid,
        "agreement": after.agreement,
        "data": after.data if data is None else data,
        "deadline": after.deadline,
        "events": _events(step, circumstances),
        "leaves": _leaves(step, after, circumstances),
        "clear": bool(before and before.outbound and step.after.outbound is None),
        "send": outbound and _queued(outbound, circumstances),
        "token": step.inbound and _use_of(step.inbound.sender),
    }
    return orjson.dumps(document), after


def _settled(step: Step, outbound: Outbound | None) -> Process:
    reaction = step.reaction
    return replace(
        step.after,
        outbound=outbound or step.after.outbound,
        data=step.after.data if reaction.data is None else reaction.data,
        agreement=reaction.agreement or step.after.agreement,
        deadline=None if step.after.is_final else step.after.deadline,
    )


def _outbound(step: Step, circumstances: Circumstances) -> Outbound | None:
    draft = step.reaction.send
    if draft is None:
        return None
    if step.after.target_of(draft.message, step.after.role) is None:
        raise ValueError(f"a {draft.message} is no move of {step.after.pid} in {step.after.state}")
    document = {**draft.document, "@id": circumstances.message_id}
    return Outbound(
        message=draft.message,
        message_id=circumstances.message_id,
        url=step.after.peer_address.rstrip("/") + draft.path,
        body=orjson.dumps(document).decode(),
        content_digest=content_digest(document),
        evidence=draft.evidence,
        queued_at=circumstances.now,
        deadline=circumstances.now + circumstances.delivery_deadline,
    )


def content_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the message without its `@id`: what makes two messages one, whatever their envelope."""
    plain = {name: value for name, value in document.items() if name != "@id"}
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _use_of(sender: Peer) -> dict[str, Any]:
    return {"iss": sender.did, "jti": sender.jti, "expires_at": sender.expires_at}


def _row(process: Process) -> dict[str, Any]:
    return {
        "kind": process.kind,
        "role": process.role,
        "peer": process.peer,
        "peer_address": process.peer_address,
        "offering": process.offering,
    }


def _queued(outbound: Outbound, circumstances: Circumstances) -> dict[str, Any]:
    return {
        "message": outbound.message,
        "message_id": outbound.message_id,
        "url": outbound.url,
        "body": outbound.body,
        "content_digest": outbound.content_digest,
        "evidence": outbound.evidence,
        "queued_at": outbound.queued_at,
        "deadline": outbound.deadline,
        "job_due": circumstances.now + circumstances.job_due,
    }


def _events(step: Step, circumstances: Circumstances) -> list[dict[str, Any]]:
    first = (step.before.seq if step.before else 0) + 1
    return [
        {
            "seq": first + index,
            "kind": step.after.kind,
            "source": move.source,
            "message": move.message,
            "sender": move.sender,
            "target": move.target,
            "direction": move.direction,
            "message_id": move.message_id,
            "body": move.body,
            "content_digest": move.content_digest,
            "token": move.token,
            "token_issued_at": move.token_issued_at,
            "at": circumstances.now,
        }
        for index, move in enumerate(step.moves)
    ]


def _leaves(step: Step, after: Process, circumstances: Circumstances) -> list[dict[str, Any]]:
    first = (step.before.seq if step.before else 0) + 1
    leaves: list[dict[str, Any]] = []
    if step.withdrawn is not None:
        leaves.append(_leaf(_withdrawal(step, step.withdrawn), None, after, circumstances, 0))
    for index, move in enumerate(step.moves):
        leaves.append(_leaf(move, first + index, after, circumstances, len(leaves)))
    return leaves


def _withdrawal(step: Step, withdrawn: Outbound) -> Move:
    """A leaf of its own for a message that was decided and will not be sent again: it led nowhere, but had a digest."""
    return Move(
        source=step.before.state if step.before else step.after.state,
        message=withdrawn.message,
        sender=step.after.role,
        target=None,
        direction="own",
        body=withdrawn.body,
        evidence={"withdrawn": withdrawn.message, "reason": step.reason},
    )


def _leaf(move: Move, seq: int | None, process: Process, circumstances: Circumstances, index: int) -> dict[str, Any]:
    facts = LeafFacts(
        kind=process.kind,
        role=process.role,
        process=process.pid,
        peer_process=process.peer_pid,
        source=move.source,
        target=move.target,
        direction=move.direction,
        message=hashlib.sha256(move.body.encode()).hexdigest() if move.body is not None else None,
        at=circumstances.now,
        party=process.peer,
        offering=process.offering,
        agreement=process.agreement,
        terms=process.data.get("terms"),
        evidence=dict(move.evidence),
    )
    sealed = make_leaf(facts, circumstances.salts[4 * index : 4 * index + 4])
    return {
        "seq": seq,
        "at": circumstances.now,
        "leaf": sealed.leaf.decode(),
        "hash": sealed.hash,
        "openings": sealed.openings,
    }
