"""What someone sees and why, what runs out, and what a changed plan would do: shown to people."""

from collections.abc import Iterable, Mapping

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.composition import Services
from wirefeed.domain.access import Access
from wirefeed.domain.explaining import Explanation
from wirefeed.domain.feeds import Item
from wirefeed.domain.plans import DAY
from wirefeed.domain.prospects import Outlook, Prospect, Right, Shift
from wirefeed.domain.readers import State
from wirefeed.domain.stories import Feed
from wirefeed.formats.prospects_json import (
    ending_shape,
    explanation_shape,
    in_words,
    pair_shape,
)
from wirefeed.services.endings import Part
from wirefeed.services.prospects import Preview

#: Of each group, so many stories and ids are shown; JSON has more.
_STORIES = 5
_IDS = 5
_ORDER = tuple(Right)


def tell_outlook(outlook: Outlook, *, err: bool) -> None:
    """Say what a changed plan would do to those who have it."""
    for line in outlook_lines(outlook):
        click.echo(line, err=err)


def outlook_lines(outlook: Outlook) -> Iterable[str]:
    """Write what a changed plan would do, the public first."""
    if not outlook.prospects and not outlook.idle:
        yield f"nobody has the plan {outlook.plan}"
        return
    yield (
        f"by the {outlook.stories} stories that changed since {when(outlook.since)},"
        f" those with {outlook.plan}"
    )
    for prospect in outlook.prospects:
        yield from _prospect_lines(prospect)
    if outlook.idle:
        yield f"  {outlook.idle} more have or had it, and none of it now"
    if outlook.stories_cut:
        yield "  more stories have changed: only the last were looked at"
    if outlook.subscribers_cut:
        yield "  more subscribers have it: only the first were looked at"


def _prospect_lines(prospect: Prospect) -> Iterable[str]:
    who = _who(prospect)
    if not prospect.shifts:
        yield f"  {who}: nothing changes"
        return
    gains = _counted("gain", prospect.gaining, prospect.gained)
    losses = _counted("lose", prospect.losing, prospect.lost)
    yield f"  {who}: {', '.join(part for part in (gains, losses) if part)}"
    for shift in prospect.shifts[:_STORIES]:
        yield f"    {_moved(shift)}  {shift.headline}"
    hidden = len(prospect.shifts) - _STORIES
    if hidden > 0:
        yield "    …"


def _who(prospect: Prospect) -> str:
    if prospect.plans is None:
        return "the public"
    plans = ", ".join(sorted(prospect.plans)) or "nothing of their own"
    ids = ", ".join(prospect.subscribers[:_IDS]) + (", …" if prospect.count > _IDS else "")
    noun = "subscriber" if prospect.count == 1 else "subscribers"
    return f"{prospect.count} {noun} with {plans} ({ids})"


def _counted(verb: str, stories: int, rights: Mapping[Right, int]) -> str:
    if not stories:
        return ""
    parts = ", ".join(f"{right} of {rights[right]}" for right in _ORDER if rights.get(right))
    return f"{verb} {parts}"


def _moved(shift: Shift) -> str:
    if shift.before is not shift.after:
        return f"{shift.before} → {shift.after}"
    gained = [f"+ {right}" for right in _ORDER if right in shift.gained]
    lost = [f"- {right}" for right in _ORDER if right in shift.lost]
    return " ".join([shift.after, *gained, *lost])


# --- one subscriber ------------------------------------------------------------------------------


@click.command("preview")
@click.argument("subscriber_id", metavar="ID")
@click.option("--topic", default="", help="The feed of this topic; else all.")
@click.option("--language", help="The feed in this language; else the first there is.")
@as_json
def preview_subscriber(
    subscriber_id: str, topic: str, language: str | None, *, as_json: bool
) -> None:
    """Show what a feed holds for the subscriber ID, and what it holds for the public."""

    async def work(services: Services) -> Preview:
        first = services.settings.site.languages[0]
        feed = Feed(language=language or first, topic=topic)
        return await services.prospects.feed(subscriber_id, feed)

    preview = run(work)
    if as_json:
        json_out([pair_shape(headline, pair) for headline, pair in preview.pairs])
        return
    rows = [(_shown(pair.own), _shown(pair.public), headline) for headline, pair in preview.pairs]
    table([subscriber_id, "public", "headline"], rows)


def _shown(item: Item | None) -> str:
    if item is None:
        return "-"
    return " ".join([f"{item.access.level}: {item.access.reason}", *_extras(item.access)])


def _extras(access: Access) -> list[str]:
    return [name for name in ("media", "notes", "early") if getattr(access, name)]


@click.command("ending")
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="How soon.")
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="How many at most."
)
@as_json
def what_ends(days: int, limit: int, *, as_json: bool) -> None:
    """List what runs out soon: subscriptions that end and tokens that expire."""

    async def work(services: Services) -> tuple[Part, int]:
        return await services.endings.within(days * DAY, limit), services.clock()

    part, now = run(work)
    found = part.found
    if part.after is not None:
        say(f"these are the first {limit} of more: see --limit")
    if as_json:
        json_out([ending_shape(each, now) for each in found])
        return
    rows = [
        (
            _soon(each.step(now)),
            when(each.ends),
            each.subscriber,
            f"plan {each.plan}" if each.plan else f"token {each.token}",
            f"in grace until {when(each.closes)}" if each.ends <= now else each.name,
        )
        for each in found
    ]
    table(["within", "ends", "of", "what", ""], rows)


def _soon(step: int | None) -> str:
    if step is None:
        return "later"
    return "1 day" if step == 1 else f"{step} days"


@click.command()
@click.argument("subscriber")
@click.argument("guid")
@as_json
def explain(subscriber: str, guid: str, *, as_json: bool) -> None:
    """Say what SUBSCRIBER sees of the story GUID (or its id) now, why, and what comes.

    SUBSCRIBER may be `public`: what everybody sees.
    """
    found = run(lambda services: services.prospects.explain(subscriber, guid))
    if as_json:
        json_out(explanation_shape(subscriber, found))
        return
    for line in explanation_lines(found):
        click.echo(line)


def explanation_lines(found: Explanation) -> Iterable[str]:
    """Write what someone sees of a story, the grant that decides, the others, and what comes."""
    access = found.access
    yield f"{access.level}: {access.reason}"
    if found.state not in {None, State.LIVE}:
        yield f"  subscription {found.state} since {when(found.since)}"
    if access.grant is not None:
        yield f"  plan   {access.grant.plan}"
        yield f"  grant  {in_words(access.grant)}"
    yield f"  topics {', '.join(sorted(found.story.topics)) or 'none'}"
    if _extras(access):
        yield f"  with   {', '.join(_extras(access))}"
    for offer in found.offers:
        if not offer.decides:
            given = f"{offer.access.level}: {offer.access.reason}"
            extras = "".join(f", {extra}" for extra in _extras(offer.access))
            yield f"  also   {offer.grant.plan}: {in_words(offer.grant)} ({given}{extras})"
    for turn in found.turns:
        by = f" by {turn.access.grant.plan}" if turn.access.grant else ""
        yield f"  then   {turn.access.level}: {turn.access.reason}{by} from {when(turn.at)}"
