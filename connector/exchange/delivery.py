"""Sends what is stored, and learns from the answer.

2xx: the peer has it, and we record it. 401, 404, 408, 409, 425, 429, reset, timeout and 5xx: the same body again,
with a new token and back-off. Any other 4xx: the peer says the move is illegal, so its state is read with GET; if it
is behind we send again, if it is ahead we catch up, otherwise the process ends.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import orjson

from connector.db import connection
from connector.errors import AddressRefused, DeliveryError
from connector.exchange import rules, store
from connector.exchange.model import NEW, Kind, Outbound, Process, quoted
from connector.exchange.service import Exchange
from connector.http import GuardedHttp, Response
from connector.telemetry import Event, log

# 404: EDC and the conformance suite answer it to a message that overtook their own commit. 409: EDC's "not yet".
# 401: our membership, or our new key, may not have reached the peer yet.
TRY_AGAIN = frozenset({401, 404, 408, 409, 425, 429})
# A peer that says "illegal" and yet stands where we are has been asked often enough after so many refusals.
REFUSALS_BEFORE_GIVING_UP = 5
FIRST_WAIT_SECONDS = 0.1
# A fresh token for one request: (audience, body) -> token.
Sign = Callable[[str, bytes], str]
PATHS: dict[Kind, str] = {"negotiation": "/negotiations/", "transfer": "/transfers/"}


@dataclass(frozen=True)
class Delivery:
    """The sending half of the exchange of one participant."""

    exchange: Exchange
    http: GuardedHttp
    sign: Sign

    async def first_attempt(self, process: Process) -> None:
        """Send, and again with short pauses, until it arrived or the time of the first attempt is over."""
        try:
            async with asyncio.timeout(self.exchange.settings.first_attempt_seconds):
                await self._until_sent(process)
        except TimeoutError:
            return

    async def _until_sent(self, process: Process) -> None:
        wait = FIRST_WAIT_SECONDS
        current: Process | None = process
        while current is not None and current.outbound is not None:
            if await self.send(current):
                return
            await asyncio.sleep(wait * (1 + random.random()))  # noqa: S311 -- jitter
            wait *= 2
            current = await self._still_to_send(process)

    async def _still_to_send(self, process: Process) -> Process | None:
        current = await self.exchange.load(process.kind, process.pid)
        same = current.outbound and process.outbound and current.outbound.message_id == process.outbound.message_id
        return current if same else None

    async def send_by_job(self, pid: str, message_id: str) -> None:
        """What the job does; raises DeliveryError to be called again later."""
        process = await self._find(pid)
        if process is None or process.outbound is None or process.outbound.message_id != message_id:
            return
        if self.exchange.clock() >= process.outbound.deadline:
            await self._deadline_passed(process, process.outbound)
            return
        if not await self.send(process):
            raise DeliveryError(f"{process.peer} did not take the {process.outbound.message} of {pid}")

    async def _deadline_passed(self, process: Process, outbound: Outbound) -> None:
        waited = timedelta(seconds=self.exchange.settings.delivery_deadline_seconds)
        reason = (
            f"{process.peer} did not take the {outbound.message} within {waited}: {outbound.last_error or 'no answer'}"
        )
        await self.exchange.give_up(process, code="delivery_deadline", reason=reason)

    async def _find(self, pid: str) -> Process | None:
        async with connection(self.exchange.pool) as conn:
            for kind in PATHS:
                process = await store.find_process(conn, kind=kind, pid=pid)
                if process is not None:
                    return process
        return None

    async def send(self, process: Process) -> bool:
        """One attempt; whether nothing is left to be done about this message."""
        outbound = process.outbound
        if outbound is None:
            return True
        try:
            response = await self._request("POST", outbound.url, process.peer, outbound.body.encode())
        except AddressRefused as error:
            await self.exchange.give_up(process, code=error.code, reason=error.message)
            return True
        except DeliveryError as error:
            await self._note(process, outbound, error.message, refused=False)
            return False
        if 200 <= response.status < 300:
            return await self._taken(process, outbound, response)
        return await self._not_taken(process, outbound, response)

    async def _request(self, method: str, url: str, audience: str, body: bytes) -> Response:
        headers = {"Authorization": f"Bearer {self.sign(audience, body)}"}
        if body:
            headers["Content-Type"] = "application/json"
        return await self.http.request(method, url, headers=headers, body=body or None)

    async def _taken(self, process: Process, outbound: Outbound, response: Response) -> bool:
        peer_pid = process.peer_pid or _pid_in(response.body, process)
        if peer_pid is None:
            answer = f"answered {response.status} without its process id"
            await self._note(process, outbound, answer, refused=False)
            return False
        await self.exchange.acknowledge(process, peer_pid=peer_pid)
        return True

    async def _not_taken(self, process: Process, outbound: Outbound, response: Response) -> bool:
        answer = _describe(response)
        if process.state == NEW and 400 <= response.status < 500 and response.status not in {408, 425, 429}:
            # Nothing exists at the peer's that could be reconciled with: the answer is the decision.
            await self.exchange.give_up(process, code="peer_refused", reason=answer)
            return True
        refused = response.status not in TRY_AGAIN and response.status < 500
        await self._note(process, outbound, answer, refused=refused)
        return await self._reconcile(process, outbound, answer) if refused else False

    async def _note(self, process: Process, outbound: Outbound, error: str, *, refused: bool) -> None:
        log.info(Event.PEER_REFUSED, pid=process.pid, peer=process.peer, message=outbound.message, answer=error)
        async with connection(self.exchange.pool) as conn:
            await store.note_refusal(
                conn, pid=process.pid, message_id=outbound.message_id, error=error[:1000], refused=refused
            )

    async def _reconcile(self, process: Process, outbound: Outbound, answer: str) -> bool:
        """The peer says our message is illegal: read where it stands."""
        state = await self.read_state(process)
        if state is None:
            return False
        target = process.target_of(outbound.message, process.role)
        if state == target:
            await self.exchange.acknowledge(process, peer_pid=process.peer_pid, own=True)
            return True
        way = rules.path_to(process, state)
        learnable = way is not None and rules.can_be_learnt(way)
        waits = state == process.state or (way is not None and not learnable)
        if waits and outbound.refusals + 1 < REFUSALS_BEFORE_GIVING_UP:
            return False  # behind: our message goes out again; ahead by a message that has yet to come: it comes
        reason = f"{process.peer} refused our {outbound.message} ({answer}) and stands at {state}"
        if way and learnable:
            await self.exchange.settle(process, [(word, by) for word, by in way], reason=reason)
            return True
        await self.exchange.give_up(process, code="states_differ", reason=reason)
        return True

    async def read_state(self, process: Process) -> str | None:
        """The peer's state of the process; None if it does not say."""
        url = process.peer_address.rstrip("/") + PATHS[process.kind] + quoted(process.peer_pid)
        try:
            response = await self._request("GET", url, process.peer, b"")
        except DeliveryError:
            return None
        if response.status != 200:
            return None
        state = _object(response.body).get("state")
        known = isinstance(state, str) and rules.is_state(process.kind, state)
        return cast(str, state) if known else None


def _object(body: bytes) -> dict[str, Any]:
    """Whatever the peer answered, as far as it is a JSON object. Answers come without content type, and empty."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _pid_in(body: bytes, process: Process) -> str | None:
    pid = _object(body).get("consumerPid" if process.role == "provider" else "providerPid")
    return pid if isinstance(pid, str) and pid else None


def _describe(response: Response) -> str:
    """What the peer answered, in a sentence: status, code and reason of its error body."""
    document = _object(response.body)
    reason: Any = document.get("reason") or document.get("code") or ""
    text = "; ".join(str(part) for part in cast("list[Any]", reason)) if isinstance(reason, list) else str(reason)
    return f"{response.status} {text}".strip()[:500]
