"""What a message of the peer means, given our state and what we still have to send. Pure.

Five readings, tried in this order:

1. *repeat*: we have it already; the stored answer is given again and nothing else happens.
2. *plain*: legal now, and nothing of ours is under way.
3. *early*: legal only after our own unacknowledged message. It shows that the peer has ours, so both moves are made.
4. *crossing*: legal now, while ours is under way. Terminal beats non-terminal, then provider beats consumer; the loser
   is withdrawn, and both ends are equal.
5. *illegal*.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from connector.exchange.model import MOVES, NEW, Inbound, Kind, Move, Outbound, Party, Process, is_final, other


class Reading(Enum):
    """How an inbound message is to be taken."""

    REPEAT = "repeat"
    PLAIN = "plain"
    EARLY = "early"
    CROSSING_WON = "crossing, theirs counts"
    CROSSING_LOST = "crossing, ours counts"
    ILLEGAL = "illegal"


# Several of these may follow each other with the same content (a counter-offer made again), so only an equal
# `@id`, or none in both, with nothing between, makes a repeat of them.
REPEATABLE_CONTENT = frozenset({"offer", "request"})
# These say more than that they were said.
WITH_CONTENT = frozenset({"offer", "request", "agreement", "start"})


def read(process: Process, inbound: Inbound) -> Reading:
    """The reading of `inbound` in `process`."""
    if is_repeat(process, inbound):
        return Reading.REPEAT
    sender = other(process.role)
    # A process that exists is not begun again: what arrives in NEW answers our own first message.
    target = None if process.state == NEW else process.target_of(inbound.message, sender)
    ours = process.outbound
    if ours is None:
        return Reading.PLAIN if target else Reading.ILLEGAL
    if target:
        return Reading.CROSSING_WON if _theirs_wins(process, ours, target) else Reading.CROSSING_LOST
    between = process.target_of(ours.message, process.role)
    if between and process.target_of(inbound.message, sender, source=between):
        return Reading.EARLY
    return Reading.ILLEGAL


def is_repeat(process: Process, inbound: Inbound) -> bool:
    """Whether `inbound` was taken before (design, section 2, sentence 3; also for peers that send no message id)."""
    if process.id_seen and inbound.message_id is not None:
        return True
    last = process.last
    if last is None:
        return False
    is_last = last.direction == "received" and last.message == inbound.message
    if is_last and last.content_digest == inbound.content_digest:
        return inbound.message not in REPEATABLE_CONTENT or last.message_id == inbound.message_id is None
    # A late copy without id: equal content was stored, and its token is older than our last move. In doubt a suspension
    # or termination is applied and a start is not.
    if inbound.message_id is None and process.content_seen and inbound.message not in {"suspension", "termination"}:
        return inbound.sender.token_issued_at <= last.at
    return False


def _theirs_wins(process: Process, ours: Outbound, their_target: str) -> bool:
    our_target = process.target_of(ours.message, process.role)
    if our_target is None:  # ours became illegal meanwhile
        return True
    ours_final, theirs_final = is_final(process.kind, our_target), is_final(process.kind, their_target)
    if ours_final != theirs_final:
        return theirs_final
    return other(process.role) == "provider"


def acknowledged(process: Process) -> tuple[Process, Move]:
    """The process after its outbound message arrived, and that move."""
    ours = process.outbound
    target = ours and process.target_of(ours.message, process.role)
    if ours is None or target is None:
        raise ValueError(f"{process.pid} in {process.state} has nothing to be acknowledged")
    move = Move(
        source=process.state,
        message=ours.message,
        sender=process.role,
        target=target,
        direction="sent",
        body=ours.body,
        message_id=ours.message_id,
        content_digest=ours.content_digest,
        evidence=ours.evidence,
    )
    return replace(process, state=target, seq=process.seq + 1, outbound=None), move


def received(process: Process, inbound: Inbound) -> tuple[Process, Move]:
    """The process after the peer's message, and that move."""
    sender = other(process.role)
    target = process.target_of(inbound.message, sender)
    if target is None:
        raise ValueError(f"{inbound.message} is not legal for {process.pid} in {process.state}")
    move = Move(
        source=process.state,
        message=inbound.message,
        sender=sender,
        target=target,
        direction="received",
        body=inbound.body.decode(),
        message_id=inbound.message_id,
        content_digest=inbound.content_digest,
        token=inbound.sender.token,
        token_issued_at=inbound.sender.token_issued_at,
        evidence={"token_issued_at": inbound.sender.token_issued_at.isoformat()},
    )
    peer_pid = process.peer_pid or inbound.peer_pid
    return replace(process, state=target, seq=process.seq + 1, peer_pid=peer_pid), move


def learnt(process: Process, message: str, sender: Party, *, reason: str) -> tuple[Process, Move]:
    """The process after a move that no message told us (read with GET, or our own giving up), and that move."""
    target = process.target_of(message, sender)
    if target is None:
        raise ValueError(f"{message} by {sender} is not legal for {process.pid} in {process.state}")
    move = Move(
        source=process.state,
        message=message,
        sender=sender,
        target=target,
        direction="own",
        evidence={"reason": reason},
    )
    return replace(process, state=target, seq=process.seq + 1), move


def path_to(process: Process, state: str) -> list[tuple[str, Party]] | None:
    """The shortest moves from the current state to `state`, empty if there; None if there is no way."""
    seen = {process.state}
    front: list[tuple[str, list[tuple[str, Party]]]] = [(process.state, [])]
    while front:
        here, way = front.pop(0)
        if here == state:
            return way
        for (source, message, sender), target in MOVES[process.kind].items():
            if source == here and target not in seen:
                seen.add(target)
                front.append((target, [*way, (message, "consumer" if sender == "consumer" else "provider")]))
    return None


def can_be_learnt(way: Sequence[tuple[str, Party]]) -> bool:
    """Whether these moves say all there is by having been made: GET tells no terms, agreement or address."""
    return not any(message in WITH_CONTENT for message, _ in way)


def supersedes(process: Process, message: str, pending: str) -> bool:
    """Whether a message of ours may take the place of `pending`, which is still to be sent.

    A termination may always, a suspension unless the process is about to end anyway.
    """
    target = process.target_of(pending, process.role)
    ends = target is not None and is_final(process.kind, target)
    return message == "termination" or (message == "suspension" and not ends)


def is_state(kind: Kind, state: str) -> bool:
    """Whether the protocol knows this state."""
    return any(state in {source, target} for (source, _, _), target in MOVES[kind].items())
