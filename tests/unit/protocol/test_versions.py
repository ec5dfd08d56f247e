"""The version document and the services of a DID document."""

import pytest

from connector.errors import MalformedMessage
from connector.protocol.versions import parse_did_service, parse_versions, render_versions

OURS = {"protocolVersions": [{"version": "2025-1", "path": "/dsp/2025-1", "binding": "HTTPS"}]}
EDC = {
    "protocolVersions": [
        {"version": "v0.8", "path": "/", "binding": "HTTPS"},
        {"version": "2025-1", "path": "/2025-1", "binding": "HTTPS", "edc:note": "kept"},
    ]
}
SERVICE = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld", "https://www.w3.org/ns/did/v1"],
    "id": "did:web:p.example#dsp",
    "type": "DataService",
    "serviceEndpoint": "https://p.example/.well-known/dspace-version",
}


def test_our_version_document_says_what_we_speak_and_where():
    assert render_versions() == OURS


def test_a_version_document_renders_back_with_members_we_do_not_know():
    assert render_versions(parse_versions(EDC)) == EDC


@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(OURS, "/dsp/2025-1", id="ours"),
        pytest.param(EDC, "/2025-1", id="edc"),
        pytest.param({"protocolVersions": EDC["protocolVersions"][:1]}, None, id="too-old"),
    ],
)
def test_the_path_of_our_version_is_found(document, path):
    assert parse_versions(document).path_of() == path


@pytest.mark.parametrize(
    ("document", "start"),
    [
        pytest.param([], "message: expected an object, found a list", id="list"),
        pytest.param({}, "protocolVersions: is required", id="nothing"),
        pytest.param({"protocolVersions": []}, "protocolVersions: expected at least one item", id="empty"),
        pytest.param(
            {"protocolVersions": [{"version": "1", "binding": "HTTPS"}]}, "protocolVersions[0].path", id="path"
        ),
        pytest.param(
            {"protocolVersions": [{"version": "1", "path": "https://elsewhere.example", "binding": "HTTPS"}]},
            "protocolVersions[0].path: expected a path that starts with /",
            id="path-elsewhere",
        ),
        pytest.param(
            {"protocolVersions": [{"version": "1", "path": "/", "binding": "HTTPS", "auth": {"protocol": "DCP"}}]},
            "protocolVersions[0].auth.version: is required",
            id="auth",
        ),
    ],
)
def test_a_malformed_version_document_is_refused(document, start):
    with pytest.raises(MalformedMessage) as caught:
        parse_versions(document)
    assert str(caught.value).startswith(start)


@pytest.mark.parametrize("member", ["@context", "id", "type", "serviceEndpoint"])
def test_each_member_of_a_did_service_is_required(member):
    with pytest.raises(MalformedMessage, match=f"^{member}: is required"):
        parse_did_service({name: value for name, value in SERVICE.items() if name != member})


def test_a_did_service_leads_to_the_version_document():
    assert parse_did_service(SERVICE).service_endpoint == "https://p.example/.well-known/dspace-version"
