"""The signing key on disk."""

import stat
import threading
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from connector.errors import ConfigurationError
from connector.identity.keys import load_or_create_key

DID = "did:web:localhost%3A9102"


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path):
    path = tmp_path / "keys" / "signing.pem"
    first, second = load_or_create_key(path, DID), load_or_create_key(path, DID)
    assert first.public_jwk() == second.public_jwk()
    assert first.kid == f"{DID}#key-1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["signing.pem"]


def test_the_public_half_holds_no_secret(tmp_path: Path):
    jwk = load_or_create_key(tmp_path / "signing.pem", DID).public_jwk()
    assert set(jwk) == {"kty", "crv", "x", "y"}
    assert jwk["crv"] == "P-256"


def test_starts_at_the_same_time_agree_on_one_key(tmp_path: Path):
    path = tmp_path / "signing.pem"
    made: list[str] = []
    start = threading.Barrier(8)

    def load() -> None:
        start.wait()
        made.append(load_or_create_key(path, DID).public_jwk()["x"])

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["signing.pem"]


def test_a_key_that_others_can_read_stops_the_start(tmp_path: Path):
    path = tmp_path / "signing.pem"
    load_or_create_key(path, DID)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="can be read by others") as refused:
        load_or_create_key(path, DID)
    assert refused.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a key", id="text"),
        pytest.param(b"\xff\x00\x01", id="bytes"),
        pytest.param(ECKey.generate_key("P-384").as_pem(private=True), id="other curve"),
        pytest.param(ECKey.generate_key("P-256").as_pem(private=False), id="public half"),
        pytest.param(RSAKey.generate_key(2048).as_pem(private=True), id="RSA"),
    ],
)
def test_a_file_that_is_no_signing_key_stops_the_start_and_stays(tmp_path: Path, content: bytes):
    path = tmp_path / "signing.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"signing\.pem does not hold an EC P-256 private key"):
        load_or_create_key(path, DID)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_stops_the_start(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        load_or_create_key(tmp_path / "file" / "signing.pem", DID)
