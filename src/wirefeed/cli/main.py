"""The `wirefeed` command: its groups, its settings, and how failures are told."""

import sys
from importlib import import_module
from pathlib import Path

import click

from wirefeed import __version__
from wirefeed.config import load
from wirefeed.domain.errors import WirefeedError

_BROKEN_PIPE = 141
#: Each command and where it is: a module of `cli`, and its name there.
_COMMANDS = {
    "demo": ("demo", "demo"),
    "serve": ("serve", "serve"),
    "import": ("importing", "import_stories"),
    "stories": ("stories", "stories"),
    "kills": ("kills", "kills"),
    "explain": ("previews", "explain"),
    "topics": ("topics", "topics"),
    "plans": ("plans", "plans"),
    "subscribers": ("subscribers", "subscribers"),
    "tokens": ("tokens", "tokens"),
    "feedkeys": ("feedkeys", "feedkeys"),
    "handovers": ("handovers", "handovers"),
    "webhooks": ("webhooks", "webhooks"),
    "follow": ("follow", "follow"),
    "leases": ("leases", "leases"),
    "usage": ("usage", "usage"),
    "admins": ("admins", "admins"),
    "audit": ("audit", "audit"),
    "keys": ("keys", "keys"),
    "db": ("database", "db"),
    "doctor": ("doctor", "doctor"),
}


class _Commands(click.Group):
    """Imports a command when it is called: most need no web server, and all are to start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"wirefeed.cli.{module}"), name)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="wirefeed")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="WIREFEED_CONFIG",
    help="Settings file (TOML), or WIREFEED_CONFIG; each setting is also WIREFEED_SECTION__NAME.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Publish once; give every reader, partner and machine what its subscription covers.

    Start with `wirefeed demo`: a complete agency to look at.
    """
    context.obj = load(config)


def main() -> None:
    """Run the command; exit 0 when done, 1 with a line saying why not, 2 for wrong usage."""
    try:
        cli(prog_name="wirefeed")
    except WirefeedError as error:
        click.echo(f"wirefeed: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(_BROKEN_PIPE)
