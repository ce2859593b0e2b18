"""How commands run and answer: services opened and closed, lines for people, JSON for machines."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wirefeed.composition import Services, open_services
from wirefeed.config import Settings
from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.formats.definitions import parse_duration

if TYPE_CHECKING:
    from rich.progress import Progress

_SECOND = 1_000_000
_Result = TypeVar("_Result")

as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines.")


def run(work: Callable[[Services], Awaitable[_Result]]) -> _Result:
    """Do some work with the services of the settings in force."""
    settings = click.get_current_context().find_object(Settings) or Settings()

    async def main() -> _Result:
        async with open_services(settings) as services:
            return await work(services)

    return run_loop(main())


def run_loop(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run on uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - optional, and not on every platform
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def progress() -> "Progress":
    """Show progress on a terminal, and nothing elsewhere."""
    from rich.progress import (  # noqa: PLC0415 - for long work alone, and slow to import
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def say(text: str) -> None:
    """Tell a person something, beside the result."""
    click.echo(text, err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows for people; piped, each row is a line that is never cut."""
    console = Console(width=None if sys.stdout.isatty() else 1000)
    grid = Table(box=None, pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        # Text: what stands in brackets is a newsroom's, not markup of ours.
        grid.add_row(*(Text(str(cell)) for cell in row))
    console.print(grid)


def json_out(value: object) -> None:
    """Print a value as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def when(micros: int | None) -> str | None:
    """Write a time for people and machines alike (RFC 3339)."""
    if micros is None:
        return None
    at = datetime.fromtimestamp(micros / _SECOND, tz=UTC)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_span(text: str, field: str) -> int:
    """Read `90s`, `20m`, `24h` or `7d` as microseconds."""
    try:
        return parse_duration(text)
    except Unacceptable as error:
        raise Unacceptable(error.message, field=field, remedy=error.remedy) from error


def parse_time(text: str, field: str) -> int:
    """Read a date, whose whole day is meant, or an RFC 3339 time, as its end in microseconds."""
    return _parse(text, field, days=1)


def parse_start(text: str, field: str) -> int:
    """Read a date, or an RFC 3339 time, as its beginning in microseconds."""
    return _parse(text, field, days=0)


def _parse(text: str, field: str, *, days: int) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no date", field=field, remedy="write 2026-12-31") from error
    if "T" not in text and " " not in text:
        at += timedelta(days=days)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(at.timestamp()) * _SECOND
