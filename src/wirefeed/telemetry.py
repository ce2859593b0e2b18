"""Logging: event names with pairs, one JSON line each, written off the event loop.

A log that nobody reads must not stop the server: lines go through a bounded queue, and
what does not fit is dropped and counted.
"""

import atexit
import logging
import os
import queue
import re
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

_QUEUE = 10_000
#: Anything that looks like a credential of ours, wherever it stands.
_SECRET = re.compile(
    r"wf_[a-z]+_[0-9A-Za-z]+|[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"
)
_REDACTED = "[redacted]"


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep credentials out of every value of a log line."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _SECRET.sub(_REDACTED, value)
    return event


class Lines:
    """A sink for lines that never makes its caller wait."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=_QUEUE)
        self._dropped = 0
        #: How many lines found no room, in all.
        self.lost = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def msg(self, line: str) -> None:
        """Take a line, or count it as dropped."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1
            self.lost += 1

    log = debug = info = warning = error = critical = exception = msg

    @property
    def waiting(self) -> int:
        """How many lines are yet to be written."""
        return self._lines.qsize()

    def close(self) -> None:
        """Write what is waiting, as long as that takes no more than a second."""
        if self._thread.is_alive():
            self.msg("")
            try:
                self._lines.put(None, timeout=1)
            except queue.Full:
                return
            self._thread.join(timeout=1)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._dropped:
                line = f"{line} [{self._dropped} lines dropped before]"
                self._dropped = 0
            try:
                if line:
                    self._stream.write(line + "\n")
                    self._stream.flush()
            except (OSError, ValueError):
                return


def in_force() -> Lines | None:
    """Give where the log of this process goes, if it was set up by `configure`."""
    lines = structlog.get_config()["logger_factory"]()
    return lines if isinstance(lines, Lines) else None


def resident_bytes() -> int | None:
    """Say how much memory this process takes, where the system tells (Linux does)."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class _Bridge(logging.Handler):
    """Brings what libraries log into the same lines."""

    def emit(self, record: logging.LogRecord) -> None:
        # Their messages may quote a request: the kind of error is enough.
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger(record.name).log(
            record.levelno, "library", message=record.getMessage().partition("\n")[0], error=error
        )


def configure(level: str, stream: TextIO = sys.stderr) -> Lines:
    """Set logging up for the process."""
    lines = Lines(stream)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
    )
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(max(number, logging.WARNING))
    return lines
