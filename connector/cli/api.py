"""The participant's own API, as the commands call it: over loopback, with the operator token, and nothing else.

This is a named exception to the guarded client of `connector/http.py`: the address is the one that our own participant
wrote into its own folder.
"""

import http.client
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from connector.cli.exits import CommandFailed, Exit, failure
from connector.errors import ConfigurationError, NotFound

# Longer than what a participant allows itself for asking a peer several times.
ANSWER_SECONDS = 120.0
# Reading and hashing a folder of terabytes.
HARVEST_SECONDS = 24 * 3600.0
MAX_ANSWER_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Api:
    """A running participant. Each method raises CommandFailed, which says how the command ends."""

    did: str
    url: str
    token: str = field(repr=False)

    def get(self, path: str, **query: object) -> Any:
        """Read something; a query value of None is left out."""
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: object = None, *, seconds: float = ANSWER_SECONDS, **query: object) -> Any:
        """Ask for something to be done; wait `seconds` for the answer."""
        return self._ask("POST", path, body=body, seconds=seconds, query=query)

    def delete(self, path: str) -> Any:
        """Remove something."""
        return self._ask("DELETE", path)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        seconds: float = ANSWER_SECONDS,
        query: dict[str, object] | None = None,
    ) -> Any:
        parts = urlsplit(self.url)
        named = {name: str(value) for name, value in (query or {}).items() if value is not None}
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
        try:
            connection.request(method, f"{path}?{urlencode(named)}" if named else path, content, headers)
            response = connection.getresponse()
            return self._read(response.status, response.read(MAX_ANSWER_BYTES + 1))
        except TimeoutError:
            raise self._unreachable(f"did not answer within {seconds:.0f} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(f"does not answer: {getattr(error, 'strerror', None) or error}") from None
        finally:
            connection.close()

    def _read(self, status: int, body: bytes) -> Any:
        try:
            document = json.loads(body)
        except ValueError:
            raise self._unreachable("gave an answer that is not one of a Tidegate participant") from None
        if status >= 400:
            raise _refused(status, document)
        return document

    def _unreachable(self, what: str) -> CommandFailed:
        return CommandFailed(
            f"{self.did} at {self.url} {what}", code="unreachable", hint="tidegate doctor looks closer"
        )


def find_participant(home: Path | None) -> Api:
    """The participant that runs in this folder (absent: the user's data folder)."""
    from connector.management.access import read_operator_token
    from connector.management.participant_file import read_participant_file

    folder = (home or default_home()).absolute()
    try:
        found = read_participant_file(folder)
    except (NotFound, ConfigurationError) as error:
        raise CommandFailed(error.message, code="unreachable", hint=error.hint) from None
    if not _runs(found.pid):
        # Another program may listen at that address by now: it must not be given the token.
        why = f"{found.did} does not run any more: process {found.pid} is gone"
        raise CommandFailed(why, code="unreachable", hint="tidegate serve starts it")
    try:
        return Api(found.did, found.management_url, read_operator_token(folder))
    except ConfigurationError as error:
        raise failure(error, end=Exit.NOT_AUTHORIZED) from None


def default_home() -> Path:
    """The default of the setting `home`, without the cost of importing all settings; a test holds the two together."""
    from platformdirs import user_data_path

    return user_data_path("tidegate")


def _runs(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def _refused(status: int, document: Any) -> CommandFailed:
    body = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if "code" in body:
        return CommandFailed(str(body.get("message")), code=str(body["code"]), hint=body.get("hint"))
    detail = body.get("detail")
    if status == 422 and isinstance(detail, list):
        return CommandFailed(_first_problem(cast("list[Any]", detail)), code="invalid_input")
    return CommandFailed(f"the participant answered {status}: {detail or 'no reason given'}", code=f"http_{status}")


def _first_problem(detail: list[Any]) -> str:
    """FastAPI's list of what is wrong with a request, as far as one line goes."""
    if not detail or not isinstance(detail[0], dict):
        return "the participant did not understand the request"
    first = cast("dict[str, Any]", detail[0])
    where = ".".join(str(part) for part in first.get("loc", [])[1:])
    return f"{where}: {first.get('msg')}" if where else str(first.get("msg"))
