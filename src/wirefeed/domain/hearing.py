"""Hearing: which changes of the wire a caller hears of, and as what. Pure.

It hangs on the row and on the grants alone, on no clock and on nothing that came later: so
whoever reads the wire twice hears the same, and a count or a digest of it can be compared.
"""

from collections.abc import Collection, Iterable

from wirefeed.domain.access import PRIVATE, Grant, Level
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
    if change.delay:
        return change.kind if _delay(told) == change.delay else None
    if change.kind is ChangeKind.EVOLVE:
        return (ChangeKind.UPDATE if knew else ChangeKind.PUBLISH) if told else None
    if change.kind is ChangeKind.REPLACE:
        # Whoever sees the one that came in its place is told by that.
        return ChangeKind.WITHHOLD if knew and not told else None
    if told:
        is_new = change.kind in _GOES_ON and bool(change.before) and not knew
        # That there was an embargo is for those who saw it.
        is_new = is_new or (change.kind is ChangeKind.RELEASE and not knew)
        return ChangeKind.PUBLISH if is_new else change.kind
    if not knew or change.kind is ChangeKind.REINSTATE:
        return None
    return change.kind if change.kind in ENDS else ChangeKind.WITHHOLD


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
