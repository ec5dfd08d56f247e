"""A step as the one argument of the function that makes it."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from connector.audit.leaf import leaf_hash
from connector.exchange import rules
from connector.exchange.model import Draft, Process, Reaction
from connector.exchange.record import Circumstances, Step, content_digest, render_step, salts_needed
from tests.unit.exchange.builders import NOW, OWN_PID, PEER, PEER_PID, inbound, outbound, process

DRAFT = Draft("verification", "/negotiations/theirs/agreement/verification", {"@type": "Verification"}, {"seen": 1})


def circumstances(step: Step) -> Circumstances:
    return Circumstances(
        now=NOW,
        salts=[bytes([number]) * 32 for number in range(salts_needed(step))],
        message_id="urn:uuid:new",
        job_due=timedelta(seconds=20),
        delivery_deadline=timedelta(hours=1),
    )


def rendered(step: Step) -> tuple[dict[str, Any], Process]:
    document, after = render_step(step, circumstances(step))
    return orjson.loads(document), after


def received_step(reaction: Reaction | None = None) -> Step:
    before = process("negotiation", "consumer", "REQUESTED", data={"terms": {"permission": [{"action": "use"}]}})
    message = inbound("agreement")
    after, move = rules.received(before, message)
    return Step(before, after, (move,), reaction or Reaction(), inbound=message)


def early_step() -> Step:
    before = process("negotiation", "provider", "REQUESTED", sending="agreement")
    between, first = rules.acknowledged(before)
    after, second = rules.received(between, inbound("verification"))
    return Step(before, after, (first, second), Reaction(), inbound=inbound("verification"))


def crossing_step() -> Step:
    before = process("transfer", "provider", "STARTED", sending="suspension")
    after, move = rules.received(replace(before, outbound=None), inbound("completion"))
    return Step(
        before, after, (move,), Reaction(), withdrawn=before.outbound, reason="crossed", inbound=inbound("completion")
    )


def test_a_received_message_gives_one_event_one_leaf_and_uses_its_token():
    document, after = rendered(received_step())
    assert [(e["seq"], e["source"], e["message"], e["target"], e["direction"]) for e in document["events"]] == [
        (4, "REQUESTED", "agreement", "AGREED", "received")
    ]
    assert [leaf["seq"] for leaf in document["leaves"]] == [4]
    assert document["token"]["iss"] == PEER
    assert document["token"]["jti"] == "jti-1"
    assert (document["pid"], document["seq"], document["state"], document["create"]) == (OWN_PID, 3, "AGREED", None)
    assert (after.state, after.seq) == ("AGREED", 4)


def test_the_leaf_has_the_digest_of_the_exact_body_and_its_own_hash():
    document, _ = rendered(received_step())
    stored = document["leaves"][0]
    leaf = orjson.loads(stored["leaf"])
    assert leaf["message"] == hashlib.sha256(inbound("agreement").body).hexdigest()
    assert stored["hash"] == leaf_hash(stored["leaf"].encode())
    assert (leaf["role"], leaf["process"], leaf["peer_process"], leaf["from"], leaf["to"], leaf["direction"]) == (
        "consumer", OWN_PID, PEER_PID, "REQUESTED", "AGREED", "received",
    )  # fmt: skip


def test_openings_hold_what_the_leaf_only_commits_to():
    document, _ = rendered(received_step())
    openings = document["leaves"][0]["openings"]
    assert {name: opening["value"] for name, opening in openings.items()} == {
        "party": PEER,
        "subject": {"offering": "flood-map", "agreement": None},
        "terms": {"permission": [{"action": "use"}]},
        "evidence": {"token_issued_at": NOW.isoformat()},
    }
    assert len({opening["salt"] for opening in openings.values()}) == 4


def test_a_reaction_is_stored_as_the_exact_body_that_will_be_sent():
    document, after = rendered(received_step(Reaction(send=DRAFT)))
    queued = document["send"]
    assert orjson.loads(queued["body"]) == {"@type": "Verification", "@id": "urn:uuid:new"}
    assert queued["url"] == "https://peer.example/dsp/negotiations/theirs/agreement/verification"
    assert (queued["message"], queued["message_id"], queued["evidence"]) == (
        "verification",
        "urn:uuid:new",
        {"seen": 1},
    )
    assert queued["deadline"] == (NOW + timedelta(hours=1)).isoformat()
    assert queued["job_due"] == (NOW + timedelta(seconds=20)).isoformat()
    assert after.outbound is not None
    assert after.outbound.body == queued["body"]
    assert document["clear"] is False


def test_an_early_message_is_two_events_and_two_leaves_in_order():
    document, after = rendered(early_step())
    assert [(e["seq"], e["message"], e["direction"]) for e in document["events"]] == [
        (4, "agreement", "sent"),
        (5, "verification", "received"),
    ]
    assert [leaf["seq"] for leaf in document["leaves"]] == [4, 5]
    assert document["outbound"] == "urn:uuid:our-agreement"
    assert document["clear"] is True
    assert (after.state, after.outbound) == ("VERIFIED", None)


def test_a_withdrawn_message_has_a_leaf_of_its_own_that_leads_nowhere():
    step = crossing_step()
    document, _ = rendered(step)
    assert len(document["events"]) == 1
    withdrawn, moved = document["leaves"]
    leaf = orjson.loads(withdrawn["leaf"])
    assert step.withdrawn is not None
    assert (withdrawn["seq"], leaf["from"], leaf["to"], leaf["direction"]) == (None, "STARTED", None, "own")
    assert leaf["message"] == hashlib.sha256(step.withdrawn.body.encode()).hexdigest()
    assert withdrawn["openings"]["evidence"]["value"] == {"withdrawn": "suspension", "reason": "crossed"}
    assert moved["seq"] == 4
    assert document["clear"] is True


@pytest.mark.parametrize(
    ("step", "count"),
    [(received_step(), 4), (early_step(), 8), (crossing_step(), 8)],
    ids=["one move", "two moves", "a move and a withdrawal"],
)
def test_each_leaf_has_four_salts_of_its_own(step: Step, count: int):
    assert salts_needed(step) == count
    document, _ = rendered(step)
    salts = [opening["salt"] for leaf in document["leaves"] for opening in leaf["openings"].values()]
    assert len(salts) == len(set(salts))


def test_a_new_process_is_created_with_its_row():
    opened = process("negotiation", "provider", "NEW", peer_pid=PEER_PID)
    after, move = rules.received(opened, inbound("request"))
    document, _ = rendered(Step(None, after, (move,), Reaction(), inbound=inbound("request")))
    assert document["create"] == {
        "kind": "negotiation",
        "role": "provider",
        "peer": PEER,
        "peer_address": "https://peer.example/dsp/",
        "offering": "flood-map",
    }
    assert (document["seq"], document["events"][0]["seq"], document["peer_pid"]) == (0, 1, PEER_PID)


def test_what_the_reaction_says_replaces_what_was_kept_and_silence_leaves_it():
    kept, _ = rendered(received_step())
    changed, after = rendered(received_step(Reaction(data={"new": True}, agreement="urn:uuid:a")))
    assert kept["data"] == {"terms": {"permission": [{"action": "use"}]}}
    assert changed["data"] == {"new": True}
    assert changed["agreement"] == after.agreement == "urn:uuid:a"


def test_the_deadline_ends_with_the_process():
    before = process("negotiation", "consumer", "VERIFIED", deadline=NOW)
    after, move = rules.received(before, inbound("finalization"))
    document, settled = rendered(Step(before, after, (move,), Reaction(), inbound=inbound("finalization")))
    assert document["deadline"] is None
    assert settled.deadline is None


def test_something_still_under_way_stays_under_way():
    before = process("negotiation", "provider", "REQUESTED", outbound=outbound("agreement"))
    document, after = rendered(Step(before, before, (), Reaction(data={"note": 1})))
    assert (document["clear"], document["send"], document["outbound"]) == (False, None, "urn:uuid:our-agreement")
    assert after.outbound == before.outbound


def test_two_messages_are_one_whatever_their_id_and_the_order_of_their_members():
    one = {"@id": "urn:uuid:1", "@type": "X", "a": {"b": 1, "c": 2}}
    other = {"a": {"c": 2, "b": 1}, "@type": "X"}
    assert content_digest(one) == content_digest(other)
    assert content_digest(one) != content_digest({**other, "@type": "Y"})
    assert content_digest({"a": [1, 2]}) != content_digest({"a": [2, 1]})
