"""The product's exchange, with the scripts of the suite in place of some of its decisions."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from connector.errors import ConnectorError
from connector.exchange.model import Draft, Inbound, Kind, Process, Reaction, quoted
from connector.exchange.record import Step
from connector.exchange.service import Exchange, React
from connector.negotiation import react as negotiation
from connector.negotiation.model import Terms, terms_from
from connector.negotiation.service import Negotiations
from connector.protocol import messages as m
from connector.protocol.wire import render_message
from connector.transfer import react as transfer
from connector.transfer.service import Transfers
from tests.conformance.script import NOTHING, fetches_nothing, script_of

Deliver = Callable[[Process], Coroutine[Any, Any, None]]

REASON = "the script of the conformance suite says so"


@dataclass(frozen=True)
class Pace:
    """How patient the connector is with the suite; another peer needs none of this.

    `before_delivery_seconds`: our reaction follows our written answer at once, which the protocol allows. The suite
    changes its own state some time after it has read that answer, and its handlers serve one request only: a message
    that comes before is refused, and its repetition finds nobody. `before_own_move_seconds`: the suite looks at each
    state every 100 ms, and has to see every one of a sequence.
    """

    before_delivery_seconds: float = 0.2
    before_own_move_seconds: float = 0.4


AT_ONCE = Pace(0.0, 0.0)


@dataclass
class ScriptedExchange(Exchange):
    """Receives as always; what follows is the script's where it says something.

    `own_moves` sends what the script wants sent of our own accord; it is set once the services exist.
    """

    own_moves: "OwnMoves | None" = None
    _playing: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    async def receive(self, kind: Kind, pid: str, inbound: Inbound, react: React) -> Process:
        return await super().receive(kind, pid, inbound, _scripted(inbound, react))

    async def open_received(self, process: Process, inbound: Inbound, react: React) -> Process:
        return await super().open_received(process, inbound, _scripted(inbound, react))

    async def run(self, step: Step) -> Process | None:
        """As always; a process that has come to where its script begins is moved on from there."""
        after = await super().run(step)
        if after is not None and self.own_moves is not None and after.pid not in self._playing:
            script = script_of(after)
            if after.state == script.once and after.outbound is None:
                self._playing[after.pid] = asyncio.create_task(self.own_moves.play(after, script.then))
        return after

    async def close(self) -> None:
        """Stop the scripts as well."""
        for task in self._playing.values():
            task.cancel()
        await asyncio.gather(*self._playing.values(), return_exceptions=True)
        await super().close()


def delivering_after(seconds: float, deliver: Deliver) -> Deliver:
    """The same, after a pause."""

    async def deliver_later(process: Process) -> None:
        await asyncio.sleep(seconds)
        await deliver(process)

    return deliver_later


@dataclass(frozen=True)
class OwnMoves:
    """What an operator of the connector would do, done by the script."""

    exchange: Exchange
    negotiations: Negotiations
    transfers: Transfers
    pause_seconds: float

    async def play(self, process: Process, words: tuple[str, ...]) -> None:
        """Send these one after the other, each once the peer has taken the one before."""
        for word in words:
            await asyncio.sleep(self.pause_seconds)
            await self._send(process, word)
            await self._arrived(process)

    async def _arrived(self, process: Process) -> None:
        while (await self.exchange.load(process.kind, process.pid)).outbound is not None:
            await self.exchange.changes.wait(process.pid, seconds=0.05)

    async def _send(self, process: Process, word: str) -> None:
        service = self.negotiations if process.kind == "negotiation" else self.transfers
        commands: Mapping[str, Callable[[], Awaitable[Any]]] = {
            "termination": lambda: service.terminate(process.pid, reason=REASON),
            "suspension": lambda: self.transfers.suspend(process.pid, reason=REASON),
            "start": lambda: self.transfers.resume(process.pid),
            "completion": lambda: self._complete(process),
        }
        try:
            await commands[word]()
        except ConnectorError as error:
            raise AssertionError(f"{word} of {process.pid}: {error.message} ({error.hint})") from error

    async def _complete(self, process: Process) -> None:
        """Also as the provider, whose own services leave the completion to the consumer."""

        async def answer(current: Process) -> Reaction:
            reaction = transfer.completed(current, received={"bytes": 0, "digest": None})
            return replace(reaction, effects=(transfer.close_flow(current, "completion"),))

        self.exchange.attempt(await self.exchange.command("transfer", process.pid, "completion", answer))


def _scripted(inbound: Inbound, react: React) -> React:
    async def answer(process: Process) -> Reaction:
        word = "counter" if inbound.message == "request" and process.seq > 1 else inbound.message
        instead = script_of(process).instead.get(word)
        if instead is not None:
            return _instead(process, inbound, instead)
        reaction = await react(process)
        return replace(reaction, effects=()) if inbound.message == "start" and fetches_nothing(process) else reaction

    return answer


def _instead(process: Process, inbound: Inbound, word: str) -> Reaction:
    if process.kind == "transfer":
        return Reaction() if word == NOTHING else transfer.refused(process, code="script", reason=REASON)
    terms = _terms(process, inbound)
    if word == NOTHING:
        return Reaction(data=terms.as_data())
    if word == "termination":
        return negotiation.refused(process, terms, code="script", reason=REASON)
    if word == "request":
        return Reaction(send=negotiation.request(process, terms.offer, callback_address=None), data=terms.as_data())
    return Reaction(send=_offer(process, terms), data=terms.as_data())


def _terms(process: Process, inbound: Inbound) -> Terms:
    """What is on the table after the message."""
    said = orjson.loads(inbound.body)
    offer = said.get("offer")
    if not process.data:
        return Terms(offer=offer)
    kept = terms_from(process.data)
    return replace(kept, offer=offer or kept.offer, agreement=said.get("agreement") or kept.agreement)


def _offer(process: Process, terms: Terms) -> Draft:
    """The provider's answer to a request: the same terms, as an offer."""
    message = m.ContractOfferMessage(
        consumer_pid=process.consumer_pid, provider_pid=process.pid, offer={**terms.offer, "target": process.offering}
    )
    return Draft("offer", f"/negotiations/{quoted(process.peer_pid)}/offers", render_message(message))
