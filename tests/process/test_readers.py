"""Every feed in real readers: they find no fault, agree on what is in it, and are told 304."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.formats.reading import Read
from tests.process.conftest import Tell
from tests.support.agency import START, Clock, settings_in
from tests.support.process import free_ports
from tests.support.readers import (
    FORMATS,
    agreed,
    as_reader_has,
    by_reader,
    subscribed,
    unchanged,
)
from tests.support.served import Served, served
from wirefeed.composition import Services, open_services
from wirefeed.config import Server
from wirefeed.demo import agency as demo
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.formats import ninjs
from wirefeed.services.publishing import Message

SAMPLES = Path(__file__).parents[1] / "data" / "ninjs"
#: 2026-11-24T09:00:00Z
DEMO_START = 1_795_510_800_000_000


@dataclass(frozen=True, slots=True)
class Feeds:
    """An agency's feeds, as addresses without their format."""

    served: Served
    public: Sequence[str]
    #: The same at the private address of a reader whose plan covers everything.
    full: Sequence[str]


def feeds_of(services: Services, made: Served, private: str) -> Feeds:
    tails = [
        f"{language}/{tail}"
        for language in services.settings.site.languages
        for tail in ("latest", *(f"topics/{topic.slug}" for topic in services.taxonomy))
    ]
    return Feeds(made, [f"{made.url}/{t}" for t in tails], [f"{private}{t}" for t in tails])


@asynccontextmanager
async def the_demo(folder: Path) -> AsyncIterator[Feeds]:
    settings = demo.settings("127.0.0.1", free_ports(), folder)
    clock = demo.Clock(DEMO_START)
    async with open_services(settings, clock) as services:
        credentials = await demo.seed(services, clock, DEMO_START)
        for event in demo.script():
            if event.at_seconds:
                await demo.send(services, event.story, DEMO_START + event.at_seconds * 1_000_000)
        clock.hold(DEMO_START + 120_000_000)
        await services.publishing.announce_due()
        async with served(services, settings, clock) as made:
            yield feeds_of(services, made, credentials.private)


@asynccontextmanager
async def an_import(folder: Path) -> AsyncIterator[Feeds]:
    port = free_ports()
    url = f"http://127.0.0.1:{port}"
    settings = settings_in(folder, server=Server(port=port, public_url=url))
    clock = Clock(START)
    async with open_services(settings, clock) as services:
        samples = sorted(p for p in SAMPLES.glob("*.json") if ".expected." not in p.name)
        assert samples
        messages = [Message(raw=p.read_bytes(), name=p.name) for p in samples]
        messages += [Message(raw=json.dumps(story).encode()) for story in hard_cases()]
        receipts = await services.publishing.accept_all(
            [Message(raw=m.raw, name=m.name, revision=ninjs.parse(m.raw)) for m in messages], "test"
        )
        assert not [r.error for r in receipts if r.error]
        clock.advance(60_000_000)
        subscription = Subscription(plan="everything", starts=0)
        await services.accounts.add_subscriber(Subscriber(id="all", subscriptions=(subscription,)))
        key = (await services.feed_keys.issue("all")).secret
        async with served(services, settings, clock) as made:
            yield feeds_of(services, made, f"{url}/f/{key}/")


def hard_cases() -> list[dict[str, object]]:
    """Stories with what trips readers up: markup in plain text, control characters, no author."""
    texts = {
        "markup": (
            "AT&T <T.N> rises, 5 < 6 & 7 > 6",
            "<p>5 &lt; 6 &amp;&amp; <em>7 &gt; 6</em></p>",
        ),
        "cdata": ("]]> and <![CDATA[", "<p>]]&gt; and &lt;![CDATA[ in a text</p>"),
        "controls": ("A\u000bB\u0000C\ufffeD", "<p>A\u0008B\u001fC</p>"),
        "emoji": ("Goal ⚽️ 👨‍👩‍👧", "<p>👩🏽‍🚀 says \U0001f30d</p>"),
        "turkish": ("İSTANBUL'da ılık IŞIK", "<p>İğneada’dan ılıman bir gün</p>"),
        "table": ("Results", "<table><tr><td>1</td><td>2</td></tr></table><p>After it.</p>"),
        "long": ("Long", "<p>" + "word " * 5000 + "</p>"),
        "space": ("  Many\n\n  spaces ", "<pre>a\n  b\n    c</pre><p> x </p>"),
        "bare": ("Headline alone", ""),
    }
    return [
        {
            "uri": f"tag:news.example,2026:{name}",
            "version": "1",
            "versioncreated": f"2026-03-01T11:{number:02}:00.123Z",
            "pubstatus": "usable",
            "language": ("en", "tr", "ar")[number % 3],
            "headline": headline,
            "subject": [{"code": "medtop:15000000"}],
            **({"body_html": body} if body else {}),
            **({} if number % 2 else {"byline": "By Ayşe “Ace” O'Neil & Sons"}),
        }
        for number, (name, (headline, body)) in enumerate(texts.items())
    ]


@pytest.mark.parametrize("opened", [the_demo, an_import])
async def test_every_feed_is_read_alike_by_every_reader_and_again_with_304(
    opened, tmp_path: Path, tell: Tell
):
    async with opened(tmp_path) as feeds:
        items = await asyncio.to_thread(read_all, feeds, tmp_path)
        tell(f"readers: {opened.__name__}: {items}")


def read_all(feeds: Feeds, folder: Path) -> str:
    stems = [*feeds.public, *feeds.full]
    read = {stem: agreed(stem) for stem in stems}
    for stem in stems:
        unchanged(stem)
    check_portion(feeds, read)
    addresses = [f"{stem}.{form}" for stem in stems for form in FORMATS]
    reader = subscribed(folder, addresses)
    try:
        for stem in stems:
            wanted = as_reader_has(read[stem])
            for form in FORMATS:
                assert by_reader(reader, f"{stem}.{form}") == wanted, f"{stem}.{form}"
        feeds.served.answers.clear()
        # At once, whatever `Cache-Control` allows it.
        reader.update_feeds(scheduled=False)
        assert {status for _, status in feeds.served.answers} == {304}
        assert len(feeds.served.answers) == len(addresses)
    finally:
        reader.close()
    return f"{len(addresses)} feeds, {sum(map(len, read.values()))} items, read alike by all"


def check_portion(feeds: Feeds, read: dict[str, list[Read]]) -> None:
    """The public has fewer stories, and less of each; an id is the same at every level."""
    shorter = 0
    for public, full in zip(feeds.public, feeds.full, strict=True):
        whole = {item.id: item for item in read[full]}
        for item in read[public]:
            assert item.id in whole
            assert (item.link, item.published) == (whole[item.id].link, whole[item.id].published)
            shorter += len(item.shown) < len(whole[item.id].shown)
    assert shorter
    assert sum(len(read[s]) for s in feeds.public) < sum(len(read[s]) for s in feeds.full)
