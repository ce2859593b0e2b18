"""Seals: only the very bytes that were sealed under a name are given under it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.storage.sealing import seal, unseal

SECRET = bytes(range(32))
kinds = st.sampled_from(["document", "gzip", "br", "zstd", "parts"])
keys = st.binary(min_size=16, max_size=16)
values = st.binary(max_size=200)


@given(kind=kinds, key=keys, value=values)
def test_what_was_sealed_is_given_under_its_name(kind, key, value):
    assert unseal(SECRET, kind, key, seal(SECRET, kind, key, value)) == value


@given(kind=kinds, key=keys, value=values, data=st.data())
def test_a_change_of_any_bit_breaks_the_seal(kind, key, value, data):
    sealed = bytearray(seal(SECRET, kind, key, value))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8

    assert unseal(SECRET, kind, key, bytes(sealed)) is None


@given(kind=kinds, key=keys, value=values, data=st.data())
def test_a_change_of_length_breaks_the_seal(kind, key, value, data):
    sealed = seal(SECRET, kind, key, value)
    cut = data.draw(st.integers(0, len(sealed) - 1))
    more = data.draw(st.binary(min_size=1, max_size=40))

    for other in (sealed[:cut], sealed[cut + 1 :], sealed + more, more + sealed, b""):
        assert unseal(SECRET, kind, key, other) is None


@given(kind=kinds, key=keys, value=values, other_kind=kinds, other_key=keys)
def test_a_seal_is_for_one_name(kind, key, value, other_kind, other_key):
    sealed = seal(SECRET, kind, key, value)
    same = (kind, key) == (other_kind, other_key)

    assert unseal(SECRET, other_kind, other_key, sealed) == (value if same else None)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("documen", b"tkey", b"value"),
        ("document", b"keyv", b"alue"),
        ("document", b"ke", b"yvalue"),
    ],
)
def test_the_parts_of_a_name_do_not_run_over(kind, key, value):
    sealed = seal(SECRET, "document", b"key", b"value")

    assert unseal(SECRET, kind, key, sealed[: -len(b"value")] + value) is None


@given(kind=kinds, key=keys, value=values, secret=st.binary(min_size=32, max_size=32))
def test_a_seal_is_of_one_secret(kind, key, value, secret):
    sealed = seal(secret, kind, key, value)

    assert (unseal(SECRET, kind, key, sealed) is None) == (secret != SECRET)
