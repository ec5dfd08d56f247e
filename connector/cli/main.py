"""The command `tidegate`: every noun and verb put together."""

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from connector.cli import audit, members, offerings, policies, processes
from connector.cli.catalog import catalog
from connector.cli.demo import demo
from connector.cli.exits import MEANINGS
from connector.cli.get import get
from connector.cli.group import Commands
from connector.cli.negotiate import negotiate
from connector.cli.publish import publish
from connector.cli.serve import serve
from connector.cli.status import doctor, status

app = typer.Typer(
    name="tidegate",
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
    epilog="Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)

Version = Annotated[bool, typer.Option("--version", help="Print the version.")]


@app.callback()
def tidegate(context: typer.Context, version: Version = False) -> None:
    """Tidegate: a data-space connector for Earth-system digital twins.

    Commands talk to the participant that runs on this machine, with the operator token in its folder.
    """
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("tidegate"))
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _add(command: Callable[..., None], example: str) -> None:
    """A verb; its docstring is its help, each paragraph as long as the terminal is wide."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    app.command(help=text, epilog=f"Example: tidegate {example}")(command)


_add(demo, "demo --once")
_add(serve, "serve --role provider --authority did:web:authority.example")
_add(publish, "publish /data/sfincs/run-1 --policy research-until:2027-12-31")
app.add_typer(offerings.app, name="offerings")
_add(catalog, 'catalog did:web:provider.example --search "water depth"')
_add(negotiate, "negotiate did:web:provider.example run-1 --purpose research")
_add(get, "get urn:uuid:77d0…")
app.add_typer(processes.negotiations, name="negotiations")
app.add_typer(processes.agreements, name="agreements")
app.add_typer(processes.transfers, name="transfers")
app.add_typer(members.app, name="members")
app.add_typer(audit.app, name="audit")
app.add_typer(policies.app, name="policy")
_add(status, "status")
_add(doctor, "doctor --json")


def main() -> None:
    """Entry point; exits with the command's code."""
    app(prog_name="tidegate")
