"""Hearing: which changes of the wire a caller hears of, and as what. Pure.

It hangs on the row and on the grants alone, on no clock and on nothing that came later: so
whoever reads the wire twice hears the same, and a count or a digest of it can be compared.
"""

from collections.abc import Collection, Iterable

from wirefeed.domain.access import ALL, PRIVATE, Grant, Level
from wirefeed.domain.wire import ENDS, Audience, Change, ChangeKind

#: These are the first that is heard of a story by whoever it was not announced to before.
_GOES_ON = frozenset({ChangeKind.UPDATE, ChangeKind.CORRECTION, ChangeKind.REINSTATE})


def heard(change: Change, grants: Collection[Grant]) -> ChangeKind | None:
    """Say as what a caller of these grants hears of a change; None: it hears nothing.

    A story that moves out of what is covered is withheld from this caller, and one that is
    replaced by what is not; one that moves in is published to it, and so is one that was under
    embargo, or written from another, where it did not see that.
    """
    told = [grant for grant in grants if reaches(grant, change.after)]
    knew = any(reaches(grant, change.before) for grant in grants)
    if change.kind is ChangeKind.REFILE or not (told or knew):
        return None
    if change.delay:
        return change.kind if _delay(told) == change.delay else None
    if change.kind is ChangeKind.EVOLVE:
        return (ChangeKind.UPDATE if knew else ChangeKind.PUBLISH) if told else None
    if change.kind is ChangeKind.REPLACE:
        # Whoever sees the one that came in its place is told by that.
        return None if told else ChangeKind.WITHHOLD
    if told:
        is_new = change.kind in _GOES_ON and bool(change.before) and not knew
        # That there was an embargo is for those who saw it.
        is_new = is_new or (change.kind is ChangeKind.RELEASE and not knew)
        return ChangeKind.PUBLISH if is_new else change.kind
    ends = change.kind if change.kind in ENDS else ChangeKind.WITHHOLD
    return None if change.kind is ChangeKind.REINSTATE else ends


def found(change: Change, grants: Collection[Grant]) -> ChangeKind | None:
    """Say as what whoever began after it hears that a story was filed anew, as it comes to that.

    Who followed at that time was told that its topics hold other stories, and where to begin.
    """
    told = any(reaches(grant, change.after) for grant in grants)
    knew = any(reaches(grant, change.before) for grant in grants)
    if told == knew:
        return None
    return ChangeKind.PUBLISH if told else ChangeKind.WITHHOLD


def other_topics(change: Change, grants: Collection[Grant], asked: Collection[str]) -> bool:
    """Say whether topics that a caller has, or of which it asks for some, hold other stories."""
    for audience in change.before | change.after:
        able = [grant for grant in grants if _is_able(grant, audience)]
        if any(map(_is_whole, able)):
            # It sees all of every story, whatever that is filed under.
            named = frozenset(asked)
        else:
            named = frozenset().union(*(_named(grant, asked) for grant in able))
        if not named.isdisjoint(audience.topics):
            return True
    return False


def _is_able(grant: Grant, audience: Audience) -> bool:
    """Say whether it may show anything to these, whatever the topics are."""
    speaks = ALL in grant.languages or audience.language in grant.languages
    return speaks and (grant.early or not audience.early)


def _is_whole(grant: Grant) -> bool:
    whole = ALL in grant.topics and not grant.excepted
    return whole and grant.level is Level.FULL and not grant.delay


def _named(grant: Grant, asked: Collection[str]) -> frozenset[str]:
    """Give the topics by whose names it hangs on the tree what is shown."""
    return grant.topics | grant.excepted | frozenset(topic for topic in asked if grant.has(topic))


def reaches(grant: Grant, audiences: Iterable[Audience]) -> bool:
    """Say whether a grant is among those to whom something is announced."""
    return any(
        grant.covers(audience.language, audience.topics) and (grant.early or not audience.early)
        for audience in audiences
    )


def is_private(change: Change) -> bool:
    """Say whether a change is of a story that one subscriber alone may see."""
    return any(PRIVATE in audience.topics for audience in change.before | change.after)


def _delay(grants: Iterable[Grant]) -> int | None:
    """Give the delay after which these show the full story; None: they never do."""
    return min((grant.delay for grant in grants if grant.level is Level.FULL), default=None)
