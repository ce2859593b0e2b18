"""Plans and subscribers in bulk by the API: files out and in, as tables and as JSON."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import hdrs
from msgspec import Meta

from wirefeed.domain.audit import Actor
from wirefeed.domain.bulk import Draft, Report, Verdict
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.roles import Permission
from wirefeed.formats import accounts_csv, accounts_files
from wirefeed.formats.accounts_files import ReportShape, report_shape
from wirefeed.formats.accounts_json import (
    PlanEntry,
    SubscriberEntry,
    plan_shape,
    subscriber_shape,
)
from wirefeed.services.bulk import File
from wirefeed.web.api.operation import CSV, Call, Listing, Operation, Result
from wirefeed.web.request import ACCOUNTS, BULK, HOUSE, PLANS

_TAG = "In bulk"
_PAGE = 1_000
_MOST = 10_000
_REFUSED = frozenset({HTTPStatus.UNPROCESSABLE_ENTITY})
_REPORT = {
    "added": 1,
    "changed": 0,
    "unchanged": 12,
    "refused": 0,
    "dry_run": True,
    "written": False,
    "entries": [
        {"place": "line 2", "name": "gazette", "effect": "added", "field": "", "reason": ""}
    ],
}
_TABLE = "id,name,plan,ends\ngazette,The Gazette,gold,2026-12-31\n"
_PLAN_TABLE = "plan,label.en,topics,level\ngold,Gold,*,full\n"


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which part of all subscribers."""

    limit: Annotated[int, Meta(ge=1, le=_MOST, description="How many at most.")] = _MOST
    after: Annotated[str, Meta(description="The cursor of the part before.")] = ""


class How(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be done with a file."""

    dry_run: Annotated[bool, Meta(description="Say what would happen, and keep nothing.")] = False
    skip_bad: Annotated[
        bool, Meta(description="Take what can be taken although something cannot.")
    ] = False


class SubscriberFile(Listing, kw_only=True, forbid_unknown_fields=True):
    """A file of subscribers."""

    subscribers: Annotated[list[SubscriberEntry], Meta(max_length=_MOST)]


class PlanFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file of plans."""

    plans: Annotated[list[PlanEntry], Meta(max_length=_MOST)]


@Operation(
    method="GET",
    path="/api/v1/admin/subscribers.csv",
    access=Permission.SUBSCRIBERS_READ,
    tag=_TAG,
    query=Part,
    gives=CSV,
    answer=_TABLE,
)
async def export_subscriber_table(call: Call[None, Part]) -> Result:
    """Give subscribers as a table: a row for each subscription, none of their credentials.

    The header `Link` with `rel="next"` leads to the rest, if there is any. No cell begins as
    a formula: `'` stands before what would.
    """
    lines, last = [accounts_csv.subscriber_heading()], ""
    async for one in _subscribers(call):
        lines.append(accounts_csv.subscriber_lines(one))
        last = one.id
    more = await _more(call, last)
    headers: dict[str, str] = {}
    if more is not None:
        address = call.request.rel_url.update_query(after=more)
        headers[hdrs.LINK] = f'<{call.app[HOUSE].url(str(address))}>; rel="next"'
    return Result(value="".join(lines).encode(), headers=headers)


@Operation(
    method="GET",
    path="/api/v1/admin/subscribers.json",
    access=Permission.SUBSCRIBERS_READ,
    tag=_TAG,
    query=Part,
    gives=SubscriberFile,
    answer={"subscribers": [{"id": "gazette", "name": "The Gazette"}], "next": None},
)
async def export_subscribers(call: Call[None, Part]) -> Result:
    """Give subscribers as a file that may be sent back."""
    entries = [
        SubscriberEntry(id=one.id, **subscriber_shape(one)) async for one in _subscribers(call)
    ]
    more = await _more(call, entries[-1].id) if entries else None
    return Result(value=SubscriberFile(subscribers=entries, next=more))


async def _subscribers(call: Call[None, Part]) -> AsyncIterator[Subscriber]:
    """Give the subscribers of a part, read a page at a time."""
    after, left = call.after() or "", call.query.limit
    while left > 0:
        page = await call.app[ACCOUNTS].subscribers(after, min(left, _PAGE))
        for one in page:
            yield one
        if len(page) < _PAGE:
            return
        after, left = page[-1].id, left - len(page)


async def _more(call: Call[None, Part], last: str) -> str | None:
    """Give the cursor of the rest, if there is any."""
    return call.cursor(last) if last and await call.app[ACCOUNTS].subscribers(last, 1) else None


@Operation(
    method="PUT",
    path="/api/v1/admin/subscribers.csv",
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    query=How,
    body=CSV,
    gives=ReportShape,
    problems=_REFUSED,
    query_example={"dry_run": "true"},
    example=_TABLE,
    answer=_REPORT,
)
async def import_subscriber_table(call: Call[bytes, How]) -> Result:
    """Take subscribers from a table, as the table that is given.

    The columns may be fewer: what there is no column for stays as it is. With a row that is
    refused nothing is kept; `dry_run` lists what each row would do. The same table again
    changes nothing.
    """
    return await _take(
        call, call.app[BULK].subscribers, lambda: accounts_csv.subscribers_in([call.body])
    )


@Operation(
    method="PUT",
    path="/api/v1/admin/subscribers.json",
    access=Permission.SUBSCRIBERS_WRITE,
    tag=_TAG,
    query=How,
    body=SubscriberFile,
    gives=ReportShape,
    problems=_REFUSED,
    query_example={"dry_run": "true"},
    example={"subscribers": [{"id": "gazette", "subscriptions": [{"plan": "gold"}]}]},
    answer=_REPORT,
)
async def import_subscribers(call: Call[SubscriberFile, How]) -> Result:
    """Take subscribers from a file; what an entry leaves out stays as it is.

    With an entry that is refused nothing is kept; `dry_run` lists what each would do.
    """

    def drafts() -> Iterable[Draft]:
        for index, entry in enumerate(call.body.subscribers):
            yield accounts_files.subscriber_draft(entry, f"$.subscribers[{index}]")

    return await _take(call, call.app[BULK].subscribers, drafts)


@Operation(
    method="GET",
    path="/api/v1/admin/plans.csv",
    access=Permission.PLANS_READ,
    tag=_TAG,
    gives=CSV,
    answer=_PLAN_TABLE,
)
async def export_plan_table(call: Call[None, None]) -> Result:
    """Give all plans as a table: a row for each grant."""
    plans = await call.app[PLANS].all()
    return Result(value=accounts_csv.plan_table(plans.values()).encode())


@Operation(
    method="GET",
    path="/api/v1/admin/plans.json",
    access=Permission.PLANS_READ,
    tag=_TAG,
    gives=PlanFile,
    answer={"plans": [{"name": "gold", "labels": {"en": "Gold"}}]},
)
async def export_plans(call: Call[None, None]) -> Result:
    """Give all plans as a file that may be sent back."""
    plans = await call.app[PLANS].all()
    entries = [PlanEntry(name=plan.name, **plan_shape(plan)) for plan in plans.values()]
    return Result(value=PlanFile(plans=entries))


@Operation(
    method="PUT",
    path="/api/v1/admin/plans.csv",
    access=Permission.PLANS_WRITE,
    tag=_TAG,
    query=How,
    body=CSV,
    gives=ReportShape,
    problems=_REFUSED,
    query_example={"dry_run": "true"},
    example=_PLAN_TABLE,
    answer=_REPORT,
)
async def import_plan_table(call: Call[bytes, How]) -> Result:
    """Take plans from a table, as the table that is given.

    What there is no column for stays as it is; columns of texts by language are taken together.
    """
    return await _take(call, call.app[BULK].plans, lambda: accounts_csv.plans_in([call.body]))


@Operation(
    method="PUT",
    path="/api/v1/admin/plans.json",
    access=Permission.PLANS_WRITE,
    tag=_TAG,
    query=How,
    body=PlanFile,
    gives=ReportShape,
    problems=_REFUSED,
    query_example={"dry_run": "true"},
    example={"plans": [{"name": "gold", "grants": [{"topics": ["*"], "level": "full"}]}]},
    answer=_REPORT,
)
async def import_plans(call: Call[PlanFile, How]) -> Result:
    """Take plans from a file; what an entry leaves out stays as it is."""

    def drafts() -> Iterable[Draft]:
        for index, entry in enumerate(call.body.plans):
            yield accounts_files.plan_draft(entry, f"$.plans[{index}]")

    return await _take(call, call.app[BULK].plans, drafts)


async def _take(
    call: Call[object, How],
    take: Callable[[File, Actor], Awaitable[Report]],
    drafts: Callable[[], Iterable[Draft]],
) -> Result:
    """Take a file. Raises `Unacceptable` when nothing was kept for what is wrong with some."""
    verdicts: list[Verdict] = []
    how = call.query
    file = File(drafts=drafts, dry_run=how.dry_run, skip_bad=how.skip_bad, told=verdicts.extend)
    report = await take(file, call.by)
    bad = [verdict for verdict in verdicts if verdict.error is not None]
    if bad and not report.written and not how.dry_run:
        raise _refusal(bad)
    return Result(value=report_shape(report, verdicts, dry_run=how.dry_run))


def _refusal(bad: list[Verdict]) -> Unacceptable:
    first = bad[0]
    error = first.error or Unacceptable()
    rest = f", and {len(bad) - 1} more are refused" if len(bad) > 1 else ""
    inner = error.field.removeprefix("$.")
    between = "." if first.place.startswith("$") else ": "
    return Unacceptable(
        f"{error.message}{rest}; nothing was kept",
        field=f"{first.place}{between}{inner}" if inner else first.place,
        remedy="dry_run=true lists them all, skip_bad=true takes the others",
    )


ENDPOINTS = [
    export_subscriber_table,
    export_subscribers,
    import_subscriber_table,
    import_subscribers,
    export_plan_table,
    export_plans,
    import_plan_table,
    import_plans,
]
