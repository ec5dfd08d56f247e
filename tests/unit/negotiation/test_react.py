"""Given where a negotiation stands, what is sent next. No database, no socket."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from connector.exchange.model import Process
from connector.negotiation import react
from connector.negotiation.model import Terms, terms_from, terms_of
from connector.negotiation.react import Verdict
from connector.protocol.wire import parse_message
from tests.unit.exchange.builders import OWN_PID, PEER, PEER_PID, process

OWN_DID = "did:web:own.example"
NOW = datetime(2026, 11, 25, 13, 0, tzinfo=timezone(timedelta(hours=1)))
USE = {"permission": [{"action": "use"}]}
OFFER = {"@id": "offer:1", "@type": "Offer", "target": "flood-map", **USE}
YES = Verdict(permitted=True, sentence="it may be used", decision={"result": True}, version=3)
NO = Verdict(permitted=False, sentence="the purpose is another one", decision={"result": False}, version=3)


def provider(state: str) -> Process:
    return process("negotiation", "provider", state)


def consumer(state: str) -> Process:
    return process("negotiation", "consumer", state)


def agreement(**changes: Any) -> dict[str, Any]:
    parties = {"assigner": PEER, "assignee": OWN_DID, "target": "flood-map"}
    return {"@id": "urn:uuid:a", "@type": "Agreement", **parties, **USE, **changes}


def judged(verdict: Verdict, offer: dict[str, Any] = OFFER) -> Any:
    return react.judged(
        provider("REQUESTED"), Terms(offer=offer), verdict, own_did=OWN_DID, agreement_id="urn:uuid:a", now=NOW
    )


def test_what_policy_permits_becomes_an_agreement_on_the_terms_of_the_offer():
    reaction = judged(YES)
    document = reaction.send.document
    assert document["agreement"] == {
        "@id": "urn:uuid:a",
        "@type": "Agreement",
        "target": "flood-map",
        "assigner": OWN_DID,
        "assignee": PEER,
        "timestamp": "2026-11-25T12:00:00.000000Z",
        **USE,
    }
    assert (document["providerPid"], document["consumerPid"]) == (OWN_PID, PEER_PID)
    assert (reaction.send.message, reaction.agreement) == ("agreement", "urn:uuid:a")
    assert reaction.data["version"] == 3
    assert reaction.data["decision"] == {"result": True}


def test_what_policy_refuses_is_terminated_with_the_sentence_and_keeps_the_decision():
    reaction = judged(NO)
    assert (reaction.send.message, reaction.agreement) == ("termination", None)
    assert (reaction.send.document["code"], reaction.send.document["reason"]) == ("policy", [NO.sentence])
    assert reaction.send.evidence == {"code": "policy", "reason": [NO.sentence]}
    assert reaction.data["failure"] == {"code": "policy", "reason": NO.sentence}
    assert reaction.data["decision"] == {"result": False}


@pytest.mark.parametrize("member", ["assigner", "assignee", "timestamp"])
def test_what_the_consumer_wrote_about_the_parties_does_not_get_into_the_agreement(member: str):
    reaction = judged(YES, {**OFFER, member: "did:web:somebody.example"})
    assert reaction.send.document["agreement"][member] != "did:web:somebody.example"


def test_an_agreement_that_equals_the_offer_is_verified():
    reaction = react.agreed(consumer("AGREED"), Terms(offer=OFFER), agreement(), own_did=OWN_DID)
    assert reaction.send is not None
    assert (reaction.send.message, reaction.agreement) == ("verification", "urn:uuid:a")
    assert reaction.send.path == f"/negotiations/{PEER_PID}/agreement/verification"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"assigner": OWN_DID}, "assigner", id="the parties the other way round"),
        pytest.param({"assignee": None}, "assignee", id="no consumer"),
        pytest.param({"target": "other"}, "target", id="another dataset"),
        pytest.param({"permission": [{"action": "distribute"}]}, "distribute", id="another action"),
        pytest.param({"permission": "everything"}, "permission", id="terms that cannot be read"),
    ],
)
def test_an_agreement_that_differs_is_terminated_and_the_difference_named(change: dict[str, Any], named: str):
    reaction = react.agreed(consumer("AGREED"), Terms(offer=OFFER), agreement(**change), own_did=OWN_DID)
    assert reaction.send is not None
    assert (reaction.send.message, reaction.agreement) == ("termination", None)
    assert named in reaction.send.document["reason"][0]
    assert reaction.data is not None
    assert reaction.data["failure"]["code"] == "agreement_differs"


def test_an_agreement_under_an_id_that_is_taken_is_terminated():
    reaction = react.agreed(consumer("AGREED"), Terms(offer=OFFER), agreement(), own_did=OWN_DID, id_taken=True)
    assert reaction.send is not None
    assert "that of another agreement" in reaction.send.document["reason"][0]


def test_every_difference_is_named_at_once():
    wrong = react.disagreements(
        consumer("AGREED"), Terms(offer=OFFER), agreement(target="x", assigner="y"), own_did=OWN_DID
    )
    assert [line.partition(" ")[0] for line in wrong] == ["assigner", "target"]


def test_an_offer_with_the_terms_we_asked_for_is_accepted():
    reaction = react.offered(consumer("OFFERED"), Terms(offer=OFFER), {**OFFER, "@id": "offer:2"})
    assert reaction.send is not None
    assert reaction.send.document["eventType"] == "ACCEPTED"
    assert reaction.data is not None
    assert (reaction.data["offer"]["@id"], reaction.data["awaits_decision"]) == ("offer:2", False)


def test_an_offer_with_other_terms_waits_and_says_what_changed():
    other = {**OFFER, "prohibition": [{"action": "distribute"}]}
    reaction = react.offered(consumer("OFFERED"), Terms(offer=OFFER), other)
    assert reaction.send is None
    assert reaction.data is not None
    assert reaction.data["awaits_decision"] is True
    assert "distribute" in reaction.data["changed_terms"][0]


def test_a_person_s_acceptance_ends_the_waiting():
    reaction = react.accepted(consumer("OFFERED"), Terms(offer=OFFER, awaits_decision=True))
    assert reaction.send is not None
    assert reaction.send.message == "acceptance"
    assert reaction.data is not None
    assert reaction.data["awaits_decision"] is False


def test_a_verification_is_answered_with_the_finalization_alone():
    reaction = react.verified(provider("VERIFIED"))
    assert reaction.send is not None
    assert reaction.send.document["eventType"] == "FINALIZED"
    assert reaction.effects == ()


@pytest.mark.parametrize("side", [provider, consumer])
def test_with_the_end_of_a_negotiation_its_agreement_is_stored(side: Any):
    terms = Terms(offer=OFFER, purpose=["urn:p"], version=3, agreement=agreement())
    (effect,) = react.finalized(side("FINALIZED"), terms).effects
    stored = {name: effect.params[name] for name in ("id", "peer", "negotiation", "offering", "offering_version")}
    assert stored == {
        "id": "urn:uuid:a", "peer": PEER, "negotiation": OWN_PID, "offering": "flood-map", "offering_version": 3,
    }  # fmt: skip
    assert effect.params["declared_purpose"] == ["urn:p"]


def test_a_first_request_says_where_to_answer_and_a_later_one_which_process_it_is_about():
    first = react.request(process("negotiation", "consumer", "NEW"), OFFER, callback_address="https://own.example/dsp")
    later = react.request(consumer("OFFERED"), OFFER, callback_address=None, purpose=["urn:p"])
    assert first.path == "/negotiations/request"
    assert first.document["callbackAddress"] == "https://own.example/dsp"
    assert "providerPid" not in first.document
    assert later.path == f"/negotiations/{PEER_PID}/request"
    assert later.document["providerPid"] == PEER_PID
    assert "callbackAddress" not in later.document
    assert later.document["https://w3id.org/tidegate/v1/declaredPurpose"] == ["urn:p"]


def test_a_pid_of_the_peer_cannot_lead_to_another_path():
    crooked = process("negotiation", "provider", "REQUESTED", peer_pid="../x/y?z#w")
    draft = react.termination(crooked, code="c", reasons=["r"])
    assert draft.path == "/negotiations/..%2Fx%2Fy%3Fz%23w/termination"
    assert draft.document["consumerPid"] == "../x/y?z#w"


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(judged(YES).send, id="agreement"),
        pytest.param(judged(NO).send, id="termination"),
        pytest.param(react.acceptance(consumer("OFFERED")), id="acceptance"),
        pytest.param(react.verified(provider("VERIFIED")).send, id="finalization"),
        pytest.param(react.request(consumer("OFFERED"), OFFER, callback_address=None), id="counter-offer"),
    ],
)
def test_what_we_send_is_a_message_that_we_would_take(draft: Any):
    assert parse_message(dict(draft.document)) is not None


def test_terms_come_back_from_what_a_process_keeps():
    terms = Terms(
        offer=OFFER, purpose=["urn:p"], purpose_source="said", version=2, agreement=agreement(),
        decision={"result": True}, awaits_decision=True, more={"failure": {"code": "c"}},
    )  # fmt: skip
    assert terms_from(terms.as_data()) == terms


def test_a_leaf_commits_to_the_terms_of_the_agreement_once_there_is_one():
    assert Terms(offer=OFFER).as_data()["terms"] == USE
    limited = {"permission": [{"action": "use"}], "prohibition": [{"action": "distribute"}]}
    assert Terms(offer=OFFER, agreement=agreement(**limited)).as_data()["terms"] == limited


def test_terms_are_all_but_who_when_and_about_what():
    assert terms_of(agreement(timestamp=datetime.now(UTC).isoformat(), profile="urn:x")) == {**USE, "profile": "urn:x"}
