"""Media links: what they are made of, and for how long each of them leads on."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.domain.strategies import (
    DAY,
    HOUR,
    LINKS,
    NOW,
    PICTURE,
    entitled,
    grant,
    held,
    moments,
    stories,
    then,
)
from wirefeed.domain.access import Access, Level, Reason, decide
from wirefeed.domain.errors import Gone, NotFound
from wirefeed.domain.media import Circle, MediaLinks, linked, linked_text
from wirefeed.domain.revising import expire
from wirefeed.domain.stories import MediaItem, PubStatus, Rendition, Story, story_id
from wirefeed.domain.views import view

HREF = PICTURE.renditions[0].href
INLINE = "https://media.example/in/text?a=1&b=2"
TEXT = f'<p>It is <img src="{INLINE.replace("&", "&amp;")}" alt="a > b"> red.</p>'
LATER = NOW + DAY
OTHER = MediaItem(
    kind="picture", renditions=(Rendition(name="web", href="https://media.example/q.jpg"),)
)
WITH_MEDIA = Access(level=Level.FULL, reason=Reason.GRANTED, media=True)


def shown(**fields) -> Story:
    return held(body=TEXT, media=(PICTURE,), **fields)


def parts(link: str) -> tuple[str, str, str]:
    """Take a link apart: story, signature, file."""
    assert link.startswith(f"{LINKS.base}/")
    story, signature, file = link.removeprefix(f"{LINKS.base}/").split("/")
    return story, signature, file


# --- when it leads on -----------------------------------------------------------------------------

SHOWN = shown()
EMBARGOED = shown(embargoed_until=LATER)
ENDING = shown(expires=LATER)


@pytest.mark.parametrize("href", [HREF, INLINE])
@pytest.mark.parametrize(
    ("story", "circle", "now", "outcome"),
    [
        (SHOWN, Circle.MEDIA, NOW, None),
        (SHOWN, Circle.EARLY, NOW, None),
        (EMBARGOED, Circle.MEDIA, NOW, NotFound),
        (EMBARGOED, Circle.EARLY, NOW, None),
        # By the clock, whether or not its release was announced yet.
        (EMBARGOED, Circle.MEDIA, LATER, None),
        (EMBARGOED, Circle.EARLY, LATER, None),
        # Under an embargo of a later version, too.
        (then(SHOWN, now=NOW, embargoed_until=LATER), Circle.MEDIA, NOW, NotFound),
        (then(SHOWN, now=NOW, embargoed_until=LATER), Circle.EARLY, NOW, None),
        (ENDING, Circle.MEDIA, LATER - 1, None),
        (ENDING, Circle.MEDIA, LATER, Gone),
        (ENDING, Circle.EARLY, LATER, Gone),
        (expire(ENDING, LATER), Circle.MEDIA, LATER + HOUR, Gone),
        (then(SHOWN, now=NOW, status=PubStatus.CANCELED), Circle.MEDIA, LATER, Gone),
        (then(SHOWN, now=NOW, status=PubStatus.CANCELED), Circle.EARLY, LATER, Gone),
        (then(SHOWN, now=NOW, status=PubStatus.WITHHELD), Circle.MEDIA, LATER, Gone),
        (then(EMBARGOED, now=NOW, status=PubStatus.CANCELED), Circle.EARLY, NOW, Gone),
        (
            then(
                then(SHOWN, now=NOW, status=PubStatus.WITHHELD), now=LATER, status=PubStatus.USABLE
            ),
            Circle.MEDIA,
            LATER,
            None,
        ),
        # Another story stands in its place, and shows what it has itself.
        (replace(SHOWN, superseded=True), Circle.MEDIA, NOW, Gone),
        (replace(EMBARGOED, superseded=True), Circle.MEDIA, NOW, NotFound),
        (then(SHOWN, now=NOW, media=(), body=""), Circle.MEDIA, NOW, Gone),
        (then(SHOWN, now=NOW, media=(OTHER,), body="<p>No.</p>"), Circle.MEDIA, NOW, Gone),
        # What was put before it does not take its name.
        (then(SHOWN, now=NOW, media=(OTHER, PICTURE)), Circle.MEDIA, NOW, None),
        # In a language without feeds partners may have it.
        (replace(SHOWN, language=""), Circle.MEDIA, NOW, None),
    ],
)
def test_a_link_leads_on_for_as_long_as_its_story_is_shown_with_it(
    story: Story, circle: Circle, now: int, outcome: type[Exception] | None, href: str
):
    file = LINKS.file(href)
    if outcome is None:
        assert LINKS.leads_to(story, file, circle, now) == href
        return
    with pytest.raises(NotFound) as refused:
        LINKS.leads_to(story, file, circle, now)
    assert type(refused.value) is outcome


@pytest.mark.parametrize("href", ["javascript:alert(1)", "ftp://a.example/p.jpg", "/p.jpg", ""])
def test_nothing_leads_anywhere_but_to_the_web(href: str):
    odd = MediaItem(kind="picture", renditions=(Rendition(name="", href=href),))
    assert linked((odd,), str.upper)[0].renditions == ()
    with pytest.raises(Gone):
        LINKS.leads_to(held(media=(odd,)), LINKS.file(href), Circle.MEDIA, NOW)


@given(stories, st.booleans(), moments)
def test_what_is_shown_leads_on_in_that_moment_and_what_is_not_does_not(
    story: Story, early: bool, now: int
):
    """One rule for both: a link that is given out is never refused while it would be given."""
    with_pictures = replace(story.revision, body=TEXT, media=(PICTURE,))
    story = replace(story, revision=with_pictures, superseded=False)
    access = decide(story, entitled(grant(media=True, early=early)), now)
    if not access.media:
        for circle in Circle if early else (Circle.MEDIA,):
            with pytest.raises(NotFound):
                LINKS.leads_to(story, LINKS.file(HREF), circle, now)
        return
    seen = view(story, access, words=9, links=LINKS)
    links = [one.href for item in seen.media for one in item.renditions]
    links.append(seen.body.partition(' src="')[2].partition('"')[0])
    led = []
    for link in links:
        name, signature, file = parts(link)
        found = LINKS.circle(name, signature, file)
        assert found is (Circle.EARLY if access.early else Circle.MEDIA)
        assert name == story.id
        led.append(LINKS.leads_to(story, file, found, now))
    assert led == [HREF, INLINE]


# --- what it is made of ---------------------------------------------------------------------------

signed = st.tuples(
    st.sampled_from([story_id("a"), story_id("b")]),
    st.sampled_from(Circle),
    st.sampled_from([HREF, INLINE, "https://media.example/q.jpg"]),
)


@given(signed, signed)
def test_a_signature_opens_what_it_was_made_for_and_nothing_else(one, other):
    _, signature, _ = parts(LINKS.link(*one))
    story, circle, href = other
    opened = LINKS.circle(story, signature, LINKS.file(href))
    if (one[0], one[2]) == (story, href):
        # The same file for others: it says for whom it was made, and never for more.
        assert opened is one[1]
    else:
        assert opened is None
    assert (LINKS.link(*one) == LINKS.link(*other)) is (one == (story, circle, href))


@given(signed, st.integers(0, 31), st.sampled_from("0123456789abcdef"))
def test_an_altered_signature_opens_nothing(one, at: int, digit: str):
    story, signature, file = parts(LINKS.link(*one))
    altered = signature[:at] + digit + signature[at + 1 :]
    assume(altered != signature)
    assert LINKS.circle(story, altered, file) is None


def test_a_signature_has_one_spelling():
    story, signature, file = parts(LINKS.link(story_id("a"), Circle.MEDIA, HREF))
    assert LINKS.circle(story, signature, file) is Circle.MEDIA
    for other in (
        signature.upper(),
        signature[:-1],
        f"{signature}0",
        f" {signature}",
        f"é{signature[1:]}",
        "\udcff" * 32,
        "",
    ):
        assert other != signature
        assert LINKS.circle(story, other, file) is None


def test_the_key_of_another_agency_signs_nothing_here():
    foreign = MediaLinks(base=LINKS.base, key=bytes(range(32)))
    story, signature, file = parts(foreign.link(story_id("a"), Circle.MEDIA, HREF))
    assert LINKS.circle(story, signature, file) is None
    assert repr(foreign.key) not in repr(foreign)


@pytest.mark.parametrize(
    ("href", "ending"),
    [
        ("https://m.example/p.jpg", ".jpg"),
        ("https://m.example/p.JPG?w=1.png", ".jpg"),
        ("http://m.example/a.b/film.mp4#t=3", ".mp4"),
        ("https://m.example/a.jpg/", ""),
        ("https://m.example/p", ""),
        ("https://m.example/p.", ""),
        ("https://m.example/p.jpegs-and-more", ""),
        ("https://m.example/p.\u212apg", ""),
        ("https://m.org", ""),
        ("https://m.example?p=a/b.jpg", ""),
    ],
)
def test_a_link_ends_as_the_file_does_and_says_no_more_of_where_it_is(href: str, ending: str):
    path = urlsplit(LINKS.link(story_id("a"), Circle.MEDIA, href)).path
    name = path.rpartition("/")[2]
    assert name[16:] == ending
    assert "m.example" not in path


def test_a_text_keeps_everything_but_where_its_pictures_are():
    html = (
        f'{TEXT}<a href="{HREF}">here</a><img alt=" src=&quot;x&quot;" src="{HREF}" width="9">'
        "<p>src=</p>"
    )
    assert linked_text(html, lambda href: f"https://x.example/{len(href)}?a&b") == (
        f'<p>It is <img src="https://x.example/{len(INLINE)}?a&amp;b" alt="a > b"> red.</p>'
        f'<a href="{HREF}">here</a><img alt=" src=&quot;x&quot;"'
        f' src="https://x.example/{len(HREF)}?a&amp;b" width="9"><p>src=</p>'
    )


def test_a_view_shows_links_in_the_place_of_every_address():
    story = shown()
    seen = repr(view(story, WITH_MEDIA, words=9, links=LINKS))
    assert "media.example" not in seen
    assert seen.count(f"{LINKS.base}/{story.id}/") == 2
