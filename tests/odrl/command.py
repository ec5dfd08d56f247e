"""`tidegate policy …` as a person types it, in this process."""

import contextlib
import io
import json
from dataclasses import dataclass

from connector.cli.main import app


@dataclass(frozen=True)
class Finished:
    """What a command printed, and its exit code."""

    code: int
    output: str
    error: str

    @property
    def json(self):
        assert self.code == 0, self.error
        return json.loads(self.output)


def command(*arguments: object):
    """Run `tidegate policy …`."""
    output, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
        code = app(["policy", *map(str, arguments)], standalone_mode=False)
    assert "Traceback" not in error.getvalue()
    return Finished(int(code or 0), output.getvalue(), error.getvalue())


def evaluate(*arguments: object):
    return command("evaluate", *arguments, "--json")
