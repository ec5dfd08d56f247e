"""How a command ends: the exit codes, and the failure that a command reports in one line."""

from collections.abc import Mapping
from enum import IntEnum

from connector.errors import ConnectorError


class Exit(IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_AUTHORIZED = 4
    INTERRUPTED = 130


MEANINGS: Mapping[Exit, str] = {
    Exit.DONE: "done",
    Exit.FAILED: "it did not succeed: refused, unfinished, a broken source, a finding of doctor",
    Exit.USAGE: "wrong usage or bad input",
    Exit.UNREACHABLE: "the participant does not run, or its database is away: try again",
    Exit.NOT_AUTHORIZED: "not authorised: no usable operator token, or not this participant's business",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}

# By the error's `code`, which is the same in our own API. Whatever is not here is FAILED.
_BY_CODE: Mapping[str, Exit] = {
    "invalid_input": Exit.USAGE,
    "not_authenticated": Exit.NOT_AUTHORIZED,
    "not_authorized": Exit.NOT_AUTHORIZED,
    "storage_error": Exit.UNREACHABLE,
    "trust_unavailable": Exit.UNREACHABLE,
    "unreachable": Exit.UNREACHABLE,
}


class CommandFailed(Exception):  # noqa: N818 -- a result that is reported, in one line
    """What was asked for did not happen: `message` says what and where, `hint` what to do."""

    def __init__(self, message: str, *, code: str = "failed", hint: str | None = None, end: Exit | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.exit = exit_for(code) if end is None else end

    def as_json(self) -> dict[str, str]:
        """`{"code", "message", "hint"}`; `hint` only if there is one."""
        body = {"code": self.code, "message": self.message}
        return body | {"hint": self.hint} if self.hint else body


def exit_for(code: str) -> Exit:
    """How a command ends that met an error of this code."""
    return _BY_CODE.get(code, Exit.FAILED)


def failure(error: ConnectorError, *, end: Exit | None = None) -> CommandFailed:
    """An error of the connector as the failure of a command."""
    return CommandFailed(error.message, code=error.code, hint=error.hint, end=end)
