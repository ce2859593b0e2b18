"""Accept what newsrooms send: decide what each message changes, and announce it on the wire.

Messages are committed in groups: those that arrive while a commit is being made
durable share the next one, so that many newsrooms cost one fsync.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import SYSTEM, Actor, Verb, Via
from wirefeed.domain.desk import Desk
from wirefeed.domain.due import ends_of_delays, falls_due
from wirefeed.domain.errors import Conflict, NotFound, Unavailable, WirefeedError
from wirefeed.domain.hearing import is_private
from wirefeed.domain.languages import look_up
from wirefeed.domain.revising import Outcome
from wirefeed.domain.standings import NEVER
from wirefeed.domain.stories import Revision, Story
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.wire import ChangeKind
from wirefeed.services import refiling
from wirefeed.services.audit import Audit
from wirefeed.services.delays import Delays
from wirefeed.storage import credentials, dead_letters, stories, wire
from wirefeed.storage.database import Database
from wirefeed.storage.dead_letters import DeadLetter
from wirefeed.storage.stories import Stored

#: Stories in one transaction: a long commit would starve those who read.
GROUP = 100
_QUEUE = 1000
#: What takes a story back, or gives it back, is answered for.
_AUDITED = {
    ChangeKind.KILL: Verb.STORY_KILL,
    ChangeKind.WITHHOLD: Verb.STORY_WITHHOLD,
    ChangeKind.REINSTATE: Verb.STORY_REINSTATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A story as it arrived, read or found unreadable."""

    raw: bytes
    #: Where it stood in what was sent: a line, a file.
    name: str = ""
    revision: Revision | None = None
    error: WirefeedError | None = None
    #: It may bring back what was killed: only the desk's own word does.
    reinstates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message: an outcome and the story now held, or the reason it was refused."""

    message: Message
    outcome: Outcome | None = None
    story: Story | None = None
    error: WirefeedError | None = None


#: A message that waits, its source, and where its answer goes.
_Entry = tuple[Message, str, asyncio.Future[Receipt]]


class Publishing:
    """The way in. One per process; `run` commits what `accept` is given."""

    def __init__(
        self,
        database: Database,
        taxonomy: Taxonomy,
        audit: Audit,
        *,
        languages: Sequence[str],
        default_language: str,
        sanitiser: int,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._audit = audit
        self._delays = Delays()
        self._languages = tuple(languages)
        self._default_language = default_language
        self._sanitiser = sanitiser
        self._clock = clock
        self._queue: asyncio.Queue[_Entry] = asyncio.Queue(maxsize=_QUEUE)

    @property
    def waiting(self) -> int:
        """How many messages wait to be stored."""
        return self._queue.qsize()

    async def accept(self, message: Message, source: str) -> Receipt:
        """Take one message in; it is durable when this returns.

        Raises `Unavailable` when too many are waiting, or the database cannot be written.
        """
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((message, source, answer))
        except asyncio.QueueFull as error:
            raise Unavailable("too many stories are waiting to be stored") from error
        return await answer

    async def run(self) -> None:
        """Commit queued messages in groups, until cancelled."""
        while True:
            group = [await self._queue.get()]
            while len(group) < GROUP and not self._queue.empty():
                group.append(self._queue.get_nowait())
            for source in dict.fromkeys(source for _, source, _ in group):
                await self._commit_group(source, [e for e in group if e[1] == source])

    async def _commit_group(self, source: str, group: Sequence[_Entry]) -> None:
        try:
            messages = [message for message, _, _ in group]
            receipts = await self.accept_all(messages, source, trusted=False)
        except WirefeedError as error:
            _fail(group, error)
            return
        except Exception as error:  # noqa: BLE001 - a mistake of ours ends one story, not the way in
            if len(group) == 1:
                _fail(group, error)
                return
            for entry in group:
                await self._commit_group(source, [entry])
            return
        for (_, _, answer), receipt in zip(group, receipts, strict=True):
            if not answer.done():
                answer.set_result(receipt)

    async def accept_all(
        self,
        messages: Sequence[Message],
        source: str,
        *,
        at: int | None = None,
        trusted: bool = True,
        by: Actor | None = None,
    ) -> list[Receipt]:
        """Take messages in, in one transaction; one that is refused does not stop the others.

        What is refused is kept among the dead letters, with its reason. `at` is when they
        came, if not now; `by` is who answers for them, if not their source. A source that
        is not trusted may touch no story that another source with a token of its own has sent.
        """

        async def take(connection: AsyncConnection) -> list[Receipt]:
            # Only now is it their turn: times are to follow one another as positions do.
            now = self._clock() if at is None else at
            desk = await self._desk(connection, [m.revision for m in messages if m.revision])
            others = frozenset() if trusted else await self._of_others(connection, desk, source)
            receipts = [self._take(desk, message, now, others) for message in messages]
            await self._store(connection, desk, receipts, source, now)
            await self._answer_for(connection, desk, by or _source(source))
            return receipts

        return await self._database.write(take)

    async def dry_run(self, messages: Sequence[Message], desk: Desk) -> list[Receipt]:
        """Say what `accept_all` would answer, and keep nothing but what is on this desk.

        Given with each group of a long file, it knows what the groups before would have changed.
        """
        now = self._clock()
        async with self._database.reading() as connection:
            await self._fetch(connection, desk, [m.revision for m in messages if m.revision])
        return [self._take(desk, message, now) for message in messages]

    async def announce_due(self) -> int | None:
        """Announce what the clock has changed; say when it will next have something to change.

        Embargoes that end and rights that run out are changes with positions of their own,
        also when no process was running at their time.
        """
        next_due = await self._database.read(wire.next_due)
        if next_due is None or next_due > self._clock():
            return next_due
        return await self._database.write(self._announce_due)

    async def _announce_due(self, connection: AsyncConnection) -> int:
        now = self._clock()
        due = await wire.due(connection, now, GROUP)
        desk = await self._desk_of(connection, [one.guid for one in due])
        delays = await self._delays.in_force(connection)
        released: dict[str, int] = {}
        for one in due:
            if not one.delay:
                desk.fall_due(one.guid, one.kind, one.at, now)
                released[one.guid] = one.at
            elif one.delay in delays:
                desk.end_delay(one)
        await self._announce(connection, desk, now)
        await wire.done(connection, due)
        # Delays count from a first release; they may have ended by now, too.
        opened = [s for s in desk.touched if s.released == released.get(s.guid, NEVER)]
        await wire.schedule(connection, [d for s in opened for d in ends_of_delays(s, delays)])
        return now

    async def find(self, name: str) -> Story:
        """Give the story of this guid or id. Raises `NotFound`."""
        async with self._database.reading() as connection:
            held = (await stories.held(connection, [name])).get(name)
            found = held or await stories.find(connection, name)
        if found is None:
            raise NotFound(f"there is no story {name!r}", remedy="see `wirefeed stories list`")
        return found

    async def refused(self, limit: int) -> list[DeadLetter]:
        """List the messages that were not taken, with the reason, the newest first."""
        async with self._database.reading() as connection:
            return await dead_letters.listing(connection, limit)

    async def listing(self, *, topic: str = "", limit: int) -> list[Story]:
        """List the stories that changed last."""
        async with self._database.reading() as connection:
            return await stories.listing(connection, before=None, limit=limit, topic=topic or None)

    async def refile(self, by: Actor = SYSTEM) -> int:
        """File every story by the taxonomy now in force; give how many stand elsewhere for it.

        Each keeps its place among the others: nothing happened to the stories, but to the
        topics, and that is what the wire says, to those whose topics hold other stories now.
        """
        before: int | None = None
        moved = 0
        while True:
            async with self._database.reading() as connection:
                page = await stories.listing(connection, before=before, limit=GROUP)
            if not page:
                break
            before = page[-1].position
            moved += await self._move([story.guid for story in page])
        await refiling.tell(self._database, self._audit, by, moved, self._clock)
        return moved

    async def _move(self, guids: Sequence[str]) -> int:
        async with self._database.writing() as connection:
            desk = await self._desk_of(connection, guids)
            now = self._clock()
            for guid in guids:
                desk.refile(guid, self._taxonomy, now)
            await wire.append(connection, desk.changes, now)
            await stories.save(connection, desk.touched)
            return len(desk.touched)

    async def _of_others(
        self, connection: AsyncConnection, desk: Desk, source: str
    ) -> frozenset[str]:
        """Find the stories on a desk that belong to another source."""
        if not desk.guids:
            return frozenset()
        rivals = {known.name for known in await credentials.sources(connection)} - {source}
        owners = await stories.sources(connection, desk.guids)
        return frozenset(guid for guid, owner in owners.items() if owner in rivals)

    def _take(
        self, desk: Desk, message: Message, now: int, others: frozenset[str] = frozenset()
    ) -> Receipt:
        if message.revision is None:
            return Receipt(message=message, error=message.error)
        revision = message.revision
        if others & desk.touched_by(revision):
            # The same whatever is held of it, and whatever was sent.
            error = Conflict("the story belongs to another source", field="uri")
            return Receipt(message=message, error=error)
        if not revision.language:
            held = desk.language_of(revision.guid)
            revision = replace(revision, language=held or self._default_language)
        if revision.evolved_from == revision.guid:
            revision = replace(revision, evolved_from=None)
        try:
            revised = desk.take(
                revision,
                look_up(revision.language, self._languages),
                self._taxonomy,
                now,
                reinstate=message.reinstates,
            )
        except WirefeedError as error:
            return Receipt(message=message, error=error)
        return Receipt(message=message, outcome=revised.outcome, story=revised.story)

    async def _desk(self, connection: AsyncConnection, sent: Collection[Revision]) -> Desk:
        desk = Desk({})
        await self._fetch(connection, desk, sent)
        return desk

    async def _fetch(
        self, connection: AsyncConnection, desk: Desk, sent: Collection[Revision]
    ) -> None:
        """Put on the desk whatever these revisions may concern, in whole threads."""
        named = {r.guid for r in sent} | {r.evolved_from for r in sent if r.evolved_from}
        threads = named | {r.feed_guid for r in sent if r.feed_guid}
        # One question for all: of most stories nothing is held, and that is the end of it.
        found = await stories.related(connection, named, threads)
        desk.put(found)
        if further := {story.thread for story in found.values()} - threads:
            desk.put(await stories.by_thread(connection, further))

    async def _desk_of(self, connection: AsyncConnection, guids: Iterable[str]) -> Desk:
        held = await stories.held(connection, set(guids))
        desk = Desk(held)
        desk.put(await stories.by_thread(connection, desk.threads))
        return desk

    async def _store(
        self,
        connection: AsyncConnection,
        desk: Desk,
        receipts: Sequence[Receipt],
        source: str,
        now: int,
    ) -> None:
        taken = [r for r in receipts if r.outcome in (Outcome.CREATED, Outcome.UPDATED)]
        await stories.keep_raw(
            connection,
            [
                Stored(story=r.story, raw=r.message.raw, source=source, received=now)
                for r in taken
                if r.story
            ],
        )
        await dead_letters.keep(
            connection,
            [
                DeadLetter(
                    at=now,
                    source=source,
                    name=r.message.name,
                    field=r.error.field,
                    reason=str(r.error),
                    raw=r.message.raw,
                )
                for r in receipts
                if r.error
            ],
        )
        await self._announce(connection, desk, now, source=source)
        sent = {r.story.guid: r.story for r in taken if r.story}
        # Of a story that is new, nothing is due.
        updated = {r.story.guid for r in taken if r.story and r.outcome is Outcome.UPDATED}
        await wire.unschedule(connection, updated, now)
        delays = await self._delays.in_force(connection)
        await wire.schedule(
            connection, [due for s in sent.values() for due in falls_due(s, now, delays)]
        )

    async def _answer_for(self, connection: AsyncConnection, desk: Desk, by: Actor) -> None:
        for change in desk.changes:
            if change.kind in _AUDITED and not is_private(change):
                await self._audit.record(
                    connection,
                    by,
                    _AUDITED[change.kind],
                    f"story:{change.about}",
                    version=change.version,
                )

    async def _announce(
        self, connection: AsyncConnection, desk: Desk, now: int, source: str | None = None
    ) -> None:
        """Append the changes to the wire and store the stories where they now stand."""
        if desk.changes:
            head = await wire.append(connection, desk.changes, now)
            first = head.position - len(desk.changes) + 1
            desk.settle(first, head.at)
        await stories.save(
            connection,
            desk.touched,
            source=source,
            sanitiser=self._sanitiser if source else None,
        )


def _source(name: str) -> Actor:
    return Actor(id=f"source:{name}", via=Via.INGEST)


def _fail(group: Sequence[_Entry], error: Exception) -> None:
    for _, _, answer in group:
        if not answer.done():
            answer.set_exception(error)
