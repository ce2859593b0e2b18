"""S-12, S-74: who may call what of the API: every role and every other credential, route by route.

The tables are written out once more, so that nobody gets a right by a slip in the others. The
routes come from the route table: one that is not described, or that has no row, fails.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.security import raw
from tests.security.carrying import carried
from tests.security.rights import ASKING, RIGHTS
from tests.security.routes import table
from tests.support.agency import Agency
from wirefeed.domain.credentials import ADMINISTERING, READING, Scope
from wirefeed.domain.handovers import SignIn
from wirefeed.domain.roles import Permission, Role
from wirefeed.domain.terms import Terms
from wirefeed.web.api.operation import Caller, Endpoint, Operation
from wirefeed.web.api.routes import ENDPOINTS

OWNER, SALES, DESK, AUDITOR = Role.OWNER, Role.SALES, Role.DESK, Role.AUDITOR
#: What is published: which roles may do what.
ROLES: dict[str, set[Role]] = {
    "plans:read": {OWNER, SALES, AUDITOR},
    "plans:write": {OWNER},
    "subscribers:read": {OWNER, SALES, AUDITOR},
    "subscribers:write": {OWNER, SALES},
    "credentials:read": {OWNER, SALES, AUDITOR},
    "credentials:write": {OWNER, SALES},
    "sources:read": {OWNER, AUDITOR},
    "sources:write": {OWNER},
    "stories:read": {OWNER, SALES, DESK, AUDITOR},
    "stories:write": {OWNER, DESK},
    "topics:read": {OWNER, SALES, DESK, AUDITOR},
    "topics:write": {OWNER, DESK},
    "keys:read": {OWNER, AUDITOR},
    "keys:write": {OWNER},
    "admins:read": {OWNER, AUDITOR},
    "admins:write": {OWNER},
    "audit:read": {OWNER, AUDITOR},
    "usage:read": {OWNER, SALES, AUDITOR},
    "flags:write": {OWNER, SALES},
}
SCOPES = {
    "read": frozenset({Scope.ADMIN_READ}),
    "write": frozenset({Scope.ADMIN_WRITE}),
    "both": ADMINISTERING,
}
#: Pages about the API, which are for people.
PAGES = {"/api/docs"}


#: The API takes a token in its header and nothing else.
WRONG = ("none", "basic", "basic-user", "cookie", "query")
#: How, and which credential.
Sent = tuple[str, str]


@dataclass(slots=True)
class Doors:
    """An agency, and one of every credential that there is."""

    agency: Agency
    #: By role and scopes: `sales read`.
    administrators: dict[str, str]
    #: What everybody else comes with.
    others: dict[str, str]

    async def knock(self, endpoint: Endpoint, sent: Sequence[Sent]) -> list[int]:
        """Call an endpoint with nothing but a credential, the first that is looked at."""
        operation = endpoint.operation
        path = operation.path
        for name, param in operation.params.items():
            path = path.replace(f"{{{name}}}", param.example)
        requests = []
        for way, secret in sent:
            headers, query = carried(way, secret)
            # Whoever is let in gets no further: there is no such parameter.
            whole = path + (query or "?let-in=1")
            requests.append(raw.get(whole, *headers, method=operation.method))
        answers = await raw.converse(self.agency.port, requests, method=operation.method.encode())
        return [answer.check().status for answer in answers]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(agency: Agency) -> AsyncIterator[Doors]:
    issue = agency.services.tokens.issue
    administrators = {}
    for role in Role:
        await agency.services.administrators.add(role.value, role)
        for name, scopes in SCOPES.items():
            token = await issue(Terms(admin=role.value, scopes=scopes, days=1))
            administrators[f"{role} {name}"] = token.secret
    await agency.subscriber("reader", "sport")
    reader = (await issue(Terms(subscriber="reader", scopes=READING, days=1))).secret
    newsroom = (await issue(Terms(source="newsroom", days=1))).secret
    key = (await agency.feed_key("reader")).removeprefix("/f/")
    link = (await agency.services.handovers.issue("reader", SignIn())).secret
    gone = await issue(Terms(admin="owner", scopes=ADMINISTERING, days=1))
    await agency.services.tokens.revoke(gone.row.jti)
    yield Doors(
        agency,
        administrators,
        {
            "subscriber": reader,
            "newsroom": newsroom,
            "feed key": key,
            "link": link,
            "administrator, revoked": gone.secret,
        },
    )


def test_every_route_of_the_api_is_described():
    served = {
        (route.method, route.template)
        for route in table()
        if route.template.startswith("/api/") and route.method != "HEAD"
    }
    described = {(e.operation.method, e.operation.path) for e in ENDPOINTS}
    assert {route for route in served if route[1] not in PAGES} == described, (
        "describe it as an Operation, with what it takes to call it"
    )


def test_every_permission_has_its_row():
    assert set(ROLES) == {permission.value for permission in Permission}


def test_every_route_takes_the_right_that_it_should():
    declared = {
        (e.operation.method, e.operation.path): str(e.operation.access.value) for e in ENDPOINTS
    }
    assert declared == RIGHTS, "a new route needs its row in tests/security/rights.py"


def test_what_changes_anything_takes_the_right_to_write():
    for (method, path), right in RIGHTS.items():
        if not path.startswith("/api/v1/admin/"):
            assert right not in ROLES, path
            continue
        changes = method != "GET" and (method, path) not in ASKING
        assert right.endswith(":write" if changes else ":read"), (method, path)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.id)
async def test_only_who_may_is_let_in(doors: Doors, endpoint: Endpoint):
    operation = endpoint.operation
    everybody = {**doors.others, "administrator": doors.administrators["owner both"]}
    tries = [
        *((who, "bearer", token) for who, token in doors.administrators.items()),
        *((who, "bearer", secret) for who, secret in doors.others.items()),
        *((who, way, secret) for way in WRONG for who, secret in everybody.items()),
    ]
    expected = [
        administrator_gets(who, operation)
        if who in doors.administrators
        else other_gets(who if way == "bearer" else "nothing", operation)
        for who, way, _ in tries
    ]

    given = await doors.knock(endpoint, [(way, secret) for _, way, secret in tries])

    for (who, way, _), status, due in zip(tries, given, expected, strict=True):
        assert status == due, (endpoint.id, who, way)


def right(operation: Operation[Any, Any]) -> str:
    """Say what it should take to call it, whatever it says of itself."""
    return RIGHTS[operation.method, operation.path]


def anybody_gets(operation: Operation[Any, Any]) -> int:
    """Say what everybody is answered: 415 is let in, and then asked for a body."""
    return 200 if operation.body is None else 415


def administrator_gets(who: str, operation: Operation[Any, Any]) -> int:
    """Say what an administrator is answered: 400 is let in, and then asked what that meant."""
    role, _, scopes = who.partition(" ")
    needed = right(operation)
    if needed not in ROLES:
        return anybody_gets(operation) if needed == Caller.ANYONE.value else 403
    scope = "write" if needed.endswith(":write") else "read"
    return 400 if Role(role) in ROLES[needed] and scopes in {scope, "both"} else 403


def other_gets(who: str, operation: Operation[Any, Any]) -> int:
    """Say what anybody else is answered."""
    needed = right(operation)
    opened_by = {
        Caller.ACCOUNT.value: "subscriber",
        Caller.WIRE.value: "subscriber",
        Caller.SOURCE.value: "newsroom",
    }
    if needed == Caller.ANYONE.value:
        return anybody_gets(operation)
    if who == opened_by.get(needed):
        return 400
    return 403 if who in {"subscriber", "newsroom"} else 401
