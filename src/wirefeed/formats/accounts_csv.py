"""Plans and subscribers as tables: CSV (RFC 4180), a row a grant or subscription. Pure.

A column that a file does not have leaves what is held of it as it is. Rows of one subscriber
stand together; what they say of it itself is said on the first of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.bulk import Draft
from wirefeed.domain.contracts import Wanted
from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind
from wirefeed.formats import tables, times
from wirefeed.formats.tables import Row

_SECOND = 1_000_000
_WORDS = re.compile(r"(label|price|subscribe_url)\.([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4})")
_TRUTH = {"": False, "false": False, "true": True}
_SUBSCRIBER = ("id", "kind", "name", "contact", "notes", "suspended")
_SUBSCRIPTION = ("plan", "starts", "ends", "grace_days", "trial", "plan_suspended")
_PLAN = ("plan", "trial_days")
_GRANT = (
    *("topics", "except", "languages", "level", "delay_seconds"),
    *("media", "early", "notes", "archive_days"),
)


class _Kind(NamedTuple):
    """What a table is of."""

    #: The column that names each.
    key: str
    #: What is said of one, on its first row.
    about: tuple[str, ...]
    #: What each row says; without the first of them the others mean nothing.
    details: tuple[str, ...]
    #: It has texts by language.
    worded: bool


_SUBSCRIBERS = _Kind("id", _SUBSCRIBER, _SUBSCRIPTION, worded=False)
_PLANS = _Kind("plan", _PLAN, _GRANT, worded=True)


# --- out -----------------------------------------------------------------------------------------


def subscriber_heading() -> str:
    """Give the first line of a table of subscribers."""
    return tables.line([*_SUBSCRIBER, *_SUBSCRIPTION])


def subscriber_lines(subscriber: Subscriber) -> str:
    """Write a subscriber: a row for each subscription, or one."""
    about = [
        subscriber.id,
        subscriber.kind.value,
        subscriber.name,
        subscriber.contact,
        subscriber.notes,
        _truth(subscriber.suspended),
    ]
    if not subscriber.subscriptions:
        return tables.line([*about, *[""] * len(_SUBSCRIPTION)])
    return "".join(
        tables.line(
            [
                *about,
                one.plan,
                times.spell(one.starts),
                "" if one.ends is None else times.spell(one.ends),
                str(one.grace_days),
                _truth(one.trial),
                _truth(one.suspended),
            ]
        )
        for one in subscriber.subscriptions
    )


def plan_table(plans: Iterable[Plan]) -> str:
    """Write plans: a row for each grant, or one; a column for each language of their texts."""
    held = list(plans)
    words = sorted({name for plan in held for name in _words(plan)})
    lines = [tables.line([*_PLAN, *words, *_GRANT])]
    for plan in held:
        texts = _words(plan)
        days = "" if plan.trial_days is None else str(plan.trial_days)
        about = [plan.name, days, *(texts.get(name, "") for name in words)]
        empty = [""] * len(_GRANT)
        lines += [tables.line([*about, *_cells(grant)]) for grant in plan.grants] or [
            tables.line([*about, *empty])
        ]
    return "".join(lines)


def _words(plan: Plan) -> dict[str, str]:
    texts = {f"label.{language}": text for language, text in plan.labels.items()}
    texts |= {f"price.{language}": text for language, text in plan.prices.items()}
    return texts | {f"subscribe_url.{lang}": url for lang, url in plan.subscribe_urls.items()}


def _cells(grant: Grant) -> list[str]:
    return [
        " ".join(sorted(grant.topics)),
        " ".join(sorted(grant.excepted)),
        " ".join(sorted(grant.languages)),
        grant.level.value,
        str(grant.delay // _SECOND),
        _truth(grant.media),
        _truth(grant.early),
        _truth(grant.notes),
        "" if grant.archive_days is None else str(grant.archive_days),
    ]


def _truth(value: bool) -> str:  # noqa: FBT001 - the value to be written
    return "true" if value else "false"


# --- in ------------------------------------------------------------------------------------------


def subscribers_in(blocks: Iterable[bytes]) -> Iterator[Draft]:
    """Read subscribers. Raises `Invalid` for a table that is none."""
    return _drafts(blocks, _SUBSCRIBERS, _subscriber)


def plans_in(blocks: Iterable[bytes]) -> Iterator[Draft]:
    """Read plans. Raises `Invalid` for a table that is none."""
    return _drafts(blocks, _PLANS, _plan)


def _drafts(
    blocks: Iterable[bytes], kind: _Kind, read: Callable[[Sequence[Row]], dict[str, Any]]
) -> Iterator[Draft]:
    """Read what stands together as one: with a row that cannot be read, none of it can be."""
    rows = tables.rows(blocks, partial(_columns, kind))
    for name, group in groupby(rows, key=lambda row: row.cells.get(kind.key, "")):
        same = list(group)
        try:
            for row in same:
                _check(row, same[0], kind)
            yield Draft(place=f"line {same[0].line}", name=name, given=read(same))
        except _BadCell as bad:
            yield Draft(place=f"line {bad.row.line}", name=name, error=bad.error)


class _BadCell(Exception):
    """A cell cannot be taken."""

    def __init__(self, row: Row, error: Unacceptable) -> None:
        self.row = row
        self.error = error


def _columns(kind: _Kind, heading: Sequence[str]) -> None:
    """Refuse a table by its columns: misspelt, one would be passed over in silence."""
    known = (*kind.about, *kind.details)
    for name in heading:
        if name not in known and not (kind.worded and _WORDS.fullmatch(name)):
            remedy = f"use {', '.join(known)}"
            raise Invalid(f"there is no column {name!r}", field="line 1", remedy=remedy)
        if heading.count(name) > 1:
            raise Invalid(f"the column {name!r} stands there twice", field="line 1")
    needed = {kind.key, *([kind.details[0]] if {*heading} & {*kind.details} else [])}
    for name in sorted(needed):
        if name not in heading:
            raise Invalid(f"the column {name!r} is missing", field="line 1")


def _check(row: Row, first: Row, kind: _Kind) -> None:
    """Refuse a row that is not whole or names nothing, or that says otherwise than the first."""
    if not row.cells.get(kind.key):
        raise _BadCell(row, Unacceptable("it is missing", field=kind.key))
    if not row.is_whole:
        raise _BadCell(row, Unacceptable("there are not as many cells as columns"))
    for column, cell in row.cells.items():
        if column not in kind.details and cell not in {"", first.cells[column]}:
            error = Unacceptable(f"line {first.line} says otherwise", field=column)
            raise _BadCell(row, error)


def _subscriber(rows: Sequence[Row]) -> dict[str, Any]:
    cells = rows[0].cells
    given: dict[str, Any] = {
        column: cells[column] for column in ("name", "contact", "notes") if column in cells
    }
    if "kind" in cells:
        given["kind"] = _subscriber_kind(rows[0])
    if "suspended" in cells:
        given["suspended"] = _flag(rows[0], "suspended")
    if "plan" in cells:
        given["subscriptions"] = tuple(_wanted(row) for row in rows if _has(row, _SUBSCRIPTION))
    return given


def _has(row: Row, columns: Sequence[str]) -> bool:
    return any(row.cells.get(column) for column in columns)


def _subscriber_kind(row: Row) -> SubscriberKind:
    text = row.cells["kind"] or SubscriberKind.ORGANISATION
    if text not in set(SubscriberKind):
        kinds = ", ".join(SubscriberKind)
        raise _BadCell(row, Unacceptable(f"{text!r} is no kind", field="kind", remedy=kinds))
    return SubscriberKind(text)


def _wanted(row: Row) -> Wanted:
    if not row.cells["plan"]:
        raise _BadCell(row, Unacceptable("it is missing", field="plan"))
    return Wanted(
        plan=row.cells["plan"],
        starts=_time(row, "starts"),
        ends=_time(row, "ends"),
        grace_days=_number(row, "grace_days") or 0,
        trial=_flag(row, "trial"),
        suspended=_flag(row, "plan_suspended"),
    )


def _plan(rows: Sequence[Row]) -> dict[str, Any]:
    cells = rows[0].cells
    given: dict[str, Any] = {}
    if "trial_days" in cells:
        given["trial_days"] = _number(rows[0], "trial_days")
    for column, cell in cells.items():
        words = _WORDS.fullmatch(column)
        if words:
            texts = given.setdefault(f"{words[1]}s", {})
            texts |= {words[2]: cell} if cell else {}
    if "topics" in cells:
        given["grants"] = tuple(_grant(row) for row in rows if _has(row, _GRANT))
    return given


def _grant(row: Row) -> Grant:
    level = row.cells.get("level") or Level.SUMMARY
    if level not in set(Level):
        raise _BadCell(row, Unacceptable(f"{level!r} is no level", field="level"))
    try:
        return Grant(
            plan=row.cells["plan"],
            topics=frozenset(row.cells["topics"].split()),
            excepted=frozenset(row.cells.get("except", "").split()),
            languages=frozenset((row.cells.get("languages") or ALL).split()),
            level=Level(level),
            delay=(_number(row, "delay_seconds") or 0) * _SECOND,
            media=_flag(row, "media"),
            early=_flag(row, "early"),
            notes=_flag(row, "notes"),
            archive_days=_number(row, "archive_days"),
        )
    except Unacceptable as error:
        raise _BadCell(row, error) from error


def _number(row: Row, column: str) -> int | None:
    text = row.cells.get(column, "")
    if not re.fullmatch(r"[0-9]{0,9}", text, re.ASCII):
        raise _BadCell(row, Unacceptable(f"{text!r} is no number", field=column))
    return int(text) if text else None


def _flag(row: Row, column: str) -> bool:
    text = row.cells.get(column, "").lower()
    if text not in _TRUTH:
        message = f"{text!r} is neither true nor false"
        raise _BadCell(row, Unacceptable(message, field=column))
    return _TRUTH[text]


def _time(row: Row, column: str) -> int | None:
    text = row.cells.get(column, "")
    try:
        return times.read(text, column, whole_day=column == "ends") if text else None
    except Unacceptable as error:
        raise _BadCell(row, error) from error
