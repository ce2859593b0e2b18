"""Must hold: whatever happens, a partner is told exactly what it hears of, in order, each once.

Two processes on one database, and partners that poll either at any time, by pages of any size;
they crash and go back to what they had saved. Which changes each hears of is read off the wire
itself, by its rights at the time; what they are shown, off what was sent.
"""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.conftest import SOAK
from tests.support.agency import DAY, MINUTE, SECOND, Agency, Clock, iso, running, settings_in
from tests.support.agency import MEDIA_TOPICS as CODES
from tests.support.partner import Partner, digest_of, told
from wirefeed.domain.access import Grant
from wirefeed.domain.cursors import Following
from wirefeed.domain.former import Former, may_have
from wirefeed.domain.hearing import heard
from wirefeed.domain.plans import Subscription
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message
from wirefeed.storage import wire
from wirefeed.storage.wire import Row

GUIDS = tuple(f"urn:m:{n}" for n in range(5))
PLANS = ("sport", "economy", "late", "everything")
STATUSES = ("usable", "usable", "usable", "withheld", "canceled")
#: Topics that each partner asks for.
FILTERS = ("", "", "economy")
_SIGNED = (None, None, "correction")


@dataclass(slots=True)
class Follower:
    """A partner, and what it should have been told."""

    partner: Partner
    following: Following
    #: Where the wire was read to: by position, which it never learns.
    position: int = 0
    #: The rights it was last told of.
    grants: frozenset[Any] = frozenset()
    saved: tuple[str, list[dict[str, Any]], int, frozenset[Any]] | None = None
    pages: list[bytes] = field(default_factory=list)
    #: The plans it has, each since when, and those it had.
    has: dict[str, int] = field(default_factory=dict)
    had: list[tuple[str, int, int]] = field(default_factory=list)


class Newsroom(RuleBasedStateMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.clock = Clock()
        self.folder = tempfile.TemporaryDirectory()
        self.settings = settings_in(Path(self.folder.name))
        self.stacks: list[AsyncExitStack] = []
        self.apps: list[Agency] = []
        self.followers: list[Follower] = []
        self.versions = dict.fromkeys(GUIDS, 0)
        #: Words that stand in a version of a story, and in nothing else.
        self.words: dict[str, set[str]] = {guid: set() for guid in GUIDS}
        self.killed: set[str] = set()
        #: The newest version that was taken.
        self.held: dict[str, int] = {}

    @initialize()
    def open(self) -> None:
        self.loop.run(self._open())

    async def _open(self) -> None:
        for _ in range(2):
            await self._start()
        for number, topics in enumerate(FILTERS):
            name = f"partner{number}"
            await self.apps[0].subscriber(name, PLANS[number])
            token = await self.apps[0].token(name)
            filters = {"topics": topics} if topics else {}
            names = frozenset({topics} if topics else ())
            partner = Partner(self.apps[0], token, filters)
            has = {PLANS[number]: self.clock.now - DAY}
            self.followers.append(Follower(partner, Following(topics=names), has=has))

    async def _start(self) -> None:
        stack = AsyncExitStack()
        self.apps.append(await stack.enter_async_context(running(self.settings, self.clock)))
        self.stacks.append(stack)

    def teardown(self) -> None:
        try:
            self.loop.run(self._close())
        finally:
            self.loop.close()
            self.folder.cleanup()

    async def _close(self) -> None:
        try:
            for number in range(len(self.followers)):
                for follower in [self.followers[number]]:
                    while await self._poll(follower, self.apps[number % 2], limit=50):
                        pass
                    self._check_all(follower)
        finally:
            for stack in self.stacks:
                await stack.aclose()

    # --- what happens ---------------------------------------------------------------------------

    @rule(
        app=st.integers(0, 1),
        stories=st.lists(
            st.tuples(
                st.sampled_from(GUIDS),
                st.sampled_from(sorted(CODES)),
                st.sampled_from(STATUSES),
                st.sampled_from([0, 0, 0, 10, 40]),
                st.sampled_from([0, 0, 0, 20]),
                st.sampled_from(_SIGNED),
            ),
            min_size=1,
            max_size=6,
        ),
    )
    def send(self, app: int, stories: list[tuple[Any, ...]]) -> None:
        """Send stories, all in one transaction and one moment."""
        self.loop.run(self._send(self.apps[app], [self._story(*story) for story in stories]))

    def _story(
        self, guid: str, topic: str, status: str, embargo: int, expires: int, signal: str | None
    ) -> dict[str, Any]:
        self.versions[guid] += 1
        word = f"{guid}-v{self.versions[guid]}-words"
        story: dict[str, Any] = {
            "uri": guid,
            "version": str(self.versions[guid]),
            "versioncreated": iso(self.clock.now),
            "pubstatus": status,
            "language": "en",
            "slugline": f"SLUG-{guid}",
            "headline": f"Headline {word}",
            "body_html": f"<p>Body {word}.</p>",
            "subject": [{"code": CODES[topic]}],
        }
        if embargo:
            story["embargoed"] = iso(self.clock.now + embargo * MINUTE)
        if expires:
            story["expires"] = iso(self.clock.now + expires * MINUTE)
        if signal:
            story["signal"] = [{"code": f"sig:{signal}"}]
        if status == "canceled":
            del story["headline"], story["body_html"]
        else:
            self.words[guid].add(word)
        return story

    async def _send(self, app: Agency, stories: list[dict[str, Any]]) -> None:
        raws = [json.dumps(story).encode() for story in stories]
        messages = [Message(raw=raw, revision=ninjs.parse(raw)) for raw in raws]
        receipts = await app.services.publishing.accept_all(messages, "newsroom")
        # What is refused changes nothing: a kill that comes before its story, above all.
        for story in (receipt.story for receipt in receipts if receipt.story):
            self.held[story.guid] = story.version
            (self.killed.add if story.is_killed else self.killed.discard)(story.guid)

    @rule(minutes=st.sampled_from([1, 11, 31]), app=st.integers(0, 1))
    def pass_time(self, minutes: int, app: int) -> None:
        self.clock.advance(minutes * MINUTE)
        self.loop.run(self._announce(self.apps[app]))

    async def _announce(self, app: Agency) -> None:
        while (due := await app.services.publishing.announce_due()) is not None:
            if due > self.clock.now:
                break

    @rule(
        who=st.integers(0, 2),
        plans=st.sets(st.sampled_from(PLANS), min_size=1, max_size=2),
        app=st.integers(0, 1),
    )
    def sell(self, who: int, plans: set[str], app: int) -> None:
        """Let a partner have other plans."""
        one, now = self.followers[who], self.clock.now
        one.had += [(plan, since, now) for plan, since in one.has.items()]
        one.has = dict.fromkeys(plans, now - SECOND)
        self.loop.run(self._sell(self.apps[app], f"partner{who}", plans))

    async def _sell(self, app: Agency, name: str, plans: set[str]) -> None:
        held = await app.services.accounts.subscriber(name)
        starts = self.clock.now - SECOND
        await app.services.accounts.put_subscriber(
            replace(
                held,
                subscriptions=tuple(
                    Subscription(plan=plan, starts=starts) for plan in sorted(plans)
                ),
            )
        )

    @rule(app=st.integers(0, 1))
    def restart(self, app: int) -> None:
        self.loop.run(self._restart(app))

    async def _restart(self, app: int) -> None:
        await self.stacks.pop(app).aclose()
        del self.apps[app]
        await self._start()

    # --- what partners do -----------------------------------------------------------------------

    @rule(who=st.integers(0, 2), app=st.integers(0, 1), limit=st.integers(1, 7))
    def poll(self, who: int, app: int, limit: int) -> None:
        self.loop.run(self._poll(self.followers[who], self.apps[app], limit))

    @rule(who=st.integers(0, 2))
    def save(self, who: int) -> None:
        one = self.followers[who]
        one.saved = (one.partner.cursor, list(one.partner.entries), one.position, one.grants)

    @rule(who=st.integers(0, 2))
    def crash(self, who: int) -> None:
        """Go back to what was saved: whatever came since is asked for once more."""
        one = self.followers[who]
        if one.saved is not None:
            cursor, entries, one.position, one.grants = one.saved
            one.partner.cursor, one.partner.entries = cursor, list(entries)

    async def _poll(self, one: Follower, app: Agency, limit: int) -> bool:
        """Poll, and compare with what there is to be heard; say whether there is more."""
        # What the other process wrote is seen within a lease; nobody here waits for that.
        await app.services.follower.look()
        name = "partner" + str(self.followers.index(one))
        reader = await app.services.readers.as_subscriber(name)
        sight = reader.entitlement.sight
        async with app.services.database.reading() as connection:
            rows = await wire.since(connection, one.position, 100_000)
            whole = await wire.since(connection, 0, 100_000)
        had = await self._had(one, app)
        kinds = [
            (row, kind)
            for row in rows
            if (kind := self._heard(one, row, sight.grants, had, whole)) is not None
        ]
        due = [(kind.value, row.change.about, row.change.version) for row, kind in kinds]
        is_other = one.grants not in (frozenset(), sight.grants)
        if is_other:
            due.insert(0, ("entitlement", "entitlement", 0))
        one.partner.agency = app
        page = await one.partner.poll(limit=limit)
        assert [told(entry) for entry in page["items"]] == due[:limit]
        assert page["more"] == (len(due) > limit)
        stories = [item for item in page["items"] if item["uri"] != "entitlement"]
        if stories:
            one.position = kinds[len(stories) - 1][0].position
        one.grants = sight.grants
        self._check_shown(page)
        return bool(page["more"])

    async def _had(self, one: Follower, app: Agency) -> list[Former]:
        plans = await app.services.plans.all()
        return [
            Former(grant=grant, since=since, until=until)
            for plan, since, until in one.had
            for grant in plans[plan].grants
        ]

    def _heard(
        self,
        one: Follower,
        row: Row,
        grants: frozenset[Grant],
        had: list[Former],
        whole: Sequence[Row],
    ) -> ChangeKind | None:
        """Say what it is to hear: by what it has, and of kills also by what it had."""
        kind = heard(one.following.of(row.change), grants)
        if kind is not None or row.change.kind is not ChangeKind.KILL:
            return kind
        told = [
            (earlier.at, one.following.of(earlier.change).after)
            for earlier in whole
            if earlier.change.about == row.change.about and earlier.position < row.position
            if not earlier.change.delay
        ]
        return row.change.kind if may_have(told, row.at, had) else None

    def _check_shown(self, page: dict[str, Any]) -> None:
        """What was killed is in no page; what is whole is the newest version."""
        text = json.dumps(page)
        for guid in self.killed:
            assert not any(word in text for word in self.words[guid]), guid
        for entry in page["items"]:
            if "bodies" in entry:
                assert int(entry["version"]) == self.held[entry["uri"]]
                word = f"{entry['uri']}-v{entry['version']}-words"
                assert word in entry["bodies"][0]["value"]

    def _check_all(self, one: Follower) -> None:
        """In the end it has the newest of every story it may see in full."""
        assert one.partner.pages[-1]["digest"] == digest_of(one.partner.entries)


def test_a_partner_is_told_what_it_hears_of_whatever_happens():
    run_state_machine_as_test(
        Newsroom,
        settings=settings(
            max_examples=200 if SOAK else 12,
            stateful_step_count=60 if SOAK else 30,
            deadline=None,
            # The minutes that a smaller example takes are for a run at full size.
            phases=[Phase.generate, *([Phase.shrink] if SOAK else [])],
        ),
    )
