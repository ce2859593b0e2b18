"""S-24: a report of leaked credentials ends what it shows, at once, and gives nothing away."""

import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.security.guarded import statements
from tests.security.oracle import Log
from tests.support.agency import DAY, HOUR, MINUTE, SECOND, Agency, running, settings_in
from tests.support.answers import Answer, ask, look
from wirefeed.config import Guessing, Leaks
from wirefeed.domain.audit import Verb
from wirefeed.domain.credentials import Lapse, SecretKind, digest, make_secret
from wirefeed.domain.errors import Gone
from wirefeed.domain.handovers import KeyTerms
from wirefeed.domain.roles import Role
from wirefeed.domain.signatures import Signature, parse_secret, sign
from wirefeed.domain.terms import Terms
from wirefeed.services.feed_keys import IssuedFeedKey

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGREED = f"whsec_{'A' * 32}"
PER_MINUTE = 20
REPORTS = "/api/v1/leaks"
_RANDOM = random.Random(24)  # noqa: S311 - the same keys in every run


def guesses(count: int) -> list[str]:
    return [make_secret(SecretKind.FEED, _RANDOM.randbytes(32)) for _ in range(count)]


@dataclass(slots=True)
class Reported:
    """An agency that takes reports, and what its readers hold."""

    agency: Agency
    log: Log

    async def send(
        self, body: bytes | object, signature: Signature | None = None, **headers: str
    ) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
        if signature is not None:
            headers["webhook-id"] = signature.id
            headers["webhook-timestamp"] = signature.timestamp
            headers["webhook-signature"] = signature.signatures
        async with self.agency.http.post(REPORTS, data=content, headers=headers) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    async def report(self, *secrets: str, where: str = "") -> Mapping[str, int]:
        answer = await self.send({"secrets": secrets, "where": where})
        assert answer.status == 200, answer.text
        return dict(json.loads(answer.body))

    async def key(self) -> tuple[str, str]:
        """Issue a feed key; gives its id and the secret."""
        issued = await self.agency.services.feed_keys.issue("reader")
        self.log.secrets.add(issued.secret)
        return issued.row.id, issued.secret

    async def token(self, **terms: Any) -> tuple[str, str]:
        """Issue a token; gives its `jti` and the secret."""
        wanted: dict[str, Any] = {"subscriber": "reader", "days": 30} | terms
        issued = await self.agency.services.tokens.issue(Terms(**wanted))
        self.log.secrets.add(issued.secret)
        return issued.row.jti, issued.secret

    async def audited(self, about: str) -> list[tuple[Verb, str, dict[str, Any]]]:
        rows = await self.agency.services.audit.newest(about=about)
        return [(row.verb, row.actor, dict(row.detail)) for row in reversed(rows)][1:]

    async def rows(self) -> int:
        return (await self.agency.services.audit.verify()).good


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reported(log: Log, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reported]:
    folder: Path = tmp_path_factory.mktemp("reported")
    settings = settings_in(
        folder,
        leaks=Leaks(secret=AGREED),
        guessing=Guessing(per_minute=PER_MINUTE, per_hour=0),
    )
    async with running(settings) as agency:
        await agency.publish("urn:test:one")
        await agency.subscriber("reader", "sport")
        yield Reported(agency, log)
        assert (await agency.services.audit.verify()).broken is None


@pytest.fixture(autouse=True)
def nothing_is_remembered(reported: Reported) -> None:
    reported.agency.clock.advance(HOUR)


# --- what is shown is ended ----------------------------------------------------------------------


async def test_s24_a_key_that_is_shown_is_ended_and_its_reader_told(reported: Reported):
    key_id, secret = await reported.key()
    address = f"/f/{secret}/en/latest.json"
    assert set((await look(reported.agency, address)).values()) == {"full"}
    started = time.perf_counter()
    where = f"https://code.example/x/{secret}"
    assert await reported.report(secret, where=where) == {"reported": 1, "revoked": 1}
    answer = await ask(reported.agency, address)
    assert time.perf_counter() - started < 1
    assert sorted(answer.levels.values()) == ["notice", "summary"]
    assert "found in public" in answer.text
    assert await reported.audited(f"feed-key:{key_id}") == [
        (Verb.FEED_KEY_REVOKE, "reporter", {"reason": Lapse.LEAKED}),
        (Verb.LEAK_REPORT, "reporter", {}),
    ]


async def test_s24_a_token_that_is_shown_goes_with_what_was_issued_with_it(reported: Reported):
    jti, secret = await reported.token()
    tokens = reported.agency.services.tokens
    parent = await tokens.get(jti)
    child = await tokens.issue(Terms(subscriber="reader", days=1), parent=parent)
    bystander, _ = await reported.token()
    assert await reported.report(secret) == {"reported": 1, "revoked": 1}
    gone = {t.jti: t.revoked is not None for t in await tokens.all("reader")}
    assert (gone[jti], gone[child.row.jti], gone[bystander]) == (True, True, False)
    for held in (secret, child.secret):
        header = {"Authorization": f"Bearer {held}"}
        assert (await ask(reported.agency, "/subscriber/en/latest.json", header)).status == 401
    assert [verb for verb, _, _ in await reported.audited(f"token:{jti}")] == [
        Verb.TOKEN_REVOKE,
        Verb.LEAK_REPORT,
    ]


async def test_s24_an_old_token_does_not_take_the_one_in_its_place(reported: Reported):
    jti, secret = await reported.token()
    new = await reported.agency.services.tokens.rotate(jti)
    reported.agency.clock.advance(2 * DAY)
    await reported.report(secret)
    assert (await reported.agency.services.tokens.get(new.row.jti)).revoked is None
    header = {"Authorization": f"Bearer {new.secret}"}
    assert (await ask(reported.agency, "/subscriber/en/latest.json", header)).status == 200


async def test_s24_whosever_token_it_is_and_also_when_it_has_expired(reported: Reported):
    await reported.agency.services.administrators.add("anna", Role.OWNER)
    shown = [
        await reported.token(days=1),
        await reported.token(subscriber=None, source="newsroom"),
        await reported.token(subscriber=None, admin="anna"),
    ]
    reported.agency.clock.advance(2 * DAY)
    report = await reported.report(*(secret for _, secret in shown))
    assert report == {"reported": 3, "revoked": 3}
    for jti, _ in shown:
        assert (await reported.agency.services.tokens.get(jti)).revoked is not None


async def test_s24_as_scanners_of_code_send_it(reported: Reported):
    (key_id, key), (jti, token) = await reported.key(), await reported.token()
    answer = await reported.send(
        [
            {"token": key, "type": "wirefeed_key", "url": "https://a.example/1", "source": "x"},
            {"token": token, "type": "wirefeed_token", "url": "https://b.example/2"},
        ]
    )
    assert json.loads(answer.body) == {"reported": 2, "revoked": 2}
    for about in (f"feed-key:{key_id}", f"token:{jti}"):
        assert (await reported.audited(about))[-1] == (
            Verb.LEAK_REPORT,
            "reporter",
            {},
        )


async def test_s24_a_link_that_is_shown_opens_no_more(reported: Reported):
    issue = reported.agency.services.handovers.issue
    waiting, opened = [await issue("reader", KeyTerms()) for _ in range(2)]
    reported.log.secrets.update({waiting.secret, opened.secret})
    given = await reported.agency.services.handovers.open(opened.secret)
    report = await reported.report(waiting.secret, opened.secret)
    assert report == {"reported": 2, "revoked": 1}
    with pytest.raises(Gone):
        await reported.agency.services.handovers.open(waiting.secret)
    assert [verb for verb, _, _ in await reported.audited(f"hand-over:{waiting.row.id}")] == [
        Verb.HAND_OVER_WITHDRAW,
        Verb.LEAK_REPORT,
    ]
    # What the other gave was given to whom it was meant.
    assert isinstance(given.made, IssuedFeedKey)
    key = await reported.agency.services.feed_keys.get(given.made.row.id)
    assert key.revoked is None


async def test_s24_a_rotated_key_that_is_shown_says_that_it_leaked(reported: Reported):
    key_id, secret = await reported.key()
    await reported.agency.services.feed_keys.rotate(key_id)
    assert await reported.report(secret) == {"reported": 1, "revoked": 1}
    assert (await reported.agency.services.feed_keys.get(key_id)).reason is Lapse.LEAKED


# --- what is not, changes nothing ----------------------------------------------------------------


async def test_s24_once_more_changes_nothing_and_leaves_no_trace(reported: Reported):
    _, secret = await reported.key()
    await reported.report(secret)
    before, rows = await ask(reported.agency, f"/f/{secret}/en/latest.rss"), await reported.rows()
    reported.agency.clock.advance(MINUTE)
    for _ in range(3):
        assert await reported.report(secret, secret) == {"reported": 2, "revoked": 0}
    assert await reported.rows() == rows
    assert (await ask(reported.agency, f"/f/{secret}/en/latest.rss")).body == before.body


async def test_s24_only_a_credential_to_the_letter_is_one(reported: Reported):
    _, key = await reported.key()
    jti, token = await reported.token()
    near = [
        f" {key}",
        f"{key} ",
        f"{key}\n",
        f"/f/{key}/",
        key.upper(),
        key[:-1],
        key.replace("wf_feed_", "wf_hand_"),
        f"Bearer {token}",
        f"{token}=",
        token[:-4] + "AAAA",
        "",
        "\x00",
        "🔑",
    ]
    rows = await reported.rows()
    assert await reported.report(*near) == {"reported": len(near), "revoked": 0}
    assert await reported.rows() == rows
    assert (await reported.agency.services.tokens.get(jti)).revoked is None
    assert set((await look(reported.agency, f"/f/{key}/en/latest.json")).values()) == {"full"}


async def test_s24_the_answer_does_not_say_which(reported: Reported):
    _, secret = await reported.key()
    shown = [*guesses(5), secret, *guesses(5)]
    _RANDOM.shuffle(shown)
    answer = await reported.send({"secrets": shown})
    assert answer.body == b'{"reported":11,"revoked":1}'
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_s24_what_is_malformed_costs_no_look_up_and_junk_no_transaction(reported: Reported):
    malformed = [f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}" for key in guesses(PER_MINUTE)]
    with statements(reported.agency, "feed_keys", "tokens") as sql:
        assert (await reported.send({"secrets": malformed})).status == 200
    assert sql == []
    reported.agency.clock.advance(MINUTE)
    held = reported.agency.services.database.writing
    wrote: list[str] = []

    def writing(*_: object) -> Any:
        wrote.append("")
        return held()

    reported.agency.services.database.writing = writing  # type: ignore[method-assign]
    try:
        assert (await reported.send({"secrets": guesses(PER_MINUTE)})).status == 200
    finally:
        del reported.agency.services.database.writing
    assert wrote == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"null", 422),
        (b'"wf_feed_"', 422),
        (b"{}", 422),
        (b'{"secrets": "x"}', 422),
        (b'{"secrets": [1]}', 422),
        (b'{"secrets": [], "more": 1}', 422),
        (b'{"secrets": [], "secrets": []}', 400),
        (b'{"secrets": [], "where": 1}', 422),
        (b"[1]", 422),
        (b'[{"type": "x"}]', 422),
        (json.dumps({"secrets": ["x"] * 101}).encode(), 422),
        (json.dumps([{"token": "x"}] * 101).encode(), 422),
        (json.dumps({"secrets": ["x" * 4_097]}).encode(), 422),
        (json.dumps({"secrets": ["x" * 4_000] * 20}).encode(), 422),
        (b"[" * 10_000, 400),
        (b'{"secrets": []}', 200),
        (b"[]", 200),
    ],
)
async def test_s24_what_is_no_report_is_refused(reported: Reported, body: bytes, status: int):
    assert (await reported.send(body)).status == status


# --- guessing ------------------------------------------------------------------------------------


async def test_s24_what_is_none_of_ours_counts_as_a_guess(reported: Reported):
    _, secret = await reported.key()
    assert (await reported.send({"secrets": guesses(PER_MINUTE)})).status == 200
    slowed = await reported.send({"secrets": guesses(1)})
    assert slowed.status == 429
    assert slowed.headers["Retry-After"] == "60"
    assert (await ask(reported.agency, f"/f/{guesses(1)[0]}/")).status == 429
    # Nothing is looked up for them until the wait is over, and a signed report is taken even now.
    assert (await reported.send({"secrets": [secret]})).status == 429
    body = json.dumps({"secrets": guesses(PER_MINUTE)}).encode()
    signed = sign(parse_secret(AGREED, ""), "msg_1", reported.agency.clock.now, body)
    assert (await reported.send(body, signed)).status == 200
    reported.agency.clock.advance(60 * SECOND)
    assert await reported.report(secret, *guesses(5)) == {"reported": 6, "revoked": 1}


# --- signatures ----------------------------------------------------------------------------------


def forged(secret: bytes, now: int, body: bytes) -> Sequence[Signature]:
    """Make signatures that do not hold, each for a reason of its own."""
    good = sign(secret, "msg_1", now, body)
    old = now // SECOND - 301
    return (
        sign(b"another secret of sufficient size", "msg_1", now, body),
        sign(secret, "msg_1", now, body + b" "),
        sign(secret, "msg_1", old * SECOND, body),
        Signature(id="msg_2", timestamp=good.timestamp, signatures=good.signatures),
        Signature(id="msg_1", timestamp="", signatures=good.signatures),
        Signature(id="msg_1", timestamp=good.timestamp, signatures=""),
        Signature(id="msg_1", timestamp=good.timestamp, signatures="v1," + "A" * 43 + "="),
    )


async def test_s24_a_report_that_is_signed_is_believed_once(reported: Reported):
    key_id, secret = await reported.key()
    body = json.dumps({"secrets": [secret]}).encode()
    signed = sign(parse_secret(AGREED, ""), "msg_1", reported.agency.clock.now, body)
    first = await reported.send(body, signed)
    assert first.body == b'{"reported":1,"revoked":1}'
    assert (await reported.audited(f"feed-key:{key_id}"))[-1][2] == {"signed": 1}
    rows = await reported.rows()
    for _ in range(3):
        assert (await reported.send(body, signed)).body == b'{"reported":1,"revoked":0}'
    assert await reported.rows() == rows


async def test_s24_a_forged_report_changes_nothing(reported: Reported):
    key_id, secret = await reported.key()
    body = json.dumps({"secrets": [secret]}).encode()
    agreed = parse_secret(AGREED, "")
    answers = [
        await reported.send(body, signature)
        for signature in forged(agreed, reported.agency.clock.now, body)
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert (await reported.agency.services.feed_keys.get(key_id)).revoked is None


async def test_s24_refusing_a_forged_report_is_constant_work(reported: Reported):
    """Neither a look-up nor more time, whatever is wrong with it and whatever it shows."""
    _, secret = await reported.key()
    now, agreed = reported.agency.clock.now, parse_secret(AGREED, "")
    service = reported.agency.services.leak_reports
    junk = json.dumps({"secrets": [f"x{secret[1:]}"]}).encode()
    real = json.dumps({"secrets": [secret]}).encode()
    taken: dict[tuple[int, bytes], list[float]] = {}
    with statements(reported.agency, "feed_keys", "tokens", "audit") as sql:
        for _ in range(2_000):
            for body in (junk, real):
                for number, signature in enumerate(forged(agreed, now, body)[:4]):
                    started = time.perf_counter()
                    with pytest.raises(Exception, match="signature does not hold"):
                        service.check(signature, body)
                    elapsed = time.perf_counter() - started
                    taken.setdefault((number, body), []).append(elapsed)
    assert sql == []
    medians = [statistics.median(times) for times in taken.values()]
    assert max(medians) - min(medians) < max(50e-6, 0.05 * min(medians)), medians


async def test_s24_without_an_agreed_secret_no_signature_holds(log: Log, tmp_path: Path):
    async with running(settings_in(tmp_path)) as agency:
        unagreed = Reported(agency, log)
        body = b'{"secrets": []}'
        for secret in (b"", bytes(24), bytes(32)):
            signed = sign(secret, "msg_1", agency.clock.now, body)
            assert (await unagreed.send(body, signed)).status == 401
        assert (await unagreed.send(body)).status == 200


# --- nothing is given away -----------------------------------------------------------------------


async def test_s24_nothing_of_what_was_reported_is_kept_told_or_logged(reported: Reported):
    key_id, key = await reported.key()
    jti, token = await reported.token()
    secrets = [key, token, *guesses(3)]
    reported.log.secrets.update(secrets)
    where = f"https://{key.rpartition('_')[2]}:{token}@code.example/{key}#{token}"
    answer = await reported.send({"secrets": secrets, "where": where})
    assert answer.status == 200
    heads = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
    kept = reported.agency.file.read_bytes()
    for secret in secrets:
        assert secret not in answer.text + heads
        for part in (secret[-36:], secret[:40]):
            assert part.encode() not in kept
    # Nor where it was found: whoever reports may write there what they like.
    assert b"code.example" not in kept
    # What is kept of it would be found.
    assert digest(key) in kept
    assert (await reported.audited(f"feed-key:{key_id}"))[-1][2] == {}
    assert (await reported.audited(f"token:{jti}"))[-1][2] == {}
