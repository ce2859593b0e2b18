import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.examples import MORNING
from wirefeed.formats.writing import (
    clean,
    directed,
    iri,
    is_rtl,
    language_tag,
    readable,
    rfc822,
    rfc3339,
)


@pytest.mark.parametrize(
    ("guid", "expected"),
    [
        ("urn:newsml:reuters.com:20260101:nL1", "urn:newsml:reuters.com:20260101:nL1"),
        ("tag:lantern.example,2026:x", "tag:lantern.example,2026:x"),
        ("https://lantern.example/a%20b?c=d#e", "https://lantern.example/a%20b?c=d#e"),
        ("HTTP://lantern.example", "HTTP://lantern.example"),
        ("7f1c", "urn:wirefeed:7f1c"),
        ("a b/ı", "urn:wirefeed:a%20b%2F%C4%B1"),
        ("https://lantern.example/ı", "urn:wirefeed:https%3A%2F%2Flantern.example%2F%C4%B1"),
        ("https://", "urn:wirefeed:https%3A%2F%2F"),
        ("https:///x", "urn:wirefeed:https%3A%2F%2F%2Fx"),
        ("http://x/%zz", "urn:wirefeed:http%3A%2F%2Fx%2F%25zz"),
        ("http://x/#a#b", "urn:wirefeed:http%3A%2F%2Fx%2F%23a%23b"),
        ("urn:x", "urn:x"),
        ("javascript:alert(1)", "urn:wirefeed:javascript%3Aalert%281%29"),
        ("urn:wirefeed:7f1c", "urn:wirefeed:urn%3Awirefeed%3A7f1c"),
        ("urn:wirefeed:notice:7f1c", "urn:wirefeed:notice:7f1c"),
        ("urn:x:a\n", "urn:wirefeed:urn%3Ax%3Aa%0A"),
        ("\ud800", "urn:wirefeed:%ED%A0%80"),
    ],
)
def test_a_guid_becomes_an_iri(guid, expected):
    assert iri(guid) == expected


@given(st.text(st.characters(exclude_categories=()), min_size=1), st.text(min_size=1))
def test_two_guids_never_become_one(one, other):
    assert (iri(one) == iri(other)) == (one == other)
    assert iri(one).isascii()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ar", True),
        ("ar-EG", True),
        ("FA", True),
        ("he", True),
        ("ur-PK", True),
        ("az-Arab", True),
        ("az-Arab-IR", True),
        ("ku-arab", True),
        ("ar-Latn", False),
        ("az", False),
        ("tr", False),
        ("en-AR", False),
        ("", False),
    ],
)
def test_scripts_and_languages_run_right_to_left(language, expected):
    assert is_rtl(language) is expected
    assert directed("<p>x</p>", language).startswith("<div") is expected


@pytest.mark.parametrize("language", ['ar"><script>', "ar-\u200f", "ar x"])
def test_a_tag_that_is_none_never_reaches_html(language):
    assert directed("<p>x</p>", language) == "<p>x</p>"
    assert language_tag(language) == ""


@pytest.mark.parametrize(
    ("at", "atom", "rss", "people"),
    [
        (
            MORNING,
            "2026-11-02T08:30:00Z",
            "Mon, 02 Nov 2026 08:30:00 GMT",
            "2026-11-02 08:30 UTC",
        ),
        (
            MORNING + 1_999_999,
            "2026-11-02T08:30:01Z",
            "Mon, 02 Nov 2026 08:30:01 GMT",
            "2026-11-02 08:30:01 UTC",
        ),
        (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01 00:00 UTC"),
        (-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31 23:59:59 UTC"),
        (
            -62_135_596_800_000_000,
            "0001-01-01T00:00:00Z",
            "Mon, 01 Jan 0001 00:00:00 GMT",
            "0001-01-01 00:00 UTC",
        ),
    ],
)
def test_times_are_written_to_the_second(at, atom, rss, people):
    assert rfc3339(at) == atom
    assert rfc822(at) == rss
    assert readable(at) == people


def test_clean_takes_out_what_xml_forbids_and_nothing_else():
    assert clean("\x00a\x08\x0b\x0c\x0e\x1f\ud800\udfff\ufffe\uffff") == "a"
    kept = "\t\n\r\x20\x7f\x85\ud7ff\ue000\ufffd𐀀🗞️ıİخ"
    assert clean(kept) == kept
