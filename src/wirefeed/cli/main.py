"""The `wirefeed` command: its groups, its settings, and how failures are told."""

import sys
from pathlib import Path

import click

from wirefeed import __version__
from wirefeed.cli.credentials import feedkeys, tokens
from wirefeed.cli.database import db
from wirefeed.cli.demo import demo
from wirefeed.cli.importing import import_stories
from wirefeed.cli.plans import plans
from wirefeed.cli.serve import serve
from wirefeed.cli.stories import explain, stories
from wirefeed.cli.subscribers import subscribers
from wirefeed.cli.topics import topics
from wirefeed.config import load
from wirefeed.domain.errors import WirefeedError

_BROKEN_PIPE = 141


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wirefeed")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="WIREFEED_CONFIG",
    help="Settings file (TOML). Each setting is also WIREFEED_SECTION__NAME.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Publish once; give every reader, partner and machine what its subscription covers.

    Start with `wirefeed demo`: a complete agency to look at.
    """
    context.obj = load(config)


for command in (
    demo,
    serve,
    import_stories,
    stories,
    explain,
    topics,
    plans,
    subscribers,
    tokens,
    feedkeys,
    db,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; exit 0 when done, 1 with a line saying why not, 2 for wrong usage."""
    try:
        cli(prog_name="wirefeed")
    except WirefeedError as error:
        click.echo(f"wirefeed: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(_BROKEN_PIPE)
