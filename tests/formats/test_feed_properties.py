"""Whatever a story says, its feed can be read, by everyone, and says no more than its level."""

from dataclasses import replace
from html import escape

import feedparser
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.formats.examples import CHANNEL, FULL, HOUR, MORNING, WORDING
from tests.formats.reading import FORMATS, by_feedparser, by_json, check, text_of
from wirefeed.domain.access import Level, Reason
from wirefeed.domain.stories import MediaItem, PubStatus, Rendition
from wirefeed.domain.teaser import Teaser
from wirefeed.domain.views import View
from wirefeed.formats import atom, jsonfeed, rss
from wirefeed.formats.entries import entry_of
from wirefeed.formats.feedgen_fixes import tombstone

PIECES = (
    "]]>", "<", ">", "&", "&amp;", "&#11;", "<![CDATA[", "<!--", "-->", "<?x", "</item>",
    "</entry>", "</channel></rss>", "</feed>", "<at:deleted-entry ", "/>", "{id}", "{time}", "'",
    '"', "\\", "\x00", "\x0b", "\x1f", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\uffff",
    "\ud83d", "\r", "\r\n", "\n", "\t", "İ", "ı", "I", "i̇", "خبر", "עברית", "\u202e", "\u200f",
    "🗞️", "👩🏽‍🚒", "𐀀", "a" * 300,
)  # fmt: skip
hostile = st.lists(
    st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=())), max_size=6
).map("".join)
numbers = st.none() | st.integers(min_value=-5, max_value=2**40)
addresses = hostile.map(lambda text: f"https://m.example/{text}") | hostile
renditions = st.builds(
    Rendition,
    name=hostile,
    href=addresses,
    media_type=st.sampled_from(["", "image/jpeg", "video/mp4", "x/\x00"]),
    width=numbers,
    height=numbers,
    size=numbers,
    duration=st.none() | st.floats(),
)
media = st.builds(
    MediaItem,
    kind=st.sampled_from(["picture", "video", "audio", "graphic", "?"]),
    headline=hostile,
    caption=hostile,
    alt_text=hostile,
    credit=hostile,
    renditions=st.lists(renditions, max_size=3).map(tuple),
)
paragraphs = hostile.map(lambda text: f"<p>{escape(text)}</p>")
teasers = st.builds(lambda text: Teaser(html=f"<p>{escape(text)}</p>", text=text), hostile)
#: From 1399 to 6537: feedparser does not read years before 1000.
instants = st.integers(min_value=-(2**54), max_value=2**57)
stories = st.builds(
    View,
    id=st.just("q7h2mzk4tdxwa3ce"),
    feed_guid=hostile.filter(bool),
    version=st.integers(min_value=1, max_value=2**40),
    level=st.sampled_from([Level.FULL, Level.SUMMARY]),
    reason=st.sampled_from(Reason),
    status=st.sampled_from(PubStatus),
    language=st.sampled_from(["en", "ar", "tr-TR", "he-Latn", "az-Arab", ""]) | hostile,
    headline=hostile,
    published=instants,
    updated=instants,
    topics=st.sampled_from([(), ("economy",), ("nowhere",)]),
    slugline=hostile,
    byline=hostile,
    teaser=teasers,
    body=paragraphs,
    media=st.lists(media, max_size=2).map(tuple),
    keywords=st.lists(hostile, max_size=3).map(tuple),
    copyright_holder=hostile,
    copyright_notice=hostile,
    ednote=hostile,
    usage_terms=hostile,
    correction=st.booleans(),
    embargoed_until=st.none() | instants,
)


@given(stories)
def test_every_feed_can_be_read(story: View) -> None:
    read = []
    for name, module in FORMATS.items():
        item = module.item(story, WORDING)
        assert module.item(replace(story), WORDING) == item
        written = module.feed(CHANNEL, [item])
        check(name, written)
        read += by_json(written) if name == "json" else by_feedparser(name, written)
    assert len(read) == len(FORMATS)
    assert len({(item.id, item.published, item.updated) for item in read}) == 1


@given(stories)
def test_every_text_arrives_as_it_was(story: View) -> None:
    entry = entry_of(story, WORDING)
    item = etree.fromstring(rss.feed(CHANNEL, [rss.item(story, WORDING)])).find("channel/item")
    found = etree.fromstring(atom.feed(CHANNEL, [atom.item(story, WORDING)])).find("{*}entry")
    (read,) = by_json(jsonfeed.feed(CHANNEL, [jsonfeed.item(story, WORDING)]))
    assert item is not None
    assert found is not None
    assert item.findtext("title") == entry.title == found.findtext("{*}title") == read.title
    assert item.findtext("description") == entry.summary == found.findtext("{*}summary")
    content = entry.content or None
    assert item.findtext("{*}encoded") == content == found.findtext("{*}content")
    assert read.shown == text_of(entry.content or entry.summary)


@given(st.lists(stories, max_size=2))
def test_spliced_is_whole(shown: list[View]) -> None:
    entries = [entry_of(story, WORDING) for story in shown]
    stones = [tombstone(e) for e, story in zip(entries, shown, strict=True) if story.is_killed]
    whole_rss, whole_atom = rss.feed_of(CHANNEL), atom.feed_of(CHANNEL, stones)
    for entry in entries:
        whole_rss.add_entry(rss.item_of(entry), order="append")
        whole_atom.add_entry(atom.item_of(entry), order="append")
    whole_json = jsonfeed.encode(jsonfeed.feed_of(CHANNEL, [jsonfeed.item_of(e) for e in entries]))
    assert rss.feed(CHANNEL, [rss.item(s, WORDING) for s in shown]) == whole_rss.rss_str()
    assert atom.feed(CHANNEL, [atom.item(s, WORDING) for s in shown]) == whole_atom.atom_str()
    assert jsonfeed.feed(CHANNEL, [jsonfeed.item(s, WORDING) for s in shown]) == whole_json


@given(
    body=st.text("ЖЩЫЭЮЯ", min_size=1),
    teaser=st.text("АБВГ"),
    keyword=st.text("ЖЩЫЭЮЯ", min_size=1),
    killed=st.booleans(),
)
def test_no_character_above_the_level_appears(
    body: str, teaser: str, keyword: str, killed: bool
) -> None:
    careless = replace(
        FULL,
        level=Level.SUMMARY,
        reason=Reason.PUBLIC,
        status=PubStatus.CANCELED if killed else PubStatus.USABLE,
        teaser=Teaser(html=f"<p>{teaser}</p>", text=teaser),
        body=f"<p>{body}</p>",
        keywords=(keyword,),
        ednote=body,
        usage_terms=body,
        media=(
            MediaItem(
                kind="picture",
                caption=body,
                renditions=(Rendition(name="o", href=f"https://m.example/{body}"),),
            ),
        ),
        embargoed_until=MORNING + HOUR,
    )
    hidden = "ЖЩЫЭЮЯ" + ("АБВГ" if killed else "")
    for name, module in FORMATS.items():
        written = module.feed(CHANNEL, [module.item(careless, WORDING)])
        assert not set(written.decode()) & set(hidden), name
        assert not feedparser.parse(written).bozo or name == "json"
