import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import feedparser
import pytest
from lxml import etree

from tests.domain.strategies import LINKS
from tests.formats.examples import (
    CHANNEL,
    CHANNELS,
    FILM,
    FULL,
    HOUR,
    MORNING,
    NOTICE,
    PICTURE,
    TURKISH,
    VIEWS,
    WORDING,
    WORDINGS,
    language_of,
)
from tests.formats.reading import (
    FORMATS,
    WF,
    by_fastfeedparser,
    by_feedparser,
    by_json,
    channel_of,
    check,
    document,
    marks,
    text_of,
)
from wirefeed.domain.access import Access, Level, Reason
from wirefeed.domain.stories import Concept, MediaItem, Rendition, Revision, Story
from wirefeed.domain.teaser import Teaser
from wirefeed.domain.views import view
from wirefeed.domain.wire import ChangeKind
from wirefeed.formats import atom, jsonfeed, rss
from wirefeed.formats.entries import entry_of
from wirefeed.formats.feedgen_fixes import tombstone

formats = pytest.mark.parametrize("name", FORMATS)
xml_formats = pytest.mark.parametrize("name", ["rss", "atom"])
views = pytest.mark.parametrize("example", VIEWS)
CATEGORY = ".//{http://www.w3.org/2005/Atom}category"
KILL = VIEWS["kill"]
KILL_TEXT = "This story was withdrawn. Do not publish it; remove it where you have."
NOTICE_TEXT = "The full story is for subscribers. How to subscribe"
BODY_END = "It doubles what the port can land in a day, to 4,000 containers."


# --- every document keeps to its format ----------------------------------------------------------


@formats
@views
def test_a_document_keeps_to_its_format(name, example):
    check(name, document(name, [VIEWS[example]]))


@formats
def test_an_empty_feed_keeps_to_its_format(name):
    written = document(name, [])
    check(name, written)
    assert marks(name, written) == []


@formats
def test_what_is_rendered_takes_no_more_memory_than_its_bytes(name):
    module, long = FORMATS[name], replace(FULL, body=FULL.body * 60)
    item = module.item(long, WORDING)
    module.feed(CHANNEL, [item])
    tracemalloc.start()
    try:
        kept = [module.item(long, WORDING) for _ in range(20)]
        kept += [module.feed(CHANNEL, [item] * size) for size in (10, 20, 30)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.05 * sum(map(len, kept))


@formats
def test_the_grammar_and_the_schema_refuse_what_is_wrong(name):
    broken = {
        "rss": (b"</item>", b""),
        "atom": (b"<title>", b"<updated>2026-11-02T08:30:00Z</updated><title>"),
        "json": (b'"content_html"', b'"content"'),
    }
    was, becomes = broken[name]
    with pytest.raises((AssertionError, etree.XMLSyntaxError)):
        check(name, document(name, [FULL]).replace(was, becomes, 1))


# --- what others read ----------------------------------------------------------------------------


@views
def test_formats_and_parsers_agree(example):
    shown = VIEWS[example]
    read = by_json(document("json", [shown]))
    for name in ("rss", "atom"):
        written = document(name, [shown])
        assert by_feedparser(name, written) == read
        assert by_fastfeedparser(written) == read
    assert [item.id for item in by_fastfeedparser(document("json", [shown]))] == [read[0].id]


@views
def test_summaries_agree(example):
    shown = VIEWS[example]
    notice = text_of(WORDINGS[language_of(shown)].teaser_notice)
    teaser = shown.level is Level.SUMMARY and not shown.is_killed
    of_json = json.loads(document("json", [shown]))["items"][0]["summary"]
    for name in ("rss", "atom"):
        entry = feedparser.parse(document(name, [shown])).entries[0]
        text = text_of(entry.summary)
        if teaser:
            assert text.endswith(notice)
            text = text.removesuffix(notice)
        # As text, two paragraphs of HTML have no space between them.
        assert text.replace(" ", "") == of_json.replace(" ", "")


@pytest.mark.parametrize(
    ("example", "title", "author", "updated", "shown"),
    [
        ("full", FULL.headline, "By Ada Ferris", "2026-11-02T08:30:00Z", text_of(FULL.body)),
        (
            "summary",
            FULL.headline,
            "By Ada Ferris",
            "2026-11-02T08:30:00Z",
            FULL.teaser.text + NOTICE_TEXT,
        ),
        (
            "delayed",
            FULL.headline,
            "By Ada Ferris",
            "2026-11-02T08:30:00Z",
            FULL.teaser.text + NOTICE_TEXT,
        ),
        ("kill", "KILL: PORT-QUAY", "", "2026-11-02T09:30:00Z", KILL_TEXT),
        (
            "update",
            "Port opens its new quay & takes three ships",
            "By Ada Ferris",
            "2026-11-02T09:00:00Z",
            text_of(FULL.body),
        ),
    ],
)
def test_an_item_says_what_its_level_and_change_ask(example, title, author, updated, shown):
    (read,) = by_json(document("json", [VIEWS[example]]))
    assert read.title == title
    assert read.author == author
    assert read.published == "2026-11-02T08:30:00Z"
    assert read.updated == updated
    assert read.shown == shown
    assert read.link == "https://lantern.example/en/stories/q7h2mzk4tdxwa3ce"


@formats
def test_a_story_has_one_guid_whatever_is_shown_of_it(name):
    levels = ("full", "summary", "not-covered", "delayed", "update", "kill")
    read = by_feedparser if name != "json" else lambda _, written: by_json(written)
    found = {read(name, document(name, [VIEWS[level]]))[0].id for level in levels}
    assert found == {"tag:lantern.example,2026:quay"}


def test_the_guid_of_rss_is_no_address():
    root = etree.fromstring(document("rss", [FULL]))
    assert root.xpath("//guid/@isPermaLink") == ["false"]


@formats
def test_without_a_byline_the_copyright_holder_is_the_author(name):
    written = document(name, [VIEWS["full-arabic"]])
    read = by_json(written) if name == "json" else by_feedparser(name, written)
    assert [item.author for item in read] == ["Lantern News"]


@formats
def test_without_either_the_author_is_the_feeds(name):
    written = document(name, [replace(FULL, byline="", copyright_holder="")])
    check(name, written)
    read = by_json(written) if name == "json" else by_feedparser(name, written)
    assert [item.author for item in read] == [""]


@formats
def test_topics_without_a_name_are_not_told(name):
    assert b"off-catalogue" not in document(name, [FULL])


def test_topics_are_told_by_slug_and_name():
    root = etree.fromstring(document("atom", [FULL]))
    categories = [(c.get("scheme"), c.get("term"), c.get("label")) for c in root.iterfind(CATEGORY)]
    assert categories == [
        ("urn:wirefeed:topics", "economy", "Economy"),
        ("urn:wirefeed:topics", "harbour", "Ports & shipping"),
        (None, "ports", None),
        (None, "trade & freight", None),
    ]


# --- marks ---------------------------------------------------------------------------------------


@formats
@pytest.mark.parametrize(
    ("example", "mark"),
    [
        ("full", ("full", "granted", "complete", "usable")),
        ("summary", ("summary", "public", "incomplete", "usable")),
        ("delayed", ("summary", "delayed", "incomplete", "usable")),
        ("not-covered", ("summary", "not-covered", "incomplete", "usable")),
        ("kill", ("summary", None, "incomplete", "canceled")),
        ("embargo-early", ("full", "granted", "complete", "usable")),
    ],
)
def test_machines_are_told_how_a_story_is_shown(name, example, mark):
    (found,) = marks(name, document(name, [VIEWS[example]]))
    fields = ("level", "reason", "representationType", "status")
    assert tuple(found.get(field) for field in fields) == mark


@formats
def test_machines_are_told_of_corrections_versions_and_embargoes(name):
    (correction,) = marks(name, document(name, [VIEWS["correction"]]))
    (early,) = marks(name, document(name, [VIEWS["embargo-early"]]))
    assert str(correction["correction"]).lower() == "true"
    assert str(correction["version"]) == "3"
    assert "correction" not in early
    assert early["embargoedUntil"] == "2026-11-02T14:30:00Z"


@formats
@pytest.mark.parametrize("level", [Level.FULL, Level.SUMMARY])
def test_a_story_under_embargo_says_so_before_it_says_anything_else(name, level):
    early = replace(TURKISH, embargoed_until=MORNING + 6 * HOUR, level=level)
    warning = "Ambargolu: 2026-11-02 14:30 UTC tarihinden önce yayımlanamaz."
    written = document(name, [early])
    read = by_json(written) if name == "json" else by_feedparser(name, written)
    assert read[0].shown.startswith(warning)
    if name == "json":
        assert json.loads(written)["items"][0]["summary"].startswith(warning)
    else:
        assert text_of(feedparser.parse(written).entries[0].summary).startswith(warning)


@xml_formats
def test_notes_reach_those_who_see_them(name):
    root = etree.fromstring(document(name, [VIEWS["notes"]]))
    assert [e.text for e in root.iter(f"{WF}ednote")] == ["Eds: pictures to follow by noon"]
    assert [e.text for e in root.iter(f"{WF}usageTerms")] == ["No archive <ever>"]


def test_notes_reach_those_who_read_json():
    (item,) = marks("json", document("json", [VIEWS["notes"]]))
    assert item["ednote"] == "Eds: pictures to follow by noon"
    assert item["usageTerms"] == "No archive <ever>"


# --- kills ---------------------------------------------------------------------------------------


def test_a_kill_leaves_a_tombstone_in_atom():
    root = etree.fromstring(document("atom", [FULL, TURKISH, KILL], CHANNEL))
    names = [etree.QName(child).localname for child in root]
    stone = root.find("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
    assert stone is not None
    assert stone.get("ref") == "tag:lantern.example,2026:quay"
    assert stone.get("when") == "2026-11-02T09:30:00Z"
    assert names.index("deleted-entry") < names.index("entry")  # RFC 4287 §4.1.1


def test_many_kills_keep_to_the_grammar_and_the_order():
    killed = [replace(KILL, feed_guid=f"urn:x:{n}") for n in range(5)]
    standing = [replace(FULL, feed_guid=f"urn:y:{n}") for n in range(5)]
    mixed = [one for pair in zip(killed, standing, strict=True) for one in pair]
    written = document("atom", mixed)
    check("atom", written)
    assert [item.id for item in by_feedparser("atom", written)] == [v.feed_guid for v in mixed]
    assert written.count(b"<at:deleted-entry ") == 5


def test_a_story_cannot_forge_a_tombstone():
    forged = replace(
        FULL, headline="<at:deleted-entry ref='x'/>", feed_guid="x/><at:deleted-entry "
    )
    written = document("atom", [forged, replace(KILL, feed_guid="a/>b")])
    check("atom", written)
    assert [item.id for item in by_feedparser("atom", written)] == [
        "urn:wirefeed:x%2F%3E%3Cat%3Adeleted-entry%20",
        "urn:wirefeed:a%2F%3Eb",
    ]


@formats
def test_nothing_is_left_of_a_killed_story(name):
    # Even of a view that holds more than it should.
    careless = replace(
        KILL, body=FULL.body, teaser=FULL.teaser, byline="By Ada Ferris", media=(PICTURE,)
    )
    written = document(name, [careless]).decode()
    for gone in (BODY_END, "first ship", "Ferris", "media.example"):
        assert gone not in written


# --- media ---------------------------------------------------------------------------------------


@xml_formats
def test_media_are_grouped_by_what_they_show(name):
    root = etree.fromstring(document(name, [VIEWS["with-media"]]))
    groups = root.findall(".//{http://search.yahoo.com/mrss/}group")
    contents = [[dict(e.attrib) for e in group if e.get("url")] for group in groups]
    assert [len(group) for group in contents] == [3, 2]
    assert contents[0][1] == {
        "url": "https://media.example/quay.jpg?a=1&b=2",
        "fileSize": "2904112",
        "type": "image/jpeg",
        "medium": "image",
        "isDefault": "true",
        "height": "2250",
        "width": "4000",
    }
    assert contents[1][0]["duration"] == "42"
    assert [e.get("medium") for e in groups[1] if e.get("url")] == ["video", "image"]
    words = [group.findtext("{http://search.yahoo.com/mrss/}description") for group in groups]
    assert words == [PICTURE.caption, None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rss", [("https://media.example/quay.jpg?a=1&b=2", "image/jpeg", "2904112")]),
        (
            "atom",
            [
                ("https://media.example/quay.jpg?a=1&b=2", "image/jpeg", "2904112"),
                ("https://media.example/ship.mp4", "video/mp4", None),
            ],
        ),
    ],
)
def test_enclosures_keep_their_type_and_length(name, expected):
    entry = feedparser.parse(document(name, [VIEWS["with-media"]])).entries[0]
    assert [(e.href, e.type, e.get("length")) for e in entry.enclosures] == expected


def test_an_unknown_length_is_0_in_rss():
    entry = feedparser.parse(document("rss", [replace(FULL, media=(FILM,))])).entries[0]
    assert [(e.href, e.length) for e in entry.enclosures] == [
        ("https://media.example/ship.mp4", "0")
    ]


def test_attachments_of_json_say_size_and_duration():
    (item,) = json.loads(document("json", [VIEWS["with-media"]]))["items"]
    assert item["image"] == "https://media.example/quay-800.jpg"
    assert [
        (a.get("size_in_bytes"), a.get("duration_in_seconds")) for a in item["attachments"]
    ] == [
        (2_904_112, None),
        (None, 42),
    ]


@formats
def test_the_lead_picture_stands_in_the_text_once(name):
    image = '<img src="https://media.example/quay-800.jpg" alt="Four cranes'
    (item,) = json.loads(document("json", [VIEWS["with-media"]]))["items"]
    assert item["content_html"].count(image) == 1
    shown = replace(
        FULL, media=(PICTURE,), body=f'<p><img src="{PICTURE.renditions[0].href}"></p>{FULL.body}'
    )
    (item,) = json.loads(document("json", [shown]))["items"]
    assert "quay-800" not in item["content_html"]
    check(name, document(name, [shown]))


@formats
def test_a_story_of_pictures_alone_shows_them(name):
    written = document(
        name, [replace(FULL, body="", media=(PICTURE,), teaser=Teaser(html="", text=""))]
    )
    check(name, written)
    assert b"quay-800.jpg" in written


# --- directions and languages --------------------------------------------------------------------


@formats
@pytest.mark.parametrize("example", ["full-arabic", "summary-arabic", "embargo-early"])
def test_text_that_runs_right_to_left_says_so(name, example):
    written = document(name, [VIEWS[example]]).decode()
    mark = '<div dir="rtl" lang="ar">'
    escaped = {"json": mark.replace('"', '\\"')}.get(name, mark.replace("<", "&lt;"))
    assert escaped in written.replace("&gt;", ">")


@xml_formats
def test_the_language_is_told_of_feed_and_item(name):
    parsed = feedparser.parse(document(name, [replace(TURKISH, language="tr-TR")]))
    assert parsed.feed.language == "tr"
    item = parsed.entries[0]
    assert "tr-TR" in {item.title_detail.language, item.get("language")}


@formats
@pytest.mark.parametrize("language", ["en_US", "", 'ar"><script>', "çek"])
def test_a_language_that_is_none_costs_nothing(name, language):
    item = FORMATS[name].item(replace(FULL, language=language), WORDING)
    check(name, FORMATS[name].feed(CHANNEL, [item]))
    assert b"<script" not in item
    assert b"rtl" not in item


# --- the feed itself -----------------------------------------------------------------------------


@xml_formats
def test_a_feed_says_who_it_is(name):
    feed = feedparser.parse(document(name, [FULL])).feed
    assert feed.title == "Lantern News: Economy"
    assert feed.subtitle == "Economy & trade, as it happens"
    assert feed.link == "https://lantern.example/en/"
    assert feed.rights == "© Lantern News"
    assert feed.author_detail.name == "Lantern News"
    assert feed.generator == "wirefeed"
    assert feed.updated_parsed[:6] == (2026, 11, 2, 9, 30, 0)
    selves = [(link.href, link.type) for link in feed.links if link.rel == "self"]
    media_type = FORMATS[name].MEDIA_TYPE.partition(";")[0]
    assert selves == [(f"https://lantern.example/en/topics/economy.{name}", media_type)]


def test_a_json_feed_says_who_it_is():
    feed = json.loads(document("json", [FULL]))
    del feed["items"]
    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Lantern News: Economy",
        "home_page_url": "https://lantern.example/en/",
        "feed_url": "https://lantern.example/en/topics/economy.json",
        "description": "Economy & trade, as it happens",
        "authors": [{"name": "Lantern News", "url": "mailto:desk@lantern.example"}],
        "language": "en",
        "_wirefeed": {"updated": "2026-11-02T09:30:00Z", "rights": "© Lantern News"},
    }


@formats
def test_a_document_shared_between_addresses_names_none_of_them(name):
    written = document(name, [TURKISH])
    assert b"self" not in written
    assert b"feed_url" not in written


@formats
def test_a_notice_is_an_item_but_no_story(name):
    item = FORMATS[name].notice(NOTICE, "tr")
    written = FORMATS[name].feed(channel_of(name, "tr"), [item])
    check(name, written)
    read = by_json(written) if name == "json" else by_feedparser(name, written)
    assert [(i.id, i.title, i.link, i.published, i.updated) for i in read] == [
        (
            NOTICE.guid,
            NOTICE.title,
            "https://lantern.example/tr/account",
            "2026-11-02T08:30:00Z",
            "2026-11-02T08:30:00Z",
        )
    ]
    assert read[0].shown == "Yenilemek için hesabınıza bakın."
    if name == "json":
        assert marks(name, written) == [{"notice": True}]
    else:
        assert marks(name, written) == []
        assert etree.fromstring(written).find(f".//{WF}notice") is not None


#: How often a notice's HTML is in its item; its own address is there no more.
NOTICE_ADDRESSES = {"rss": 2, "atom": 2, "json": 1}


@formats
def test_a_notice_may_lead_nowhere(name):
    item = FORMATS[name].notice(replace(NOTICE, url=""), "ar")
    check(name, FORMATS[name].feed(CHANNEL, [item]))
    assert b"rtl" in item
    assert item.count(NOTICE.url.encode()) == NOTICE_ADDRESSES[name]


# --- bytes ---------------------------------------------------------------------------------------


def test_spliced_rss_is_feedgens_own_whole_document():
    for language, channel in CHANNELS.items():
        shown = [v for v in VIEWS.values() if language_of(v) == language]
        whole = rss.feed_of(channel)
        for one in shown:
            whole.add_entry(rss.item_of(entry_of(one, WORDINGS[language])), order="append")
        assert document("rss", shown, channel) == whole.rss_str()


def test_spliced_atom_is_feedgens_own_whole_document():
    for language, channel in CHANNELS.items():
        shown = [v for v in VIEWS.values() if language_of(v) == language]
        entries = [entry_of(one, WORDINGS[language]) for one in shown]
        killed = [entry for entry, one in zip(entries, shown, strict=True) if one.is_killed]
        whole = atom.feed_of(channel, [tombstone(entry) for entry in killed])
        for entry in entries:
            whole.add_entry(atom.item_of(entry), order="append")
        assert document("atom", shown, channel) == whole.atom_str()


def test_spliced_json_is_the_whole_document():
    for language, channel in CHANNELS.items():
        shown = [v for v in VIEWS.values() if language_of(v) == language]
        items = [jsonfeed.item_of(entry_of(one, WORDINGS[language])) for one in shown]
        whole = jsonfeed.encode(jsonfeed.feed_of(channel, items))
        assert document("json", shown, channel) == whole


@formats
def test_fragments_declare_no_namespaces(name):
    for one in VIEWS.values():
        assert b"xmlns" not in FORMATS[name].item(one, WORDING)


@formats
def test_the_same_views_give_the_same_bytes_on_every_thread(name):
    expected = [document(name, [one]) for one in VIEWS.values()]
    with ThreadPoolExecutor(4) as pool:
        rounds = pool.map(lambda _: [document(name, [one]) for one in VIEWS.values()], range(40))
        assert all(written == expected for written in rounds)


# --- levels --------------------------------------------------------------------------------------

SECRETS = {
    "body": "kestrel-body",
    "keyword": "kestrel-keyword",
    "caption": "kestrel-caption",
    "credit": "kestrel-credit",
    "href": "kestrel-href",
    "ednote": "kestrel-ednote",
    "terms": "kestrel-terms",
    "signal": "kestrel-signal",
    "place": "kestrel-place",
    "feed": "kestrel-feed",
}


def _story() -> Story:
    picture = MediaItem(
        kind="picture",
        caption=SECRETS["caption"],
        credit=SECRETS["credit"],
        renditions=(Rendition(name="o", href=f"https://m.example/{SECRETS['href']}.jpg"),),
    )
    revision = Revision(
        guid="urn:x:1",
        language="en",
        headline="A headline",
        body=f"<p>{'word ' * 60}</p><p>{SECRETS['body']}</p>",
        keywords=(SECRETS["keyword"],),
        media=(picture,),
        ednote=SECRETS["ednote"],
        usage_terms=SECRETS["terms"],
        signals=(SECRETS["signal"],),
        places=(Concept(code=SECRETS["place"], name=SECRETS["place"]),),
    )
    return Story(
        revision=revision,
        version=1,
        language="en",
        topics=frozenset({"economy", SECRETS["feed"]}),
        stood=frozenset(),
        feeds=frozenset(),
        thread="urn:x:1",
        released=MORNING,
        published=MORNING,
        updated=MORNING,
        change=ChangeKind.PUBLISH,
        changed=MORNING,
    )


@formats
@pytest.mark.parametrize(
    ("access", "told"),
    [
        (Access(level=Level.SUMMARY, reason=Reason.PUBLIC), set()),
        (Access(level=Level.SUMMARY, reason=Reason.DELAYED, media=True, notes=True), None),
        (Access(level=Level.FULL, reason=Reason.GRANTED), {"body", "keyword"}),
        (
            Access(level=Level.FULL, reason=Reason.GRANTED, media=True),
            {"body", "keyword", "caption", "credit"},
        ),
        (
            Access(level=Level.FULL, reason=Reason.GRANTED, notes=True),
            {"body", "keyword", "ednote", "terms"},
        ),
    ],
)
def test_nothing_above_the_level_is_told(name, access, told):
    written = document(name, [view(_story(), access, words=50, links=LINKS)]).decode()
    assert {what for what, text in SECRETS.items() if text in written} == (told or set())


@formats
def test_a_teaser_holds_nothing_else_even_of_a_careless_view(name):
    careless = replace(
        FULL,
        level=Level.SUMMARY,
        reason=Reason.PUBLIC,
        body=f"<p>{SECRETS['body']}</p>",
        keywords=(SECRETS["keyword"],),
        media=(PICTURE,),
        ednote=SECRETS["ednote"],
        usage_terms=SECRETS["terms"],
    )
    written = document(name, [careless]).decode()
    assert "kestrel" not in written
    assert "media.example" not in written
