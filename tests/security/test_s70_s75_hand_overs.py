"""S-22, S-23, S-70, S-72, S-75 for one-time links: shown once, to whom opens them on purpose.

S-70 asks every route that takes a form, from the route table.
"""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from tests.security import raw
from tests.security.guarded import VALUES
from tests.security.oracle import Log
from tests.security.raw import Answer, basic
from tests.security.routes import table
from tests.support.agency import DAY, PUBLIC_URL, Agency, running, settings_in
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.handovers import KeyTerms, Promise, SignIn, State
from wirefeed.domain.terms import Terms
from wirefeed.services.handovers import IssuedHandOver

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = "urn:test:handed"
REST = b"Paragraph 7 of"
FEED = "/subscriber/en/latest.json"
TOKEN = Terms(subscriber="reader", days=30)
PROMISES: dict[str, Promise] = {"token": TOKEN, "feed-key": KeyTerms(), "sign-in": SignIn()}
GIVEN = re.compile(rb"wf_feed_[0-9A-Za-z]{36}|eyJ[\w-]+\.[\w-]+\.[\w-]{86}")
BROWSER = ["Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Accept: text/html"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agency(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Agency]:
    async with running(settings_in(tmp_path_factory.mktemp("handed"))) as agency:
        await agency.publish(STORY)
        await agency.subscriber("reader", "sport")
        yield agency


async def issue(agency: Agency, promise: Promise) -> IssuedHandOver:
    return await agency.services.handovers.issue("reader", promise)


async def look(agency: Agency, secret: str, *headers: str, method: str = "GET") -> Answer:
    request = raw.get(f"/h/{secret}", *headers, method=method)
    return await raw.ask(agency.port, request, method=method.encode())


async def press(agency: Agency, secret: str, *headers: str) -> Answer:
    """Send the form of a link's page."""
    form = ("Content-Type: application/x-www-form-urlencoded", *headers)
    return await raw.ask(agency.port, raw.post(f"/h/{secret}", b"", *form))


def given(answer: Answer) -> set[bytes]:
    """Give the credentials that an answer holds, anywhere."""
    return set(GIVEN.findall(answer.head + answer.body))


async def state(agency: Agency, secret: str) -> State:
    row = await agency.services.handovers.peek(secret)
    return row.state(agency.clock.now)


# --- S-75: shown once ----------------------------------------------------------------------------

LOOKS: tuple[list[str], ...] = (
    [],
    BROWSER,
    ["Sec-Purpose: prefetch"],
    ["Sec-Purpose: prefetch;prerender", *BROWSER],
    ["Purpose: prefetch"],
    ["X-Moz: prefetch"],
    ["User-Agent: Slackbot-LinkExpanding 1.0", "Range: bytes=0-32768"],
    ["Accept: application/json"],
    ["If-None-Match: *", "If-Modified-Since: Mon, 01 Jan 2035 00:00:00 GMT"],
    ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image"],
    ["X-HTTP-Method-Override: POST"],
)


@pytest.mark.parametrize("promise", PROMISES.values(), ids=PROMISES)
async def test_s75_whoever_looks_opens_nothing_and_is_told_nothing_of_whose_it_is(
    agency: Agency, promise
):
    """Mail is scanned, links are fetched for previews and ahead of a click."""
    secret = (await issue(agency, promise)).secret
    for headers in LOOKS:
        for method in ("GET", "HEAD"):
            answer = await look(agency, secret, *headers, method=method)
            assert answer.status == 200, headers
            assert answer.header("cache-control") == "private, no-store"
            assert answer.header("content-type") == "text/html; charset=utf-8"
            assert not given(answer)
            assert secret.encode() not in answer.head + answer.body
            assert b"reader" not in answer.body.lower().replace(b"feed reader", b"")
    for method in ("OPTIONS", "PUT", "DELETE", "PATCH", "QUERY"):
        assert (await look(agency, secret, method=method)).status == 405
    assert await state(agency, secret) is State.WAITING
    assert (await press(agency, secret)).status in {200, 303}


@pytest.mark.parametrize("promise", PROMISES.values(), ids=PROMISES)
async def test_s75_the_secret_is_in_the_one_answer_to_the_form_and_in_no_other(
    agency: Agency, promise
):
    secret = (await issue(agency, promise)).secret
    answer = await press(agency, secret, *BROWSER, "Sec-Fetch-Site: same-origin")
    (credential,) = given(answer)
    assert answer.header("cache-control") == "private, no-store"
    assert answer.header("referrer-policy") == "no-referrer"
    assert not answer.header("set-cookie")
    if isinstance(promise, SignIn):
        # A reader's page goes by its private address: that is where its browser is sent.
        assert answer.status == 303
        assert answer.header("location") == f"/f/{credential.decode()}/"
    else:
        assert answer.status == 200
        assert credential not in answer.head
        (title,) = re.findall(rb"<title>(.*?)</title>", answer.body, re.DOTALL)
        assert not GIVEN.search(title)
        assert b'<meta name="robots" content="noindex, nofollow">' in answer.body

    # The back button, a page loaded again, a form sent again, and whoever finds the link later.
    agency.clock.advance(DAY)
    for again in (
        await look(agency, secret, *BROWSER),
        await press(agency, secret, *BROWSER, "Sec-Fetch-Site: same-origin"),
        await press(agency, secret),
        await look(agency, secret, method="HEAD"),
    ):
        assert again.status == 410
        assert again.header("cache-control") == "private, no-store"
        assert not given(again)
    assert b"This link has been opened" in (await look(agency, secret)).body


@pytest.mark.parametrize("end", ["expired", "withdrawn"])
async def test_s75_a_link_that_ended_unopened_says_so_and_gives_nothing(agency: Agency, end):
    issued = await issue(agency, KeyTerms())
    if end == "withdrawn":
        await agency.services.handovers.withdraw(issued.row.id)
    else:
        agency.clock.advance(7 * DAY)
    for answer in (await look(agency, issued.secret), await press(agency, issued.secret)):
        assert answer.status == 410
        assert f"This link has {'expired' if end == 'expired' else 'been withdrawn'}" in (
            answer.body.decode()
        )
        assert not given(answer)


async def test_s75_a_link_there_is_not_is_answered_like_any_address_there_is_not(agency: Agency):
    good = (await issue(agency, KeyTerms())).secret
    nothing = await raw.ask(agency.port, raw.get("/nothing"))
    for secret in (
        make_secret(SecretKind.HAND_OVER, bytes(32)),
        make_secret(SecretKind.FEED, bytes(32)),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good[:-1],
        f"{good}0",
        f"{good}/",
        good.upper(),
        good.replace("_", "%5f"),
        "wf_hand_",
    ):
        for ask in (look, press):
            answer = await ask(agency, secret)
            assert answer.settled == nothing.settled, secret
    assert await state(agency, good) is State.WAITING


async def test_s72_a_links_pages_run_nothing_and_stand_in_no_frame(agency: Agency):
    secret = (await issue(agency, TOKEN)).secret
    for answer in (
        await look(agency, secret),
        await press(agency, secret),
        await look(agency, secret),
    ):
        policy = answer.header("content-security-policy")
        assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(
            policy.split("; ")
        )
        assert "script-src" not in policy
        assert answer.header("x-content-type-options") == "nosniff"
        assert b"<script" not in answer.body


# --- S-70: no page of another site opens anything ------------------------------------------------

HOST = PUBLIC_URL.removeprefix("https://")
FOREIGN = (
    ["Sec-Fetch-Site: cross-site"],
    ["Sec-Fetch-Site: same-site"],
    ["Sec-Fetch-Site: cross-site", f"Origin: {PUBLIC_URL}"],
    ["Sec-Fetch-Site: "],
    ["Sec-Fetch-Site: same-origin, cross-site"],
    ["Sec-Fetch-Site: cross-site", "Content-Type: text/plain"],
    ["Origin: null"],
    ["Origin: https://evil.example"],
    [f"Origin: http://{HOST}"],
    [f"Origin: https://{HOST}:8443"],
    [f"Origin: https://sub.{HOST}"],
    [f"Origin: https://{HOST}.evil.example"],
    [f"Origin: https://evil-{HOST}"],
    [f"Origin: {PUBLIC_URL}/"],
    [f"Origin: {PUBLIC_URL} https://evil.example"],
    ["Origin: https://evil.example", f"Referer: {PUBLIC_URL}/"],
    ["Origin: "],
)
OURS: tuple[list[str], ...] = (
    [],
    ["Sec-Fetch-Site: same-origin"],
    # A browser hides where a form came from when its page sends no referrer.
    ["Sec-Fetch-Site: same-origin", "Origin: null"],
    ["Sec-Fetch-Site: none"],
    [f"Origin: {PUBLIC_URL}"],
)


async def test_s70_no_page_of_another_site_sends_a_form_of_ours(agency: Agency):
    issued = await issue(agency, KeyTerms())
    key = (await agency.feed_key("reader")).removeprefix("/f/")
    values = VALUES | {"key": [key], "secret": [issued.secret]}
    before = await agency.services.audit.newest(limit=1)
    # Whoever asks the hub for something is a machine, and nobody's browser gains anything by it.
    machines = ("/api/", "/hub")
    forms = [r for r in table() if r.method == "POST" and not r.template.startswith(machines)]
    assert forms
    for route in forms:
        for path in route.paths(values):
            for headers in FOREIGN:
                answer = await raw.ask(agency.port, raw.post(path, b"", *headers))
                assert answer.status == 403, (path, headers)
                assert not given(answer)
    assert await agency.services.audit.newest(limit=1) == before
    assert await state(agency, issued.secret) is State.WAITING


@pytest.mark.parametrize("headers", OURS)
async def test_s70_our_own_page_does_and_so_does_whoever_is_no_browser(agency: Agency, headers):
    secret = (await issue(agency, KeyTerms())).secret
    assert (await press(agency, secret, *headers)).status == 200


# --- S-23: nowhere else --------------------------------------------------------------------------


def spelled(secret: str) -> set[bytes]:
    """Give a secret as it might be lying about: whole, in half, in other alphabets."""
    plain = secret.encode()
    half = len(plain) // 2
    return {
        plain,
        plain[:half],
        plain[-half:],
        plain.hex().encode(),
        plain.hex().upper().encode(),
        base64.b64encode(plain).rstrip(b"="),
        base64.urlsafe_b64encode(plain).rstrip(b"="),
    }


@pytest.mark.parametrize("promise", PROMISES.values(), ids=PROMISES)
async def test_s23_neither_link_nor_what_it_gave_is_kept_or_logged(
    agency: Agency, log: Log, promise
):
    secret = (await issue(agency, promise)).secret
    credential = next(iter(given(await press(agency, secret)))).decode()
    await look(agency, secret)
    # A token's first part says how it is signed, not what: only its signature is a secret.
    secrets = [secret, credential.rpartition(".")[2]]
    files = [path for path in agency.file.parent.iterdir() if path.is_file()]
    assert agency.file in files
    kept = b"".join(path.read_bytes() for path in files) + log.text().encode()
    for one in secrets:
        for spelling in spelled(one):
            assert spelling not in kept


# --- S-22: it dies with every right it came from --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """Who opened a link, and how it then reads."""

    path: str
    headers: tuple[str, ...]

    async def reads_in_full(self, agency: Agency) -> bool:
        answer = await raw.ask(agency.port, raw.get(self.path, *self.headers))
        return answer.status == 200 and REST in answer.body


async def holders(agency: Agency) -> list[Holder]:
    found = []
    for promise in PROMISES.values():
        credential = next(iter(given(await press(agency, (await issue(agency, promise)).secret))))
        secret = credential.decode()
        if isinstance(promise, Terms):
            found.append(Holder(FEED, (f"Authorization: Bearer {secret}",)))
        else:
            found += [
                Holder(f"/f/{secret}/en/latest.json", ()),
                Holder(FEED, (basic(f"reader:{secret}"),)),
            ]
    return found


async def suspend(agency: Agency) -> None:
    await agency.services.accounts.suspend("reader")


async def end(agency: Agency) -> None:
    def ended(subscriber):
        return replace(
            subscriber,
            subscriptions=tuple(
                replace(s, ends=agency.clock.now) for s in subscriber.subscriptions
            ),
        )

    await agency.services.accounts.change_subscriber("reader", ended)


async def remove(agency: Agency) -> None:
    await agency.services.accounts.remove_subscriber("reader")
    await agency.subscriber("reader", "sport")


async def narrow(agency: Agency) -> None:
    plans = await agency.services.plans.all()
    await agency.services.plans.put(replace(plans["economy"], name="sport", version=0))


async def revoke(agency: Agency) -> None:
    for key in await agency.services.feed_keys.all("reader"):
        await agency.services.feed_keys.revoke(key.id)
    for token in await agency.services.tokens.all("reader"):
        await agency.services.tokens.revoke(token.jti)


@pytest.mark.parametrize("act", [suspend, end, remove, narrow, revoke], ids=lambda a: a.__name__)
async def test_s22_what_links_gave_dies_with_every_right_behind_it(
    tmp_path_factory: pytest.TempPathFactory, act: Callable[[Agency], Awaitable[None]]
):
    async with running(settings_in(tmp_path_factory.mktemp(act.__name__))) as agency:
        await agency.publish(STORY)
        await agency.subscriber("reader", "sport")
        held = await holders(agency)
        assert [await holder.reads_in_full(agency) for holder in held] == [True] * 5
        waiting = (await issue(agency, KeyTerms())).secret
        await act(agency)
        assert [await holder.reads_in_full(agency) for holder in held] == [False] * 5
        # A link that nobody has opened goes with its subscriber alone: what it gives is worth
        # what its subscriber has.
        answer = await press(agency, waiting)
        assert answer.status == (404 if act is remove else 200)
        if act in {suspend, end, narrow}:
            (key,) = given(answer)
            holder = Holder(f"/f/{key.decode()}/en/latest.json", ())
            assert not await holder.reads_in_full(agency)
