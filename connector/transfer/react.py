"""Given where a transfer stands and what is known, what do we send next? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from connector.dataplane.flows import close_flow_statement, open_flow_statement
from connector.dataplane.model import Kind
from connector.exchange.model import Draft, Effect, Process, Reaction, quoted
from connector.protocol import messages as m
from connector.protocol.wire import render_message
from connector.transfer.model import HTTP_ENDPOINT


@dataclass(frozen=True, slots=True)
class Ticket:
    """What opens the data plane for one transfer: the endpoint, its token, and what is served there until when."""

    endpoint: str
    token: str
    jti: str
    expires_at: datetime
    version: int
    kind: Kind


def request(process: Process, *, agreement_id: str, transfer_format: str, callback_address: str) -> Draft:
    """The consumer asks for the data of an agreement."""
    message = m.TransferRequestMessage(
        consumer_pid=process.pid, agreement_id=agreement_id, format=transfer_format, callback_address=callback_address
    )
    return Draft("request", "/transfers/request", render_message(message))


def started(process: Process, ticket: Ticket, *, decision: Mapping[str, Any] | None = None) -> Reaction:
    """The provider opens the flow and says where the data is.

    The flow is open once the start message is stored: the consumer's first request may overtake the answer to it.
    """
    address = m.DataAddress(
        endpoint_type=HTTP_ENDPOINT,
        endpoint=ticket.endpoint,
        endpoint_properties=(
            m.EndpointProperty(name="authorization", value=ticket.token),
            m.EndpointProperty(name="authType", value="bearer"),
        ),
    )
    message = m.TransferStartMessage(**_pids(process), data_address=address)
    evidence = {"expires_at": ticket.expires_at.isoformat(), "version": ticket.version}
    draft = Draft("start", _path(process, "start"), render_message(message), evidence)
    return Reaction(send=draft, data=_with(process, decision=decision), effects=(open_flow(process, ticket),))


def open_flow(process: Process, ticket: Ticket) -> Effect:
    """The data plane serves this transfer from now on."""
    assert process.agreement is not None and process.offering is not None  # noqa: S101, PT018 -- known since the request
    return Effect(
        *open_flow_statement(
            transfer=process.pid,
            agreement=process.agreement,
            offering=process.offering,
            version=ticket.version,
            kind=ticket.kind,
            consumer=process.peer,
            endpoint=ticket.endpoint,
            jti=ticket.jti,
            expires_at=ticket.expires_at,
        )
    )


def resumed_by_consumer(process: Process) -> Draft:
    """The consumer asks a suspended transfer to go on."""
    return Draft("start", _path(process, "start"), render_message(m.TransferStartMessage(**_pids(process))))


def close_flow(process: Process, reason: str) -> Effect:
    """The data plane serves this transfer no longer. Does nothing on the consumer's side, where there is no flow."""
    return Effect(*close_flow_statement(transfer=process.pid, reason=reason))


def refused(process: Process, *, code: str, reason: str, decision: Mapping[str, Any] | None = None) -> Reaction:
    """A termination with its reason, and the same kept with the process."""
    return ended(process, "termination", code=code, reason=reason, data=_with(process, decision=decision))


def ended(
    process: Process, word: str, *, code: str, reason: str, data: Mapping[str, Any] | None = None, by: str | None = None
) -> Reaction:
    """Our suspension or termination. The flow is closed with the decision, before the peer knows of it."""
    kind = m.TransferSuspensionMessage if word == "suspension" else m.TransferTerminationMessage
    message = kind(**_pids(process), code=code, reason=(reason,))
    draft = Draft(word, _path(process, word), render_message(message), {"code": code, "reason": [reason]})
    said = {"code": code, "reason": reason, "by": by} if by else {"code": code, "reason": reason}
    kept = {**(process.data if data is None else data), "failure": said}
    return Reaction(send=draft, data=kept, effects=(close_flow(process, f"{word}: {reason}"),))


def completed(process: Process, *, received: Mapping[str, Any]) -> Reaction:
    """The consumer has the data, verified."""
    draft = Draft(
        "completion", _path(process, "completion"), render_message(m.TransferCompletionMessage(**_pids(process))),
        {"bytes": received["bytes"], "digest": received["digest"]},
    )  # fmt: skip
    return Reaction(send=draft, data=_with(process, received=received))


def told(process: Process, word: str, *, code: str | None, reasons: Sequence[Any]) -> Reaction:
    """The peer suspended, completed or terminated: the flow is closed in the same transaction, and the reason kept."""
    reason = "; ".join(str(part) for part in reasons)
    said = {"code": code or word, "reason": reason, "by": process.peer}
    data = process.data if word == "completion" else {**process.data, "failure": said}
    return Reaction(data=data, effects=(close_flow(process, f"{word} by {process.peer}"),))


def _with(process: Process, **values: Any) -> dict[str, Any]:
    return {**process.data, **{name: value for name, value in values.items() if value is not None}}


class _Pids(TypedDict):
    consumer_pid: str
    provider_pid: str


def _pids(process: Process) -> _Pids:
    return _Pids(consumer_pid=process.consumer_pid or "", provider_pid=process.provider_pid or "")


def _path(process: Process, last: str) -> str:
    return f"/transfers/{quoted(process.peer_pid)}/{last}"
