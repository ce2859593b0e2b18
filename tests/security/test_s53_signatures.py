"""S-53: deliveries are signed for those who sent a secret, over the bytes that are sent."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from tests.support.callbacks import Subscriber, subscriber
from tests.support.certificates import certificate
from tests.support.hub import ask, held, subscribe, until
from wirefeed.config import HubSettings, OutboundSettings, Settings

TOPICS = [f"{PUBLIC_URL}/tr/latest.{form}" for form in ("rss", "atom", "json")]


def settings(folder: Path, method: str = "sha256") -> Settings:
    return settings_in(
        folder,
        outbound=OutboundSettings(private_networks=True),
        hub=HubSettings(signature=method),
    )


@pytest.fixture
async def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subscriber]:
    """Run a callback with a certificate that is trusted."""
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with subscriber(tls=context) as one:
        yield one


async def sent_once(agency: Agency, callback: Subscriber, number: int) -> tuple[bytes, str]:
    before = len(callback.delivered)
    await agency.publish(f"urn:{number}", language="tr", headline="Şampiyon İstanbul’da, “€”")
    sent = (await callback.deliveries(before + 1))[before]
    return sent.body, sent.headers.get("X-Hub-Signature", "")


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
async def test_s53_101_a_signature_is_over_the_exact_bytes(
    tmp_path: Path, secure: Subscriber, topic: str, method: str
):
    secret = "s3cret-of-20-chars!!"
    async with running(settings(tmp_path, method)) as agency:
        await subscribe(agency, secure, topic, secret=secret)
        body, signature = await sent_once(agency, secure, 1)

    assert "€".encode() in body or b"\\u20ac" in body
    expected = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    assert signature == f"{method}={expected}"


async def test_s53_the_secret_that_was_verified_last_signs_also_what_is_tried_again(
    tmp_path: Path, secure: Subscriber
):
    async with running(settings(tmp_path)) as agency:
        for number, secret in enumerate(("first", "ş" * 99, None)):
            parameters = {} if secret is None else {"secret": secret}
            await subscribe(agency, secure, TOPICS[0], **parameters)
            body, signature = await sent_once(agency, secure, number)
            await until(agency, lambda held: held[0].delivered == agency.clock.now)
            if secret is None:
                assert signature == ""
            else:
                expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
                assert signature == f"sha256={expected}"


@pytest.mark.parametrize(
    ("secret", "status"), [("s" * 199, 202), ("s" * 200, 400), ("a\0b", 400), ("", 202)]
)
async def test_s53_a_secret_is_neither_too_long_nor_ambiguous(
    tmp_path: Path, secure: Subscriber, secret: str, status: int
):
    async with running(settings(tmp_path)) as agency:
        answer, text = await ask(agency, secure.url, TOPICS[0], secret=secret)

    assert answer == status
    assert secret == "" or secret not in text


async def test_s53_a_secret_needs_https(tmp_path: Path):
    async with running(settings(tmp_path)) as agency, subscriber() as plain:
        status, text = await ask(agency, plain.url, TOPICS[0], secret="s")

    assert status == 422
    assert text.startswith("hub.secret: a secret needs a callback with https")


async def test_s53_who_is_not_who_it_says_is_sent_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    _, context = certificate(tmp_path)
    async with running(settings(tmp_path)) as agency, subscriber(tls=context) as unknown:
        assert (await ask(agency, unknown.url, TOPICS[0]))[0] == 202
        counts = agency.services.counts
        while not counts["deliveries", "verification", "tls"]:
            await agency.services.follower.look()

        assert unknown.asked == []
        assert await held(agency) == []


async def test_s23_neither_secret_nor_key_is_in_the_database(tmp_path: Path, secure: Subscriber):
    secret = "neither-in-clear-nor-in-hex"
    async with running(settings(tmp_path)) as agency:
        key = await agency.feed_key(await agency.subscriber("gazette", "sport"))
        await subscribe(agency, secure, f"{PUBLIC_URL}{key}/tr/latest.rss", secret=secret)
        files = [file for file in tmp_path.iterdir() if file.name.startswith("agency.db")]
        kept = b"".join(file.read_bytes() for file in files)

    raw = key.removeprefix("/f/")
    for part in (secret, secret.encode().hex(), raw, raw[8:20], raw[-12:]):
        assert part.encode() not in kept
