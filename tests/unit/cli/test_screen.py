"""What reaches a terminal, and what must not."""

import json

import pytest
from rich.console import Console

from connector.cli.screen import plain, table

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]title[/red]\x9b31m\u202e"


def entry(title):
    dataset = {"id": "run-1", "title": title, "offers": [{"id": "run-1:1", "terms": f"You may use {title}."}]}
    return {"participant": "did:web:p.example", "title": title, "complete": True, "datasets": [dataset]}


def test_a_title_of_a_peer_is_neither_markup_nor_a_command_to_the_terminal(tidegate, participant):
    participant.on("POST /api/catalog", entry(HOSTILE))
    said = tidegate("catalog", "did:web:p.example").stdout
    assert "[red]title[/red]" in said
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said)


def test_an_error_of_a_peer_is_neither(tidegate, participant):
    participant.on("POST /api/catalog", (502, {"code": "peer_refused", "message": HOSTILE, "hint": HOSTILE}))
    said = tidegate("catalog", "did:web:p.example").stderr
    assert said.count("[red]title[/red]") == 2
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said)


def test_json_is_ascii_and_holds_every_character(tidegate, participant):
    participant.on("POST /api/catalog", entry(HOSTILE))
    said = tidegate("catalog", "did:web:p.example", "--json").stdout
    assert said.isascii()
    assert "\x1b" not in said
    assert json.loads(said)["title"] == HOSTILE


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (3, "3"), ("a\nb", "a\nb"), ("a\tb", "a�b"), ("Überflutung", "Überflutung")]
)
def test_plain_keeps_what_can_be_printed(value, text):
    assert plain(value) == text


@pytest.mark.parametrize("width", [40, 80, 120, 400])
def test_an_id_is_never_broken_however_narrow_the_terminal(width, capsys):
    ids = [f"urn:uuid:{number:032d}" for number in range(3)]
    table(
        Console(width=width),
        ("id", "other id", "terms"),
        [(each, each, "You may use it. " * 9) for each in ids],
        prose={"terms"},
    )
    said = capsys.readouterr().out
    assert [said.count(each) for each in ids] == [2, 2, 2]
