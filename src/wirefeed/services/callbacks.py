"""What calls others back, put together: one engine, its duty, and its sources. No rules here."""

from dataclasses import dataclass
from functools import partial

from wirefeed.domain.cursors import there_are
from wirefeed.domain.leases import Method
from wirefeed.services.delivery import Delivery
from wirefeed.services.duties import Duty
from wirefeed.services.flights import ANYBODYS
from wirefeed.services.hub import Hub
from wirefeed.services.intents import Intents, Limits
from wirefeed.services.leases import Leases
from wirefeed.services.means import Means
from wirefeed.services.outlets import Outlets
from wirefeed.services.pings import Pings
from wirefeed.services.readers import Readers
from wirefeed.services.sealer import Sealer
from wirefeed.services.topics import Topics
from wirefeed.services.webhook_calls import Signing, WebhookCalls
from wirefeed.services.webhook_choosing import Choosing
from wirefeed.services.webhook_entries import WebhookEntries
from wirefeed.services.webhook_owners import Owners
from wirefeed.services.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """What calls others back."""

    delivery: Delivery
    hub: Hub
    topics: Topics
    leases: Leases
    webhooks: Webhooks


def callbacks(means: Means, outlets: Outlets, readers: Readers, *, secret: bytes) -> Callbacks:
    """Put it together."""
    settings, database, clock = means.settings, means.database, means.clock
    follower, house, pages = means.follower, means.house, outlets.wire
    calls, urls = means.outbound.calls, means.outbound.urls
    duty = Duty(database, "delivery", clock=clock)
    delivery = Delivery(database, follower, duty, means.counts, clock=clock)
    topics = Topics(outlets.named, house, readers, outlets.syndication, secret=secret)
    limits = Limits(each=settings.hub.leases, public=settings.hub.public_leases)
    leases = Leases(
        database,
        follower,
        topics,
        calls,
        means.ledger,
        hub_url=house.hub_url,
        method=Method(settings.hub.signature),
        clock=clock,
    )
    delivery.serve(leases)
    if settings.hub.url:
        delivery.serve(Pings(database, readers, calls, outlets.named, settings.hub.url))
    hub = Hub(database, means.audit, topics, urls, delivery, clock=clock)
    sealer = Sealer(secret)
    delivery.serve(
        WebhookCalls(
            database,
            follower,
            Owners(database, follower, clock),
            Choosing(database, pages, WebhookEntries(pages.entries), clock),
            calls,
            Signing(sealer, secret),
            means.ledger,
            clock=clock,
        )
    )
    # Last, and a few: anybody may have callbacks asked, and nobody is to wait for that.
    intents = Intents(database, follower, topics, calls, limits=limits, clock=clock)
    delivery.serve(intents, share=ANYBODYS)
    webhooks = Webhooks(
        database,
        means.audit,
        sealer,
        admit=urls.parse,
        there_are=partial(there_are, topics=means.taxonomy, languages=house.languages),
        clock=clock,
    )
    return Callbacks(delivery=delivery, hub=hub, topics=topics, leases=leases, webhooks=webhooks)
