"""Headers of pollers: whether one takes only what is new, and where an answer came from."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.web.polling import CACHE_STATUS, Origin, takes_delta


@pytest.mark.parametrize(
    ("a_im", "taken"),
    [
        ("feed", True),
        ("Feed", True),
        ("feed, gzip", True),
        ("vcdiff, feed;q=0.5", True),
        ("identity;q=0.5, feed", True),
        ("feed;q=0", False),
        ("feed;q=0.0, gzip", False),
        ("feed, feed;q=0", False),
        ("identity, feed;q=0.5", False),
        ("gzip", False),
        ("feeds", False),
        ("*", False),
        ("", False),
        (None, False),
        ("feed;q=2", False),
        ('feed;x="y"', False),
        ("feed gzip", False),
    ],
)
def test_only_who_asks_for_it_is_given_less_than_the_whole(a_im, taken):
    assert takes_delta(a_im) is taken


@given(st.text(max_size=60))
def test_no_header_is_an_error(a_im: str):
    assert takes_delta(a_im) in {True, False}


@pytest.mark.parametrize("origin", Origin)
def test_where_it_came_from_is_said_in_the_grammar_of_cache_status(origin):
    # RFC 9211 §2: an item of a structured list, with parameters; only one of `hit` and `fwd`.
    said = CACHE_STATUS[origin]
    assert re.fullmatch(r"wirefeed(; [a-z]+(=[a-z]+)?)+", said)
    assert ("; hit" in said) is not ("; fwd=" in said)
