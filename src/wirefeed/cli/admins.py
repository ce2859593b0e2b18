"""Commands for administrators."""

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.domain.audit import CLI
from wirefeed.domain.roles import Role

_ROLE = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="owner: all; sales: subscribers and their credentials; desk: stories; auditor: reads all.",
)


@click.group()
def admins() -> None:
    """Manage administrators: who may do what by the API, with a token of their own."""


@admins.command("list")
@as_json
def list_admins(*, as_json: bool) -> None:
    """List the administrators."""
    found = run(lambda services: services.administrators.all())
    if as_json:
        json_out([{"name": a.name, "role": a.role, "created": when(a.created)} for a in found])
        return
    table(["name", "role", "since"], [(a.name, a.role, when(a.created)) for a in found])


@admins.command("add")
@click.argument("name")
@_ROLE
def add_admin(name: str, role: str) -> None:
    """Add the administrator NAME; then give it a token with `wirefeed tokens issue --admin`."""
    run(lambda services: services.administrators.add(name, Role(role), CLI))
    say(f"administrator {name} added")


@admins.command("role")
@click.argument("name")
@_ROLE
def set_role(name: str, role: str) -> None:
    """Give the administrator NAME another role; it acts on the next request."""
    run(lambda services: services.administrators.set_role(name, Role(role), CLI))
    say(f"administrator {name} is {role} now")


@admins.command("remove")
@click.argument("name")
def remove_admin(name: str) -> None:
    """Remove the administrator NAME and all its tokens."""
    run(lambda services: services.administrators.remove(name, CLI))
    say(f"administrator {name} removed")
