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
        paths += [f"/{story.language}/stories/{story.id}", "/ar/latest.rss", "/en/none"]
        paths += [own, f"{own}?lang=ar", f"{own}tr/mine.json"]
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
    # Also what is folded away fits.
    await page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wide), (path, width)
    assert await page.locator("h1").count() == 1
    # What the browser says itself of an answer that is an error is no complaint.
    assert [c for c in complaints if "Failed to load resource" not in c] == [], path
    await page.close()


async def test_a_reader_chooses_topics_and_replaces_its_address_without_a_script(tmp_path: Path):
    settings = agency.settings("127.0.0.1", free_ports(2), tmp_path)
    clock = agency.Clock(START)
    async with open_services(settings, clock) as services:
        credentials = await agency.seed(services, clock, START)
        async with served(services, settings, clock) as site, browser() as chromium:
            context = await chromium.new_context(java_script_enabled=False, locale="tr-TR")
            page = await context.new_page()
            sent: list[dict[str, str]] = []
            page.on("request", lambda request: sent.append(request.headers))
            await page.goto(credentials.private)
            await page.get_by_role("checkbox", name="Spor").check()
            await page.get_by_role("button", name="Seçimimi kaydet").click()
            assert await page.get_by_role("checkbox", name="Spor").is_checked()
            assert page.url == f"{credentials.private}#topics"
            mine = page.get_by_role("textbox", name="Konularınız").first
            assert await mine.input_value() == f"{credentials.private}tr/mine.rss"
            await page.get_by_text("Değiştir …").click()
            await page.get_by_role("button", name="Şimdi değiştir").click()
            new = await page.get_by_role("textbox").input_value()
            assert new != credentials.private
            assert new not in page.url
            await page.get_by_role("link", name="Sayfanızı açın").click()
            assert page.url == new
            assert await page.get_by_role("checkbox", name="Spor").is_checked()
            await page.get_by_role("link", name="Ana sayfa").click()
            # The old address says what has become of it, to whoever goes back to it.
            await page.goto(credentials.private)
            assert await page.get_by_role("heading", name="Akış adresiniz değişti").count() == 1
            assert await page.locator("form").count() == 0
            # Of all that was loaded, nothing was told a private address as where it came from.
            assert not [headers for headers in sent if "/f/" in headers.get("referer", "")]
            assert {status for path, status in site.answers if path.startswith("/f/")} == {200, 303}
            await context.close()
