"""Commands for the desk: what is held, and taking it back."""

import sys

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.errors import NotFound
from wirefeed.domain.stories import Story


@click.group()
def stories() -> None:
    """See which stories are held, and take them back."""


@stories.command("list")
@click.option("--topic", default="", help="Only this topic.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
def list_stories(topic: str, limit: int, *, as_json: bool) -> None:
    """List the stories that changed last."""

    async def work(services: Services) -> list[Story]:
        if topic and topic not in services.taxonomy:
            raise NotFound(f"there is no topic {topic!r}", remedy="see `wirefeed topics list`")
        return await services.publishing.listing(topic=topic, limit=limit)

    found = run(work)
    if as_json:
        json_out([_story_json(story) for story in found])
        return
    rows = [
        (s.id, when(s.changed), s.change, s.language, s.revision.status, s.revision.headline)
        for s in found
    ]
    table(["id", "changed", "change", "language", "status", "headline"], rows)


@stories.command("show")
@click.argument("guid")
@as_json
def show_story(guid: str, *, as_json: bool) -> None:
    """Show the story GUID (or its id) as it is held."""
    story = run(lambda services: services.publishing.find(guid))
    if as_json:
        json_out(
            _story_json(story) | {"summary": story.revision.summary, "body": story.revision.body}
        )
        return
    for name, value in _story_json(story).items():
        text = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{name:<16}{'' if text is None else text}")
    click.echo()
    click.echo(story.revision.body or story.revision.summary)


def _story_json(story: Story) -> dict[str, object]:
    revision = story.revision
    return {
        "guid": story.guid,
        "id": story.id,
        "version": story.version,
        "status": revision.status,
        "change": story.change,
        "changed": when(story.changed),
        "language": revision.language,
        "headline": revision.headline,
        "slugline": revision.slugline,
        "topics": sorted(story.topics),
        "feeds": [f"{feed.language}/{feed.topic or 'latest'}" for feed in sorted(story.feeds)],
        "thread": story.thread,
        "published": when(story.published),
        "updated": when(story.updated),
        "embargoed_until": when(revision.embargoed_until),
        "expires": when(revision.expires),
        "urgency": revision.urgency,
    }


@stories.command("refused")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def refused_stories(limit: int, *, as_json: bool) -> None:
    """List the messages that were refused last, and why."""
    letters = run(lambda services: services.publishing.refused(limit))
    if as_json:
        json_out(
            [
                {
                    "at": when(letter.at),
                    "source": letter.source,
                    "name": letter.name,
                    "field": letter.field,
                    "reason": letter.reason,
                    "message": letter.raw.decode("utf-8", "replace"),
                }
                for letter in letters
            ]
        )
        return
    rows = [(when(letter.at), letter.source, letter.name, letter.reason) for letter in letters]
    table(["at", "source", "message", "reason"], rows)


@stories.command("kill")
@click.argument("guid")
@click.option("--headline", default="", help="What the notice is called; else the slugline.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def kill_story(guid: str, headline: str, *, yes: bool) -> None:
    """Withdraw the story GUID (or its id) for good: it is gone when this returns.

    A newer story that has replaced it stays, and is killed by its own GUID.
    """

    async def find(services: Services) -> Story:
        return await services.publishing.find(guid)

    story = run(find)
    if story.is_killed:
        say(f"{story.guid} is killed already")
        return
    # Without a terminal nobody can be asked.
    if (
        not yes
        and sys.stdin.isatty()
        and not click.confirm(f"Kill “{story.revision.headline}”?", err=True)
    ):
        raise click.Abort

    run(lambda services: services.newsdesk.kill(story.guid, CLI, headline=headline))
    say(f"{story.guid} killed")


@stories.command("withhold")
@click.argument("guid")
def withhold_story(guid: str) -> None:
    """Take the story GUID (or its id) out of sight for a while, without a notice.

    A later version brings it back, and so does `wirefeed stories reinstate`.
    """
    story = run(lambda services: services.newsdesk.withhold(guid, CLI))
    say(f"{story.guid} withheld")


@stories.command("reinstate")
@click.argument("guid")
def reinstate_story(guid: str) -> None:
    """Bring back the story GUID (or its id), killed or withheld, with the text it had last."""
    story = run(lambda services: services.newsdesk.reinstate(guid, CLI))
    say(f"{story.guid} reinstated")
