"""Archives: what a page is called, where it is cut, how far the chain of them leads back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import DAY, HOUR, MINUTE, NOW, grant, held
from wirefeed.domain.access import Access, Level, Reason
from wirefeed.domain.archives import (
    Cuts,
    Cutting,
    Page,
    above_of,
    bound_of,
    closed,
    day_of,
    has_end,
    is_tag,
    links,
    oldest_day,
    page_at,
    reached,
    reaching,
)
from wirefeed.domain.feeds import Bound, Item, Trail, Window
from wirefeed.domain.stories import Story

KEY = bytes(range(32))
#: 2026-03-01
TODAY = day_of(NOW)
#: No change marks the end of a page: they end by their size, and with the day.
UNMARKED = Cuts(length=2**31)
#: Each does.
MARKED = Cuts(length=1)
SHOWN = Access(level=Level.FULL, reason=Reason.GRANTED)


def at(age: int, guid: str = "s", *, position: int = 0) -> Story:
    """Give a story last changed this long before NOW."""
    return replace(held(guid=guid), changed=NOW - age, position=position or -age)


def run(*ages: int) -> list[Story]:
    """Give stories of these ages, the newest first, named by their place."""
    return [at(age, str(n), position=1000 - n) for n, age in enumerate(ages)]


def items(stories: list[Story]) -> tuple[Item, ...]:
    return tuple(Item(story=story, access=SHOWN) for story in stories)


def cut(stories: list[Story], cuts: Cuts, day: int = TODAY) -> tuple[list[str], Bound | None]:
    cutting = Cutting(cuts, day)
    for item in items(stories):
        if not cutting.offer(item):
            break
    return [item.story.guid for item in cutting.items], cutting.older


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (Page(day=TODAY), "2026-03-01"),
        (Page(day=0), "1970-01-01"),
        (Page(day=TODAY, at=NOW, tag="0123456789"), "2026-03-01-120000000000-0123456789"),
        (Page(day=TODAY, at=TODAY * DAY, tag="ff"), "2026-03-01-000000000000-ff"),
        (Page(day=TODAY, at=NOW + 1, tag="ff"), "2026-03-01-120000000001-ff"),
    ],
)
def test_a_page_is_called_by_its_day_or_by_the_time_of_its_first_change(page, name):
    assert str(page) == name
    assert Page.read(name) == page


@pytest.mark.parametrize(
    "name",
    ["2026-02-30", "2026-13-01", "2026-03-01-250000000000-ff", "2026-03-01-126100000000-ff"],
)
def test_a_day_or_a_time_that_there_is_not_names_no_page(name):
    assert Page.read(name) is None


@given(at=st.integers(0, 4_000_000_000_000_000), guid=st.text())
def test_every_bound_has_an_address_that_reads_back(at, guid):
    page = page_at(Bound(day=day_of(at), at=at, guid=guid), KEY)
    assert Page.read(str(page)) == page
    assert is_tag(page.tag, at, guid, KEY)
    assert not is_tag(page.tag, at + 1, guid, KEY)
    assert not is_tag(page.tag, at, f"{guid}x", KEY)
    assert not is_tag(page.tag, at, guid, bytes(32))


def test_links_name_what_is_there_and_only_a_page_names_its_feed():
    every = links(Trail(page="p", older="o", newer="n"), "https://x.example/en/latest", "rss")
    assert {link.rel: link.href for link in every} == {
        "current": "https://x.example/en/latest.rss",
        "prev-archive": "https://x.example/en/latest/archive/o.rss",
        "next-archive": "https://x.example/en/latest/archive/n.rss",
    }
    assert [link.rel for link in links(Trail(older="o"), "latest", "rss")] == ["prev-archive"]
    assert links(Trail(), "latest", "rss") == ()


# --- where pages are cut --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("older", "newer", "cuts", "lies"),
    [
        (HOUR, 0, UNMARKED, False),
        (HOUR, 0, MARKED, True),
        # Noon: the day before ended twelve hours ago.
        (12 * HOUR, 0, UNMARKED, False),
        (12 * HOUR + 1, 0, UNMARKED, True),
        (12 * HOUR + 1, 12 * HOUR, UNMARKED, True),
        # Of one time, only size parts them.
        (HOUR, HOUR, MARKED, False),
    ],
)
def test_a_page_ends_with_the_day_or_where_a_change_is_marked(older, newer, cuts, lies):
    assert cuts.lies(at(older), at(newer)) is lies


def test_one_change_in_so_many_is_marked():
    stories = [at(MINUTE * n, str(n)) for n in range(1, 700)]
    marked = sum(Cuts(length=10).lies(story, at(0)) for story in stories)
    assert 40 < marked < 110


@pytest.mark.parametrize(
    ("older", "newer", "bound"),
    [
        (at(2 * DAY), at(0), Bound(day=TODAY - 2)),
        (at(HOUR), at(0), Bound(day=TODAY, at=NOW - HOUR)),
        (at(HOUR, "a"), at(HOUR, "b"), Bound(day=TODAY, at=NOW - HOUR, guid="a")),
    ],
)
def test_a_page_is_named_no_closer_than_is_needed(older, newer, bound):
    assert bound_of(older, newer) == bound


@pytest.mark.parametrize(
    ("ages", "cuts", "length", "older"),
    [
        ([], UNMARKED, 0, None),
        ([0, HOUR], UNMARKED, 2, None),
        ([0, HOUR], MARKED, 1, Bound(day=TODAY, at=NOW - HOUR)),
        ([0, DAY], UNMARKED, 1, Bound(day=TODAY - 1)),
        # All of its day have left it.
        ([DAY], UNMARKED, 0, Bound(day=TODAY - 1)),
        ([*[0] * 4, HOUR], Cuts(length=1), 4, Bound(day=TODAY, at=NOW - HOUR)),
        ([*[0] * 5], Cuts(length=1), 4, Bound(day=TODAY, at=NOW, guid="4")),
    ],
)
def test_a_page_holds_what_is_of_its_day_up_to_the_next_cut(ages, cuts, length, older):
    assert cut(run(*ages), cuts) == ([str(n) for n in range(length)], older)


@pytest.mark.parametrize(
    ("first", "above", "cuts", "bound"),
    [
        # The nearest cut, be it among what the window shows.
        (DAY, [HOUR, 0], UNMARKED, Bound(day=TODAY - 1)),
        (DAY, [DAY - 1, HOUR, 0], UNMARKED, Bound(day=TODAY - 1)),
        (HOUR, [MINUTE, 0], MARKED, Bound(day=TODAY, at=NOW - HOUR)),
        # There is none: just behind the window, then.
        (HOUR, [MINUTE, 0], UNMARKED, Bound(day=TODAY, at=NOW - HOUR)),
        (0, [0, 0], MARKED, Bound(day=TODAY, at=NOW, guid="first")),
        (HOUR, [], MARKED, Bound(day=TODAY, at=NOW - HOUR, guid="first")),
    ],
)
def test_a_window_leads_to_the_nearest_cut_above_what_it_leaves_out(first, above, cuts, bound):
    stories = [at(age, str(n)) for n, age in enumerate(above)]
    assert cuts.behind(at(first, "first"), stories) == bound


def test_a_document_cut_short_goes_on_where_it_ended():
    stories = run(0, HOUR, 2 * HOUR, DAY)
    older = Bound(day=TODAY - 9)
    window = Window(items=items(stories), changed=0, updated=0, until=None, older=older, reached=4)

    def behind(shown: int, **options: bool) -> Bound | None:
        return UNMARKED.behind_part(window, shown, **{"is_page": False} | options)

    assert behind(4) == older
    assert behind(3) == Bound(day=TODAY - 1)
    assert behind(2) == behind(2, is_page=True) == Bound(day=TODAY, at=NOW - 2 * HOUR)
    # A window may go back to a cut that it shows itself; a page would lead to itself for ever.
    window = replace(window, items=items(run(0, DAY, DAY + 1, DAY + 2)))
    assert behind(3) == Bound(day=TODAY - 1)
    assert behind(3, is_page=True) == Bound(day=TODAY - 1, at=NOW - DAY - 2)
    # What is in no archive leads nowhere.
    window = replace(window, reached=1)
    assert behind(1) == older


@given(st.lists(st.integers(0, 4 * DAY), max_size=4), st.integers(1, 4), st.booleans())
def test_kills_of_what_a_caller_has_lost_lead_it_nowhere_else(ages, shown, is_page):
    own = Window(items=items(run(0, HOUR, DAY, 2 * DAY)), changed=0, updated=0, until=None)
    own = replace(own, reached=3)
    lost = items(sorted((at(age, f"lost {age}") for age in set(ages)), key=lambda s: -s.position))
    window = replace(own, items=(*lost, *own.items), lost=len(lost))
    leads = MARKED.behind_part(window, len(lost) + shown, is_page=is_page)
    assert leads == MARKED.behind_part(own, shown, is_page=is_page)


def test_what_stands_above_a_story_is_told_from_the_nearest_on():
    stories = run(0, HOUR, 2 * HOUR)
    assert above_of(stories[2], items(stories)) == [stories[1], stories[0]]
    assert above_of(stories[0], items(stories)) == []


@given(
    ages=st.lists(st.integers(0, 30), max_size=30).map(sorted),
    leaving=st.sets(st.integers(0, 29)),
    length=st.integers(1, 4),
    shown=st.integers(1, 5),
)
def test_pages_hold_everything_once_also_when_stories_leave_under_the_walk(
    ages, leaving, length, shown
):
    """Whoever has read a page finds on the next what was below it, whatever has left since."""
    cuts, stories = Cuts(length=length), run(*(age * 2 * HOUR for age in ages))
    if len(stories) <= shown:
        return
    bound: Bound | None = cuts.behind(stories[shown], stories[shown - 1 :: -1])
    read: list[str] = []
    while bound is not None:
        below = [story for story in stories if _is_within(story, bound)]
        page, older = cut(below, cuts, bound.day)
        assert len(page) <= cuts.most
        assert older != bound
        read += page
        # Half of them leave when the walk is half done.
        if len(read) >= len(stories) // 2 and leaving:
            stories = [s for s in stories if int(s.guid) not in leaving or s.guid in read]
            leaving = set()
        bound = older
    assert len(read) == len(set(read))
    assert {s.guid for s in stories[shown:]} <= set(read) | {str(n) for n in range(shown)}


def _is_within(story: Story, bound: Bound) -> bool:
    """Say whether a story stands at a bound or below."""
    if bound.at is None:
        return day_of(story.changed) <= bound.day
    if story.changed != bound.at or not bound.guid:
        return story.changed <= bound.at
    return int(story.guid) >= int(bound.guid)


# --- how far they reach ---------------------------------------------------------------------------

ENDLESS = grant(plan="endless")
WEEK = grant(plan="week", archive_days=7)
NONE = grant(plan="none", archive_days=0)


@pytest.mark.parametrize(
    ("days", "age", "reaches"),
    [
        (None, 0, True),
        (None, 9000, True),
        (7, 0, True),
        (7, 7, True),
        (7, 8, False),
        # Not even what the window of a busy day has no room for.
        (0, 0, False),
        (0, 1, False),
        # Nothing that could mean anything: closed.
        (-1, 0, False),
    ],
)
def test_an_archive_reaches_so_many_days_back(days, age, reaches):
    one = grant(archive_days=days)
    assert reaching({one}, TODAY - age, TODAY) == (frozenset({one}) if reaches else frozenset())


@pytest.mark.parametrize(
    ("grants", "oldest", "ends"),
    [
        ({ENDLESS, WEEK}, None, True),
        ({ENDLESS, NONE}, None, False),
        ({WEEK, NONE}, TODAY - 7, True),
        ({NONE}, TODAY + 1, False),
        (set(), TODAY + 1, False),
    ],
)
def test_the_longest_archive_says_where_the_chain_ends(grants, oldest, ends):
    assert oldest_day(grants, TODAY) == oldest
    assert has_end(grants) is ends


@pytest.mark.parametrize(("age", "expected"), [(7, 0), (8, TODAY * DAY), (10, (TODAY - 2) * DAY)])
def test_a_day_leaves_an_archive_at_midnight(age, expected):
    assert closed({WEEK, ENDLESS, NONE}, TODAY - age, TODAY) == expected


def test_items_are_counted_as_far_as_the_archive_holds_their_days():
    found = items(run(0, 7 * DAY, 8 * DAY))
    assert [reached(found, {g}, TODAY) for g in (ENDLESS, WEEK, NONE)] == [3, 2, 0]
