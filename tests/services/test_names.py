"""Names of what is remembered: what may differ has never one name, and what is alike shares one.

Nobody looks at what is found under a name: whoever asks by it is given it.
"""

from collections import Counter
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.domain.strategies import (
    MOMENTS,
    NOW,
    TOPIC_SETS,
    entitlements,
    fallen_due,
    held,
    stories,
)
from tests.support.agency import PUBLIC_URL
from wirefeed.config import Server, Settings, Site
from wirefeed.domain.access import PUBLIC, Access, Level, Reason, decide
from wirefeed.domain.credentials import digest
from wirefeed.domain.feeds import Channel, Item, Notice, Window, Wording
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.stories import Story
from wirefeed.domain.views import published_to
from wirefeed.formats.coding import Coding
from wirefeed.services import documents as documents_
from wirefeed.services import readers
from wirefeed.services.documents import Documents, Format
from wirefeed.services.house import House
from wirefeed.storage import cache
from wirefeed.storage.lru import Lru
from wirefeed.storage.redis_cache import RedisCache
from wirefeed.texts import load_all

SITE = Site(name="Test Agency", languages=("en",))
HOUSE = House(Settings(site=SITE, server=Server(public_url=PUBLIC_URL)), load_all(("en",)))
WORDING = Wording(
    teaser_notice="<p>There is more.</p>",
    killed_notice="Withdrawn.",
    embargo_notice="Not before {time}.",
    story_url=f"{PUBLIC_URL}/en/stories/{{id}}",
    topics=(("sport", "Sport"), ("politics", "Politics")),
)
CHANNEL = Channel(
    id="urn:feed",
    title="Feed",
    description="All of it.",
    language="en",
    home_url=PUBLIC_URL,
    self_url="",
    updated=NOW,
    site="Test Agency",
)
#: All that the cache is asked for: documents and the names of their parts, plain or compressed.
KINDS = ("document", "parts", *(coding.value for coding in Coding if coding is not Coding.IDENTITY))

forms = st.sampled_from(Format)
moments = st.sampled_from(MOMENTS)
#: Words that run into one another wherever nothing keeps them apart.
words = st.text(alphabet="ab", max_size=2)
keys = st.binary(min_size=16, max_size=16)


def documents() -> Documents:
    memory, counts = Lru(1_000_000), Counter[tuple[str, ...]]()
    return Documents(HOUSE, cache.Cache(memory, counts), memory, secret=bytes(32), counts=counts)


def window(*items: Item) -> Window:
    return Window(items=items, changed=NOW, updated=NOW, until=None)


# --- of parts and documents ----------------------------------------------------------------------


def shown(item: Item) -> tuple[object, ...]:
    """Give what was decided of a story, as far as it is shown."""
    access = item.access
    return (
        *(access.level, access.reason, access.media, access.notes, access.early),
        published_to(item.story, access),
        access.topics if access.reason is Reason.KILLED else None,
    )


def changed(story: Story, way: str, topics: frozenset[str], now: int) -> Story:
    """Let happen to a story what is no new version of it."""
    match way:
        case "due":
            return fallen_due(story, now)
        case "filed":
            return replace(story, topics=topics)
        case "threaded":
            return replace(story, thread="another")
        case _:
            return story


@given(
    story=stories,
    way=st.sampled_from(("none", "none", "due", "filed", "threaded")),
    topics=st.sampled_from(TOPIC_SETS),
    who=st.tuples(entitlements, entitlements),
    when=st.tuples(moments, moments),
    form=forms,
)
def test_parts_of_one_name_have_the_same_bytes_and_equal_decisions_share_it(
    story, way, topics, who, when, form
):
    told = (story, changed(story, way, topics, when[1]))
    one, two = (
        Item(story=s, access=decide(s, e, now)) for s, e, now in zip(told, who, when, strict=True)
    )
    assume(Level.HIDDEN not in (one.access.level, two.access.level))
    made = documents()
    names = [made.draft(form, CHANNEL, window(i), (), WORDING).parts for i in (one, two)]
    bodies = [form.module.item(made.view(i), WORDING) for i in (one, two)]

    if names[0] == names[1]:
        assert bodies[0] == bodies[1]
    if told[0] == told[1] and shown(one) == shown(two):
        assert names[0] == names[1]


notices = st.lists(
    st.builds(Notice, guid=words, title=words, html=words, url=words, at=st.integers(0, 1)),
    max_size=2,
).map(tuple)
channels = st.builds(
    Channel,
    id=words,
    title=words,
    description=words,
    language=st.just("en"),
    home_url=words,
    self_url=words,
    updated=st.integers(0, 1),
    site=words,
    rights=words,
)
#: Two stories at two levels, in every order.
POOL = [
    Item(story=held("sport", guid=guid), access=Access(level=level, reason=Reason.GRANTED))
    for guid in ("a", "b")
    for level in (Level.SUMMARY, Level.FULL)
]
windows = st.lists(st.sampled_from(POOL), max_size=3).map(lambda drawn: window(*drawn))
drafted = st.tuples(forms, channels, windows, notices)


@given(one=drafted, other=drafted, alike=st.sets(st.integers(0, 3)))
def test_documents_have_one_name_if_and_only_if_they_are_one(one, other, alike):
    """They differ in what is not alike: mostly in few respects, where names might run together."""
    other = tuple(one[n] if n in alike else other[n] for n in range(4))
    made = documents()
    names = [made.draft(f, c, w, n, WORDING).name for f, c, w, n in (one, other)]

    assert (names[0] == names[1]) is (one == other)


# --- of what is remembered by reader --------------------------------------------------------------


def renamed(held: Entitlement, names: str, days: int | None) -> Entitlement:
    """Give the same rights by plans of other names, with archives of another length."""
    grants = (
        replace(g, plan=g.plan if g.plan == PUBLIC else names + g.plan, archive_days=days)
        for g in held.grants
    )
    return replace(held, grants=frozenset(grants), changed=held.changed + 1)


@given(
    story=stories,
    one=entitlements,
    other=entitlements,
    now=moments,
    days=st.none() | st.integers(1, 9),
)
def test_readers_of_one_sight_see_the_same_and_plans_alike_are_one_sight(
    story, one, other, now, days
):
    like = renamed(one, "the-other-", days)
    assert like.sight is one.sight
    for two in (like, other):
        seen = [replace(decide(story, e, now), grant=None) for e in (one, two)]
        assert one.sight != two.sight or seen[0] == seen[1]


@given(secrets=st.tuples(st.text(), st.text()), key=st.text(alphabet="ab1_"))
def test_credentials_are_remembered_each_by_its_own_name(secrets, key):
    one, two = map(readers._named, secrets)
    assert (one == two) is (secrets[0] == secrets[1])
    # Tokens, feed keys and the public are in one memory.
    assert len({len(one), len(digest(key)), len(readers._PUBLIC)}) == 3


# --- of bytes, in memory and in Redis -------------------------------------------------------------


kinds = st.sampled_from(KINDS)


@given(one=st.tuples(kinds, keys), other=st.tuples(kinds, keys), same=st.booleans(), part=keys)
def test_bytes_are_held_each_by_its_own_name(one, other, same, part):
    other = (other[0], one[1]) if same else other
    names = [cache._name(*named) for named in (one, other)]

    assert (names[0] == names[1]) is (one == other)
    # Parts are in the same memory, by names without a kind.
    assert part not in names
    assert all(len(name) > len(part) for name in names)


spaces = st.sampled_from(("one agency", "another"))
places = st.tuples(spaces, st.sampled_from(("value", "turn")), kinds, keys)


def place(space: str, what: str, kind: str, key: bytes) -> str:
    shared = RedisCache("redis://x", space=space, secret=bytes(32), seconds=1, counts=Counter())
    name = shared._value_name if what == "value" else shared._turn_name
    return name(kind, key)


@given(one=places, other=places, alike=st.sets(st.integers(0, 3)))
def test_in_redis_all_that_is_held_has_its_own_place(one, other, alike):
    other = tuple(one[n] if n in alike else other[n] for n in range(4))

    assert (place(*one) == place(*other)) is (one == other)


def test_the_cache_is_asked_for_no_other_kinds():
    """What was shown here of kinds holds for those that there are."""
    assert {documents_._BODY, documents_._PARTS, *Coding} - {"identity"} == set(KINDS)
    assert not any(":" in kind for kind in KINDS)
