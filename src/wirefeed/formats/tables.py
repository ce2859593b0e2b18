"""Tables as text: CSV (RFC 4180), which spreadsheets open without running what is in it. Pure."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from wirefeed.domain.errors import Invalid

#: A spreadsheet takes what begins so for a formula, and runs it.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
#: Of a line, in bytes.
_LONGEST = 1024 * 1024


class Row(NamedTuple):
    """A row of a file, and the line it begins on."""

    line: int
    #: By column.
    cells: Mapping[str, str]
    #: It has as many cells as there are columns.
    is_whole: bool


def line(cells: Sequence[str]) -> str:
    """Write a row; `'` before what would be taken for a formula."""
    out = io.StringIO()
    csv.writer(out).writerow(["'" + cell if _FORMULA.match(cell) else cell for cell in cells])
    return out.getvalue()


def rows(blocks: Iterable[bytes], check: Callable[[Sequence[str]], None]) -> Iterator[Row]:
    """Read a table, a row at a time; `check` looks at the names of its columns.

    Raises `Invalid` for one that cannot be read to its end.
    """
    reader = csv.reader(_lines(blocks), strict=True)
    number = 1
    heading: list[str] | None = None
    try:
        for cells in reader:
            if heading is None:
                heading = [cell.strip() for cell in cells]
                check(heading)
            elif cells:
                plain = [cell[1:] if _GUARDED.match(cell) else cell for cell in cells]
                named = dict(zip(heading, plain, strict=False))
                yield Row(number, named, len(cells) == len(heading))
            number = reader.line_num + 1
    except csv.Error as error:
        # Where a row does not end, no other begins.
        raise Invalid(f"this is no row: {error}", field=f"line {number}") from error
    if heading is None:
        raise Invalid("the table is empty", field="line 1", remedy="name the columns on line 1")


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """Part a file into lines of text, their ends included."""
    number, held = 1, b""
    for block in blocks:
        *ended, held = (held + block).split(b"\n")
        for each in ended:
            yield _text(each + b"\n", number)
            number += 1
        if len(held) > _LONGEST:
            break
    if held:
        yield _text(held, number)


def _text(raw: bytes, number: int) -> str:
    if len(raw) > _LONGEST:
        raise Invalid("the line is too long", field=f"line {number}")
    try:
        # Spreadsheets begin a file with a byte order mark.
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("the line is not UTF-8", field=f"line {number}") from error
