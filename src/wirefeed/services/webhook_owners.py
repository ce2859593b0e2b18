"""What subscribers with webhooks may see now, and where they want it sent; remembered like readers.

A change of access, and the clock, end what is remembered: see `memo.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.former import Former, Term, terms
from wirefeed.domain.former import former as lost
from wirefeed.domain.plans import Entitlement, Plan, Subscriber, entitlement
from wirefeed.domain.readers import lapse
from wirefeed.domain.webhooks import Webhook
from wirefeed.domain.wire import Change, concerned
from wirefeed.services.follower import Follower
from wirefeed.services.memo import Loaded, Memo
from wirefeed.storage import former, subscribers, webhooks
from wirefeed.storage.database import Database

#: That are remembered: more than partners have webhooks.
_OWNERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A subscriber, as far as webhooks need it."""

    #: None: nothing of it counts now, and nothing is sent.
    entitlement: Entitlement | None
    #: What it may have been sent stories by that it has no more.
    former: frozenset[Former] = frozenset()
    #: When the clock changes that.
    until: int | None
    #: By id: their addresses, secrets and filters as they are now, wherever they stand.
    webhooks: Mapping[str, Webhook]


class Owners:
    """Says what a subscriber may have sent to it now."""

    def __init__(self, database: Database, follower: Follower, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._memo: Memo[str, Owner] = Memo(follower, _OWNERS, clock)
        #: All that plans ever were.
        self._versions: Memo[None, dict[str, tuple[Plan, ...]]] = Memo(follower, 1, clock)
        follower.heed(self._forget)

    def _forget(self, changes: Sequence[Change] | None) -> None:
        about = None if changes is None else concerned(changes)
        if about is None:
            self._memo.forget()
            self._versions.forget()
        elif about:
            self._memo.forget(lambda owner, _: f"subscriber:{owner}" in about)

    async def of(self, subscriber: str) -> Owner:
        """Give a subscriber as it is now, after a look at the wire. Raises `Unavailable`."""
        return await self._memo.fetch(subscriber, partial(self._load, subscriber))

    async def _load(self, subscriber_id: str) -> Loaded[Owner]:
        now = self._clock()
        found, plans, held, had = await self._database.read(_read, subscriber_id)
        if found is None:
            # It was removed, and its webhooks with it.
            return Owner(entitlement=None, until=None, webhooks={}), None
        until = min((turn for turn in found.turns if turn > now), default=None)
        by_id = {webhook.id: webhook for webhook in held}
        if lapse(found, now) is not None:
            return Owner(entitlement=None, until=until, webhooks=by_id), until
        has = entitlement(found, plans, now)
        versions = await self._versions.fetch(None, self._load_versions)
        gone = lost((*had, *terms(found, now)), versions, has.grants, now)
        return Owner(entitlement=has, former=gone, until=until, webhooks=by_id), until

    async def _load_versions(self) -> Loaded[dict[str, tuple[Plan, ...]]]:
        return await self._database.read(former.versions), None


async def _read(
    connection: AsyncConnection, subscriber_id: str
) -> tuple[Subscriber | None, Mapping[str, Plan], Sequence[Webhook], Sequence[Term]]:
    return (
        await subscribers.subscriber(connection, subscriber_id),
        await subscribers.plans(connection),
        await webhooks.webhooks(connection, subscriber_id),
        await former.of(connection, subscriber_id),
    )
