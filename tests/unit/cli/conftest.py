"""A participant's folder, a participant played on the wire, and the command line."""

import os
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli.main import app
from tests.unit.cli.fake import FakeParticipant, say_it_runs, serving


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The participant's folder, named by TIDEGATE_HOME; logs of commands go elsewhere."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    for name in list(os.environ):
        if name.startswith("TIDEGATE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TIDEGATE_HOME", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.fixture
def participant(home):
    """A running participant in `home`."""
    fake = FakeParticipant()
    server = ThreadingHTTPServer(("127.0.0.1", 0), serving(fake))
    fake.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    say_it_runs(home, fake.port)
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tidegate(home):
    """Run a command; the result has exit_code, stdout and stderr."""

    def run(*arguments: object, **options: Any):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="tidegate", **options)

    return run


@pytest.fixture
def process():
    """A negotiation or transfer as our own API shows it."""

    def build(kind="negotiation", **values: Any):
        common = {
            "pid": f"urn:uuid:{kind}",
            "kind": kind,
            "role": "consumer",
            "peer": "did:web:provider.example",
            "consumer_pid": f"urn:uuid:{kind}",
            "provider_pid": "urn:uuid:theirs",
            "state": "REQUESTED",
            "offering": "run-1",
            "agreement": None,
            "failure": None,
            "decision": None,
            "sending": None,
            "last_error": None,
            "open_to_us": ["termination"],
            "created_at": "2026-11-25T10:00:00Z",
            "updated_at": "2026-11-25T10:00:00Z",
        }
        negotiated = {
            "purpose": None,
            "terms": {},
            "sentence": "You may use this data.",
            "changed_terms": None,
            "awaits_decision": False,
        }
        transferred = {"format": "HttpData-PULL", "received": None, "bytes_done": 0, "bytes_total": 0}
        shown = common | (negotiated if kind == "negotiation" else transferred) | values
        ended = shown["state"] in {"NEW", "FINALIZED", "COMPLETED", "TERMINATED", "SUSPENDED"}
        resting = shown["sending"] is None and (ended or shown.get("awaits_decision", False))
        return {"resting": resting} | shown

    return build
