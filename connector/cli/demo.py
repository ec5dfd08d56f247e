"""`tidegate demo`: a data space of three participants on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.options import Json

Once = Annotated[bool, typer.Option("--once", help="End after the story instead of waiting for Ctrl-C.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", exists=True, file_okay=False, help="Publish this folder in place of the samples."
    ),
]


def demo(once: Once = False, data: Data = None, as_json: Json = False) -> None:
    """Start a provider, a consumer and an authority, and let them exchange real data under contracts.

    Everything runs on this machine, in a new folder that is removed at the end. Exit code 1 if anything of the story
    did not hold.
    """
    from connector.demo import run_demo

    raise typer.Exit(run_demo(once=once, as_json=as_json, data=data))
