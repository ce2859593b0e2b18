"""Every security case has a test of its name, and every assert counts, however Python is run."""

import re
import sys
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook
from aiohttp import http_parser

from tests.security.asserting import insist

HERE = Path(__file__).parent
CASES = range(1, 27)


def test_a_test_of_a_case_stands_in_a_file_of_cases() -> None:
    """By their files they are found when they are run once more, in another Python."""
    for path in HERE.glob("test_*.py"):
        if not re.match(r"test_s\d", path.name):
            numbers = re.findall(r"def test_s(\d\d)_", path.read_text("utf-8"))
            assert not set(map(int, numbers)) & set(CASES), path.name


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


def test_the_second_run_is_without_asserts_and_without_compiled_parsers(bare) -> None:
    if not bare:
        pytest.skip("in the second run of the cases, which `make test` makes")
    assert sys.flags.optimize == 1
    assert http_parser.HttpRequestParser is http_parser.HttpRequestParserPy
