"""Commands for feed keys. A private address is printed once, alone, so that it can be piped."""

from collections.abc import Sequence

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.credentials import FeedKey
from wirefeed.services.leaks import Flagged


@click.group()
def feedkeys() -> None:
    """Manage feed keys: the private addresses of people with feed readers."""


@feedkeys.command("issue")
@click.argument("subscriber")
@click.option("--name", default="", help="What it is for.")
@click.option("--feed", "feeds", multiple=True, help="Only this feed: en/latest, en/TOPIC; repeat.")
def issue_feed_key(subscriber: str, name: str, feeds: Sequence[str]) -> None:
    """Issue a feed key to SUBSCRIBER. Prints its private base address alone, once."""

    async def work(services: Services) -> str:
        issued = await services.feed_keys.issue(subscriber, name, feeds=feeds, by=CLI)
        return services.house.url(f"/f/{issued.secret}/")

    click.echo(run(work))


@feedkeys.command("list")
@click.argument("subscriber", required=False)
@as_json
def list_feed_keys(subscriber: str | None, *, as_json: bool) -> None:
    """List feed keys, of SUBSCRIBER or all, as they were issued. No key is shown again."""
    found = run(lambda services: services.feed_keys.all(subscriber))
    found.sort(key=lambda key: (key.issued, key.id))
    if as_json:
        json_out([_feed_key_json(key) for key in found])
        return
    rows = [
        (
            k.id,
            k.subscriber,
            k.name,
            f"…{k.tail}",
            when(k.issued),
            when(k.last_used) or "never",
            _state(k),
        )
        for k in found
    ]
    table(["id", "subscriber", "name", "ends in", "issued", "last used", ""], rows)


def _state(key: FeedKey) -> str:
    if key.revoked is not None:
        return f"{key.reason} {when(key.revoked)}"
    if key.flagged is not None:
        return f"flagged {when(key.flagged)}"
    return f"only {', '.join(sorted(key.feeds))}" if key.feeds else ""


def _feed_key_json(key: FeedKey) -> dict[str, object]:
    return {
        "id": key.id,
        "subscriber": key.subscriber,
        "name": key.name,
        "tail": key.tail,
        "feeds": sorted(key.feeds),
        "selection": sorted(key.selection),
        "issued": when(key.issued),
        "last_used": when(key.last_used),
        "flagged": when(key.flagged),
        "revoked": when(key.revoked),
        "reason": key.reason,
    }


@feedkeys.command("name")
@click.argument("key_id", metavar="ID")
@click.argument("name")
def name_feed_key(key_id: str, name: str) -> None:
    """Call the feed key ID by another NAME."""
    run(lambda services: services.feed_keys.rename(key_id, name, CLI))
    say(f"feed key {key_id} named")


@feedkeys.command("rotate")
@click.argument("key_id", metavar="ID")
def rotate_feed_key(key_id: str) -> None:
    """Issue a key in place of ID, whose addresses then say so. Prints the new address alone."""

    async def work(services: Services) -> str:
        issued = await services.feed_keys.rotate(key_id, CLI)
        return services.house.url(f"/f/{issued.secret}/")

    click.echo(run(work))


@feedkeys.command("flags")
@click.option("--all", "dismissed", is_flag=True, help="Those, too, that were dismissed.")
@as_json
def list_flags(*, dismissed: bool, as_json: bool) -> None:
    """List feed keys that seem to be shared, the newest sign first."""
    found = run(lambda services: services.leaks.flagged(dismissed=dismissed))
    if as_json:
        json_out([_flag_json(one) for one in found])
        return
    rows = [
        (
            one.key.id,
            one.key.subscriber,
            one.key.name,
            f"{one.flag.count} {one.flag.reason}",
            when(one.flag.at),
            f"dismissed {when(one.flag.dismissed)}" if one.flag.dismissed else _state(one.key),
        )
        for one in found
    ]
    table(["id", "subscriber", "name", "seen", "since", ""], rows)


def _flag_json(one: Flagged) -> dict[str, object]:
    return {
        "id": one.key.id,
        "subscriber": one.key.subscriber,
        "name": one.key.name,
        "reason": one.flag.reason,
        "count": one.flag.count,
        "at": when(one.flag.at),
        "dismissed": when(one.flag.dismissed),
    }


@feedkeys.command("dismiss")
@click.argument("key_id", metavar="ID")
def dismiss_flags(key_id: str) -> None:
    """Say that all is in order with the feed key ID: its reader is told no more."""
    run(lambda services: services.leaks.dismiss(key_id, CLI))
    say(f"flags of feed key {key_id} dismissed")


@feedkeys.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_feed_key(key_id: str) -> None:
    """Revoke the feed key ID: its addresses show the public feeds from the next request on."""
    run(lambda services: services.feed_keys.revoke(key_id, CLI))
    say(f"feed key {key_id} revoked")
