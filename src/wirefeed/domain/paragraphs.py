"""What may be read of HTML, as paragraphs. Pure; the same on every Python.

Allowed is what a browser shows of paragraphs, quotations, list items and bare text, and of headings
where there is nothing else. What `_UNREAD` names, comments and hidden elements are never read; an
element of class `paywall` ends the reading. What is left open (a comment, a quoted attribute, a
table) hides the rest. Not read by `html.parser`: it raises on `<![x]>`, gives an unclosed comment
out as text, takes half a minute for 140 kB of `<a b='`, and differs between patch releases.
"""

import re
from dataclasses import dataclass, field
from html import unescape

from wirefeed.domain.words import CHARACTERS_A_WORD, closers, count_words, shows, word_set

#: Kept, without attributes. Links, spans and whatever is unknown are dropped to their text.
_INLINE = word_set("b bdi cite em i strong sub sup")
_HEADINGS = word_set("h1 h2 h3 h4 h5 h6")
#: Begin and end a paragraph, also where they are not read.
_BLOCKS = _HEADINGS | word_set(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset"
    " figcaption figure footer form header hgroup hr html legend li main menu nav ol p pre search"
    " section summary table tbody td tfoot th thead tr ul"
)
#: Never read; text up to their end tag, whatever it looks like (HTML 13.2.5.1).
_RAW = word_set("iframe noembed noframes plaintext script style textarea title xmp")
#: Never read. `del` and `s` are text that no longer stands; `rt` says a word a second time.
_UNREAD = word_set(
    "applet aside audio button canvas caption colgroup datalist del dialog figcaption figure"
    " frameset head math nav noscript object rp rt s select strike svg table tbody td template"
    " tfoot th thead tr video"
)
#: Have no content that could be hidden (HTML 13.1.2).
_VOID = word_set("area base br col embed frame hr img input link meta param source wbr")
#: What ends an unread element whose own end tag may be left out (HTML 13.1.2.4).
_RUBY = word_set("rp rt /ruby")
_ENDED_BY = {"head": word_set("body"), "p": word_set("p"), "rp": _RUBY, "rt": _RUBY}

# The grammar of HTML (13.2.5). No pattern fails after a long run, so reading is linear.
_NAME = r"[^\t\n\f\r />][^\t\n\f\r />=]*"
_VALUE = r"""[\t\n\f\r ]*=[\t\n\f\r ]*(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|(?!["'])[^\t\n\f\r >]*)"""
_ATTRIBUTE = re.compile(rf"({_NAME})({_VALUE})?")
_REFERENCE = re.compile(
    r"&(?:\#(?:[xX]0*(?P<hex>[0-9a-fA-F]+)|0*(?P<decimal>[0-9]+));?|[a-zA-Z][a-zA-Z0-9]{1,31};?)"
)
_TOKEN = re.compile(
    rf"""(?xs)(?P<text>[^<&]{{1,4096}}[\t\n\f\r ]*) | (?P<reference>{_REFERENCE.pattern})
    | <!--(?:-?>|.*?(?:--!?>|\Z)) | <!\[CDATA\[.*?(?:\]\]>|\Z) | <(?:[!?]|/(?![a-zA-Z]))[^>]*>?
    | <(?P<closing>/?)(?P<tag>[a-zA-Z][^\t\n\f\r />]*)
        (?P<attributes>(?:[\t\n\f\r /]+|{_NAME}(?:{_VALUE})?)*)(?P<whole>>)?
    | (?P<character>[<&])"""
)
# ASCII, or the letters U+017F and U+212A would pass for s and k. A comment in a script may hold an
# end tag that does not end it (HTML 13.2.5.20), so comments are stepped over whole.
_RAW_END = {tag: re.compile(rf"(?ais)(</{tag}(?=[\t\n\f\r />]))|<!--.*?(?:-->|\Z)") for tag in _RAW}
_VEILS = re.compile("(?ai)hidden|style|class")
_CSS_NOISE = re.compile(r"(?s)/\*.*?(?:\*/|\Z)|\s+")
#: A backslash may spell any letter, and nobody needs one here.
_CONCEALS = re.compile(r"display:none|visibility:hidden|\\")

#: What XML 1.0 forbids (2.2), but for white space.
_FORBIDDEN = re.compile("[^\t\n\v\f\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: White space as HTML collapses it, and what else ends a line somewhere.
_SPACES = re.compile("[\t\n\v\f\r \x85\u2028\u2029]+")
_BLANK_LINE = re.compile(r"(?:\r\n|\n|\r(?!\n))[ \t\f]*(?:\r\n|\n|\r(?!\n))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Text that stands together: runs, each with the inline elements it stands in."""

    text: str
    runs: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(slots=True, kw_only=True)
class _Reading:
    """Allowed text as it comes in, until there is more of it than `words` words can be."""

    words: int  # still wanted
    room: int  # characters still wanted
    full: bool = False
    paragraphs: list[Paragraph] = field(default_factory=list)
    headings: list[Paragraph] = field(default_factory=list)
    unread: str = ""  # the unread element we are in,
    depth: int = 0  # and in how many of its name
    heading: bool = False
    loose: bool = True  # outside any block: a blank line ends a paragraph, as in plain text
    marks: dict[str, int] = field(default_factory=dict)  # open inline elements: how often
    runs: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # of this paragraph
    size: int = 0
    visible: bool = False
    space: bool = False  # is due before the next text
    broken: bool = False  # a `br` was the last thing seen

    def start(self, tag: str, attributes: str) -> None:
        if self.unread:
            if tag not in _ENDED_BY.get(self.unread, ()):
                self.depth += tag == self.unread
                return
            self.unread = ""
        if tag in _BLOCKS:
            self.part(heading=tag in _HEADINGS, loose=tag == "pre")
        hidden, gated = _veils(attributes)
        self.full |= gated
        if gated or ((hidden or tag in _UNREAD) and tag not in _VOID):
            self.unread, self.depth = tag, 1
        elif tag in _INLINE:
            self.marks[tag] = self.marks.get(tag, 0) + 1
        else:
            self.stand_in(tag, "“")

    def end(self, tag: str) -> None:
        if self.unread:
            self.depth -= tag == self.unread
            if self.depth and "/" + tag not in _ENDED_BY.get(self.unread, ()):
                return
            self.unread = ""
        if tag in _BLOCKS:
            self.part(heading=False, loose=True)
        elif self.marks.get(tag, 0) > 1:
            self.marks[tag] -= 1
        elif not self.marks.pop(tag, 0):
            self.stand_in(tag, "”")

    def part(self, *, heading: bool, loose: bool) -> None:
        """Begin or end a block. Emphasis stays in its paragraph, so one left open ends there."""
        self.finish()
        self.marks.clear()
        self.heading, self.loose = heading, loose

    def stand_in(self, tag: str, quote: str) -> None:
        """Put what a browser draws for `br` and `q` in their place, as not every reader does."""
        if tag == "q":
            self.add(quote)
        elif tag == "br" and self.broken:
            self.finish()
        elif tag == "br":
            self.broken = self.space = bool(self.runs)

    def read(self, text: str) -> None:
        if self.unread:
            return
        first, *others = _BLANK_LINE.split(text) if self.loose else (text,)
        self.add(first)
        for other in others:
            self.finish()
            self.add(other)

    def add(self, text: str) -> None:
        text = _SPACES.sub(" ", _FORBIDDEN.sub("", text))
        if not self.runs:
            text = text.lstrip()
        elif text.startswith(" "):
            self.space, text = True, text[1:]
        if not text:
            return
        marks = tuple(self.marks)
        if self.space:  # it stands where fewer elements are open
            self.size += 1
            before = self.runs[-1][1]
            self.runs.append((" ", before if len(before) <= len(marks) else marks))
        self.space, self.broken = text.endswith(" "), False
        text = text.removesuffix(" ")
        self.runs.append((text, marks))
        self.size += len(text)
        self.visible = self.visible or shows(text)
        if self.visible and not self.heading and not text[-1].isspace():
            self.full |= self.size > self.room

    def finish(self) -> None:
        """End the paragraph; a blank one was none. It leaves no direction open."""
        runs, visible = self.runs, self.visible
        self.runs, self.size = [], 0
        self.visible = self.space = self.broken = False
        if not visible:
            return
        while not runs[-1][0].rstrip():
            runs.pop()
        runs[-1] = (runs[-1][0].rstrip(), runs[-1][1])
        runs.append((closers("".join(run[0] for run in runs)), ()))
        text = "".join(run[0] for run in runs)
        paragraph = Paragraph(text=text, runs=tuple(runs))
        (self.headings if self.heading else self.paragraphs).append(paragraph)
        if not self.heading:
            self.words -= count_words(text)
            self.room -= len(text) + 1
            self.full |= self.words < 0 or self.room < -1


def read_paragraphs(html: str, words: int) -> list[Paragraph]:
    """Give the allowed text of `html`: all of it, or enough to see that it exceeds `words`."""
    reading = _Reading(words=words, room=words * CHARACTERS_A_WORD)
    position = 0
    while not reading.full and (token := _TOKEN.match(html, position)):
        position = token.end()
        if text := token["text"] or token["character"]:
            reading.read(text)
        elif token["reference"]:
            reading.read(_character(token))
        elif token["whole"]:
            tag = token["tag"].lower() if token["tag"].isascii() else ""
            if token["closing"]:
                reading.end(tag)
            elif tag in _RAW:
                ends = (end.start() for end in _RAW_END[tag].finditer(html, position) if end[1])
                position = next(ends, len(html))
            else:
                reading.start(tag, token["attributes"])
    reading.finish()
    return reading.paragraphs or reading.headings


def _character(reference: re.Match[str]) -> str:
    digits = reference["hex"] or reference["decimal"]
    if not digits:
        return unescape(reference[0])
    # U+10FFFF is 1114111; `unescape` raises on 5,000 digits.
    number = f"&#{'x' if reference['hex'] else ''}{digits};"
    return unescape(number) if len(digits) < len("12345678") else "\ufffd"


def _veils(attributes: str) -> tuple[bool, bool]:
    """Say whether an element is hidden, and whether what begins with it is gated."""
    hidden = gated = False
    for name, given in _ATTRIBUTE.findall(attributes) if _VEILS.search(attributes) else ():
        value = _REFERENCE.sub(_character, given.lstrip("\t\n\f\r =").strip("\"'")).lower()
        match name.lower():
            case "hidden":
                hidden = True
            case "aria-hidden" if value.strip() == "true":
                hidden = True
            case "style" if _CONCEALS.search(_CSS_NOISE.sub("", value)):
                hidden = True
            case "class" if "paywall" in value.split():
                gated = True
            case _:
                pass
    return hidden, gated
