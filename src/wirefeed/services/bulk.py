"""Plans and subscribers in bulk: judged before anything is written, and written in small groups.

All of a file or nothing, unless what is refused is to be passed over. The same file again
changes nothing, so one that was cut off is simply sent again.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.audit import Actor
from wirefeed.domain.bulk import (
    Draft,
    Effect,
    Report,
    Tally,
    Verdict,
    plan_from,
    subscriber_from,
)
from wirefeed.domain.errors import Conflict, WirefeedError
from wirefeed.domain.plans import Plan, Subscriber
from wirefeed.services.accounts import Accounts, judged
from wirefeed.services.plans import Plans
from wirefeed.storage import subscribers
from wirefeed.storage.database import Database

#: Entries in one transaction: a long commit would starve those who read.
GROUP = 100
_Item = TypeVar("_Item", Plan, Subscriber)


def _nobody(_: Sequence[Verdict]) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of entries, and what is to be done with it."""

    #: Reads it from its beginning, each time it is called.
    drafts: Callable[[], Iterable[Draft]]
    #: Say what would happen, and write nothing.
    dry_run: bool = False
    #: Write what can be taken although something cannot.
    skip_bad: bool = False
    #: Is told what becomes of each group, or would.
    told: Callable[[Sequence[Verdict]], None] = _nobody


class Bulk:
    """Takes whole files of accounts."""

    def __init__(
        self, database: Database, plans: Plans, accounts: Accounts, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._plans = plans
        self._accounts = accounts
        self._clock = clock

    async def subscribers(self, file: File, by: Actor) -> Report:
        """Hold the subscribers of a file; what an entry does not state stays as it is."""
        return await _take(file, self._database, self._judge_subscribers, self._accounts.keep, by)

    async def plans(self, file: File, by: Actor) -> Report:
        """Hold the plans of a file; what an entry does not state stays as it is."""
        return await _take(file, self._database, self._judge_plans, self._plans.keep, by)

    async def _judge_subscribers(
        self, connection: AsyncConnection, drafts: Sequence[Draft]
    ) -> list["_Judged[Subscriber]"]:
        held = await subscribers.held(connection, [draft.name for draft in drafts])
        plans = await subscribers.plans(connection)
        now = self._clock()

        def judge(draft: Draft, found: Subscriber | None) -> Subscriber:
            return judged(found, subscriber_from(draft, found, now), plans, now)

        return [_judged(draft, held.get(draft.name), judge) for draft in drafts]

    async def _judge_plans(
        self, connection: AsyncConnection, drafts: Sequence[Draft]
    ) -> list["_Judged[Plan]"]:
        held = await subscribers.plans(connection)

        def judge(draft: Draft, found: Plan | None) -> Plan:
            return self._plans.judged(found, plan_from(draft, found))

        return [_judged(draft, held.get(draft.name), judge) for draft in drafts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged(Generic[_Item]):
    """What an entry would do, and what is to be held instead of what; None: nothing."""

    verdict: Verdict
    change: tuple[_Item | None, _Item] | None = None


def _judged(
    draft: Draft, found: _Item | None, judge: Callable[[Draft, _Item | None], _Item]
) -> _Judged[_Item]:
    def verdict(effect: Effect, error: WirefeedError | None = None) -> Verdict:
        return Verdict(place=draft.place, name=draft.name, effect=effect, error=error)

    if draft.error is not None:
        return _Judged(verdict=verdict(Effect.REFUSED, draft.error))
    try:
        new = judge(draft, found)
    except WirefeedError as error:
        return _Judged(verdict=verdict(Effect.REFUSED, error))
    if new is found:
        return _Judged(verdict=verdict(Effect.UNCHANGED))
    effect = Effect.ADDED if found is None else Effect.CHANGED
    return _Judged(verdict=verdict(effect), change=(found, new))


async def _take(
    file: File,
    database: Database,
    judge: Callable[[AsyncConnection, Sequence[Draft]], Awaitable[list[_Judged[_Item]]]],
    keep: Callable[
        [AsyncConnection, Sequence[tuple[_Item | None, _Item]], Actor], Awaitable[list[_Item]]
    ],
    by: Actor,
) -> Report:
    tally = Tally()
    for group in _groups(file.drafts()):
        async with database.reading() as connection:
            found = await judge(connection, tally.first(group))
        verdicts = [each.verdict for each in found]
        tally.add(verdicts)
        file.told(verdicts)
    if file.dry_run or (tally.counts[Effect.REFUSED] and not file.skip_bad):
        return Report(counts=tally.counts, written=False)
    seen = Tally()
    # With nothing to change, nobody has to wait for a writer.
    changes = tally.counts[Effect.ADDED] + tally.counts[Effect.CHANGED]
    for group in _groups(file.drafts()) if changes else ():
        async with database.writing() as connection:
            found = await judge(connection, seen.first(group))
            _check(found, skip_bad=file.skip_bad)
            to_keep = [each.change for each in found if each.change is not None]
            if to_keep:
                await keep(connection, to_keep, by)
    return Report(counts=tally.counts, written=True)


def _check(found: Iterable[_Judged[_Item]], *, skip_bad: bool) -> None:
    """Stop when what was good is no longer: someone has changed what it stands on."""
    for each in found:
        if each.verdict.error is not None and not skip_bad:
            raise Conflict(
                f"{each.verdict.place}: {each.verdict.error.message}, since something else has"
                " changed meanwhile; what stands before it is written",
                field=each.verdict.error.field,
                remedy="send the file again",
            )


def _groups(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    left = iter(drafts)
    while group := list(islice(left, GROUP)):
        yield group
