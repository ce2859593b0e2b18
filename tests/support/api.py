"""A small API for tests of what all of it stands on: labels, kept in memory, guarded by tags."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import msgspec
from aiohttp import web
from msgspec import Meta

from tests.support.agency import Clock, settings_in
from wirefeed.domain.credentials import ADMINISTERING, Presented, Scope
from wirefeed.domain.errors import NotFound, Unacceptable, Unauthenticated
from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Administrator, Permission, Role
from wirefeed.services.house import House
from wirefeed.services.readers import Readers
from wirefeed.texts import load_all
from wirefeed.web.api import serving
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import CSV, Call, Listing, Operation, Param, Result
from wirefeed.web.request import CLOCK, HOUSE, READERS, SETTINGS, finish, harden, problems
from wirefeed.web.server import Runner

LABELS: web.AppKey[dict[str, "Label"]] = web.AppKey("labels")
#: What was asked of the handlers, to see that nothing was.
DONE: web.AppKey[list[str]] = web.AppKey("done")


class Ink(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a label is printed with."""

    colour: Annotated[str, Meta(pattern="^[a-z]+$")]
    drops: Annotated[int, Meta(ge=1, le=9)] = 1


class LabelIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A label to keep."""

    text: Annotated[str, Meta(max_length=20)]
    inks: list[Ink] = []
    names: dict[str, str] = {}


class Label(LabelIn, kw_only=True):
    """A label that is kept."""

    name: str
    version: int = 1


class Labels(Listing, kw_only=True):
    """Some labels."""

    labels: list[Label]


_NAME = {"name": Param(pattern=NAME, description="The label's name.", example="fragile")}
_ONE = "/api/v1/labels/{name}"


@Operation(
    method="GET",
    path="/api/v1/labels",
    access=Permission.PLANS_READ,
    tag="Labels",
    query=Page,
    gives=Labels,
)
async def list_labels(call: Call[None, Page]) -> Result:
    """List the labels."""
    after = call.after() or ""
    labels = call.app[LABELS]
    names = [name for name in sorted(labels) if name > after]
    shown = names[: call.query.limit]
    more = call.cursor(shown[-1]) if len(names) > len(shown) else None
    return Result(value=Labels(labels=[labels[name] for name in shown], next=more))


@Operation(
    method="GET",
    path=_ONE,
    params=_NAME,
    access=Permission.PLANS_READ,
    tag="Labels",
    gives=Label,
    tagged=True,
)
async def get_label(call: Call[None, None]) -> Result:
    """Give a label."""
    call.app[DONE].append("get")
    return Result(value=_label(call))


@Operation(
    method="PUT",
    path=_ONE,
    params=_NAME,
    access=Permission.PLANS_WRITE,
    tag="Labels",
    body=LabelIn,
    gives=Label,
    statuses=(HTTPStatus.OK, HTTPStatus.CREATED),
    tagged=True,
    match=Match.REQUIRED,
    example={"text": "Fragile", "inks": [{"colour": "red"}]},
    answer={"text": "Fragile", "inks": [{"colour": "red"}], "name": "fragile", "version": 2},
)
async def put_label(call: Call[LabelIn, None]) -> Result:
    """Keep a label."""
    call.app[DONE].append("put")
    name, labels = call.params["name"], call.app[LABELS]
    held = labels.get(name)
    call.expecting(lambda label: label)(held)
    version = held.version + 1 if held else 1
    labels[name] = Label(name=name, version=version, **msgspec.structs.asdict(call.body))
    if held:
        return Result(value=labels[name])
    return Result(value=labels[name], status=HTTPStatus.CREATED, location=f"/api/v1/labels/{name}")


@Operation(
    method="DELETE",
    path=_ONE,
    params=_NAME,
    access=Permission.PLANS_WRITE,
    tag="Labels",
    statuses=(HTTPStatus.NO_CONTENT,),
    match=Match.OPTIONAL,
)
async def remove_label(call: Call[None, None]) -> Result:
    """Forget a label."""
    call.app[DONE].append("remove")
    label = _label(call)
    call.expect(label)
    del call.app[LABELS][label.name]
    return Result()


@Operation(
    method="PUT",
    path="/api/v1/labels.csv",
    access=Permission.PLANS_WRITE,
    tag="Labels",
    body=CSV,
    gives=CSV,
    problems=frozenset({HTTPStatus.UNPROCESSABLE_ENTITY}),
    example="name\nfragile\n",
)
async def put_all(call: Call[bytes, None]) -> Result:
    """Say what was sent."""
    if not call.body.startswith(b"name"):
        raise Unacceptable("the first line has to name the columns", field="line 1")
    return Result(value=call.body.upper())


@Operation(
    method="PATCH",
    path="/api/v1/forgetful",
    access=Permission.PLANS_WRITE,
    tag="Labels",
    body=LabelIn,
    gives=Label,
    match=Match.OPTIONAL,
)
async def forgetful(call: Call[LabelIn, None]) -> Result:
    """Change a label without looking at what it was."""
    return Result(value=Label(name="x", text=call.body.text))


def _label(call: Call[Any, Any]) -> Label:
    try:
        return call.app[LABELS][call.params["name"]]
    except KeyError:
        raise NotFound from None


ENDPOINTS = [list_labels, get_label, put_label, remove_label, put_all]


class Desk(Readers):
    """Knows administrators by tokens that are their role and what it is for: `sales-rw`."""

    def __init__(self) -> None:
        """Need nothing: everybody is known beforehand."""

    async def administrator(self, presented: Presented, address: str) -> Administrator:
        assert address == "127.0.0.1"
        role, _, what = presented.secret.partition("-")
        scopes = {"rw": ADMINISTERING, "r": frozenset({Scope.ADMIN_READ})}
        if role not in set(Role) or what not in scopes:
            raise Unauthenticated
        return Administrator(name="anna", role=Role(role), scopes=scopes[what], jti="1")


@asynccontextmanager
async def labelling(folder: Path) -> AsyncIterator[tuple[web.Application, aiohttp.ClientSession]]:
    """Run it on a free port."""
    settings = settings_in(folder)
    app = web.Application(middlewares=[harden, problems])
    app.on_response_prepare.append(finish)
    clock: Callable[[], int] = Clock()
    app[SETTINGS] = settings
    app[CLOCK] = clock
    app[HOUSE] = House(settings, load_all(settings.site.languages), bytes(32))
    app[READERS] = Desk()
    app[LABELS] = {}
    app[DONE] = []
    app.add_routes(serving.routes([*ENDPOINTS, forgetful]))
    runner = Runner(app, drain=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            yield app, http
    finally:
        await runner.cleanup()
