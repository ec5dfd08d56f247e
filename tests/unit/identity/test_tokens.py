"""Message tokens: what is accepted, and one row for everything that is not."""

import hmac
import string
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from connector.identity.jws import InvalidToken
from connector.identity.keys import SigningKey
from connector.identity.tokens import VerifiedClaims, body_digest, issue_token, read_token, verify_token
from tests.support.loopback import new_key

SENDER, RECEIVER = "did:web:sender.example", "did:web:receiver.example"
KEY = new_key(SENDER)
PUBLIC = ECKey.import_key(KEY.public_jwk())
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BODY = b'{"@type":"ContractRequestMessage"}'

HEADER: dict[str, Any] = {"alg": "ES256", "kid": KEY.kid, "typ": "message+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": SENDER,
    "sub": SENDER,
    "aud": RECEIVER,
    "iat": SECONDS,
    "exp": SECONDS + 60,
    "jti": "a-fresh-one",
    "body": body_digest(BODY),
}


def verified(token: str, *, now: datetime = NOW, body: bytes = BODY) -> VerifiedClaims:
    return verify_token(read_token(token), key=PUBLIC, audience=RECEIVER, body=body, now=now, skew_seconds=30)


def part(value: Any) -> str:
    return urlsafe_b64encode(value if isinstance(value, bytes) else orjson.dumps(value)).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: SigningKey = KEY) -> str:
    """A compact JWS of anything, with a good ES256 signature."""
    signature = jws.JWSRegistry.algorithms["ES256"].sign(f"{part(header)}.{part(claims)}".encode(), key.private)
    return f"{part(header)}.{part(claims)}.{part(signature)}"


def header(**changes: Any) -> str:
    return signed(HEADER | changes, CLAIMS)


def claims(**changes: Any) -> str:
    return signed(HEADER, CLAIMS | changes)


def without(name: str) -> str:
    return signed(HEADER, {key: value for key, value in CLAIMS.items() if key != name})


def with_other_algorithm(name: str, key: Any) -> str:
    return jws.serialize_compact(HEADER | {"alg": name}, orjson.dumps(CLAIMS), key, algorithms=[name])


def with_public_key_as_secret() -> str:
    """CVE-2026-48526: whoever lets the header choose the algorithm takes the public key for a shared secret."""
    signed_part = f"{part(HEADER | {'alg': 'HS256'})}.{part(CLAIMS)}"
    return f"{signed_part}.{part(hmac.digest(PUBLIC.as_pem(private=False), signed_part.encode(), 'sha256'))}"


def changed_segment(index: int, change: Callable[[str], str]) -> str:
    segments = claims().split(".")
    segments[index] = change(segments[index])
    return ".".join(segments)


def other_last_bits(segment: str) -> str:
    """The same bytes, written differently: bits that base64 does not use are set (not canonical)."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) ^ 1]


def test_a_token_is_verified_for_its_receiver_and_body():
    token = issue_token(KEY, audience=RECEIVER, body=BODY, now=NOW, jti="one", lifetime_seconds=60)
    found = verified(token)
    assert (found.iss, found.aud, found.jti, found.exp - found.iat) == (SENDER, RECEIVER, "one", 60)
    assert (read_token(token).iss, read_token(token).kid) == (SENDER, KEY.kid)


def test_the_tables_below_start_from_a_good_token():
    assert verified(signed(HEADER, CLAIMS)).jti == "a-fresh-one"
    assert verified(with_other_algorithm("ES256", KEY.private)).jti == "a-fresh-one"


def test_a_request_without_body_has_a_token_of_no_bytes():
    token = issue_token(KEY, audience=RECEIVER, body=b"", now=NOW, jti="get", lifetime_seconds=60)
    assert verified(token, body=b"").body == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        pytest.param("", "not a compact JWS", id="empty"),
        pytest.param("garbage", "not a compact JWS", id="garbage"),
        pytest.param("a.b", "not a compact JWS", id="two segments"),
        pytest.param(claims() + ".x", "not a compact JWS", id="four segments"),
        pytest.param("é.é.é", "not a compact JWS", id="not ASCII"),
        pytest.param("." * 70_000, "longer than 65536 bytes", id="too long"),
        pytest.param(header(pad="x" * 80_000), "longer than 65536 bytes", id="header too long"),
        pytest.param(header(pad="x" * 20_000), "not a compact JWS", id="header long"),
        pytest.param(signed(HEADER, []), "not a JSON object", id="claims are an array"),
        pytest.param(signed(HEADER, b"{"), "not a compact JWS", id="claims are not JSON"),
        pytest.param(signed(HEADER, b"[" * 30_000), "not a compact JWS", id="claims nested too deep"),
        pytest.param(signed([], CLAIMS), "not a compact JWS", id="header is an array"),
        pytest.param(signed(b"[" * 6_000, CLAIMS), "not a compact JWS", id="header nested too deep"),
        pytest.param(signed({}, CLAIMS), "not a compact JWS", id="header without alg"),
        pytest.param(part(HEADER | {"alg": "none"}) + f".{part(CLAIMS)}.", "not ES256", id="alg none"),
        pytest.param(header(alg="none"), "not ES256", id="alg none, signed"),
        pytest.param(header(alg="es256"), "not ES256", id="alg in lower case"),
        pytest.param(header(alg=["ES256"]), "not ES256", id="alg a list"),
        pytest.param(
            with_public_key_as_secret(),
            "not ES256",
            id="public key as HMAC secret",
        ),
        pytest.param(with_other_algorithm("RS256", RSAKey.generate_key(2048)), "not ES256", id="RS256"),
        pytest.param(with_other_algorithm("ES384", ECKey.generate_key("P-384")), "not ES256", id="ES384"),
        pytest.param(header(typ="JWT"), "type is not", id="typ JWT"),
        pytest.param(header(typ="members+jwt"), "type is not", id="typ of another statement"),
        pytest.param(header(crit=["exp"], exp=1), "other members", id="crit"),
        pytest.param(header(crit=[]), "other members", id="empty crit"),
        pytest.param(header(b64=False, crit=["b64"]), "other members|not a compact", id="unencoded payload"),
        pytest.param(header(jwk=new_key(SENDER).public_jwk()), "other members", id="key in the token"),
        pytest.param(header(jku="https://evil.example/keys"), "other members", id="key set address"),
        pytest.param(header(x5c=["MII"]), "other members", id="certificate"),
        pytest.param(header(zip="DEF"), "other members", id="compressed"),
        pytest.param(header(kid=1), "other members", id="kid a number"),
        pytest.param(signed({"alg": "ES256", "typ": "message+jwt"}, CLAIMS), "other members", id="no kid"),
        pytest.param(header(kid="did:web:other.example#key-1"), "kid is not a key of iss", id="kid of another"),
        pytest.param(header(kid=SENDER), "kid is not a key of iss", id="kid without fragment"),
        pytest.param(header(kid=SENDER + "#"), "kid is not a key of iss", id="kid with empty fragment"),
        pytest.param(header(kid="#key-1"), "kid is not a key of iss", id="relative kid"),
        pytest.param(header(kid=SENDER + ".evil#key-1"), "kid is not a key of iss", id="kid with a longer DID"),
        pytest.param(claims(iss="did:web:other.example"), "kid is not a key of iss", id="iss of another"),
        pytest.param(claims(iss=[SENDER]), "iss is missing", id="iss a list"),
        pytest.param(without("iss"), "iss is missing", id="no iss"),
    ],
)
def test_a_token_that_is_not_of_our_form_is_not_read(token: str, problem: str):
    with pytest.raises(InvalidToken, match=problem):
        read_token(token)


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        pytest.param(signed(HEADER, CLAIMS, new_key(SENDER)), "signature", id="other key"),
        pytest.param(changed_segment(2, lambda _: ""), "signature", id="no signature"),
        pytest.param(changed_segment(2, lambda _: part(b"\0" * 64)), "signature", id="zero signature"),
        pytest.param(changed_segment(2, lambda text: text[:-4]), "signature", id="short signature"),
        pytest.param(changed_segment(2, other_last_bits), "signature", id="signature not canonical"),
        pytest.param(changed_segment(2, lambda text: text + "=="), "signature", id="signature padded"),
        pytest.param(changed_segment(1, lambda _: part(CLAIMS | {"jti": "other"})), "signature", id="other claims"),
        pytest.param(
            changed_segment(0, lambda _: part(dict(reversed(HEADER.items())))), "signature", id="other header"
        ),
        pytest.param(claims(sub="did:web:other.example"), "sub is not iss", id="sub of another"),
        pytest.param(without("sub"), "sub is missing", id="no sub"),
        pytest.param(claims(aud="did:web:other.example"), "aud is another", id="aud another"),
        pytest.param(claims(aud=[RECEIVER]), "aud is missing", id="aud a list"),
        pytest.param(claims(aud=RECEIVER + "/"), "aud is another", id="aud with a slash"),
        pytest.param(without("aud"), "aud is missing", id="no aud"),
        pytest.param(claims(body=body_digest(b"other")), "body is the digest", id="other body"),
        pytest.param(without("body"), "body is missing", id="no body"),
        pytest.param(claims(jti=""), "jti is missing", id="empty jti"),
        pytest.param(claims(jti="x" * 129), "jti is not", id="long jti"),
        pytest.param(claims(jti="a\0b"), "jti is not", id="jti with a zero byte"),
        pytest.param(claims(jti=7), "jti is missing", id="jti a number"),
        pytest.param(without("jti"), "jti is missing", id="no jti"),
        pytest.param(claims(iat=SECONDS + 31, exp=SECONDS + 60), "iat is in the future", id="from the future"),
        pytest.param(claims(iat=SECONDS - 90, exp=SECONDS - 30), "exp is in the past", id="expired"),
        pytest.param(claims(exp=SECONDS + 601), "within 600 s", id="lives too long"),
        pytest.param(claims(exp=SECONDS), "within 600 s", id="lives not at all"),
        pytest.param(claims(iat=SECONDS + 20, exp=SECONDS + 10), "within 600 s", id="ends before it begins"),
        pytest.param(claims(iat=1.5), "iat is missing", id="iat a fraction"),
        pytest.param(claims(iat=True), "iat is missing", id="iat a boolean"),
        pytest.param(claims(iat=str(SECONDS)), "iat is missing", id="iat a string"),
        pytest.param(claims(exp=-1), "exp is missing", id="exp negative"),
        pytest.param(without("iat"), "iat is missing", id="no iat"),
        pytest.param(without("exp"), "exp is missing", id="no exp"),
    ],
)
def test_a_token_is_refused_and_the_reason_named(token: str, problem: str):
    with pytest.raises(InvalidToken, match=problem):
        verified(token)


@pytest.mark.parametrize("seconds", [-30, 0, 89])
def test_clocks_may_differ_by_the_skew(seconds: int):
    assert verified(claims(), now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(("seconds", "problem"), [(-31, "future"), (90, "past")])
def test_clocks_may_not_differ_by_more(seconds: int, problem: str):
    with pytest.raises(InvalidToken, match=problem):
        verified(claims(), now=NOW + timedelta(seconds=seconds))


def test_no_reason_repeats_the_token():
    token = claims(jti="s3cret\0")
    with pytest.raises(InvalidToken) as refused:
        verified(token)
    assert "s3cret" not in str(refused.value)
    assert token[:20] not in str(refused.value)


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_.=", max_size=300) | st.text(max_size=50))
def test_any_text_is_read_or_refused(text: str):
    with pytest.raises(InvalidToken):
        read_token(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CLAIMS, "nbf", "x"]), JSON))
def test_any_signed_claims_are_verified_or_refused(changes: dict[str, Any]):
    try:
        found = verified(claims(**changes))
    except InvalidToken:
        return
    assert (found.iss, found.aud, found.body) == (SENDER, RECEIVER, CLAIMS["body"])
