"""The teaser of a story: its first words, as small safe HTML and as text, from allowed text alone.

Pure: no I/O, no clock; the same input gives the same output on every Python.
"""

from dataclasses import dataclass
from html import escape
from itertools import groupby
from operator import itemgetter

from wirefeed.domain.paragraphs import Paragraph, read_paragraphs
from wirefeed.domain.words import CHARACTERS_A_WORD, closers, count_words, fitting

_EVERYTHING = 1 << 60  # words


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaser:
    """The summary rendering of a story. Empty where a story has no text at all."""

    #: `<p>…</p>` one after the other, well-formed as HTML and as XML, without any attribute.
    html: str
    #: The same words as plain text, paragraphs parted by one newline.
    text: str


def teaser(*, summary: str, body: str, headline: str, words: int, language: str | None) -> Teaser:
    """Give the newsroom's summary, else the first paragraphs of the body, else the headline.

    Summary and body are HTML or plain text; the headline is plain text, as `plain` gives it.
    Each is held to `words` words, and to 12 characters for each of them.
    """
    cutting = cut(summary, words, language)
    if not cutting.text:
        cutting = cut(body, words, language)
    if not cutting.text:
        cutting = cut(escape(headline), words, language)
    return cutting


def cut(html: str, words: int, language: str | None) -> Teaser:
    """Give the first `words` words of what may be read of `html`.

    It ends with a sentence or paragraph if one ends in the last third of the allowance, else with
    a word; an ellipsis says that the paragraph goes on. `language` refines where sentences end:
    Greek asks with a semicolon, a number with a dot is an ordinal in German or Turkish.
    """
    if words < 1:
        raise ValueError("a teaser has at least one word")
    left, room = words, words * CHARACTERS_A_WORD
    texts: list[str] = []
    markup: list[str] = []
    for paragraph in read_paragraphs(html, words):
        text, tail = paragraph.text, ""
        count = count_words(text)
        if goes_on := count > left or len(text) > room:
            text = text[: fitting(text, words, left, room, language)]
            tail = "…" * (not text.endswith("…")) + closers(text)
        if text:
            texts.append(text + tail)
            markup.append(f"<p>{_markup(paragraph, len(text))}{tail}</p>")
        if goes_on:
            break
        left, room = left - count, room - len(text) - 1
    return Teaser(html="".join(markup), text="\n".join(texts))


def plain(html: str) -> str:
    """Give what may be read of `html`, as text, paragraphs parted by one newline."""
    return "\n".join(paragraph.text for paragraph in read_paragraphs(html, _EVERYTHING))


def word_count(html: str, language: str | None) -> int:  # noqa: ARG001 - see below
    """Count the words of what may be read of `html`, as the limit of a teaser counts them.

    A word is what stands between spaces; in scripts without, every two characters. The script
    decides and not `language`, so that a Chinese name counts the same in English text.
    """
    return count_words(plain(html))


def _markup(paragraph: Paragraph, length: int) -> str:
    out = []
    for marks, runs in groupby(paragraph.runs, key=itemgetter(1)):
        text = "".join(run[0] for run in runs)[:length]
        length -= len(text)
        if text:
            out += [f"<{mark}>" for mark in marks]
            out.append(escape(text, quote=False))
            out += [f"</{mark}>" for mark in reversed(marks)]
    return "".join(out)
