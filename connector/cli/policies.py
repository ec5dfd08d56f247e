"""`tidegate policy`: policies on this machine, in files; no participant is asked."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from connector.cli.options import Json
from connector.cli.policy_files import Source, read_concepts, read_graph_file, read_one, reporting
from connector.cli.screen import Screen, lines, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Policies in files: decide, compare, explain, check, write.", no_args_is_help=True)

Policy = Annotated[str, typer.Argument(metavar="POLICY", help="Turtle or JSON-LD; FILE#IRI for one of several.")]
Concepts = Annotated[
    list[Path] | None,
    typer.Option("--concepts", metavar="FILE", help="Adds hierarchies: skos:broader, dct:isPartOf, … Repeat."),
]
Reading = Annotated[
    Literal["tidegate", "suite"],
    typer.Option("--reading", help="tidegate fails closed; suite answers as the ODRL-Test-Suite expects."),
]


@app.command(epilog="Example: tidegate policy evaluate policy.ttl request.ttl state.ttl --json")
def evaluate(
    policy: Policy,
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="An odrl:Request.")],
    state: Annotated[Path, typer.Argument(metavar="STATE", help="Clock, memberships, records, values.")],
    reading: Reading = "tidegate",
    concepts: Concepts = None,
    as_json: Json = False,
) -> None:
    """Decide a request under a policy, in a state of the world, and say why."""
    from policies.concepts import Concepts as Stated
    from policies.evaluate import evaluate as decide
    from policies.hierarchies import concepts_of
    from policies.world import operands_in, request_of, state_of, with_declared

    with reporting():
        read = read_one(Source.parse(policy), any_action=reading == "suite")
        asked, declared = request_of(read_graph_file(request), name=str(request))
        world_graph = read_graph_file(state)
        world = state_of(world_graph, operands=operands_in(read))
        stated: Stated = read_concepts(concepts or []).joined(concepts_of(world_graph))
        facts = with_declared(world.facts, declared)
        decision = decide(read, asked, facts, world.now, reading=reading, concepts=stated)
    report = decision.report()
    Screen(as_json).show(report, partial(_decided, report))


@app.command(epilog="Example: tidegate policy compare offer.ttl request.ttl --concepts regions.ttl --json")
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Turtle or JSON-LD; FILE#IRI for one of several.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other policy.")],
    concepts: Concepts = None,
    as_json: Json = False,
) -> None:
    """Say whether there is any request, in any state of the world, that both policies permit.

    Compatible: with such a situation. Conflict: with a smallest set of what excludes each other. Unknown: it hangs on
    a relation that nobody stated; add it with --concepts.
    """
    from policies.overlap import compare_policies

    with reporting():
        found = compare_policies(read_one(Source.parse(a)), read_one(Source.parse(b)), read_concepts(concepts or []))
    document = found.as_json()
    Screen(as_json).show(document, partial(_compared, found.sentence(), document))


def _compared(sentence: str, document: dict[str, Any], console: "Console") -> None:
    lines(console, sentence)
    if document["witness"]:
        import json

        lines(console, json.dumps(document["witness"], indent=2, ensure_ascii=False))


def _decided(report: dict[str, Any], console: "Console") -> None:
    lines(console, report["because"])
    rows = [(rule["rule"], rule["type"], "active" if rule["active"] else "") for rule in report["rules"]]
    table(console, ("rule", "type", ""), rows)
