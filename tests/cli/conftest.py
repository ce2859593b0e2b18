"""Commands run in this process, by the entry point of `wirefeed`, in a folder of their own."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.agency import PLANS, TOPICS
from wirefeed.cli.main import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that commands run in, with topics and plans as an operator writes them."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "topics.toml").write_text(TOPICS, "utf-8")
    (tmp_path / "config" / "plans.toml").write_text(PLANS, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class _Terminal(io.TextIOWrapper):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def wirefeed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Give `wirefeed`: call it with arguments, and `stdin` or what a person types."""

    def run(*arguments: str, stdin: bytes = b"", types: str | None = None) -> Ran:
        monkeypatch.setattr(sys, "argv", ["wirefeed", *arguments])
        kind = io.TextIOWrapper if types is None else _Terminal
        raw = io.BytesIO(stdin if types is None else types.encode())
        monkeypatch.setattr(sys, "stdin", kind(raw, "utf-8"))
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        said = capsys.readouterr()
        return Ran(exit=status, out=said.out, err=said.err)

    return run
