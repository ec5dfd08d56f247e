"""Files with policies, requests, states and concepts: read, and what is wrong with them said in one line."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.exits import CommandFailed

if TYPE_CHECKING:
    from policies.concepts import Concepts
    from policies.graph import Graph
    from policies.model import Policy

MAX_BYTES = 16 * 1024**2  # the largest vocabulary of places that is of use here has a few megabytes


@dataclass(frozen=True)
class Source:
    """A file, or one of the policies in it."""

    path: Path
    iri: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Source":
        """`FILE` or `FILE#IRI`. A file whose name has a # in it is that file."""
        path, mark, iri = text.partition("#")
        if not mark or Path(text).exists():
            return cls(Path(text))
        return cls(Path(path), iri or None)


@contextmanager
def reporting() -> Generator[None]:
    """Whatever is wrong with a document ends the command with its place, the problem, and what to do."""
    from policies.errors import PolicyError

    try:
        yield
    except PolicyError as error:
        raise CommandFailed(f"{error.path}: {error.problem}", code="invalid_input", hint=error.hint) from None


def read_one(source: Source, *, any_action: bool = False) -> "Policy":
    """The policy that a source names; CommandFailed if the file has several and none is named."""
    found = read_all(source.path, any_action=any_action)
    if source.iri is not None:
        wanted = [uid for uid in found if uid == source.iri or uid.endswith(f"#{source.iri}")]
        if len(wanted) == 1:
            return found[wanted[0]]
        raise bad_input(f"{source.path}: has no policy {source.iri!r}", hint=f"it has: {', '.join(found)}")
    if len(found) > 1:
        hint = f"name one: {' or '.join(f'{source.path}#{uid}' for uid in found)}"
        raise bad_input(f"{source.path}: has {len(found)} policies", hint=hint)
    return next(iter(found.values()))


def read_all(path: Path, *, any_action: bool = False) -> "dict[str, Policy]":
    """Every policy in a file, by its identifier."""
    from policies.reading import read_policies

    return read_policies(read_text(path), name=str(path), contexts=_contexts(), any_action=any_action)


def read_graph_file(path: Path) -> "Graph":
    """The triples in a file."""
    from policies.reading import read_graph

    return read_graph(read_text(path), name=str(path), contexts=_contexts())


def read_concepts(paths: Iterable[Path]) -> "Concepts":
    """What all of the files state about concepts."""
    from policies.concepts import Concepts
    from policies.hierarchies import concepts_of

    stated = Concepts()
    for path in paths:
        stated = stated.joined(concepts_of(read_graph_file(path)))
    return stated


def read_text(path: Path) -> str:
    """A file of text in UTF-8; CommandFailed if it is none, or too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise bad_input(f"{path}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise bad_input(f"{path}: is larger than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_input(f"{path}: is not UTF-8 (byte {error.start})") from None


def _contexts() -> Any:
    from connector.protocol.contexts import contexts

    return contexts()


def bad_input(message: str, *, hint: str | None = None) -> CommandFailed:
    """What was given cannot be used: exit code 2."""
    return CommandFailed(message, code="invalid_input", hint=hint)
