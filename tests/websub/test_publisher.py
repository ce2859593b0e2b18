"""A publisher's duties: hub and address of each feed are found by every way WebSub has."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from lxml import etree, html

from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from tests.support.callbacks import Subscriber, subscriber
from tests.support.certificates import certificate
from tests.support.hub import ask, subscribe
from wirefeed.config import HubSettings, OutboundSettings

HUB = f"{PUBLIC_URL}/hub"
LINK = re.compile(r'<([^>]*)>; rel="([^"]*)"')
ATOM = {"atom": "http://www.w3.org/2005/Atom"}
IN_XML = {"rss": "/rss/channel/atom:link", "atom": "/atom:feed/atom:link"}


async def found(agency: Agency, path: str, **headers: str) -> tuple[list[str], list[str], bytes]:
    """Give the hubs and the own addresses that the headers name, and the body."""
    async with agency.http.get(path, headers=headers) as answer:
        assert answer.status == 200
        links = LINK.findall(", ".join(answer.headers.getall("Link")))
        body = await answer.read()
    return *([url for url, rel in links if rel == wanted] for wanted in ("hub", "self")), body  # type: ignore[return-value]


def in_body(form: str, body: bytes) -> list[str]:
    if form == "json":
        hubs = re.findall(rb'"hubs":\[\{"type":"WebSub","url":"([^"]*)"\}\]', body)
        return [url.decode() for url in hubs]
    links = etree.fromstring(body).xpath(IN_XML[form], namespaces=ATOM)
    assert isinstance(links, list)
    return [str(link.get("href")) for link in links if link.get("rel") == "hub"]  # type: ignore[union-attr]


@pytest.mark.parametrize("form", ["rss", "atom", "json"])
@pytest.mark.parametrize("tail", ["en/latest", "tr/topics/sport"])
async def test_p1_to_p5_each_feed_names_its_hub_and_one_address(
    agency: Agency, form: str, tail: str
):
    subscriber_id = await agency.subscriber("gazette", "sport")
    key, token = await agency.feed_key(subscriber_id), await agency.token(subscriber_id)
    for path, headers in (
        (f"/{tail}.{form}", {}),
        (f"/subscriber/{tail}.{form}", token),
        (f"{key}/{tail}.{form}", {}),
    ):
        hubs, own, body = await found(agency, path, **headers)
        assert hubs == [HUB]
        assert own == [f"{PUBLIC_URL}{path}"]
        assert in_body(form, body) == [HUB]
        # S-45: no address with a key is in a body.
        assert key.removeprefix("/f/").encode() not in body


async def test_p4_the_page_of_a_feed_names_them_in_its_head(agency: Agency):
    path = "/en/latest.rss"
    async with agency.http.get(path, headers={"Sec-Fetch-Dest": "document"}) as answer:
        head = html.fromstring(await answer.text()).find("head")

    assert head is not None
    links = {str(link.get("rel")): link.get("href") for link in head.findall("link")}
    assert (links["hub"], links["self"]) == (HUB, f"{PUBLIC_URL}{path}")


# --- another hub ---------------------------------------------------------------------------------


@pytest.fixture
async def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subscriber]:
    """Run a hub elsewhere."""
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with subscriber("/", tls=context) as one:
        yield one


@pytest.fixture
async def pinging(tmp_path: Path, other: Subscriber) -> AsyncIterator[Agency]:
    settings = settings_in(
        tmp_path,
        outbound=OutboundSettings(private_networks=True),
        hub=HubSettings(url=other.url),
    )
    async with running(settings) as agency:
        yield agency


async def test_another_hub_is_named_by_public_feeds_alone(pinging: Agency, other: Subscriber):
    subscriber_id = await pinging.subscriber("gazette", "sport")
    key, token = await pinging.feed_key(subscriber_id), await pinging.token(subscriber_id)

    public, _, body = await found(pinging, "/en/latest.rss")
    assert public == in_body("rss", body) == [other.url]
    for path, headers in ((f"{key}/en/latest.rss", {}), ("/subscriber/en/latest.rss", token)):
        hubs, _, body = await found(pinging, path, **headers)
        assert hubs == in_body("rss", body) == [HUB]


async def test_p6_another_hub_is_told_of_public_changes_and_of_no_others(
    pinging: Agency, other: Subscriber
):
    # What the public may not see says nothing, either.
    await pinging.publish("urn:hidden", "economy")
    await pinging.publish("urn:one", "sport")

    (ping,) = await other.deliveries(1)
    form = parse_qsl(ping.body.decode())
    urls = {url for name, url in form if name == "hub.url"}
    assert ("hub.mode", "publish") in form
    assert urls == {
        f"{PUBLIC_URL}/en/{feed}.{form}"
        for feed in ("latest", "topics/sport")
        for form in ("rss", "atom", "json")
    }
    assert urls == {url for name, url in form if name == "hub.topic"}


async def test_a_ping_that_failed_is_sent_again(pinging: Agency, other: Subscriber):
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=503)

    other.on_delivery = fail
    await pinging.publish("urn:one")
    async with asyncio.timeout(10):
        # Else the wait would begin after the clock was moved.
        while not pinging.services.counts["deliveries", "ping", "status"]:
            await pinging.services.follower.look()
    other.on_delivery = None
    pinging.clock.advance(120_000_000)

    first, second = await other.deliveries(2)
    assert first.body == second.body


async def test_our_own_hub_serves_private_feeds_also_beside_another(
    pinging: Agency, callback: Subscriber
):
    key = await pinging.feed_key(await pinging.subscriber("gazette", "sport"))
    topic = f"{PUBLIC_URL}{key}/en/latest.atom"
    await subscribe(pinging, callback, topic)

    await pinging.publish("urn:one")

    (sent,) = await callback.deliveries(1)
    assert LINK.findall(sent.headers["Link"]) == [(HUB, "hub"), (topic, "self")]
    # The hub serves its own feeds, and no others.
    assert (await ask(pinging, callback.url, "https://other.example/feed"))[0] == 422
