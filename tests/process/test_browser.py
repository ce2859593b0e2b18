"""Pages in a real browser: they fit a phone and a desk, run nothing and fetch nothing elsewhere."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.support.process import free_ports
from tests.support.served import served
from wirefeed.composition import open_services
from wirefeed.demo import agency

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: A closed network makes background requests fail noisily.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: 2026-11-24T09:00:00Z
START = 1_795_510_800 * agency.SECOND

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt install chromium)")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield opened
        finally:
            await opened.close()


async def test_pages_fit_and_keep_to_themselves(tmp_path: Path):
    settings = agency.settings("127.0.0.1", free_ports(2), tmp_path)
    clock = agency.Clock(START)
    async with open_services(settings, clock) as services:
        credentials = await agency.seed(services, clock, START)
        story = (await services.publishing.listing(limit=30))[-1]
        own = credentials.private.removeprefix(settings.public_url)
        paths = [f"/{language}/" for language in settings.site.languages]
        paths += [
            f"/{story.language}/stories/{story.id}",
            "/ar/latest.rss",
            own,
            "/en/none",
            "/api/docs",
        ]
        async with served(services, settings, clock) as site, browser() as chromium:
            for width in (360, 1280):
                for path in paths:
                    await _visit(chromium, site.url, path, width)


async def _visit(chromium: Browser, url: str, path: str, width: int) -> None:
    page = await chromium.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda request: None if request.url.startswith(url) else complaints.append(request.url),
    )
    answer = await page.goto(url + path)
    assert answer is not None
    assert answer.headers["content-type"].startswith("text/html"), path
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wide), (path, width)
    assert await page.locator("h1").count() == 1
    # What the browser says itself of an answer that is an error is no complaint.
    assert [c for c in complaints if "Failed to load resource" not in c] == [], path
    await page.close()
