"""Plans and subscribers in bulk: what an entry of a file states, and what that changes. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wirefeed.domain.contracts import settle
from wirefeed.domain.errors import Unacceptable, WirefeedError
from wirefeed.domain.plans import Plan, Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry of a file: what it states of a plan or subscriber, or why it cannot be read."""

    #: Where it stands: `line 3`, `subscribers[2]`.
    place: str
    #: Of the plan, or the subscriber's id; empty when that cannot be read.
    name: str = ""
    #: The fields it states, as the domain calls them; the rest stays as it is.
    given: Mapping[str, Any] = field(default_factory=dict)
    error: WirefeedError | None = None


class Effect(StrEnum):
    """What an entry does."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an entry, or would."""

    place: str
    name: str
    effect: Effect
    error: WirefeedError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a file, or would."""

    counts: Mapping[Effect, int]
    #: Whatever could be taken is held now.
    written: bool


class Tally:
    """Counts what becomes of a file, and sees that nothing stands in it twice."""

    def __init__(self) -> None:
        self.counts: Counter[Effect] = Counter()
        self._names: set[str] = set()

    def first(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Give the drafts, one whose name came before as an error."""
        checked = []
        for draft in drafts:
            if draft.error is None and draft.name in self._names:
                error = Unacceptable(f"{draft.name!r} stands in the file before", field="name")
                checked.append(replace(draft, error=error))
                continue
            self._names.add(draft.name)
            checked.append(draft)
        return checked

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count verdicts."""
        self.counts.update(verdict.effect for verdict in verdicts)


def plan_from(draft: Draft, held: Plan | None) -> Plan:
    """Give a plan as a draft states it. Raises `Unacceptable`."""
    if held is None and "grants" not in draft.given:
        raise Unacceptable("a new plan needs them", field="grants")
    return replace(held or Plan(name=draft.name, grants=()), **draft.given)


def subscriber_from(draft: Draft, held: Subscriber | None, now: int) -> Subscriber:
    """Give a subscriber as a draft states it. Raises `Unacceptable`."""
    given = dict(draft.given)
    before = held or Subscriber(id=draft.name)
    if "subscriptions" in given:
        given["subscriptions"] = settle(given["subscriptions"], before.subscriptions, now)
    return replace(before, **given)
