"""Signatures as Standard Webhooks has them: the published example, and whatever is near it."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.agency import SECOND
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.signatures import Signature, holds, parse_secret, sign

#: As the libraries of Standard Webhooks test themselves.
SECRET = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "leaks.secret")
BODY = b'{"test": 2432232314}'
AT = 1_614_265_330 * SECOND
SIGNED = Signature(
    id="msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp="1614265330",
    signatures="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
MAC = SIGNED.signatures


def test_the_published_example_holds():
    assert sign(SECRET, SIGNED.id, AT, BODY) == SIGNED
    assert holds(SECRET, SIGNED, BODY, AT)


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"signatures": f"v1,AAAA {MAC}"}, True),
        ({"signatures": f"v1,a v1,b v1,c {MAC}"}, True),
        ({"signatures": f"v1,a v1,b v1,c v1,d {MAC}"}, False),
        ({"signatures": ""}, False),
        ({"signatures": MAC.removeprefix("v1,")}, False),
        ({"signatures": MAC.replace("v1", "v2")}, False),
        ({"signatures": MAC.replace("v1", "v1a")}, False),
        ({"signatures": f"{MAC},"}, False),
        ({"signatures": MAC.rstrip("=")}, False),
        ({"signatures": "v1,\udcff"}, False),
        ({"id": "msg_other"}, False),
        ({"id": ""}, False),
        ({"timestamp": "1614265331"}, False),
        ({"timestamp": "01614265330"}, False),
        ({"timestamp": " 1614265330"}, False),
        ({"timestamp": "١٦١٤٢٦٥٣٣٠"}, False),
        ({"timestamp": "-1"}, False),
        ({"timestamp": ""}, False),
        ({"timestamp": "9" * 4_000}, False),
    ],
)
def test_anything_else_does_not(changes, good):
    assert holds(SECRET, replace(SIGNED, **changes), BODY, AT) is good


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (300, True), (301, False)])
@pytest.mark.parametrize("sign_of", [1, -1])
def test_it_holds_for_five_minutes(seconds: int, sign_of: int, good: bool):
    assert holds(SECRET, SIGNED, BODY, AT + sign_of * seconds * SECOND) is good


@given(st.binary(min_size=24, max_size=64), st.text(max_size=40), st.binary(), st.binary())
def test_it_is_of_one_secret_and_one_message(secret, id_, body, other):
    signed = sign(secret, id_, AT, body)
    assert holds(secret, signed, body, AT)
    assert holds(secret, signed, other, AT) is (other == body)
    assert not holds(secret + b"x", signed, body, AT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "hunter2",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
        f"whsec_{base64.b64encode(bytes(65)).decode()}",
        "whsec_ş",
    ],
)
def test_a_secret_is_no_password(text: str):
    with pytest.raises(Unacceptable):
        parse_secret(text, "leaks.secret")
