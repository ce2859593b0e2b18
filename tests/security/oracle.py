"""What holds of every answer and every log line, whatever was asked."""

import io
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

import wirefeed
from wirefeed import telemetry

#: What an answer or a line of the log never holds: traces, the machine's paths, what runs here.
GIVEN_AWAY = re.compile(
    rb"Traceback|File \"|site-packages|\.py\b|agency\.db|/tmp/|aiohttp|uvloop|Python/|sqlite|"
    rb"wirefeed/" + re.escape(wirefeed.__version__.encode())
)
#: What our credentials look like, in whole or in part.
SECRET = re.compile(r"wf_(?:feed|hand)_[0-9A-Za-z]+|eyJ[0-9A-Za-z_-]{8,}")


class Log(io.StringIO):
    """A log that can be read up to what has just been written."""

    def __init__(self) -> None:
        super().__init__()
        self._marks = 0
        self._written = threading.Event()
        self._checked = 0
        self.lines: telemetry.Lines | None = None
        #: Besides what looks like one of our credentials.
        self.secrets: set[str] = set()

    def write(self, text: str) -> int:
        count = super().write(text)
        if text.startswith(f"mark {self._marks}\n"):
            self._written.set()
        return count

    def text(self) -> str:
        """Give all of it, what waits to be written included."""
        assert self.lines is not None
        self._marks += 1
        self._written.clear()
        self.lines.msg(f"mark {self._marks}")
        assert self._written.wait(timeout=5)
        return self.getvalue()

    def events(self) -> list[dict[str, Any]]:
        lines = (line for line in self.text().splitlines() if not line.startswith("mark "))
        return [json.loads(line) for line in lines]

    def check(self) -> None:
        """Refuse what gives something away, in what was written since the last look."""
        new = self.text()[self._checked :]
        self._checked = len(self.getvalue())
        assert '"bug"' not in new, new
        assert "exception" not in new.lower(), new
        assert not GIVEN_AWAY.search(new.encode()), new
        assert not SECRET.search(new), new
        for secret in self.secrets:
            assert secret not in new, f"{secret!r} is in the log: {new}"


@contextmanager
def logging_to(log: Log, level: str) -> Iterator[Log]:
    """Log as a server does, into a buffer."""
    root = logging.getLogger()
    handlers, number = root.handlers, root.level
    log.lines = telemetry.configure(level, log)
    try:
        yield log
    finally:
        log.lines.close()
        root.handlers = handlers
        root.setLevel(number)
        structlog.reset_defaults()
