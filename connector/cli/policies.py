"""`tidegate policy`: policies on this machine, in files; no participant is asked."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from connector.cli.options import Json
from connector.cli.policy_files import Source, bad_input, read_concepts, read_graph_file, read_one, reporting
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


@app.command(epilog="Example: tidegate policy explain policy.json")
def explain(policy: Policy, as_json: Json = False) -> None:
    """Say in plain English what a policy allows, forbids and asks for."""
    from policies.describe import describe_policy

    with reporting():
        text = describe_policy(read_one(Source.parse(policy)))
    Screen(as_json).show({"text": text}, partial(_paragraph, text))


@app.command(epilog="Example: tidegate policy check policy.json")
def check(policy: Policy, as_json: Json = False) -> None:
    """Say whether a policy may be published here: whether every term of it can be decided.

    Exit code 2 names the first that cannot. Permissions and prohibitions of the policy that meet each other are shown.
    """
    from policies.check import cautions, check_policy
    from policies.overlap import contradictions

    with reporting():
        read = read_one(Source.parse(policy))
        check_policy(read)
        notes = cautions(read)
    met = [
        {"permission": permission, "prohibition": prohibition, "witness": witness.as_json()}
        for permission, prohibition, witness in contradictions(read)
    ]
    overlaps = [f"permission[{each['permission']}] and prohibition[{each['prohibition']}] overlap" for each in met]
    document = {"decidable": True, "cautions": notes, "overlaps": met}
    Screen(as_json).show(document, partial(_checked, [*notes, *overlaps]))


@app.command(epilog="Example: tidegate policy new research-until until=2028-01-01Z purpose=research > policy.json")
def new(
    template: Annotated[str | None, typer.Argument(metavar="[TEMPLATE]", help="Without it they are listed.")] = None,
    values: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]…", help="Its parameters.")] = None,
    as_json: Json = False,
) -> None:
    """Write a policy from a template; without a template, list them with their parameters."""
    from policies.describe import describe_policy
    from policies.parse import parse_policy
    from policies.templates import TEMPLATES

    screen = Screen(as_json)
    if template is None:
        screen.show([_listed(each) for each in TEMPLATES.values()], _templates)
        return
    if template not in TEMPLATES:
        raise bad_input(f"{template!r} is no template", hint=f"one of: {', '.join(TEMPLATES)}")
    with reporting():
        document = TEMPLATES[template].fill(dict(_pair(value) for value in values or []))
        screen.note(describe_policy(parse_policy(document)))
    Screen(as_json=True).show(document, lambda _: None)


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise bad_input(f"{text!r} is no parameter", hint="write NAME=VALUE")
    return name, value


def _listed(template: Any) -> dict[str, Any]:
    parameters = [{"name": each.name, "means": each.means, "example": each.example} for each in template.parameters]
    return {"template": template.name, "sentence": template.sentence, "parameters": parameters}


def _templates(console: "Console") -> None:
    from policies.templates import TEMPLATES

    rows = [
        (each.name, each.sentence, " ".join(f"{one.name}={one.example}" for one in each.parameters))
        for each in TEMPLATES.values()
    ]
    table(console, ("template", "says", "parameters"), rows)


def _paragraph(text: str, console: "Console") -> None:
    lines(console, text)


def _checked(notes: list[str], console: "Console") -> None:
    lines(console, "Every term can be decided.", *notes)


def _compared(sentence: str, document: dict[str, Any], console: "Console") -> None:
    lines(console, sentence)
    if document["witness"]:
        import json

        lines(console, json.dumps(document["witness"], indent=2, ensure_ascii=False))


def _decided(report: dict[str, Any], console: "Console") -> None:
    lines(console, report["because"])
    rows = [(rule["rule"], rule["type"], "active" if rule["active"] else "") for rule in report["rules"]]
    table(console, ("rule", "type", ""), rows)
