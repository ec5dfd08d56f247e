"""A protocol's state machine as one table of rows.

Two rules:

1. Whatever decides whether a message is legal is a row of a table. Nothing else in the connector compares states.
2. This file does not know which side we are. A row names who *sends*; the caller knows whether that is us or the peer,
   and turns `IllegalTransition` into its own error (`MoveNotAllowed` for a peer, `MoveNotOpenToUs` for an operator).

The database (table of moves), the tests, the documentation page and the web page read the same rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

State = TypeVar("State", bound=StrEnum)
Message = TypeVar("Message", bound=StrEnum)


class Role(StrEnum):
    """Who sends a message, and which side of a process a participant is on."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> "Role":
        """The counterparty's role."""
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


@dataclass(frozen=True, slots=True)
class Row(Generic[State, Message]):
    """One legal move, where the specification says so, and the conformance cases that walk it."""

    source: State
    message: Message
    sender: Role
    target: State
    clause: str
    tck: tuple[str, ...] = ()


class IllegalTransition(Exception):  # noqa: N818
    """No row of the table allows this message in this state from this sender. Says nothing about whose fault it is."""

    def __init__(self, *, state: StrEnum, message: StrEnum, sender: Role) -> None:
        """The three parts of the key that was looked up."""
        self.state = state
        self.message = message
        self.sender = sender
        super().__init__(f"a {message.value} from the {sender.value} is not allowed in state {state.value}")


class Machine(Generic[State, Message]):
    """A table of moves with the questions one may ask it."""

    def __init__(self, name: str, rows: Iterable[Row[State, Message]]) -> None:
        """`name` is the word used in documentation and table names. Two rows with one key are a `ValueError`."""
        self.name = name
        self.rows = tuple(rows)
        self._targets = {(row.source, row.message, row.sender): row.target for row in self.rows}
        self._sources = frozenset(row.source for row in self.rows)
        if len(self._targets) != len(self.rows):
            raise ValueError(f"the table of {name} has two rows for one state, message and sender")

    def step(self, state: State, message: Message, sender: Role) -> State:
        """The state after `message`. Raises `IllegalTransition` if there is no such row."""
        target = self._targets.get((state, message, sender))
        if target is None:
            raise IllegalTransition(state=state, message=message, sender=sender)
        return target

    def may(self, state: State, message: Message, sender: Role) -> bool:
        """Whether `step` would succeed."""
        return (state, message, sender) in self._targets

    def allowed(self, state: State, sender: Role) -> list[tuple[Message, State]]:
        """What `sender` may send in `state`, with the state it leads to, in the order of the table."""
        return [(row.message, row.target) for row in self.rows if row.source == state and row.sender == sender]

    def is_final(self, state: State) -> bool:
        """Whether nothing leads out of `state`."""
        return state not in self._sources


def cases(*ids: str) -> tuple[str, ...]:
    """Conformance ids, with ranges written out: `CN:01-01..03` is CN:01-01, CN:01-02, CN:01-03."""
    return tuple(case for word in ids for case in _expand(word))


def _expand(word: str) -> list[str]:
    first, _, last = word.partition("..")
    if not last:
        return [first]
    stem, number = first[:-2], int(first[-2:])
    return [f"{stem}{n:02d}" for n in range(number, int(last) + 1)]
