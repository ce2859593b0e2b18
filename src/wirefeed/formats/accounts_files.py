"""Plans and subscribers in JSON files: entries in, read one by one, and lines out. Pure.

One entry that cannot be read does not stop the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from wirefeed.domain.bulk import Draft, Effect, Report, Verdict
from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.domain.plans import Plan, Subscriber
from wirefeed.formats import json_input
from wirefeed.formats.accounts_json import (
    PlanEntry,
    SubscriberEntry,
    plan_given,
    plan_shape,
    subscriber_given,
    subscriber_shape,
)

_ABSENT = re.compile(r"Object (?:missing required|contains unknown) field `(.*)`")
_ENCODER = msgspec.json.Encoder(order="deterministic")


def plans_in(blocks: Iterable[bytes]) -> Iterator[Draft]:
    """Read plans: JSON lines, an array, or the document that the API gives."""
    return _drafts(blocks, "plans", _plan)


def subscribers_in(blocks: Iterable[bytes]) -> Iterator[Draft]:
    """Read subscribers: JSON lines, an array, or the document that the API gives."""
    return _drafts(blocks, "subscribers", _subscriber)


def plan_line(plan: Plan) -> bytes:
    """Write a plan as an entry, on one line."""
    return _ENCODER.encode({"name": plan.name, **plan_shape(plan)})


def subscriber_line(subscriber: Subscriber) -> bytes:
    """Write a subscriber as an entry, on one line."""
    return _ENCODER.encode({"id": subscriber.id, **subscriber_shape(subscriber)})


def plan_draft(entry: PlanEntry, place: str) -> Draft:
    """Make a draft of what an entry states."""
    return Draft(place=place, name=entry.name, given=plan_given(entry.name, entry))


def subscriber_draft(entry: SubscriberEntry, place: str) -> Draft:
    """Make a draft of what an entry states."""
    try:
        return Draft(place=place, name=entry.id, given=subscriber_given(entry))
    except Unacceptable as error:
        return Draft(place=place, name=entry.id, error=error)


def _plan(value: object, place: str) -> Draft:
    return plan_draft(msgspec.convert(value, PlanEntry), place)


def _subscriber(value: object, place: str) -> Draft:
    return subscriber_draft(msgspec.convert(value, SubscriberEntry), place)


def _drafts(
    blocks: Iterable[bytes], member: str, read: Callable[[object, str], Draft]
) -> Iterator[Draft]:
    for number, raw in json_input.messages(blocks):
        place = f"entry {number}"
        try:
            value = json_input.read_object(raw)
        except Invalid as error:
            yield Draft(place=place, error=error)
            continue
        listed = value.get(member)
        if isinstance(listed, list) and value.keys() <= {member, "next"}:
            for index, entry in enumerate(listed):
                yield _draft(entry, f"{member}[{index}]", read)
        else:
            yield _draft(value, place, read)


def _draft(value: object, place: str, read: Callable[[object, str], Draft]) -> Draft:
    try:
        return read(value, place)
    except msgspec.ValidationError as error:
        name = value.get("id") or value.get("name") if isinstance(value, dict) else ""
        return Draft(
            place=place, name=name if isinstance(name, str) else "", error=_refusal(str(error))
        )


def _refusal(text: str) -> Unacceptable:
    """Name the field that an error of msgspec is about."""
    message, _, where = text.partition(" - at `")
    # A key of a mapping is told as `key` in `$.labels`.
    path = where.removeprefix("key` in `").rstrip("`").replace("[...]", "[*]") or "$"
    absent = _ABSENT.fullmatch(message)
    return Unacceptable(message, field=json_input.child(path, absent[1]) if absent else path)


# --- what became of a file -----------------------------------------------------------------------


class VerdictShape(msgspec.Struct, kw_only=True):
    """What became of an entry, or would."""

    place: Annotated[str, Meta(description="Where it stands: `line 3`, `subscribers[2]`.")]
    name: Annotated[str, Meta(description="Of the plan, or the subscriber's id.")]
    effect: Effect
    field: Annotated[str, Meta(description="What is at fault, when it is refused.")] = ""
    reason: str = ""


class ReportShape(msgspec.Struct, kw_only=True):
    """What became of a file, or would."""

    added: int
    changed: int
    unchanged: int
    refused: int
    dry_run: bool
    written: Annotated[bool, Meta(description="Whatever could be taken is held now.")]
    entries: Annotated[list[VerdictShape], Meta(description="Those that are not as they were.")]


def report_shape(report: Report, verdicts: Iterable[Verdict], *, dry_run: bool) -> ReportShape:
    """Tell what became of a file."""
    counts = {effect.value: report.counts.get(effect, 0) for effect in Effect}
    return ReportShape(
        **counts,
        dry_run=dry_run,
        written=report.written,
        entries=[_verdict(each) for each in verdicts if each.effect is not Effect.UNCHANGED],
    )


def _verdict(verdict: Verdict) -> VerdictShape:
    error = verdict.error
    return VerdictShape(
        place=verdict.place,
        name=verdict.name,
        effect=verdict.effect,
        field=error.field if error else "",
        reason=error.message if error else "",
    )
