"""Commands about kills: who may have a killed story, and who has its kill."""

import click

from wirefeed.cli.output import as_json, json_out, run, table, when
from wirefeed.domain.ledger import Holder, Way
from wirefeed.services.kills import Account


@click.group()
def kills() -> None:
    """See who may have a killed story, and who was given its kill."""


@kills.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@as_json
def list_kills(limit: int, *, as_json: bool) -> None:
    """List the last kills, and how many wait for each of those who may have the story."""
    found = run(lambda services: services.kills.listing(limit))
    if as_json:
        json_out([_kill_json(account) for account in found])
        return
    rows = [
        (
            account.killed.guid,
            when(account.killed.at),
            account.holders,
            account.waiting,
            "late" if account.late else "",
            account.killed.headline,
        )
        for account in found
    ]
    table(["story", "killed", "may have it", "without the kill", "", "notice"], rows)


@kills.command("show")
@click.argument("guid")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@as_json
def show_kill(guid: str, limit: int, *, as_json: bool) -> None:
    """Say who may have the killed story GUID (or its id), and who has its kill.

    Those who were not given it come first.
    """
    account = run(lambda services: services.kills.show(guid, limit))
    if as_json:
        holders = [_holder_json(one) for one in account.listed]
        json_out(_kill_json(account) | {"subscribers": holders})
        return
    click.echo(
        f"{account.killed.guid} killed {when(account.killed.at)}: {account.holders} may have it,"
        f" {account.waiting} without the kill{' (late)' if account.late else ''}"
    )
    rows = [
        (
            one.subscriber if number == 0 else "",
            way.name,
            way.level,
            when(way.since),
            when(way.fetched) or ("no" if one.fetched is None else "by another way"),
            when(way.acknowledged) or "no",
        )
        for one in account.listed
        for number, way in enumerate(one.ways)
    ]
    table(["subscriber", "by", "level", "since", "kill fetched", "acknowledged"], rows)


def _kill_json(account: Account) -> dict[str, object]:
    return {
        "guid": account.killed.guid,
        "headline": account.killed.headline,
        "killed": when(account.killed.at),
        "holders": account.holders,
        "waiting": account.waiting,
        "late": account.late,
    }


def _holder_json(one: Holder) -> dict[str, object]:
    return {
        "subscriber": one.subscriber,
        "level": one.level,
        "since": when(one.since),
        "fetched": when(one.fetched),
        "acknowledged": when(one.acknowledged),
        "ways": [_way_json(way) for way in one.ways],
    }


def _way_json(way: Way) -> dict[str, object]:
    return {
        "way": way.name,
        "level": way.level,
        "since": when(way.since),
        "fetched": when(way.fetched),
        "acknowledged": when(way.acknowledged),
    }
