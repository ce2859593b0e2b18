"""The desk: threads come out the same in whatever order their stories come in."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import DAY, HOUR, MINUTE, NOW
from wirefeed.domain.desk import Desk
from wirefeed.domain.errors import Conflict
from wirefeed.domain.revising import Outcome
from wirefeed.domain.stories import Concept, Feed, PubStatus, Revision, Story
from wirefeed.domain.topics import Taxonomy, Topic
from wirefeed.domain.wire import ChangeKind

TREE = Taxonomy(
    [
        Topic(slug="sport", names={"en": "Sport"}, keywords=frozenset({"sport"})),
        Topic(slug="arts", names={"en": "Arts"}, keywords=frozenset({"arts"})),
    ]
)


def message(guid: str, keyword: str = "sport", **fields: object) -> Revision:
    revision = Revision(
        guid=guid,
        version=1,
        language="en",
        headline=f"On {guid}",
        body=f"<p>{guid}</p>",
        keywords=(keyword,),
        version_created=NOW - HOUR,
    )
    return replace(revision, **fields)  # type: ignore[arg-type]


class Newsroom:
    """Sends messages one a minute, as each transaction would see them."""

    def __init__(self) -> None:
        self.held: dict[str, Story] = {}
        self.now = NOW
        self.position = 0
        self.wire: list[tuple[str, ChangeKind]] = []

    def send(self, *messages: Revision) -> list[Outcome]:
        desk = Desk(self.held)
        outcomes = [desk.take(sent, "en", TREE, self.now).outcome for sent in messages]
        self._keep(desk)
        return outcomes

    def fall_due(self, guid: str, kind: ChangeKind, at: int) -> None:
        desk = Desk(self.held)
        desk.fall_due(guid, kind, at, self.now)
        self._keep(desk)

    def _keep(self, desk: Desk) -> None:
        desk.settle(self.position + 1, self.now)
        self.position += len(desk.changes)
        self.wire += [(change.about, change.kind) for change in desk.changes]
        self.held |= {story.guid: story for story in desk.touched}
        self.now += MINUTE

    @property
    def shown(self) -> set[str]:
        """The stories that stand in feeds."""
        return {guid for guid, story in self.held.items() if not story.superseded}

    @property
    def threads(self) -> set[str]:
        return {story.thread for story in self.held.values()}


CHAIN = (
    message("a"),
    message("b", evolved_from="a"),
    message("c", evolved_from="b"),
    message("d", evolved_from="c"),
)


@pytest.mark.parametrize("order", list(permutations(CHAIN)))
def test_a_chain_is_one_thread_shown_by_its_newest_in_any_order(order):
    newsroom = Newsroom()
    for sent in order:
        newsroom.send(sent)
    assert newsroom.threads == {"a"}
    assert newsroom.shown == {"d"}


@pytest.mark.parametrize("order", list(permutations(CHAIN)))
def test_it_is_the_same_in_one_transaction(order):
    newsroom = Newsroom()
    newsroom.send(*order)
    assert (newsroom.threads, newsroom.shown) == ({"a"}, {"d"})


def test_an_update_under_a_new_guid_is_told_as_an_update():
    newsroom = Newsroom()
    newsroom.send(CHAIN[0])
    newsroom.send(CHAIN[1])
    assert newsroom.wire == [("a", ChangeKind.PUBLISH), ("b", ChangeKind.EVOLVE)]
    assert newsroom.held["b"].change is ChangeKind.UPDATE


def test_it_stands_wherever_the_story_before_it_stood():
    newsroom = Newsroom()
    newsroom.send(message("a", "sport"))
    newsroom.send(message("b", "arts", evolved_from="a"))
    feeds = {Feed(language="en", topic=t) for t in ("", "sport", "arts")}
    assert newsroom.held["b"].feeds == feeds
    assert newsroom.held["b"].topics == {"arts"}
    assert newsroom.held["b"].published == newsroom.held["a"].published


@pytest.mark.parametrize(
    "unseen", [{"status": PubStatus.WITHHELD}, {"expires": NOW - HOUR}, {"expires": NOW}]
)
def test_a_version_that_nobody_saw_changes_nothing_of_who_replaces_whom(unseen):
    """Nor whether the story written from it stands, and is dated, as of the one that came late."""
    late = message("a", "arts", version=2, version_created=NOW - DAY)
    told = []
    for before in ([], [message("a", **unseen)]):
        newsroom = Newsroom()
        for sent in before or [message("other")]:
            newsroom.send(sent)
        newsroom.send(message("b", evolved_from="a"))
        assert "b" in newsroom.shown
        newsroom.send(late)
        held = newsroom.held["b"]
        told.append((newsroom.shown - {"other"}, held.stood, held.feeds, held.published))
    assert told[0] == told[1]
    assert told[0][0] == {"b"}
    assert {s.published for s in told[0][1] if s.inherited} == {NOW - DAY}


def test_what_was_never_shown_is_not_replaced_and_its_kill_changes_nothing():
    newsroom = Newsroom()
    newsroom.send(message("a", status=PubStatus.WITHHELD))
    newsroom.send(message("b", evolved_from="a"))
    before = newsroom.held["b"]
    newsroom.send(message("a", version=2, status=PubStatus.CANCELED))
    assert not newsroom.held["a"].superseded
    assert newsroom.held["b"] == before


def test_under_embargo_it_takes_no_place_until_its_release():
    newsroom = Newsroom()
    newsroom.send(message("a"))
    newsroom.send(message("b", evolved_from="a", embargoed_until=NOW + DAY))
    assert newsroom.shown == {"a", "b"}
    newsroom.now = NOW + DAY
    newsroom.fall_due("b", ChangeKind.RELEASE, NOW + DAY)
    assert newsroom.shown == {"b"}
    assert newsroom.wire[-1] == ("b", ChangeKind.RELEASE)


def test_a_release_is_not_announced_before_its_time_nor_after_a_kill():
    newsroom = Newsroom()
    newsroom.send(message("a", embargoed_until=NOW + DAY))
    newsroom.fall_due("a", ChangeKind.RELEASE, NOW + DAY)
    newsroom.send(message("a", version=2, status=PubStatus.CANCELED))
    newsroom.now = NOW + DAY
    newsroom.fall_due("a", ChangeKind.RELEASE, NOW + DAY)
    newsroom.fall_due("nobody's", ChangeKind.RELEASE, NOW + DAY)
    assert [kind for _, kind in newsroom.wire] == [ChangeKind.PUBLISH, ChangeKind.KILL]


def test_the_end_of_rights_is_announced():
    newsroom = Newsroom()
    newsroom.send(message("a", expires=NOW + HOUR))
    newsroom.now = NOW + HOUR
    newsroom.fall_due("a", ChangeKind.EXPIRE, NOW + HOUR)
    assert newsroom.wire[-1] == ("a", ChangeKind.EXPIRE)


def test_stories_that_name_each_other_are_all_shown_under_one_guid():
    newsroom = Newsroom()
    newsroom.send(message("a", evolved_from="b"))
    newsroom.send(message("b", evolved_from="a"))
    assert newsroom.threads == {"a"}
    assert newsroom.shown == {"a", "b"}


def test_a_given_feed_guid_draws_the_thread_together():
    newsroom = Newsroom()
    newsroom.send(message("a"))
    newsroom.send(message("b", evolved_from="a", feed_guid="urn:story:1"))
    assert newsroom.threads == {"urn:story:1"}
    assert newsroom.shown == {"b"}


def test_a_shown_story_whose_thread_is_found_later_is_announced_under_its_guid():
    newsroom = Newsroom()
    newsroom.send(message("b", evolved_from="a"))
    newsroom.send(message("c", evolved_from="b"))
    newsroom.send(message("a", feed_guid="urn:story:1"))
    assert newsroom.threads == {"urn:story:1"}
    assert newsroom.wire[-1] == ("c", ChangeKind.UPDATE)


@pytest.mark.parametrize("language", ["en", "tr"])
def test_a_kill_keeps_its_place_when_its_thread_is_named(language):
    newsroom = Newsroom()
    newsroom.send(message("a"))
    newsroom.send(message("a", version=2, status=PubStatus.CANCELED))
    kill = newsroom.held["a"]
    newsroom.send(message("b", evolved_from="a", feed_guid="urn:story:1", language=language))
    moved = newsroom.held["a"]
    assert moved.thread == "urn:story:1"
    assert (moved.position, moved.changed) == (kill.position, kill.changed)
    assert [kind for about, kind in newsroom.wire if about == "a"] == [
        ChangeKind.PUBLISH,
        ChangeKind.KILL,
    ]


@pytest.mark.parametrize("given_first", [False, True])
def test_those_written_from_one_that_never_came_are_one_thread_under_a_given_guid(given_first):
    heirs = [message("b", evolved_from="a"), message("c", evolved_from="a", feed_guid="urn:x")]
    newsroom = Newsroom()
    for sent in reversed(heirs) if given_first else heirs:
        newsroom.send(sent)
    assert newsroom.threads == {"urn:x"}


def test_a_refused_message_leaves_the_desk_as_it_was():
    newsroom = Newsroom()
    newsroom.send(message("a"))
    desk = Desk(newsroom.held)
    with pytest.raises(Conflict):
        desk.take(message("a", headline="Other"), "en", TREE, NOW)
    assert not desk.changes
    assert not desk.touched


def test_a_new_tree_files_stories_anew_and_keeps_their_place():
    newsroom = Newsroom()
    newsroom.send(message("a", "sport", subjects=(Concept(code="medtop:20000735"),)))
    before = newsroom.held["a"]
    tree = Taxonomy([Topic(slug="games", names={"en": "Games"}, keywords=frozenset({"sport"}))])
    desk = Desk(newsroom.held)
    desk.refile("a", tree, NOW + HOUR)
    (moved,) = desk.touched
    assert moved.topics == {"games"}
    (told,) = desk.changes
    assert (told.kind, told.delay) == (ChangeKind.REFILE, HOUR)
    assert [one.topics for one in told.before] == [{"sport"}]
    assert [one.topics for one in told.after] == [{"games"}]
    assert Feed(language="en", topic="games") in moved.feeds
    assert (moved.position, moved.updated) == (before.position, before.updated)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from([None, *"abcde"]),
            st.sampled_from([None, None, None, "urn:story:1"]),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda pair: pair[0],
    ).flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs)))
)
def test_any_links_make_the_same_threads_in_any_order(orders):
    results = []
    for order in orders:
        newsroom = Newsroom()
        for guid, ancestor, given_ in order:
            origin = None if ancestor == guid else ancestor
            newsroom.send(message(guid, evolved_from=origin, feed_guid=given_))
        results.append({guid: story.thread for guid, story in newsroom.held.items()})
    assert results[0] == results[1]
