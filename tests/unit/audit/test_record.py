from contextlib import suppress
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.audit.leaf import LeafFacts, leaf_hash, make_leaf
from connector.audit.record import (
    AlteredLeaf,
    RecordedLeaf,
    StoredLeaf,
    open_leaf,
    opens_all,
    parse_leaves,
    render_leaf,
)
from connector.errors import MalformedMessage

AT = datetime(2025, 1, 1, tzinfo=UTC)
SEALED = make_leaf(
    LeafFacts(
        kind="transfer",
        role="consumer",
        process="own",
        peer_process="theirs",
        source="NEW",
        target="REQUESTED",
        direction="sent",
        message="0" * 64,
        at=AT,
        party="did:web:provider.example",
        offering="flood-map",
        agreement="agreement",
        terms={"permission": []},
    ),
    [bytes([number]) * 32 for number in range(4)],
)
STORED = StoredLeaf(7, "own", 1, AT, SEALED.leaf, bytes.fromhex(SEALED.hash), SEALED.openings)


def test_a_leaf_arrives_as_it_was_sent():
    body = orjson.dumps({"leaves": [render_leaf(STORED)]})
    assert parse_leaves(body) == (RecordedLeaf(SEALED.leaf, SEALED.hash),)
    assert open_leaf(parse_leaves(body)[0])["process"] == "own"


def test_openings_are_shown_only_when_asked_for():
    assert "openings" not in render_leaf(STORED)
    assert render_leaf(STORED, with_openings=True)["openings"] == SEALED.openings


def test_openings_are_held_against_the_leaf():
    recorded = RecordedLeaf(SEALED.leaf, SEALED.hash)
    assert opens_all(recorded, SEALED.openings)
    assert not opens_all(recorded, SEALED.openings | {"party": SEALED.openings["terms"]})


@given(st.binary(max_size=200) | st.from_regex(rb'\{"leaves": ?\[.*\]\}', fullmatch=True))
def test_random_bytes_are_leaves_or_malformed(body: bytes):
    with suppress(MalformedMessage):
        parse_leaves(body)


def _changed(**changes: object) -> bytes:
    return orjson.dumps(orjson.loads(SEALED.leaf) | changes, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(b"[]", id="no object"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(_changed(v=2), id="another version"),
        pytest.param(_changed(more=1), id="a member more"),
        pytest.param(_changed(message="0" * 63), id="a short digest"),
        pytest.param(_changed(direction="lost"), id="an unknown direction"),
        pytest.param(_changed(process=None), id="no process"),
        pytest.param(SEALED.leaf.replace(b",", b", "), id="not in canonical form"),
    ],
)
def test_what_is_no_leaf_of_version_1_is_refused_even_with_its_own_hash(leaf: bytes):
    with pytest.raises(AlteredLeaf):
        open_leaf(RecordedLeaf(leaf, leaf_hash(leaf)))
