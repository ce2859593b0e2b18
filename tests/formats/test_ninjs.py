"""ninjs in, of every edition: what each property comes to, and what is refused for which reason."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.domain.stories import Concept, MediaItem, PubStatus, Rendition, Revision
from wirefeed.formats import ninjs
from wirefeed.formats.json_input import messages

HERE = Path(__file__).parent.parent
PAIRS = sorted((HERE / "data" / "ninjs").glob("*.expected.json"))
SAMPLES = Path(os.environ.get("WIREFEED_SAMPLES", HERE.parent.parent / "shared" / "data"))
needs_samples = pytest.mark.skipif(
    not (SAMPLES / "ninjs").is_dir(), reason=f"no IPTC samples in {SAMPLES}: set WIREFEED_SAMPLES"
)


def microseconds(text):
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def read(**properties):
    return ninjs.parse(json.dumps({"uri": "urn:x:1"} | properties).encode())


def refusal(**properties):
    with pytest.raises(Unacceptable) as refused:
        read(**properties)
    assert refused.value.remedy
    return refused.value


@pytest.mark.parametrize("expected", PAIRS, ids=lambda path: path.name.partition(".")[0])
def test_a_message_becomes_a_revision(expected):
    message = expected.with_name(expected.name.replace(".expected", "")).read_bytes()
    assert ninjs.parse(message) == msgspec.json.decode(expected.read_bytes(), type=Revision)


def test_the_least_message():
    assert read() == Revision(guid="urn:x:1")


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"uri": ""}, "$.uri"),
        ({"uri": "  "}, "$.uri"),
        ({"uri": None}, "$.uri"),
        ({"uri": 5}, "$.uri"),
        ({"uri": "x" * 1_025}, "$.uri"),
        ({"uri": "a\nb"}, "$.uri"),
        ({"uri": "", "guid": "a\u2028b"}, "$.guid"),
        ({"version": 1.5}, "$.version"),
        ({"version": True}, "$.version"),
        ({"version": -1}, "$.version"),
        ({"version": "-1"}, "$.version"),
        ({"version": "1" * 19}, "$.version"),
        ({"version": 10**18}, "$.version"),
        ({"version": ["1"]}, "$.version"),
        ({"pubstatus": "cancelled"}, "$.pubstatus"),
        ({"pubStatus": "Usable"}, "$.pubStatus"),
        ({"pubstatus": ""}, "$.pubstatus"),
        ({"type": "story"}, "$.type"),
        ({"representationType": "whole"}, "$.representationType"),
        ({"profile": 42}, "$.profile"),
        ({"urgency": 0}, "$.urgency"),
        ({"urgency": 10}, "$.urgency"),
        ({"urgency": 4.5}, "$.urgency"),
        ({"urgency": "4"}, "$.urgency"),
        ({"urgency": True}, "$.urgency"),
        ({"language": "English!"}, "$.language"),
        ({"headline": ["x"]}, "$.headline"),
        ({"headline": "x" * 10_001}, "$.headline"),
        ({"headlines": [{"value": "x" * 10_001}]}, "$.headlines"),
        ({"headlines": {"value": "x"}}, "$.headlines"),
        ({"headlines": ["x"]}, "$.headlines"),
        ({"headlines": [{"value": 5}]}, "$.headlines[0].value"),
        ({"body_x": 5}, "$.body_x"),
        ({"body_": "x"}, "$.body_"),
        ({"description_a b": "x"}, "$['description_a b']"),
        ({"bodies": [{"contentType": "text/vnd.IPTC.NITF", "value": "<nitf/>"}]}, "$.bodies"),
        ({"person": "Ada Kaya"}, "$.person"),
        ({"people": ["Ada Kaya"]}, "$.people"),
        ({"subject": [{}, "medtop:1"]}, "$.subject"),
        ({"subject": [{"code": 1.5}]}, "$.subject[0].code"),
        ({"subject": [{"code": True}]}, "$.subject[0].code"),
        ({"subjects": [{}] * 201}, "$.subjects"),
        ({"places": [{"name": 5}]}, "$.places[0].name"),
        ({"genre": [{"uri": "x" * 1_025}]}, "$.genre[0].uri"),
        ({"keywords": "a, b"}, "$.keywords"),
        ({"keywords": [1]}, "$.keywords"),
        ({"keywords": ["x"] * 201}, "$.keywords"),
        ({"associations": "x"}, "$.associations"),
        ({"associations": ["x"]}, "$.associations[0]"),
        ({"associations": {"a b": 5}}, "$.associations['a b']"),
        ({"associations": {str(n): None for n in range(65)}}, "$.associations"),
        ({"associations": [{"type": 5}]}, "$.associations[0].type"),
        (
            {"associations": {"a": {"renditions": {"b": {"href": 5}}}}},
            "$.associations.a.renditions.b.href",
        ),
        ({"type": "picture", "renditions": [{}] * 33}, "$.renditions"),
        ({"type": "picture", "renditions": 5}, "$.renditions"),
        (
            {"type": "picture", "renditions": [{"href": "https://a.example/", "width": "9"}]},
            "$.renditions[0].width",
        ),
        (
            {"type": "picture", "renditions": [{"href": "https://a.example/", "height": True}]},
            "$.renditions[0].height",
        ),
        ({"altIds": [{"role": "feed", "value": "a\tb"}]}, "$.altIds[0].value"),
        ({"altids": {"feed": 5}}, "$.altids.value"),
        ({"altids": 5}, "$.altids"),
        ({"evolvedFrom": "a\x7fb"}, "$.evolvedFrom"),
        # what a misspelt name would have meant
        ({"pub_status": "canceled"}, "$.pub_status"),
        ({"PubStatus": "canceled"}, "$.PubStatus"),
        ({"embargoed-until": "2026-01-01"}, "$['embargoed-until']"),
        # two editions' names that do not agree
        ({"pubstatus": "usable", "pubStatus": "canceled"}, "$.pubStatus"),
        ({"embargoed": "2026-01-01", "embargoedUntil": "2026-01-02"}, "$.embargoedUntil"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(properties, field):
    assert refusal(**properties).field == field


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (
            {"pubstatus": "cancelled"},
            "$.pubstatus: must be one of usable, withheld, canceled (send one, or leave it out)",
        ),
        ({"mime_type": "x"}, "$.mime_type: is no ninjs property (did you mean mimetype?)"),
        (
            {"by": "A", "byline": "B"},
            "$.byline: must not differ from by (send one of the two)",
        ),
        (
            {"expires": "soon"},
            "$.expires: is not a time (write it like 2026-01-31T09:30:00+03:00)",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_would_be_right(properties, sentence):
    assert str(refusal(**properties)) == sentence


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31t09:30:00z", "2026-01-31T09:30:00+00:00"),
        (" 2026-01-31 09:30:00Z ", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31T09:30Z", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31T09:30:00+03:00", "2026-01-31T06:30:00+00:00"),
        ("2026-01-31T09:30:00-0330", "2026-01-31T13:00:00+00:00"),
        # no zone is UTC
        ("2026-01-31T09:30:00", "2026-01-31T09:30:00+00:00"),
        # RFC 3339 §5.7
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00+00:00"),
    ],
)
@pytest.mark.parametrize("name", ["versioncreated", "embargoed", "expires", "firstCreated"])
def test_a_time_is_read(time, expected, name):
    revision = read(**{name: time})
    times = {
        revision.version_created,
        revision.embargoed_until,
        revision.expires,
        revision.first_created,
    }
    assert times == {None, microseconds(expected)}


def test_of_a_second_microseconds_are_kept():
    revision = read(versioncreated="1970-01-01T00:00:00.1234567Z", expires="1970-01-01T00:00:00.5Z")
    assert (revision.version_created, revision.expires) == (123_456, 500_000)


def test_a_day_alone_never_shows_what_another_reading_hides():
    day = "2026-01-31"
    revision = read(versioncreated=day, firstcreated=day, embargoed=day, expires=day)
    begins, ends = microseconds("2026-01-31T00:00+00:00"), microseconds("2026-02-01T00:00+00:00")
    assert revision == replace(
        read(), version_created=begins, first_created=begins, embargoed_until=ends, expires=begins
    )


@pytest.mark.parametrize(
    "time",
    [
        "",
        " ",
        "Next Monday",
        "2026-02-30",
        "2026-13-01T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T09:60:00Z",
        "2026-01-31T09:30:61Z",
        "2026-01-31T09:30:00+24:00",
        "2026-01-31T09:30:00+03:60",
        "2026-01-31T09:30:00 CET",
        "2026-W05",
        "20260131",
        "1769841000",
        "٢٠٢٦-٠١-٣١",
        "1899-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31",
    ],
)
@pytest.mark.parametrize("name", ["versionCreated", "embargoed", "embargoedUntil", "expires"])
def test_what_is_no_time_is_refused(time, name):
    assert refusal(**{name: time}).field == f"$.{name}"


@pytest.mark.parametrize(
    ("version", "read_as"),
    [
        ("3", 3),
        (3, 3),
        (" 003 ", 3),
        ("0", 0),
        ("9" * 18, 10**18 - 1),
        # ninjs allows any string: one without an order leaves the order to the date
        ("1.2", None),
        ("second edition", None),
        ("٣", None),
        (None, None),
    ],
)
def test_a_version_is_a_number_or_leaves_the_order_to_the_date(version, read_as):
    assert read(version=version).version == read_as


@pytest.mark.parametrize("status", list(PubStatus))
@pytest.mark.parametrize("name", ["pubstatus", "pubStatus"])
def test_the_three_statuses(status, name):
    assert read(**{name: status}).status is status


@pytest.mark.parametrize("kind", ninjs.KINDS)
def test_every_kind_of_every_edition(kind):
    assert read(type=kind).kind == kind


def test_both_spellings_may_agree():
    assert read(pubstatus="usable", pubStatus="usable", embargoed=None).status is PubStatus.USABLE


@pytest.mark.parametrize(
    "properties",
    [
        {"x-note": "secret", "priority": 1, "_version": 4, "_type": "items", "extra": {"a": [1]}},
        {"body_new": "secret", "description_internal": "secret", "headline_seo": "secret"},
        {
            "headlines": [],
            "bodies": [{"value": " "}],
            "descriptions": [{"role": "x", "value": "s"}],
        },
        {"associations": None, "renditions": {}, "subject": [], "altids": {"other": "secret"}},
        {"title": "secret", "infosource": [], "wordcount": 3, "products": [{"code": 1}]},
        {"description_html": "<p> </p>", "body_html": "<script>secret</script>", "body_text": "\n"},
        {"evolvedfrom": "urn:x:1"},
        {"altids": [{"role": "feed"}, {"role": "etag", "value": "secret"}]},
    ],
)
def test_what_says_nothing_leaves_nothing(properties):
    assert read(**properties) == read()


@pytest.mark.parametrize(
    ("properties", "headline"),
    [
        ({"headline": " A <b> & B "}, "A <b> & B"),
        ({"headline": "A", "headlines": [{"value": "B"}]}, "A"),
        ({"headlines": [{"role": "short", "value": "A"}, {"role": "MAIN", "value": "B"}]}, "B"),
        ({"headlines": [{"role": "short", "value": "A"}, {"value": "B"}]}, "B"),
        ({"headlines": [{"role": "short", "value": "A"}]}, "A"),
        ({"headlines": [{"contenttype": "text/html", "value": "A <b>B</b> &amp; C"}]}, "A B & C"),
    ],
)
def test_the_headline_is_plain_text(properties, headline):
    assert read(**properties).headline == headline


def bodies(*items):
    names = ("role", "contentType", "value")
    return {"bodies": [dict(zip(names, item, strict=True)) for item in items]}


@pytest.mark.parametrize(
    ("properties", "body"),
    [
        ({"body_text": "a < b\n\nc"}, "<p>a &lt; b</p><p>c</p>"),
        ({"body_text": "<p>a</p>"}, "<p>&lt;p&gt;a&lt;/p&gt;</p>"),
        ({"body_text": "a", "body_xhtml": "<p>b</p>", "body_html": "<p>c</p>"}, "<p>c</p>"),
        ({"body_text": "a", "body_xhtml": "<p>b</p>", "body_html": " "}, "<p>b</p>"),
        ({"body_text": "a", "body_html": "<p></p>"}, "<p>a</p>"),
        ({"body_html": "<h1>a</h1><script>x</script>"}, "<h2>a</h2>"),
        (bodies(("text", "text/plain", "a"), ("x", "text/html", "<p>b</p>")), "<p>b</p>"),
        (bodies(("x", "text/html", "<p>a</p>"), ("main", "text/html5", "<p>b</p>")), "<p>b</p>"),
        (bodies(("summary", "text/html", "<p>a</p>"), ("", "text/plain", "b")), "<p>b</p>"),
        (bodies(("", "", "a & b")), "<p>a &amp; b</p>"),
        (bodies(("", "", "<p>a</p>")), "<p>a</p>"),
        (bodies(("text", "", "<p>a</p>")), "<p>&lt;p&gt;a&lt;/p&gt;</p>"),
        (bodies(("XHTML", "", "a &amp; b")), "a &amp; b"),
        (bodies(("", "application/xml", "<x/>"), ("", "text/plain", "a")), "<p>a</p>"),
    ],
)
def test_the_best_body_is_taken_as_clean_html(properties, body):
    assert read(**properties).body == body


def descriptions(*items):
    return {"descriptions": [{"role": role, "value": value} for role, value in items]}


@pytest.mark.parametrize(
    ("properties", "summary"),
    [
        ({"description_text": "a < b"}, "<p>a &lt; b</p>"),
        ({"description_text": "a", "description_html": "<p>b</p></b>"}, "<p>b</p>"),
        (descriptions(("text", "a"), ("abstract", "b")), "<p>b</p>"),
        (descriptions(("caption", "a"), ("", "b")), "<p>b</p>"),
        (descriptions(("caption", "a"), ("writer", "b")), "<p>a</p>"),
    ],
)
def test_the_summary_is_clean_html(properties, summary):
    assert read(**properties).summary == summary


@pytest.mark.parametrize(
    ("item", "concept"),
    [
        ({"code": "20000337", "name": " a  b "}, Concept(code="20000337", name="a b")),
        ({"code": 7}, Concept(code="7")),
        ({"literal": "x"}, Concept(code="x")),
        ({"uri": "https://a.example/1", "code": "x"}, Concept(code="https://a.example/1")),
        (
            {"code": "10006000", "scheme": "http://cv.iptc.org/newscodes/subjectcode/"},
            Concept(code="subj:10006000"),
        ),
        (
            {"code": "subj:10006000", "scheme": "http://cv.iptc.org/newscodes/subjectcode/"},
            Concept(code="subj:10006000"),
        ),
    ],
)
def test_a_concept_has_a_code_and_a_name(item, concept):
    assert read(subject=[item, item], subjects=[{}]).subjects == (concept,)
    assert read(genres=[item]).genres == (concept,)
    assert read(place=[item]).places == (concept,)
    assert read(service=[item]).services == (concept,)


@pytest.mark.parametrize(
    ("signal", "code"),
    [
        ({"code": "sig:correction"}, "correction"),
        ({"uri": "http://cv.iptc.org/newscodes/signal/correction/"}, "correction"),
        ({"name": "Correction"}, "correction"),
        ({"code": "cwarn", "name": "Content Warning"}, "cwarn"),
    ],
)
def test_signals_are_known_by_their_codes(signal, code):
    revision = read(signal=[signal])
    assert revision.signals == (code,)
    assert revision.is_correction is (code == "correction")


@pytest.mark.parametrize(
    ("altids", "guid"),
    [
        ({"altids": {"feed": "tag:a.example,2026:1", "etag": 5}}, "tag:a.example,2026:1"),
        ({"altIds": [{"role": "feed", "value": " "}, {"role": " FEED", "value": "b"}]}, "b"),
        ({"altIds": {"feed": None}}, None),
    ],
)
def test_the_newsroom_may_choose_the_feed_guid(altids, guid):
    assert read(**altids).feed_guid == guid


def picture(**properties):
    return {"type": "picture", "renditions": [{"name": "r", "href": "https://a.example/p"}]} | (
        properties
    )


SHOWN = MediaItem(kind="picture", renditions=(Rendition(name="r", href="https://a.example/p"),))


@pytest.mark.parametrize(
    ("item", "media"),
    [
        (picture(), (SHOWN,)),
        (picture(type="graphic"), (replace(SHOWN, kind="graphic"),)),
        (picture(headline="H", byline="B"), (replace(SHOWN, headline="H", credit="B"),)),
        (picture(copyrightholder="C"), (replace(SHOWN, credit="C"),)),
        (picture(description_text="a\nb"), (replace(SHOWN, caption="a b"),)),
        (picture(description_html="<p>a</p><p>b &amp; c"), (replace(SHOWN, caption="a b & c"),)),
        (picture(**descriptions(("summary", "a"))), (replace(SHOWN, caption="a"),)),
        # a text, or nothing to show
        (picture(type="text"), ()),
        (picture(type=None), ()),
        (picture(renditions=[]), ()),
        (picture(renditions=None, type=None), ()),
        (picture(renditions={"r": {"href": "ftp://a.example/p"}, "s": None, "t": {}}), ()),
        # not to be shown, or not yet
        (picture(pubstatus="withheld"), ()),
        (picture(pubstatus="canceled"), ()),
        (picture(pubstatus="gone"), ()),
        (picture(embargoed="2026-01-01"), ()),
        # its own associations are its own
        (picture(associations={"x": picture()}), (SHOWN,)),
    ],
)
def test_what_a_story_associates(item, media):
    assert read(associations={"a": item, "b": None}).media == media
    assert read(associations=[item]).media == media


@pytest.mark.parametrize(("until", "shown"), [("2026-01-01", True), ("2026-01-03", False)])
def test_media_wait_no_longer_than_their_story(until, shown):
    story = read(embargoed="2026-01-02", associations=[picture(embargoed=until)])
    assert story.media == ((SHOWN,) if shown else ())


def test_a_picture_is_its_own_first_item():
    assert read(**picture(), associations=[picture(headline="B")]).media == (
        SHOWN,
        replace(SHOWN, headline="B"),
    )
    assert read(**picture(type="text")).media == ()


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [("image/png", "picture"), ("video/mp4", "video"), ("audio/mpeg; x=1", "audio")],
)
def test_media_without_a_type_are_known_by_their_first_rendition(media_type, kind):
    item = {"renditions": {"r": {"href": "https://a.example/p", "mimetype": media_type}}}
    assert [m.kind for m in read(associations={"a": item}).media] == [kind]


@pytest.mark.parametrize(
    ("numbers", "rendition"),
    [
        ({"width": 640, "height": 480.0, "sizeInBytes": 1, "duration": 1.5}, (640, 480, 1, 1.5)),
        ({"width": 0, "height": -1, "sizeinbytes": 2**53, "duration": 0}, (None,) * 4),
        ({"width": 0.5, "height": 1e300, "duration": None}, (None,) * 4),
    ],
)
def test_a_rendition_has_its_measures(numbers, rendition):
    item = picture(renditions=[{"href": "http://a.example", "contentType": "x y"} | numbers])
    ((found,),) = (m.renditions for m in read(**item).media)
    assert (found.width, found.height, found.size, found.duration) == rendition
    assert (found.name, found.media_type) == ("", "")


NAMES = (
    "uri guid type version versioncreated embargoedUntil pubStatus urgency language headline"
    " headlines body_html body_text bodies descriptions subject subjects place keywords renditions"
    " associations altIds altids signal evolvedfrom role value code href width contentType"
)
NAME = st.sampled_from(NAMES.split())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["2026-01-31", "picture", "usable", "https://a.example/", "<p>x</p>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=5),
    max_leaves=20,
)


@given(st.binary() | st.dictionaries(NAME, VALUES, max_size=8))
def test_any_message_is_read_or_refused(message):
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    try:
        revision = ninjs.parse(raw)
    except Invalid as error:
        assert str(error)  # noqa: PT017 - either outcome is one
    else:
        assert revision == ninjs.parse(raw)
        hash(revision)


@given(st.dictionaries(NAME, VALUES, max_size=8))
def test_a_refused_field_has_a_path_and_a_remedy(message):
    try:
        ninjs.parse(json.dumps(message).encode())
    except Unacceptable as error:
        assert error.field.startswith("$")  # noqa: PT017 - only a refusal is looked at
        assert error.remedy  # noqa: PT017
    except Invalid:
        pass


# --- the IPTC's own examples ---------------------------------------------------------------------

EXAMPLES = [f"ninjs/{edition}" for edition in ("1.4", "2.1", "3.0")]
SUITE = "ninjs/validation/1.0"

#: The suite passes what its validator does not look at: "bad datetime", as the files' names say.
#: Publishing at a time that cannot be read would be guessing, so these are refused.
NO_TIMES = {
    "016_versioncreated_bad_datetime": "$.versioncreated: is not a time",
    "019_embargoed_bad_datetime": "$.embargoed: is not a time",
}
#: The reason each file's name gives.
REASONS = {
    "001_no_uri_declared": "$.uri: is missing",
    "002_type_invalid": "$.type: must be one of",
    "003_malformed_property": "$.mime_type: is no ninjs property",
    "004_representationtype_invalid": "$.representationtype: must be one of",
    "005_profile_must_be_string": "$.profile: must be a string",
    "006_version_must_be_string": "$.version: must be a string",
    "007_pubstatus_cancelled": "$.pubstatus: must be one of usable, withheld, canceled",
    "008_usageterms_object": "$.usageterms: must be a string",
    "009_body_text_with_cr": "malformed: invalid character, near line 3",
    # The next three are not JSON, which is found before what their names say.
    "010_body_must_be_string": "malformed: expected ',' or '}', near line 7",
    "011_description_must_be_string": "malformed: expected ',' or '}', near line 7",
    "012_location_not_object": "malformed: trailing comma in array, near line 10",
    "013_person_not_string": "$.person: must be an array of objects",
    "015_pubstatus_commissioned": "$.pubstatus: must be one of usable, withheld, canceled",
    "017_description_extension": "$['description_*&^%']: has characters",
}
#: Wrong in ninjs 1.0 alone, which added them later; nothing in a message says which 1.x it is.
LATER = {"014_type_component", "016_infosource"}


def sample_files(*folders):
    return [path for folder in folders for path in sorted((SAMPLES / folder).glob("*.json"))]


def name(path):
    return path.stem if isinstance(path, Path) else None


@needs_samples
@pytest.mark.parametrize("path", sample_files(*EXAMPLES), ids=name)
def test_iptc_examples_are_taken(path):
    ((_, message),) = messages([path.read_bytes()])
    revision = ninjs.parse(message)
    assert revision.guid
    assert revision.headline or revision.summary


@needs_samples
@pytest.mark.parametrize("path", sample_files(f"{SUITE}/should_pass"), ids=name)
def test_what_the_suite_passes_is_taken(path):
    if path.stem in NO_TIMES:
        with pytest.raises(Unacceptable) as refused:
            ninjs.parse(path.read_bytes())
        assert str(refused.value).startswith(NO_TIMES[path.stem])
        return
    assert ninjs.parse(path.read_bytes()).guid == json.loads(path.read_bytes())["uri"]


@needs_samples
@pytest.mark.parametrize("path", sample_files(f"{SUITE}/should_fail"), ids=name)
def test_what_the_suite_fails_is_refused_for_its_reason(path):
    if path.stem in LATER:
        assert ninjs.parse(path.read_bytes()).guid == path.stem
        return
    with pytest.raises(Invalid) as refused:
        ninjs.parse(path.read_bytes())
    assert REASONS[path.stem] in str(refused.value)


@needs_samples
def test_no_file_of_the_suite_is_forgotten():
    assert {path.stem for path in sample_files(f"{SUITE}/should_fail")} == {*REASONS, *LATER}
    assert {path.stem for path in sample_files(f"{SUITE}/should_pass")} >= set(NO_TIMES)


REUTERS = SAMPLES / "reuters-21578" / "stories.ninjs.jsonl"


@pytest.mark.skipif(not REUTERS.is_file(), reason=f"no {REUTERS}: set WIREFEED_SAMPLES")
def test_a_year_of_a_wire_is_read():
    with REUTERS.open("rb") as file:
        revisions = [ninjs.parse(message) for _, message in messages(file)]
    assert len({revision.guid for revision in revisions}) == 5_968
    assert all(revision.version_created for revision in revisions)
    begin = int(datetime(1987, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert min(revision.version_created or 0 for revision in revisions) > begin
