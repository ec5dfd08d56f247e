import hashlib
from contextlib import suppress
from pathlib import PurePosixPath

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataplane.manifest import (
    MAX_NAME_BYTES,
    Entry,
    MalformedManifest,
    manifest_digest,
    parse_manifest,
    render_manifest,
)

ENTRY = {"path": "a/b.nc", "bytes": 3, "sha256": "ab" * 32}


def manifest(*entries: object) -> bytes:
    return orjson.dumps({"files": list(entries)})


def test_a_manifest_arrives_as_it_was_sent():
    entries = (Entry("a/b.nc", 3, "ab" * 32), Entry("ä ö.tif", 0, "cd" * 32))
    assert parse_manifest(render_manifest(entries)) == entries


def test_the_digest_is_that_of_the_canonical_form_however_it_is_written():
    body = render_manifest([Entry("a/b.nc", 3, "ab" * 32)])
    assert manifest_digest(body) == hashlib.sha256(body).hexdigest()
    assert manifest_digest(b' {"files" : [' + orjson.dumps(dict(reversed(ENTRY.items()))) + b"]}") == manifest_digest(
        body
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "..",
        "a\\..\\b",
        "C:\\x",
        "a\x00b",
        "a\nb",
        "x" * (MAX_NAME_BYTES + 1),
        "/".join(["x" * 200] * 20),
    ],
)
def test_a_path_that_does_not_name_a_file_below_the_folder_is_refused(path: str):
    with pytest.raises(MalformedManifest, match=r"files\[0\]\.path"):
        parse_manifest(manifest(ENTRY | {"path": path}))


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        (["a", "a"], "twice"),
        (["a", "a/b"], "a file and a folder"),
        (["a/b/c", "a/b"], "a file and a folder"),
        (["a", "a.part"], "temporary name"),
    ],
)
def test_files_that_would_overwrite_each_other_are_refused(paths: list[str], problem: str):
    with pytest.raises(MalformedManifest, match=problem):
        parse_manifest(manifest(*(ENTRY | {"path": path} for path in paths)))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b"{}", id="no files"),
        pytest.param(b'{"files": 1}', id="files not an array"),
        pytest.param(b'{"files": [], "more": 1}', id="an unknown member"),
        pytest.param(manifest(1), id="an entry that is a number"),
        pytest.param(manifest(ENTRY | {"more": 1}), id="an entry with an unknown member"),
        pytest.param(manifest(ENTRY | {"path": 1}), id="a path that is a number"),
        pytest.param(manifest(ENTRY | {"bytes": -1}), id="less than no bytes"),
        pytest.param(manifest(ENTRY | {"bytes": True}), id="bytes that are true"),
        pytest.param(manifest(ENTRY | {"bytes": 2**60}), id="more bytes than JSON can count"),
        pytest.param(manifest(ENTRY | {"sha256": "AB" * 32}), id="upper case digest"),
        pytest.param(manifest(ENTRY | {"sha256": "ab" * 32 + "\n"}), id="digest with a line end"),
    ],
)
def test_what_is_no_manifest_is_refused(body: bytes):
    with pytest.raises(MalformedManifest):
        parse_manifest(body)


@given(st.binary(max_size=100))
def test_random_bytes_are_a_manifest_or_malformed(body: bytes):
    with suppress(MalformedManifest):
        parse_manifest(body)


@given(st.text(st.sampled_from("a./\\ \x00é"), max_size=12))
def test_no_accepted_path_leaves_the_folder(path: str):
    try:
        entry = parse_manifest(manifest(ENTRY | {"path": path}))[0]
    except MalformedManifest:
        return
    parts = PurePosixPath(entry.path).parts
    assert parts
    assert ".." not in parts
    assert not PurePosixPath(entry.path).is_absolute()
    assert str(PurePosixPath(entry.path)) == entry.path
