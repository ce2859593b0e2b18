"""What is read of JSON is what everybody would read of it; a file is parted without holding it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Invalid
from wirefeed.formats.json_input import (
    LONGEST_ARRAY,
    LONGEST_MESSAGE,
    child,
    messages,
    read_object,
)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"", "ends too soon"),
        (b"   ", "ends too soon"),
        (b'{"a": 1', "ends too soon"),
        (b"{}x", "trailing characters, near line 1"),
        (b'{\n"a": nul}', "near line 2"),
        (b'{"a": "x\ny"}', "invalid character, near line 1, byte 9"),
        (b'{"a": "\x00"}', "invalid character"),
        (b'{"a": 01}', "invalid number"),
        (b'{"a": NaN}', "invalid character"),
        (b'{"a": Infinity}', "invalid character"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "too large"),
        (b'{"a": 1,}', "trailing comma"),
        (b"{'a': 1}", "line 1, byte 2"),
        (b'{"a": "\\ud800"}', "surrogate pair"),
        (b'{"a": "\\udc00\\ud800"}', "surrogate"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8: line 1, byte 8"),
        (b'{\n"a": "\xff"}', "not UTF-8: line 2, byte 7"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "byte order mark"),
        ('{"a": 1}'.encode("utf-16-le"), "malformed"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": 1, "a": 1}', "$.a: the key stands twice"),
        (b'{"a": 1, "\\u0061": 2}', "$.a: the key stands twice"),
        (b'{"q": [1, {"b": {"c d": 1, "c d": 2}}]}', "$.q[1].b['c d']: the key stands twice"),
        (b'{"renditions": {"x": {"href": 1, "href": 2}}}', "$.renditions.x.href"),
        (b'{"a": "' + b"x" * LONGEST_MESSAGE + b'"}', "longer than 8 MiB"),
    ],
)
def test_what_could_be_read_two_ways_is_refused(message, problem):
    with pytest.raises(Invalid) as refusal:
        read_object(message)
    assert problem in str(refusal.value)


def test_of_renditions_of_one_name_the_last_holds():
    assert read_object(b'{"renditions": {"x": 1, "x": 2}, "a": [0]}') == {
        "renditions": {"x": 2},
        "a": [0],
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON))
def test_an_object_is_read_as_it_was_written(value):
    assert read_object(json.dumps(value).encode()) == value


@given(st.binary() | st.text(alphabet='{}[]",:\\u0 \ud800aé1e-', max_size=40))
def test_any_bytes_are_an_object_or_invalid(message):
    if isinstance(message, str):
        message = message.encode("utf-8", "surrogatepass")
    try:
        assert isinstance(read_object(message), dict)
    except Invalid as error:
        assert str(error)  # noqa: PT017 - either outcome is one


@pytest.mark.parametrize(
    ("key", "path"),
    [("a", "$.a"), ("$x", "$['$x']"), ("a'b\n\\", "$['a?b??']"), ("x" * 99, f"$['{'x' * 64}']")],
)
def test_a_path_is_for_reading(key, path):
    assert child("$", key) == path


@pytest.mark.parametrize(
    ("file", "parted"),
    [
        (b"", []),
        (b" \n\r\n", []),
        (b'{"a":1}', [(1, b'{"a":1}')]),
        (b'\n{"a":1}\n', [(2, b'{"a":1}')]),
        (b'{"a":1}\r\n\r\n{"b":2}', [(1, b'{"a":1}'), (3, b'{"b":2}')]),
        # one object over many lines; what is wrong with it is said by its line
        (b'{\n"a":\n\n1}', [(1, b'{\n"a":\n\n1}')]),
        (b'{"a":1,\n"b":2}', [(1, b'{"a":1,\n"b":2}')]),
        (b"{", [(1, b"{")]),
        # a broken line stops none of the others
        (b'{"a" 1}\n{"b":2}', [(1, b'{"a" 1}'), (2, b'{"b":2}')]),
        (b'{"a":1}\n{"b" 2}\n5', [(1, b'{"a":1}'), (2, b'{"b" 2}'), (3, b"5")]),
        # an array
        (b"[]", []),
        (b' [{"a":1},\n{"b":[2]}, 5]', [(1, b'{"a":1}'), (2, b'{"b":[2]}'), (3, b"5")]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_a_file_is_parted_into_messages(file, parted, size):
    blocks = [file[at : at + size] for at in range(0, len(file), size)]
    assert list(messages(blocks)) == parted


@pytest.mark.parametrize("file", [b"[1", b"[1]]", b"[" * 100_000])
def test_an_array_that_cannot_be_parted_is_refused(file):
    with pytest.raises(Invalid):
        list(messages([file]))


def test_an_array_too_long_is_refused_with_the_way_out():
    block = b'{"a": "' + b"x" * 1_000_000 + b'"},\n'
    with pytest.raises(Invalid, match="JSON lines"):
        list(messages([b"[\n", *[block] * (LONGEST_ARRAY // len(block) + 1)]))


def test_a_line_too_long_is_cut_and_refused_and_the_others_are_not():
    endless = [b'{"a": "'] + [b"x" * 1_000_000] * 12 + [b'"}\n{"b": 2}\n']
    _, (first, cut), (second, whole) = messages([b'{"c": 1}\n', *endless])
    assert (first, second, whole) == (2, 3, b'{"b": 2}')
    assert len(cut) == LONGEST_MESSAGE + 1
    with pytest.raises(Invalid, match="8 MiB"):
        read_object(cut)


def test_an_object_too_long_over_many_lines_is_cut_and_refused():
    lines = [b"{\n"] + [b'"a": "' + b"x" * 1_000_000 + b'",\n'] * 12
    ((number, cut),) = messages(lines)
    assert (number, len(cut)) == (1, LONGEST_MESSAGE + 1)


def test_lines_are_parted_as_they_come():
    def endless():
        number = 0
        while True:
            number += 1
            yield b'{"a": %d}\n' % number

    parted = messages(endless())
    assert [next(parted) for _ in range(3)] == [
        (1, b'{"a": 1}'),
        (2, b'{"a": 2}'),
        (3, b'{"a": 3}'),
    ]
