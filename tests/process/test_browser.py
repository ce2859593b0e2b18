"""Pages in a real browser: they fit a phone and a desk, run nothing and fetch nothing elsewhere."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Request,
    async_playwright,
)

from tests.support.process import free_ports
from tests.support.served import served
from wirefeed.composition import open_services
from wirefeed.demo import agency
from wirefeed.demo import web as demo
from wirefeed.domain.handovers import KeyTerms, Promise, SignIn
from wirefeed.domain.terms import Terms

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
        paths += [own, f"{own}?lang=ar", f"{own}tr/mine.json", "/api/docs"]
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
    await _fits(page)
    # What the browser says itself of an answer that is an error is no complaint.
    assert [c for c in complaints if "Failed to load resource" not in c] == [], path
    await page.close()


async def _fits(page: Page) -> None:
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wide), (page.url, page.viewport_size)
    assert await page.locator("h1").count() == 1


async def test_a_link_opens_once_without_a_script_and_no_way_back_shows_what_it_gave(
    tmp_path: Path,
):
    settings = agency.settings("127.0.0.1", free_ports(2), tmp_path)
    clock = agency.Clock(START)
    async with open_services(settings, clock) as services:
        await agency.seed(services, clock, START)

        async def link(promise: Promise) -> str:
            issued = await services.handovers.issue(agency.PARTNER, promise)
            return f"{settings.public_url}/h/{issued.secret}"

        story = (await services.publishing.listing(limit=30))[-1]
        own = f"{settings.public_url}/subscriber/{story.language}/stories/{story.id}"
        async with served(services, settings, clock), browser() as chromium:
            for width, locale in ((360, "ar-EG"), (1280, "en-GB")):
                context = await chromium.new_context(
                    viewport={"width": width, "height": 900},
                    locale=locale,
                    java_script_enabled=False,
                )
                for promise in (KeyTerms(), Terms(subscriber=agency.PARTNER, days=1)):
                    await _opens_once(context, await link(promise), settings.public_url)
                page = await context.new_page()
                await page.goto(await link(SignIn()))
                await page.locator("main button").click()
                await page.wait_for_url(f"{settings.public_url}/f/**")
                answer = await page.goto(own)
                assert answer is not None
                assert answer.headers["wirefeed-levels"].startswith("full=1")
                await context.close()


async def _opens_once(context: BrowserContext, link: str, elsewhere: str) -> None:
    page = await context.new_page()
    answer = await page.goto(link)
    assert answer is not None
    assert answer.status == 200
    await _fits(page)
    await page.locator("main button").click()
    await page.locator("main input").first.wait_for()
    await _fits(page)
    given = await page.locator("main input").first.input_value()
    assert len(given) > 40
    assert given not in await page.title()
    assert given not in page.url
    await page.goto(f"{elsewhere}/en/")
    # The browser kept nothing to show, and asks before it sends a form again.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        await page.go_back()
    page = await context.new_page()
    again = await page.goto(link)
    assert again is not None
    assert again.status == 410
    await _fits(page)
    assert given not in await page.content()


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


def _note(asked: list[Request], request: Request) -> None:
    if request.resource_type == "image":
        asked.append(request)


async def test_a_subscribers_page_shows_its_picture_until_its_story_is_killed(tmp_path: Path):
    """Through the redirect, under the page's policy; nobody is told where it was seen."""
    settings = agency.settings("127.0.0.1", free_ports(2), tmp_path)
    clock = agency.Clock(START)
    async with open_services(settings, clock) as services:
        credentials = await agency.seed(services, clock, START)
        story = next(
            one
            for one in await services.publishing.listing(limit=30)
            if one.revision.media and not one.is_killed and not one.superseded
        )
        signing_in = await services.handovers.issue(agency.PARTNER, SignIn())
        async with (
            served(services, settings, clock, demo.routes(credentials)) as site,
            browser() as chromium,
        ):
            context = await chromium.new_context()
            page = await context.new_page()
            asked: list[Request] = []
            page.on("request", lambda request: _note(asked, request))
            await page.goto(f"{settings.public_url}/h/{signing_in.secret}")
            await page.locator("main button").click()
            await page.wait_for_url(f"{settings.public_url}/f/**")
            await page.goto(f"{settings.public_url}/subscriber/{story.language}/stories/{story.id}")
            lead = page.locator("main figure img")
            assert await lead.evaluate("img => img.decode().then(() => img.naturalWidth)") > 100
            link = str(await lead.get_attribute("src"))
            assert link.startswith(f"{settings.public_url}/media/{story.id}/")
            led = [one.url for one in asked if one.redirected_from]
            assert led == [story.revision.media[0].renditions[0].href]
            assert not any(one.headers.get("referer") for one in asked)
            await services.newsdesk.kill(story.guid)
            answer = await page.goto(link)
            assert answer is not None
            assert answer.status == 410
            path = link.removeprefix(settings.public_url)
            assert [status for name, status in site.answers if name == path] == [302, 410]
            await context.close()
