"""Taking stories in: outcomes, groups, dead letters, threads, and what the clock announces."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.support.agency import DAY, HOUR, SECOND, START, Agency, iso
from tests.support.answers import ask, look
from wirefeed.domain.desk import Desk
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.revising import Outcome
from wirefeed.domain.stories import Revision
from wirefeed.domain.terms import Terms
from wirefeed.domain.topics import Taxonomy
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import markup, ninjs
from wirefeed.services.follower import announce
from wirefeed.services.publishing import GROUP, Message, Publishing, Receipt
from wirefeed.storage import dead_letters, stories, wire

BROKEN = "urn:news:broken"


def message(uri: str, **fields: Any) -> Message:
    raw = json.dumps(
        {
            "uri": uri,
            "version": "1",
            "versioncreated": iso(START),
            "language": "en",
            "headline": f"Headline of {uri}",
            "subject": [{"code": "medtop:15000000"}],
        }
        | fields
    ).encode()
    try:
        return Message(raw=raw, name=uri, revision=ninjs.parse(raw))
    except Unacceptable as error:
        return Message(raw=raw, name=uri, error=error)


async def take(agency: Agency, *messages: Message) -> list[Receipt]:
    return await agency.services.publishing.accept_all(messages, "newsroom")


async def changes(agency: Agency) -> list[tuple[str, str]]:
    """Give what the wire says of stories, in its order."""
    async with agency.services.database.reading() as connection:
        rows = await wire.since(connection, 0, 1000)
    return [
        (row.change.kind.value, row.change.about)
        for row in rows
        if row.change.kind is not ChangeKind.ACCESS
    ]


async def test_a_story_bears_the_time_of_its_turn_not_of_its_coming(agency: Agency):
    """Else who knows a feed by its date never hears of one that had to wait for its turn."""
    async with agency.services.database.writing():
        taking = asyncio.create_task(take(agency, message("urn:news:waits")))
        # It comes now, and waits.
        await asyncio.sleep(0)
        agency.clock.advance(SECOND)

    await taking
    story = await agency.services.publishing.find("urn:news:waits")
    assert story.changed == agency.clock.now


# --- outcomes ------------------------------------------------------------------------------------


async def test_one_refused_stops_none_of_the_others_and_is_kept_with_its_reason(agency: Agency):
    await take(agency, message("urn:news:a"))
    receipts = await take(
        agency,
        message("urn:news:a"),
        message("urn:news:a", headline="Other content"),
        message("urn:news:wrong", urgency=17),
        message("urn:news:b"),
        Message(raw=b"{", name="line 5", error=Unacceptable("cannot be read", field="$")),
    )
    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes == [Outcome.UNCHANGED, None, None, Outcome.CREATED, None]
    errors = [type(receipt.error) for receipt in receipts]
    assert errors == [type(None), Conflict, Unacceptable, type(None), Unacceptable]
    async with agency.services.database.reading() as connection:
        letters = await dead_letters.listing(connection)
    assert [(x.name, x.field, x.at) for x in reversed(letters)] == [
        ("urn:news:a", "version", START),
        ("urn:news:wrong", "$.urgency", START),
        ("line 5", "$", START),
    ]
    assert await changes(agency) == [("publish", "urn:news:a"), ("publish", "urn:news:b")]


async def test_a_repeat_or_a_late_message_says_nothing_on_the_wire(agency: Agency):
    await take(agency, message("urn:news:a", version="2"))
    before = await look(agency)
    receipts = await take(
        agency, message("urn:news:a", version="2"), message("urn:news:a", headline="Late")
    )
    assert [r.outcome for r in receipts] == [Outcome.UNCHANGED, Outcome.OLDER]
    assert await changes(agency) == [("publish", "urn:news:a")]
    assert await look(agency) == before


async def test_several_versions_in_one_group_end_with_the_newest_and_keep_them_all(agency: Agency):
    await take(agency, *(message("urn:news:a", version=str(v)) for v in (1, 2, 3)))
    assert [kind for kind, _ in await changes(agency)] == ["publish", "update", "update"]
    story = await agency.services.publishing.find("urn:news:a")
    assert story.version == 3
    async with agency.services.database.reading() as connection:
        history = await stories.history(connection, "urn:news:a")
    assert [(row.version, row.source) for row in history] == [
        (1, "newsroom"),
        (2, "newsroom"),
        (3, "newsroom"),
    ]
    assert history[0].raw == message("urn:news:a").raw


async def test_a_dry_run_says_the_same_and_keeps_nothing(agency: Agency):
    messages = [message("urn:news:a"), message("urn:news:wrong", urgency=17)]
    tried = await agency.services.publishing.dry_run(messages, Desk({}))
    assert await changes(agency) == []
    with pytest.raises(NotFound):
        await agency.services.publishing.find("urn:news:a")
    done = await take(agency, *messages)
    assert [r.outcome for r in tried] == [r.outcome for r in done]


@pytest.mark.parametrize("name", ["urn:news:a", "id"])
async def test_a_story_is_found_by_its_guid_and_by_its_id(agency: Agency, name):
    (receipt,) = await take(agency, message("urn:news:a"))
    story = receipt.story
    assert story is not None
    found = await agency.services.publishing.find(story.id if name == "id" else name)
    assert found.guid == "urn:news:a"
    assert [s.guid for s in await agency.services.publishing.listing(limit=10)] == ["urn:news:a"]


@pytest.mark.parametrize(
    ("tag", "feeds"),
    [("en-GB", "en"), ("EN", "en"), ("tr-Latn-TR", "tr"), ("nl", ""), ("eng", ""), ("", "en")],
)
async def test_a_language_goes_to_the_feeds_of_the_nearest_broader_one(agency: Agency, tag, feeds):
    (receipt,) = await take(agency, message("urn:news:a", language=tag))
    assert receipt.story is not None
    assert receipt.story.language == feeds


# --- threads in one group ------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
async def test_a_thread_ends_the_same_in_whatever_order_and_groups_it_comes(
    agency: Agency, order, together
):
    thread = [
        message("urn:news:a"),
        message("urn:news:b", evolvedfrom="urn:news:a"),
        message("urn:news:c", evolvedfrom="urn:news:b"),
    ]
    sent = [thread[n] for n in order]
    for group in [sent] if together else [[one] for one in sent]:
        await take(agency, *group)
    items = (await ask(agency, "/en/latest.json")).items
    assert list(items) == ["urn:news:a"]
    assert items["urn:news:a"]["title"] == "Headline of urn:news:c"


async def test_stories_that_name_each_other_in_a_ring_are_taken(agency: Agency):
    await take(
        agency,
        message("urn:news:a", evolvedfrom="urn:news:b"),
        message("urn:news:b", evolvedfrom="urn:news:a"),
        message("urn:news:c", evolvedfrom="urn:news:c"),
    )
    assert len(await look(agency)) == 2


async def test_a_late_ancestor_of_a_hidden_story_leaves_no_trace(agency: Agency):
    economy = [{"code": "medtop:04000000"}]
    await agency.publish("urn:news:other", "politics")
    agency.clock.advance(HOUR)
    hidden = {"evolvedfrom": "urn:news:a", "subject": economy}
    await take(agency, message("urn:news:b", **hidden))
    agency.clock.advance(HOUR)
    before = await ask(agency, "/en/latest.rss")
    await take(agency, message("urn:news:a"))
    await take(agency, message("urn:news:b", version="2", **hidden))
    agency.clock.advance(HOUR)
    after = await ask(agency, "/en/latest.rss")
    assert (after.body, after.kept) == (before.body, before.kept)


# --- many at once --------------------------------------------------------------------------------


class Broken(Taxonomy):
    """A topic tree that fails on one story, as a mistake of ours would."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(list(taxonomy))

    def resolve(self, revision: Revision) -> frozenset[str]:
        if revision.guid == BROKEN:
            message = "a mistake of ours"
            raise RuntimeError(message)
        return super().resolve(revision)


def publishing_of(
    agency: Agency, taxonomy: Taxonomy, clock: Callable[[], int] | None = None
) -> Publishing:
    return Publishing(
        agency.services.database,
        taxonomy,
        agency.services.audit,
        languages=("en",),
        default_language="en",
        sanitiser=markup.EDITION,
        clock=clock or agency.clock,
    )


@asynccontextmanager
async def committing(publishing: Publishing) -> AsyncIterator[None]:
    task = asyncio.create_task(publishing.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_mistake_of_ours_over_one_story_costs_that_story_alone(agency: Agency):
    publishing = publishing_of(agency, Broken(agency.services.taxonomy))
    guids = ["urn:news:a", BROKEN, "urn:news:b"]
    async with committing(publishing), asyncio.timeout(10):
        receipts = await asyncio.gather(
            *(publishing.accept(message(guid), "newsroom") for guid in guids),
            return_exceptions=True,
        )
        assert isinstance(receipts[1], RuntimeError)
        assert [r.outcome for r in receipts if isinstance(r, Receipt)] == [Outcome.CREATED] * 2
        # The way in stays open.
        again = await publishing.accept(message("urn:news:c"), "newsroom")
        assert again.outcome is Outcome.CREATED
    assert {about for _, about in await changes(agency)} == {*guids, "urn:news:c"} - {BROKEN}


async def test_those_that_wait_share_a_commit(agency: Agency):
    publishing = publishing_of(agency, agency.services.taxonomy)
    waiting = [
        asyncio.create_task(publishing.accept(message(f"urn:news:{n}"), "newsroom"))
        for n in range(150)
    ]
    await asyncio.sleep(0)
    async with committing(publishing):
        receipts = await asyncio.gather(*waiting)
    assert [r.story.guid for r in receipts if r.story] == [f"urn:news:{n}" for n in range(150)]
    async with agency.services.database.reading() as connection:
        rows = await wire.since(connection, 0, 1000)
    published = [row.position for row in rows if row.change.kind is ChangeKind.PUBLISH]
    assert len(published) == 150
    assert published == sorted(set(published))


async def test_one_that_hung_up_while_waiting_is_stored_all_the_same(agency: Agency):
    publishing = publishing_of(agency, agency.services.taxonomy)
    gone = asyncio.create_task(publishing.accept(message("urn:news:a"), "newsroom"))
    stays = asyncio.create_task(publishing.accept(message("urn:news:b"), "newsroom"))
    await asyncio.sleep(0)
    gone.cancel()
    async with committing(publishing):
        assert (await stays).outcome is Outcome.CREATED
    assert len(await changes(agency)) == 2


# --- the clock -----------------------------------------------------------------------------------


async def test_what_fell_due_is_announced_once_in_its_order_also_much_later(agency: Agency):
    await agency.publish("urn:news:b", embargoed=iso(START + 2 * HOUR))
    await agency.publish("urn:news:a", embargoed=iso(START + HOUR), expires=iso(START + 3 * HOUR))
    agency.clock.advance(2 * DAY)
    publishing = agency.services.publishing
    while (due := await publishing.announce_due()) is not None and due <= agency.clock.now:
        pass
    assert due is None
    assert (await changes(agency))[2:] == [
        ("release", "urn:news:a"),
        ("release", "urn:news:b"),
        ("expire", "urn:news:a"),
        # The end of a delay that one of the plans has.
        ("release", "urn:news:b"),
    ]
    assert await look(agency) == {"urn:news:b": "summary"}
    assert await publishing.announce_due() is None


async def test_it_says_when_something_next_falls_due(agency: Agency):
    publishing = agency.services.publishing
    assert await publishing.announce_due() is None
    await agency.publish("urn:news:a", embargoed=iso(START + HOUR))
    assert await publishing.announce_due() == START + HOUR


@pytest.mark.parametrize(
    "fields",
    [
        {"pubstatus": "canceled"},
        {"pubstatus": "withheld"},
        {"embargoed": iso(START + DAY)},
        {},
    ],
)
async def test_what_a_later_version_settles_does_not_fall_due(agency: Agency, fields):
    await agency.publish("urn:news:a", embargoed=iso(START + HOUR))
    await agency.publish("urn:news:a", version="2", **fields)
    agency.clock.advance(2 * HOUR)
    await agency.services.publishing.announce_due()
    kinds = [kind for kind, _ in await changes(agency)]
    # Opened by its version, it has a delay that counts from then.
    assert kinds.count("release") == (2 if fields == {} else 0)


async def test_the_announcer_survives_a_mistake_of_ours(agency: Agency):
    await agency.publish("urn:news:a", embargoed=iso(agency.clock.now + HOUR))
    recovered = asyncio.Event()
    failures: list[Exception] = []

    def clock() -> int:
        if not failures:
            message = "a mistake of ours"
            raise RuntimeError(message)
        recovered.set()
        return agency.clock()

    publishing = publishing_of(agency, agency.services.taxonomy, clock)
    task = asyncio.create_task(announce(publishing, agency.clock, failures.append))
    async with asyncio.timeout(10):
        await recovered.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert len(failures) == 1


async def test_filing_anew_moves_what_the_topics_take_and_keeps_the_order(agency: Agency):
    await agency.publish("urn:news:a", keywords=["chess"])
    await agency.publish("urn:news:b")
    tree = [t for t in agency.services.taxonomy if t.slug != "sport"]
    moved = await publishing_of(agency, Taxonomy(tree)).refile()
    assert moved == 2
    assert list(await look(agency)) == ["urn:news:b", "urn:news:a"]
    for guid in ("urn:news:a", "urn:news:b"):
        assert (await agency.services.publishing.find(guid)).topics == frozenset()
    assert [kind for kind, _ in await changes(agency)] == ["publish"] * 2 + ["refile"] * 2


async def test_time_that_passes_alone_changes_nothing(agency: Agency):
    await agency.publish("urn:news:a")
    held = await ask(agency, "/en/latest.rss")
    agency.clock.advance(DAY + SECOND)
    await agency.services.publishing.announce_due()
    assert (await ask(agency, "/en/latest.rss")).tag == held.tag


async def test_what_falls_due_together_is_all_announced_however_much_it_is(agency: Agency):
    opens, ends = iso(agency.clock.now + HOUR), iso(agency.clock.now + HOUR + SECOND)
    many = [
        {
            "uri": f"urn:due:{n}",
            "language": "en",
            "headline": f"Due {n}",
            "embargoed": opens,
            "expires": ends,
        }
        for n in range(GROUP)
    ]
    for story in many:
        assert (await agency.send(story)).status == 201
    agency.clock.advance(2 * HOUR)
    for _ in range(3):
        await agency.services.publishing.announce_due()
    async with agency.services.database.reading() as connection:
        rows = await wire.since(connection, 0, 1000)
        assert await wire.next_due(connection) is None
    kinds = Counter(row.change.kind for row in rows if row.change.about.startswith("urn:due:"))
    told = (ChangeKind.PUBLISH, ChangeKind.RELEASE, ChangeKind.EXPIRE)
    assert kinds == dict.fromkeys(told, GROUP)


async def test_a_source_may_touch_no_story_of_another(agency: Agency):
    await agency.publish("urn:afp:1", headline="As it was")
    rival = (await agency.services.tokens.issue(Terms(source="rival", days=1))).secret
    header = {"Authorization": f"Bearer {rival}"}
    told = set()
    for story in (
        {"uri": "urn:afp:1", "version": "0"},
        {"uri": "urn:afp:1", "version": "2", "headline": "Forged"},
        {"uri": "urn:afp:1", "version": "3", "pubstatus": "canceled"},
        {"uri": "urn:rival:1", "evolvedfrom": "urn:afp:1"},
        {"uri": "urn:rival:2", "altids": {"feed": "urn:afp:1"}},
        {"uri": "urn:rival:3", "altIds": [{"role": "feed", "value": "urn:afp:1"}]},
    ):
        answer = await agency.send({"headline": "Rival", "language": "en", **story}, **header)
        told.add((answer.status, await answer.text()))
    assert {status for status, _ in told} == {409}
    assert len(told) == 1
    (item,) = (await agency.json("/en/latest.json"))["items"]
    assert item["title"] == "As it was"
    # What the desk imports or sends itself is not bound.
    kill = message("urn:afp:1", version="2", pubstatus="canceled")
    assert (await take(agency, kill))[0].outcome is Outcome.UPDATED


async def test_a_story_given_a_guid_of_its_own_is_found_by_what_it_was_written_from(
    agency: Agency,
):
    await agency.publish(
        "urn:b", evolvedfrom="urn:a", altIds=[{"role": "feed", "value": "urn:f:1"}]
    )
    await agency.publish("urn:a", headline="Old")
    (item,) = (await agency.json("/en/topics/sport.json"))["items"]
    assert (item["id"], item["title"]) == ("urn:f:1", "Headline of urn:b")
