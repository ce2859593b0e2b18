"""What falls due: what the clock will change of a story, and when. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from wirefeed.domain.access import Level
from wirefeed.domain.plans import Plan
from wirefeed.domain.stories import PubStatus, Story
from wirefeed.domain.wire import ChangeKind


class Due(NamedTuple):
    """A change the clock will make to a story."""

    at: int
    guid: str
    kind: ChangeKind
    #: Of a release: the delay that ends; 0: an embargo does.
    delay: int = 0


def falls_due(story: Story, now: int, delays: Iterable[int]) -> list[Due]:
    """Say what the clock will change of a story as it stands, after now."""
    revision = story.revision
    if revision.status is not PubStatus.USABLE:
        return []
    times = (
        (revision.embargoed_until, ChangeKind.RELEASE),
        (revision.expires, ChangeKind.EXPIRE),
    )
    changes = [Due(at, story.guid, kind) for at, kind in times if at is not None]
    return [due for due in (*changes, *ends_of_delays(story, delays)) if due.at > now]


def ends_of_delays(story: Story, delays: Iterable[int]) -> list[Due]:
    """Say when delays of a story end, that count from its first release.

    Not those of one that is shown to nobody by then.
    """
    released, expires = story.released, story.revision.expires
    if released is None or story.revision.status is not PubStatus.USABLE:
        return []
    return [
        Due(released + delay, story.guid, ChangeKind.RELEASE, delay)
        for delay in sorted(delays)
        if expires is None or released + delay < expires
    ]


def delays_of(plans: Iterable[Plan]) -> frozenset[int]:
    """Give the delays after which these plans show the full story."""
    return frozenset(
        grant.delay
        for plan in plans
        for grant in plan.grants
        if grant.level is Level.FULL and grant.delay
    )
