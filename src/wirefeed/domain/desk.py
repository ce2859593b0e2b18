"""The desk: what a run of messages makes of the stories held, threads included. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wirefeed.domain.due import Due, ends_of_delays
from wirefeed.domain.revising import (
    Placing,
    Revised,
    expire,
    is_open,
    opens,
    release,
    replaced,
    revise,
)
from wirefeed.domain.standings import audiences, moved
from wirefeed.domain.stories import PubStatus, Revision, Story
from wirefeed.domain.threads import Member, thread_guid
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.wire import Change, ChangeKind

#: What whoever ever saw a story hears of.
_OF_ALL = frozenset({ChangeKind.KILL, ChangeKind.REINSTATE})


class Desk:
    """The stories a transaction concerns, as they will be when it is committed.

    Holds the threads of whatever it is given whole: give it a thread's members together.
    """

    def __init__(self, held: Mapping[str, Story]) -> None:
        self._stories = dict(held)
        self._threads: dict[str, set[str]] = {}
        self._touched: dict[str, int | None] = {}
        self.changes: list[Change] = []
        for story in held.values():
            self._threads.setdefault(story.thread, set()).add(story.guid)

    @property
    def threads(self) -> set[str]:
        return set(self._threads)

    @property
    def touched(self) -> list[Story]:
        return [self._stories[guid] for guid in self._touched]

    @property
    def guids(self) -> set[str]:
        """The stories on the desk."""
        return set(self._stories)

    def touched_by(self, sent: Revision) -> set[str]:
        """Name the stories a revision changes or joins."""
        named = {guid for guid in (sent.guid, sent.evolved_from) if guid}
        return named | self._threads.get(sent.feed_guid or "", set())

    def language_of(self, guid: str) -> str:
        """Give the language of the story held, as its newsroom sent it; empty for none."""
        return self._stories[guid].revision.language if guid in self._stories else ""

    def put(self, held: Mapping[str, Story]) -> None:
        for story in held.values():
            if story.guid not in self._stories:
                self._keep(story)

    def take(
        self,
        sent: Revision,
        language: str,
        taxonomy: Taxonomy,
        now: int,
        *,
        reinstate: bool = False,
    ) -> Revised:
        held = self._stories.get(sent.guid)
        members = self._members(sent, held)
        thread = thread_guid(members)
        topics = sent.filed or taxonomy.resolve(sent)
        placing = Placing(language=language, topics=topics, thread=thread)
        revised = revise(held, sent, placing, now, reinstate=reinstate)
        if revised.change is None:
            return revised
        ancestor = self._shown_ancestor(revised)
        if ancestor is None:
            self._change(revised.story, revised.change, held)
        else:
            revised = self._evolve(revised, ancestor)
        self._join(thread, [m.guid for m in members], now)
        self._succeed(revised.story.guid)
        return replace(revised, story=self._stories[sent.guid])

    def fall_due(self, guid: str, kind: ChangeKind, at: int, now: int) -> None:
        """Let the clock change a story, unless a later message settled the matter."""
        held = self._stories.get(guid)
        if held is None or held.revision.status is not PubStatus.USABLE:
            return
        if kind is ChangeKind.EXPIRE:
            self._change(expire(held, at), ChangeKind.EXPIRE, held)
        elif is_open(held.revision, now) and opens(held.revision):
            self._change(release(held, at), ChangeKind.RELEASE, held)
            self._succeed(guid)

    def end_delay(self, due: Due) -> None:
        """Announce the end of a delay, unless the story is shown to nobody by then.

        The story stays where it is, with the dates it has: to all who do not have that delay,
        nothing has happened.
        """
        held = self._stories.get(due.guid)
        if held is None or due not in ends_of_delays(held, {due.delay}):
            return
        told = audiences(held)
        if told:
            self.changes.append(
                Change(
                    kind=ChangeKind.RELEASE,
                    about=due.guid,
                    version=held.version,
                    before=told,
                    after=told,
                    delay=due.delay,
                )
            )

    def refile(self, guid: str, taxonomy: Taxonomy, now: int) -> None:
        """File a story anew, the topic tree having changed; it keeps its place."""
        held = self._stories[guid]
        if held.revision.status is not PubStatus.USABLE or held.revision.filed:
            return
        topics = taxonomy.resolve(held.revision)
        if topics == held.topics:
            return
        stood = moved(held.stood, topics, held.changed)
        feeds = held.feeds.union(*(standing.feeds for standing in stood))
        filed = replace(held, topics=topics, stood=stood, feeds=feeds)
        self._keep(filed)
        self._touched.setdefault(guid, None)
        before, after = audiences(held), audiences(filed)
        if before != after:
            self.changes.append(
                Change(
                    kind=ChangeKind.REFILE,
                    about=guid,
                    version=held.version,
                    before=before,
                    after=after,
                    delay=max(0, now - held.changed),
                )
            )

    def settle(self, first: int, at: int) -> None:
        """Give each changed story the position of its last change, and the wire's time."""
        for guid, index in self._touched.items():
            if index is not None:
                self._stories[guid] = replace(
                    self._stories[guid], position=first + index, changed=at
                )

    def _change(self, story: Story, kind: ChangeKind, held: Story | None) -> None:
        self._keep(story)
        self._touched[story.guid] = len(self.changes)
        self.changes.append(
            Change(
                kind=kind,
                about=story.guid,
                version=story.version,
                before=audiences(held, ever=kind in _OF_ALL) if held else frozenset(),
                after=audiences(story),
            )
        )

    def _shown_ancestor(self, revised: Revised) -> Story | None:
        """Give the story that a new one was written from, if that was shown."""
        ancestor = self._stories.get(revised.story.revision.evolved_from or "")
        is_new = revised.change is ChangeKind.PUBLISH
        return ancestor if is_new and ancestor is not None and ancestor.released else None

    def _evolve(self, revised: Revised, ancestor: Story) -> Revised:
        """Announce a new story as an update of another, to whoever may have seen that one."""
        story = replace(revised.story, change=ChangeKind.UPDATE)
        self._change(story, ChangeKind.EVOLVE, None)
        known = audiences(ancestor, ever=True)
        self.changes[-1] = replace(self.changes[-1], before=known)
        return replace(revised, story=story, change=ChangeKind.UPDATE)

    def _keep(self, story: Story) -> None:
        before = self._stories.get(story.guid)
        if before is not None:
            self._threads.get(before.thread, set()).discard(story.guid)
        self._stories[story.guid] = story
        self._threads.setdefault(story.thread, set()).add(story.guid)

    def _members(self, sent: Revision, held: Story | None) -> list[Member]:
        """Gather the thread a revision belongs to: whatever it links, in either direction."""
        threads = {sent.guid, sent.feed_guid, held.thread if held else None}
        if sent.evolved_from:
            target = self._stories.get(sent.evolved_from)
            threads.add(target.thread if target else sent.evolved_from)
        guids = {g for t in threads if t for g in self._threads.get(t, ())}
        # One written from this, or from the same that never came, may stand under a given GUID.
        origins = {sent.guid, sent.evolved_from} - {None}
        heirs = [s for s in self._stories.values() if s.revision.evolved_from in origins]
        guids |= {g for heir in heirs for g in self._threads[heir.thread]}
        guids.discard(sent.guid)
        return [_member(sent), *(_member(self._stories[g].revision) for g in sorted(guids))]

    def _join(self, thread: str, guids: Iterable[str], now: int) -> None:
        """Bring the members under the thread's one GUID, announcing those that are shown."""
        for guid in guids:
            story = self._stories[guid]
            if story.thread == thread:
                continue
            moved = replace(story, thread=thread)
            # A kill has been told of, and is known by its place on the wire: it keeps that.
            if story.superseded or story.is_killed:
                self._keep(moved)
                self._touched.setdefault(guid, None)
            else:
                self._change(replace(moved, changed=now), ChangeKind.UPDATE, story)

    def _succeed(self, guid: str) -> None:
        """Let the newest member of a thread stand where the ones before it stood."""
        story = self._stories[guid]
        ancestor = self._stories.get(story.revision.evolved_from or "")
        if ancestor is not None and story.released is not None:
            self._supersede(ancestor, by=story)
        # By name: which of two heirs replaces it must not hang on the order of a set.
        for other in [self._stories[g] for g in sorted(self._threads[story.thread])]:
            if other.revision.evolved_from == guid and other.released is not None:
                self._supersede(self._stories[guid], by=other, shown=False)

    def _supersede(self, story: Story, *, by: Story, shown: bool = True) -> None:
        # What was never shown has no place to take yet: whoever cannot know of it would see later
        # that it had come before. It is replaced when it would be shown.
        if not story.stood:
            return
        # A translation stands beside what it was made from.
        if story.superseded or story.language != by.language or self._evolved(story, by):
            return
        # One that came after what was written from it was never shown.
        heir = replaced(by, story, shown=shown)
        self._keep(replace(story, superseded=True))
        self._touched.setdefault(story.guid, None)
        self._take_back(story, by)
        if heir != by:
            self._keep(heir)
            self._touched.setdefault(by.guid, None)

    def _take_back(self, story: Story, by: Story) -> None:
        """Announce that a story is shown no more to whoever does not see what replaces it."""
        before, after = audiences(story), audiences(by)
        if not before <= after:
            self.changes.append(
                Change(
                    kind=ChangeKind.REPLACE,
                    about=story.guid,
                    version=story.version,
                    before=before,
                    after=after,
                )
            )

    def _evolved(self, story: Story, origin: Story) -> bool:
        """Say whether a story evolved from another: then they replace each other in a ring."""
        seen: set[str] = set()
        at: str | None = story.guid
        while at and at not in seen:
            if at == origin.guid:
                return True
            seen.add(at)
            at = self._stories[at].revision.evolved_from if at in self._stories else None
        return False


def _member(revision: Revision) -> Member:
    return Member(
        guid=revision.guid,
        evolved_from=revision.evolved_from,
        feed_guid=revision.feed_guid,
    )
