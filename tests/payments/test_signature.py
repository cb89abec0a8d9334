"""Stripe's signature, without a server and without a clock."""

import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import signature
from payments.signature import TOLERANCE_SECONDS, SignatureError

NOW = 1_800_000_000
BODY, SECRET = b'{"id": "evt_1"}', "whsec_1"


def header(body: bytes = BODY, secret: str = SECRET, at: object = NOW) -> str:
    return f"t={at},v1={hmac.digest(secret.encode(), f'{at}.'.encode() + body, 'sha256').hex()}"


@pytest.mark.parametrize("age", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
def test_a_message_of_now_that_a_secret_signed_is_stripes(age: int) -> None:
    """Whichever of the secrets it is, while one is being replaced, and whatever else the header has."""
    signed = header(at=NOW - age)

    signature.require(BODY, signed, ["whsec_next", SECRET], now=NOW)
    signature.require(BODY, f"{signed}, v1={'0' * 64}, v0=anything", [SECRET], now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "t=,v1=",
        header(secret="another"),
        header(body=b"another"),
        header(at=NOW - TOLERANCE_SECONDS - 1),
        header(at=NOW + TOLERANCE_SECONDS + 1),
        header(at="now"),
        header().replace("v1", "v0"),
        f"t={NOW},{header()}",
        f"t={NOW},v1=é",
    ],
)
def test_any_other_message_is_refused(wrong: str | None) -> None:
    """Signed by another, for another body, at another time, twice, or not at all."""
    with pytest.raises(SignatureError):
        signature.require(BODY, wrong, [SECRET], now=NOW)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_no_header_is_an_error_of_ours(text: str) -> None:
    """Whatever a stranger sends, the answer is that it is not Stripe's."""
    with pytest.raises(SignatureError):
        signature.require(BODY, text, [SECRET], now=NOW)


def test_a_refused_signature_counts_against_its_sender() -> None:
    """As a wrong token does."""
    assert SignatureError.refuses_credential
