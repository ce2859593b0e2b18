"""What is asked of twin worlds: a script, the same for both, driven by the route table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tests.security import raw
from tests.security.raw import Answer
from tests.security.routes import Route
from tests.security.twin_origin import Caller
from tests.security.twin_worlds import Twins
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.stories import story_id

FORMS = ("rss", "atom", "json")
_NO_LINK = make_secret(SecretKind.HAND_OVER, bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request of a script."""

    path: str
    method: str = "GET"
    headers: tuple[str, ...] = ()

    def bytes(self, caller: Caller) -> bytes:
        return raw.get(self.path, *caller.headers, *self.headers, method=self.method)

    def __str__(self) -> str:
        return " ".join((self.method, self.path, *self.headers))


#: How a question may be worded besides plainly.
_WORDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("GET", ("Sec-Fetch-Dest: document",)),
    ("HEAD", ()),
    ("GET", ("Accept: application/json;q=1, */*", "Accept-Encoding: gzip, br, zstd")),
    ("GET", ("If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT",)),
    ("POST", ("Content-Length: 0",)),
    ("GET", ("Sec-Fetch-Dest: document",)),
    ("GET", ("Range: bytes=0-99", "A-IM: feed")),
    ("GET", ("If-None-Match: *", "If-Modified-Since: Sun, 01 Mar 2026 12:20:00 GMT")),
    ("HEAD", ("Sec-Fetch-Dest: document",)),
    ("OPTIONS", ()),
    ("GET", ("Expect: nothing",)),
    ("GET", ("If-Modified-Since: Sun, 01 Mar 2026 12:20:00 GMT",)),
    ("DELETE", ()),
)


def values(twins: Twins, caller: Caller) -> dict[str, Sequence[str]]:
    """Say what the parameters of routes may be: they reach every story, and some that are not."""
    return {
        "lang": ["en", "tr", "ar", "de"],
        "topic": ["sport", "economy", "markets", "politics", "desk-only", "none"],
        "format": FORMS,
        "id": [story_id(uri) for uri in twins.uris],
        "guid": list(twins.uris),
        "slug": ["story"],
        # No day has gone by: whoever looks for what is on these pages follows the links.
        "page": ["2026-02-28", "2026-03-01", "2026-03-01-120000000000-0123456789"],
        "key": [caller.key],
        "secret": [_NO_LINK],
        # None that was given out: what leads on is what a caller was shown.
        "signature": ["0" * 32],
        "file": [f"{'a' * 16}.jpg"],
    }


def script(twins: Twins, caller: Caller, routes: Sequence[Route]) -> list[Question]:
    """Ask for the caller's feeds in all formats, for stories, and at a part of all routes."""
    turn = twins.turn
    asked = feeds_of(caller, turn)
    asked += wire_of(twins, turn)
    # Every story by its page, or some.
    pages = ("", "/subscriber")[turn // 2 % 2]
    for number, uri in enumerate(twins.uris):
        if turn % 2 == 0 or (turn + number) % 3 == 0:
            asked.append(Question(path=f"{pages}/en/stories/{story_id(uri)}"))
    for number, route in enumerate(routes, turn):
        # The API shows stories to administrators alone.
        if number % (24 if route.template.startswith("/api/") else 4) == 0:
            asked.append(_at(route, twins, caller, number))
    return in_order(asked)


def everything(twins: Twins, caller: Caller, routes: Sequence[Route]) -> list[Question]:
    """Ask at each route there is, plainly and in another way."""
    asked = [*feeds_of(caller, 0), *feeds_of(caller, 1), *wire_of(twins, 0), *wire_of(twins, 1)]
    for number, route in enumerate(routes):
        asked += [_at(route, twins, caller, 8 * number + turn) for turn in (0, 4)]
    return in_order(asked)


def in_order(asked: Iterable[Question]) -> list[Question]:
    """Put the HEADs last, whose answers are read in another way, and before them what takes the
    caller's key away."""
    return sorted(asked, key=lambda q: (q.method == "HEAD", q.path.endswith("/rotate")))


def _at(route: Route, twins: Twins, caller: Caller, turn: int) -> Question:
    paths = route.paths(values(twins, caller))
    plain: tuple[str, tuple[str, ...]] = (route.method, ())
    method, headers = _WORDINGS[turn // 8 % len(_WORDINGS)] if turn // 4 % 2 else plain
    return Question(path=paths[turn % len(paths)], method=method, headers=headers)


def feeds_of(caller: Caller, turn: int) -> list[Question]:
    """Ask for the caller's own feeds: of everything in all formats, of a topic or all in one."""
    tails = [f"en/topics/{topic}" for topic in ("economy", "sport", "markets", "politics")]
    more = [*tails, "tr/latest"] if turn % 2 else [tails[turn // 2 % len(tails)]]
    if caller.family.startswith("/f/"):
        more.append("en/mine")
    return [
        *(Question(path=f"{caller.family}/en/latest.{form}") for form in FORMS),
        *(
            Question(path=f"{caller.family}/{tail}.{FORMS[(turn + n) % len(FORMS)]}")
            for n, tail in enumerate(more)
        ),
    ]


def wire_of(twins: Twins, turn: int) -> list[Question]:
    """Ask for the wire from its beginning, whole or in part, and for stories by themselves."""
    part = ("", "&limit=2", "&topics=sport", "&languages=en")[turn % 4]
    asked = [
        Question(path=f"/api/v1/wire?after=oldest{part}"),
        Question(path="/api/v1/wire/reconcile"),
        Question(path="/api/v1/wire?wait=1"),
    ]
    names = [uri if turn % 2 else story_id(uri) for uri in twins.uris]
    return asked + [Question(path=f"/api/v1/stories/{name}") for name in names[:4]]


def again(asked: Sequence[Question], answers: Sequence[Answer], turn: int) -> list[Question]:
    """Ask for feeds once more with the validators that were given."""
    found = []
    for number, (question, answer) in enumerate(zip(asked, answers, strict=True)):
        tag, date = answer.header("etag"), answer.header("last-modified")
        if tag and (turn + number) % 2:
            found.append(replace(question, headers=(f"If-None-Match: {tag}",)))
        elif date:
            found.append(replace(question, headers=(f"If-Modified-Since: {date}",)))
    return found
