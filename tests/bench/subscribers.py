"""Subscribers by the million, each with a token and a feed key: rows as the services write them."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from wirefeed.domain.credentials import READING, SecretKind, Token, digest, make_secret

DAY = 86_400_000_000
#: Sets of entitlements: each subscriber has one plan of so many.
PLANS = 50
_BATCH = 50_000
_LIFE = 300 * DAY


def fill(path: Path, size: int, *, kid: str, now: int) -> None:
    """Write subscribers into a database, at the speed of a restore."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for start in range(0, size, _BATCH):
            numbers = range(start, min(size, start + _BATCH))
            connection.execute("BEGIN")
            for statement, row in _rows(kid, now):
                connection.executemany(statement, (row(n) for n in numbers))
            connection.execute("COMMIT")
    # What is measured is the work of the house, not the disk's with what was written before.
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


def _rows(kid: str, now: int) -> Iterator[tuple[str, Callable[[int], tuple[object, ...]]]]:
    yield (
        "INSERT INTO subscribers (id, suspended, changed) VALUES (?, 0, 1)",
        lambda n: (subscriber(n),),
    )
    yield (
        "INSERT INTO persons (subscriber, name, contact) VALUES (?, ?, '')",
        lambda n: (subscriber(n), f"Subscriber {n}"),
    )
    yield (
        "INSERT INTO subscriptions (subscriber, plan, starts) VALUES (?, ?, 1)",
        lambda n: (subscriber(n), plan(n)),
    )
    yield (
        _ADD_TOKEN,
        lambda n: (jti(n), subscriber(n), now, now + _LIFE, kid),
    )
    yield (
        _ADD_FEED_KEY,
        lambda n: (key_id(n), digest(key(n)), subscriber(n), key(n)[-4:], now),
    )


def subscriber(number: int) -> str:
    return f"s{number}"


def plan(number: int) -> str:
    """Name the plan of a subscriber."""
    return f"p{number % PLANS}"


def key(number: int) -> str:
    """Give the feed key of a subscriber."""
    return make_secret(SecretKind.FEED, _chance("key", number))


def key_id(number: int) -> str:
    return _chance("key id", number).hex()[:12]


def jti(number: int) -> str:
    return _chance("jti", number).hex()[:32]


def token(number: int, *, kid: str, now: int) -> Token:
    """Give the token of a subscriber, to be signed."""
    return Token(
        jti=jti(number),
        subscriber=subscriber(number),
        name="",
        scopes=READING,
        issued=now,
        expires=now + _LIFE,
        kid=kid,
    )


def _chance(kind: str, number: int) -> bytes:
    return hashlib.sha256(f"{kind} {number}".encode()).digest()
