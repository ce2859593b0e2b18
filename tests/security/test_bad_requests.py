"""Bad requests of every kind: addresses, headers, methods, framing, credentials out of place.

S-35 to S-37, S-41, S-42, S-63, S-64 and S-66 of the threat model. Every answer passes
`Answer.check`, every line of the log `Log.check`.
"""

import msgspec
import pytest

from tests.security import raw
from tests.security.feeding import EVIL, post, public_paths, story
from tests.security.guarded import READING, VALUES, Gate
from tests.security.oracle import Log
from tests.security.raw import basic
from tests.security.routes import table
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.handovers import KeyTerms
from wirefeed.web.request import KEY_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- S-35 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tail",
    ["/x.css", ";x.css", "%3bx.css", "%2fx.css", "%3fx.css", "%23x.css", "%0ax.css", "%00.css",
     ".css", "/..%2fx.css", "%20", "%ff", "/", "//", "\\x.css", "%252fx.css", "/.", "/..;/x"],
)  # fmt: skip
async def test_s35_no_private_document_answers_to_the_name_of_a_static_file(gate: Gate, tail: str):
    for path in (f"/f/{gate.key}/en/latest.rss", READING, f"/f/{gate.key}/opml"):
        answer = await raw.ask(gate.agency.port, raw.get(path + tail, basic(f"x:{gate.key}")))
        assert answer.status == 404, (path, tail)
        assert answer.header("cache-control") == "no-store"


async def test_s35_a_static_name_before_a_private_one_is_neither(gate: Gate):
    for path in (
        f"/static/..%2ff/{gate.key}/en/latest.rss",
        f"/static/../f/{gate.key}/en/latest.rss",
        f"//static/f/{gate.key}/en/latest.rss",
        f"/static/wirefeed.css/f/{gate.key}/en/latest.rss",
        f"/f/{gate.key}/en/latest.rss%2f..%2f..%2fstatic%2fwirefeed.css",
    ):
        assert (await raw.ask(gate.agency.port, raw.get(path))).status == 404, path


async def test_s35_a_query_makes_a_private_document_no_less_private(gate: Gate):
    path = f"/f/{gate.key}/en/latest.rss"
    plain = await raw.ask(gate.agency.port, raw.get(path))
    answer = await raw.ask(gate.agency.port, raw.get(f"{path}?x.css"))
    assert answer.settled == plain.settled
    assert answer.header("cache-control").startswith("private")


# --- S-36 -----------------------------------------------------------------------------------------

POISONS = [
    [f"X-Forwarded-Host: {EVIL}", f"Forwarded: host={EVIL};proto=https;for={EVIL}"],
    ["X-Forwarded-Proto: gopher", f"X-Forwarded-For: {EVIL}", f"X-Forwarded-Prefix: /{EVIL}"],
    [f"X-Original-URL: /{EVIL}", f"X-Rewrite-URL: /{EVIL}", f"X-Host: {EVIL}"],
    ["X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT", "X-Method-Override: POST"],
    ["Accept-Language: tr", f"Origin: https://{EVIL}", f"Cookie: lang=tr; x={EVIL}"],
    [f"Referer: https://{EVIL}/", f"User-Agent: {EVIL}", "Accept: text/html", "Pragma: no-cache"],
    [f"X-Accel-Redirect: /{EVIL}", f"Surrogate-Capability: {EVIL}", f"Via: 1.1 {EVIL}"],
]


async def test_s36_no_header_changes_a_byte_of_what_the_next_one_gets(gate: Gate):
    for path in [*public_paths(), f"/f/{gate.key}/en/latest.rss", "/nothing"]:
        clean = await raw.ask(gate.agency.port, raw.get(path))
        for poison in POISONS:
            poisoned = await raw.ask(gate.agency.port, raw.get(path, *poison))
            assert poisoned.settled == clean.settled, (path, poison)
            assert EVIL.encode() not in poisoned.head + poisoned.body
        again = await raw.ask(gate.agency.port, raw.get(path))
        assert again.settled == clean.settled


async def test_s36_a_readers_own_page_follows_its_language_and_names_its_clients(gate: Gate):
    """Nothing else of a request changes it, and it is kept by nobody."""
    path = f"{await gate.agency.feed_key('reader')}/"
    clean = await raw.ask(gate.agency.port, raw.get(path))
    named = ("Accept-Language", "User-Agent")
    for poison in POISONS:
        if not any(header.startswith(named) for header in poison):
            poisoned = await raw.ask(gate.agency.port, raw.get(path, *poison))
            assert poisoned.settled == clean.settled, poison
    for wanted in ("tr", f"{EVIL}, tr;q=0.1", "tr;q=2, *;q=1, tr-TR", "," * 5_000, "a-" * 3_000):
        answer = await raw.ask(gate.agency.port, raw.get(path, f"Accept-Language: {wanted}"))
        assert answer.status == 200
        assert answer.header("cache-control") == "private, no-store"
        assert answer.header("vary") == "Accept-Language"
        assert EVIL.encode() not in answer.head + answer.body
    assert (await raw.ask(gate.agency.port, raw.get(path))).settled == clean.settled
    # Who asks for its feeds is told to its owner: by a name, and as text.
    for agent, shown in (
        ("<b>x</b>", b"Not named"),
        ("a" * 500, b"Not named"),
        ("Nifty/1", b">Nifty<"),
    ):
        answer = await raw.ask(gate.agency.port, raw.get(path, f"User-Agent: {agent}"))
        assert shown in answer.body
        assert b"<b>x" not in answer.body
        assert b"aaaa" not in answer.body


@pytest.mark.parametrize("host", [EVIL, "a b", f"{EVIL}/@x", f"{EVIL}:99999", "[::1", "x" * 300])
async def test_s36_a_host_is_never_repeated(gate: Gate, host: str):
    for path in public_paths():
        clean = await raw.ask(gate.agency.port, raw.get(path))
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        answer = await raw.ask(gate.agency.port, request)
        assert answer.settled == clean.settled or answer.status == 400, path
        assert host.encode() not in answer.head + answer.body


async def test_s36_an_absolute_target_is_read_for_its_path_alone(gate: Gate):
    for path in public_paths():
        clean = await raw.ask(gate.agency.port, raw.get(path))
        for scheme in ("http", "https"):
            answer = await raw.ask(gate.agency.port, raw.get(f"{scheme}://{EVIL}{path}"))
            assert answer.settled == clean.settled or answer.status == 400
            assert EVIL.encode() not in answer.head + answer.body


async def test_s36_a_request_names_one_host(gate: Gate):
    for lines in ("", f"Host: news.example\r\nHost: {EVIL}\r\n"):
        request = f"GET /en/latest.rss HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode()
        assert (await raw.ask(gate.agency.port, request)).status == 400


async def test_s36_a_body_of_a_get_changes_nothing(gate: Gate):
    for path in public_paths():
        clean = await raw.ask(gate.agency.port, raw.get(path))
        fat = raw.get(f"{path}?a=1&a=2&utm_source=x", "Content-Length: 9") + b"topic=all"
        assert (await raw.ask(gate.agency.port, fat)).settled == clean.settled


# --- S-37 -----------------------------------------------------------------------------------------


async def link(gate: Gate) -> str:
    return (await gate.agency.services.handovers.issue("reader", KeyTerms())).secret


async def test_s37_a_route_has_its_methods_and_says_so(gate: Gate):
    secrets = {"key": [gate.key], "secret": [await link(gate)]}
    methods: dict[str, set[str]] = {}
    for route in table():
        methods.setdefault(route.template, set()).add(route.method)
    for route in table():
        if route.method == "HEAD":
            continue
        (path,) = route.paths(VALUES | secrets)
        others = {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"}
        for method in sorted(others - methods[route.template]):
            answer = await raw.ask(gate.agency.port, raw.get(path, method=method))
            assert answer.status == 405, (method, path)
            assert route.method in answer.header("allow").split(", ")
            assert answer.problem()["status"] == 405
            assert "access-control-allow-origin" not in dict(answer.headers)
        for method in ("FOO", "get", "G ET", "GET\t"):
            assert (await raw.ask(gate.agency.port, raw.get(path, method=method))).status == 400


async def test_s37_head_is_get_without_its_body(gate: Gate):
    headers = {"": [], "good": [basic(f"x:{gate.key}")], "bad": ["Authorization: Bearer x"]}
    secrets = {"key": [gate.key], "secret": [await link(gate)]}
    for route in table():
        if route.method != "GET":
            continue
        (path,) = route.paths(VALUES | secrets)
        for name, lines in headers.items():
            whole = await raw.ask(gate.agency.port, raw.get(path, *lines))
            request = raw.get(path, *lines, method="HEAD")
            head = await raw.ask(gate.agency.port, request, method=b"HEAD")
            assert head.settled[:2] == whole.settled[:2], (path, name)
            assert head.body == b""


async def test_s37_no_origin_may_read_with_anothers_credentials(gate: Gate):
    for path in [*public_paths(), READING, f"/f/{gate.key}/en/latest.json"]:
        lines = [f"Origin: https://{EVIL}", "Access-Control-Request-Method: GET"]
        for method in ("GET", "OPTIONS"):
            answer = await raw.ask(gate.agency.port, raw.get(path, *lines, method=method))
            assert not [name for name, _ in answer.headers if name.startswith("access-control")]


# --- S-41 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"\x00\x01\x02\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: y\r\n\r\n"),
        (400, b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
        (404, raw.get("/nowhere")),
        (404, raw.get("/%")),
        (404, raw.get("*", method="OPTIONS")),
        (405, raw.get("/", method="DELETE")),
        (417, raw.get("/en/", "Expect: qzexpectation")),
        (417, raw.get("/nowhere", "Expect: qzexpectation")),
        (505, raw.get("/", version="2.0")),
    ],
)
@pytest.mark.parametrize("dest", ["", "Sec-Fetch-Dest: document\r\n"])
async def test_s41_an_error_says_its_status_and_no_more(
    gate: Gate, status: int, request_bytes: bytes, dest: str
):
    request = request_bytes.replace(b"Host: ", dest.encode() + b"Host: ", 1)
    (answer,) = await raw.send(gate.agency.port, request)
    assert answer.check().status == status
    assert b"qzexpectation" not in answer.head + answer.body
    if answer.header("content-type").startswith("application/problem+json"):
        assert answer.problem()["status"] == status
        assert set(answer.problem()) <= {"type", "title", "status", "detail", "field", "remedy"}


# --- S-42 -----------------------------------------------------------------------------------------


async def test_s42_a_credential_in_the_wrong_place_is_written_nowhere(gate: Gate, log: Log):
    """Each kind, whole and broken, wherever it may be put; the log is at its most talkative."""
    kinds = [
        gate.reading.token,
        gate.writing.token,
        gate.key,
        make_secret(SecretKind.FEED, b"\x02" * 32),
    ]
    log.secrets |= {secret[:24] for secret in kinds} | {secret[-24:] for secret in kinds}
    for secret in kinds:
        for broken in (secret, secret[:-1], f"{secret}x", secret.upper(), secret.replace(".", "")):
            log.secrets.add(broken)
            for request in (
                raw.get(f"/en/latest.rss?key={broken}"),
                raw.get(f"{READING}?access_token={broken}"),
                raw.get(f"/en/topics/{broken}.rss"),
                raw.get(f"/{broken}/latest.rss"),
                raw.get(f"/{broken}"),
                raw.get(f"/f/{broken}/en/topics/{broken}.rss"),
                raw.get(f"/en/stories/{broken}"),
                raw.get(f"/en/stories/{VALUES['id'][0]}/{broken}"),
                raw.get("/en/", f"User-Agent: {broken}", f"Referer: https://x/{broken}"),
                raw.get("/en/", f"Cookie: {KEY_COOKIE}={broken}; {broken}=1", f"{broken[:9]}: 1"),
                raw.get("/en/", f"Expect: {broken}"),
                raw.get(READING, f"Authorization: {broken}"),
                raw.get(READING, f"Authorization: Bearer {broken}\x00"),
                raw.get(READING, f"Authorization: Bearer\r\n {broken}"),
                raw.get(READING, f"Authorization: Bearer {broken}{'A' * 9_000}"),
                raw.get(f"/f/{broken}\x00/en/latest.rss"),
                raw.get(f"/f/{broken}%00/en/latest.rss"),
                raw.get(f"/f/{broken}/en/latest.rss", version="2.0"),
                raw.get("/en/latest.rss", method=broken[:12]),
                f"GET /en/ HTTP/1.1\r\nHost: {broken}\r\nConnection: close\r\n\r\n".encode(),
            ):
                await raw.ask(gate.agency.port, request)
    for secret in kinds:
        body = msgspec.json.encode({"uri": 1, secret: secret})
        await post(gate, body)
        await post(gate, secret.encode())
        await post(gate, body, f"Content-Type: {secret[:60]}/x")


# --- S-63, S-64 -----------------------------------------------------------------------------------

BREAKS = ["\r\n", "%0d%0a", "%0D%0ASet-Cookie:%20x=y", "\u010d\u010a", "\0", "%00", "%E5%98%8A"]


async def test_s63_nothing_in_an_address_becomes_a_header(gate: Gate):
    plain = await raw.ask(gate.agency.port, raw.get("/nothing"))
    for mark in ("%0d%0aX-Injected:%20y", "%0aX-Injected:y", "%E5%98%8D%E5%98%8AX-Injected:y"):
        for path in (
            f"/en/topics/sport{mark}.rss",
            f"/en/stories/{VALUES['id'][0]}/{mark}",
            f"/f/{gate.key}{mark}/en/latest.rss",
            f"/{mark}",
            f"/en{mark}/latest.rss",
        ):
            answer = await raw.ask(gate.agency.port, raw.get(path))
            assert answer.settled == plain.settled, path
        query = await raw.ask(gate.agency.port, raw.get(f"/en/latest.rss?{mark}"))
        assert query.status == 200
        assert "x-injected" not in dict(query.headers)


async def test_s63_nothing_in_a_story_becomes_a_header(gate: Gate):
    names = None
    for number, mark in enumerate(["", *BREAKS, "\nX-Injected: y"]):
        for field in ("headline", "slugline", "language", "uri", "version"):
            sent = story(uri=f"urn:test:break:{number}:{field}") | {field: f"urn:x{mark}{number}"}
            if field == "language":
                sent["language"] = f"en{mark}"
            answer = await post(gate, msgspec.json.encode(sent))
            assert answer.status in {200, 201, 422}, answer
            assert "x-injected" not in dict(answer.headers)
            if answer.status == 201:
                names = names or {name for name, _ in answer.headers}
                assert {name for name, _ in answer.headers} - {"location"} == names - {"location"}


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fadmin", "..%2F..%2Fetc%2Fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc",
     "%c0%ae%c0%ae/etc/passwd", "....//....//etc/passwd", "%252e%252e%252f", "..;/etc",
     "../../../../etc/passwd", ".%00./", "..%5c..%5c", "~root/", "file:///etc/passwd", "C:\\x"],
)  # fmt: skip
async def test_s64_no_address_leaves_the_table_of_routes(gate: Gate, path: str):
    for prefix in (
        "/", "/static/", "/en/", "/en/topics/", "/en/stories/", f"/f/{gate.key}/",
        f"/f/{gate.key}/en/topics/", "/subscriber/en/", "/.well-known/", "/api/v1/",
    ):  # fmt: skip
        for tail in ("", ".rss", ".css"):
            request = raw.get(f"{prefix}{path}{tail}", basic(f"x:{gate.key}"))
            answer = await raw.ask(gate.agency.port, request)
            assert answer.status in {400, 404}, (prefix, path)
            assert b"root:" not in answer.body
