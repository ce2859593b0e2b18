"""Markup: makes a newsroom's HTML safe, once, at ingest; makes HTML of text and text of HTML.

Pure. What `clean` gives is safe to show, needs no step but XML escaping in a feed, and
cleaning it again changes nothing.
"""

import re
from collections.abc import Callable
from functools import partial
from html import escape, unescape
from typing import Final

import nh3

from wirefeed.domain.teaser import plain

#: The edition of the sanitiser. A change to what `clean` gives is a new one.
EDITION: Final = 1
#: No headline, byline or note is longer.
LONGEST_TEXT: Final = 10_000
TOO_LONG: Final = f"is longer than {LONGEST_TEXT} characters"

#: XML 1.0 §2.2: what no document may hold, whatever the escaping. A regular expression, because
#: `str.translate` looks every character of a Turkish or Arabic story up in a dictionary.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_TAGS = _names(
    "a abbr article aside b bdi bdo blockquote br caption cite code col colgroup dd del div dl dt"
    " em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins li ol p pre q rp rt ruby s section span"
    " strike strong sub sup table tbody td tfoot th thead time tr u ul"
)
#: Dropped with all they hold: never the words of a story.
_DROPPED = _names(
    "applet audio button canvas datalist iframe math noembed noframes noscript object plaintext"
    " script select style svg template textarea title video xmp"
)
_ATTRIBUTES = {
    # What `hidden` and its kin say is kept until what they hide has been dropped.
    "*": {"aria-hidden", "class", "dir", "hidden", "lang", "style"},
    "a": {"href", "hreflang", "title"},
    "abbr": {"title"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"datetime"},
    "img": {"alt", "height", "src", "width"},
    "ins": {"datetime"},
    "li": {"value"},
    "ol": {"start"},
    "q": {"cite"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
_NUMBERS = _names("colspan height rowspan span start value width")
_NUMBER = re.compile("[0-9]{1,5}")
_LANGUAGE = re.compile("[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,5}")
_VEIL = re.compile("(?i)hidden|style")
_CSS_NOISE = re.compile(r"(?s)/\*.*?(?:\*/|\Z)|\s+")
#: A backslash may spell any letter, and nobody needs one here.
_CONCEALS = re.compile(r"(?i)display:none|visibility:(?:hidden|collapse)|\\")
#: RFC 3986 §4.3, of these schemes alone. A browser reads a backslash as a slash.
_URL = re.compile(r"(?i)https?://[^\s\x00-\x20\x7f/?#\\][^\x00-\x20\x7f\\]*")
_MAILTO = re.compile(r"(?i)mailto:[^\x00-\x20\x7f\\]+")
_LONGEST_URL = 2_048

_WS = r"[\t\n\f\r ]"
_ANY_DROPPED = "|".join(sorted(_DROPPED))
#: Comments and dropped elements, as the parser would drop them. Gone beforehand, so that what is
#: left can be measured; the cleaner drops what a trick leaves standing.
_GONE = re.compile(
    r"(?is)<!--(?:-?>|.*?(?:--!?>|\Z))"
    rf"|<({_ANY_DROPPED})(?={_WS}|[/>])[^<>]*(?:(?<=/)>|>.*?(?:</\1{_WS}*>|\Z))"
)
#: A tag that every parser reads alike: no quote, `<` or slash where it could be read two ways.
_VALUE = rf"""{_WS}*+={_WS}*+(?:"[^"<]*+"|'[^'<]*+'|[^\t\n\f\r "'<>=`]++)"""
_ATTRIBUTE = rf"""{_WS}++[^\t\n\f\r "'<>/=]++(?:{_VALUE})?+"""
_MARKUP = re.compile(
    rf"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]*+)(?P<attributes>(?:{_ATTRIBUTE})*+){_WS}*+/?>"
    r"|<(?:!(?!--)|\?|/(?![a-zA-Z]))[^<>]*+>"
    r"|(?P<odd><[a-zA-Z/!?])"
)
#: What most copy is made of, from its beginning on: paragraphs of nothing but text.
_PLAIN_PARAGRAPHS = re.compile("[^<]*+(?:<p>[^<]*+</p>[^<]*+)*+")
_SEPARATOR = re.compile(r"""[\t\n\f\r "'/]""")
_VOID = _names("area base br col embed hr img input link meta param source track wbr")
#: A second one ends the first (HTML 13.1.2.4).
_ENDS_ITSELF = _names("dd dt li option p td th tr")

#: How deep a story's elements may stand in each other,
_DEEPEST = 200
#: and how many elements a parser may have to make: an unclosed <b> is made again in every block
#: after it (HTML 13.2.4.3), so kilobytes can become millions.
_MOST_WORK = 100_000
#: Comparing a tag's attributes for repetition is quadratic; so many pairs are one element's work.
_PAIRS = 2_048
#: So few characters and tags cannot cost too much, whatever they are.
#: Character references of a text; more than any story needs.
_REFERENCES = 5_000
_SHORT, _FEW = 20_000, 100

_BLOCK_TAG = re.compile(
    r"(?i)</?(?:address|article|aside|blockquote|body|caption|center|dd|details|div|dl|dt|fieldset"
    r"|figcaption|figure|footer|form|h[1-6]|header|hr|html|li|main|nav|ol|p|pre|section|table|tbody"
    r"|td|tfoot|th|thead|tr|ul)(?![a-zA-Z0-9:-])[^<>]*>"
)
_LINE_BREAK = re.compile(r"(?i)<br(?![a-zA-Z0-9:-])[^<>]*>")
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
#: No character has a number this long, and Python refuses to read one of thousands of digits.
_NO_CHARACTER = re.compile("&#[xX]?[0-9a-fA-F]{9,};?")

_FIRST_HEADING = re.compile("<(/?)h1(?=[ >])")
#: A parser drops one at each reading (HTML 13.2.6.4.7).
_LINE_AFTER_PRE = re.compile("(<pre(?: [^>]*)?>)\n+")
#: A tag as the cleaner writes it; an attribute's value may hold `<` and `>`, and no quotes.
_CLEANED_TAG = re.compile(r'<(?P<end>/?)(?P<name>[a-z0-9]+)(?P<attributes>(?: [a-z-]+="[^"]*")*)>')
_HIDDEN = re.compile(' (?:hidden=""|aria-hidden="true"|style="display:none")')
#: One of these is in whatever `_HIDDEN` finds.
_HIDING = 'hidden="', "display:none"
_IMAGE_OF_NOTHING = re.compile("<img(?![^>]* src=)[^>]*>")


def web_address(value: str, *, mail: bool = False) -> str | None:
    """Give an absolute http or https URL (with `mail`, or mailto) as it may stand; else None."""
    url = value.strip("\t\n\f\r ").replace(" ", "%20")
    if len(url) > _LONGEST_URL:
        return None
    if _URL.fullmatch(url) or (mail and _MAILTO.fullmatch(url)):
        return url
    return None


def _kept(pattern: re.Pattern[str], value: str) -> str | None:
    return value if pattern.fullmatch(value) else None


def _direction(value: str) -> str | None:
    return value.lower() if value.lower() in {"ltr", "rtl", "auto"} else None


#: What an attribute may say; those not named here may say anything.
_VALUES: dict[str, Callable[[str], str | None]] = {
    **dict.fromkeys(("src", "cite"), web_address),
    "href": partial(web_address, mail=True),
    "dir": _direction,
    "lang": partial(_kept, _LANGUAGE),
    "hreflang": partial(_kept, _LANGUAGE),
    # The one class that means something: what begins here is not for everybody.
    "class": lambda value: "paywall" if "paywall" in value.split() else None,
    "style": lambda value: "display:none" if _CONCEALS.search(_CSS_NOISE.sub("", value)) else None,
    "hidden": lambda _: "",
    "aria-hidden": lambda value: "true" if value.strip().lower() == "true" else None,
    **dict.fromkeys(_NUMBERS, partial(_kept, _NUMBER)),
}


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """Give an attribute's value as it may stand; None drops it."""
    allowed = _VALUES.get(name)
    return value if allowed is None else allowed(value)


_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_DROPPED),
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    # What a link's page may know of the reader is the showing page's to say.
    link_rel=None,
)


def clean(html: str, *, rounds: int = 5) -> str:
    """Give the safe part of a newsroom's HTML, a whole document or a piece of one.

    It is cleaned until cleaning changes nothing; three rounds do for all that was tried.
    What has not settled after `rounds`, and markup that would cost more to read than a story
    can need, becomes plain paragraphs.
    """
    for _ in range(rounds):
        bare = _GONE.sub("", _FORBIDDEN.sub("", html))
        if _costs_too_much(bare):
            break
        cleaned = _sanitised(bare)
        if cleaned == html:
            return html
        html = cleaned
    # Where something may be hidden, only what a teaser would read: it may not be all there is.
    return paragraphs(plain(html).replace("\n", "\n\n") if _VEIL.search(html) else _words(html))


def is_blank(html: str) -> bool:
    """Say whether clean HTML shows nothing: neither words nor a picture."""
    return "<img" not in html and not _ANY_TAG.sub("", html).strip()


def text(value: str) -> str:
    """Give plain text on one line. It is never HTML: `<` is a character like any other."""
    return " ".join(_FORBIDDEN.sub("", value).split())


def words(html: str) -> str:
    """Give the words of any HTML on one line, as plain text."""
    return text(_words(clean(html)))


def paragraphs(plain_text: str) -> str:
    """Give plain text as HTML: blank lines part paragraphs, other line ends break lines."""
    lines = _FORBIDDEN.sub("", plain_text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        f"<p>{'<br>'.join(escape(line.strip(), quote=False) for line in part.split(chr(10)))}</p>"
        for part in _PARAGRAPH_BREAK.split(lines.strip())
        if part.strip()
    )


def _sanitised(html: str) -> str:
    # A reference like `&#11;` is a forbidden character only once it has been read.
    safe = (
        _FORBIDDEN.sub("", _shown(_CLEANER.clean(html))).replace("\r\n", "\n").replace("\r", "\n")
    )
    # The page a story stands on has its own first heading: the story's headline.
    safe = _FIRST_HEADING.sub(r"<\1h2", safe.replace("&nbsp;", "\xa0"))
    return _LINE_AFTER_PRE.sub(r"\1", _IMAGE_OF_NOTHING.sub("", safe)).strip()


def _shown(html: str) -> str:
    """Drop what is hidden, with all it holds: feed readers know nothing of `hidden` or styles."""
    if not any(sign in html for sign in _HIDING):
        return html
    kept: list[str] = []
    at = depth = 0
    name = ""
    for tag in _CLEANED_TAG.finditer(html):
        if depth:
            if tag["name"] == name:
                depth += -1 if tag["end"] else 1
            at = tag.end()
        elif _HIDDEN.search(tag["attributes"]):
            kept.append(html[at : tag.start()])
            at = tag.end()
            name, depth = tag["name"], int(tag["name"] not in _VOID)
    # The cleaner closes every element, so none is left open.
    return "".join([*kept, html[at:]])


def _costs_too_much(html: str) -> bool:
    """Measure what a parser would have to do, never too low: an end tag counts only if sure."""
    if html.count("&") > _REFERENCES:
        # The cleaner takes quadratic time over them.
        return True
    if len(html) <= _SHORT and html.count("<") <= _FEW:
        return False
    # Each is one element's work, and leaves none open.
    plain = _PLAIN_PARAGRAPHS.match(html)
    plain_until = plain.end() if plain else 0
    stack: list[str] = []
    work, sure = html.count("<p>", 0, plain_until), True
    for tag in _MARKUP.finditer(html, plain_until):
        if sure and (tag["odd"] or (tag["name"] or "").lower() in _DROPPED):
            # From here on a parser may read the rest as text, or as one tag's attributes.
            sure = False
            work += len(_SEPARATOR.findall(html, tag.start())) ** 2 // _PAIRS
        name = (tag["name"] or tag["odd"] or "").lower()
        if not name or name in _VOID:
            continue
        if tag["end"]:
            if sure and stack and stack[-1] == name:
                stack.pop()
        elif not (sure and name in _ENDS_ITSELF and stack and stack[-1] == name):
            stack.append(name)
        work += len(stack) + len(_SEPARATOR.findall(tag["attributes"] or "")) ** 2 // _PAIRS
        if work > _MOST_WORK or len(stack) > _DEEPEST:
            return True
    return work > _MOST_WORK


def _words(html: str) -> str:
    """Take the tags out, leaving a blank line where a block begins or ends."""
    bare = _LINE_BREAK.sub("\n", _BLOCK_TAG.sub("\n\n", _GONE.sub("", html)))
    bare = _NO_CHARACTER.sub("\ufffd", _ANY_TAG.sub("", bare))
    return _FORBIDDEN.sub("", unescape(bare))
