"""What a credential costs among a million subscribers, against the same among a thousand.

Two databases, each with a token and a feed key for every subscriber, over fifty entitlement
sets; what is measured goes to the one and the other in turn, since the machine may be shared.
"""

import hashlib
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tests.support.agency import DAY, START, Clock, settings_in
from wirefeed.composition import Services, open_services
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.credentials import (
    READING,
    Presented,
    Scheme,
    SecretKind,
    Token,
    digest,
    make_secret,
)
from wirefeed.domain.plans import Plan
from wirefeed.domain.terms import Terms

_PLANS = 50
_BATCH = 50_000
#: Credentials that are asked for, of those that there are.
_KNOWN = 2_000
#: At a time to one database, before it is the other's turn.
_TURN = 20


async def figures(subscribers: int, few: int, rounds: int) -> list[dict[str, Any]]:
    """Measure what one issue, one authentication and one revocation take, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            _house(Path(folder) / "many", subscribers) as many,
            _house(Path(folder) / "few", few) as small,
        ):
            return [await _compare(what, many, small, work, rounds) for what, work in _MEASURED]


class House:
    """A house of so many subscribers, and some of their credentials."""

    def __init__(self, services: Services, size: int, chance: random.Random) -> None:
        self.services = services
        self.size = size
        self.chance = chance
        self.keys = [_key(n) for n in self._some()]
        #: The secret of a token, and its jti.
        self.tokens: list[str] = []
        self.revoked = iter(self._some())

    def _some(self) -> list[int]:
        return [self.chance.randrange(self.size) for _ in range(_KNOWN)]

    @property
    def anybody(self) -> str:
        return f"s{self.chance.randrange(self.size)}"


Work = Callable[[House], Awaitable[object]]


async def _by_feed_key(house: House) -> object:
    return await house.services.readers.by_feed_key(house.chance.choice(house.keys))


async def _by_token(house: House) -> object:
    presented = Presented(scheme=Scheme.BEARER, secret=house.chance.choice(house.tokens))
    return await house.services.readers.by_credential(presented, "127.0.0.1")


async def _issue_feed_key(house: House) -> object:
    return await house.services.feed_keys.issue(house.anybody)


async def _issue_token(house: House) -> object:
    return await house.services.tokens.issue(Terms(subscriber=house.anybody, days=30))


async def _revoke_feed_key(house: House) -> object:
    return await house.services.feed_keys.revoke(_key_id(next(house.revoked)))


async def _revoke_token(house: House) -> object:
    return await house.services.tokens.revoke(_jti(next(house.revoked)))


_MEASURED: tuple[tuple[str, Work], ...] = (
    ("feed key authenticated, cold, ms", _by_feed_key),
    ("token authenticated, cold, ms", _by_token),
    ("feed key issued, ms", _issue_feed_key),
    ("token issued, ms", _issue_token),
    ("feed key revoked, ms", _revoke_feed_key),
    ("token revoked, ms", _revoke_token),
)


async def _compare(what: str, many: House, few: House, work: Work, rounds: int) -> dict[str, Any]:
    took: dict[int, list[float]] = {many.size: [], few.size: []}
    for turn in range(rounds):
        # Who comes first has colder caches: they take turns at that, too.
        for house in (many, few) if turn % 2 else (few, many):
            for _ in range(_TURN):
                began = time.perf_counter()
                await work(house)
                took[house.size].append((time.perf_counter() - began) * 1000)
    return {
        "what": f"{what} ({many.size:,} subscribers : {few.size:,})",
        "figure": statistics.median(took[many.size]),
        "reference": statistics.median(took[few.size]),
    }


@asynccontextmanager
async def _house(folder: Path, size: int) -> AsyncIterator[House]:
    folder.mkdir()
    settings = settings_in(folder)
    clock = Clock()
    async with open_services(settings, clock) as services:
        for number in range(_PLANS):
            grant = Grant(plan=f"p{number}", topics=frozenset({"sport"}), level=Level.FULL)
            await services.plans.put(Plan(name=f"p{number}", grants=(grant,)))
        kid = await services.signing_keys.signing()
    _fill(folder / "agency.db", size, kid)
    async with open_services(settings, clock) as services:
        house = House(services, size, random.Random(size))  # noqa: S311 - the same every time
        gate = services.readers._gate
        async with services.database.reading() as connection:
            for number in house._some():
                secret, _ = await gate.sign(connection, _token(number, kid))
                house.tokens.append(secret)
        yield house


def _fill(path: Path, size: int, kid: str) -> None:
    """Write rows as the services would, at the speed of a restore."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for start in range(0, size, _BATCH):
            numbers = range(start, min(size, start + _BATCH))
            connection.execute("BEGIN")
            for statement, rows in _rows(kid):
                connection.executemany(statement, (rows(n) for n in numbers))
            connection.execute("COMMIT")
    # What is measured is this house's work, not the disk's with what was written before.
    os.sync()
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


_ADD_TOKEN = """
INSERT INTO tokens (jti, subscriber, name, scopes, issued, expires, networks, kid)
VALUES (?, ?, '', '["feeds:read","wire:read"]', ?, ?, '[]', ?)
"""
_ADD_FEED_KEY = """
INSERT INTO feed_keys (id, digest, subscriber, name, tail, issued) VALUES (?, ?, ?, '', ?, ?)
"""


def _rows(kid: str) -> Iterator[tuple[str, Callable[[int], tuple[object, ...]]]]:
    yield (
        "INSERT INTO subscribers (id, suspended, changed) VALUES (?, 0, 1)",
        lambda n: (f"s{n}",),
    )
    yield (
        "INSERT INTO persons (subscriber, name, contact) VALUES (?, ?, '')",
        lambda n: (f"s{n}", f"Subscriber {n}"),
    )
    yield (
        "INSERT INTO subscriptions (subscriber, plan, starts) VALUES (?, ?, 1)",
        lambda n: (f"s{n}", f"p{n % _PLANS}"),
    )
    yield (
        _ADD_TOKEN,
        lambda n: (_jti(n), f"s{n}", START, START + 300 * DAY, kid),
    )
    yield (
        _ADD_FEED_KEY,
        lambda n: (_key_id(n), digest(_key(n)), f"s{n}", _key(n)[-4:], START),
    )


def _chance(kind: str, number: int) -> bytes:
    return hashlib.sha256(f"{kind} {number}".encode()).digest()


def _key(number: int) -> str:
    return make_secret(SecretKind.FEED, _chance("key", number))


def _key_id(number: int) -> str:
    return _chance("key id", number).hex()[:12]


def _jti(number: int) -> str:
    return _chance("jti", number).hex()[:32]


def _token(number: int, kid: str) -> Token:
    return Token(
        jti=_jti(number),
        subscriber=f"s{number}",
        name="",
        scopes=READING,
        issued=START,
        expires=START + 300 * DAY,
        kid=kid,
    )
