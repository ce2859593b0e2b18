"""Commands for plans. Thin: the services decide."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from wirefeed.cli.output import as_json, json_out, run, say, table
from wirefeed.composition import Services
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.audit import CLI
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.plans import Plan
from wirefeed.formats.definitions import check_plan, parse_duration


def _words(text: str | None) -> frozenset[str]:
    return frozenset(word.strip() for word in (text or "").split(",") if word.strip())


@click.group()
def plans() -> None:
    """Manage plans: what can be subscribed to."""


def _grant_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that describe a plan's grant."""
    for option in reversed(
        (
            click.option("--topics", required=True, help="Topics, by commas; * for all."),
            click.option("--except", "excepted", help="Topics taken away; taking away wins."),
            click.option(
                "--languages", default=ALL, show_default=True, help="Languages, by commas."
            ),
            click.option(
                "--level",
                type=click.Choice(["summary", "full"]),
                default="summary",
                show_default=True,
                help="How much is shown.",
            ),
            click.option(
                "--delay", default="0", help="Full text this long after release: 30m, 2h."
            ),
            click.option("--media", is_flag=True, help="Pictures, films and sound."),
            click.option("--early", is_flag=True, help="Stories under embargo, flagged."),
            click.option("--notes", is_flag=True, help="Notes for editors and terms of use."),
            click.option(
                "--archive-days", type=click.IntRange(0), help="How far archives reach back."
            ),
            click.option("--label", help="What the plan is called, for people."),
        )
    ):
        command = option(command)
    return command


def _plan(services: Services, name: str, options: dict[str, Any]) -> Plan:
    grant = Grant(
        plan=name,
        topics=_words(options["topics"]),
        excepted=_words(options["excepted"]),
        languages=_words(options["languages"]),
        level=Level(options["level"]),
        delay=parse_duration(options["delay"]),
        media=options["media"],
        early=options["early"],
        notes=options["notes"],
        archive_days=options["archive_days"],
    )
    unknown = grant.languages - {ALL} - set(services.settings.site.languages)
    if unknown:
        raise Unacceptable(
            f"no feeds are made in {', '.join(sorted(unknown))}",
            field="--languages",
            remedy=f"use {', '.join(services.settings.site.languages)}",
        )
    plan = Plan(
        name=name, grants=(grant,), labels={"en": options["label"]} if options["label"] else {}
    )
    check_plan(plan, services.taxonomy)
    return plan


@plans.command("list")
@as_json
def list_plans(*, as_json: bool) -> None:
    """List the plans and what they grant."""
    found = run(lambda services: services.plans.all())
    if as_json:
        json_out([_plan_json(plan) for plan in found.values()])
        return
    rows = [(plan.name, *_grant_row(grant)) for plan in found.values() for grant in plan.grants]
    table(["plan", "level", "topics", "languages", "extras"], rows)


def _grant_row(grant: Grant) -> tuple[str, str, str, str]:
    topics = ",".join(sorted(grant.topics))
    if grant.excepted:
        topics += f" except {','.join(sorted(grant.excepted))}"
    extras = [name for name in ("media", "early", "notes") if getattr(grant, name)]
    if grant.delay:
        extras.append(f"after {grant.delay // 60_000_000} min")
    return grant.level, topics, ",".join(sorted(grant.languages)), " ".join(extras)


def _plan_json(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.name,
        "labels": plan.labels,
        "grants": [
            {
                "topics": sorted(grant.topics),
                "except": sorted(grant.excepted),
                "languages": sorted(grant.languages),
                "level": grant.level,
                "delay_seconds": grant.delay // 1_000_000,
                "media": grant.media,
                "early": grant.early,
                "notes": grant.notes,
                "archive_days": grant.archive_days,
            }
            for grant in plan.grants
        ],
    }


@plans.command("add")
@click.argument("name")
@_grant_options
def add_plan(name: str, **options: object) -> None:
    """Add the plan NAME, with one grant."""

    async def work(services: Services) -> None:
        plan = _plan(services, name, options)
        if name in await services.plans.all():
            raise Conflict(f"the plan {name!r} exists", remedy="use `wirefeed plans set`")
        await services.plans.put(plan, CLI)

    run(work)
    say(f"plan {name} added")


@plans.command("set")
@click.argument("name")
@_grant_options
def set_plan(name: str, **options: object) -> None:
    """Replace the grants of the plan NAME; it acts on the next request."""

    async def work(services: Services) -> None:
        plan = _plan(services, name, options)
        held = (await services.plans.all()).get(name)
        if held is None:
            raise NotFound(f"there is no plan {name!r}", remedy="use `wirefeed plans add`")
        await services.plans.put(replace(plan, labels=plan.labels or held.labels), CLI)

    run(work)
    say(f"plan {name} set")


@plans.command("remove")
@click.argument("name")
def remove_plan(name: str) -> None:
    """Remove the plan NAME; nobody may have it."""
    run(lambda services: services.plans.remove(name, CLI))
    say(f"plan {name} removed")
