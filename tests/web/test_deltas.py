"""Feeds with no more than what is new (RFC 3229), for who says what it holds."""

import re
from pathlib import Path

import pytest

from tests.support.agency import DAY, HOUR, MINUTE, Agency, running, settings_in
from tests.support.answers import FORMATS, Answer, ask
from wirefeed.config import Feed

DELTA = {"A-IM": "feed"}
GUID = re.compile(r"urn:news:[a-z0-9-]+")


def guids(answer: Answer) -> set[str]:
    return set(GUID.findall(answer.text))


def holding(answer: Answer) -> dict[str, str]:
    return {**DELTA, "If-None-Match": answer.tag}


@pytest.fixture
async def base(agency: Agency) -> str:
    for number in range(3):
        await agency.publish(f"urn:news:old-{number}")
        agency.clock.advance(MINUTE)
    await agency.subscriber("ann", "everything")
    return await agency.feed_key("ann")


@pytest.mark.parametrize("form", FORMATS)
async def test_only_what_is_new_is_given_and_known_by_the_tag_of_the_whole(
    agency: Agency, base, form
):
    for path in (f"/en/latest.{form}", f"{base}/en/latest.{form}"):
        held = await ask(agency, path)
        new = f"urn:news:new-{'a' if path.startswith('/en') else 'b'}"
        await agency.publish(new)
        delta = await ask(agency, path, holding(held))
        assert delta.status == 226
        assert delta.headers["IM"] == "feed"
        assert guids(delta) == {new}
        whole = await ask(agency, path)
        assert delta.tag == whole.tag != held.tag
        assert guids(whole) > guids(delta)
        assert delta.headers["Content-Type"] == whole.headers["Content-Type"]
        # It is of use to nobody else, and of none a second time.
        assert delta.headers["Cache-Control"] == "private, no-store"
        assert "Cache-Status" not in delta.headers
        assert (await ask(agency, path, holding(delta))).status == 304


async def test_a_corrected_and_a_killed_story_are_new(agency: Agency, base):
    path = f"{base}/en/latest.json"
    held = await ask(agency, path)
    await agency.publish("urn:news:old-0", version="2", headline="Corrected")
    await agency.publish("urn:news:old-1", version="2", pubstatus="canceled")
    delta = await ask(agency, path, holding(held))
    assert delta.status == 226
    assert delta.levels == {"urn:news:old-1": "killed", "urn:news:old-0": "full"}
    assert delta.items["urn:news:old-0"]["title"] == "Corrected"


async def test_what_has_become_readable_is_new(agency: Agency):
    await agency.publish("urn:news:first")
    agency.clock.advance(20 * MINUTE)
    await agency.publish("urn:news:second")
    await agency.subscriber("lee", "late")
    path = f"{await agency.feed_key('lee')}/en/latest.json"
    held = await ask(agency, path)
    assert set(held.levels.values()) == {"summary"}
    # The delay of the first is over, that of the second is not.
    agency.clock.advance(15 * MINUTE)
    delta = await ask(agency, path, holding(held))
    assert delta.status == 226
    assert delta.levels == {"urn:news:first": "full"}


async def test_where_nothing_of_what_was_held_is_left_the_whole_is_given(agency: Agency, base):
    path = f"{base}/en/latest.json"
    await agency.services.accounts.suspend("ann")
    held = await ask(agency, path)
    assert set(held.levels.values()) == {"notice", "summary"}
    await agency.services.accounts.suspend("ann", suspended=False)
    whole = await ask(agency, path, holding(held))
    assert whole.status == 200
    assert set(whole.levels.values()) == {"full"}


async def test_whose_tag_is_older_than_the_window_is_given_the_whole(tmp_path: Path):
    async with running(settings_in(tmp_path, feed=Feed(items=3, hours=0))) as agency:
        path = "/en/latest.json"
        for number in range(3):
            await agency.publish(f"urn:news:old-{number}")
        held = await ask(agency, path)
        for number in range(3):
            await agency.publish(f"urn:news:new-{number}")
            answer = await ask(agency, path, holding(held))
            assert len(answer.items) == number + 1
            # With the last one, others may have come and gone between them.
            assert answer.status == (200 if number == 2 else 226)


async def test_whose_tag_is_not_known_is_given_the_whole(agency: Agency, base):
    path = f"{base}/en/latest.rss"
    for tag in ('W/"0123456789abcdef0123456789abcdef"', 'W/"x"', "*"):
        answer = await ask(agency, path, {**DELTA, "If-None-Match": tag})
        assert answer.status == 200
        assert "IM" not in answer.headers


async def test_who_does_not_ask_for_it_or_says_nothing_is_given_the_whole(agency: Agency, base):
    path = f"{base}/en/latest.rss"
    held = await ask(agency, path)
    await agency.publish("urn:news:new")
    for headers in (
        {"If-None-Match": held.tag},
        {"If-None-Match": held.tag, "A-IM": "feed;q=0"},
        {"If-None-Match": held.tag, "A-IM": "vcdiff"},
        DELTA,
    ):
        answer = await ask(agency, path, headers)
        assert answer.status == 200
        assert guids(answer) >= {"urn:news:old-0", "urn:news:new"}


async def test_the_newest_of_several_tags_counts_if_only_one_is_known(agency: Agency, base):
    path = f"{base}/en/latest.json"
    held = await ask(agency, path)
    await agency.publish("urn:news:new")
    tags = f'W/"0123456789abcdef0123456789abcdef", {held.tag}'
    delta = await ask(agency, path, {**DELTA, "If-None-Match": tags})
    assert delta.status == 226
    assert set(delta.items) == {"urn:news:new"}


async def test_a_delta_of_another_feed_or_level_is_never_taken_for_this_one(agency: Agency, base):
    public = await ask(agency, "/en/latest.json")
    agency.clock.advance(HOUR + DAY)
    answer = await ask(agency, f"{base}/en/latest.json", holding(public))
    # Every item differs: what the public holds is no part of it.
    assert answer.status == 200
    assert set(answer.levels.values()) == {"full"}
