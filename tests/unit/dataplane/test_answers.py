import email
import email.policy
from typing import Any

import pytest

from connector.dataplane.answers import Representation, answer, disposition_name

CONTENT = bytes(range(200))
FILE = Representation("map ä.nc", "application/netcdf", 200, "ab" * 32)
TAG = f'"{"ab" * 32}"'


def ask(method: str = "GET", **fields: str) -> Any:
    lower = {name.replace("_", "-").lower(): value for name, value in fields.items()}
    return answer(method, lower, FILE, boundary="b" * 32, max_ranges=4)


def body_of(reply: Any) -> bytes:
    return b"".join(
        part.before + (CONTENT[part.span.first : part.span.last + 1] if part.span else b"") for part in reply.parts
    )


def test_the_whole_file_comes_with_validator_digest_and_name():
    reply = ask()
    fields = dict(reply.fields)
    assert (reply.status, body_of(reply)) == (200, CONTENT)
    assert fields["Content-Length"] == "200"
    assert fields["ETag"] == TAG
    assert fields["Repr-Digest"] == "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:"
    assert fields["Accept-Ranges"] == "bytes"
    assert disposition_name(fields["Content-Disposition"]) == "map ä.nc"


def test_a_part_comes_with_the_digest_of_the_whole():
    reply = ask(Range="bytes=10-19")
    fields = dict(reply.fields)
    assert (reply.status, body_of(reply)) == (206, CONTENT[10:20])
    assert (fields["Content-Range"], fields["Content-Length"]) == ("bytes 10-19/200", "10")
    assert fields["Repr-Digest"] == dict(ask().fields)["Repr-Digest"]


def test_several_ranges_are_a_multipart_body_that_another_reader_understands():
    reply = ask(Range="bytes=150-159,0-4,-1")
    fields = dict(reply.fields)
    body = body_of(reply)
    assert reply.status == 206
    assert "Content-Range" not in fields  # 15.3.7.2: only in the parts
    assert int(fields["Content-Length"]) == len(body)
    head = f"Content-Type: {fields['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    parts = list(message.iter_parts())
    assert [part["Content-Range"] for part in parts] == ["bytes 150-159/200", "bytes 0-4/200", "bytes 199-199/200"]
    assert {part.get_content_type() for part in parts} == {"application/netcdf"}
    assert CONTENT[150:160] in body
    assert body.endswith(b"\r\n--" + b"b" * 32 + b"--\r\n")


def test_several_ranges_of_which_one_remains_are_no_multipart_body():
    assert dict(ask(Range="bytes=0-4,900-").fields)["Content-Range"] == "bytes 0-4/200"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"Range": "bytes=0-4", "If_Range": TAG}, 206, id="same content: the range"),
        pytest.param({"Range": "bytes=0-4", "If_Range": '"other"'}, 200, id="other content: the whole"),
        pytest.param({"Range": "bytes=0-4", "If_Range": "W/" + TAG}, 200, id="a weak tag never matches"),
        pytest.param(
            {"Range": "bytes=0-4", "If_Range": "Wed, 01 Jan 2025 00:00:00 GMT"}, 200, id="a date never matches"
        ),
        pytest.param({"Range": "bytes=900-", "If_Range": '"other"'}, 200, id="other content: no 416 either"),
        pytest.param({"If_Range": '"other"'}, 200, id="nothing without Range"),
        pytest.param({"Range": "bytes=900-"}, 416, id="outside"),
        pytest.param({"Range": "bytes=0-1,2-3,4-5,6-7,8-9"}, 416, id="too many"),
        pytest.param({"Range": "lines=1-2"}, 200, id="unknown unit"),
        pytest.param({"If_None_Match": TAG}, 304, id="known already"),
        pytest.param({"If_None_Match": f'"x", {TAG}'}, 304, id="known already, in a list"),
        pytest.param({"If_None_Match": '"x"'}, 200, id="not known"),
        pytest.param({"If_Match": TAG}, 200, id="wanted"),
        pytest.param({"If_Match": "*"}, 200, id="any wanted"),
        pytest.param({"If_Match": '"x"'}, 412, id="another wanted"),
        pytest.param({"If_Match": '"x"', "If_None_Match": TAG}, 412, id="If-Match comes first (13.2.2)"),
    ],
)
def test_preconditions(fields: dict[str, str], status: int):
    assert ask(**fields).status == status


def test_an_unsatisfiable_range_is_told_the_size():
    fields = dict(ask(Range="bytes=900-").fields)
    assert (fields["Content-Range"], fields["Content-Length"]) == ("bytes */200", "0")


def test_head_ignores_ranges():
    reply = ask("HEAD", Range="bytes=0-4")
    assert (reply.status, dict(reply.fields)["Content-Length"]) == (200, "200")


def test_an_empty_file_has_an_empty_body():
    reply = answer("GET", {}, Representation("empty", "text/plain", 0, "ab" * 32), boundary="b", max_ranges=4)
    assert (reply.status, reply.parts, dict(reply.fields)["Content-Length"]) == (200, (), "0")


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (None, None),
        ("attachment", None),
        ('attachment; filename="a.nc"', "a.nc"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\x.nc"', "x.nc"),
        ("attachment; filename*=UTF-8''..%2F..%2Fb.nc", "b.nc"),
        ('attachment; filename=".."', None),
    ],
)
def test_a_file_name_never_has_a_folder(field: str | None, name: str | None):
    assert disposition_name(field) == name
