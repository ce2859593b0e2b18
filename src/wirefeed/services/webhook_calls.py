"""Calls webhooks: what is due of them, each call, and what became of it, for the engine.

A change is sent until it is answered with 2xx, under one id however often it is sent; the next
one waits for that. What is kept of it is where the webhook then stands, and the log.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.cursors import ENTITLEMENT
from wirefeed.domain.deliveries import Standing
from wirefeed.domain.signatures import Signature, sign_by_each
from wirefeed.domain.ways import WEBHOOK, Filter
from wirefeed.domain.webhooks import LOGGED, Attempt, Disabled, Place, Webhook, message_id
from wirefeed.domain.wire import Change, ChangeKind
from wirefeed.outbound.calls import NEVER_LEFT, Reason
from wirefeed.services.delivery import Ask, Settled
from wirefeed.services.flights import Outcome
from wirefeed.services.follower import Follower
from wirefeed.services.judgements import Judgement, Judgements
from wirefeed.services.ledger import Ledger
from wirefeed.services.sealer import Sealer
from wirefeed.services.webhook_choosing import Choosing, Message
from wirefeed.services.webhook_entries import MEDIA_TYPE
from wirefeed.services.webhook_owners import Owners
from wirefeed.storage import webhooks
from wirefeed.storage.database import Database

#: Changes that one webhook is told of before what became of them is written down,
_RUN = 20
#: and seconds for that: others wait for a place.
_SECONDS = 2.0
#: The master key is not the one its secret was sealed with.
_SECRET = "secret"  # noqa: S105 - a word for operators
#: Nobody was given anything.
_NEVER_LEFT = frozenset({*NEVER_LEFT, _SECRET})
#: How a target is told from those of other sources.
_NAMED = "webhook:"
_MICROS = 1_000_000


class Answer(Protocol):
    """What came of a call."""

    @property
    def status(self) -> int:
        """Give the status; 0: there was no answer."""

    @property
    def reason(self) -> str | None:
        """Say why it failed, in a word of a closed set; None: it did not."""


class Caller(Protocol):
    """The one way out to the network."""

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        right: Judgement,
        *,
        urgent: bool,
    ) -> Answer:
        """Send, if that is still right then, and look at the status alone.

        Whatever happens is an answer. Raises `Unavailable` while it cannot be judged.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told(Outcome):
    """What became of a run of calls."""

    place: Place
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """What became of the next change for a webhook."""

    #: Where it then stands.
    place: Place
    #: None: there was nothing to tell it.
    attempt: Attempt | None = None


class Signing:
    """Names and signs what is sent."""

    def __init__(self, sealer: Sealer, key: bytes) -> None:
        self._sealer = sealer
        self._key = key

    def name(self, webhook: Webhook, message: Message) -> str:
        """Give the id under which a message is sent, however often it is."""
        return message_id(self._key, webhook.id, message.position, message.says)

    def sign(self, webhook: Webhook, name: str, body: bytes, now: int) -> Signature | None:
        """Sign by each secret in use; None where one does not open: nothing leaves unsigned."""
        opened = [self._sealer.open(sealed, webhook.id) for sealed in webhook.sealed(now)]
        secrets = [secret for secret in opened if secret is not None]
        if len(secrets) < len(opened):
            return None
        return sign_by_each(secrets, name, now, body)


class WebhookCalls:
    """The webhooks as a source of what is to be delivered."""

    kind = "webhook"

    def __init__(
        self,
        database: Database,
        follower: Follower,
        owners: Owners,
        choosing: Choosing,
        caller: Caller,
        signing: Signing,
        ledger: Ledger,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._follower = follower
        self._owners = owners
        self._choosing = choosing
        self._judgements = Judgements(follower, clock)
        self._caller = caller
        self._signing = signing
        self._ledger = ledger
        self._clock = clock
        #: Where the wire ended when access was last heard to have changed; at first it may have.
        self._access = 0
        self._heard_access = True
        follower.heed(self._heard)

    def _heard(self, changes: Sequence[Change] | None) -> None:
        if changes is None or any(change.kind is ChangeKind.ACCESS for change in changes):
            self._heard_access = True

    async def due(self, ask: Ask) -> Sequence["_Target"]:
        """Give the webhooks that were not told everything, and may be told now."""
        if self._heard_access:
            # As far as it was seen by then: whoever was let be there or later was judged by it.
            self._heard_access, self._access = False, self._follower.position or ask.head
        found = await self._database.read(
            webhooks.due,
            head=ask.head,
            now=ask.now,
            urgent=ask.urgent,
            access=self._access,
            busy=[one.removeprefix(_NAMED) for one in ask.busy if one.startswith(_NAMED)],
            full=ask.full,
            limit=ask.limit,
        )
        return [
            _Target(calls=self, webhook=one, urgent=one.place.kills < ask.urgent) for one in found
        ]

    async def settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> None:
        """Write down where webhooks stand now, and the log of the calls."""
        changed, attempts = [], list[Attempt]()
        for one in settled:
            if not isinstance(one.target, _Target):
                continue
            before = one.target.webhook
            if not isinstance(one.outcome, _Told):
                changed.append((before.place, replace(before, standing=one.standing)))
                continue
            changed.append((before.place, self._after(before, one.outcome, one.standing)))
            attempts += one.outcome.attempts
        await webhooks.settle(connection, changed)
        await webhooks.log(connection, attempts, most=LOGGED)

    def _after(self, before: Webhook, told: _Told, standing: Standing) -> Webhook:
        now = replace(before, place=told.place, standing=standing)
        if told.attempts:
            last = told.attempts[-1]
            now = replace(now, called=last.at, status=last.status)
        if told.reason == Reason.GONE:
            # Standard Webhooks has a 410 mean that whoever runs it wants no more.
            now = replace(now, disabled=self._clock(), reason=Disabled.GONE)
        return now

    async def tell(self, webhook: Webhook) -> _Told:
        """Tell a webhook what comes next, change by change, until one fails or none is left."""
        place, attempts = webhook.place, list[Attempt]()
        # One that has failed is tried with one change: it is to be seen to go well first.
        rest = 1 if webhook.standing.failures else _RUN
        ends = time.monotonic() + _SECONDS
        reason = ""
        while rest and time.monotonic() < ends:
            rest -= 1
            step = await self._next(webhook, place)
            place, attempt = step.place, step.attempt
            # Where nothing is left to tell, it is no failure that the last call was cut off.
            reason = attempt.reason if attempt else ""
            if attempt is None:
                break
            attempts.append(attempt)
            if attempt.reason and attempt.reason != Reason.CUT:
                return _Told(reason=attempt.reason, place=place, attempts=tuple(attempts))
        return _Told(
            position=place.position,
            # One that took nothing until it was cut off, and has no time left, has failed, too:
            # else it would be called for ever, and never in vain.
            reason=reason,
            sent=bool(attempts),
            place=place,
            attempts=tuple(attempts),
        )

    async def _next(self, webhook: Webhook, place: Place) -> _Next:
        """Tell it the next change, as it may be seen when that leaves."""
        while True:
            with self._judgements.begin((f"subscriber:{webhook.subscriber}",)) as judgement:
                owner = await self._owners.of(webhook.subscriber)
                held = owner.webhooks.get(webhook.id)
                if held is None:
                    # It was removed; there is nothing left to write to.
                    return _Next(place=place)
                step = await self._choosing.next(replace(held, place=place), owner)
                message = step.message
                if message is None or step.then is None:
                    if await judgement.holds():
                        return _Next(place=step.place)
                    continue
                judgement.made(
                    partial(self._is_same, held, step.place, message),
                    partial(_is_end_of, message.about),
                    owner.until,
                )
                attempt = await self._call(held, message, judgement)
            if attempt.reason == Reason.OVERTAKEN:
                continue
            self._note(held, attempt, place, step.then)
            if attempt.reason:
                # To be cut off is no failure of who is called, and it is judged anew from there.
                now = place if attempt.reason == Reason.CUT else step.place
                return _Next(place=now, attempt=attempt)
            return _Next(place=step.then, attempt=attempt)

    async def _is_same(self, webhook: Webhook, place: Place, message: Message) -> bool:
        """Say whether this is still what it is to be sent."""
        owner = await self._owners.of(webhook.subscriber)
        return await self._choosing.is_same(webhook, place, owner, message)

    def _note(self, webhook: Webhook, attempt: Attempt, before: Place, then: Place) -> None:
        """Note in the ledger what was given.

        A story that was not taken may have arrived all the same. A kill has not, until it is taken.
        """
        if attempt.about == ENTITLEMENT or attempt.reason in _NEVER_LEFT:
            return
        if attempt.reason and attempt.kind == ChangeKind.KILL:
            return
        owner, last = attempt.subscriber, attempt.position
        in_order = then.position > before.position
        way = self._ledger.through(WEBHOOK, owner, Filter(following=webhook.following))
        self._ledger.heard(owner, way, before.position + 1 if in_order else last, last)
        if not attempt.reason:
            self._ledger.acknowledged(owner, way, last)

    async def _call(self, webhook: Webhook, message: Message, right: Judgement) -> Attempt:
        now, began = self._clock(), time.monotonic()
        name = self._signing.name(webhook, message)
        signed = self._signing.sign(webhook, name, message.body, now)
        status, reason = 0, _SECRET
        if signed is not None:
            answer = await self._send(webhook, message, signed, right)
            status, reason = answer.status, answer.reason or ""
        return Attempt(
            webhook=webhook.id,
            subscriber=webhook.subscriber,
            at=now,
            message=name,
            kind=message.kind,
            about=message.about,
            version=message.version,
            position=message.position,
            status=status,
            reason=reason,
            took=int((time.monotonic() - began) * _MICROS),
        )

    async def _send(
        self, webhook: Webhook, message: Message, signed: Signature, right: Judgement
    ) -> Answer:
        headers = {
            "Content-Type": MEDIA_TYPE,
            "webhook-id": signed.id,
            "webhook-timestamp": signed.timestamp,
            "webhook-signature": signed.signatures,
        }
        urgent = message.kind == ChangeKind.KILL
        return await self._caller.post(webhook.url, message.body, headers, right, urgent=urgent)


def _is_end_of(about: str, end: Change) -> bool:
    return end.about == about


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A webhook that was not told everything."""

    calls: WebhookCalls = field(repr=False)
    webhook: Webhook
    #: Whether it waits for a kill.
    urgent: bool

    @property
    def id(self) -> str:
        return f"{_NAMED}{self.webhook.id}"

    @property
    def host(self) -> str:
        return self.webhook.host

    @property
    def standing(self) -> Standing:
        return self.webhook.standing

    async def deliver(self) -> Outcome:
        return await self.calls.tell(self.webhook)
