"""Who belongs to the data space: the authority's list, kept fresh, and believed no longer than it says itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from connector.db import Pool, connection
from connector.errors import DeliveryError, TrustUnavailable
from connector.identity.member_list import Member, VerifiedMemberList
from connector.identity.store import find_member_list, keep_member_list
from connector.telemetry import Event, log

# Somebody who is not on the list may have been admitted a moment ago, and an authority that was away may be back; more
# often than this nobody can make us ask.
RETRY_SECONDS = 0.5

FetchMemberList = Callable[[], Awaitable[VerifiedMemberList]]


class Members:
    """Answers "is this a member?" and asks the authority again when its list is older than `max_age_seconds`.

    While the authority answers, a removed member is refused after `max_age_seconds` at the latest. While it does not,
    the last list holds until it expires, also across a restart; then everybody is refused. A list with a lower version
    than one seen before is as good as no answer.
    """

    def __init__(
        self,
        *,
        authority: str,
        fetch: FetchMemberList,
        pool: Pool,
        max_age_seconds: float,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` asks the authority: over HTTP, or, in its own process, its database. `clock`: now, in UTC."""
        self._authority = authority
        self._fetch = fetch
        self._pool = pool
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._list: VerifiedMemberList | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def is_member(self, did: str) -> bool:
        """Whether `did` is the authority or on its list; raises TrustUnavailable if there is no list to go by."""
        if did == self._authority:
            return True
        current = await self._at_most(self._max_age_seconds)
        if current is None or did not in current.members:
            current = await self._at_most(RETRY_SECONDS)
        if current is None:
            raise TrustUnavailable(
                f"there is no valid list of members from {self._authority}",
                hint="is the authority running, and reachable from here? tidegate doctor says more",
            )
        return did in current.members

    async def list_members(self) -> list[Member]:
        """The members as of half a second ago at most, if the authority answers; raises TrustUnavailable if unknown."""
        current = await self._at_most(RETRY_SECONDS)
        if current is None:
            raise TrustUnavailable(f"there is no valid list of members from {self._authority}")
        return list(current.members.values())

    async def _at_most(self, age_seconds: float) -> VerifiedMemberList | None:
        """The list, asked for at most so long ago, if it is still valid."""
        if self._is_older_than(age_seconds):
            async with self._asking:  # one question at a time: who waited here finds the answer to the one before
                if self._is_older_than(age_seconds):
                    await self._ask()
        current = self._list
        return current if current is not None and self._clock() < current.expires_at else None

    def _is_older_than(self, age_seconds: float) -> bool:
        return self._monotonic() - self._asked_at >= age_seconds

    async def _ask(self) -> None:
        asked_at = self._monotonic()  # before: the answer may be as old as the question
        try:
            await self._believe(await self._fetch())
        except DeliveryError as error:
            log.warning(Event.MEMBERS_UNREACHABLE, authority=self._authority, problem=error.message)
            asked_at = self._monotonic()  # after: a question that hung must not be followed by the next at once
        if self._list is None:  # first answer after a start
            async with connection(self._pool) as conn:
                self._list = await find_member_list(conn, authority=self._authority)
        self._asked_at = asked_at

    async def _believe(self, fetched: VerifiedMemberList) -> None:
        async with connection(self._pool) as conn:
            kept = await keep_member_list(conn, fetched)
        if not kept:
            raise DeliveryError(
                f"version {fetched.version} of the list is older than one seen before, or contradicts it"
            )
        if self._list is None or fetched.version != self._list.version:
            log.info(Event.MEMBERS_UPDATED, authority=self._authority, version=fetched.version)
        self._list = fetched
