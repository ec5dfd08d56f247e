"""The offerings registry: publish, withdraw, list, and say whether an offer that somebody names is still valid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from catalog.model import Offering, offering_of
from connector.db import Connection, Pool, connection, transaction
from connector.errors import InvalidInput, NotFound, OfferNotValid, UnknownProcess
from connector.offers import store
from connector.offers.model import (
    Entry,
    Outcome,
    Page,
    Publication,
    Published,
    PublishedOffer,
    Source,
    offering_digest,
)
from connector.offers.search import Search
from connector.protocol.checks import storable
from policies.check import check_policy
from policies.compare import differences
from policies.errors import PolicyError
from policies.parse import parse_policy
from policies.render import render_policy


@dataclass(frozen=True, slots=True)
class Offers:
    """The registry of this participant, over its database."""

    pool: Pool

    async def publish(self, publication: Publication) -> Published:
        """Offer this source from now on. InvalidInput: terms that this connector could not decide, or no free id."""
        sound = replace(publication, policy=sound_policy(publication.policy))
        async with transaction(self.pool) as conn:
            return await publish(conn, sound)

    async def withdraw(self, offering_id: str) -> datetime:
        """Offer it no longer; contracts that exist stay. Twice is once. NotFound if we never offered it."""
        async with transaction(self.pool) as conn:
            withdrawn_at = await store.withdraw_offering(conn, offering_id=offering_id)
        if withdrawn_at is None:
            raise _no_such_offering(offering_id)
        return withdrawn_at

    async def entries(self, *, after: str = "", limit: int) -> tuple[list[Entry], str | None]:
        """A page of all our offerings, withdrawn ones included, and where the next page starts."""
        async with connection(self.pool) as conn:
            found = await store.list_entries(conn, after=after, limit=limit + 1)
        return found[:limit], found[limit - 1].offering.id if len(found) > limit else None

    async def entry(self, offering_id: str) -> Entry:
        """One of our offerings, or NotFound."""
        async with connection(self.pool) as conn:
            found = await store.find_entry(conn, offering_id=offering_id)
        if found is None:
            raise _no_such_offering(offering_id)
        return found

    async def page(self, search: Search, *, after: str = "", limit: int) -> Page:
        """A page of what peers see. Every member sees all that is not withdrawn."""
        async with connection(self.pool) as conn:
            if search == Search():
                found = await store.list_offered(conn, after=after, limit=limit + 1)
            else:
                found = await store.search_offered(conn, search=search, after=after, limit=limit + 1)
        return Page(tuple(found[:limit]), next_after=found[limit - 1].id if len(found) > limit else None)

    async def offered(self, offering_id: str) -> Offering:
        """The current version of what is offered under this id; UnknownProcess if it is not, or no longer."""
        async with connection(self.pool) as conn:
            found = await store.find_entry(conn, offering_id=offering_id) if storable(offering_id) else None
        if found is None or found.withdrawn_at is not None:
            raise UnknownProcess(f"there is no dataset {offering_id!r} in this catalogue")
        return found.offering


async def publish(conn: Connection, publication: Publication) -> Published:
    """Register, renew or confirm one offering, in the caller's transaction. Its policy must have passed `sound_policy`.

    The row of the offering is locked, so that two publications of one source run one after the other.
    """
    offering_id, version, withdrawn_at = await _take(conn, publication)
    current = offering_of(publication.description, id=offering_id, version=version, policy=publication.policy)
    digest = offering_digest(current)
    found = await store.find_digest(conn, offering_id=offering_id, version=version)
    if found == digest and withdrawn_at is None:
        await store.refresh_files(conn, offering_id=offering_id, version=version, files=publication.files)
        return Published(current, Outcome.UNCHANGED)
    # A withdrawn offer stays withdrawn: what is offered again, even unchanged, is a new version with a new offer id.
    renewed = current if found is None else replace(current, version=version + 1)
    await store.append_version(conn, offering=renewed, digest=digest)
    await store.append_files(conn, offering_id=offering_id, version=renewed.version, files=publication.files)
    await store.set_current_version(conn, offering=renewed)
    return Published(renewed, Outcome.NEW if found is None else Outcome.NEW_VERSION)


async def judge_request(conn: Connection, offer: Mapping[str, Any]) -> PublishedOffer:
    """The published offer that the offer of an initial ContractRequestMessage stands for.

    OfferNotValid says which of unknown, withdrawn, stale or altered it is. In a counter-offer an altered one is legal:
    there, ask `find_offer` and let the policy decide.
    """
    found = await store.find_offer(conn, offer_id=str(offer.get("@id")))
    return judge_offer(found, offer)


def judge_offer(found: PublishedOffer | None, offer: Mapping[str, Any]) -> PublishedOffer:
    """The same for an offer that was already looked for: `found` is what is stored under its `@id`."""
    if found is None or offer.get("target", found.offering_id) != found.offering_id:
        raise OfferNotValid(
            f"unknown offer: {offer.get('@id')!r} was never made for {offer.get('target')!r}",
            hint="ask for the catalogue and take an offer from it",
        )
    named = f"offer {found.offer_id!r} of {found.offering_id!r}"
    if found.withdrawn_at is not None:
        raise OfferNotValid(f"withdrawn: {named} was withdrawn at {found.withdrawn_at.isoformat()}")
    if found.version != found.current_version:
        raise OfferNotValid(
            f"stale: {named} is version {found.version}, version {found.current_version} is offered now",
            hint="ask for the dataset again and take its current offer",
        )
    _refuse_altered(found, offer, named)
    return found


def sound_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy in the form in which it is published; InvalidInput names what this connector could not decide."""
    try:
        parsed = parse_policy(policy)
        check_policy(parsed)
    except PolicyError as error:
        raise InvalidInput(f"{error.path}: {error.problem}", hint=error.hint) from None
    rendered = render_policy(parsed)
    if not rendered.get("permission"):
        raise InvalidInput(
            "policy.permission: expected at least one permission: without one nobody may use the data",
            hint='the most open policy is {"permission": [{"action": "use"}]}',
        )
    return rendered


def _refuse_altered(found: PublishedOffer, offer: Mapping[str, Any], named: str) -> None:
    try:
        altered = [_in_words(line) for line in differences(offer, found.policy)]
    except PolicyError as error:
        altered = [str(error)]
    if altered:
        raise OfferNotValid(
            f"altered: {named} was published with other terms: {'; '.join(altered)}",
            hint="request the offer as it is in the catalogue, or make a counter-offer afterwards",
        )


def _in_words(difference: str) -> str:
    kind, _, text = difference.partition(": ")
    return f"{kind.replace('the first', 'the request').replace('the second', 'the offer')}: {text}"


async def _take(conn: Connection, publication: Publication) -> tuple[str, int, datetime | None]:
    """Id, current version and withdrawal of the source's offering, registered if need be, locked."""
    source = publication.source
    for candidate in _candidate_ids(publication.wished_id, source):
        held = await store.lock_source(conn, source=source)
        if held is not None:
            return held
        if await store.register_offering(conn, offering_id=candidate, source=source):
            return candidate, 1, None
    # The last attempt may have lost against a publication of the same source, not against another one.
    held = await store.lock_source(conn, source=source)
    if held is None:
        raise InvalidInput(f"no free id for {source.path}", hint="rename the source")
    return held


def _candidate_ids(wished: str, source: Source) -> Iterator[str]:
    """The id a source would like, and those that it gets when another source has it."""
    named = f"{wished}-{source.variant}" if source.variant else wished
    yield named
    yield f"{named}-{source.key()}"


def _no_such_offering(offering_id: str) -> NotFound:
    return NotFound(f"there is no offering {offering_id!r}", hint="tidegate offerings lists them")
