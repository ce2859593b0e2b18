from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.formats.examples import OUTLINES
from wirefeed.formats.opml import Outline, opml


def test_feeds_are_listed_in_their_folders():
    assert opml("Lantern <News>", OUTLINES).decode() == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<opml version="2.0">\n'
        "  <head>\n"
        "    <title>Lantern &lt;News&gt;</title>\n"
        "  </head>\n"
        "  <body>\n"
        '    <outline text="English">\n'
        '      <outline text="Ports &amp; shipping" type="rss" title="Ports &amp; shipping"'
        ' xmlUrl="https://lantern.example/f/key/en/topics/harbour.rss"'
        ' htmlUrl="https://lantern.example/en/" language="en"/>\n'
        '      <outline text="Latest" type="rss" title="Latest"'
        ' xmlUrl="https://lantern.example/f/key/en/latest.rss"/>\n'
        "    </outline>\n"
        '    <outline text="Türkçe"/>\n'
        "  </body>\n"
        "</opml>\n"
    )


def test_a_list_of_nothing_is_a_list():
    root = etree.fromstring(opml("Lantern", ()))
    assert root.find("body") is not None


@given(st.text(st.characters(exclude_categories=())))
def test_whatever_a_feed_is_called_the_list_can_be_read(text):
    outlines = [Outline(text=text, xml_url=f"https://x.example/{text}", language=text)]
    written = opml(text, outlines)
    (found,) = etree.fromstring(written).findall("body/outline")
    assert found.get("type") == "rss"
    assert written == opml(text, outlines)
