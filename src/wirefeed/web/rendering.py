"""Making pages of templates: a template is handed views and words, never a story."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web
from markupsafe import Markup

from wirefeed.domain.credentials import SecretKind
from wirefeed.domain.stories import MediaItem
from wirefeed.domain.views import View
from wirefeed.formats import renditions
from wirefeed.services.documents import Format
from wirefeed.services.house import iso
from wirefeed.web.request import HOUSE, PROBLEM_PAGE, SETTINGS, TAXONOMY

_CSP = (
    "default-src 'none'; style-src 'self'; img-src *; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
NO_STORE = "private, no-store"
LANG = r"{lang:[a-z]{2,3}(?:-[a-z0-9]{2,8})?}"
KEY = f"{{key:{SecretKind.FEED.pattern}}}"


def set_up(app: web.Application) -> None:
    """Prepare the templates and the one stylesheet."""

    def when(micros: int, language: str) -> str:
        return app[HOUSE].when(micros, language)

    def day(micros: int, language: str) -> str:
        return app[HOUSE].date(micros, language)

    filters: dict[str, Callable[..., str]] = {"iso": iso, "when": when, "day": day}
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("wirefeed.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        filters=filters,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True}
    app[PROBLEM_PAGE] = problem_page


def problem_page(request: web.Request, status: HTTPStatus, request_id: str) -> web.Response:
    """Tell a person what went wrong; nothing of the request is repeated."""
    house = request.app[HOUSE]
    language = request.path.lstrip("/").partition("/")[0]
    if language not in house.languages:
        language = house.languages[0]
    errors = house.texts(language)["error"]
    known = str(status.value) if str(status.value) in errors else "500"
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and known == "500":
        known = "400"
    return render(
        request,
        "problem.html",
        language,
        {
            "status": status.value,
            "title": errors[known]["title"],
            "detail": errors[known]["text"],
            "request_id": request_id,
        },
        status=status,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


def render(
    request: web.Request,
    template: str,
    language: str,
    context: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    """Make a page of a template; without headers of its own it is not to be kept."""
    words = request.app[HOUSE].texts(language)
    response = aiohttp_jinja2.render_template(
        template,
        request,
        {
            "site": request.app[SETTINGS].site,
            "lang": language,
            "dir": words["direction"],
            "words": words,
            "languages": languages(request, language, "/{}/"),
            **context,
        },
        status=status,
    )
    response.headers[hdrs.CONTENT_SECURITY_POLICY] = _CSP
    response.headers.update(headers or {hdrs.CACHE_CONTROL: NO_STORE})
    return response


def languages(request: web.Request, language: str, href: str) -> list[dict[str, Any]]:
    """List the languages there are, and where a page is in each of them."""
    house = request.app[HOUSE]
    return [
        {
            "code": code,
            "name": house.texts(code)["name"],
            "href": href.format(code),
            "current": code == language,
        }
        for code in house.languages
    ]


def shown(request: web.Request, view: View, language: str) -> dict[str, Any]:
    """Give a template what it shows of a story: the view, and no more."""
    house = request.app[HOUSE]
    names = dict(house.wording(language, request.app[TAXONOMY]).topics)
    return {
        "headline": view.headline,
        "slugline": view.slugline,
        "byline": view.byline,
        "located": view.located,
        "language": view.language or language,
        "level": view.level.value,
        "reason": view.reason.value,
        "status": view.status.value,
        "published": view.published,
        "updated": view.updated,
        "url": house.story_path(view, language),
        "teaser_text": view.teaser.text,
        "teaser_html": Markup(view.teaser.html),  # noqa: S704 - made by the teaser, escaped
        "body": Markup(view.body),  # noqa: S704 - sanitised at ingest
        "correction": view.correction,
        "embargoed_until": view.embargoed_until,
        "ednote": view.ednote,
        "usage_terms": view.usage_terms,
        "copyright_notice": view.copyright_notice,
        "topics": [names[slug] for slug in view.topics if slug in names],
        "picture": _picture(view.media),
    }


def _picture(media: Iterable[MediaItem]) -> dict[str, Any] | None:
    for item in media:
        usable = renditions.usable(item)
        if renditions.is_picture(usable) and usable.renditions:
            chosen = renditions.page_rendition(usable)
            return {
                "href": chosen.href,
                "width": chosen.width,
                "height": chosen.height,
                "alt": usable.alt_text or usable.headline,
                "caption": usable.caption,
                "credit": usable.credit,
            }
    return None


def feeds(stem: str) -> list[dict[str, str]]:
    return [{"format": form.value, "href": f"{stem}.{form}"} for form in Format]


def alternates(title: str, feeds: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """RFC 8288, as feed readers look for them in the head of a page."""
    return [
        {
            "href": feed["href"],
            "type": Format(feed["format"]).media_type.partition(";")[0],
            "title": title,
        }
        for feed in feeds
    ]


def topic_feeds(request: web.Request, language: str, prefix: str) -> list[dict[str, Any]]:
    taxonomy = request.app[TAXONOMY]
    return [
        {
            "name": topic.name(language),
            "slug": topic.slug,
            "depth": taxonomy.depth(topic.slug),
            "feeds": feeds(f"{prefix}/topics/{topic.slug}"),
        }
        for topic in taxonomy
        if topic.listed
    ]
