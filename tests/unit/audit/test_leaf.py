import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from connector.audit.leaf import (
    COMMITMENTS,
    MEMBERS,
    LeafFacts,
    canonical,
    commit,
    leaf_hash,
    make_leaf,
    opens,
    render_time,
)

SALTS = [bytes([number]) * 32 for number in range(4)]
AT = datetime(2025, 3, 1, 12, 30, 15, 250, tzinfo=UTC)
TERMS = {"permission": [{"action": "use"}]}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def facts(**changes: object) -> LeafFacts:
    known: dict[str, object] = {
        "kind": "negotiation",
        "role": "provider",
        "process": "urn:uuid:provider-process",
        "peer_process": "urn:uuid:consumer-process",
        "source": "REQUESTED",
        "target": "AGREED",
        "direction": "sent",
        "message": hashlib.sha256(b"{}").hexdigest(),
        "at": AT,
        "party": "did:web:consumer.example",
        "offering": "flood-map",
        "agreement": "urn:uuid:agreement",
        "terms": TERMS,
        "evidence": {"token_issued_at": 1740832215},
    }
    return LeafFacts(**(known | changes))


def test_the_bytes_of_version_1_never_change():
    """Leaves cannot be migrated: whatever makes this test fail is to be undone, not the test."""
    sealed = make_leaf(facts(), SALTS)
    assert sealed.leaf == (
        b'{"at":"2025-03-01T12:30:15.000250Z","direction":"sent",'
        b'"evidence":"' + _by_hand(SALTS[3], b'{"token_issued_at":1740832215}') + b'",'
        b'"from":"REQUESTED","kind":"negotiation",'
        b'"message":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",'
        b'"party":"' + _by_hand(SALTS[0], b'"did:web:consumer.example"') + b'",'
        b'"peer_process":"urn:uuid:consumer-process","process":"urn:uuid:provider-process","role":"provider",'
        b'"subject":"' + _by_hand(SALTS[1], b'{"agreement":"urn:uuid:agreement","offering":"flood-map"}') + b'",'
        b'"terms":"' + _by_hand(SALTS[2], b'{"permission":[{"action":"use"}]}') + b'",'
        b'"to":"AGREED","v":1}'
    )
    assert sealed.hash == hashlib.sha256(b"\x00" + sealed.leaf).hexdigest()


def _by_hand(salt: bytes, canonical_value: bytes) -> bytes:
    return urlsafe_b64encode(hashlib.sha256(salt + canonical_value).digest()).rstrip(b"=")


def test_every_member_is_there_and_what_is_unknown_is_null():
    sealed = make_leaf(
        facts(
            peer_process=None,
            target=None,
            message=None,
            party=None,
            offering=None,
            agreement=None,
            terms=None,
            evidence={},
        ),
        SALTS,
    )
    members = orjson.loads(sealed.leaf)
    assert set(members) == MEMBERS
    assert {name for name, value in members.items() if value is None} == {
        "peer_process",
        "to",
        "message",
        "party",
        "terms",
    }
    assert members["subject"] == commit(SALTS[1], {"offering": None, "agreement": None})
    assert members["evidence"] == commit(SALTS[3], {})
    assert set(sealed.openings) == {"subject", "evidence"}


def test_nothing_that_is_committed_to_can_be_read_in_the_leaf():
    leaf = make_leaf(facts(), SALTS).leaf
    for secret in (b"did:web", b"flood-map", b"urn:uuid:agreement", b"permission", b"token_issued_at"):
        assert secret not in leaf


def test_the_openings_open_the_commitments_and_nothing_else_does():
    sealed = make_leaf(facts(), SALTS)
    members = orjson.loads(sealed.leaf)
    openings = orjson.loads(orjson.dumps(sealed.openings))
    assert set(openings) == set(COMMITMENTS)
    for name in COMMITMENTS:
        assert opens(members[name], openings[name])
        assert not opens(members[name], openings[name] | {"value": "another"})
        assert not opens(
            members[name], openings[name] | {"salt": openings["party" if name != "party" else "terms"]["salt"]}
        )


def test_equal_facts_with_other_salts_cannot_be_recognised():
    first, second = (orjson.loads(make_leaf(facts(), salts).leaf) for salts in (SALTS, SALTS[::-1]))
    assert all(first[name] != second[name] for name in COMMITMENTS)


@given(st.builds(facts, process=texts, peer_process=texts, source=texts, target=texts, party=texts, offering=texts))
def test_a_leaf_is_in_rfc_8785_form_whatever_the_peer_calls_its_process(leaf_facts: LeafFacts):
    leaf = make_leaf(leaf_facts, SALTS).leaf
    assert leaf == rfc8785.dumps(orjson.loads(leaf))


@given(json_values)
def test_a_commitment_survives_the_way_through_json(value: object):
    salt = SALTS[0]
    again = orjson.loads(orjson.dumps(value))
    assert commit(salt, again) == commit(salt, value)
    assert len(urlsafe_b64decode(commit(salt, value) + "=")) == 32


@pytest.mark.parametrize(
    ("value", "form"),
    [
        pytest.param({"b": 1, "a": [1.0, None]}, b'{"a":[1,null],"b":1}', id="members are sorted, numbers shortest"),
        pytest.param(2**53, b"9007199254740992", id="an integer beyond the exact ones is the nearest double"),
        pytest.param({"n": [10**21]}, b'{"n":[1e+21]}', id="a very large one inside"),
        pytest.param("é\u2028\x7f", '"é\u2028\x7f"'.encode(), id="nothing is escaped without need"),
    ],
)
def test_the_canonical_form_of(value: object, form: bytes):
    assert canonical(value) == form


def test_a_leaf_and_an_inner_node_are_hashed_in_different_domains():
    assert leaf_hash(b"") == hashlib.sha256(b"\x00").hexdigest()  # RFC 9162, 2.1.5: the hash of an empty leaf
    assert leaf_hash(b"") == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)], ids=["empty", "short", "long"])
def test_a_salt_of_another_length_is_refused(salt: bytes):
    with pytest.raises(ValueError, match="32 bytes"):
        commit(salt, "value")


def test_fewer_salts_than_commitments_are_refused():
    with pytest.raises(ValueError):
        make_leaf(facts(), SALTS[:3])


def test_a_time_is_written_in_utc_with_all_its_microseconds():
    assert render_time(datetime(2025, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2024-12-31T23:00:00.000000Z"
    with pytest.raises(ValueError, match="zone"):
        render_time(datetime(2025, 1, 1))  # noqa: DTZ001 -- that is the point
