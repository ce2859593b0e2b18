"""Commands for the topic tree."""

import click

from wirefeed.cli.output import as_json, json_out, run, say
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI


@click.group()
def topics() -> None:
    """Manage topics: the tree that stories are filed under."""


@topics.command("list")
@as_json
def list_topics(*, as_json: bool) -> None:
    """List the topics as the topics file defines them."""

    async def work(services: Services) -> list[dict[str, object]]:
        taxonomy = services.taxonomy
        return [
            {
                "slug": topic.slug,
                "names": topic.names,
                "broader": topic.broader,
                "depth": taxonomy.depth(topic.slug),
                "listed": topic.listed,
            }
            for topic in taxonomy
        ]

    found = run(work)
    if as_json:
        json_out(found)
        return
    for topic in found:
        names = topic["names"] if isinstance(topic["names"], dict) else {}
        indent = "  " * int(str(topic["depth"]))
        label = f"{indent}{topic['slug']}"
        click.echo(f"{label:<36}{names.get('en', '')}")


@topics.command("apply")
def apply_topics() -> None:
    """File every story anew by the topics file; each keeps its place among the others."""
    count = run(lambda services: services.publishing.refile(CLI))
    say(f"{count} stories filed anew; restart running servers")
