"""Commands about kills: who may have a killed story, and who has its kill."""

import sys

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.domain.audit import CLI
from wirefeed.domain.drills import Came
from wirefeed.domain.killed import Holder, Way
from wirefeed.domain.ways import EVERYTHING
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
            account.gone,
            "late" if account.late else "",
            account.killed.headline,
        )
        for account in found
    ]
    table(["story", "killed", "may have it", "without the kill", "gone", "", "notice"], rows)


@kills.command("show")
@click.argument("guid")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@as_json
def show_kill(guid: str, limit: int, *, as_json: bool) -> None:
    """Say who may have the killed story GUID (or its id), and who has its kill.

    Those who were not given it come first, then those of them who are subscribers no more.
    """
    account = run(lambda services: services.kills.show(guid, limit))
    if as_json:
        holders = [_holder_json(one) for one in account.listed]
        json_out(_kill_json(account) | {"subscribers": holders})
        return
    click.echo(
        f"{account.killed.guid} killed {when(account.killed.at)}: {account.holders} may have it,"
        f" {account.waiting} without the kill{' (late)' if account.late else ''}"
        f"{f', {account.gone} gone without it' if account.gone else ''}"
    )
    rows = [
        (
            _who(one) if number == 0 else "",
            _by(way),
            way.level,
            when(way.since),
            when(way.fetched) or ("no" if one.fetched is None else "by another way"),
            when(way.acknowledged) or "no",
        )
        for one in account.listed
        for number, way in enumerate(one.ways)
    ]
    table(["subscriber", "by", "level", "since", "kill fetched", "acknowledged"], rows)


@kills.command("drill")
@click.argument("subscriber")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=120,
    show_default=True,
    help="Seconds to wait for each of the three to be fetched.",
)
@as_json
def drill(subscriber: str, wait: float, *, as_json: bool) -> None:
    """Send SUBSCRIBER a test story, its correction and its kill; say what came back, how fast.

    Nobody else sees any of it. It goes by every way that the subscriber was given anything by,
    and stands in the feeds that it reads. Exits with 1 if something was fetched by no way.
    """

    def told(came: Came) -> None:
        if not as_json:
            say(f"{came.stage} by {came.way}: {_seconds(came.fetched)}")

    report = run(lambda services: services.drills.run(subscriber, wait=wait, by=CLI, told=told))
    if as_json:
        json_out(
            {
                "subscriber": report.subscriber,
                "story": report.guid,
                "language": report.language,
                "passed": report.is_passed,
                "came": [
                    {
                        "stage": one.stage,
                        "way": one.way,
                        "fetched": one.fetched,
                        "acknowledged": one.acknowledged,
                    }
                    for one in report.came
                ],
                "left_out": list(report.left_out),
            }
        )
    else:
        rows = [
            (one.stage, one.way, _seconds(one.fetched), _seconds(one.acknowledged))
            for one in report.came
        ]
        table(["sent", "by", "fetched", "acknowledged"], rows)
        for way in report.left_out:
            say(f"not tried: {way} has nothing in {report.language}")
    if not report.ways:
        say(f"nothing was tried: {subscriber} reads nothing that it stands in")
    elif not report.is_passed:
        sys.exit(1)


def _seconds(after: float | None) -> str:
    return "no" if after is None else f"after {after:.1f} s"


def _who(one: Holder) -> str:
    return one.subscriber if one.gone is None else f"{one.subscriber} (gone {when(one.gone)})"


def _by(way: Way) -> str:
    """Name a way, with what was asked for."""
    part = way.filter or EVERYTHING
    names = (part.following.topics, part.following.languages, part.plans or ())
    return " ".join([way.name, *(name for some in names for name in sorted(some))])


def _kill_json(account: Account) -> dict[str, object]:
    return {
        "guid": account.killed.guid,
        "headline": account.killed.headline,
        "killed": when(account.killed.at),
        "holders": account.holders,
        "waiting": account.waiting,
        "gone": account.gone,
        "late": account.late,
    }


def _holder_json(one: Holder) -> dict[str, object]:
    return {
        "subscriber": one.subscriber,
        "gone": when(one.gone),
        "level": one.level,
        "since": when(one.since),
        "fetched": when(one.fetched),
        "acknowledged": when(one.acknowledged),
        "ways": [_way_json(way) for way in one.ways],
    }


def _way_json(way: Way) -> dict[str, object]:
    part = way.filter or EVERYTHING
    return {
        "way": way.name,
        "topics": sorted(part.following.topics),
        "languages": sorted(part.following.languages),
        "plans": None if part.plans is None else sorted(part.plans),
        "level": way.level,
        "since": when(way.since),
        "fetched": when(way.fetched),
        "acknowledged": when(way.acknowledged),
    }
