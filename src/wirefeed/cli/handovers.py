"""Commands for one-time links. A link is printed once, alone, so that it can be piped."""

from collections.abc import Mapping, Sequence

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.credentials import parse_scopes
from wirefeed.domain.handovers import HandOver, KeyTerms, Promise, SignIn
from wirefeed.domain.terms import Terms

_DAYS = 90
#: Which options say more of what is given.
_MORE = {
    "--token": {"--name", "--scope", "--days", "--network"},
    "--address": {"--name", "--feed"},
    "--replaces": set[str](),
    "--sign-in": set[str](),
}


@click.group()
def handovers() -> None:
    """Hand credentials over by links that open once: nobody else sees what they give."""


@handovers.command("issue")
@click.argument("subscriber")
@click.option("--token", "gives", flag_value="--token", multiple=True, help="It gives a token.")
@click.option(
    "--address", "gives", flag_value="--address", multiple=True, help="It gives a private address."
)
@click.option(
    "--sign-in", "gives", flag_value="--sign-in", multiple=True, help="It signs a browser in."
)
@click.option(
    "--replaces", metavar="ID", help="It gives an address in place of a lost one, by its key's ID."
)
@click.option("--name", help="What the token or the address is for.")
@click.option("--scope", "scopes", multiple=True, help="A scope of the token; may be repeated.")
@click.option("--days", type=int, help=f"How long the token lives; {_DAYS} unless said.")
@click.option("--network", "networks", multiple=True, help="A token only from here, by CIDR.")
@click.option("--feed", "feeds", multiple=True, help="An address only for: en/latest, en/TOPIC.")
def issue_hand_over(
    subscriber: str,
    gives: Sequence[str],
    replaces: str | None,
    name: str | None,
    scopes: Sequence[str],
    days: int | None,
    networks: Sequence[str],
    feeds: Sequence[str],
) -> None:
    """Issue a link for SUBSCRIBER that opens once, within 7 days. Prints it alone.

    What it gives is made when it is opened. Send it to nobody but whom it is meant for.
    """
    given = {"--name": name, "--scope": scopes, "--days": days, "--network": networks}
    kind = _kind([*gives, *(["--replaces"] if replaces else [])], {**given, "--feed": feeds})
    promise: Promise
    if kind == "--token":
        promise = Terms(
            subscriber=subscriber,
            scopes=parse_scopes(" ".join(scopes)) if scopes else None,
            days=_DAYS if days is None else days,
            name=name or "",
            networks=tuple(networks),
        )
    elif kind == "--sign-in":
        promise = SignIn()
    else:
        promise = KeyTerms(name=name or "", feeds=frozenset(feeds), replaces=replaces)

    async def work(services: Services) -> str:
        issued = await services.handovers.issue(subscriber, promise, CLI)
        return services.house.url(f"/h/{issued.secret}")

    click.echo(run(work))


def _kind(gives: Sequence[str], more: Mapping[str, object]) -> str:
    """Say what the link is to give: one thing, with options that belong to it."""
    if len(gives) != 1:
        message = f"say what the link gives: {', '.join(_MORE)} (one of them)"
        raise click.UsageError(message)
    (kind,) = gives
    for option, value in more.items():
        if value not in (None, ()) and option not in _MORE[kind]:
            raise click.UsageError(f"{option} does not go with {kind}")
    return kind


@handovers.command("list")
@click.argument("subscriber", required=False)
@as_json
def list_hand_overs(subscriber: str | None, *, as_json: bool) -> None:
    """List links, of SUBSCRIBER or all, as they were issued: what became of each."""

    async def work(services: Services) -> tuple[list[HandOver], int]:
        return await services.handovers.all(subscriber), services.clock()

    found, now = run(work)
    found.sort(key=lambda row: (row.issued, row.id))
    if as_json:
        json_out([_hand_over_json(row, now) for row in found])
        return
    rows = [
        (
            row.id,
            row.subscriber,
            row.gives,
            when(row.issued),
            when(row.expires),
            f"{row.state(now)} {when(row.opened or row.withdrawn) or ''}".rstrip(),
        )
        for row in found
    ]
    table(["id", "subscriber", "gives", "issued", "expires", ""], rows)


def _hand_over_json(row: HandOver, now: int) -> dict[str, object]:
    return {
        "id": row.id,
        "subscriber": row.subscriber,
        "gives": row.gives,
        "state": row.state(now),
        "issued": when(row.issued),
        "expires": when(row.expires),
        "opened": when(row.opened),
        "withdrawn": when(row.withdrawn),
    }


@handovers.command("withdraw")
@click.argument("hand_over_id", metavar="ID")
def withdraw_hand_over(hand_over_id: str) -> None:
    """Withdraw the link ID, so that it can no longer be opened."""
    run(lambda services: services.handovers.withdraw(hand_over_id, CLI))
    say(f"link {hand_over_id} withdrawn")
