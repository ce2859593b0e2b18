"""What a reader is offered on its page, and what it may choose there."""

from dataclasses import replace

import pytest

from tests.domain.strategies import entitled, grant
from wirefeed.domain.access import PUBLIC, Grant, Level
from wirefeed.domain.credentials import FeedKey, Lapse
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.feeds import Selection
from wirefeed.domain.offers import choosable, choose, offered
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.domain.topics import Taxonomy, Topic

OPEN = grant(plan=PUBLIC, level=Level.SUMMARY)
TREE = Taxonomy(
    [
        Topic(slug="economy", names={}),
        Topic(slug="markets", names={}, broader="economy"),
        Topic(slug="sport", names={}),
        Topic(slug="desk", names={}, listed=False),
    ]
)
KEY = FeedKey(id="k", subscriber="ann", name="", tail="", issued=1)


def reader(*grants: Grant, **fields: object) -> Reader:
    key = replace(KEY, **{name: frozenset(value) for name, value in fields.items()})  # type: ignore[call-overload]
    return Reader(entitlement=entitled(OPEN, *grants), key=key)


def named(who: Reader, language: str = "en") -> list[str]:
    """Name the feeds that are offered, as addresses do."""
    return [
        "mine" if isinstance(feed, Selection) else feed.topic or "latest"
        for feed in offered(who, TREE, language)
    ]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (reader(grant()), ["latest", "economy", "markets", "sport"]),
        (reader(grant("sport")), ["latest", "sport"]),
        # What is broader covers what is narrower, and not the other way round.
        (reader(grant("economy")), ["latest", "economy", "markets"]),
        (reader(grant("markets")), ["latest", "markets"]),
        (reader(grant("sport", languages=frozenset({"tr"}))), []),
        # Without a subscription it is what everybody has.
        (reader(), ["latest", "economy", "markets", "sport"]),
        # What was chosen comes after everything.
        (reader(grant(), selection=["sport"]), ["latest", "mine", "economy", "markets", "sport"]),
        # A restricted key: what it opens of what is covered.
        (reader(grant(), feeds=["en/sport", "tr/latest"]), ["sport"]),
        (reader(grant(), feeds=["en/latest"]), ["latest"]),
        (reader(grant("economy"), feeds=["en/sport"]), []),
        # A topic that is in no list is there for the key that names it.
        (reader(grant(), feeds=["en/desk", "en/sport"]), ["sport", "desk"]),
        (reader(grant(), feeds=["en/sport"], selection=["sport", "economy"]), ["mine", "sport"]),
        (reader(grant(), feeds=["en/sport"], selection=["economy"]), ["sport"]),
    ],
)
def test_a_reader_is_offered_what_is_covered_and_opened(who, expected):
    assert named(who) == expected


def test_what_is_chosen_is_merged_as_far_as_the_key_opens_it():
    who = reader(grant(), feeds=["en/sport", "tr/economy"], selection=["sport", "economy"])
    assert who.mine("en") == Selection(language="en", topics=frozenset({"sport"}))
    assert who.mine("tr") == Selection(language="tr", topics=frozenset({"economy"}))
    assert who.mine("ar").topics == frozenset()
    assert Reader(entitlement=entitled()).mine("en").topics == frozenset()


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (reader(grant()), ["economy", "markets", "sport"]),
        (reader(grant("economy")), ["economy", "markets"]),
        # In any of the languages.
        (reader(grant("sport", languages=frozenset({"tr"}))), ["sport"]),
        (reader(grant(), feeds=["tr/sport", "en/markets"]), ["markets", "sport"]),
        (reader(grant(), feeds=["en/latest"]), []),
    ],
)
def test_a_reader_chooses_from_the_topics_it_is_offered(who, expected):
    topics = choosable(who, TREE, ["en", "tr"])
    assert [topic.slug for topic in topics] == expected


def test_who_has_nothing_has_nothing_to_choose_from():
    assert choosable(replace(reader(grant()), lapse=Lapse.ENDED), TREE, ["en"]) == ()


def test_a_choice_is_of_what_there_is_to_choose_from():
    topics = choosable(reader(grant("economy")), TREE, ["en"])
    assert choose([], topics) == frozenset()
    assert choose(["markets", "economy", "markets"], topics) == {"economy", "markets"}
    for wanted in ("sport", "desk", "chess", "", "Economy"):
        with pytest.raises(Unacceptable, match="topics"):
            choose(["economy", wanted], topics)


def test_the_widest_topics_hold_the_stories_of_all():
    assert TREE.widest([]) == frozenset()
    assert TREE.widest(["markets", "economy", "sport"]) == {"economy", "sport"}
    assert TREE.widest(["markets", "sport"]) == {"markets", "sport"}
    # One that there is no longer was chosen when there was.
    assert TREE.widest(["chess", "markets"]) == {"markets"}


def test_a_key_is_for_what_stands_in_a_feed_that_it_opens():
    who = reader(grant(), feeds=["en/sport"])
    sport, economy = Feed(language="en", topic="sport"), Feed(language="en", topic="economy")
    assert who.reads_any([economy, sport])
    assert not who.reads_any([economy, Feed(language="en")])
    assert not who.reads_any([])
