import pytest

from tests.formats.examples import FILM, PICTURE
from wirefeed.domain.stories import MediaItem, Rendition
from wirefeed.formats.renditions import (
    enclosure,
    figure,
    largest,
    media_type,
    medium_of,
    page_rendition,
    shows,
    usable,
)


def of(*renditions: Rendition, kind: str = "picture", **words: str) -> MediaItem:
    return MediaItem(kind=kind, renditions=renditions, **words)


def form(name: str, width: int | None = None, size: int | None = None) -> Rendition:
    return Rendition(
        name=name, href=f"https://m.example/{name}.jpg", width=width, height=width, size=size
    )


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (PICTURE, "original"),
        (of(form("a"), form("b")), "a"),
        (of(form("a", size=5), form("b", size=9)), "b"),
        (of(form("a", size=9), form("b", width=10)), "b"),
        (FILM, "web"),
        (of(form("poster"), kind="video"), "poster"),
        (of(form("a", 5), kind="unheard-of"), "a"),
    ],
)
def test_the_largest_form_is_offered(item, name):
    assert largest(item).name == name


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (PICTURE, "view"),
        (of(form("a", 100), form("b", 500)), "b"),
        (of(form("a", 3000), form("b", 2000)), "b"),
        (of(form("a"), form("b")), "a"),
    ],
)
def test_the_smallest_form_that_is_wide_enough_stands_in_the_text(item, name):
    assert page_rendition(item).name == name


@pytest.mark.parametrize(
    ("href", "given", "expected"),
    [
        ("https://m.example/a.JPG?x=.png", "", "image/jpeg"),
        ("https://m.example/a.mp4", "video/x-own", "video/x-own"),
        ("https://m.example/a", "", "application/octet-stream"),
        ("https://m.example/a.png", "picture", "image/png"),
        ("https://m.example/a.png", "image/", "image/png"),
        ("https://m.example/a.exe", "", "application/octet-stream"),
    ],
)
def test_a_form_has_a_media_type(href, given, expected):
    assert media_type(Rendition(name="", href=href, media_type=given)) == expected


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("picture", "", "image"),
        ("graphic", "application/pdf", "image"),
        ("video", "image/png", "image"),
        ("audio", "", "audio"),
        ("unheard-of", "", ""),
    ],
)
def test_a_form_has_a_medium(kind, given, expected):
    rendition = Rendition(name="", href="https://m.example/a", media_type=given)
    assert medium_of(of(rendition, kind=kind), rendition) == expected


@pytest.mark.parametrize("href", ["", "/media/x.jpg", "javascript:alert(1)", "ftp://m.example/x"])
def test_forms_no_reader_could_fetch_are_left_out(href):
    kept = Rendition(name="kept", href="https://m.example/x.jpg")
    assert usable(of(Rendition(name="", href=href), kept)).renditions == (kept,)


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1.0, 0.0])
def test_numbers_that_mean_nothing_are_left_out(duration):
    odd = Rendition(
        name="o", href="https://m.example/o.mp4", width=-1, height=0, size=-5, duration=duration
    )
    assert usable(of(odd)).renditions == (Rendition(name="o", href="https://m.example/o.mp4"),)


def test_an_enclosure_is_described():
    found = enclosure(FILM)
    assert (found.url, found.media_type) == ("https://media.example/ship.mp4", "video/mp4")
    assert (found.title, found.size, found.duration) == ("The first ship docks", None, 42)


def test_a_figure_has_its_words_and_size():
    assert figure(PICTURE) == (
        '<figure><img src="https://media.example/quay-800.jpg" alt="Four cranes against a red sky"'
        ' width="800" height="450"><figcaption>Cranes above the "new" quay &lt;north side&gt;.'
        " Ada Ferris / Lantern</figcaption></figure>"
    )


def test_a_figure_without_words_has_no_caption_and_cannot_be_broken_out_of():
    hostile = of(
        Rendition(name="", href='https://m.example/"onerror="x'), headline='"><script>x</script>'
    )
    assert figure(hostile) == (
        '<figure><img src="https://m.example/&quot;onerror=&quot;x"'
        ' alt="&quot;&gt;&lt;script&gt;x&lt;/script&gt;"></figure>'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<img src="https://media.example/quay.jpg?a=1&amp;b=2">', True),
        ('<img src="https://media.example/quay-160.jpg">', True),
        ('<img src="https://media.example/other.jpg">', False),
        ("", False),
    ],
)
def test_a_text_that_has_the_picture_is_known(body, expected):
    assert shows(body, PICTURE) is expected
