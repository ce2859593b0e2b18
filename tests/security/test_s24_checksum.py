"""S-24: a credential is known by its look, and one with a wrong checksum costs next to nothing."""

import random
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable

import pytest

from tests.security import raw
from tests.security.guarded import READING, Gate, statements
from tests.security.raw import basic
from wirefeed.domain.credentials import SecretKind, make_secret, parse_authorization
from wirefeed.domain.errors import Unauthenticated, UnknownKey

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: As the README gives it to those who search code and logs for secrets.
LOOK = re.compile(r"\bwf_(feed|push|hub|adm|hand)_[0-9A-Za-z]{36}\b")
TABLES = ("feed_keys", "subscribers", "subscriptions", "plans", "tokens")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ATTEMPTS = 100_000
_MOST = 50e-6
_RANDOM = random.Random(24)  # noqa: S311 - the same keys in every run


def bent(count: int) -> list[str]:
    """Make keys of which one character was changed, so that the checksum is wrong."""
    found = []
    for key in (make_secret(SecretKind.FEED, _RANDOM.randbytes(32)) for _ in range(count)):
        at = _RANDOM.randrange(len("wf_feed_"), len(key))
        other = _RANDOM.choice(_BASE62.replace(key[at], ""))
        found.append(f"{key[:at]}{other}{key[at + 1 :]}")
    return found


async def median(work: Callable[[str], Awaitable[None]], texts: Iterable[str]) -> float:
    """Give the seconds that half of them take at most."""
    taken = []
    for text in texts:
        started = time.perf_counter()
        await work(text)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


async def deny(key: str) -> None:
    """Do what any refusal does, and no more."""
    raise UnknownKey(key)


async def test_s24_a_wrong_checksum_is_no_look_up_and_microseconds(gate: Gate):
    async def reference(key: str) -> None:
        with pytest.raises(UnknownKey):
            await deny(key)

    async def by_address(key: str) -> None:
        with pytest.raises(UnknownKey):
            await gate.agency.services.readers.by_feed_key(key)

    async def by_password(key: str) -> None:
        with pytest.raises(Unauthenticated):
            parse_authorization(basic(f"reader:{key}").removeprefix("Authorization: "))

    keys = bent(_ATTEMPTS)
    least = await median(reference, keys)
    with statements(gate.agency, *TABLES) as sql:
        for way in (by_address, by_password):
            taken = await median(way, keys)
            # On a machine that is far slower than ours, raising an error alone is so, too.
            assert taken < max(_MOST, 10 * least), (way.__name__, taken, least)
    assert sql == []


async def test_s24_over_http_a_wrong_checksum_is_no_look_up(gate: Gate):
    keys = bent(300)
    requests = [raw.get(f"/f/{key}/en/latest.rss") for key in keys]
    requests += [raw.get(READING, basic(f"reader:{key}")) for key in keys]
    with statements(gate.agency, *TABLES) as sql:
        answers = await raw.converse(gate.agency.port, requests)
    assert {answer.status for answer in answers[:300]} == {404}
    assert {answer.status for answer in answers[300:]} == {401}
    assert sql == []


async def test_s24_the_look_finds_every_key_wherever_it_stands():
    for n in range(1_000):
        key = make_secret(_RANDOM.choice(list(SecretKind)), _RANDOM.randbytes(32))
        around = _RANDOM.choice(
            ["{}", "/f/{}/en/latest.rss", "key={}&x=1", '"{}",', "({})", "ä {}."]
        )
        found = LOOK.search(around.format(key))
        assert found is not None, n
        assert found[0] == key


async def test_s24_the_look_finds_nothing_in_a_megabyte_of_other_text():
    text = prose(2**20)
    assert len(text) >= 2**20
    assert LOOK.findall(text) == []


def prose(length: int) -> str:
    """Write sentences as documents, code and logs hold them, near misses among them."""
    parts: list[str] = []
    written = 0
    while written < length:
        parts.append(_sentence())
        written += len(parts[-1]) + 1
    return "\n".join(parts)


_TEXT = (
    "the wire feeds every reader a story that the newsroom has sent and no key is in it "
    "Anahtarı ve haberi abone için İstanbul Şişli الخلاصة مفتاح الخبر naïve façade "
    "wf_feed_ wf_feed_… wf_feed_KEY wf_push_ wf_hub_secret wf_adm_x wf_hand_once wf_sql_ feed_key "
    "wirefeed wf wf_ feeds:read https://news.example/f/wf_feed_…/en/latest.rss"
)


def _sentence() -> str:
    words = _RANDOM.choices(_TEXT.split(), k=_RANDOM.randrange(5, 25))
    words.insert(_RANDOM.randrange(len(words)), _near_miss())
    return " ".join(words) + _RANDOM.choice(".!?;")


def _near_miss() -> str:
    """Write what is almost a credential: of another length, kind or alphabet."""
    several = _RANDOM.choice([10, 35, 37, 40, 64])
    letters = "".join(_RANDOM.choices(_BASE62, k=several))
    whole = "".join(_RANDOM.choices(_BASE62, k=36))
    return _RANDOM.choice(
        [
            letters,
            f"wf_feed_{letters}",
            f"wf_test_{whole}",
            f"WF_FEED_{whole}",
            f"wf-feed-{whole}",
            f"xwf_feed_{whole}",
            f"wf_feed_{whole}_",
            f"wf_feed_{whole[:-1]}é",
            f"wf_feed_{whole[:18]}-{whole[18:]}",
            f"wf_feed__{whole}",
            f"ghp_{whole}",
            f"eyJ{whole}.{letters}.{letters}",
        ]
    )
