"""Plans by the API: what is sold, version by version, and what a change would do."""

from dataclasses import replace
from http import HTTPStatus

import msgspec

from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.plans import NAME, Plan
from wirefeed.domain.roles import Permission
from wirefeed.formats.accounts_json import PlanShape, plan_given, plan_shape
from wirefeed.formats.prospects_json import OutlookShape, outlook_shape
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.cursors import Page
from wirefeed.web.api.operation import Call, Listing, Operation, Param, Result
from wirefeed.web.api.times import Time, moment
from wirefeed.web.request import PLANS, PROSPECTS

_TAG = "Plans"
_NAME = {"name": Param(pattern=NAME, description="The plan's name.", example="gold")}
_ONE = "/api/v1/admin/plans/{name}"
_EXAMPLE = {
    "grants": [
        {"topics": ["*"], "except": ["sport"], "level": "full", "media": True},
        {"topics": ["sport"], "level": "full", "delay_seconds": 1800},
    ],
    "labels": {"en": "Gold"},
    "prices": {"en": "€ 90 a month"},
    "trial_days": 14,
}
_GRANT = {
    "topics": ["*"],
    "except": [],
    "languages": ["*"],
    "level": "full",
    "delay_seconds": 0,
    "media": True,
    "early": False,
    "notes": False,
    "archive_days": None,
}
_ANSWER = {
    "name": "gold",
    "version": 3,
    "changed": "2026-03-01T12:00:00Z",
    "grants": [_GRANT],
    "labels": {"en": "Gold"},
    "prices": {"en": "€ 90 a month"},
    "subscribe_urls": {},
    "trial_days": 14,
}
_OUTLOOK = {
    "plan": "gold",
    "version": 3,
    "prospects": [
        {
            "public": False,
            "plans": ["gold"],
            "count": 12,
            "subscribers": ["gazette"],
            "gaining": 0,
            "losing": 1,
            "gained": {},
            "lost": {"full": 1},
            "stories": [
                {
                    "story": "urn:newsml:news.example:20260301:harbour",
                    "headline": "Harbour opens again",
                    "changed": "2026-03-01T12:00:00Z",
                    "before": "full",
                    "after": "summary",
                    "gained": [],
                    "lost": ["full"],
                }
            ],
        }
    ],
    "idle": 2,
    "stories": 1500,
    "since": "2026-02-22T12:00:00Z",
    "stories_cut": False,
    "subscribers_cut": False,
}


class PlanOut(PlanShape, kw_only=True):
    """A plan."""

    name: str
    version: int
    changed: Time


class Plans(Listing, kw_only=True):
    """Some plans."""

    plans: list[PlanOut]


class Versions(msgspec.Struct, kw_only=True):
    """Every version of a plan."""

    versions: list[PlanOut]


@Operation(
    method="GET",
    path="/api/v1/admin/plans",
    access=Permission.PLANS_READ,
    tag=_TAG,
    query=Page,
    gives=Plans,
    answer={"plans": [_ANSWER], "next": None},
)
async def list_plans(call: Call[None, Page]) -> Result:
    """List the plans."""
    after = call.after() or ""
    found = [p for name, p in sorted((await call.app[PLANS].all()).items()) if name > after]
    shown = found[: call.query.limit]
    more = call.cursor(shown[-1].name) if len(found) > len(shown) else None
    return Result(value=Plans(plans=[_out(plan) for plan in shown], next=more))


@Operation(
    method="GET",
    path=_ONE,
    params=_NAME,
    access=Permission.PLANS_READ,
    tag=_TAG,
    gives=PlanOut,
    tagged=True,
    answer=_ANSWER,
)
async def get_plan(call: Call[None, None]) -> Result:
    """Give a plan."""
    return Result(value=_out(await call.app[PLANS].get(call.params["name"])))


@Operation(
    method="PUT",
    path=_ONE,
    params=_NAME,
    access=Permission.PLANS_WRITE,
    tag=_TAG,
    body=PlanShape,
    gives=PlanOut,
    statuses=(HTTPStatus.OK, HTTPStatus.CREATED),
    problems=frozenset({HTTPStatus.UNPROCESSABLE_ENTITY}),
    tagged=True,
    match=Match.SEEN,
    example=_EXAMPLE,
    answer=_ANSWER,
)
async def put_plan(call: Call[PlanShape, None]) -> Result:
    """Put a plan: add it, or change it.

    It acts on the next request of everybody who has it. The same plan again changes nothing.
    Ask for its preview first: it says what those who have it would gain and lose.
    """
    name = call.params["name"]
    created = False

    def check(held: Plan | None) -> None:
        nonlocal created
        created = held is None
        call.expect(None if held is None else _out(held))

    try:
        kept = await call.app[PLANS].put(_plan(call), call.by, check=check)
    except WirefeedError as error:
        raise in_body(error) from None
    if not created:
        return Result(value=_out(kept))
    return Result(
        value=_out(kept), status=HTTPStatus.CREATED, location=f"/api/v1/admin/plans/{name}"
    )


@Operation(
    method="DELETE",
    path=_ONE,
    params=_NAME,
    access=Permission.PLANS_WRITE,
    tag=_TAG,
    statuses=(HTTPStatus.NO_CONTENT,),
    problems=frozenset({HTTPStatus.CONFLICT}),
    match=Match.SEEN,
)
async def remove_plan(call: Call[None, None]) -> Result:
    """Remove a plan that nobody has.

    Its versions are kept, and those who once had it remember that.
    """

    def check(held: Plan | None) -> None:
        call.expect(None if held is None else _out(held))

    await call.app[PLANS].remove(call.params["name"], call.by, check=check)
    return Result()


@Operation(
    method="POST",
    path=f"{_ONE}/preview",
    params=_NAME,
    access=Permission.PLANS_READ,
    tag=_TAG,
    body=PlanShape,
    gives=OutlookShape,
    problems=frozenset({HTTPStatus.UNPROCESSABLE_ENTITY}),
    example=_EXAMPLE,
    answer=_OUTLOOK,
)
async def preview_plan(call: Call[PlanShape, None]) -> Result:
    """Say what a plan would do if it were as sent. Nothing changes.

    It is tried on the stories that changed within a week, for everybody who has the plan: those
    who have the same plans are told of together. For the plan `public` that is everybody, the
    anonymous public first.
    """
    name, plans = call.params["name"], call.app[PLANS]
    held = (await plans.all()).get(name)
    try:
        new = plans.judged(held, _plan(call))
    except WirefeedError as error:
        raise in_body(error) from None
    return Result(value=outlook_shape(await call.app[PROSPECTS].of_plan(name, new)))


@Operation(
    method="GET",
    path=f"{_ONE}/versions",
    params=_NAME,
    access=Permission.PLANS_READ,
    tag=_TAG,
    gives=Versions,
    answer={"versions": [_ANSWER]},
)
async def list_versions(call: Call[None, None]) -> Result:
    """List every version of a plan, the newest first, also of one that is gone."""
    found = await call.app[PLANS].versions(call.params["name"])
    return Result(value=Versions(versions=[_out(plan) for plan in found]))


def in_body(error: WirefeedError) -> WirefeedError:
    """Name the field of the body that an error is about."""
    if error.field and error.field[0].islower():
        error.field = f"$.{error.field}"
    return error


def _plan(call: Call[PlanShape, None]) -> Plan:
    name = call.params["name"]
    return replace(Plan(name=name, grants=()), **plan_given(name, call.body))


def _out(plan: Plan) -> PlanOut:
    return PlanOut(
        name=plan.name, version=plan.version, changed=moment(plan.changed), **plan_shape(plan)
    )


ENDPOINTS = [list_plans, get_plan, put_plan, remove_plan, preview_plan, list_versions]
