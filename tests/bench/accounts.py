"""What a credential costs among a million subscribers, against the same among a thousand.

Two databases, each with a token and a feed key for every subscriber, over fifty entitlement
sets; what is measured goes to the one and the other in turn, since the machine may be shared.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from tests.bench import subscribers
from tests.bench.datasets import signed
from tests.bench.rows import Row, Sizes, median
from tests.support.agency import START, Clock, settings_in
from wirefeed.composition import Services, open_services
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.credentials import Presented, Scheme
from wirefeed.domain.plans import Plan
from wirefeed.domain.terms import Terms

#: Credentials that are asked for, of those that there are.
_KNOWN = 2_000
#: At a time to one database, before it is the other's turn.
_TURN = 20


def figures(sizes: Sizes) -> list[Row]:
    """Measure what one issue, one authentication and one revocation take."""
    return uvloop.run(_figures(sizes))


async def _figures(sizes: Sizes) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            _house(Path(folder) / "many", sizes.subscribers) as many,
            _house(Path(folder) / "few", sizes.few) as few,
        ):
            rounds = 3 * sizes.rounds
            return [await _compare(what, many, few, work, rounds) for what, work in _MEASURED]


class House:
    """A house of so many subscribers, and some of their credentials."""

    def __init__(self, services: Services, size: int, chance: random.Random) -> None:
        self.services = services
        self.size = size
        self.chance = chance
        self.keys = [subscribers.key(n) for n in self.some()]
        self.tokens: list[str] = []
        self.revoked = iter(self.some())

    def some(self) -> list[int]:
        return [self.chance.randrange(self.size) for _ in range(_KNOWN)]

    @property
    def anybody(self) -> str:
        return subscribers.subscriber(self.chance.randrange(self.size))


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
    return await house.services.feed_keys.revoke(subscribers.key_id(next(house.revoked)))


async def _revoke_token(house: House) -> object:
    return await house.services.tokens.revoke(subscribers.jti(next(house.revoked)))


_MEASURED: tuple[tuple[str, Work], ...] = (
    ("feed key authenticated, cold", _by_feed_key),
    ("token authenticated, cold", _by_token),
    ("feed key issued", _issue_feed_key),
    ("token issued", _issue_token),
    ("feed key revoked", _revoke_feed_key),
    ("token revoked", _revoke_token),
)


async def _compare(what: str, many: House, few: House, work: Work, rounds: int) -> Row:
    took: dict[int, list[float]] = {many.size: [], few.size: []}
    for turn in range(rounds):
        # Who comes first has colder caches: they take turns at that, too.
        for house in (many, few) if turn % 2 else (few, many):
            for _ in range(_TURN):
                began = time.perf_counter()
                await work(house)
                took[house.size].append((time.perf_counter() - began) * 1000)
    return Row(
        what=f"{what}, {many.size:,} subscribers",
        figure=median(took[many.size]),
        unit="ms",
        reference=median(took[few.size]),
        against=f"{few.size:,} subscribers",
    )


@asynccontextmanager
async def _house(folder: Path, size: int) -> AsyncIterator[House]:
    folder.mkdir()
    settings = settings_in(folder)
    clock = Clock()
    async with open_services(settings, clock) as services:
        for number in range(subscribers.PLANS):
            name = subscribers.plan(number)
            grant = Grant(plan=name, topics=frozenset({"sport"}), level=Level.FULL)
            await services.plans.put(Plan(name=name, grants=(grant,)))
        kid = await services.signing_keys.signing()
    await asyncio.to_thread(subscribers.fill, folder / "agency.db", size, kid=kid, now=START)
    async with open_services(settings, clock) as services:
        house = House(services, size, random.Random(size))  # noqa: S311 - the same every time
        house.tokens += await signed(services, house.some(), kid, START)
        yield house
