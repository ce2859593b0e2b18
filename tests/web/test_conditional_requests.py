"""Validators: who holds the newest bytes is told so, and nobody else ever is."""

import secrets
import time
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime

import pytest

from tests.support.agency import DAY, HOUR, MINUTE, SECOND, Agency, running, settings_in
from tests.support.answers import FORMATS, Answer, ask, look
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.plans import Plan, Subscription

PUBLIC = "/en/latest.rss"


async def settle(agency: Agency) -> None:
    """Let so much time pass that a date alone says what was seen."""
    agency.clock.advance(10 * SECOND)


async def ask_with_tag(agency: Agency, path: str, tag: str) -> Answer:
    return await ask(agency, path, {"If-None-Match": tag})


async def ask_since(agency: Agency, path: str, date: str) -> Answer:
    return await ask(agency, path, {"If-Modified-Since": date})


def http_date(micros: int) -> str:
    return formatdate(micros // SECOND, usegmt=True)


async def a_feed(agency: Agency, level: str) -> tuple[str, dict[str, str]]:
    """Give an address of the same feed for each way of asking."""
    await agency.publish("urn:news:sport")
    if level == "public":
        return PUBLIC, {}
    await agency.subscriber("ann", "sport")
    await settle(agency)
    if level == "private":
        return f"{await agency.feed_key('ann')}/en/latest.rss", {}
    return "/subscriber/en/latest.rss", await agency.token("ann")


@pytest.mark.parametrize("level", ["public", "private", "subscriber"])
async def test_validators_are_the_same_on_200_304_and_head(agency: Agency, level):
    path, credential = await a_feed(agency, level)
    full = await ask(agency, path, credential)
    held = await ask(agency, path, {**credential, "If-None-Match": full.tag})
    head = await ask(agency, path, credential, method="HEAD")
    unchanged_head = await ask(
        agency, path, {**credential, "If-None-Match": full.tag}, method="HEAD"
    )
    assert full.tag.startswith('W/"')
    assert full.tag.endswith('"')
    assert [a.status for a in (full, held, head, unchanged_head)] == [200, 304, 200, 304]
    for answer in (held, head, unchanged_head):
        assert answer.body == b""
    # RFC 9110 §15.4.5: a 304 carries what a 200 would have, but for what describes a body.
    described = {"Content-Type", "Content-Length", "Content-Encoding"}
    expected = {name: value for name, value in full.kept.items() if name not in described}
    assert held.kept == expected
    assert unchanged_head.kept == expected
    assert head.kept == full.kept


@pytest.mark.parametrize(
    "header",
    [
        "{tag}",
        '"{opaque}"',
        'W/"{opaque}-gzip"',
        '"{opaque}-gzip"',
        'W/"{opaque}-br"',
        'W/"x", {tag}',
        '{tag}, W/"x"',
        '"a,b",{tag}',
    ],
)
async def test_a_held_tag_is_compared_weakly_whatever_a_proxy_made_of_it(agency: Agency, header):
    await agency.publish("urn:news:sport")
    tag = (await ask(agency, PUBLIC)).tag
    sent = header.format(tag=tag, opaque=tag[3:-1])
    assert (await ask_with_tag(agency, PUBLIC, sent)).status == 304


@pytest.mark.parametrize(
    "header",
    ["*", "", "{opaque}", 'W/"{opaque}x"', 'W/"{upper}"', 'W/"{opaque}-zip"', '"', 'W/""'],
)
async def test_no_other_tag_is_held(agency: Agency, header):
    await agency.publish("urn:news:sport")
    tag = (await ask(agency, PUBLIC)).tag
    sent = header.format(tag=tag, opaque=tag[3:-1], upper=tag[3:-1].upper())
    assert (await ask_with_tag(agency, PUBLIC, sent)).status == 200


async def test_a_tag_of_another_level_format_or_address_is_not_held(agency: Agency):
    await agency.publish("urn:news:sport")
    await agency.subscriber("ann", "sport")
    key, token = await agency.feed_key("ann"), await agency.token("ann")
    asked = {
        **{f"/en/latest.{form}": {} for form in FORMATS},
        "/en/topics/sport.rss": {},
        "/en/topics/politics.rss": {},
        "/tr/latest.rss": {},
        **{f"{key}/en/latest.{form}": {} for form in FORMATS},
        **{f"/subscriber/en/latest.{form}": token for form in FORMATS},
    }
    tags = {path: (await ask(agency, path, headers)).tag for path, headers in asked.items()}
    assert len(set(tags.values())) == len(tags)
    for path, headers in asked.items():
        others = ", ".join(tag for other, tag in tags.items() if other != path)
        assert (await ask(agency, path, {**headers, "If-None-Match": others})).status == 200


@pytest.mark.parametrize("condition", ["star", "tag", "date"])
async def test_after_a_lapse_no_condition_keeps_the_full_text(agency: Agency, condition):
    path, _ = await a_feed(agency, "private")
    full = await ask(agency, path)
    agency.clock.advance(HOUR)
    await agency.services.accounts.change_subscriber("ann", lambda s: replace(s, suspended=True))
    headers = {
        "star": {"If-None-Match": "*"},
        "tag": {"If-None-Match": full.tag},
        "date": {"If-Modified-Since": full.headers["Last-Modified"]},
    }[condition]
    for _ in range(3):
        answer = await ask(agency, path, headers)
        assert answer.status == 200
        assert "Paragraph 7" not in answer.text
        agency.clock.advance(SECOND)


async def test_if_modified_since_counts_only_without_a_tag(agency: Agency):
    await agency.publish("urn:news:sport")
    await settle(agency)
    answer = await ask(agency, PUBLIC)
    modified = answer.headers["Last-Modified"]
    both = {"If-None-Match": 'W/"other"', "If-Modified-Since": modified}
    assert (await ask(agency, PUBLIC, both)).status == 200
    both = {"If-None-Match": answer.tag, "If-Modified-Since": http_date(0)}
    assert (await ask(agency, PUBLIC, both)).status == 304


@pytest.mark.parametrize(
    ("offset", "status"),
    [(0, 304), (1, 304), (DAY // SECOND, 304), (-1, 200), (-DAY // SECOND, 200)],
)
async def test_a_date_is_held_from_the_last_change_on(agency: Agency, offset, status):
    await agency.publish("urn:news:sport")
    await settle(agency)
    modified = parsedate_to_datetime((await ask(agency, PUBLIC)).headers["Last-Modified"])
    sent = formatdate(modified.timestamp() + offset, usegmt=True)
    answer = await ask_since(agency, PUBLIC, sent)
    assert answer.status == status
    assert (answer.body == b"") is (status == 304)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "0",
        "Sun, 99 Foo 2026 12:00:00 GMT",
        "Sun, 01 Mar 99999 12:00:00 GMT",
        "Sun, 01 Mar 2026 12:00:00 +9999999999",
        "\u00e9",
        "Mon, 01 Jan 0000 00:00:00 GMT",
    ],
)
async def test_a_malformed_date_is_ignored(agency: Agency, date):
    await agency.publish("urn:news:sport")
    await settle(agency)
    assert (await ask_since(agency, PUBLIC, date)).status == 200


async def test_the_obsolete_form_of_a_date_is_in_utc_wherever_the_server_stands(
    agency: Agency, monkeypatch
):
    await agency.publish("urn:news:sport")
    await settle(agency)
    modified = parsedate_to_datetime((await ask(agency, PUBLIC)).headers["Last-Modified"])
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        # RFC 9110 §5.6.7: "Sun Nov  6 08:49:37 1994" is obsolete, and must be accepted.
        before = time.asctime(time.gmtime(modified.timestamp() - 60))
        same = time.asctime(time.gmtime(modified.timestamp()))
        assert (await ask_since(agency, PUBLIC, before)).status == 200
        assert (await ask_since(agency, PUBLIC, same)).status == 304
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_second_change_within_the_second_is_seen_by_date_alone(agency: Agency):
    await agency.publish("urn:news:0")
    agency.clock.now = agency.clock.now // SECOND * SECOND
    dates: list[str] = []
    for n in range(1, 4):
        await agency.publish(f"urn:news:{n}")
        # `publish` moves on by a second; here all of it happens within one.
        agency.clock.advance(SECOND // 5 - SECOND)
        if dates:
            assert (await ask_since(agency, PUBLIC, dates[-1])).status == 200
        dates.append((await ask(agency, PUBLIC)).headers["Last-Modified"])
    await settle(agency)
    for date in dates:
        assert (await ask_since(agency, PUBLIC, date)).status == 200
    last = (await ask(agency, PUBLIC)).headers["Last-Modified"]
    assert (await ask_since(agency, PUBLIC, last)).status == 304


# --- Last-Modified never goes back ---------------------------------------------------------------


async def story_withheld(agency: Agency) -> None:
    await agency.publish("urn:news:2", version="2", pubstatus="withheld")


async def story_killed(agency: Agency) -> None:
    await agency.publish("urn:news:2", version="3", pubstatus="canceled")


async def story_moved_out_of_sight(agency: Agency) -> None:
    await agency.publish("urn:news:2", "economy", version="2")


async def story_replaced_out_of_sight(agency: Agency) -> None:
    await agency.publish("urn:news:3", "economy", evolvedfrom="urn:news:2")


async def story_put_under_embargo(agency: Agency) -> None:
    await agency.publish("urn:news:2", version="2", embargoed="2026-06-01T00:00:00Z")


async def rights_ended(agency: Agency) -> None:
    agency.clock.advance(2 * HOUR)


async def public_plan_changed(agency: Agency) -> None:
    sport = frozenset({"politics"})
    await agency.services.plans.put(
        Plan(name="public", grants=(Grant(plan="public", topics=sport),))
    )


async def own_plan_changed(agency: Agency) -> None:
    grant = Grant(plan="sport", topics=frozenset({"politics"}), level=Level.FULL)
    await agency.services.plans.put(Plan(name="sport", grants=(grant,)))


async def own_plan_taken(agency: Agency) -> None:
    await agency.services.accounts.change_subscriber("ann", lambda s: replace(s, subscriptions=()))


async def suspended(agency: Agency) -> None:
    await agency.services.accounts.change_subscriber("ann", lambda s: replace(s, suspended=True))


async def resumed(agency: Agency) -> None:
    await agency.services.accounts.change_subscriber("ann", lambda s: replace(s, suspended=False))


async def ended(agency: Agency) -> None:
    """End it as of an hour ago."""
    agency.clock.advance(DAY)
    past = Subscription(plan="sport", starts=0, ends=agency.clock.now - HOUR)
    await agency.services.accounts.change_subscriber(
        "ann", lambda s: replace(s, subscriptions=(past,))
    )


async def key_revoked(agency: Agency) -> None:
    for key in await agency.services.feed_keys.all("ann"):
        await agency.services.feed_keys.revoke(key.id)


@pytest.mark.parametrize(
    "changes",
    [
        [story_withheld],
        [story_killed],
        [story_moved_out_of_sight],
        [story_replaced_out_of_sight],
        [story_put_under_embargo],
        [rights_ended],
        [public_plan_changed],
        [own_plan_changed],
        [own_plan_taken],
        [suspended],
        [key_revoked],
        [ended],
        [suspended, resumed],
        [ended, suspended, resumed],
        [suspended, ended, resumed, key_revoked],
        [story_withheld, suspended, resumed, story_killed],
    ],
    ids=lambda changes: "-".join(change.__name__ for change in changes),
)
async def test_last_modified_never_goes_back_and_moves_with_the_bytes(agency: Agency, changes):
    await agency.publish("urn:news:1", "politics")
    ends = {"expires": "2026-03-01T13:00:00Z"} if rights_ended in changes else {}
    await agency.publish("urn:news:2", **ends)
    await agency.subscriber("ann", "sport")
    agency.clock.advance(MINUTE)
    paths = [PUBLIC, f"{await agency.feed_key('ann')}/en/latest.rss"]
    before = {path: await ask(agency, path) for path in paths}
    assert b"urn:news:2" in before[PUBLIC].body
    for change in changes:
        agency.clock.advance(MINUTE)
        await change(agency)
        await settle(agency)
        for path in paths:
            held = before[path]
            # Who has only the date learns of every change of the bytes.
            answer = await ask_since(agency, path, held.headers["Last-Modified"])
            now = await ask(agency, path)
            assert answer.status == 304 or answer.body == now.body
            assert answer.status == 200 or now.tag == held.tag
            dates = [parsedate_to_datetime(a.headers["Last-Modified"]) for a in (held, now)]
            assert dates[0] <= dates[1]
            before[path] = now


# --- determinism ---------------------------------------------------------------------------------


async def test_the_same_stories_under_the_same_master_key_give_the_same_bytes_and_tags(tmp_path):
    paths = [f"/en/{tail}.{form}" for tail in ("latest", "topics/sport") for form in FORMATS]
    seen = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        settings = settings_in(tmp_path / folder)
        if folder == "two":
            (tmp_path / "two/master.key").write_bytes((tmp_path / "one/master.key").read_bytes())
        async with running(settings) as agency:
            await agency.publish("urn:news:1", "politics")
            await agency.publish("urn:news:2", subject=[{"code": "medtop:15000000"}] * 2)
            if folder == "two":
                # What has no part in a document leaves no mark on it.
                await agency.subscriber("ann", "sport")
                assert await look(agency, f"{await agency.feed_key('ann')}/en/latest.json")
            await agency.publish("urn:news:3", version="7", pubstatus="usable")
            await agency.publish("urn:news:1", "politics", version="2", pubstatus="canceled")
            seen.append([(a.body, a.tag) for a in [await ask(agency, path) for path in paths]])
    assert seen[0] == seen[1]


async def test_another_master_key_gives_other_tags_and_the_same_bytes(tmp_path):
    seen = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "master.key").write_bytes(secrets.token_bytes(32))
        async with running(settings_in(tmp_path / folder)) as agency:
            await agency.publish("urn:news:1")
            seen.append(await ask(agency, PUBLIC))
    assert seen[0].body == seen[1].body
    assert seen[0].tag != seen[1].tag


async def test_a_restart_changes_no_byte_and_no_validator(tmp_path):
    settings = settings_in(tmp_path)
    async with running(settings) as agency:
        await agency.publish("urn:news:1")
        await agency.publish("urn:news:1", version="2", pubstatus="canceled")
        await agency.subscriber("ann", "sport")
        base = await agency.feed_key("ann")
        clock = agency.clock
        await settle(agency)
        paths = [f"{prefix}/en/latest.{form}" for prefix in ("", base) for form in FORMATS]
        before = [await ask(agency, path) for path in paths]
    async with running(settings, clock) as agency:
        for path, held in zip(paths, before, strict=True):
            again = await ask(agency, path)
            assert again.body == held.body
            assert again.kept == held.kept
            assert (await ask_with_tag(agency, path, held.tag)).status == 304


async def test_a_plan_change_that_gives_more_is_seen_by_tag_and_by_date(agency: Agency):
    path, _ = await a_feed(agency, "private")
    held = await ask(agency, path)
    await agency.publish("urn:news:economy", "economy")
    everything = Grant(plan="sport", topics=frozenset({ALL}), level=Level.FULL)
    await agency.services.plans.put(Plan(name="sport", grants=(everything,)))
    for headers in (
        {"If-None-Match": held.tag},
        {"If-Modified-Since": held.headers["Last-Modified"]},
    ):
        answer = await ask(agency, path, headers)
        assert answer.status == 200
        assert b"urn:news:economy" in answer.body


async def test_nothing_is_rendered_for_one_who_holds_it(agency: Agency):
    await agency.publish("urn:news:one")
    held = await ask(agency, "/en/latest.rss")
    async with running(agency.settings, agency.clock) as other:
        # Another process, which has rendered nothing yet.
        answer = await ask(other, "/en/latest.rss", {"If-None-Match": held.tag})
        assert answer.status == 304
        assert answer.kept == {
            name: value
            for name, value in held.kept.items()
            if name not in {"Content-Type", "Content-Length", "Content-Encoding"}
        }
        assert other.services.counts["renders", "document"] == 0
        assert (await ask(other, "/en/latest.rss")).body == held.body
        assert other.services.counts["renders", "document"] == 1
