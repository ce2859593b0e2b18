"""What a reader is offered on its own page: its feeds, and the topics it may choose from. Pure."""

from collections.abc import Iterable, Iterator

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.feeds import AnyFeed
from wirefeed.domain.readers import Reader
from wirefeed.domain.stories import Feed
from wirefeed.domain.topics import Taxonomy, Topic


def offered(reader: Reader, taxonomy: Taxonomy, language: str) -> Iterator[AnyFeed]:
    """Give the feeds of a language that its subscription covers and its credential opens.

    Everything comes first, then what its reader chose, then the topics as the tree has them.
    """
    if not reader.entitlement.subscribes(language):
        return
    everything = Feed(language=language)
    if reader.reads(everything):
        yield everything
    chosen = reader.mine(language)
    if chosen.topics:
        yield chosen
    for topic in _topics(reader, taxonomy, language):
        yield Feed(language=language, topic=topic.slug)


def choosable(reader: Reader, taxonomy: Taxonomy, languages: Iterable[str]) -> tuple[Topic, ...]:
    """Give the topics that a reader may choose for its feed `mine`: those it is offered at all.

    None while it has nothing: what is public then is not what it chose from before.
    """
    if reader.lapse is not None:
        return ()
    slugs = {topic.slug for language in languages for topic in _topics(reader, taxonomy, language)}
    return tuple(topic for topic in taxonomy if topic.slug in slugs)


def choose(wanted: Iterable[str], topics: Iterable[Topic]) -> frozenset[str]:
    """Check a choice. Raises `Unacceptable` for a topic that is not among those to choose from."""
    chosen = frozenset(wanted)
    if not chosen <= {topic.slug for topic in topics}:
        raise Unacceptable("not all of these topics can be chosen", field="topics")
    return chosen


def _topics(reader: Reader, taxonomy: Taxonomy, language: str) -> Iterator[Topic]:
    restricted = reader.key is not None and reader.key.feeds
    for topic in taxonomy:
        # A topic that is in no list is there for the keys that name it.
        if (
            (topic.listed or restricted)
            and reader.reads(Feed(language=language, topic=topic.slug))
            and reader.entitlement.subscribes(language, taxonomy.broader(topic.slug))
        ):
            yield topic
