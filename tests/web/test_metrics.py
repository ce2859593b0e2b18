"""`/metrics`: for operators alone, and numbers alone."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from tests.support.agency import Agency
from tests.support.answers import ask, basic
from wirefeed.web.metrics import COUNTERS, METRICS, ROUTES
from wirefeed.web.request import problems
from wirefeed.web.server import Runner

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Read what Prometheus would, by its own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
async def operators(agency: Agency) -> AsyncIterator[aiohttp.ClientSession]:
    """Ask on a listener like that of operators, over the numbers of this agency."""
    app = web.Application(middlewares=[problems])
    app[METRICS] = agency.services.metrics
    app.add_routes(ROUTES)
    runner = Runner(app, drain=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            yield http
    finally:
        await runner.cleanup()


async def scrape(operators: aiohttp.ClientSession) -> Samples:
    async with operators.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return samples(await answer.text())


def answers(area: str, status: int) -> tuple[str, tuple[tuple[str, str], ...]]:
    return "wirefeed_answers_total", (("area", area), ("status", str(status)))


def refused(reason: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return "wirefeed_refused_total", (("reason", reason),)


def gauge(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, (("worker", "0"),)


async def test_the_public_cannot_ask_for_it(agency: Agency):
    answer = await ask(agency, "/metrics")
    assert (answer.status, json.loads(answer.body)["title"]) == (404, "Not Found")


async def test_answers_are_counted_by_what_was_asked_for(agency: Agency, operators):
    await agency.publish("tag:news.example,2026:a")
    await agency.subscriber("gazette", "sport")
    base = await agency.feed_key("gazette")
    told = await ask(agency, "/en/latest.rss")
    await ask(agency, "/en/latest.rss", {"If-None-Match": told.tag})
    await ask(agency, f"{base}/en/latest.rss")
    await ask(agency, "/subscriber/en/latest.rss", basic(base))
    await ask(agency, "/nowhere")
    await ask(agency, "/en//latest.rss")
    found = await scrape(operators)
    for area, status, number in (
        ("public", 200, 1),
        ("public", 304, 1),
        ("public", 404, 2),
        ("private", 200, 1),
        ("subscriber", 200, 1),
        ("api", 201, 1),
    ):
        assert found[answers(area, status)] == number, (area, status)


async def test_refusals_are_counted_by_reason(agency: Agency, operators):
    await agency.subscriber("gazette", "sport")
    token = await agency.token("gazette")
    await ask(agency, "/subscriber/en/latest.rss")
    await ask(agency, "/subscriber/en/latest.rss", {"Authorization": "Bearer x.y.z"})
    await ask(agency, "/api/v1/admin/plans", token)
    await agency.services.accounts.suspend("gazette")
    for _ in range(2):
        await ask(agency, "/subscriber/en/latest.rss", token)
    found = await scrape(operators)
    assert found[refused("no-credential")] == 1
    assert found[refused("unauthenticated")] == 1
    assert found[refused("role")] == 1
    assert found[refused("suspended")] == 2


async def test_it_tells_how_the_process_stands(agency: Agency, operators):
    await agency.publish("tag:news.example,2026:a")
    await ask(agency, "/en/latest.rss")
    found = await scrape(operators)
    head = await agency.services.follower.look()
    assert found[gauge("wirefeed_wire_position")] == head.position > 0
    assert 0 <= found[gauge("wirefeed_wire_lag_seconds")] < 60
    assert found[gauge("wirefeed_publishing_waiting")] == 0
    assert found[gauge("wirefeed_cache_bytes")] > 0


async def test_no_credential_subscriber_or_address_is_in_it(agency: Agency, operators):
    await agency.subscriber("gazette", "sport")
    token = await agency.token("gazette")
    base = await agency.feed_key("gazette")
    secret = base.removeprefix("/f/")
    for path in (f"{base}/en/latest.rss", f"/{secret}", f"/f/{secret}x", f"/api/{secret}"):
        await ask(agency, path)
    await ask(agency, "/subscriber/en/latest.rss", token | {"User-Agent": secret})
    async with operators.get("/metrics") as answer:
        text = await answer.text()
    for word in (secret[8:20], token["Authorization"][-20:], "gazette", "127.0.0", "latest"):
        assert word not in text, word


async def test_a_count_and_a_label_that_are_in_no_table_are_not_told(agency: Agency, operators):
    agency.services.counts.update(
        {("passwords", "hunter2"): 1, ("renders", "item", "hunter2"): 2, ("renders",): 3}
    )
    assert "passwords" not in COUNTERS
    found = await scrape(operators)
    assert found["wirefeed_renders_total", (("what", "item"),)] == 2
    assert found["wirefeed_renders_total", (("what", ""),)] == 3
    assert "hunter2" not in str(found)
    assert "passwords" not in str(found)
