"""Expansion with our own contexts only: what is not there is refused, and nothing but the one error comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import MalformedMessage
from connector.protocol.contexts import FILES, contexts, expand
from connector.protocol.messages import DECLARED_PURPOSE, DSP_CONTEXT


def test_each_context_iri_has_its_file_with_a_context_in_it():
    assert contexts().keys() == FILES.keys()
    assert all(document.keys() == {"@context"} for document in contexts().values())


@pytest.mark.parametrize("model", ["ContractRequestMessage", "TransferStartMessage", "Catalog"])
def test_an_expanded_message_has_its_members_under_full_names(documents, model):
    (expanded,) = expand(documents[model])
    assert all(name.startswith(("@", "http")) for name in expanded)
    assert len(expanded) >= len(documents[model]) - 1


def test_a_declared_purpose_survives_expansion_under_the_protocol_s_context(documents):
    document = documents["ContractRequestMessage"] | {DECLARED_PURPOSE: ["flood-risk"]}
    assert expand(document)[0][DECLARED_PURPOSE] == [{"@value": "flood-risk"}]


def test_an_unknown_context_is_refused_by_name_and_not_fetched():
    with pytest.raises(MalformedMessage, match=r"@context: https://peer\.example/c is not a known context"):
        expand({"@context": [DSP_CONTEXT, "https://peer.example/c"], "@type": "Catalog"})


def test_an_unknown_context_deep_inside_is_refused_too():
    with pytest.raises(MalformedMessage):
        expand({"@context": {"a": {"@id": "urn:a", "@context": "https://peer.example/c"}}, "a": {"a": "b"}})


def test_one_set_of_contexts_does_not_leak_into_the_next_expansion():
    document = {"@context": ["urn:x:context"], "word": "value"}
    first = expand(document, known={"urn:x:context": {"@context": {"word": "urn:first"}}})
    second = expand(document, known={"urn:x:context": {"@context": {"word": "urn:second"}}})
    assert (first, second) == ([{"urn:first": [{"@value": "value"}]}], [{"urn:second": [{"@value": "value"}]}])


@given(
    members=st.dictionaries(
        st.sampled_from(["@type", "@id", "@graph", "@value", "@list", "offer", "consumerPid", "urn:a"]),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2),
    ),
    context=st.just([DSP_CONTEXT]) | st.text(max_size=5) | st.integers() | st.none(),
)
def test_random_documents_expand_or_are_malformed(members, context):
    try:
        expanded = expand({"@context": context, **members})
    except MalformedMessage:
        return
    assert type(expanded) is list
