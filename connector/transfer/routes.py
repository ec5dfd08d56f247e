"""DSP 2025-1, transfer process over HTTPS: the provider's and the consumer's endpoints, under one base address."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.errors import ConnectorError
from connector.exchange.model import Inbound, Process
from connector.exchange.routes import (
    Endpoint,
    Surface,
    acknowledgement,
    inbound_of,
    parse,
    peer_pid_of,
    pids_in,
    reasons,
    refusal,
    standing,
)
from connector.protocol import messages as m
from connector.protocol.transfer import TransferState
from connector.transfer.service import Transfers


def transfer_routes(transfers: Transfers, surface: Surface) -> list[Route]:
    """All endpoints, relative to the base of the protocol."""

    async def request(received: Request) -> Response:
        peer, document, body = await surface.read(received)
        try:
            message = parse(document, m.TransferRequestMessage)
            inbound = inbound_of(peer, document, body, word="request", message_id=message.id)
            process = await transfers.request_received(message, inbound)
        except ConnectorError as error:
            await surface.verifier.use_token(peer)
            return _refused(error, body)
        return acknowledgement(surface.exchange, process, _state(process), status=201)

    def following(receive: Callable[[str, Any, Inbound], Awaitable[Process]], expected: type[Any]) -> Endpoint:
        async def endpoint(received: Request) -> Response:
            pid = received.path_params["pid"]
            peer, document, body = await surface.read(received)
            try:
                message = parse(document, expected)
                peer_pid = peer_pid_of(pid, message, "transfer")
                word = str(m.transfer_word(message))
                inbound = inbound_of(peer, document, body, word=word, message_id=message.id, peer_pid=peer_pid)
                process = await receive(pid, message, inbound)
            except ConnectorError as error:
                await surface.verifier.use_token(peer)
                return _refused(error, body)
            return acknowledgement(surface.exchange, process, _state(process), status=200)

        return _guarded(endpoint)

    async def read_state(received: Request) -> Response:
        peer = await surface.peer_of(received)
        process = await surface.exchange.load_for("transfer", received.path_params["pid"], peer.did)
        return standing(_state(process))

    return [
        _post("/transfers/request", _guarded(request)),
        _post("/transfers/{pid}/start", following(transfers.start_received, m.TransferStartMessage)),
        _post("/transfers/{pid}/suspension", following(transfers.suspension_received, m.TransferSuspensionMessage)),
        _post("/transfers/{pid}/completion", following(transfers.completion_received, m.TransferCompletionMessage)),
        _post("/transfers/{pid}/termination", following(transfers.termination_received, m.TransferTerminationMessage)),
        Route("/transfers/{pid}", _guarded(read_state), methods=["GET"]),
    ]


def _post(path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=["POST"])


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ConnectorError as error:
            return _refused(error, b"")

    return guarded


def _state(process: Process) -> m.TransferProcess:
    return m.TransferProcess(
        consumer_pid=process.consumer_pid or "",
        provider_pid=process.provider_pid or "",
        state=TransferState(process.state),
    )


def _refused(error: ConnectorError, body: bytes) -> Response:
    return refusal(error, m.TransferError(code=error.code, reason=reasons(error), **pids_in(body)))
