"""Commands that take and give accounts in bulk: files of subscribers and of plans."""

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import click

from wirefeed.cli.output import as_json, json_out, progress, run, say
from wirefeed.cli.previews import tell_outlook
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.bulk import Draft, Effect, Report, Verdict, plan_from
from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.domain.prospects import Outlook
from wirefeed.formats import accounts_csv, accounts_files
from wirefeed.services.bulk import File

_BLOCK = 65_536
#: Standard input is kept in memory up to this size, and in a file of its own beyond.
_SPOOLED = 16 * 1024 * 1024
_Read = Callable[[Iterable[bytes]], Iterator[Draft]]

_FORMAT = click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True,
    help="A table for spreadsheets, or JSON.",
)  # fmt: skip
_FILE = click.argument("path", metavar="FILE|-")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would happen, and keep nothing.")
_SKIP_BAD = click.option(
    "--skip-bad", is_flag=True, help="Take what can be taken although something cannot."
)


# --- out -----------------------------------------------------------------------------------------


@click.command("export")
@_FORMAT
def export_subscribers(form: str) -> None:
    """Write all subscribers with their subscriptions, and none of their credentials."""

    async def work(services: Services) -> None:
        out = _Out(form)
        out.head(accounts_csv.subscriber_heading())
        after = ""
        while page := await services.accounts.subscribers(after):
            for one in page:
                if form == "csv":
                    out.row(accounts_csv.subscriber_lines(one).encode())
                else:
                    out.row(accounts_files.subscriber_line(one))
            after = page[-1].id
        out.end()

    run(work)


@click.command("export")
@_FORMAT
def export_plans(form: str) -> None:
    """Write all plans with their grants."""
    found = run(lambda services: services.plans.all()).values()
    out = _Out(form)
    if form == "csv":
        out.head(accounts_csv.plan_table(found))
    else:
        for plan in found:
            out.row(accounts_files.plan_line(plan))
    out.end()


class _Out:
    """Writes a table, or a JSON array with an entry a line, to standard output."""

    def __init__(self, form: str) -> None:
        self._is_json = form == "json"
        self._before = b"[\n"
        self._out = sys.stdout.buffer

    def head(self, text: str) -> None:
        if not self._is_json:
            self._out.write(text.encode())

    def row(self, line: bytes) -> None:
        self._out.write(self._before + line if self._is_json else line)
        self._before = b",\n"

    def end(self) -> None:
        if self._is_json:
            self._out.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")
        self._out.flush()


# --- in ------------------------------------------------------------------------------------------


@click.command("import")
@_FILE
@_DRY_RUN
@_SKIP_BAD
@as_json
def import_subscribers(path: str, *, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Take subscribers from FILE, a table (CSV) or JSON as `export` writes them.

    What a file does not state of a subscriber stays. With one entry that is refused nothing is
    kept, unless --skip-bad; then the exit status is 1. The same file again changes nothing.
    """
    tally = _Tally(quiet=as_json)
    with _opened(path) as file, progress() as bar:
        source = _Source(file, accounts_csv.subscribers_in, accounts_files.subscribers_in)
        # It is read once to be judged, and once to be written.
        task = bar.add_task("importing", total=2 * source.size or None)
        source.advanced = partial(bar.advance, task)
        taken = File(drafts=source, dry_run=dry_run, skip_bad=skip_bad, told=tally.add)
        report = run(lambda services: services.bulk.subscribers(taken, CLI))
    tally.tell(report, dry_run=dry_run, as_json=as_json)


@click.command("import")
@_FILE
@_DRY_RUN
@_SKIP_BAD
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def import_plans(path: str, *, dry_run: bool, skip_bad: bool, yes: bool, as_json: bool) -> None:
    """Take plans from FILE, a table (CSV) or JSON as `export` writes them.

    What a file does not state of a plan stays. Says first what those who have a plan that
    changes would gain and lose. With one entry that is refused nothing is kept, unless
    --skip-bad; then the exit status is 1.
    """
    tally = _Tally(quiet=as_json)
    with _opened(path) as file:
        source = _Source(file, accounts_csv.plans_in, accounts_files.plans_in)
        outlooks = run(lambda services: _outlooks(services, source()))
        for outlook in outlooks if not as_json else ():
            tell_outlook(outlook, err=True)
        concerns = any(one.shifts for outlook in outlooks for one in outlook.prospects)
        # Without a terminal nobody can be asked.
        if (
            concerns
            and not (dry_run or yes)
            and sys.stdin.isatty()
            and not click.confirm("Change these plans?", err=True)
        ):
            raise click.Abort
        taken = File(drafts=source, dry_run=dry_run, skip_bad=skip_bad, told=tally.add)
        report = run(lambda services: services.bulk.plans(taken, CLI))
    tally.tell(report, dry_run=dry_run, as_json=as_json)


async def _outlooks(services: Services, drafts: Iterable[Draft]) -> list[Outlook]:
    """Say of each plan that would be another what that would do."""
    held = await services.plans.all()
    found = []
    for draft in drafts:
        plan = held.get(draft.name)
        if draft.error is not None or plan is None:
            continue
        try:
            new = services.plans.judged(plan, plan_from(draft, plan))
        except Unacceptable:
            continue
        if new is not plan:
            found.append(await services.prospects.of_plan(plan.name, new))
    return found


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """Open a file that can be read twice: standard input is copied first."""
    if path != "-":
        try:
            with Path(path).open("rb") as file:
                yield file
        except OSError as error:
            raise Invalid(f"cannot be read: {error.strerror}", field=path) from error
        return
    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as copy:
        while block := sys.stdin.buffer.read(_BLOCK):
            copy.write(block)
        yield copy


class _Source:
    """Reads a file from its beginning each time it is called, as a table or as JSON."""

    def __init__(self, file: IO[bytes], table: _Read, json: _Read) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        file.seek(0)
        start = file.read(_BLOCK).removeprefix(b"\xef\xbb\xbf").lstrip()
        self._read = json if start.startswith((b"{", b"[")) else table
        #: Is told how many bytes were read.
        self.advanced: Callable[[int], None] = lambda _: None

    def __call__(self) -> Iterator[Draft]:
        self._file.seek(0)
        return self._read(self._blocks())

    def _blocks(self) -> Iterator[bytes]:
        while block := self._file.read(_BLOCK):
            self.advanced(len(block))
            yield block


class _Tally:
    """What became of the entries: those that are refused are told as they come."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._kept: list[Verdict] = []

    def add(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            if self._quiet and verdict.effect is not Effect.UNCHANGED:
                self._kept.append(verdict)
            elif verdict.error is not None:
                who = f" ({verdict.name})" if verdict.name else ""
                say(f"refused {verdict.place}{who}: {verdict.error}")

    def tell(self, report: Report, *, dry_run: bool, as_json: bool) -> None:
        """Say what became of them, and end with status 1 if something was refused."""
        if as_json:
            json_out(accounts_files.report_shape(report, self._kept, dry_run=dry_run))
        else:
            would = "" if report.written else "would be: "
            counts = ", ".join(f"{report.counts.get(effect, 0)} {effect}" for effect in Effect)
            click.echo(would + counts)
        refused = report.counts.get(Effect.REFUSED, 0)
        if refused and not (report.written or dry_run):
            say("nothing was kept; --skip-bad keeps what can be taken")
        if refused:
            sys.exit(1)
