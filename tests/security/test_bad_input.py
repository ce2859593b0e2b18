"""Bad messages of every kind: a clear answer, nothing lost, and every feed still well-formed.

S-59, S-60, S-62 and S-68 of the threat model, and any bytes at all. Every answer passes
`Answer.check`, every line of the log `Log.check`.
"""

import gzip
import json
import re
import zlib
from xml.parsers import expat

import lxml.etree
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import SOAK
from tests.security import raw
from tests.security.feeding import EVIL, JSON, post, story
from tests.security.guarded import READING, VALUES, Gate
from wirefeed.domain.stories import story_id
from wirefeed.storage import dead_letters

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Everything that may be answered to a POST of a story by a newsroom.
PUBLISHED = {200, 201, 400, 409, 413, 415, 422}
#: Everything that may be answered to a GET.
READ = {200, 304, 400, 401, 403, 404, 405, 410, 417, 505}


# --- S-59 -----------------------------------------------------------------------------------------

NASTY = [
    "]]>", "<", "&", "&#0;", "&#x1F;", "".join(map(chr, range(32))), "\x7f\x85", "\ufffe\uffff",
    "\u2028\u2029", "\u202e\u2066", "\U0001f600\U0010ffff", "<![CDATA[x", "<?xml?>", "--><!--",
    "&nbsp;&bogus;", "<p", '"\'', "\\u0000", "a" * 9_000, "<b>\u0301", "\r\n\r\n",
]  # fmt: skip


async def test_s59_whatever_a_story_says_its_feeds_are_well_formed(gate: Gate):
    for number, text in enumerate(NASTY):
        named = story(uri=f"urn:test:nasty:{number}", subject=[{"code": "medtop:15000000"}])
        texts = {"headline": text, "byline": text, "slugline": text, "copyrightnotice": text}
        more = {
            "body_html": f"<p>{text}</p>",
            "description_text": text,
            "keywords": [text[:100], "k"],
            "ednote": text,
            "associations": {
                "a": {
                    "type": "picture",
                    "headline": text,
                    "description_text": text,
                    "renditions": {"r": {"href": "https://x.example/i.jpg"}},
                }
            },
        }
        answer = await post(gate, msgspec.json.encode(named | texts | more))
        assert answer.status == 201, (text, answer)
    token = f"Authorization: Bearer {gate.reading.token}"
    for path, lines in (("/en/topics/sport", []), ("/subscriber/en/topics/sport", [token])):
        for form in ("rss", "atom"):
            request = raw.get(f"{path}.{form}", *lines)
            body = (await raw.ask(gate.agency.port, request)).body
            assert body.count(b"nasty") >= len(NASTY)
            expat.ParserCreate(namespace_separator=" ").Parse(body, True)
            lxml.etree.fromstring(body, lxml.etree.XMLParser(resolve_entities=False))
        body = (await raw.ask(gate.agency.port, raw.get(f"{path}.json", *lines))).body
        assert len(msgspec.json.decode(body)["items"]) >= len(NASTY)
    await raw.ask(gate.agency.port, raw.get("/en/"))
    page = raw.get("/subscriber/en/topics/sport.rss", token, "Sec-Fetch-Dest: document")
    await raw.ask(gate.agency.port, page)


@pytest.mark.parametrize(
    "body",
    [
        b'{"uri": "a\xff"}',
        b'{"uri": "a\xc0\xae"}',
        b'{"uri": "\xed\xa0\x80"}',
        b'{"uri": "a", "headline": "\\ud800"}',
        b'{"uri": "a", "headline": "\\udc00\\ud800"}',
        '{"uri": "a"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"uri": "a"}',
    ],
)
async def test_s59_text_that_is_not_utf8_is_a_bad_request(gate: Gate, body: bytes):
    assert (await post(gate, body)).status == 400


# --- S-60 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"", {400}),
        (b" ", {400}),
        (b"null", {400}),
        (b"[]", {400}),
        (b'"x"', {400}),
        (b"1", {400}),
        (b"{}", {422}),
        (b"{", {400}),
        (b'{"uri": "x"} trailing', {400}),
        (b'{"uri": "x"}{"uri": "y"}', {400}),
        (b'{"uri": "x", "uri": "y"}', {400}),
        (b"{'uri': 'x'}", {400}),
        (b'{"uri": "x",}', {400}),
        (b'{"uri": "x" /* c */}', {400}),
        (b"[" * 100_000, {400}),
        (b'{"a":' * 100_000, {400}),
        (b'{"uri": "x", "extra": ' + b"[" * 900 + b"]" * 900 + b"}", {200, 201, 400}),
        (b'{"uri": "x", "urgency": NaN}', {400}),
        (b'{"uri": "x", "urgency": Infinity}', {400}),
        (b'{"uri": "x", "urgency": 1e999}', {400, 422}),
        (b'{"uri": "x", "urgency": ' + b"9" * 5_000 + b"}", {400, 422}),
        (b'{"uri": "x", "version": 9223372036854775808}', {400, 422}),
        (b'{"uri": "x", "version": 18446744073709551616}', {400, 422}),
        (b'{"uri": "x", "version": "9999999999999999999999"}', {422}),
        (b'{"uri": "x", "version": true}', {422}),
        (b'{"uri": {"$gt": ""}}', {422}),
        (b'{"uri": 1}', {422}),
        (b'{"uri": ""}', {422}),
        (b'{"uri": "x", "language": "../../etc"}', {422}),
        (b'{"uri": "x", "versioncreated": "yesterday"}', {422}),
        (b'{"uri": "x", "versioncreated": "9999-12-31T23:59:59Z"}', {422}),
        (b'{"uri": "x", "pubstatus": "sold"}', {422}),
        (b'{"uri": "x", "pub_status": "withheld"}', {422}),
        (b'{"uri": "x", "headline": []}', {422}),
        (b'{"uri": "x", "subject": {"code": "x"}}', {422}),
        (b'{"uri": "' + b"x" * 2_000 + b'"}', {422}),
        (json.dumps({"uri": "x", **{f"k{n}": n for n in range(50_000)}}).encode(), {201, 200}),
        (json.dumps({"uri": "x", "keywords": ["k"] * 50_000}).encode(), {422}),
        (b'{"uri": "x", "headline": "' + b"x" * 2_097_152 + b'"}', {413}),
    ],
)
async def test_s60_a_message_that_is_no_story_is_refused_and_kept(
    gate: Gate, body: bytes, statuses: set[int]
):
    before = await refused(gate)
    answer = await post(gate, body)
    assert answer.status in statuses, answer
    if answer.status in {400, 422}:
        assert answer.problem()["detail"]
        assert await refused(gate) == before + 1


@pytest.mark.parametrize("key", ["__proto__", "constructor", "__class__", "toString", "$where"])
async def test_s60_a_name_that_means_something_elsewhere_means_nothing_here(gate: Gate, key: str):
    answer = await post(gate, msgspec.json.encode(story(uri=f"urn:test:{key}", **{key: {"a": 1}})))
    assert answer.status == 201


async def refused(gate: Gate) -> int:
    """Count what was refused: it is kept, so that nothing is lost."""
    async with gate.agency.services.database.reading() as connection:
        return len(await dead_letters.listing(connection, 100_000))


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/xml", "application/json; charset=utf-16", "text/json",
     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx",
     "application/json, text/plain", "x", "/", ";", "application/json\t;charset=latin-1"],
)  # fmt: skip
async def test_s60_only_json_in_utf8_is_read(gate: Gate, content_type: str):
    answer = await post(gate, msgspec.json.encode(story()), f"Content-Type: {content_type}")
    assert answer.status == 415


# --- S-62 -----------------------------------------------------------------------------------------

ADDRESSES = [
    "javascript:alert(1)", "java\tscript:alert(1)", "&#14;javascript:alert(1)", "JAVASCRIPT:x",
    "data:text/html,<script>x</script>", "vbscript:x", "//evil.example/x", "\\\\evil.example",
    'http://x" onx=y', "http://x' onx='y", "file:///etc/passwd", "ftp://evil.example/", "blob:x",
    "http://", "https:evil", "\x01javascript:x", "https://" + "x" * 10_000, "about:blank",
    "view-source:http://x", "http:\\\\evil.example", "https://x.example/\r\nX: y", "jar:http://x",
]  # fmt: skip


async def test_s62_an_address_is_absolute_and_of_the_web_or_it_is_none(gate: Gate):
    for number, address in enumerate(ADDRESSES):
        escaped = address.replace("&", "&amp;").replace('"', "&quot;")
        rendition = {"href": address, "mimetype": "image/jpeg"}
        sent = story(
            uri=f"urn:test:address:{number}",
            subject=[{"code": "medtop:15000000"}],
            body_html=f'<p>a <a href="{escaped}">b</a><img src="{escaped}" alt="c">'
            f"<blockquote cite=\"{escaped}\">d</blockquote><a href='{address}'>e</a></p>",
            associations={
                "a": {"type": "picture", "headline": "c", "renditions": {"r": rendition}}
            },
        )
        assert (await post(gate, msgspec.json.encode(sent))).status == 201, address
    token = f"Authorization: Bearer {gate.reading.token}"
    request = raw.get("/subscriber/en/topics/sport.json", token)
    feed = msgspec.json.decode((await raw.ask(gate.agency.port, request)).body)
    items = [item for item in feed["items"] if item["id"].startswith("urn:test:address:")]
    assert len(items) == len(ADDRESSES)
    for item in items:
        found = re.findall(r'(?:href|src|cite)="([^"]*)"', item["content_html"])
        found += [one["url"] for one in item.get("attachments", ())]
        for address in found:
            assert re.match(r"(?i)(?:https?://[^/\s\\]|mailto:)", address), item
            assert len(address) <= 2_048
            assert EVIL not in address
        assert not re.search(r"(?i)\son\w+=", item["content_html"]), item


# --- S-68 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", lambda raw_body: b"\x0b\x02\x80" + raw_body),
        ("zstd", lambda raw_body: b"\x28\xb5\x2f\xfd" + raw_body),
        ("gzip, gzip", lambda raw_body: gzip.compress(gzip.compress(raw_body))),
        ("gzip", lambda raw_body: gzip.compress(raw_body)[:-9]),
        ("gzip", lambda raw_body: gzip.compress(raw_body)[:-8] + b"\0" * 8),
        ("gzip", lambda raw_body: gzip.compress(b"") * 2_000 + gzip.compress(raw_body)),
        ("gzip", lambda raw_body: raw_body),
        ("compress", lambda raw_body: raw_body),
        ("identity, gzip", gzip.compress),
        ("gzip;q=1", gzip.compress),
    ],
)
async def test_s68_a_compressed_body_is_not_taken(gate: Gate, coding: str, compress):
    body = compress(msgspec.json.encode(story()))
    answer = await post(gate, body, JSON, f"Content-Encoding: {coding}")
    assert answer.status in {400, 415}


async def test_s68_a_bomb_is_refused_for_being_compressed(gate: Gate):
    bomb = gzip.compress(b"{" + b" " * 20_000_000)
    assert (await post(gate, bomb, JSON, "Content-Encoding: gzip")).status in {413, 415}


# --- any bytes at all -----------------------------------------------------------------------------

_EXAMPLES = settings(
    max_examples=500 if SOAK else 60,
    # The log is looked at once for all examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["uri", "version", "versioncreated", "pubstatus", "language", "headline", "headlines", "bodies",
     "subject", "subjects", "associations", "renditions", "altids", "embargoed", "expires",
     "keywords", "urgency", "evolvedfrom", "type", "place", "signal", "body_html", "by", "edNote"]
)  # fmt: skip


@given(body=st.binary(max_size=300))
@example(body=b"")
@_EXAMPLES
async def test_any_bytes_are_answered_with_a_published_status(gate: Gate, body: bytes):
    assert (await post(gate, body)).status in PUBLISHED


@given(members=st.dictionaries(_NAMES, _JSON, max_size=6))
@_EXAMPLES
async def test_any_members_are_answered_with_a_published_status(gate: Gate, members):
    try:
        body = json.dumps({"uri": "urn:test:any"} | members).encode()
    except UnicodeEncodeError:
        return
    assert (await post(gate, body)).status in PUBLISHED


_SEGMENTS = st.lists(
    st.sampled_from(
        ["en", "tr", "latest.rss", "topics", "sport.json", "stories", "f", "subscriber", "api",
         "v1", "admin", "static", "wirefeed.css", "..", ".", "", "%2e", "a;b", "opml", "healthz"]
    )
    | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=12),
    max_size=5,
)  # fmt: skip


@given(segments=_SEGMENTS, tail=st.sampled_from(["", "/", "?", "?x=%", "#", ".rss", "%00"]))
@_EXAMPLES
async def test_any_address_is_answered_and_never_with_a_bug(gate: Gate, segments, tail):
    request = raw.get("/" + "/".join(segments) + tail)
    assert (await raw.ask(gate.agency.port, request)).status in READ


_HEADERS = st.sampled_from(
    ["Authorization", "Cookie", "If-None-Match", "If-Modified-Since", "Accept", "Range", "Expect",
     "Sec-Fetch-Dest", "Connection"]
)  # fmt: skip


@given(value=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60), name=_HEADERS)
@_EXAMPLES
async def test_any_header_is_answered_and_never_with_a_bug(gate: Gate, name, value):
    for path in (READING, "/en/latest.rss", f"/subscriber/en/stories/{VALUES['id'][0]}"):
        request = raw.get(path, f"{name}: {value}")
        answers = await raw.send(gate.agency.port, request)
        assert {a.check().status for a in answers if a.status != 100} <= READ, (path, answers)


async def test_a_server_that_was_fed_all_this_still_serves(gate: Gate):
    assert (await raw.ask(gate.agency.port, raw.get("/healthz"))).status == 200
    absent = raw.get(f"/en/stories/{story_id('urn:none')}")
    assert (await raw.ask(gate.agency.port, absent)).status == 404
