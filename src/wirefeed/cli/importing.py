"""`wirefeed import`: stories from files, folders and standard input."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click
from rich.progress import Progress, TaskID

from wirefeed.cli.output import as_json, json_out, progress, run, say
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.desk import Desk
from wirefeed.domain.errors import Invalid, Unavailable, WirefeedError
from wirefeed.domain.revising import Outcome
from wirefeed.formats import ninjs
from wirefeed.formats.json_input import messages
from wirefeed.services.publishing import GROUP, Message, Publishing, Receipt

_SUFFIXES = frozenset({".json", ".jsonl", ".ninjs", ".ndjson"})
_BLOCK = 65_536
#: Of a group, before giving up: each waits for the database as long as it may take.
_TRIES = 6
#: Reasons shown one by one; the rest are counted.
_SHOWN = 20
_COUNTED = {
    Outcome.CREATED: "new",
    Outcome.UPDATED: "updated",
    Outcome.UNCHANGED: "unchanged",
    Outcome.OLDER: "older",
}


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR|-...")
@click.option("--source", default="import", show_default=True, help="Who sent them.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and keep nothing.")
@as_json
def import_stories(paths: Sequence[str], source: str, *, dry_run: bool, as_json: bool) -> None:
    """Take stories in: ninjs 1, 2 or 3, as JSON, a JSON array or JSON lines.

    One that is refused does not stop the others; then the exit status is 1.
    """
    files = [file for path in paths for file in _files(path)]
    tally = _Tally(quiet=as_json)
    began = time.monotonic()
    run(lambda services: _import(services, files, source, tally, dry_run=dry_run))
    tally.report(dry_run=dry_run, as_json=as_json)
    if not as_json:
        _tell_pace(tally.counts.total(), time.monotonic() - began)
    if tally.counts["rejected"]:
        sys.exit(1)


def _tell_pace(stories: int, seconds: float) -> None:
    noun = "story" if stories == 1 else "stories"
    say(f"{stories} {noun} in {seconds:.1f} s, {stories / max(seconds, 0.001):,.0f} a second")


def _files(path: str) -> list[Path | None]:
    """Find the files of an argument; None stands for standard input."""
    if path == "-":
        return [None]
    at = Path(path)
    if at.is_dir():
        found = sorted(p for p in at.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
        if not found:
            raise Invalid("the folder holds no stories", field=path, remedy="they end in .json")
        return list(found)
    if not at.is_file():
        raise Invalid("there is no such file or folder", field=path)
    return [at]


class _Tally:
    """What became of the stories so far."""

    def __init__(self, *, quiet: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[dict[str, str]] = []
        self.unserved: Counter[str] = Counter()
        self._quiet = quiet

    def add(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            if receipt.error is not None:
                self._refuse(receipt.message.name, receipt.error)
                continue
            self.counts[_COUNTED[receipt.outcome or Outcome.OLDER]] += 1
            if receipt.story is not None and not receipt.story.language:
                self.unserved[receipt.story.revision.language] += 1

    def _refuse(self, name: str, error: WirefeedError) -> None:
        self.counts["rejected"] += 1
        if len(self.refused) < _SHOWN or self._quiet:
            self.refused.append({"story": name, "field": error.field, "reason": str(error)})
        if not self._quiet and len(self.refused) == self.counts["rejected"]:
            say(f"rejected {name}: {error}")

    def report(self, *, dry_run: bool, as_json: bool) -> None:
        names = [*_COUNTED.values(), "rejected"]
        if as_json:
            counts: dict[str, object] = {name: self.counts[name] for name in names}
            json_out(counts | {"dry_run": dry_run, "reasons": self.refused})
            return
        hidden = self.counts["rejected"] - len(self.refused)
        if hidden:
            say(f"… and {hidden} more rejected")
        would = "would be: " if dry_run else ""
        click.echo(would + ", ".join(f"{self.counts[name]} {name}" for name in names))
        for language, count in self.unserved.most_common():
            say(
                f"{count} stories are in {language or 'no language'}, which has no feeds"
                " (add it to site.languages)"
            )


async def _import(
    services: Services,
    files: Sequence[Path | None],
    source: str,
    tally: _Tally,
    *,
    dry_run: bool,
) -> None:
    publishing = services.publishing
    with progress() as bar:
        task = bar.add_task("importing", total=sum(f.stat().st_size for f in files if f) or None)
        rehearsal = Desk({}) if dry_run else None
        group: list[Message] = []
        for message in _messages(files, bar, task):
            group.append(message)
            if len(group) >= GROUP:
                tally.add(await _take(publishing, group, source, rehearsal))
                group = []
        tally.add(await _take(publishing, group, source, rehearsal))


async def _take(
    publishing: Publishing, group: Sequence[Message], source: str, rehearsal: Desk | None
) -> list[Receipt]:
    if not group:
        return []
    if rehearsal is not None:
        return await publishing.dry_run(group, rehearsal)
    for _ in range(_TRIES - 1):
        try:
            return await publishing.accept_all(group, source, by=CLI)
        except Unavailable as error:
            # Nothing of the group was kept; a busy server lets others in sooner or later.
            say(f"waiting: {error.message}")
    return await publishing.accept_all(group, source, by=CLI)


def _messages(files: Sequence[Path | None], bar: Progress, task: TaskID) -> Iterator[Message]:
    for path in files:
        if path is None:
            yield from _read(sys.stdin.buffer, "-", bar, task)
            continue
        try:
            with path.open("rb") as file:
                yield from _read(file, str(path), bar, task)
        except OSError as error:
            raise Invalid(f"cannot be read: {error.strerror}", field=str(path)) from error


def _read(file: BinaryIO, name: str, bar: Progress, task: TaskID) -> Iterator[Message]:
    def blocks() -> Iterator[bytes]:
        while block := file.read(_BLOCK):
            bar.advance(task, len(block))
            yield block

    try:
        for number, raw in messages(blocks()):
            yield _message(raw, f"{name}:{number}")
    except Invalid as error:
        yield Message(raw=b"", name=name, error=error)


def _message(raw: bytes, name: str) -> Message:
    try:
        return Message(raw=raw, name=name, revision=ninjs.parse(raw))
    except Invalid as error:
        return Message(raw=raw, name=name, error=error)
