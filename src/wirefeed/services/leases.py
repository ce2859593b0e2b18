"""Delivers feeds to those who hold a lease on them (WebSub §7): a source of deliveries.

Whether somebody may still have a feed, and what is in it, is judged when it is sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.deliveries import Standing, is_let_be
from wirefeed.domain.leases import (
    Denied,
    Lease,
    Method,
    asking,
    concerns,
    denial,
    links,
    signature,
)
from wirefeed.domain.ways import HUB, Filter, way_of
from wirefeed.outbound.calls import NEVER_LEFT, WHOLE, Calls, Reason, Reply
from wirefeed.services.batch import Batch
from wirefeed.services.delivery import Ask, Settled
from wirefeed.services.flights import Outcome
from wirefeed.services.follower import Follower
from wirefeed.services.judgements import Judgement, Judgements
from wirefeed.services.ledger import Ledger
from wirefeed.services.topics import Place, Present, Topics
from wirefeed.storage import leases, wire
from wirefeed.storage.database import Database

#: Rows of the wire that are gone through to see whom they concern; beyond, it may be anybody.
_ROWS = 200
#: Leases that nobody renewed are looked for this often,
_SWEEP = 60_000_000
#: so many at once.
_SWEPT = 100
#: Those that are behind are counted this often.
_COUNT = 5_000_000

_log = structlog.get_logger("wirefeed.hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Outcome):
    """What became of a delivery."""

    #: The lease as it was when it was sent, with what was sent.
    lease: Lease | None = None
    #: Whether it is to end.
    ends: bool = False
    #: Whether its callback was to be told that there will be nothing any more.
    denied: bool = False


@dataclass(slots=True)
class _Patience:
    """How long a callback may still take, over all tries of one delivery, and may wait for."""

    #: Whether it waits for a kill: then it waits for nobody else.
    urgent: bool
    #: Seconds.
    left: float = WHOLE


class Leases:
    """Leases whose feeds have changed, or whose owners have lapsed."""

    kind = "websub"

    def __init__(
        self,
        database: Database,
        follower: Follower,
        topics: Topics,
        calls: Calls,
        ledger: Ledger,
        *,
        hub_url: str,
        method: Method,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._follower = follower
        self._topics = topics
        self._judgements = Judgements(follower, clock)
        self._calls = calls
        self._ledger = ledger
        self._hub_url = hub_url
        self._method = method
        self._clock = clock
        self._by_id = Batch(self._load)
        self._swept = 0
        #: How many were not told everything, as last counted, and when.
        self.behind = 0
        self._counted = 0

    async def _load(self, ids: Sequence[str]) -> dict[str, Lease]:
        return await self._database.read(leases.by_id, ids)

    async def due(self, ask: Ask) -> Sequence["Delivering"]:
        """Give the leases that something may have changed for; the others are moved on."""
        await self._sweep(ask.now)
        await self._count(ask)
        while True:
            found, rows = await self._database.read(_due, ask)
            if not found:
                return []
            passed = [lease.id for lease in found if not _concerned(lease, rows, ask.now)]
            if passed:
                if not await ask.hold():
                    return []
                await self._database.write(leases.passed, passed, ask.head)
            left = frozenset(passed)
            targets = [
                Delivering(self, lease, urgent=lease.position < ask.urgent)
                for lease in found
                if lease.id not in left
            ]
            if targets or len(found) < ask.limit:
                return targets

    async def _count(self, ask: Ask) -> None:
        """Count those that are behind, for operators."""
        if not 0 <= ask.now - self._counted < _COUNT:
            self._counted = ask.now
            self.behind = await self._database.read(leases.behind, ask.head)

    async def _sweep(self, now: int) -> None:
        """End leases that nobody renewed: WebSub §5.3, hubs "MUST enforce lease expirations"."""
        if 0 <= now - self._swept < _SWEEP:
            return
        self._swept, gone = now, _SWEPT
        if not await self._database.read(leases.has_expired, now):
            return
        while gone == _SWEPT:
            gone = await self._database.write(leases.expire, now, _SWEPT)

    async def deliver(self, lease_id: str, *, urgent: bool) -> Told:
        """Tell a callback what its feed has become, or that it will be told no more."""
        patience = _Patience(urgent=urgent)
        while True:
            lease = await self._by_id.get(lease_id)
            if lease is None or lease.expires <= self._clock():
                return Told(sent=False)
            with self._judgements.begin(lease.owner.subjects) as judgement:
                told = await self._told(lease, judgement, patience)
            if told is not None:
                return told

    async def _told(self, lease: Lease, judgement: Judgement, patience: _Patience) -> Told | None:
        """Tell it; None: what was sent was taken back in time, and it may be told anew."""
        position = (await self._follower.current()).position
        topic = self._topics.url(lease)
        if topic is None:
            # It was sealed under another master key.
            return Told(sent=False, ends=True)
        try:
            place = self._topics.find(topic)
            present = await self._topics.present(place, lease.owner, lease.tag)
        except Denied as denied:
            return await self._deny(lease, topic, denied)
        now = self._clock()
        turns = present.reader.until(now)
        if present.document.tag == lease.tag:
            return Told(position=position, lease=replace(lease, turns=turns), sent=False)
        ends = (lease.expires, turns, present.document.until)
        judgement.made(
            partial(self._is_same, lease, place, present),
            partial(concerns, language=_language(lease), owner=lease.owner),
            min(end for end in ends if end is not None),
        )
        reply = await self._send(lease, place, topic, present, judgement, patience)
        patience.left -= reply.took
        # One that takes nothing is taken back for ever: it has failed when its time is over.
        if reply.reason in {Reason.OVERTAKEN, Reason.CUT} and patience.left > 0:
            return None
        lease = replace(lease, turns=turns)
        if reply.reason is not None:
            # WebSub §7: "If the subscriber responds with HTTP 410, the hub MAY terminate".
            gone = reply.reason is Reason.GONE
            return Told(reason=reply.reason, lease=lease, ends=gone)
        lease = replace(lease, tag=present.document.tag, delivered=self._clock())
        return Told(position=position, lease=lease)

    async def _is_same(self, lease: Lease, place: Place, present: Present) -> bool:
        """Say whether this is still what a lease is to be sent. Raises `Unavailable`."""
        try:
            reader = await self._topics.reader(place, lease.owner)
            document = await self._topics.document(place, reader)
        except Denied:
            return False
        return document.tag == present.document.tag

    async def _send(
        self,
        lease: Lease,
        place: Place,
        topic: str,
        present: Present,
        judgement: Judgement,
        patience: _Patience,
    ) -> Reply:
        headers = {
            "Content-Type": place.named.form.media_type,
            "Link": links(self._hub_url, topic),
        }
        if (secret := self._topics.secret(lease)) is not None:
            headers["X-Hub-Signature"] = signature(self._method, secret, present.body)
        reply = await self._calls.post(
            lease.callback,
            present.body,
            headers,
            judgement,
            seconds=patience.left,
            urgent=patience.urgent,
        )
        if reply.reason not in NEVER_LEFT:
            self._note(way_of(place.named.tail, HUB), present, taken=reply.reason is None)
        return reply

    def _note(self, way: str, present: Present, *, taken: bool) -> None:
        """Note in the ledger what was given.

        A story that was not taken may have arrived all the same. A kill has not, until it is taken.
        """
        subscriber, document = present.reader.subscriber, present.document
        if subscriber is None:
            return
        part = Filter(plans=present.reader.narrowed_to)
        way = self._ledger.through(way, subscriber.id, part)
        if taken:
            self._ledger.acknowledged(subscriber.id, way, document.told.last)
        told = document.told if taken else replace(document.told, kills=())
        self._ledger.given(subscriber.id, way, told)

    async def _deny(self, lease: Lease, topic: str, denied: Denied) -> Told:
        """WebSub §5.2: a subscription MAY be denied "at any point"; then the callback is told."""
        url = asking(lease.callback, denial(topic, denied.reason))
        reply = await self._calls.get(url, most=0)
        if reply.reason in {None, Reason.GONE}:
            return Told(reason="denied", lease=lease, ends=True, denied=True)
        return Told(reason=reply.reason or "", lease=lease, denied=True)

    async def settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> None:
        """Write down what was told to whom, and end what has ended."""
        now = self._clock()
        told = []
        for one in settled:
            outcome, target = one.outcome, one.target
            if not isinstance(outcome, Told):
                await self._bug(connection, one)
                continue
            # Who is no longer to be told anything, and cannot be told so, is let be.
            given_up = outcome.denied and is_let_be(one.standing, now)
            if outcome.ends or given_up:
                await leases.end(connection, id_=target.id)
                _log.info("lease ended", lease=target.id, reason=outcome.reason or "unknown")
            elif outcome.lease is not None:
                told.append(
                    replace(outcome.lease, position=outcome.position, standing=one.standing)
                )
        await leases.told(connection, told)

    async def _bug(self, connection: AsyncConnection, settled: Settled) -> None:
        """Let one wait that could not even be tried, as if its callback had failed."""
        found = await leases.by_id(connection, [settled.target.id])
        told = [replace(one, position=0, standing=settled.standing) for one in found.values()]
        await leases.told(connection, told)


class Delivering:
    """A lease as the engine knows it."""

    def __init__(self, of: Leases, lease: Lease, *, urgent: bool) -> None:
        self._of = of
        self.id = lease.id
        self.host = lease.host
        self.urgent = urgent
        self.standing: Standing = lease.standing

    async def deliver(self) -> Told:
        """Tell its callback."""
        return await self._of.deliver(self.id, urgent=self.urgent)


async def _due(connection: AsyncConnection, ask: Ask) -> tuple[list[Lease], list[wire.Row]]:
    """Give the leases that are due, and what came on the wire since the first of them was told."""
    found = await leases.due(
        connection,
        ask.head,
        ask.now,
        ask.urgent,
        busy=ask.busy,
        full=ask.full,
        limit=ask.limit,
    )
    if not found:
        return [], []
    lowest = min(lease.position for lease in found)
    return found, await wire.since(connection, lowest, _ROWS)


def _concerned(lease: Lease, rows: Sequence[wire.Row], now: int) -> bool:
    """Say whether anything since may have changed what a lease delivers."""
    if len(rows) == _ROWS or (lease.turns is not None and lease.turns <= now):
        return True
    language = _language(lease)
    return any(
        row.position > lease.position and concerns(row.change, language, lease.owner)
        for row in rows
    )


def _language(lease: Lease) -> str:
    return lease.tail.partition("/")[0]
