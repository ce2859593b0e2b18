"""The words of a ninjs object: which of its headlines, descriptions and bodies is the one. Pure.

ninjs 1.x has a property for each (`body_html`), 2.x and 3.x have lists with roles. The roles are
the newsrooms' own, so those of the IPTC's examples are known here, and others are passed over.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from wirefeed.formats import markup
from wirefeed.formats.ninjs_fields import MOST, Fields

SUMMARY = ("summary", "abstract", "standfirst", "lead", "ingress", "teaser")
CAPTION = ("caption",)
_MAIN = ("main", "full", "body")
#: Roles that say no more than what the text is.
_PLAIN = ("", "text", "html", "html5", "xhtml", "richhtml5", *_MAIN)
_HTML_ROLES = frozenset({"html", "html5", "xhtml", "richhtml5"})
_HTML_TYPES = frozenset({"text/html", "text/html5", "text/xhtml", "application/xhtml+xml"})
_LOOKS_LIKE_HTML = re.compile(
    r"(?i)<(?:p|br|div|h[1-6]|ul|ol|table|body|html|article|section)[ >/]"
)


class _Form(Enum):
    TEXT = auto()
    HTML = auto()
    #: NITF and other formats that are neither.
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One headline, description or body."""

    role: str
    form: _Form
    value: str

    def html(self) -> str:
        if self.form is _Form.HTML:
            return markup.clean(self.value)
        return markup.paragraphs(self.value)

    def text(self) -> str:
        return markup.words(self.value) if self.form is _Form.HTML else markup.text(self.value)


def headline(fields: Fields) -> str:
    """Give the headline, as plain text; empty when there is none."""
    if single := fields.text("headline"):
        return single
    said = list(_listed(fields, "headlines"))
    main = _first(said, _MAIN) or _first(said, _PLAIN) or next(iter(said), None)
    text = main.text() if main else ""
    if len(text) > markup.LONGEST_TEXT:
        fields.refuse("headlines", markup.TOO_LONG, "shorten it")
    return text


def body(fields: Fields) -> str:
    """Give the best body as clean HTML: one sent as HTML, else as text; empty without any."""
    said = list(_all(fields, "bodies", "body"))
    readable = [s for s in said if s.form is not _Form.OTHER and s.role not in SUMMARY + CAPTION]
    for one in sorted(readable, key=lambda s: (s.form is not _Form.HTML, s.role not in _MAIN)):
        html = one.html()
        if not markup.is_blank(html):
            return html
    if said and not readable:
        fields.refuse("bodies", "holds no body that can be read", "send text/html or text/plain")
    return ""


def summary(fields: Fields) -> str:
    """Give the summary as clean HTML; empty when there is none."""
    said = list(_all(fields, "descriptions", "description"))
    one = _first(said, SUMMARY) or _first(said, _PLAIN) or _first(said, CAPTION)
    html = one.html() if one else ""
    return "" if markup.is_blank(html) else html


def described(fields: Fields, roles: tuple[str, ...]) -> str:
    """Give the description of one of these roles as plain text; a caption needs no role."""
    said = list(_all(fields, "descriptions", "description"))
    one = _first(said, roles)
    if one is None and roles is CAPTION:
        one = _first(said, _PLAIN) or _first(said, SUMMARY)
    return one.text() if one else ""


def _first(said: Iterable[_Said], roles: tuple[str, ...]) -> _Said | None:
    """Give the first in one of these roles, HTML before text."""
    of_role = [s for s in said if s.role in roles and s.form is not _Form.OTHER]
    return min(of_role, key=lambda s: s.form is not _Form.HTML, default=None)


def _all(fields: Fields, several: str, single: str) -> Iterator[_Said]:
    yield from _listed(fields, several)
    for name, form in (("html", _Form.HTML), ("xhtml", _Form.HTML), ("text", _Form.TEXT)):
        if value := fields.raw(f"{single}_{name}"):
            yield _Said(role="", form=form, value=value)


def _listed(fields: Fields, name: str) -> Iterator[_Said]:
    for item in fields.objects(name, most=MOST):
        if (value := item.raw("value")).strip():
            role = item.raw("role").strip().lower()
            yield _Said(role=role, form=_form(item, role, value), value=value)


def _form(item: Fields, role: str, value: str) -> _Form:
    media_type = item.raw("mimetype").partition(";")[0].strip().lower()
    if media_type in _HTML_TYPES:
        return _Form.HTML
    if media_type:
        return _Form.TEXT if media_type == "text/plain" else _Form.OTHER
    if role in _HTML_ROLES:
        return _Form.HTML
    # "For a simple body use an array with one object only containing the value property."
    return _Form.HTML if role != "text" and _LOOKS_LIKE_HTML.search(value) else _Form.TEXT
