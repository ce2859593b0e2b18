"""Content codings: what a client is given by what it says it takes, and bytes it can decode."""

import gzip
import sys
import zlib
from pathlib import Path

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.formats.coding import Coding, compress
from wirefeed.web.coding import choose

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BR, ZSTD, GZIP, IDENTITY = Coding.BR, Coding.ZSTD, Coding.GZIP, Coding.IDENTITY


@pytest.mark.parametrize(
    ("accepted", "given"),
    [
        # Browsers and feed readers as they are.
        ("gzip, deflate, br, zstd", BR),
        ("gzip, deflate, br", BR),
        ("gzip, deflate", GZIP),
        ("gzip,zstd", ZSTD),
        ("zstd", ZSTD),
        ("x-gzip", GZIP),
        ("GZip", GZIP),
        ("deflate", IDENTITY),
        ("identity", IDENTITY),
        # None at all, and an empty one.
        (None, IDENTITY),
        ("", IDENTITY),
        (" , ,", IDENTITY),
        # Weights.
        ("gzip;q=1.0, br;q=0.9", GZIP),
        ("gzip ; q=0.5 , zstd;q=0.501", ZSTD),
        ("br;q=0, gzip", GZIP),
        ("br;q=0.000", IDENTITY),
        ("gzip;Q=0", IDENTITY),
        ("gzip;q=0.001", GZIP),
        ("identity;q=0.5, gzip;q=0.4", IDENTITY),
        ("identity;q=0.5, gzip;q=0.5", GZIP),
        ("identity;q=0, gzip;q=0.1", GZIP),
        # Anything else.
        ("*", GZIP),
        ("*;q=0.1", GZIP),
        ("*, gzip;q=0", IDENTITY),
        ("br, *;q=0", BR),
        ("zstd;q=0.2, *;q=0.3", GZIP),
        ("identity, *;q=0.5", IDENTITY),
        # Said twice: the refusal counts.
        ("gzip, gzip;q=0", IDENTITY),
        ("gzip;q=0, gzip", IDENTITY),
        # Everything refused: answered all the same.
        ("identity;q=0", IDENTITY),
        ("*;q=0", IDENTITY),
        # No list of weighted names.
        ("gzip;q=2", IDENTITY),
        ("gzip;q=1.001", IDENTITY),
        ("gzip;q=0.1234", IDENTITY),
        ("gzip;q=", IDENTITY),
        ("gzip;q=-1", IDENTITY),
        ("gzip;level=9", IDENTITY),
        ("gzip q=1", IDENTITY),
        ("gzip;q=1;q=1", IDENTITY),
        ("g\xadzip", IDENTITY),
        ("br, (gzip)", IDENTITY),
    ],
)
def test_a_client_is_given_what_it_prefers_of_what_it_takes(accepted, given):
    assert choose(accepted) is given


NAMES = st.sampled_from(["br", "zstd", "gzip", "x-gzip", "identity", "deflate", "*"])
WEIGHTS = st.integers(0, 1000)


@given(st.dictionaries(NAMES, WEIGHTS, min_size=1))
def test_nobody_is_given_a_coding_it_refuses_or_does_not_name(wished: dict[str, int]):
    chosen = choose(", ".join(f"{name};q={weight / 1000:.3f}" for name, weight in wished.items()))
    if chosen is not IDENTITY:
        weight = wished.get(chosen) or (wished.get("x-gzip") or wished.get("*"))
        assert weight
        assert wished.get(chosen) != 0
        assert wished.get("identity", 0) <= weight
        assert not any(
            wished.get(other, 0) > weight for other in (BR, ZSTD, GZIP) if other is not chosen
        )


@given(st.text(max_size=60))
def test_no_header_is_an_error(accepted: str):
    assert choose(accepted) in Coding


def test_many_headers_do_not_fill_the_memory():
    for number in range(2000):
        choose(f"gzip, x{number}")
    assert choose.cache_info().currsize <= 256


UNPACK = {
    IDENTITY: bytes,
    BR: brotli.decompress,
    ZSTD: zstd.decompress,
    GZIP: gzip.decompress,
}


@given(body=st.binary(max_size=3000), coding=st.sampled_from(Coding))
def test_what_is_compressed_is_read_back_and_is_always_the_same(body: bytes, coding: Coding):
    packed = compress(body, coding)
    assert UNPACK[coding](packed) == body
    assert compress(body, coding) == packed


@given(st.binary(max_size=3000))
def test_gzip_is_one_member_without_a_time(body: bytes):
    packed = compress(body, GZIP)
    reading = zlib.decompressobj(wbits=31)
    assert reading.decompress(packed) == body
    assert (reading.eof, reading.unused_data) == (True, b"")
    # RFC 1952 §2.3.1: "MTIME = 0 means no time stamp is available".
    assert packed[4:8] == bytes(4)


def test_text_becomes_smaller_by_every_coding():
    body = b"the agency said on Tuesday that a council vote would follow talks " * 200
    assert all(len(compress(body, coding)) < len(body) / 20 for coding in (BR, ZSTD, GZIP))


def test_gzip_makes_prose_as_small_as_zlib_does():
    prose = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_bytes()
    assert len(compress(prose, GZIP)) < len(gzip.compress(prose, 6)) * 1.02
