"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="TIDEGATE_HOME",
        show_envvar=True,
        metavar="DIR",
        help="The participant's folder; without it the user's data folder.",
    ),
]
