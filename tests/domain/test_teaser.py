"""What a teaser shows of a story, what it never shows, and where it stops."""

import json
import os
import time
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wirefeed.domain.teaser import Teaser, cut, plain, teaser, word_count
from wirefeed.domain.words import CHARACTERS_A_WORD

SAMPLES = Path(
    os.environ.get("WIREFEED_SAMPLES")
    or Path(__file__).resolve().parents[2].parent / "shared" / "data"
)
REUTERS = SAMPLES / "reuters-21578" / "stories.ninjs.jsonl"

MANY = 10_000
INLINE = {"b", "bdi", "cite", "em", "i", "strong", "sub", "sup"}
LRI, RLI, PDI, RLE, PDF = "\u2066", "\u2067", "\u2069", "\u202b", "\u202c"
ZWJ = "\u200d"
FAMILY = ZWJ.join("👨👩👧👦")


def holds(html: str, words: int, language: str | None = None) -> Teaser:
    """Cut, and check what holds for every cut of every input."""
    made = cut(html, words, language)
    root = ET.fromstring(f"<root>{made.html}</root>")  # noqa: S314 - our own output
    assert {child.tag for child in root} <= {"p"}
    assert {element.tag for element in root.iter()} <= INLINE | {"p", "root"}
    assert not any(element.attrib for element in root.iter())
    assert "\n".join("".join(p.itertext()) for p in root) == made.text
    assert cut(made.html, words, language) == made
    assert len(made.text) <= words * CHARACTERS_A_WORD
    assert word_count(made.html, language) <= words
    assert len(made.text.split()) <= words
    assert plain(html).startswith(without_ending(made.text, plain(html)))
    return made


def without_ending(text: str, whole: str) -> str:
    """Take away what the cut has added: an ellipsis, and what closes directions."""
    return text if whole.startswith(text) else text.rstrip(PDI + PDF).removesuffix("…")


def names(text: str) -> set[str]:
    return set(text.split())


def p(*paragraphs: str) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


# --- the fallback chain --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "body", "headline", "html"),
    [
        ("A summary.", p("A body."), "A headline", p("A summary.")),
        (p("A <em>summary</em>."), p("A body."), "A headline", p("A <em>summary</em>.")),
        ("", p("A body."), "A headline", p("A body.")),
        (" \n&nbsp;<p>\u200b</p>", p("A body."), "A headline", p("A body.")),
        ("<table><tr><td>1</td></tr></table>", p("A body."), "A headline", p("A body.")),
        ("", "A body of text.", "A headline", p("A body of text.")),
        ("", "<table><tr><td>Box score</td></tr></table>", "A headline", p("A headline")),
        ("", "<h2>Only a heading</h2>", "A headline", p("Only a heading")),
        ("", "", "Q&A: is 1 <b> 2? &amp;", p("Q&amp;A: is 1 &lt;b&gt; 2? &amp;amp;")),
        ("", "<p>&#x200f;</p>", "", ""),
    ],
)
def test_the_summary_comes_before_the_body_and_the_body_before_the_headline(
    summary, body, headline, html
):
    made = teaser(summary=summary, body=body, headline=headline, words=20, language="en")
    assert made.html == html


@pytest.mark.parametrize("place", ["summary", "body", "headline"])
def test_each_link_of_the_chain_obeys_the_same_limit(place):
    sources = {"summary": "", "body": "", "headline": ""} | {place: "one two three four five"}
    assert teaser(**sources, words=3, language=None).text == "one two three…"


def test_a_teaser_of_a_teaser_is_the_same_teaser():
    body = p("By A Writer", "First &amp; <b>foremost</b>, this happened.", "Then &lt;that&gt; did.")
    made = teaser(summary="", body=body, headline="h", words=8, language="en")
    for summary, again in ((made.html, ""), ("", made.html)):
        assert made == teaser(summary=summary, body=again, headline="x", words=8, language="en")


@pytest.mark.parametrize("words", [0, -1])
def test_a_teaser_of_no_words_is_refused(words):
    with pytest.raises(ValueError, match="at least one word"):
        cut("text", words, None)


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("bare text", "bare text"),
        ("one\n\ntwo\r\n \r\nthree\nfour", "one\ntwo\nthree four"),
        ("one\r\ntwo\r\rthree", "one two\nthree"),
        ("<div>one\n\n<b>two</b></div>", "one two"),
        ("<pre>one\n\ntwo</pre>", "one\ntwo"),
        ("one<br>two<br/>\n<br>three<br><br><br>four</br>five", "one two\nthree\nfour five"),
        ("<br><br>one<br>", "one"),
        ("<p>one<p>two<div>three<li>four", "one\ntwo\nthree\nfour"),
        ("<blockquote><p>one</p>two</blockquote>three", "one\ntwo\nthree"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<h1>Heading</h1><p>text</p><h2>More</h2>", "text"),
        ("<h1>Heading</h1><h2>More</h2>", "Heading\nMore"),
        ("<p>by <a href='/x' title='no'>A <span>Writer</span></a></p>", "by A Writer"),
        ("<p>one <foo:bar>two</foo:bar> <TİTLE>three</p>", "one two three"),
        ("<p>a<wbr>b<img alt='no'>c<br hidden>d</p>", "abc d"),
        ("<p>x</b></p></div><p>y</p></ul></q>", "x\ny\n”"),
        ("<p>He said <q>yes, <q>no</q></q>.</p>", "He said “yes, “no””."),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字<rt>ji</ruby>は", "漢字は"),
        ("<ruby>漢<rt>kan<rt>kan</ruby>は", "漢は"),
        ("<p>was <del>one</del><s>two</s>three</p>", "was three"),
        ("<head><title>no</title>no</head><p>text", "text"),
        ("<html><head><meta name=x><body><p>text", "text"),
        ("<p hidden>no<p>text", "text"),
        ("<div>before</div><table><tr><td>no</td></tr></table>after", "before\nafter"),
        ("one<script>no</script>two", "onetwo"),
    ],
)
def test_paragraphs_quotations_items_and_bare_text_are_read(html, text):
    assert plain(html) == text
    assert holds(html, MANY).text == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a &lt; b &amp; c &gt; d", "a < b & c > d"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("AT&T, R&D; &copy &eacute;&ccedil;", "AT&T, R&D; © éç"),
        ("1 < 2 <3 &", "1 < 2 <3 &"),
        ("&#65;&#x42;&#X43;&#0000000068;&#x00000045", "ABCDE"),
        ("x&#0;&#xD800;&#1114112;&#99999999;&#x80;", "x\ufffd\ufffd\ufffd\ufffd€"),
        ("x&#" + "9" * 5_000 + ";y", "x\ufffdy"),
        ("x&#1;\x00\x07\ud83d\ufffe\uffffy", "xy"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f\tg", "a b c d e f g"),
        ("10\u00a0000 &nbsp;euros&nbsp;", "10\u00a0000 \u00a0euros"),
        ("\u3000全角", "全角"),
        ("İstanbul'da ılık bir IŞIK, Iğdır ve İzmir", "İstanbul'da ılık bir IŞIK, Iğdır ve İzmir"),
        ("e\u0301 \ufb01 ſ K", "e\u0301 \ufb01 ſ K"),
        ("قال\u200f: \u2067مرحبا\u2069 \u200e(x)", "قال\u200f: \u2067مرحبا\u2069 \u200e(x)"),
    ],
)
def test_characters_are_decoded_once_and_otherwise_left_alone(html, text):
    assert plain(html) == text
    assert holds(html, MANY).text == text


@pytest.mark.parametrize(
    ("html", "made"),
    [
        ("<p>a <B>b</B> c</p>", p("a <b>b</b> c")),
        ("a<b> b </b>c", p("a <b>b</b> c")),
        ("<b>one</b> <i>two</i>", p("<b>one </b><i>two</i>")),
        ("<b><i>one</b> two</i> three", p("<b><i>one</i></b><i> two</i> three")),
        ("<b><b>one</b> two</b> three", p("<b>one two</b> three")),
        ("<p><strong>one<p>two", p("<strong>one</strong>", "two")),
        ("<p>H<sub>2</sub>O <em></em><span style='color:red'>x</span>", p("H<sub>2</sub>O x")),
        ('<p onclick="x" class=y>a<em onclick=z>b</em></p>', p("a<em>b</em>")),
        ("x\u2067y", p("x\u2067y\u2069")),
        ("'a' \"b\" ]]>", p("'a' \"b\" ]]&gt;")),
        ("<p>a<b> \u00a0</b> </p>", p("a")),
    ],
)
def test_a_few_inline_elements_are_kept_without_attributes(html, made):
    assert holds(html, MANY).html == made


# --- what is never read --------------------------------------------------------------------------

CANARY = "CANARY"


RAW = names("iframe noembed noframes plaintext script style textarea title xmp")
UNREAD = RAW | names(
    "applet aside audio button canvas caption colgroup datalist del dialog figcaption figure"
    " frameset head math nav noscript object s select strike svg table tbody td template tfoot th"
    " thead tr video"
)


@pytest.mark.parametrize("name", sorted(UNREAD))
def test_what_is_in_an_unread_element_is_never_shown(name):
    inside = f"<b>{CANARY}</b><p>{CANARY}</p>"
    if name not in RAW:
        inside += f"<{name}>{CANARY}</{name}>{CANARY}"
    for html in (
        f"<p>before</p><{name}>{inside}</{name}><p>after</p>",
        f"<p>before</p><{name.upper()} x='>' y=\">\">{inside}</{name.upper()}\n><p>after</p>",
    ):
        assert plain(html) == "before\nafter"
    assert plain(f"<p>before</p><{name}>{CANARY}<p>{CANARY}") == "before"


@pytest.mark.parametrize(
    "attributes",
    [
        "hidden",
        "HIDDEN=''",
        "hidden=until-found",
        "x='a>b' hidden",
        "aria-hidden=true",
        'aria-hidden = "TRUE"',
        "aria-hidden='tr&#0000000117;e'",
        "style='display:none'",
        "style='color:red; DISPLAY : none !important'",
        "style=display&colon;none",
        'style="display:/* > */none"',
        "style='displa\\79:none'",
        "style='visibility:hidden'",
        "style=a style=display:none",
    ],
)
@pytest.mark.parametrize("name", ["p", "div", "span", "li", "h1", "b"])
def test_what_is_hidden_is_never_shown(name, attributes):
    inside = f"{CANARY}<b>{CANARY}</b>"
    if name != "p":
        inside += f"<{name}>{CANARY}</{name}>{CANARY}"
    assert plain(f"<p>before</p><{name} {attributes}>{inside}</{name}><p>after</p>") == (
        "before\nafter"
    )
    assert plain(f"<p>before</p><{name} {attributes}>{inside}") == "before"


@pytest.mark.parametrize(
    "attributes",
    ["aria-hidden=false", "data-hidden", "title=hidden", "style='display:block'", "class=x"],
)
def test_what_only_looks_hidden_is_shown(attributes):
    assert plain(f"<p {attributes}>shown</p>") == "shown"


@pytest.mark.parametrize(
    "hostile",
    [
        f"<!-- {CANARY} -->",
        f"<!-- > {CANARY} --!>",
        f"<!--{CANARY}<p>--{CANARY}-->",
        "<!-->",
        "<!--->",
        f"<![CDATA[ {CANARY} > {CANARY} ]]>",
        f"<![x[ {CANARY} ]]>",
        f"<![{CANARY}>",
        f"<!DOCTYPE {CANARY}>",
        f"<?xml {CANARY}?>",
        f"</ {CANARY}>",
        "</>",
        f"<a title='{CANARY}' b=\"{CANARY}\" c={CANARY} {CANARY}>",
        f"<a b='>{CANARY}'/>",
        f"<a/b=c>{''}</a>",
        f"<a b = '\n>{CANARY}'>",
        f"<script><!-- <script></script> {CANARY} --></script>",
        f"<script>'<!--' {CANARY} '-->'</script>",
        f"<script></ſcript>{CANARY}</SCRIPT >",
        f"<style></styles>{CANARY}</style/>",
        f"<table><tr><td></div></p>{CANARY}</td></tr></table>",
        f"<table><script></table>{CANARY}</script>{CANARY}</table>",
        f"<table><a x='</table>'>{CANARY}</table>",
        f"<table><!-- </table> -->{CANARY}</table>",
        f"<table><table></table>{CANARY}</table>",
    ],
)
def test_hostile_markup_shows_nothing_of_its_inside(hostile):
    assert plain(f"<p>before</p>{hostile}<p>after</p>") == "before\nafter"
    assert CANARY not in holds(f"<p>before</p>{hostile}<p>after</p>", 5).html


@pytest.mark.parametrize(
    "opened",
    [
        *["<!--", "<![CDATA[", "<![", "<!", "<?", "</ ", "<a ", "<a b=", "<a b='", '<q b=">'],
        *["<script>", "<script><!--</script>", "<title>", "<table>", "<div hidden>", "<tr>"],
    ],
)
def test_what_is_left_open_hides_the_rest(opened):
    assert plain(f"<p>before</p>{opened}{CANARY}") == "before"
    assert plain(f"<p>before{opened}") == "before"


@pytest.mark.parametrize(
    "gate", ["<hr class=paywall>", "<div class='x PayWall'>", "<b class=paywall>"]
)
def test_nothing_behind_a_paywall_is_read(gate):
    assert plain(f"<p>before{gate}{CANARY}<p>{CANARY}</p>") == "before"
    assert plain(f"<p>before</p>{gate}<hr>{CANARY}\n\n{CANARY}</div>{CANARY}") == "before"
    assert plain(f"<h1>before</h1>{gate}<p>{CANARY}</p>") == "before"


# --- where it stops ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (1, "One…"),
        (2, "One two…"),
        (4, "One two three.…"),
        (5, "One two three. Four five…"),
        (6, "One two three. Four five six."),
        (7, "One two three. Four five six."),
        (8, "One two three. Four five six."),
        (9, "One two three. Four five six."),
        (10, "One two three. Four five six.\nSeven eight nine ten…"),
    ],
)
def test_a_cut_prefers_the_end_of_a_sentence_or_paragraph_in_its_last_third(words, text):
    html = p("One two three. Four five six.", "Seven eight nine ten eleven twelve thirteen.")
    assert holds(html, words).text == text


@pytest.mark.parametrize(
    ("html", "words", "text"),
    [
        (p("NEW YORK, June 1", "One two three four five"), 7, "NEW YORK, June 1\nOne two three…"),
        (p("By A Writer", "One two three.", "Four"), 7, "By A Writer\nOne two three.\nFour"),
        (p("One two", "three four five"), 3, "One two"),
        ("One, two, three", 2, "One, two…"),
        ("Reuters - (a) \u2013 b", 4, "Reuters - (a)…"),
        ("- - - -", 2, "- -…"),
        ("Wait… what then", 1, "Wait…"),
        ("<p>a <b>b c</b> d</p>", 2, "a b…"),
    ],
)
def test_short_paragraphs_are_followed_by_the_next(html, words, text):
    assert holds(html, words).text == text


@pytest.mark.parametrize(
    ("html", "language", "text"),
    [
        (
            "Then J. Smith met Gen. Jones and U.S. staff at noon",
            "en",
            "Then J. Smith met Gen. Jones…",
        ),
        ("One two three four. five six seven", "en", "One two three four. five six…"),
        ("One two three four (five!) Six seven", "en", "One two three four (five!)…"),
        ("Eins zwei drei am 3. Mai und mehr", "de", "Eins zwei drei am 3. Mai…"),
        ("One two three page 3. May was warm", "en", "One two three page 3.…"),
        ("Το ένα δύο τρία τέσσερα; Ναι, βεβαίως", "el", "Το ένα δύο τρία τέσσερα;…"),
        ("One two three four five; six seven eight", "en-GB", "One two three four five; six…"),
        ("قال الرجل هل هذا صحيح؟ نعم قال", "ar", "قال الرجل هل هذا صحيح؟…"),
        ("यह एक दो तीन है। और अब", "hi", "यह एक दो तीन है।…"),
        ("今日は。晴れですね。明日は雨でしょう", "ja", "今日は。晴れですね。…"),
        ("她马上就说：「好的。」他们走了以后", None, "她马上就说：「好的。」…"),
        ("One. two", None, "One. two"),
    ],
)
def test_a_sentence_ends_as_its_language_ends_it(html, language, text):
    assert holds(html, 6, language).text == text


def test_what_comes_after_the_cut_does_not_say_where_it_is():
    shown = "One two three four. Five six seven eight!"
    cuts = {cut(p(f"{shown} {rest}"), 8, "en").text for rest in ("nine ten", "Nine ten", "9 10")}
    assert cuts == {f"{shown}…"}


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("", 0),
        ("one two\u00a0three", 3),
        ("<p>one</p><p>two – three</p><table>no</table>", 4),
        ("日本語", 2),
        ("日本", 1),
        ("iPhone発売", 2),
        ("「日本、」", 1),
        ("สวัสดีครับ", 5),
        ("日本 and 中国人民", 4),
        ("۔", 1),
    ],
)
def test_words_are_counted_by_space_and_by_script(html, count):
    assert word_count(html, None) == count
    assert word_count(html, "zh") == count


@pytest.mark.parametrize(
    ("html", "words", "text"),
    [
        ("新华社北京六月一日电", 2, "新华社北…"),
        ("AP通信", 1, "AP…"),
        ("AP-通信社", 2, "AP-通信…"),
        ("ア か\u3099き", 2, "ア か\u3099…"),
        ("アか\u3099き", 1, "ア…"),
        ("กเก็บของ", 1, "ก…"),
        ("เก็บของ", 1, ""),
        ("เก็บของ", 2, "เก็บ…"),
        ("ក្រុម", 1, ""),
        ("ကမ္ဘာ", 2, "က…"),
        ("中" + "a" * 200, 2, "中…"),
        ("日本" * 40, 60, "日本" * 40),
    ],
)
def test_scripts_without_spaces_are_cut_between_letters(html, words, text):
    assert holds(html, words).text == text


@pytest.mark.parametrize(
    ("unit", "kept"),
    [
        ("a", 11),
        ("e\u0301", 10),
        ("🇹🇷", 10),
        (FAMILY, 7),
        ("👍🏽", 10),
        ("\u1112\u1161\u11ab", 9),
        ("क्ष", 9),
        ("e" + "\u0301" * 200, 0),
    ],
    ids=["letter", "accent", "flag", "family", "skin", "jamo", "virama", "zalgo"],
)
def test_a_word_longer_than_the_limit_is_cut_where_no_character_is_split(unit, kept):
    word = unit * 200
    assert holds(word, 1).text == (word[:kept] + "…" if kept else "")


def test_a_long_word_after_others_is_left_out_whole():
    assert holds("By " + "a" * 200, 3).text == "By…"
    assert holds(p("By", "a" * 200), 3).text == "By"


def test_a_word_that_shows_nothing_is_no_teaser():
    assert holds("\u200b" * 50 + "word", 1) == Teaser(html="", text="")
    assert holds(p("\u200b" * 5_000, "word"), 1).text == "word"


@pytest.mark.parametrize(
    ("html", "words", "text"),
    [
        (f"{RLI}واحد اثنان ثلاثة{PDI} x", 2, f"{RLI}واحد اثنان…{PDI}"),
        (f"{RLE}واحد {LRI}b c{PDI} d{PDF} e", 2, f"{RLE}واحد {LRI}b…{PDI}{PDF}"),
        (f"{LRI}{RLE}a b c", 2, f"{LRI}{RLE}a b…{PDI}"),
        (f"a{PDI} {PDF}b c", 2, f"a{PDI} {PDF}b…"),
        (f"{RLI}{RLE}a{PDF}{PDI} b c", 2, f"{RLI}{RLE}a{PDF}{PDI} b…"),
        (f"one {RLI}two three", 1, "one…"),
        (RLI * 300 + "a b", 1, ""),
        ("a" + RLI * 300 + " b", 1, "a" + RLI * 5 + "…" + PDI * 5),
    ],
)
def test_a_cut_leaves_no_direction_open(html, words, text):
    assert holds(html, words).text == text


def test_a_paragraph_that_goes_on_behind_many_spaces_still_says_so():
    assert holds("one two" + "&nbsp;" * 100 + "three", 2).text == "one two…"


# --- size ----------------------------------------------------------------------------------------

HUGE = 140_000


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "word " * (HUGE // 5),
        "<p>" + "a" * HUGE,
        "<p>" + "中" * HUGE,
        "<h1>" + "word " * (HUGE // 5),
        "<table>" * (HUGE // 7),
        "<b>x" * (HUGE // 4),
        "<b><i>" * (HUGE // 6) + "x",
        "<a" * (HUGE // 2),
        "<a b='" * (HUGE // 6),
        "<a " + "b=c " * (HUGE // 4),
        "<!--" * (HUGE // 4),
        "<![" * (HUGE // 3),
        "<script>" * (HUGE // 8),
        "<script><!--</script>-->" * (HUGE // 24),
        "</p>" * (HUGE // 4),
        "<" * HUGE,
        "&" * HUGE,
        "&#38;" * (HUGE // 5),
        "\n" * HUGE,
        " " * HUGE,
        "\u200b" * HUGE,
        "\u200b<b> </b>" * (HUGE // 10),
        RLI * HUGE,
        "a" + RLI * HUGE,
        "." * HUGE,
        "a.)" * (HUGE // 3) + " b",
        "e" + "\u0301" * HUGE,
        "🇹🇷" * (HUGE // 2),
        "<p hidden>" * (HUGE // 10),
        "<div style='/*" * (HUGE // 14),
        "&" + "a" * HUGE,
        "&#" + "0" * HUGE,
        "<p>" * (HUGE // 3) + "x",
        "x<br>" * (HUGE // 5),
    ],
    ids=lambda html: html[:12].encode("unicode_escape").decode(),
)
def test_a_hostile_story_of_140_kb_takes_no_longer_than_its_length_asks(html):
    begin = time.process_time()
    cut(html, 60, "en")
    plain(html)
    # 20 ms is the aim and 100 ms is usual here for the worst; what is quadratic takes many seconds.
    assert time.process_time() - begin < 1
    holds(html, 60)


def test_reading_stops_where_the_teaser_does():
    short = p("one two three") * 3
    long = short + "<p>" + "x " * 2_500_000
    begin = time.process_time()
    for _ in range(100):
        assert cut(long, 5, None) == cut(short, 5, None)
    assert time.process_time() - begin < 1, "reading all of it takes 100 ms each time"


# --- properties ----------------------------------------------------------------------------------

TAGS = sorted(
    INLINE
    | names("p div li ul h1 br hr a span q table tr td script style template svg head title ruby")
    | names("rt pre blockquote figure select textarea noscript body")
)
ATTRIBUTES = ["", " hidden", " style='display:none'", ' title="a>b"', " class=x", "/"]
WORDS = [
    *["word ", "One. ", "\n\n", " ", "&nbsp;", "&amp;lt;", "&#x41;", "&", "İı ", "مرحبا ؟ ", "…"],
    *["日本語。", "สวัสดี", "e\u0301", FAMILY, "🇹🇷", RLI, LRI, PDI, RLE, PDF, "\u200b", "\u200f"],
    *["'", '"', ">", "-->", "]]>", "\x00", "\ud800", "\u3000", "Mr. ", "3. ", "a" * 40],
]
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=8).map(lambda t: t.replace("<", "")))
OPEN = st.sampled_from(["<", "<!--", "<![CDATA[", "<?", "</", "<a b='", "<script><!--"])
MARKUP = st.builds(
    "<{}{}{}>".format,
    st.sampled_from(["", "/"]),
    st.sampled_from(TAGS),
    st.sampled_from(ATTRIBUTES),
)
WHOLE = st.lists(st.one_of(TEXTS, MARKUP), max_size=40).map("".join)
HOSTILE = st.lists(st.one_of(TEXTS, MARKUP, OPEN), max_size=40).map("".join)
LANGUAGES = st.sampled_from([None, "en", "de", "el", "zh-Hans", "tr"])


@given(html=HOSTILE, words=st.integers(1, 12), language=LANGUAGES)
@example(html=f"a{RLI}b" + " \u00a0" * 9 + "c", words=1, language=None)
@example(html="<b>a<p>…</b><i>b…", words=1, language=None)
def test_every_cut_is_well_formed_idempotent_within_its_limit_and_a_prefix(html, words, language):
    holds(html, words, language)


@given(html=HOSTILE)
def test_what_is_read_stays_the_same_when_read_again(html):
    everything = cut(html, MANY, None)
    assert everything.text == plain(html) == plain(everything.html)


@given(text=st.text())
def test_escaped_text_comes_back_as_it_was_but_for_white_space(text):
    given_words = "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Cs", "Cf"})
    given_words = given_words.replace("\ufffe", "").replace("\uffff", "")
    html = "<p>" + given_words.replace("&", "&amp;").replace("<", "&lt;") + "</p>"
    assert plain(html).split() == given_words.split() or not plain(html)


@given(
    before=WHOLE,
    inside=st.lists(TEXTS).map("".join),
    veil=st.sampled_from(["table", "template", "svg", "div hidden", "p aria-hidden=true"]),
    words=st.integers(1, 30),
)
def test_no_secret_shows_whatever_whole_tags_stand_before_it(before, inside, veil, words):
    secret = f"<{veil} title={CANARY}>{inside}{CANARY}{inside}</{veil.split()[0]}>"
    made = cut(before + secret + before, words, None)
    assert CANARY not in made.html + made.text + plain(before + secret)


# --- the real wire -------------------------------------------------------------------------------


@pytest.mark.skipif(not REUTERS.exists(), reason="no Reuters-21578 (WIREFEED_SAMPLES names where)")
def test_every_story_of_a_real_wire_has_a_teaser():
    short = whole = 0
    with REUTERS.open(encoding="utf-8") as lines:
        for line in lines:
            story = json.loads(line)
            body = story.get("body_html", "")
            made = holds(body, 60, "en")
            assert made.text or not plain(body)
            shown = teaser(
                summary="", body=body, headline=story["headline"], words=60, language="en"
            )
            assert shown.text
            assert not body or shown == made or not made.text
            whole += made.text == plain(body)
            short += word_count(shown.html, "en") < min(40, word_count(body, "en"))
    assert short == 0, "a teaser uses at least two thirds of its words where there are as many"
    assert whole > 0
