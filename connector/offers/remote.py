"""The catalogue of a peer, read for a person: every offer with its terms in a plain sentence."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast
from urllib.parse import quote, urljoin, urlsplit

from connector.errors import DeliveryError, MalformedMessage, PeerRefused
from connector.http import GuardedHttp, Response
from connector.offers.search import Search, render_filter
from connector.protocol.messages import Catalog, CatalogError, CatalogRequestMessage, Dataset
from connector.protocol.wire import encode, parse_body, render_message
from policies.check import check_policy
from policies.describe import describe_policy
from policies.parse import parse_policy

# A peer decides how much it has; we decide how much we read and keep. Either is far more than a person looks at.
MAX_PAGES = 200
MAX_BYTES = 64 * 1024**2

# A new token for one request: (the peer's DID, the body) -> token.
Sign = Callable[[str, bytes], str]
FindBase = Callable[[str], Awaitable[str]]

Answer = TypeVar("Answer", Catalog, Dataset)


@dataclass(frozen=True, slots=True)
class RemoteOffer:
    """An offer of a peer. `policy` is what it said, whole; `decidable` is whether we understand every term of it."""

    offer_id: str
    policy: Mapping[str, Any]
    sentence: str
    decidable: bool


@dataclass(frozen=True, slots=True)
class RemoteDataset:
    """A dataset of a peer. `document` is its DCAT form, whole."""

    id: str
    title: str
    description: str
    keywords: tuple[str, ...]
    formats: tuple[str, ...]
    total_bytes: int | None
    offers: tuple[RemoteOffer, ...]
    document: Mapping[str, Any]

    def mentions(self, text: str) -> bool:
        """Whether every word of `text` begins a word of what the dataset says of itself."""
        said = " ".join([self.id, self.title, self.description, *self.keywords]).lower()
        words = re.findall(r"[^\W_]+", said)
        return all(any(word.startswith(asked) for word in words) for asked in re.findall(r"[^\W_]+", text.lower()))


@dataclass(frozen=True, slots=True)
class RemoteCatalog:
    """What a peer offers us. `complete` is False when it has more than we read."""

    participant: str
    title: str
    datasets: tuple[RemoteDataset, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Peers:
    """The catalogues of other participants: `find_base` gives the base address of a peer's protocol endpoint."""

    http: GuardedHttp
    sign: Sign
    find_base: FindBase

    async def catalog(self, did: str, *, text: str | None = None, max_pages: int = MAX_PAGES) -> RemoteCatalog:
        """All datasets of a peer, or those that mention `text`.

        The peer is asked to search. One that does not know our filter answers 400: then all is read, and searched here.
        Raises DeliveryError (not reached, 5xx, or no catalogue) or PeerRefused (4xx).
        """
        base = await self.find_base(did)
        if not text:
            return await self._read_pages(did, base, Search(), max_pages)
        try:
            return await self._read_pages(did, base, Search(text=text), max_pages)
        except PeerRefused:
            catalog = await self._read_pages(did, base, Search(), max_pages)
        return replace(catalog, datasets=tuple(dataset for dataset in catalog.datasets if dataset.mentions(text)))

    async def dataset(self, did: str, dataset_id: str) -> RemoteDataset:
        """One dataset of a peer, as it is offered now; PeerRefused if there is none."""
        base = await self.find_base(did)
        url = f"{base}/catalog/datasets/{quote(dataset_id, safe='')}"
        answer = await self.http.request("GET", url, headers=self._headers(did, b""))
        return _remote_dataset(_parsed(answer, url, expected=Dataset))

    async def _read_pages(self, did: str, base: str, search: Search, max_pages: int) -> RemoteCatalog:
        body = encode(CatalogRequestMessage(filter=tuple(render_filter(search)) or None))
        url: str | None = f"{base}/catalog/request"
        datasets: dict[str, RemoteDataset] = {}
        participant, title, pages, size = did, "", 0, 0
        while url is not None and pages < max_pages and size <= MAX_BYTES:
            answer = await self.http.request("POST", url, headers=self._headers(did, body), body=body)
            page = _parsed(answer, url, expected=Catalog)
            participant, title = page.participant_id or did, _text_of(page.extra, "title")
            datasets |= {dataset.id: _remote_dataset(dataset) for dataset in _all_datasets(page)}
            url, pages, size = next_page(answer, url), pages + 1, size + len(answer.body)
        return RemoteCatalog(participant, title, tuple(datasets.values()), complete=url is None)

    def _headers(self, did: str, body: bytes) -> dict[str, str]:
        content = {"Content-Type": "application/json"} if body else {}
        return {"Authorization": f"Bearer {self.sign(did, body)}"} | content


def next_page(answer: Response, url: str) -> str | None:
    """The address of the next page (RFC 8288), or None. It must be at the same origin: our token goes there."""
    for target, parameters in re.findall(r"<([^>]*)>([^,<]*)", answer.headers.get("Link", "")):
        if re.search(r';\s*rel="?next"?\s*(;|$)', parameters, re.IGNORECASE):
            following = urljoin(url, target)
            if urlsplit(following)[:2] != urlsplit(url)[:2]:
                raise DeliveryError(f"{url}: the next page of the catalogue is at another address, not followed")
            return following
    return None


def read_terms(policy: Mapping[str, Any], *, title: str | None = None) -> tuple[str, bool]:
    """The plain sentence for a policy, and whether this connector can decide all of it."""
    try:
        parsed = parse_policy(policy)
    except ValueError as error:
        return f"These terms cannot be read: {error}", False
    try:
        check_policy(parsed)
    except ValueError as error:
        return f"{describe_policy(parsed, title=title)} (Not all of it can be decided here: {error})", False
    return describe_policy(parsed, title=title), True


def _all_datasets(catalog: Catalog) -> Iterator[Dataset]:
    """Also those of nested catalogues. The parser bounds the depth of a document."""
    yield from catalog.dataset
    for nested in catalog.catalog:
        yield from _all_datasets(nested)


def _remote_dataset(dataset: Dataset) -> RemoteDataset:
    title = _text_of(dataset.extra, "title") or dataset.id
    return RemoteDataset(
        id=dataset.id,
        title=title,
        description=_text_of(dataset.extra, "description"),
        keywords=_texts_of(dataset.extra, "keyword"),
        formats=tuple(sorted({str(place.get("format")) for place in dataset.distribution})),
        total_bytes=_total_bytes(dataset.distribution),
        offers=tuple(_remote_offer(policy, title) for policy in dataset.has_policy),
        document=render_message(dataset),
    )


def _remote_offer(policy: Mapping[str, Any], title: str) -> RemoteOffer:
    sentence, decidable = read_terms(policy, title=title)
    return RemoteOffer(offer_id=str(policy.get("@id")), policy=policy, sentence=sentence, decidable=decidable)


def _total_bytes(distributions: tuple[Mapping[str, Any], ...]) -> int | None:
    """What the first distribution that says so says about its size."""
    texts = (_text_of(distribution, "byteSize") for distribution in distributions)
    return next((int(text) for text in texts if re.fullmatch(r"[0-9]{1,18}", text)), None)


def _text_of(members: Mapping[str, Any], word: str) -> str:
    return next(iter(_texts_of(members, word)), "")


def _texts_of(members: Mapping[str, Any], word: str) -> tuple[str, ...]:
    """The texts under a metadata term, whatever prefix the peer uses (`dct:`, `dcterms:`, the whole IRI, none)."""
    for key, value in members.items():
        if re.split(r"[:/#]", key)[-1] == word:
            values = cast(list[Any], value) if isinstance(value, list) else [value]
            return tuple(_plain_text(item) for item in values)
    return ()


def _plain_text(value: Any) -> str:
    """A string, or the `@value` of a JSON-LD value object."""
    return str(cast(Mapping[str, Any], value).get("@value", "")) if isinstance(value, Mapping) else str(value)


def _parsed(answer: Response, url: str, *, expected: type[Answer]) -> Answer:
    """What a 2xx answer says; otherwise the peer's own words as PeerRefused (4xx) or DeliveryError (all else)."""
    host = urlsplit(url).netloc
    if 200 <= answer.status < 300:
        try:
            return parse_body(answer.body, expected=expected)
        except MalformedMessage as error:
            raise DeliveryError(f"{host} did not answer with a {expected.__name__}: {error.message}") from None
    kind = PeerRefused if 400 <= answer.status < 500 else DeliveryError
    raise kind(f"{host} answered {answer.status}: {_reason(answer.body)}")


def _reason(body: bytes) -> str:
    try:
        error = parse_body(body, expected=CatalogError)
    except MalformedMessage:
        return "no reason given"
    return "; ".join(map(str, error.reason))[:500] or error.code or "no reason given"
