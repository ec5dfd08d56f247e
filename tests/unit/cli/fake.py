"""The participant's side on the wire: a web server that answers what a test says and records what it was asked."""

import json
import os
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

DID = "did:web:localhost%3A8180"
TOKEN = "operator-token-of-the-test"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: str | None


@dataclass
class FakeParticipant:
    """Answers by method and path: a document, (status, document), bytes, or a list of them, one for each request."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    def on(self, route: str, *answers: Any) -> None:
        self.answers[route] = deque(answers)

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        self.asked.append(asked)
        if asked.token != f"Bearer {TOKEN}":
            return 401, b'{"code": "not_authenticated", "message": "the operator token is missing or wrong"}'
        answers = self.answers.get(f"{asked.method} {asked.path}")
        if not answers:
            return 404, b'{"detail": "Not Found"}'
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        return status, document if isinstance(document, bytes) else json.dumps(document).encode()

    @property
    def last(self) -> Asked:
        return self.asked[-1]


def serving(fake: FakeParticipant) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query, token = dict(parse_qsl(parts.query)), self.headers.get("Authorization")
            asked = Asked(self.command, parts.path, query, json.loads(body) if body else None, token)
            status, content = fake.answer(asked)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET  # noqa: N815 -- the names the server looks for

        def log_message(self, *_: object):
            """Not into the output of the tests."""

    return Answering


def say_it_runs(home, port, *, pid=None):
    """What `serve` leaves in the folder."""
    said = {"management_url": f"http://127.0.0.1:{port}", "did": DID, "pid": pid or os.getpid()}
    (home / "participant.json").write_text(json.dumps(said))
    (home / "operator.token").write_text(TOKEN + "\n")
    (home / "operator.token").chmod(0o600)
