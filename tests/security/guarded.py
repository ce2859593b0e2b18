"""The endpoints that take a credential in a header, found by asking without one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from tests.security import raw
from tests.security.forging import Forge
from tests.security.raw import Answer
from tests.security.routes import Route, table
from tests.support.agency import Agency
from wirefeed.domain.roles import Permission
from wirefeed.domain.stories import story_id
from wirefeed.web.api.operation import Caller
from wirefeed.web.api.routes import ENDPOINTS

STORY = "urn:newsml:example:guarded"
#: One value each: the credential is looked at before any of them.
VALUES = {
    "lang": ["en"],
    "topic": ["sport"],
    "format": ["json"],
    "id": [story_id(STORY)],
    "slug": ["story"],
    "page": ["2026-02-28"],
    "signature": ["0" * 32],
    "file": [f"{'a' * 16}.jpg"],
}
#: Where an answer stands in for all of its kind.
READING = "/subscriber/en/latest.json"
WRITING = "/api/v1/stories"


@dataclass(slots=True)
class Endpoint:
    """An endpoint and its one denial."""

    method: str
    path: str
    denial: Answer
    #: The token that would open it.
    forge: Forge

    async def ask(self, port: int, *headers: str) -> Answer:
        request = raw.get(self.path, *headers, method=self.method)
        return await raw.ask(port, request)


@dataclass(slots=True)
class Gate:
    """Everything that asks for a credential, and live credentials to vary."""

    agency: Agency
    endpoints: list[Endpoint]
    reading: Forge
    writing: Forge
    key: str
    _denied: dict[str, Answer] = field(default_factory=dict)

    def forge_for(self, endpoint: Endpoint) -> Forge:
        """Give the token that would open an endpoint, so that only what is varied is wrong."""
        return endpoint.forge

    async def refuses(self, headers: Iterable[str]) -> None:
        """Every endpoint refuses these headers, in the very bytes in which it refuses nonsense."""
        for endpoint in self.endpoints:
            answer = await endpoint.ask(self.agency.port, *headers)
            assert answer.settled == endpoint.denial.settled, (endpoint.path, headers, answer)

    async def refuses_token(self, token: str) -> None:
        await self.refuses([f"Authorization: Bearer {token}"])

    async def refuses_forged(self, method: str, *arguments: Any, **members: Any) -> None:
        """Every endpoint refuses its own good token with this one thing changed."""
        for endpoint in self.endpoints:
            token = getattr(self.forge_for(endpoint), method)(*arguments, **members)
            answer = await endpoint.ask(self.agency.port, f"Authorization: Bearer {token}")
            assert answer.settled == endpoint.denial.settled, (endpoint.path, token, answer)


async def open_gate(agency: Agency) -> Gate:
    await agency.publish(STORY)
    await agency.subscriber("reader", "sport")
    bearer = (await agency.token("reader"))["Authorization"].removeprefix("Bearer ")
    key = (await agency.feed_key("reader")).removeprefix("/f/")
    reading, writing = await Forge.of(agency, bearer), await Forge.of(agency, agency.newsroom)
    owner = (await agency.administrator())["Authorization"].removeprefix("Bearer ")
    forges = {Caller.SOURCE: writing, Permission: await Forge.of(agency, owner)}
    endpoints = []
    for route in _one_of_each_kind(table()):
        if route.holds_secret:
            continue
        forge = forges.get(_access(route), reading)
        for path in route.paths(VALUES):
            request = raw.get(path, method=route.method)
            if (await raw.ask(agency.port, request)).status != 401:
                continue
            denial = await raw.ask(
                agency.port, raw.get(path, "Authorization: Bearer nonsense", method=route.method)
            )
            endpoints.append(Endpoint(route.method, path, denial, forge))
    _check(endpoints)
    return Gate(agency, endpoints, reading, writing, key)


def _access(route: Route) -> Caller | type[Permission] | None:
    """Say who an operation of the API is for; None: it is none."""
    access = _OPERATIONS.get((route.method, route.template))
    return Permission if isinstance(access, Permission) else access


def _one_of_each_kind(routes: Iterable[Route]) -> Iterator[Route]:
    """Give the routes; of the API, one for each kind of caller, since all pass the same gate.

    That each of them does is held by test_permissions.py.
    """
    met = set()
    for route in routes:
        kind = _access(route)
        if route.method != "HEAD" and (kind is None or kind not in met):
            met.add(kind)
            yield route


_OPERATIONS = {(e.operation.method, e.operation.path): e.operation.access for e in ENDPOINTS}


def _check(endpoints: list[Endpoint]) -> None:
    """The denial is the same everywhere, and says what RFC 6750 §3 asks for."""
    assert {READING, WRITING} <= {endpoint.path for endpoint in endpoints}
    for endpoint in endpoints:
        challenge = endpoint.denial.header("www-authenticate")
        assert endpoint.denial.status == 401
        assert 'Bearer realm="wirefeed", error="invalid_token"' in challenge
        assert endpoint.denial.header("cache-control") == "no-store"
    assert len({endpoint.denial.body for endpoint in endpoints}) == 1


@contextmanager
def statements(agency: Agency, *tables: str) -> Iterator[list[str]]:
    """Collect the SQL that touches these tables."""
    seen: list[str] = []

    def executed(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if any(name in statement for name in tables):
            seen.append(statement)

    database = agency.services.database
    engines = (
        database._reader.sync_engine,
        database._in_one_go._reading._engine,
        database._in_one_go._finding._engine,
        database._in_one_go._looking._engine,
    )
    for engine in engines:
        event.listen(engine, "before_cursor_execute", executed)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", executed)


@contextmanager
def key_uses(agency: Agency) -> Iterator[list[str]]:
    """Collect the ids of the keys that are asked for to verify with."""
    gate = agency.services.readers._gate
    keyring = gate._keyring
    asked: list[str] = []

    class Spy:
        async def verifier(self, kid: str) -> object:
            asked.append(kid)
            return await keyring.verifier(kid)

    gate._keyring = Spy()  # type: ignore[assignment]
    try:
        yield asked
    finally:
        gate._keyring = keyring
