"""Who calls and by what right, put together: credentials, accounts, readers. No rules here."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from wirefeed.domain.leaks import Policy
from wirefeed.domain.plans import DAY
from wirefeed.domain.stories import Feed
from wirefeed.domain.topics import Taxonomy
from wirefeed.services.accounts import Accounts
from wirefeed.services.administrators import Administrators
from wirefeed.services.bulk import Bulk
from wirefeed.services.endings import Endings
from wirefeed.services.feed_keys import FeedKeys
from wirefeed.services.guessing import Guesses
from wirefeed.services.handovers import HandOvers
from wirefeed.services.keyring import Keyring
from wirefeed.services.leak_reports import LeakReports
from wirefeed.services.leaks import Leaks
from wirefeed.services.means import Means
from wirefeed.services.plans import Plans
from wirefeed.services.quotas import Quotas
from wirefeed.services.readers import Readers
from wirefeed.services.signing_keys import SigningKeys
from wirefeed.services.token_gate import TokenGate
from wirefeed.services.tokens import Tokens
from wirefeed.services.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What opens something, and what is noted of its use."""

    keyring: Keyring
    signing_keys: SigningKeys
    gate: TokenGate
    tokens: Tokens
    feed_keys: FeedKeys
    handovers: HandOvers
    leaks: Leaks
    leak_reports: LeakReports
    usage: Usage


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Who has bought what, and who asks."""

    plans: Plans
    accounts: Accounts
    administrators: Administrators
    bulk: Bulk
    endings: Endings
    readers: Readers
    guesses: Guesses
    quotas: Quotas


def credentials(means: Means, master: bytes) -> Credentials:
    """Put together what opens something."""
    database, audit, clock = means.database, means.audit, means.clock
    limits, policy = means.settings.tokens, means.settings.leaks
    keyring = Keyring(database, master, clock)
    gate = TokenGate(keyring, issuer=database.issuer, max_days=limits.max_days, clock=clock)
    tokens = Tokens(
        database, audit, gate, max_days=limits.max_days, max_live=limits.max_live, clock=clock
    )
    knows = partial(_is_a_feed, means.taxonomy, means.settings.site.languages)
    feed_keys = FeedKeys(database, audit, knows=knows, clock=clock)
    handovers = HandOvers(database, audit, tokens, feed_keys, clock=clock)
    leaks = Leaks(
        database,
        audit,
        feed_keys,
        policy=Policy(policy.policy),
        limits=policy.limits,
        clock=clock,
    )
    return Credentials(
        keyring=keyring,
        signing_keys=SigningKeys(database, audit, keyring, max_days=limits.max_days, clock=clock),
        gate=gate,
        tokens=tokens,
        feed_keys=feed_keys,
        handovers=handovers,
        leaks=leaks,
        leak_reports=LeakReports(
            database,
            audit,
            feed_keys,
            tokens,
            handovers,
            gate,
            secret=policy.signing_secret,
            clock=clock,
        ),
        usage=Usage(database, leaks, clock=clock),
    )


def callers(means: Means, opening: Credentials) -> Callers:
    """Put together who is let in by them, and what each has."""
    settings, database, audit, clock = means.settings, means.database, means.audit, means.clock
    plans = Plans(
        database, audit, topics=means.taxonomy, languages=settings.site.languages, clock=clock
    )
    accounts = Accounts(database, audit, clock=clock, remembered=settings.wire.days * DAY)
    return Callers(
        plans=plans,
        accounts=accounts,
        administrators=Administrators(database, audit, clock=clock),
        bulk=Bulk(database, plans, accounts, clock=clock),
        endings=Endings(database, clock=clock),
        readers=Readers(
            database,
            opening.gate,
            opening.usage,
            means.follower,
            means.lost,
            grace=settings.database.authority_grace,
            clock=clock,
        ),
        guesses=Guesses(
            per_minute=settings.guessing.per_minute,
            per_hour=settings.guessing.per_hour,
            clock=clock,
        ),
        quotas=Quotas(settings.limits.per_minute),
    )


def _is_a_feed(taxonomy: Taxonomy, languages: Collection[str], feed: Feed) -> bool:
    return feed.language in languages and (not feed.topic or feed.topic in taxonomy)
