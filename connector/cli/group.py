"""Groups of commands: the outermost one turns every end of a command into an exit code, never into a traceback."""

import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer import Abort, TyperException
from typer.core import TyperGroup

from connector.cli.exits import CommandFailed, Exit, failure
from connector.cli.screen import report
from connector.errors import ConnectorError


class Commands(TyperGroup):
    """The whole command line."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; `standalone_mode`: and exit with its code."""
        given = sys.argv[1:] if args is None else list(args)

        def run() -> object:
            return super(Commands, self).main(args, prog_name, complete_var, False, windows_expand_args, **extra)

        code = ended(run, as_json="--json" in given)
        if standalone_mode:
            sys.exit(code)
        return code


class ListsByDefault(TyperGroup):
    """A noun: without a verb its things are listed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` where no command is named; --help stays the help of the noun."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def ended(run: Callable[[], object], *, as_json: bool) -> int:
    """The exit code of a command, with what went wrong reported in one line."""
    try:
        result = run()
    except CommandFailed as failed:
        return _failed(failed, as_json=as_json)
    except ConnectorError as error:
        return _failed(failure(error), as_json=as_json)
    except TyperException as error:
        return _failed(_misused(error), as_json=as_json)
    except (KeyboardInterrupt, Abort):
        result = Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the last resort: a person gets a line, the log has the rest
        return _failed(_unexpected(error), as_json=as_json)
    if result == Exit.INTERRUPTED and not as_json:
        sys.stderr.write("interrupted\n")
    return result if isinstance(result, int) else Exit.DONE


def _failed(failed: CommandFailed, *, as_json: bool) -> int:
    report(failed, as_json=as_json)
    return failed.exit


def _misused(error: TyperException) -> CommandFailed:
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "tidegate")
    return CommandFailed(error.format_message(), code="usage", hint=f"{command} --help", end=Exit.USAGE)


def _unexpected(error: Exception) -> CommandFailed:
    try:
        kept = f"the log has it: {_keep_traceback()}"
    except OSError as problem:
        kept = f"and it could not be logged: {problem.strerror}"
    return CommandFailed(f"unexpected {type(error).__name__}, a fault of ours; {kept}", code="unexpected")


def _keep_traceback() -> Path:
    """Append what happened to the log of commands, which only its owner can read."""
    from platformdirs import user_log_path

    path = user_log_path("tidegate", ensure_exists=True) / "commands.log"
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv[:2])}\n{traceback.format_exc()}\n")
    return path
