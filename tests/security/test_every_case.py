"""Every security case has a test of its name, and every assert counts, however Python is run."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from aiohttp import http_parser

from tests.security.asserting import insist

HERE = Path(__file__).parent
#: S-01 to S-26: each has tests of its name, in files of cases: `test_s04_…` in `test_s01_…`.
CASES = set(range(1, 27))
NAMED = re.compile(r"test_s(\d\d)_")


def cases_of(names: Iterable[str]) -> set[int]:
    """Give the numbers of the cases that tests are named by."""
    return {int(match[1]) for name in names if (match := NAMED.match(name))} & CASES


def test_every_case_is_shown_by_a_test_of_its_name() -> None:
    shown: set[int] = set()
    for path in HERE.glob("test_*.py"):
        cases = cases_of(
            re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
        )
        # By their files they are found when they are run once more, in another Python.
        assert NAMED.match(path.name) or not cases, path.name
        shown |= cases
    assert shown == CASES


def test_an_assert_of_a_test_counts() -> None:
    with pytest.raises(AssertionError):
        assert sys.flags.optimize > 2


def test_an_assert_of_a_helper_counts() -> None:
    with pytest.raises(AssertionError):
        insist(sys.flags.optimize > 2)


def test_every_module_of_the_tests_is_one_whose_asserts_count() -> None:
    """By now all are imported: tests are collected before the first is run."""
    tests = str(HERE.parent)
    plain = [
        name
        for name, module in sys.modules.items()
        if str(getattr(module, "__file__", None)).startswith(tests)
        and not isinstance(getattr(module.__spec__, "loader", None), AssertionRewritingHook)
    ]
    assert not plain


def test_the_second_run_has_every_case_and_neither_asserts_nor_compiled_parsers(
    request: pytest.FixtureRequest, bare: bool
) -> None:
    if not bare:
        pytest.skip("in the second run of the cases, which `make test` makes")
    assert sys.flags.optimize == 1
    assert http_parser.HttpRequestParser is http_parser.HttpRequestParserPy
    assert cases_of(item.name for item in request.session.items) == CASES
