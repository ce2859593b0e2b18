"""S-25: guessing is slowed by network, and shuts out nobody whose credential holds."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.security import raw
from tests.security.guarded import statements
from tests.security.oracle import Log
from tests.security.raw import Answer, basic
from tests.support.agency import HOUR, MINUTE, PUBLIC_URL, Agency, running, settings_in
from wirefeed.config import Guessing, Server
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.networks import network
from wirefeed.domain.terms import Terms
from wirefeed.web.request import KEY_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")

PER_MINUTE, PER_HOUR = 20, 60
FEED = "/subscriber/en/latest.json"
_RANDOM = random.Random(25)  # noqa: S311 - the same keys in every run


@dataclass(slots=True, kw_only=True)
class Attacked:
    """An agency with a reader, behind a proxy that says who asks."""

    agency: Agency
    key: str
    token: str
    revoked: str
    rotated: str

    async def ask(self, *requests: bytes) -> list[Answer]:
        answers = await raw.converse(self.agency.port, list(requests))
        return [answer.check() for answer in answers]

    async def exhaust(self, address: str) -> None:
        """Guess from an address until its network is told to wait."""
        answers = await self.ask(*(get(f"/f/{k}/", address) for k in keys(PER_MINUTE + 1)))
        assert [answer.status for answer in answers] == [404] * PER_MINUTE + [429]


def keys(count: int) -> list[str]:
    """Make keys that are none of ours, each with its right checksum."""
    return [make_secret(SecretKind.FEED, _RANDOM.randbytes(32)) for _ in range(count)]


def get(path: str, address: str, *headers: str, method: str = "GET") -> bytes:
    return raw.get(path, f"X-Forwarded-For: {address}", *headers, method=method)


def said(answer: Answer) -> tuple[object, ...]:
    """Give everything but the time, and whether the connection ends."""
    status, headers, body = answer.settled
    return status, tuple(h for h in headers if h[0] != "connection"), body


def guess(key: str, address: str) -> bytes:
    return get(f"/f/{key}/en/latest.json", address)


@asynccontextmanager
async def opened(folder: Path, *proxies: str) -> AsyncIterator[Attacked]:
    settings = settings_in(
        folder,
        server=Server(public_url=PUBLIC_URL, trusted_proxies=proxies),
        guessing=Guessing(per_minute=PER_MINUTE, per_hour=PER_HOUR),
    )
    async with running(settings) as agency:
        await agency.publish("urn:test:one")
        await agency.subscriber("reader", "sport")
        await agency.subscriber("former", "sport")
        keys = agency.services.feed_keys
        revoked, rotated = await keys.issue("former"), await keys.issue("former")
        await keys.revoke(revoked.row.id)
        await keys.rotate(rotated.row.id)
        yield Attacked(
            agency=agency,
            key=(await agency.feed_key("reader")).removeprefix("/f/"),
            token=(await agency.token("reader"))["Authorization"],
            revoked=revoked.secret,
            rotated=rotated.secret,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacked]:
    """An agency whose proxy is listed."""
    async with opened(tmp_path_factory.mktemp("proxied"), "127.0.0.1/32") as attacked:
        yield attacked


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacked]:
    """An agency without proxies."""
    async with opened(tmp_path_factory.mktemp("bare")) as attacked:
        yield attacked


@pytest.fixture(autouse=True)
def an_hour_later(proxied: Attacked, bare: Attacked) -> Iterator[None]:
    """Nothing that a test did is remembered by the next."""
    yield
    for attacked in (proxied, bare):
        attacked.agency.clock.advance(HOUR)


async def test_s25_guessing_from_one_address_beside_a_reader_there(
    proxied: Attacked, log: Log, soak: bool
):
    """Thousands of well-formed keys: 429 after the limit, and 200 throughout next door."""
    guessed = keys(10_000 if soak else 2_000)
    log.secrets.update(guessed)
    here, near = "203.0.113.7", "203.0.113.250"
    reader = [
        guess(proxied.key, here),
        guess(proxied.key, near),
        get(FEED, near, basic(f"reader:{proxied.key}")),
        get(FEED, here, f"Authorization: {proxied.token}"),
    ]
    denied, slowed, let_in = set(), set(), []
    for start in range(0, len(guessed), 30):
        guesses = [guess(key, here) for key in guessed[start : start + 30]]
        *refused, good = await proxied.ask(*guesses, reader[start // 30 % len(reader)])
        let_in.append(good.status)
        # All that is refused is one of two answers, byte for byte.
        denied |= {said(answer) for answer in refused if answer.status == 404}
        slowed |= {said(answer) for answer in refused if answer.status != 404}
    assert set(let_in) == {200}
    assert len(denied) == len(slowed) == 1
    (answer,) = await proxied.ask(guess(guessed[0], near))
    assert said(answer) in slowed
    assert answer.status == 429
    assert answer.header("retry-after") == "60"
    assert answer.header("content-type") == "application/problem+json"
    assert answer.problem()["status"] == 429
    (reference,) = await proxied.ask(get("/nothing", here))
    assert said(reference) in denied


async def test_s25_a_network_of_ipv6_is_one_and_its_neighbour_another(proxied: Attacked):
    addresses = [f"2001:db8:1:2:{_RANDOM.getrandbits(16):x}::{n:x}" for n in range(1, 1_000)]
    answers = await proxied.ask(
        *(guess(k, a) for k, a in zip(keys(len(addresses)), addresses, strict=True))
    )
    found = [answer.status for answer in answers]
    assert found == [404] * PER_MINUTE + [429] * (len(found) - PER_MINUTE)
    neighbour, reader = await proxied.ask(
        guess(keys(1)[0], "2001:db8:1:3::1"), guess(proxied.key, addresses[0])
    )
    assert (neighbour.status, reader.status) == (404, 200)


async def test_s25_what_a_stranger_says_of_its_address_is_not_believed(bare: Attacked):
    spoofed = [f"198.51.{n % 250}.7, 10.0.0.{n % 250}" for n in range(500)]
    answers = await bare.ask(*(guess(k, a) for k, a in zip(keys(500), spoofed, strict=True)))
    found = [answer.status for answer in answers]
    assert found == [404] * PER_MINUTE + [429] * (500 - PER_MINUTE)
    (reader,) = await bare.ask(guess(bare.key, spoofed[0]))
    assert reader.status == 200
    assert set(bare.agency.services.guesses._failures) == {network("127.0.0.1")}


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
        (["192.0.2.1", "198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1, 127.0.0.1, 127.0.0.1"], "198.51.100.1"),
        (["192.0.2.1, 198.51.100.1,127.0.0.1"], "198.51.100.1"),
        (["\t198.51.100.1 \t"], "198.51.100.1"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["192.0.2.1, ::ffff:127.0.0.1"], "192.0.2.1"),
        (["2001:DB8::9"], "2001:db8::9"),
        (["127.0.0.1"], "127.0.0.1"),
        ([], "127.0.0.1"),
        ([""], "127.0.0.1"),
        (["198.51.100.1,"], "127.0.0.1"),
        (["198.51.100.1, unknown"], "127.0.0.1"),
        (["198.51.100.1, _hidden, 127.0.0.1"], "127.0.0.1"),
        (["198.51.100.1:443"], "127.0.0.1"),
        (["198.51.100.1 192.0.2.1"], "127.0.0.1"),
        (["198.51.100.\xb9"], "127.0.0.1"),
        (["198.51.100.1, " + ":" * 3_000], "127.0.0.1"),
        (["198.51.100.1" + ", 127.0.0.1" * 600], "127.0.0.1"),
        (["," * 5_000, "," * 5_000], "127.0.0.1"),
    ],
)
async def test_s25_the_address_is_the_last_that_no_listed_proxy_has(
    proxied: Attacked, forwarded: list[str], counted: str
):
    held = proxied.agency.services.guesses._failures
    held.clear()
    headers = [f"X-Forwarded-For: {value}" for value in forwarded]
    (answer,) = await proxied.ask(raw.get(f"/f/{keys(1)[0]}/en/latest.json", *headers))
    assert answer.status == 404
    assert list(held) == [network(counted)]


def guesses(key: str) -> dict[str, tuple[str, list[str]]]:
    """Give each way to present what does not hold: an address and headers."""
    bent = f"{key[:-1]}{'A' if key[-1] != 'A' else 'B'}"
    page = "/subscriber/en/stories/aaaaaaaaaaaaaaaa"
    return {
        "unknown key": (f"/f/{key}/en/latest.rss", []),
        "unknown key's page": (f"/f/{key}/", []),
        "unknown key's OPML": (f"/f/{key}/opml", []),
        "unknown key, unknown topic": (f"/f/{key}/en/topics/none.rss", []),
        "wrong checksum": (f"/f/{bent}/en/latest.rss", []),
        "short key": (f"/f/{key[:-1]}/en/latest.rss", []),
        "long key": (f"/f/{key}0/", []),
        "no key at all": ("/f/guess", []),
        "no link": ("/h/guess", []),
        "unknown link": (f"/h/{make_secret(SecretKind.HAND_OVER, key.encode()[-32:])}", []),
        "key for a link": (f"/h/{key}", []),
        "password": (FEED, [basic(f"reader:{key}")]),
        "password with a wrong checksum": (FEED, [basic(f"reader:{bent}")]),
        "any password": (FEED, [basic("reader:password")]),
        "cookie": (page, [f"Cookie: {KEY_COOKIE}={key}"]),
        "any cookie": (page, [f"Cookie: {KEY_COOKIE}=guess"]),
        "token": (FEED, ["Authorization: Bearer guess"]),
        "another scheme": (FEED, ["Authorization: Digest guess"]),
    }


@pytest.mark.parametrize("way", guesses(make_secret(SecretKind.FEED, bytes(32))))
async def test_s25_every_credential_that_does_not_hold_counts(proxied: Attacked, way: str):
    address = "203.0.113.9"
    path, headers = guesses(keys(1)[0])[way]
    (before,) = await proxied.ask(get(path, address, *headers))
    assert before.status in {401, 404}
    held = proxied.agency.services.guesses._failures[network(address)]
    assert held[-1] == proxied.agency.clock.now

    await proxied.ask(*(get(path, address, *headers) for _ in range(PER_MINUTE - 1)))
    (slowed, unknown) = await proxied.ask(get(path, address, *headers), guess(keys(1)[0], address))
    assert slowed.status == 429
    assert said(slowed) == said(unknown)


async def test_s25_a_forged_token_counts(proxied: Attacked):
    address, token = "203.0.113.9", proxied.token
    forged = f"{token[:-9]}{'A' * 9}"
    (before,) = await proxied.ask(get(FEED, address, f"Authorization: {forged}"))
    assert before.status == 401
    await proxied.ask(*(guess(k, address) for k in keys(PER_MINUTE)))
    slowed, good, sent = await proxied.ask(
        get(FEED, address, f"Authorization: {forged}"),
        get(FEED, address, f"Authorization: {token}"),
        get("/api/v1/stories", address, f"Authorization: {forged}", method="POST"),
    )
    assert (slowed.status, good.status, sent.status) == (429, 200, 429)


async def test_s25_a_token_bound_to_a_network_holds_there_and_is_no_guess_elsewhere(
    proxied: Attacked,
):
    terms = Terms(subscriber="reader", days=1, networks=("198.51.100.0/24",))
    token = (await proxied.agency.services.tokens.issue(terms)).secret
    header = f"Authorization: Bearer {token}"
    await proxied.exhaust("203.0.113.9")
    for address, status in (
        ("198.51.100.7", 200),
        ("192.0.2.1, 198.51.100.7", 200),
        ("198.51.100.7, 192.0.2.1", 403),
        ("203.0.113.9", 403),
    ):
        (answer,) = await proxied.ask(get(FEED, address, header))
        assert answer.status == status, address
    assert network("192.0.2.1") not in proxied.agency.services.guesses._failures


async def test_s25_what_holds_or_was_never_sent_is_answered_and_counts_for_nothing(
    proxied: Attacked,
):
    """A network that was told to wait, and one that has done nothing: the same answers."""
    key, revoked, rotated = proxied.key, proxied.revoked, proxied.rotated
    newsroom = f"Authorization: Bearer {proxied.agency.newsroom}"
    asked: list[tuple[str, list[str], int]] = [
        (f"/f/{key}/en/latest.rss", [], 200),
        (f"/f/{key}/", [], 200),
        (f"/f/{key}/opml", [], 200),
        (f"/f/{revoked}/en/latest.rss", [], 200),
        (f"/f/{revoked}/", [], 200),
        (f"/f/{rotated}/en/latest.rss", [], 200),
        (f"/f/{key}/en/topics/none.rss", [], 404),
        (f"/f/{key}/xx/latest.rss", [], 404),
        (f"/f/{key}/en/latest.rdf", [], 404),
        (FEED, [basic(f"reader:{key}")], 200),
        (FEED, [basic(f"reader:{revoked}")], 200),
        (FEED, [f"Authorization: {proxied.token}"], 200),
        (FEED, [newsroom], 403),
        (FEED, [], 401),
        (FEED, [f"Cookie: {KEY_COOKIE}=guess"], 401),
        (FEED, ["Authorization: Bearer a", "Authorization: Bearer b"], 400),
        ("/subscriber/en/stories/aaaaaaaaaaaaaaaa", [], 401),
        ("/subscriber/en/stories/aaaaaaaaaaaaaaaa", [f"Cookie: {KEY_COOKIE}={key}"], 404),
        ("/en/latest.rss", [], 200),
        ("/en/latest.rss", ["Authorization: Bearer guess"], 200),
        ("/en/stories/aaaaaaaaaaaaaaaa", [], 404),
        ("/nothing", [], 404),
        ("/f", [], 404),
        ("/f/", [], 404),
        ("/h/", [], 404),
        ("/healthz", [], 200),
    ]
    await proxied.exhaust("203.0.113.9")
    held = proxied.agency.services.guesses._failures
    for path, headers, status in asked:
        for address in ("203.0.113.9", "192.0.2.9"):
            (answer,) = await proxied.ask(get(path, address, *headers))
            assert answer.status == status, (path, headers, address)
    assert network("192.0.2.9") not in held


async def test_s25_a_good_answer_is_the_same_bytes_in_a_network_that_guesses(proxied: Attacked):
    quiet, noisy = "192.0.2.9", "203.0.113.9"
    await proxied.exhaust(noisy)
    for path in (f"/f/{proxied.key}/en/latest.rss", f"/f/{proxied.key}/", "/en/latest.rss"):
        one, other = await proxied.ask(get(path, quiet), get(path, noisy))
        assert one.status == 200
        assert said(one) == said(other)


async def test_s25_waiting_helps(proxied: Attacked):
    address = "203.0.113.9"
    for _ in range(PER_HOUR // PER_MINUTE):
        await proxied.exhaust(address)
        proxied.agency.clock.advance(MINUTE)
    (slowed,) = await proxied.ask(guess(keys(1)[0], address))
    assert slowed.status == 429, "the hour has its own limit"
    assert slowed.header("retry-after") == "60"
    proxied.agency.clock.advance(HOUR)
    await proxied.exhaust(address)


async def test_s25_a_person_is_told_on_a_page(proxied: Attacked):
    address = "203.0.113.9"
    await proxied.exhaust(address)
    (page,) = await proxied.ask(
        get(f"/f/{keys(1)[0]}/", address, "Sec-Fetch-Dest: document", "Accept: text/html")
    )
    assert page.status == 429
    assert page.header("retry-after") == "60"
    assert "wait a minute" in page.body.decode()


async def test_s25_beyond_the_limit_a_guess_costs_one_look_up(proxied: Attacked):
    """It must be looked up: a good key behind the same address is never told to wait."""
    address = "203.0.113.9"
    await proxied.exhaust(address)
    with statements(proxied.agency, "feed_keys", "subscribers", "subscriptions", "plans") as sql:
        answers = await proxied.ask(*(guess(k, address) for k in keys(100)))
    assert {answer.status for answer in answers} == {429}
    assert len(sql) == 100
    assert len(set(sql)) == 1


async def test_s25_memory_is_bounded_by_networks_and_not_by_guesses(proxied: Attacked, soak: bool):
    networks = 5_000
    addresses = [f"2001:db8:{n >> 16:x}:{n & 0xFFFF:x}::1" for n in range(networks)]
    if not soak:
        # What HTTP adds to the count is shown above.
        for address in addresses:
            await proxied.agency.services.guesses.failed(network(address))
    else:
        await proxied.ask(*(get("/f/guess", address) for address in addresses))
    assert len(proxied.agency.services.guesses._failures) == 4096
