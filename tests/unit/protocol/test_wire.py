"""What is accepted from a peer, what is refused and where the error points, and what we send."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import MalformedMessage
from connector.protocol.messages import (
    DECLARED_PURPOSE,
    DSP_CONTEXT,
    CatalogRequestMessage,
    ContractNegotiation,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractRequestMessage,
    DataAddress,
    EndpointProperty,
    EventType,
    TransferStartMessage,
    negotiation_word,
    transfer_word,
)
from connector.protocol.wire import SHAPES, decode, encode, parse_body, parse_message, render_message

EDC_CONTEXT = "https://w3id.org/edc/dspace/v0.0.1"
GONE = object()


def changed(document, path, value):
    """`document` with the member at `path` (keys and indices) replaced, added, or removed if `value` is GONE."""
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return document


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


# Where the reference says that peers differ: message, path, value.
ACCEPTED = {
    "a second context": ("ContractRequestMessage", ["@context"], [DSP_CONTEXT, EDC_CONTEXT]),
    "the protocol's context second": ("ContractRequestMessage", ["@context"], [EDC_CONTEXT, DSP_CONTEXT]),
    "a message id": ("TransferCompletionMessage", ["@id"], "urn:uuid:m"),
    "an unknown member": ("ContractNegotiation", ["edc:createdAt"], {"at": [1, None, True, 2.5]}),
    "an unknown member in an offer": ("ContractRequestMessage", ["offer", "edc:policy"], {"a": 1}),
    "the suite's misspelt constraints": ("ContractRequestMessage", ["offer", "permission", 0, "constraints"], []),
    "an unknown member in a data address": ("TransferStartMessage", ["dataAddress", "edc:type"], "HttpData"),
    "an unknown member in a property": ("TransferStartMessage", ["dataAddress", "endpointProperties", 0, "x"], 1),
    "a callback address in an agreement": ("ContractAgreementMessage", ["callbackAddress"], "https://x.example"),
    "reasons that are no strings": ("TransferTerminationMessage", ["reason"], [{"@value": "no"}, 7, None]),
    "no reason": ("ContractNegotiationTerminationMessage", ["reason"], GONE),
    "no code": ("ContractNegotiationTerminationMessage", ["code"], GONE),
    "an empty code": ("ContractNegotiationTerminationMessage", ["code"], ""),
    "a timestamp of nine digits": (
        "ContractAgreementMessage",
        ["agreement", "timestamp"],
        "2026-09-01T12:00:00.123456789Z",
    ),
    "a timestamp without zone": ("ContractAgreementMessage", ["agreement", "timestamp"], "2026-09-01T12:00:00"),
    "no timestamp": ("ContractAgreementMessage", ["agreement", "timestamp"], GONE),
    "no pids in a transfer error": ("TransferError", ["consumerPid"], GONE),
    "no pids in a negotiation error": ("ContractNegotiationError", ["providerPid"], GONE),
    "no data address in a start": ("TransferStartMessage", ["dataAddress"], GONE),
    "no endpoint": ("TransferStartMessage", ["dataAddress", "endpoint"], GONE),
    "no endpoint properties": ("TransferStartMessage", ["dataAddress", "endpointProperties"], GONE),
    "an empty property value": ("TransferStartMessage", ["dataAddress", "endpointProperties", 0, "value"], ""),
    "no filter": ("CatalogRequestMessage", ["filter"], GONE),
    "a filter of any kind": ("CatalogRequestMessage", ["filter"], [{"text": "flood"}, 1]),
    "a prohibition only": (
        "ContractRequestMessage",
        ["offer"],
        {"@type": "Offer", "@id": "o", "target": "t", "prohibition": [{"action": "use"}]},
    ),
    "a rule without constraint": ("ContractRequestMessage", ["offer", "permission"], [{"action": "use"}]),
    "a rule with no constraints in its list": (
        "ContractRequestMessage",
        ["offer", "permission"],
        [{"action": "use", "constraint": []}],
    ),
    "an action as an IRI": ("ContractRequestMessage", ["offer", "permission", 0, "action"], {"@id": "odrl:use"}),
    "an unknown operator": ("ContractRequestMessage", ["offer", "permission", 0, "constraint", 0, "operator"], "near"),
    "a number as right operand": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "constraint", 0, "rightOperand"],
        7,
    ),
    "a duty": ("ContractRequestMessage", ["offer", "permission", 0, "duty"], [{"action": "attribute"}]),
    "a distribution that names its service": ("Dataset", ["distribution", 0, "accessService"], "svc-1"),
    "an offer in a catalogue without rules": ("Dataset", ["hasPolicy"], [{"@id": "o", "@type": "Offer"}]),
    "a policy on a distribution": ("Dataset", ["distribution", 0, "hasPolicy"], [{"@id": "o", "@type": "Offer"}]),
    "a text that is not ASCII": ("TransferError", ["reason"], ["Überflutung 洪水 🌊"]),
}

# Message, path, value, and the path that the error must begin with.
REFUSED = {
    "no context": ("ContractRequestMessage", ["@context"], GONE, "@context: is required"),
    "a context that is a string": ("ContractRequestMessage", ["@context"], DSP_CONTEXT, "@context: expected a list"),
    "another protocol's context": (
        "ContractRequestMessage",
        ["@context"],
        [EDC_CONTEXT],
        "@context: expected https://",
    ),
    "an inline context": ("ContractRequestMessage", ["@context"], [DSP_CONTEXT, {"a": "b"}], "@context[1]: expected a"),
    "no type": ("ContractRequestMessage", ["@type"], GONE, "@type: is required"),
    "an unknown type": ("ContractRequestMessage", ["@type"], "Contract", "@type: expected"),
    "a list of types": ("ContractRequestMessage", ["@type"], ["ContractRequestMessage"], "@type: expected"),
    "a prefixed type": ("ContractRequestMessage", ["@type"], "dspace:ContractRequestMessage", "@type: expected"),
    "no pid": ("ContractRequestMessage", ["consumerPid"], GONE, "consumerPid: is required"),
    "a null pid": ("ContractRequestMessage", ["consumerPid"], None, "consumerPid: expected a string, found null"),
    "an empty pid": ("ContractRequestMessage", ["consumerPid"], "", "consumerPid: expected a string with something"),
    "a pid that is an object": ("ContractNegotiation", ["consumerPid"], {"@id": "c"}, "consumerPid: expected a string"),
    "a pid with U+0000": ("ContractNegotiation", ["consumerPid"], "a\x00b", "consumerPid: contains a character"),
    "a pid with half a character": ("ContractNegotiation", ["consumerPid"], "\ud800", "consumerPid: contains a char"),
    "callback and provider pid": ("ContractRequestMessage", ["providerPid"], "p", "message: expected exactly one of"),
    "neither callback nor pid": ("ContractRequestMessage", ["callbackAddress"], GONE, "message: expected exactly one"),
    "an offer with callback and pid": (
        "ContractOfferMessage",
        ["callbackAddress"],
        "https://p.example",
        "message: expected exactly one of",
    ),
    "a callback that is no address": ("ContractRequestMessage", ["callbackAddress"], "nowhere", "callbackAddress: exp"),
    "a callback to a file": ("ContractRequestMessage", ["callbackAddress"], "file:///etc/passwd", "callbackAddress: "),
    "a callback without host": ("TransferRequestMessage", ["callbackAddress"], "https:///x", "callbackAddress: exp"),
    "a callback with a line break": ("TransferRequestMessage", ["callbackAddress"], "https://x/\r\nA", "callbackAddr"),
    "no offer": ("ContractRequestMessage", ["offer"], GONE, "offer: is required"),
    "an offer that is an id": ("ContractRequestMessage", ["offer"], "offer-1", "offer: expected an object"),
    "an offer without type": ("ContractRequestMessage", ["offer", "@type"], GONE, "offer.@type: is required"),
    "an agreement as offer": ("ContractRequestMessage", ["offer", "@type"], "Agreement", "offer.@type: expected Offer"),
    "an offer without id": ("ContractRequestMessage", ["offer", "@id"], GONE, "offer.@id: is required"),
    "an offer without target": ("ContractRequestMessage", ["offer", "target"], GONE, "offer.target: is required"),
    "an offer with neither rule": ("ContractRequestMessage", ["offer", "permission"], GONE, "offer: expected a permis"),
    "an empty permission list": (
        "ContractRequestMessage",
        ["offer", "permission"],
        [],
        "offer.permission: expected at",
    ),
    "a permission that is no list": (
        "ContractRequestMessage",
        ["offer", "permission"],
        {},
        "offer.permission: expected",
    ),
    "a rule without action": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "action"],
        GONE,
        "offer.permission[0].action: is required",
    ),
    "a constraint without operator": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "constraint", 0, "operator"],
        GONE,
        "offer.permission[0].constraint[0].operator: is required",
    ),
    "a null right operand": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "constraint", 0, "rightOperand"],
        None,
        "offer.permission[0].constraint[0].rightOperand: expected a value",
    ),
    "a constraint of two kinds": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "constraint", 0, "and"],
        [],
        "offer.permission[0].constraint[0]: expected exactly one of",
    ),
    "an empty logical constraint": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "constraint", 1, "or"],
        [],
        "offer.permission[0].constraint[1].or: expected at least one",
    ),
    "a broken constraint inside a logical one": (
        "ContractRequestMessage",
        ["offer", "permission", 0, "constraint", 1, "or", 0, "leftOperand"],
        3,
        "offer.permission[0].constraint[1].or[0].leftOperand: expected a string, found a number",
    ),
    "a policy nested without end": ("ContractRequestMessage", ["offer", "x"], nested(80), "offer: contains"),
    "an unknown member nested without end": ("ContractNegotiation", ["x"], nested(80), "message: contains"),
    "U+0000 deep in a policy": ("ContractRequestMessage", ["offer", "x"], [{"a": "\x00"}], "offer: contains"),
    "U+0000 in a name": ("ContractNegotiation", ["a\x00"], 1, "message: contains"),
    "an agreement without assignee": (
        "ContractAgreementMessage",
        ["agreement", "assignee"],
        GONE,
        "agreement.assignee: is required",
    ),
    "a timestamp that is a date": (
        "ContractAgreementMessage",
        ["agreement", "timestamp"],
        "2026-09-01",
        "agreement.timestamp: expected an xsd:dateTime",
    ),
    "an unknown event": ("ContractNegotiationEventMessage", ["eventType"], "SIGNED", "eventType: expected one of"),
    "an event that is a list": ("ContractNegotiationEventMessage", ["eventType"], ["ACCEPTED"], "eventType: expected"),
    "an unknown state": ("ContractNegotiation", ["state"], "OPEN", "state: expected one of REQUESTED"),
    "the state before the first message": ("ContractNegotiation", ["state"], "NEW", "state: expected one of"),
    "a negotiation's state in a transfer": ("TransferProcess", ["state"], "AGREED", "state: expected one of"),
    "a number as code": ("TransferTerminationMessage", ["code"], 1, "code: expected a string, found a number"),
    "a reason that is a string": ("TransferTerminationMessage", ["reason"], "no", "reason: expected a list"),
    "an empty reason list": ("TransferTerminationMessage", ["reason"], [], "reason: expected at least one item"),
    "a data address without type": (
        "TransferStartMessage",
        ["dataAddress", "@type"],
        GONE,
        "dataAddress.@type: is required",
    ),
    "a data address without endpoint type": (
        "TransferStartMessage",
        ["dataAddress", "endpointType"],
        GONE,
        "dataAddress.endpointType: is required",
    ),
    "a property without value": (
        "TransferStartMessage",
        ["dataAddress", "endpointProperties", 0, "value"],
        GONE,
        "dataAddress.endpointProperties[0].value: is required",
    ),
    "a filter that is an object": ("CatalogRequestMessage", ["filter"], {}, "filter: expected a list"),
    "a catalogue without participant": ("Catalog", ["participantId"], GONE, "participantId: is required"),
    "a dataset without policy": ("Catalog", ["dataset", 0, "hasPolicy"], GONE, "dataset[0].hasPolicy: is required"),
    "a dataset of another type": ("Catalog", ["dataset", 0, "@type"], "Thing", "dataset[0].@type: expected Dataset"),
    "an offer with a target in a catalogue": (
        "Catalog",
        ["dataset", 0, "hasPolicy", 0, "target"],
        "t",
        "dataset[0].hasPolicy[0].target: an offer in a catalogue has no target",
    ),
    "a distribution without format": ("Dataset", ["distribution", 0, "format"], GONE, "distribution[0].format: is"),
    "a service without address": (
        "Dataset",
        ["distribution", 0, "accessService", "endpointURL"],
        GONE,
        "distribution[0].accessService.endpointURL: is required",
    ),
    "a purpose that is a number": ("ContractRequestMessage", [DECLARED_PURPOSE], 3, f"{DECLARED_PURPOSE}: expected"),
}


def test_every_message_has_a_valid_document_here(documents):
    assert documents.keys() == {model.__name__ for model in SHAPES}


@pytest.mark.parametrize("name", [model.__name__ for model in SHAPES])
def test_a_valid_document_renders_back_to_equal_json(documents, name):
    assert render_message(parse_message(documents[name])) == documents[name]


@pytest.mark.parametrize("difference", ACCEPTED)
def test_a_known_difference_of_peers_is_accepted_and_nothing_of_it_is_lost(documents, difference):
    name, path, value = ACCEPTED[difference]
    document = changed(documents[name], path, value)
    assert render_message(parse_message(document)) == document


@pytest.mark.parametrize("fault", REFUSED)
def test_a_malformed_message_is_refused_and_the_error_names_the_place(documents, fault):
    name, path, value, start = REFUSED[fault]
    with pytest.raises(MalformedMessage) as caught:
        parse_message(changed(documents[name], path, value))
    assert str(caught.value).startswith(start)
    assert caught.value.status == 400


@pytest.mark.parametrize("model", SHAPES, ids=lambda model: model.__name__)
def test_each_required_member_is_missed_by_name(documents, model):
    for member in SHAPES[model].members:
        if member.required:
            document = copy.deepcopy(documents[model.__name__])
            with pytest.raises(MalformedMessage, match=f"^{member.name}: is required"):
                parse_message(changed(document, [member.name], GONE))


@pytest.mark.parametrize("value", [None, [], "x", 3, True, {}, b"bytes", object()], ids=repr)
def test_what_is_no_message_at_all_is_refused(value):
    with pytest.raises(MalformedMessage):
        parse_message(value)


def test_another_message_than_the_expected_one_is_refused(documents):
    with pytest.raises(MalformedMessage, match="@type: expected ContractOfferMessage"):
        parse_message(documents["ContractNegotiation"], expected=type(parse_message(documents["ContractOfferMessage"])))


def test_lists_of_a_catalogue_may_be_empty_and_are_then_not_rendered(documents):
    document = documents["Catalog"] | {"dataset": [], "catalog": [], "service": [], "distribution": []}
    rendered = render_message(parse_message(document))
    assert rendered.keys() == {"@context", "@type", "@id", "participantId"}


def test_a_nested_catalogue_needs_neither_participant_nor_type_nor_context(documents):
    inner = {"@id": "inner", "dataset": documents["Catalog"]["dataset"]}
    catalog = parse_message(documents["Catalog"] | {"catalog": [inner]})
    assert render_message(catalog)["catalog"] == [{"@type": "Catalog", **inner}]


@pytest.mark.parametrize(
    ("value", "purposes"),
    [
        pytest.param("https://purpose.example/flood", ("https://purpose.example/flood",), id="one"),
        pytest.param(["flood-risk", "research"], ("flood-risk", "research"), id="several"),
        pytest.param(GONE, (), id="none"),
    ],
)
def test_a_declared_purpose_is_read_beside_the_protocol_s_members(documents, value, purposes):
    document = documents["ContractRequestMessage"]
    if value is not GONE:
        document[DECLARED_PURPOSE] = value
    message = parse_message(document, expected=ContractRequestMessage)
    assert message.declared_purpose == purposes
    assert message.extra == {}
    assert render_message(message).get(DECLARED_PURPOSE, []) == list(purposes)


def test_a_rendered_message_has_no_null_and_no_empty_list():
    message = ContractNegotiationTerminationMessage(consumer_pid="c", provider_pid="p")
    assert render_message(message) == {
        "@context": [DSP_CONTEXT],
        "@type": "ContractNegotiationTerminationMessage",
        "providerPid": "p",
        "consumerPid": "c",
    }


def test_an_extra_member_cannot_replace_one_of_the_protocol():
    message = ContractNegotiation(consumer_pid="c", provider_pid="p", state="AGREED", extra={"state": "FINALIZED"})
    assert render_message(message)["state"] == "AGREED"


def test_bytes_are_what_was_rendered_and_parse_to_the_same_message():
    address = DataAddress(
        endpoint_type="https://w3id.org/idsa/v4.1/HTTP",
        endpoint_properties=(EndpointProperty(name="authorization", value="secret"),),
    )
    message = TransferStartMessage(id="m", consumer_pid="c", provider_pid="p", data_address=address)
    body = encode(message)
    assert json.loads(body) == render_message(message)
    assert parse_body(body, expected=TransferStartMessage) == message


def test_a_token_is_not_in_the_text_form_of_a_message(documents):
    message = parse_message(documents["TransferStartMessage"], expected=TransferStartMessage)
    assert message.data_address.value_of("authorization") == "TOKEN"
    assert message.data_address.value_of("authType") is None
    assert "TOKEN" not in repr(message)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'"\\ud800"'])
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(MalformedMessage, match=r"^body: expected a JSON document"):
        decode(body)


def test_every_message_that_moves_a_process_has_its_word(documents):
    messages = {name: parse_message(document) for name, document in documents.items()}
    finalized = ContractNegotiationEventMessage(consumer_pid="c", provider_pid="p", event_type=EventType.FINALIZED)
    assert [
        negotiation_word(messages["ContractRequestMessage"]),
        negotiation_word(messages["ContractOfferMessage"]),
        negotiation_word(messages["ContractNegotiationEventMessage"]),
        negotiation_word(messages["ContractAgreementMessage"]),
        negotiation_word(messages["ContractAgreementVerificationMessage"]),
        negotiation_word(finalized),
        negotiation_word(messages["ContractNegotiationTerminationMessage"]),
    ] == ["request", "offer", "acceptance", "agreement", "verification", "finalization", "termination"]
    assert [
        transfer_word(messages[f"Transfer{word}Message"])
        for word in ("Request", "Start", "Suspension", "Completion", "Termination")
    ] == ["request", "start", "suspension", "completion", "termination"]


def test_a_filter_that_is_absent_differs_from_an_empty_one():
    assert "filter" not in render_message(CatalogRequestMessage())
    assert render_message(CatalogRequestMessage(filter=()))["filter"] == []


# ---- random input: it parses and renders back, or raises MalformedMessage ----

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def places(value, path=()):
    """The path of every value inside `value`."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from places(inner, (*path, step))


@given(body=st.binary())
def test_random_bytes_are_malformed(body):
    with pytest.raises(MalformedMessage):
        parse_body(body)


@given(document=json_values)
def test_random_json_is_malformed(document):
    with pytest.raises(MalformedMessage):
        parse_message(document)


@settings(max_examples=500)
@given(data=st.data(), value=json_values)
def test_a_message_with_one_random_change_parses_and_renders_back_or_is_malformed(data, value, specimens):
    name = data.draw(st.sampled_from(sorted(specimens)))
    document = copy.deepcopy(specimens[name])
    path = data.draw(st.sampled_from(list(places(document))))
    if data.draw(st.booleans()):
        path = (*path[:-1], data.draw(st.text()) if isinstance(path[-1], str) else path[-1])
    document = changed(document, path, value)
    try:
        message = parse_message(document)
    except MalformedMessage:
        return
    assert parse_message(render_message(message)) == message
    if name not in {"Catalog", "Dataset"}:  # whose empty lists are dropped, and whose missing types are added
        assert render_message(message) == document
