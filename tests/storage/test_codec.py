"""Messages as they came are kept small, and come back whole, whichever release squeezed them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.storage.codec import squeeze, unsqueeze


@given(st.binary())
def test_what_was_squeezed_comes_back(raw):
    assert unsqueeze(squeeze(raw)) == raw


@pytest.mark.parametrize("level", range(-1, 10))
@given(raw=st.binary())
def test_what_earlier_releases_squeezed_comes_back(level, raw):
    assert unsqueeze(zlib.compress(raw, level)) == raw


def test_a_message_becomes_smaller():
    message = b'{"uri": "tag:example.com,2026:1", "headline": "Rain"}' * 100
    assert len(squeeze(message)) < len(message) / 10
