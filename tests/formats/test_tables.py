"""CSV: what is written is read again, and no spreadsheet runs it (S-65)."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Invalid
from wirefeed.formats.tables import line, rows

#: What a cell may hold: any text but what UTF-8 cannot say.
cells = st.text(st.characters(exclude_categories=["Cs"]))


def read(text, check=lambda _: None, size=7):
    raw = text.encode()
    blocks = [raw[at : at + size] for at in range(0, len(raw), size)]
    return list(rows(blocks, check))


@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read_again(table):
    text = line(["a", "b"]) + "".join(line(row) for row in table)
    assert [list(row.cells.values()) for row in read(text)] == table
    assert all(row.is_whole for row in read(text))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "=cmd|' /C calc'!A0"])
def test_s65_no_cell_begins_as_a_formula(cell):
    (written,) = next(csv.reader(io.StringIO(line([cell]), newline="")))
    assert written == "'" + cell
    assert read(line(["a"]) + line([cell]))[0].cells == {"a": cell}


@given(st.text("'=+-@\t\rx", max_size=5))
def test_s65_whatever_is_written_begins_harmlessly(cell):
    (written,) = next(csv.reader(io.StringIO(line([cell]), newline="")), [""])
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert [row.cells for row in read(line(["a", "b"]) + line([cell, "b"]))] == [
        {"a": cell, "b": "b"}
    ]


def test_rows_are_numbered_by_the_line_they_begin_on():
    text = 'a,b\r\n1,"x\ny"\r\n\r\n2,z\r\n3\r\n'
    assert [(row.line, dict(row.cells), row.is_whole) for row in read(text)] == [
        (2, {"a": "1", "b": "x\ny"}, True),
        (5, {"a": "2", "b": "z"}, True),
        (6, {"a": "3"}, False),
    ]


def test_a_spreadsheets_byte_order_mark_is_no_part_of_a_name():
    assert read("\ufeffa\n1\n")[0].cells == {"a": "1"}


def test_the_columns_are_looked_at_before_any_row():
    def check(heading):
        assert heading == ["a", "b"]
        raise Invalid("no")

    with pytest.raises(Invalid, match="no"):
        read(" a,b \n1,2\n", check)


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"", "line 1"),
        (b"a\n\xff\n", "line 2"),
        (b'a\n1\n"2\n3\n', "line 3"),
        (b'a\n"1"x\n', "line 2"),
        (b"a\n" + b"x" * 200_000, "line 2"),
        (b"a\n" + b"x" * 1_200_000, "line 2"),
        (b"a\rb\r", "line 1"),
    ],
)
def test_what_is_no_table_is_refused_by_its_line(raw, where):
    with pytest.raises(Invalid) as caught:
        list(rows([raw], lambda _: None))
    assert caught.value.field == where
