"""Views, channels and words as an agency might have them: one of each level and kind of change."""

from dataclasses import replace

from wirefeed.domain.access import Level, Reason
from wirefeed.domain.feeds import Channel, Notice, Wording
from wirefeed.domain.stories import SECOND, Concept, MediaItem, PubStatus, Rendition
from wirefeed.domain.teaser import Teaser
from wirefeed.domain.views import View
from wirefeed.formats.opml import Outline

#: 2026-11-02T08:30:00Z
MORNING = 1_793_608_200 * SECOND
HOUR = 3_600 * SECOND

WORDING = Wording(
    teaser_notice=(
        '<p class="notice">The full story is for subscribers. '
        '<a href="https://lantern.example/subscribe">How to subscribe</a></p>'
    ),
    killed_notice="This story was withdrawn. Do not publish it; remove it where you have.",
    embargo_notice="Under embargo: not for publication before {time}.",
    story_url="https://lantern.example/en/stories/{id}",
    topics=(("economy", "Economy"), ("harbour", "Ports & shipping"), ("weather", "Weather")),
    subscribe_url="https://lantern.example/subscribe",
)
WORDINGS = {
    "en": WORDING,
    "tr": replace(
        WORDING,
        teaser_notice='<p class="notice">Haberin tamamı abonelere açıktır.</p>',
        killed_notice="Bu haber geri çekildi. Yayımlamayın; yayımladıysanız kaldırın.",
        embargo_notice="Ambargolu: {time} tarihinden önce yayımlanamaz.",
        story_url="https://lantern.example/tr/stories/{id}",
        topics=(("economy", "Ekonomi"), ("weather", "Hava durumu")),
    ),
    "ar": replace(
        WORDING,
        teaser_notice='<p class="notice">النص الكامل متاح للمشتركين.</p>',
        killed_notice="سُحب هذا الخبر. لا تنشروه، وأزيلوه حيث نُشر.",
        embargo_notice="محظور النشر قبل {time}.",
        story_url="https://lantern.example/ar/stories/{id}",
        topics=(("economy", "اقتصاد"), ("weather", "الطقس")),
    ),
}

CHANNEL = Channel(
    id="urn:wirefeed:feed:lantern:en:economy",
    title="Lantern News: Economy",
    description="Economy & trade, as it happens",
    language="en",
    home_url="https://lantern.example/en/",
    self_url="https://lantern.example/en/topics/economy",
    updated=MORNING + HOUR,
    site="Lantern News",
    rights="© Lantern News",
    contact="desk@lantern.example",
)
CHANNELS = {
    "en": CHANNEL,
    "tr": replace(
        CHANNEL,
        id="urn:wirefeed:feed:lantern:tr:economy",
        title="Lantern: Ekonomi",
        description="Ekonomi haberleri",
        language="tr",
        home_url="https://lantern.example/tr/",
        self_url="",
        contact="https://lantern.example/tr/contact",
    ),
    "ar": replace(
        CHANNEL,
        id="urn:wirefeed:feed:lantern:ar:economy",
        title="لانترن: اقتصاد",
        description="أخبار الاقتصاد",
        language="ar",
        home_url="https://lantern.example/ar/",
        self_url="",
        rights="",
        contact="",
    ),
}

PICTURE = MediaItem(
    kind="picture",
    headline="The cranes at dawn",
    caption='Cranes above the "new" quay <north side>.',
    alt_text="Four cranes against a red sky",
    credit="Ada Ferris / Lantern",
    renditions=(
        Rendition(
            name="thumbnail",
            href="https://media.example/quay-160.jpg",
            media_type="image/jpeg",
            width=160,
            height=90,
            size=9_120,
        ),
        Rendition(
            name="original",
            href="https://media.example/quay.jpg?a=1&b=2",
            media_type="image/jpeg",
            width=4_000,
            height=2_250,
            size=2_904_112,
        ),
        Rendition(name="view", href="https://media.example/quay-800.jpg", width=800, height=450),
    ),
)
FILM = MediaItem(
    kind="video",
    headline="The first ship docks",
    renditions=(
        Rendition(
            name="web",
            href="https://media.example/ship.mp4",
            media_type="video/mp4",
            width=1_280,
            height=720,
            duration=42.4,
        ),
        Rendition(
            name="still",
            href="https://media.example/ship.png",
            media_type="image/png",
            width=3_840,
            height=2_160,
        ),
    ),
)

FULL = View(
    id="q7h2mzk4tdxwa3ce",
    feed_guid="tag:lantern.example,2026:quay",
    version=1,
    level=Level.FULL,
    reason=Reason.GRANTED,
    status=PubStatus.USABLE,
    language="en",
    headline="Port opens its new quay & doubles what it can land",
    published=MORNING,
    updated=MORNING,
    topics=("economy", "harbour", "off-catalogue"),
    slugline="PORT-QUAY",
    byline="By Ada Ferris",
    located="Northhaven",
    teaser=Teaser(
        html="<p>The new quay took its first ship on <em>Monday</em>.</p>",
        text="The new quay took its first ship on Monday.",
    ),
    body=(
        "<p>NORTHHAVEN — The new quay took its first ship on <em>Monday</em>.</p>"
        "<p>It doubles what the port can land in a day, to 4,000 containers.</p>"
    ),
    keywords=("ports", "trade & freight"),
    urgency=4,
    subjects=(
        Concept(code="http://cv.iptc.org/newscodes/mediatopic/20000209", name="Shipping"),
        Concept(code="quay 7", name="Quays & docks"),
        Concept(name="Northhaven"),
    ),
    genres=(Concept(code="genre:Actuality"),),
    copyright_holder="Lantern News",
    copyright_notice="© 2026 Lantern News",
)

TURKISH = replace(
    FULL,
    id="b3vd6ofn2yps5lgi",
    feed_guid="urn:newsml:lantern.example:20261102:izgara",
    language="tr",
    headline="Izgara üreticileri İzmir’de buluştu",
    topics=("economy",),
    slugline="IZGARA",
    byline="Işıl Çağlı",
    teaser=Teaser(
        html="<p>Üreticiler İzmir’de <em>ilk kez</em> bir araya geldi.</p>",
        text="Üreticiler İzmir’de ilk kez bir araya geldi.",
    ),
    body="<p>İZMİR — Üreticiler ilk kez bir araya geldi.</p><p>Fuar üç gün sürecek.</p>",
    keywords=(),
    urgency=None,
    subjects=(),
    genres=(),
    copyright_notice="",
)

ARABIC = replace(
    FULL,
    id="x5kt2jrw7ueqm4ha",
    feed_guid="https://lantern.example/2026/11/rain",
    language="ar",
    headline="أمطار غزيرة على الساحل (50 ملم)",
    topics=("weather",),
    slugline="RAIN",
    byline="",
    teaser=Teaser(
        html="<p>هطلت أمطار غزيرة صباح الاثنين.</p>", text="هطلت أمطار غزيرة صباح الاثنين."
    ),
    body="<p>هطلت أمطار غزيرة صباح الاثنين.</p><p>أُغلقت ثلاث مدارس.</p>",
    keywords=(),
)


def _below(view: View, reason: Reason) -> View:
    summary = replace(view, level=Level.SUMMARY, reason=reason, body="", keywords=())
    return replace(summary, urgency=None, subjects=(), genres=())


#: One of each level, language and kind of change.
VIEWS = {
    "full": FULL,
    "full-arabic": ARABIC,
    "full-turkish": TURKISH,
    "summary": _below(FULL, Reason.PUBLIC),
    "summary-arabic": _below(ARABIC, Reason.PUBLIC),
    "summary-turkish": _below(TURKISH, Reason.PUBLIC),
    "not-covered": _below(FULL, Reason.NOT_COVERED),
    "delayed": _below(FULL, Reason.DELAYED),
    "update": replace(
        FULL,
        version=2,
        updated=MORNING + HOUR // 2 + 999_999,
        headline="Port opens its new quay & takes three ships",
    ),
    "correction": replace(TURKISH, version=3, updated=MORNING + HOUR, correction=True),
    "kill": View(
        id=FULL.id,
        feed_guid=FULL.feed_guid,
        version=4,
        level=Level.SUMMARY,
        reason=Reason.KILLED,
        status=PubStatus.CANCELED,
        language="en",
        headline="KILL: PORT-QUAY",
        published=MORNING,
        updated=MORNING + HOUR,
        topics=FULL.topics,
        slugline=FULL.slugline,
        copyright_holder=FULL.copyright_holder,
    ),
    "embargo-early": replace(ARABIC, embargoed_until=MORNING + 6 * HOUR),
    "notes": replace(
        FULL, ednote="Eds: pictures to follow by noon", usage_terms="No archive <ever>"
    ),
    "with-media": replace(FULL, media=(PICTURE, FILM)),
}

NOTICE = Notice(
    guid="urn:wirefeed:notice:lapsed:2026-11-01",
    title="Aboneliğiniz sona erdi",
    html='<p>Yenilemek için <a href="https://lantern.example/tr/account">hesabınıza</a> bakın.</p>',
    url="https://lantern.example/tr/account",
    at=MORNING,
)


OUTLINES = (
    Outline(
        text="English",
        outlines=(
            Outline(
                text="Ports & shipping",
                xml_url="https://lantern.example/f/key/en/topics/harbour.rss",
                html_url="https://lantern.example/en/",
                language="en",
            ),
            Outline(text="Latest", xml_url="https://lantern.example/f/key/en/latest.rss"),
        ),
    ),
    Outline(text="Türkçe", outlines=()),
)


def language_of(view: View) -> str:
    """Give the language of the feed it stands in."""
    return view.language.partition("-")[0]
