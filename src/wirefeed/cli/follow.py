"""`wirefeed follow`: a partner's copy of the wire, as files, from any agency that runs wirefeed."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import click
import msgspec

from wirefeed.cli.output import run_loop, say
from wirefeed.cli.wire_client import (
    Busy,
    Disagreement,
    Entry,
    Outlived,
    Page,
    Place,
    WireClient,
    WireError,
    address,
)
from wirefeed.cli.wire_folder import Folder, State, name_of
from wirefeed.domain.errors import Unacceptable, Unavailable

#: Seconds that the server is asked to wait for something new.
_WAIT = 30
#: Seconds before the first try after a failure, and between any two at most.
_FIRST, _LONGEST = 0.5, 60.0
_PAGE = 500
_ENTITLEMENT = "entitlement"


@dataclass(slots=True, kw_only=True)
class _Following:
    """Following one wire into one folder."""

    client: WireClient
    folder: Folder
    state: State
    backfill: bool
    once: bool
    prove: bool
    as_json: bool

    async def run(self) -> int:
        """Follow until there is nothing more, or for good; gives how many changes that were."""
        place, count, failures = self.state.read(), 0, 0
        while True:
            try:
                page = await self._page(place)
            except Busy as busy:
                if self.once:
                    raise Unavailable(f"the agency does not answer: {busy}") from busy
                failures += 1
                await self._pause(busy, failures)
                continue
            failures = 0
            # On disk, story by story, and only then the place behind them.
            await asyncio.to_thread(self.folder.keep, page.entries, page.killed)
            self._tell(page.entries)
            place = self._next(page)
            await asyncio.to_thread(self.state.keep, place)
            count += len(page.entries)
            # An empty page is one more request: its cursor says that what came before is kept.
            if self.once and place.cursor and not page.entries and not page.more:
                if self.prove and not await self._is_proven(place):
                    continue
                return count

    async def _is_proven(self, place: Place) -> bool:
        """Have the agency say that all has come; what may be seen may be another by now."""
        try:
            proven = await self.client.prove(place)
        except Busy as busy:
            raise Unavailable(f"the agency does not answer: {busy}") from busy
        except WireError as error:
            raise Unacceptable(
                str(error), remedy="remove the state, and begin again with --backfill"
            ) from error
        if proven:
            say(f"the agency agrees that all there is has come: {_changes(place.total)}")
        return proven

    async def _page(self, place: Place) -> Page:
        """Give what comes next; where that cannot be had, begin again, if that was asked for."""
        # Without a cursor, what comes while it waits would be missed by whoever is killed then.
        wait = _WAIT if place.cursor and not self.once else 0
        try:
            try:
                return await self.client.page(place, wait=wait, limit=_PAGE, backfill=self.backfill)
            except (Disagreement, Outlived) as error:
                if not self.backfill or not place.cursor:
                    raise
                say(f"wirefeed: {error}; beginning again with all there is")
                return await self.client.page(Place(), limit=_PAGE, backfill=True)
        except (Disagreement, Outlived) as error:
            raise Unacceptable(
                str(error), remedy="remove the state, and begin again with --backfill"
            ) from error
        except WireError as error:
            raise Unacceptable(str(error)) from error

    def _next(self, page: Page) -> Place:
        """Say where to go on: with other rights, from the beginning, if that was asked for."""
        if not any(entry.change == _ENTITLEMENT for entry in page.entries):
            return page.place
        if self.backfill:
            say("wirefeed: you may see something else now; beginning again with all there is")
            return Place()
        say("wirefeed: you may see something else now; --backfill would fetch what was before")
        return page.place

    async def _pause(self, busy: Busy, failures: int) -> None:
        wait = min(_FIRST * 2 ** min(failures - 1, 10), _LONGEST)
        wait = max(wait, busy.wait or 0)
        say(f"wirefeed: {busy}; trying again in {wait:.1f} s")
        # By chance, so that all who were cut off do not come back in one moment.
        await asyncio.sleep(wait * (1 + random.random() / 4))  # noqa: S311 - it hides nothing

    def _tell(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if self.as_json:
                told = {"change": entry.change, "guid": entry.guid, "version": entry.version}
                if entry.change != _ENTITLEMENT and not entry.superseded:
                    told["file"] = name_of(entry.guid)
                click.echo(msgspec.json.encode(told))
            else:
                click.echo(f"{entry.change:<11} {entry.version:>4}  {entry.guid}")


@click.command()
@click.argument("url")
@click.option(
    "--token",
    envvar="WIREFEED_TOKEN",
    help="Your token; better in WIREFEED_TOKEN or a file, where no list of processes shows it.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that holds your token.",
)
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that holds where you are.",
)
@click.option(
    "--into",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for stories: one JSON file each.",
)
@click.option("--topics", default="", help="Only these topics, by commas.")
@click.option("--languages", default="", help="Only these languages, by commas.")
@click.option(
    "--backfill",
    is_flag=True,
    help="Begin with all there is; and again, whenever it cannot go on.",
)
@click.option("--once", is_flag=True, help="End when there is nothing more.")
@click.option(
    "--prove",
    is_flag=True,
    help="With --once: have the agency say at the end that nothing is missing.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell each change as a line of JSON.")
def follow(  # noqa: PLR0913 - click's signature
    url: str,
    token: str | None,
    token_file: Path | None,
    state: Path,
    into: Path,
    topics: str,
    languages: str,
    *,
    backfill: bool,
    once: bool,
    prove: bool,
    as_json: bool,
) -> None:
    """Copy the wire of the agency at URL into a folder, for as long as this runs.

    Each story is one file, named by the SHA-256 of its guid, and always as it is now; a kill
    leaves nothing of it but the notice. Stop it, or kill it, whenever you like: it goes on where
    it was, and misses nothing.
    """
    if prove and not once:
        raise Unacceptable(
            "what goes on has no end to be proven", field="--prove", remedy="add --once"
        )
    secret = _token(token, token_file)
    try:
        where = address(url)
    except WireError as error:
        raise Unacceptable(str(error), field="URL") from error

    held, folder = State(state), Folder(into)

    async def main() -> int:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            client = WireClient(
                session, where, secret, topics=_items(topics), languages=_items(languages)
            )
            following = _Following(
                client=client,
                folder=folder,
                state=held,
                backfill=backfill,
                once=once,
                prove=prove,
                as_json=as_json,
            )
            return await following.run()

    with held.held():
        say(f"following {where} into {into}")
        if not is_safe(where):
            say("wirefeed: URL: your token travels in clear (write https://)")
        count = run_loop(main())
    say(f"{_changes(count)}; nothing more for now")


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"


def _token(token: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            token = file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unacceptable(f"{file} cannot be read", field="--token-file") from error
    if not token:
        raise Unacceptable(
            "a token is needed",
            field="--token",
            remedy="put it into WIREFEED_TOKEN, or into a file and name that by --token-file",
        )
    if not token.isascii() or any(character.isspace() for character in token):
        # It is not repeated here: it may be one all the same.
        raise Unacceptable("this is no token", field="--token", remedy="copy it anew, in one line")
    return token


def is_safe(url: str) -> bool:
    """Say whether nobody on the way can read a token that is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]
