"""DSP 2025-1, contract negotiation over HTTPS: the provider's and the consumer's endpoints.

Both roles share one base address; the process says which of them we are, the table of moves which messages are legal.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

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
from connector.negotiation.service import Negotiations
from connector.protocol import messages as m
from connector.protocol.negotiation import NegotiationState

M = TypeVar("M", bound=m.Message)


def negotiation_routes(negotiations: Negotiations, surface: Surface) -> list[Route]:  # noqa: C901 -- a list of routes
    """All endpoints, relative to the base of the protocol."""

    def opening(expected: type[M], receive: Callable[[M, Inbound], Awaitable[Process]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            peer, document, body = await surface.read(request)
            try:
                message = parse(document, expected)
                word = str(m.negotiation_word(message))  # pyright: ignore[reportArgumentType]
                inbound = inbound_of(peer, document, body, word=word, message_id=message.id)
                process = await receive(message, inbound)
            except ConnectorError as error:
                await surface.verifier.use_token(peer)
                return _refused(error, body)
            return acknowledgement(surface.exchange, process, _state(process), status=201)

        return _guarded(endpoint)

    def following(receive: Callable[[str, Any, Inbound], Awaitable[Process]], expected: type[m.Message]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            pid = request.path_params["pid"]
            peer, document, body = await surface.read(request)
            try:
                message: Any = parse(document, expected)
                peer_pid = peer_pid_of(pid, message, "negotiation")
                word = str(m.negotiation_word(message))
                inbound = inbound_of(peer, document, body, word=word, message_id=message.id, peer_pid=peer_pid)
                process = await receive(pid, message, inbound)
            except ConnectorError as error:
                await surface.verifier.use_token(peer)
                return _refused(error, body)
            return acknowledgement(surface.exchange, process, _state(process), status=200)

        return _guarded(endpoint)

    async def event(pid: str, message: m.ContractNegotiationEventMessage, inbound: Inbound) -> Process:
        if message.event_type is m.EventType.ACCEPTED:
            return await negotiations.acceptance_received(pid, inbound)
        return await negotiations.finalization_received(pid, inbound)

    async def verification(pid: str, _: Any, inbound: Inbound) -> Process:
        return await negotiations.verification_received(pid, inbound)

    async def read_state(request: Request) -> Response:
        peer = await surface.peer_of(request)
        process = await surface.exchange.load_for("negotiation", request.path_params["pid"], peer.did)
        return standing(_state(process))

    base = "/negotiations"
    service = negotiations
    return [
        _post(f"{base}/request", opening(m.ContractRequestMessage, service.request_received)),
        _post(f"{base}/offers", opening(m.ContractOfferMessage, service.offer_received)),
        _post(f"{base}/{{pid}}/request", following(service.counter_request_received, m.ContractRequestMessage)),
        _post(f"{base}/{{pid}}/offers", following(service.counter_offer_received, m.ContractOfferMessage)),
        _post(f"{base}/{{pid}}/agreement", following(service.agreement_received, m.ContractAgreementMessage)),
        _post(
            f"{base}/{{pid}}/agreement/verification", following(verification, m.ContractAgreementVerificationMessage)
        ),
        _post(f"{base}/{{pid}}/events", following(event, m.ContractNegotiationEventMessage)),
        _post(
            f"{base}/{{pid}}/termination",
            following(service.termination_received, m.ContractNegotiationTerminationMessage),
        ),
        Route(f"{base}/{{pid}}", _guarded(read_state), methods=["GET"]),
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


def _state(process: Process) -> m.ContractNegotiation:
    return m.ContractNegotiation(
        consumer_pid=process.consumer_pid or "",
        provider_pid=process.provider_pid or "",
        state=NegotiationState(process.state),
    )


def _refused(error: ConnectorError, body: bytes) -> Response:
    return refusal(error, m.ContractNegotiationError(code=error.code, reason=reasons(error), **pids_in(body)))
