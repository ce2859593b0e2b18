"""Names of what is remembered: what may differ has never one name, and what is alike shares one.

Nobody looks at what is found under a name: whoever asks by it is given it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import (
    DAY,
    NOW,
    PICTURE,
    TOPIC_SETS,
    any_of,
    entitlements,
    fallen_due,
    grants,
    moments,
    stories,
    then,
)
from tests.domain.strategies import held as held_story
from tests.support.agency import PUBLIC_URL
from wirefeed.config import Server, Settings, Site
from wirefeed.domain.access import PUBLIC, Access, Grant, Level, Reason, decide
from wirefeed.domain.credentials import digest
from wirefeed.domain.feeds import Channel, Item, Notice, Window, Wording
from wirefeed.domain.plans import Entitlement
from wirefeed.domain.stories import PubStatus, Story
from wirefeed.domain.views import published_to, thread_to
from wirefeed.formats.coding import Coding
from wirefeed.services import documents as documents_
from wirefeed.services import readers
from wirefeed.services.compressing import Compressor
from wirefeed.services.documents import Documents, Format
from wirefeed.services.house import House
from wirefeed.storage import cache
from wirefeed.storage.lru import Lru
from wirefeed.storage.redis_cache import RedisCache
from wirefeed.texts import load_all

SITE = Site(name="Test Agency", languages=("en",))
HOUSE = House(
    Settings(site=SITE, server=Server(public_url=PUBLIC_URL)), load_all(("en",)), bytes(32)
)
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
#: Words that run into one another wherever nothing keeps them apart.
words = st.text(alphabet="ab", max_size=2)
keys = st.binary(min_size=16, max_size=16)


def documents() -> Documents:
    memory, counts = Lru(1_000_000), Counter[tuple[str, ...]]()
    return Documents(
        HOUSE,
        cache.Cache(memory, counts),
        memory,
        Compressor(),
        secret=bytes(32),
        counts=counts,
    )


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
        thread_to(item.story, access),
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


#: Decisions, whether or not they would be taken: all that may be shown in some way.
decisions = any_of(
    level=(Level.SUMMARY, Level.FULL),
    reason=(Reason.PUBLIC, Reason.GRANTED, Reason.DELAYED),
    media=(False, True),
    notes=(False, True),
    early=(False, True),
    topics=TOPIC_SETS,
    published=(None, NOW - DAY),
    thread=(None, "ours"),
    until=(None, NOW),
    since=(None, NOW),
)


@given(
    story=stories,
    way=st.sampled_from(("none", "none", "due", "filed", "threaded")),
    topics=st.sampled_from(TOPIC_SETS),
    one=decisions,
    other=decisions,
    differ=st.sets(
        st.sampled_from(
            (
                *("level", "reason", "media", "notes", "early", "topics", "published", "thread"),
                *("until", "since"),
            )
        ),
        max_size=2,
    ),
    now=moments,
    form=forms,
)
def test_parts_of_one_name_have_the_same_bytes_and_equal_decisions_share_it(
    story, way, topics, one, other, differ, now, form
):
    """Decided alike but in a few respects, so that one of them alone makes the difference."""
    killed = {"reason": Reason.KILLED, "level": Level.SUMMARY} if story.is_killed else {}
    pair = [
        Item(story=told, access=Access(**{**access, **killed}))
        for told, access in (
            (story, one),
            (changed(story, way, topics, now), one | {name: other[name] for name in differ}),
        )
    ]
    made = documents()
    names = [made.draft(form, CHANNEL, window(item), (), WORDING).parts for item in pair]

    if names[0] == names[1]:
        bodies = [form.module.item(made.view(item), WORDING) for item in pair]
        assert bodies[0] == bodies[1]
    if pair[0].story == pair[1].story and shown(pair[0]) == shown(pair[1]):
        assert names[0] == names[1]


PICTURE_TEXT = '<p>It opened.</p><p><img src="/p.jpg">It is long.</p>'
#: With all that may be shown or not, under embargo and after it; and its end.
WHOLE = held_story(
    "sport", "politics", body=PICTURE_TEXT, media=(PICTURE,), ednote="For editors.", summary="A."
)
OTHER = held_story("sport", "politics", guid="t", body=PICTURE_TEXT, summary="A.")
NEXT = then(WHOLE, now=NOW, headline="It opens")
EMBARGOED = held_story("sport", body=PICTURE_TEXT, embargoed_until=NOW + DAY)
KILLED = then(WHOLE, now=NOW, status=PubStatus.CANCELED)
FULL = Access(level=Level.FULL, reason=Reason.GRANTED)
SUMMARY = replace(FULL, level=Level.SUMMARY)
DEAD = replace(SUMMARY, reason=Reason.KILLED, topics=frozenset({"sport"}))


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((WHOLE, FULL), (WHOLE, SUMMARY)),
        ((WHOLE, FULL), (WHOLE, replace(FULL, media=True))),
        ((WHOLE, FULL), (WHOLE, replace(FULL, notes=True))),
        ((WHOLE, FULL), (WHOLE, replace(FULL, published=NOW - DAY))),
        ((WHOLE, FULL), (replace(WHOLE, updated=NOW + DAY), FULL)),
        ((WHOLE, FULL), (replace(WHOLE, thread="another"), FULL)),
        ((WHOLE, FULL), (WHOLE, replace(FULL, thread="ours"))),
        ((WHOLE, FULL), (replace(WHOLE, topics=frozenset({"sport"})), FULL)),
        ((WHOLE, FULL), (replace(OTHER, thread=WHOLE.thread), FULL)),
        ((WHOLE, FULL), (replace(NEXT, updated=WHOLE.updated), FULL)),
        ((EMBARGOED, FULL), (EMBARGOED, replace(FULL, early=True))),
        ((KILLED, DEAD), (KILLED, replace(DEAD, topics=frozenset({"politics"})))),
    ],
)
def test_whatever_shapes_the_bytes_of_a_part_is_in_its_name(one, other, form):
    pair = [Item(story=story, access=access) for story, access in (one, other)]
    made = documents()
    names = {made.draft(form, CHANNEL, window(item), (), WORDING).parts for item in pair}
    bodies = {form.module.item(made.view(item), WORDING) for item in pair}

    assert (len(names), len(bodies)) == (2, 2)


nested = st.recursive(
    st.text(alphabet="ab", max_size=2) | st.binary(max_size=2) | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=2).map(tuple),
    max_leaves=5,
)


@given(one=st.lists(nested, max_size=3), other=st.lists(nested, max_size=3))
def test_what_is_named_is_kept_apart_whatever_it_contains(one, other):
    made = documents()
    assert (made._digest(*one) == made._digest(*other)) is (one == other)
    # The same values as one part, and as several.
    assert made._digest(*one, tuple(one)) != made._digest(*one, *one)


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
    Item(story=held_story("sport", guid=guid), access=Access(level=level, reason=Reason.GRANTED))
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


def renamed(held: Entitlement, names: str) -> Entitlement:
    """Give the same rights by plans of other names."""
    grants = (replace(g, plan=g.plan if g.plan == PUBLIC else names + g.plan) for g in held.grants)
    return replace(held, grants=frozenset(grants), changed=held.changed + 1)


@given(held=entitlements, names=st.sampled_from(("x-", "y-")))
def test_plans_that_decide_alike_are_one_sight(held, names):
    assert renamed(held, names).sight is held.sight


@given(
    story=stories,
    one=entitlements,
    given_=grants,
    differ=st.sets(st.sampled_from([f.name for f in fields(Grant)]), max_size=2),
    now=moments,
)
def test_readers_of_one_sight_see_the_same(story, one, given_, differ, now):
    """The second has the grants of the first but for what differs in one of them."""
    held = sorted(one.grants, key=repr)
    changed_ = [replace(g, **{name: getattr(given_, name) for name in differ}) for g in held[:1]]
    two = replace(one, grants=frozenset([*changed_, *held[1:]]))

    seen = [replace(decide(story, who, now), grant=None) for who in (one, two)]
    assert one.sight != two.sight or seen[0] == seen[1]


GRANT = Grant(plan="gold", topics=frozenset({"sport"}), level=Level.FULL)
#: For each field of a grant, what makes a difference to somebody who asks for a story.
DIFFER: Mapping[str, tuple[tuple[Story, Grant], Any]] = {
    "plan": ((WHOLE, replace(GRANT, level=Level.SUMMARY)), PUBLIC),
    "topics": ((WHOLE, GRANT), frozenset({"economy"})),
    "languages": ((WHOLE, GRANT), frozenset({"tr"})),
    "excepted": ((WHOLE, GRANT), frozenset({"politics"})),
    "level": ((WHOLE, GRANT), Level.SUMMARY),
    "delay": ((WHOLE, GRANT), 2 * DAY),
    "media": ((WHOLE, GRANT), True),
    "early": ((EMBARGOED, GRANT), True),
    "notes": ((WHOLE, GRANT), True),
}


@pytest.mark.parametrize("name", DIFFER)
def test_whatever_makes_a_difference_to_a_reader_is_another_sight(name):
    (story, one), value = DIFFER[name]
    pair = [Entitlement(grants=frozenset({g})) for g in (one, replace(one, **{name: value}))]
    first, second = (replace(decide(story, who, NOW), grant=None) for who in pair)

    assert first != second
    assert pair[0].sight != pair[1].sight


def test_how_far_an_archive_reaches_is_another_sight():
    """No story is decided by it; where a feed goes on behind its window is."""
    one, other = (Entitlement(grants=frozenset({replace(GRANT, archive_days=n)})) for n in (1, 2))
    assert one.sight != other.sight


def test_all_of_a_grant_was_looked_at():
    assert {field.name for field in fields(Grant)} - DIFFER.keys() == {"archive_days"}


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
