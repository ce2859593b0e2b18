"""What may be asked of a WebSub hub."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Invalid
from wirefeed.domain.leases import (
    LONGEST,
    PUBLIC,
    SHORTEST,
    Form,
    Intent,
    Method,
    Mode,
    Owner,
    asking,
    concerns,
    confirms,
    links,
    parse_form,
    signature,
    verification,
)
from wirefeed.domain.wire import Audience, Change, ChangeKind

ASKED = {
    "hub.mode": "subscribe",
    "hub.callback": "https://reader.example/c",
    "hub.topic": "https://news.example/en/latest.rss",
}


def form(**changed: str | None) -> bytes:
    fields = ASKED | {f"hub.{name}": value for name, value in changed.items()}
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode()


def test_h1_a_request_names_mode_callback_and_topic():
    assert parse_form(form()) == Form(
        mode=Mode.SUBSCRIBE, callback=ASKED["hub.callback"], topic=ASKED["hub.topic"]
    )


def test_h4_what_is_not_of_websub_is_ignored():
    assert parse_form(form() + b"&foo=bar&hub.foo=hub.bar&foo=bar") == parse_form(form())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (form(mode=None), "hub.mode"),
        (form(mode="publish"), "hub.mode"),
        (form(mode="Subscribe"), "hub.mode"),
        (form(callback=None), "hub.callback"),
        (form(topic=""), "hub.topic"),
        (form() + b"&hub.topic=https://news.example/", "hub.topic"),
        (form(secret="s" * 200), "hub.secret"),
        (form(secret="é" * 100), "hub.secret"),
        (form(secret="a\0"), "hub.secret"),
        (form(lease_seconds="ten"), "hub.lease_seconds"),
        (form(lease_seconds="٣٦٠٠"), "hub.lease_seconds"),
        (b"hub.mode=%ff", ""),
        (b"\xff", ""),
        (b"&".join(b"a%d=" % n for n in range(60)), ""),
    ],
)
def test_h12_what_is_wrong_is_named_with_what_would_help(body, field):
    with pytest.raises(Invalid) as refusal:
        parse_form(body)

    assert refusal.value.field == field
    assert refusal.value.remedy


@pytest.mark.parametrize("secret", ["s" * 199, "é" * 99, "1"])
def test_h2_a_secret_has_less_than_200_bytes(secret):
    assert parse_form(form(secret=secret)).secret == secret.encode()


def test_an_empty_secret_is_none():
    assert parse_form(form(secret="")).secret is None


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, LONGEST),
        ("", LONGEST),
        ("0", SHORTEST),
        ("-1", SHORTEST),
        ("3599", SHORTEST),
        ("7200", 7200),
        ("864000", LONGEST),
        ("1000000000", LONGEST),
    ],
)
def test_h22_h23_leases_last_an_hour_to_ten_days(asked, granted):
    assert parse_form(form(lease_seconds=asked)).seconds == granted


def test_h7_the_length_of_a_lease_is_ignored_where_it_is_to_end():
    assert parse_form(form(mode="unsubscribe", lease_seconds="ten")).mode is Mode.UNSUBSCRIBE


@pytest.mark.parametrize(
    ("callback", "asked"),
    [
        ("https://a/c", "https://a/c?hub.mode=denied"),
        ("https://a/c?x=1", "https://a/c?x=1&hub.mode=denied"),
        ("https://a/c?x=1&", "https://a/c?x=1&hub.mode=denied"),
        ("https://a/c?", "https://a/c?hub.mode=denied"),
        ("https://a/c?hub.mode=mine", "https://a/c?hub.mode=mine&hub.mode=denied"),
        ("https://a/c?x=%2F+&y", "https://a/c?x=%2F+&y&hub.mode=denied"),
    ],
)
def test_h10_the_query_of_a_callback_stays_as_it_is(callback, asked):
    assert asking(callback, {"hub.mode": "denied"}) == asked


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_whatever_is_asked_arrives(parameters):
    query = urlsplit(asking("https://a/c?x=1", parameters)).query

    assert parse_qsl(query, keep_blank_values=True) == [("x", "1"), *parameters.items()]


def test_h20_a_verification_says_how_long_a_lease_is_and_that_alone():
    told = [verification(intent(mode), "https://n/", "c") for mode in Mode]

    assert [one.get("hub.lease_seconds") for one in told] == ["3600", None]
    assert {name for one in told for name in one} == {
        "hub.mode",
        "hub.topic",
        "hub.challenge",
        "hub.lease_seconds",
    }


def intent(mode: Mode) -> Intent:
    return Intent(
        id="i",
        pair=b"",
        mode=mode,
        callback="https://a/",
        host="a",
        topic=b"",
        secret=None,
        owner=PUBLIC,
        seconds=3600,
        received=0,
    )


@pytest.mark.parametrize(
    "answer", [b"", b"challeng", b"challenge\n", b" challenge", b"<p>challenge</p>", b"CHALLENGE"]
)
def test_h21_only_the_challenge_itself_confirms(answer):
    assert confirms("challenge", b"challenge")
    assert not confirms("challenge", answer)


def test_h30_signatures_are_hmacs_of_what_is_sent():
    # RFC 4231 §4.3, test case 2.
    key, data = b"Jefe", b"what do ya want for nothing?"
    begins = {
        Method.SHA256: "sha256=5bdcc146bf60754e6a042426089575c7",
        Method.SHA384: "sha384=af45d2e376484031617f78d2b58a6b1b",
        Method.SHA512: "sha512=164b7a7bfcf819e2e395fbe73b56e0a3",
    }
    assert all(signature(method, key, data).startswith(begins[method]) for method in Method)
    assert "sha1" not in set(Method)


def test_h25_hub_and_topic_stand_in_one_header():
    assert (
        links("https://n/hub", "https://n/f")
        == '<https://n/hub>; rel="hub", <https://n/f>; rel="self"'
    )


def announced(side: str, language: str) -> Change:
    told = frozenset({Audience(language=language, topics=frozenset())})
    before, after = (told, frozenset[Audience]()) if side == "before" else (frozenset(), told)
    return Change(kind=ChangeKind.UPDATE, about="s", before=before, after=after)


OWN = Owner(subscriber="gazette", feed_key="k1")


@pytest.mark.parametrize(
    ("change", "owner", "told"),
    [
        (Change(kind=ChangeKind.KILL, about="s"), OWN, False),
        (Change(kind=ChangeKind.ACCESS, about="subscriber:gazette"), OWN, True),
        (Change(kind=ChangeKind.ACCESS, about="feed-key:k1"), OWN, True),
        (Change(kind=ChangeKind.ACCESS, about="subscriber:other"), OWN, False),
        (Change(kind=ChangeKind.ACCESS, about="subscriber:other"), PUBLIC, False),
        (Change(kind=ChangeKind.ACCESS, about="plan:public"), PUBLIC, True),
        (Change(kind=ChangeKind.ACCESS, about="topics"), OWN, True),
        *(
            (
                announced(side, language),
                PUBLIC,
                concerned,
            )
            for side in ("before", "after")
            for language, concerned in (("en", True), ("tr", False), ("und", True))
        ),
    ],
)
def test_a_change_concerns_who_reads_its_language_or_whose_access_it_is(change, owner, told):
    assert concerns(change, "en", owner) is told
