"""Administrators and newsrooms by the API."""

from http import HTTPStatus

import msgspec

from wirefeed.domain.plans import NAME
from wirefeed.domain.roles import Permission, Role
from wirefeed.storage.administrators import Admin
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.operation import Call, Operation, Param, Result
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import ADMINISTRATORS

_TAG = "Administrators"
_NAME = {"name": Param(pattern=NAME, description="The administrator's name.", example="eva")}
_ONE = "/api/v1/admin/admins/{name}"
_ANSWER = {"name": "eva", "role": "sales", "created": "2026-03-01T12:00:00Z"}


class RoleOf(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an administrator is there for."""

    role: Role


class AdminShape(RoleOf, kw_only=True):
    """An administrator."""

    name: str
    created: Time


class AdminListing(msgspec.Struct, kw_only=True):
    """All administrators."""

    admins: list[AdminShape]


@Operation(
    method="GET",
    path="/api/v1/admin/admins",
    access=Permission.ADMINS_READ,
    tag=_TAG,
    gives=AdminListing,
    answer={"admins": [_ANSWER]},
)
async def list_admins(call: Call[None, None]) -> Result:
    """List the administrators."""
    found = await call.app[ADMINISTRATORS].all()
    return Result(value=AdminListing(admins=[_shape(admin) for admin in found]))


@Operation(
    method="GET",
    path=_ONE,
    params=_NAME,
    access=Permission.ADMINS_READ,
    tag=_TAG,
    gives=AdminShape,
    tagged=True,
    answer=_ANSWER,
)
async def get_admin(call: Call[None, None]) -> Result:
    """Give an administrator."""
    return Result(value=_shape(await call.app[ADMINISTRATORS].get(call.params["name"])))


@Operation(
    method="PUT",
    path=_ONE,
    params=_NAME,
    access=Permission.ADMINS_WRITE,
    tag=_TAG,
    body=RoleOf,
    gives=AdminShape,
    statuses=(HTTPStatus.OK, HTTPStatus.CREATED),
    problems=frozenset({HTTPStatus.CONFLICT}),
    tagged=True,
    match=Match.REQUIRED,
    example={"role": "sales"},
    answer=_ANSWER,
)
async def put_admin(call: Call[RoleOf, None]) -> Result:
    """Add an administrator, or give one another role.

    It acts on the next request. The last owner stays one.
    """
    name = call.params["name"]
    created = False

    def check(held: Admin | None) -> None:
        nonlocal created
        created = held is None
        call.expect(None if held is None else _shape(held))

    kept = await call.app[ADMINISTRATORS].put(name, call.body.role, call.by, check=check)
    if not created:
        return Result(value=_shape(kept))
    return Result(
        value=_shape(kept), status=HTTPStatus.CREATED, location=f"/api/v1/admin/admins/{name}"
    )


@Operation(
    method="DELETE",
    path=_ONE,
    params=_NAME,
    access=Permission.ADMINS_WRITE,
    tag=_TAG,
    statuses=(HTTPStatus.NO_CONTENT,),
    problems=frozenset({HTTPStatus.CONFLICT}),
    match=Match.REQUIRED,
)
async def remove_admin(call: Call[None, None]) -> Result:
    """Remove an administrator with all its tokens."""

    def check(held: Admin) -> None:
        call.expect(_shape(held))

    await call.app[ADMINISTRATORS].remove(call.params["name"], call.by, check=check)
    return Result()


def _shape(admin: Admin) -> AdminShape:
    return AdminShape(name=admin.name, role=Role(admin.role), created=moment(admin.created))


ENDPOINTS = [list_admins, get_admin, put_admin, remove_admin]
