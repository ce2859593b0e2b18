"""Former rights: what somebody was entitled to once, and may have stories by. Pure.

A kill is for everybody who may have the story, also by a plan that was lost since. Whether it
was announced while the plan was had follows from two histories, so it is the same whenever it
is asked.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wirefeed.domain.access import PUBLIC, Grant
from wirefeed.domain.hearing import reaches
from wirefeed.domain.plans import Plan, Subscriber
from wirefeed.domain.stories import Feed
from wirefeed.domain.wire import Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A plan that somebody had for a time."""

    plan: str
    since: int
    #: Exclusive.
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A grant that somebody had for a time, and has no more."""

    grant: Grant
    since: int
    #: Exclusive.
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A killed story that somebody may have by what it has no more, as far as it is told of that.

    Nothing else shapes what is shown of it, so who lost the same stories shares documents.
    """

    guid: str
    #: What its thread was called to whoever saw it,
    thread: str
    #: and when it was published.
    published: int
    #: When it was killed.
    at: int
    #: Where it may have been seen.
    feeds: frozenset[Feed]


#: From a time on, a story was announced so; to nobody when it went. In the order of the wire.
Announced = tuple[int, frozenset[Audience]]


def terms(subscriber: Subscriber, now: int) -> tuple[Term, ...]:
    """Give the plans that a subscriber had until now, by the subscriptions that are held."""
    cut = now if subscriber.suspended_since is None else subscriber.suspended_since
    found = []
    for one in subscriber.subscriptions:
        ends = [end for end in (one.closes, one.suspended_since) if end is not None]
        until = min([now, cut, *ends])
        if one.starts < until:
            found.append(Term(plan=one.plan, since=one.starts, until=until))
    return tuple(found)


def left(found: Subscriber, new: Subscriber, now: int) -> tuple[Term, ...]:
    """Give what a subscriber had and what it holds from now on says nothing of.

    A shop states what there is, not what was: that would be forgotten with the change.
    """
    kept = terms(new, now)
    return tuple(
        term
        for term in terms(found, now)
        if not any(
            one.plan == term.plan and one.since <= term.since and term.until <= one.until
            for one in kept
        )
    )


def former(
    had: Iterable[Term],
    versions: Mapping[str, Sequence[Plan]],
    grants: Collection[Grant],
    now: int,
    *,
    narrowed_to: Collection[str] | None = None,
) -> frozenset[Former]:
    """Give the grants of whoever had plans for these times, but those that it has now.

    `versions` are all that a plan ever was, the oldest first. What everybody may see was had by
    all. A token that is narrowed to some plans was never given anything by others.
    """
    found = set()
    for term in (*had, Term(plan=PUBLIC, since=0, until=now)):
        if narrowed_to is not None and term.plan not in {PUBLIC, *narrowed_to}:
            continue
        known = versions.get(term.plan, ())
        ends = (*(version.changed for version in known[1:]), term.until)
        for version, end in zip(known, ends, strict=False):
            since, until = max(term.since, version.changed), min(term.until, end)
            if since < until:
                found |= {
                    Former(grant=grant, since=since, until=until)
                    for grant in version.grants
                    if grant not in grants
                }
    return frozenset(found)


def may_have(announced: Sequence[Announced], killed: int, had: Iterable[Former]) -> bool:
    """Say whether whoever had these grants may have a story that was killed at a time."""
    return next(_shown(announced, killed, had), None) is not None


def seen(
    announced: Sequence[Announced], killed: int, had: Iterable[Former]
) -> tuple[frozenset[Grant], frozenset[Feed]]:
    """Say by which of these grants somebody may have a killed story, and where it saw that."""
    shown = list(_shown(announced, killed, had))
    places = frozenset(
        Feed(language=audience.language, topic=topic)
        for _, audience in shown
        for topic in ("", *audience.topics)
    )
    return frozenset(one.grant for one, _ in shown), places


def _shown(
    announced: Sequence[Announced], killed: int, had: Iterable[Former]
) -> Iterator[tuple[Former, Audience]]:
    ends = (*(at for at, _ in announced[1:]), killed)
    for one in had:
        for (at, audiences), end in zip(announced, ends, strict=False):
            if one.since < end and at < one.until:
                yield from ((one, told) for told in audiences if reaches(one.grant, {told}))


def cut(had: Iterable[Term], at: int) -> tuple[Term, ...]:
    """Give what was had until a time: whatever came later did not come by it."""
    return tuple(replace(term, until=min(term.until, at)) for term in had if term.since < at)
