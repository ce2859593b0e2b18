"""Commands for the database itself."""

import click

from wirefeed.cli.output import run, say
from wirefeed.config import Settings
from wirefeed.storage.database import upgrade


@click.group()
def db() -> None:
    """Manage the database."""


@db.command("upgrade")
@click.pass_obj
def upgrade_database(settings: Settings) -> None:
    """Bring the database to the schema of this release."""
    upgrade(settings.database.url)
    run(lambda services: services.audit.begin(upgraded=True))
    say("the database is up to date")
