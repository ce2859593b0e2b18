"""S-20: signing keys are rotated under load by two servers: nobody who may is refused for it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.security import raw
from tests.security.raw import Answer
from tests.support.agency import MINUTE, SECOND, Agency, running, settings_in
from wirefeed.domain.credentials import ADMINISTERING
from wirefeed.domain.roles import Role
from wirefeed.domain.signing_keys import AHEAD
from wirefeed.domain.terms import Terms
from wirefeed.services.tokens import IssuedToken

#: Calls in each phase: the promise is the same for any number.
CALLS = 64
AT_ONCE = 8
OVERLAP = 20 * MINUTE
#: What each kind of token is for.
READING = ("GET", "/subscriber/en/latest.json")
WRITING = ("POST", "/api/v1/stories")
RUNNING = ("GET", "/api/v1/admin/keys")


@dataclass(slots=True)
class Load:
    """Tokens of every kind, and what two servers answered them."""

    agency: Agency
    ports: list[int]
    tokens: list[tuple[IssuedToken, tuple[str, str]]] = field(default_factory=list)

    async def issue(self, days: int = 30) -> None:
        """Issue one token of each kind."""
        issue = self.agency.services.tokens.issue
        for terms, use in (
            (Terms(subscriber="reader", days=days), READING),
            (Terms(source="newsroom", days=days), WRITING),
            (Terms(admin="owner", scopes=ADMINISTERING, days=days), RUNNING),
        ):
            self.tokens.append((await issue(terms), use))

    async def call(self, port: int, token: str, use: tuple[str, str]) -> Answer:
        method, path = use
        request = raw.get(path, f"Authorization: Bearer {token}", method=method)
        return await raw.ask(port, request)

    async def in_force(self) -> None:
        """Wait as the command or request does that changed a key: it returns when all act by it."""
        await self.agency.services.follower.in_force()

    async def press(self) -> None:
        """Call with every token at both servers, as often as there are calls in a phase."""
        each = itertools.cycle(itertools.product(self.tokens, self.ports))
        for _ in range(CALLS // AT_ONCE):
            answers = await asyncio.gather(
                *(
                    self.call(port, token.secret, use)
                    for (token, use), port in itertools.islice(each, AT_ONCE)
                )
            )
            # 415: it was let in, and sent no story.
            assert {answer.status for answer in answers} <= {200, 415}, answers

    async def during(self, change: Awaitable[object]) -> None:
        await asyncio.gather(self.press(), change)

    async def published(self) -> list[str]:
        """Give the keys that both servers publish, without their private parts."""
        await self.in_force()
        found = []
        for port in self.ports:
            answer = await raw.ask(port, raw.get("/.well-known/jwks.json"))
            assert answer.header("cache-control") == "public, max-age=300"
            found.append(json.loads(answer.body)["keys"])
            for key in found[-1]:
                assert set(key) == {"kty", "crv", "kid", "alg", "use", "x"}
        assert found[0] == found[1]
        return [key["kid"] for key in found[0]]


@pytest.fixture
async def load(tmp_path: Path) -> AsyncIterator[Load]:
    async with (
        running(settings_in(tmp_path)) as agency,
        running(agency.settings, agency.clock) as other,
    ):
        await agency.subscriber("reader", "sport")
        await agency.services.administrators.add("owner", Role.OWNER)
        pressing = Load(agency, [agency.port, other.port])
        await pressing.issue()
        yield pressing


async def denied(load: Load) -> None:
    """Every token is refused at both servers, in the very bytes in which nonsense is."""
    await load.in_force()
    for port in load.ports:
        for token, use in load.tokens:
            nonsense = await load.call(port, "nonsense", use)
            answer = await load.call(port, token.secret, use)
            assert nonsense.status == 401
            assert answer.settled == nonsense.settled


async def test_s20_a_rotation_refuses_nobody_and_ends_the_old_key_with_its_overlap(load: Load):
    keys, clock = load.agency.services.signing_keys, load.agency.clock
    (first,) = await load.published()
    await load.during(keys.rotate(OVERLAP))
    assert len(await load.published()) == 2
    await load.during(keys.revert())
    assert await load.published() == [first]
    await load.during(keys.rotate(OVERLAP))
    done = clock.now
    _, second = await load.published()
    # What is issued meanwhile is not to be cut off.
    before = load.tokens
    load.tokens = []
    await load.issue()
    after, load.tokens = load.tokens, [*before, *load.tokens]
    for moment in (done + AHEAD - 1, done + AHEAD, done + AHEAD + OVERLAP - 1):
        clock.now = moment
        await load.press()
        assert await load.published() == [first, second]
    clock.advance(1)
    for _ in range(2):
        load.tokens = before
        await denied(load)
        load.tokens = after
        await load.press()
        assert await load.published() == [second]
        clock.advance(SECOND)


async def test_s20_current_next_and_previous_are_published(load: Load):
    keys, clock = load.agency.services.signing_keys, load.agency.clock
    for count in (2, 3):
        await load.during(keys.rotate())
        assert len(await load.published()) == count
        await load.issue()
        clock.advance(AHEAD)
        await load.issue()
        await load.press()


async def test_s20_an_emergency_ends_the_old_key_at_once(load: Load):
    keys = load.agency.services.signing_keys
    (old,) = await load.published()
    for under_way in (False, True):
        await load.press()
        if under_way:
            await keys.rotate()
        gone = await keys.retire(await keys.signing())
        assert gone.refused == len(load.tokens)
        await denied(load)
        load.tokens = []
        await load.issue()
        await load.press()
        assert old not in await load.published()
        assert len(await load.published()) == 1
