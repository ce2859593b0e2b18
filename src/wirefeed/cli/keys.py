"""Commands for the keys that sign tokens."""

import sys

import click

from wirefeed.cli.output import as_json, json_out, parse_span, run, say, table, when
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.signing_keys import SigningKey
from wirefeed.services.signing_keys import KeyOutcome, KeyStanding

_sure = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def keys() -> None:
    """Manage signing keys: what tokens are signed with."""


@keys.command("list")
@as_json
def list_keys(*, as_json: bool) -> None:
    """List the keys: next, active, retiring, retired, and how many live tokens each signed."""
    found = run(lambda services: services.signing_keys.all())
    if as_json:
        json_out([_json(each) for each in found])
        return
    rows = [
        (
            each.key.kid,
            each.state,
            each.tokens,
            when(each.key.activates),
            when(each.key.retires) or "",
            when(each.ends) or "",
        )
        for each in found
    ]
    table(["key", "state", "tokens", "signs from", "until", "believed until"], rows)


def _json(standing: KeyStanding) -> dict[str, object]:
    key = standing.key
    return {
        "kid": key.kid,
        "state": standing.state,
        "tokens": standing.tokens,
        "created": when(key.created),
        "activates": when(key.activates),
        "retires": when(key.retires),
        "ends": when(standing.ends),
    }


@keys.command("rotate")
@click.option(
    "--overlap", help="What the old key signed is believed this long; without, to its tokens' end."
)
@click.option("--now", is_flag=True, help="Emergency: what the old key signed is refused at once.")
@_sure
def rotate(overlap: str | None, *, now: bool, yes: bool) -> None:
    """Let a new key sign: ten minutes from now, when everybody can know it, or --now."""
    if now and overlap is not None:
        message = "--now leaves no overlap"
        raise click.UsageError(message)
    span = None if overlap is None else parse_span(overlap, "--overlap")

    async def work(services: Services) -> KeyOutcome:
        if now:
            return await _retire(services, await services.signing_keys.signing(), yes=yes)
        _warn(await services.signing_keys.rotate(span, CLI, dry_run=True), yes=yes)
        return await services.signing_keys.rotate(span, CLI)

    _tell(run(work))


@keys.command("revert")
def revert() -> None:
    """Take back a rotation whose new key does not sign yet."""
    done = run(lambda services: services.signing_keys.revert(CLI))
    say(f"{done.old.kid} goes on to sign")


@keys.command("retire")
@click.argument("kid")
@_sure
def retire(kid: str, *, yes: bool) -> None:
    """Give the key KID up: what it signed is refused at once.

    In place of the one that signs a new one does.
    """
    _tell(run(lambda services: _retire(services, kid, yes=yes)))


async def _retire(services: Services, kid: str, *, yes: bool) -> KeyOutcome:
    _warn(await services.signing_keys.retire(kid, CLI, dry_run=True), yes=yes)
    return await services.signing_keys.retire(kid, CLI)


def _warn(outcome: KeyOutcome, *, yes: bool) -> None:
    """Say how many tokens it costs, and ask whether it is meant, if there is someone to ask."""
    if not outcome.refused:
        return
    count = "1 live token" if outcome.refused == 1 else f"{outcome.refused} live tokens"
    say(f"{count} of {outcome.old.kid} will be refused from {when(outcome.old.ends)} on")
    # Without a terminal nobody can be asked.
    if not yes and sys.stdin.isatty() and not click.confirm("Go on?", err=True):
        raise click.Abort


def _tell(outcome: KeyOutcome) -> None:
    old, new = outcome.old, outcome.new
    if new is not None:
        say(f"{new.kid} signs from {when(new.activates)} on, in place of {old.kid}")
    say(f"what {old.kid} signed is believed {_belief(old)}")


def _belief(key: SigningKey) -> str:
    return "as long as its tokens live" if key.ends is None else f"until {when(key.ends)}"
