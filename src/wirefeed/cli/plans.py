"""Commands for plans. Thin: the services decide, and what would change is shown before it is."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from wirefeed.cli.bulk import export_plans, import_plans
from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.cli.previews import tell_outlook
from wirefeed.composition import Services
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.audit import CLI
from wirefeed.domain.errors import Conflict, NotFound, Unacceptable
from wirefeed.domain.plans import Plan
from wirefeed.domain.prospects import Outlook
from wirefeed.formats.accounts_json import plan_shape
from wirefeed.formats.definitions import parse_duration
from wirefeed.formats.prospects_json import outlook_shape

#: A text in a language: `tr=Altın`. One without is in the first of the site's languages.
_IN_LANGUAGE = re.compile(r"([a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4})=(.*)", re.DOTALL)
_Command = Callable[..., None]
_Make = Callable[[Services, Plan | None], Plan]


@click.group()
def plans() -> None:
    """Manage plans: what can be subscribed to."""


def _options(*, topics: bool) -> Callable[[_Command], _Command]:
    """Give a command the options that describe a grant."""
    options = (
        click.option("--topics", required=topics, help="Topics, by commas; * for all."),
        click.option("--except", "excepted", help="Topics taken away; taking away wins."),
        click.option("--languages", help="Languages, by commas; all unless given."),
        click.option(
            "--level",
            type=click.Choice(["summary", "full"]),
            help="How much is shown; the summary unless given.",
        ),
        click.option("--delay", help="Full text this long after release: 30m, 2h."),
        click.option("--media", is_flag=True, help="Pictures, films and sound."),
        click.option("--early", is_flag=True, help="Stories under embargo, flagged."),
        click.option("--notes", is_flag=True, help="Notes for editors and terms of use."),
        click.option("--archive-days", type=click.IntRange(0), help="How far archives reach back."),
    )
    return _with(options)


def _with(options: Sequence[Callable[[_Command], _Command]]) -> Callable[[_Command], _Command]:
    def give(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return give


_WORDS = _with(
    (
        click.option(
            "--label", "labels", multiple=True, metavar="[LANG=]TEXT",
            help="What it is called; may be repeated. Without a text, that one is taken away.",
        ),
        click.option(
            "--price", "prices", multiple=True, metavar="[LANG=]TEXT",
            help="What it costs, in words.",
        ),
        click.option(
            "--subscribe-url", "subscribe_urls", multiple=True, metavar="[LANG=]URL",
            help="Where to subscribe to it.",
        ),
        click.option(
            "--trial", type=click.IntRange(0), metavar="DAYS",
            help="How long it may be tried; 0: not at all.",
        ),
    )
)  # fmt: skip
_ASKING = _with(
    (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Show what would change, and keep nothing."),
        as_json,
    )
)


def _list(text: str | None) -> frozenset[str]:
    return frozenset(word.strip() for word in (text or "").split(",") if word.strip())


def _grant(name: str, options: Mapping[str, Any]) -> Grant:
    return Grant(
        plan=name,
        topics=_list(options["topics"]),
        excepted=_list(options["excepted"]),
        languages=_list(options["languages"] or ALL),
        level=Level(options["level"] or Level.SUMMARY),
        delay=parse_duration(options["delay"] or "0"),
        media=options["media"],
        early=options["early"],
        notes=options["notes"],
        archive_days=options["archive_days"],
    )


def _worded(services: Services, plan: Plan, options: Mapping[str, Any]) -> Plan:
    """Give a plan the words that options give it; the others stay."""
    first = services.settings.site.languages[0]
    words: dict[str, Any] = {}
    for kind in ("labels", "prices", "subscribe_urls"):
        texts = dict(getattr(plan, kind))
        for given in options[kind]:
            found = _IN_LANGUAGE.fullmatch(given)
            language, text = (found[1], found[2]) if found else (first, given)
            texts.pop(language, None)
            texts |= {language: text} if text else {}
        words[kind] = texts
    days = options["trial"]
    return replace(plan, **words, trial_days=plan.trial_days if days is None else days or None)


# --- what there is -------------------------------------------------------------------------------


@plans.command("list")
@as_json
def list_plans(*, as_json: bool) -> None:
    """List the plans and what they grant."""
    found = run(lambda services: services.plans.all())
    if as_json:
        json_out([{"name": plan.name, **plan_shape(plan)} for plan in found.values()])
        return
    rows = [
        (plan.name, number, *_row(grant))
        for plan in found.values()
        for number, grant in enumerate(plan.grants, 1)
    ]
    table(["plan", "grant", "level", "topics", "languages", "extras"], rows)


def _row(grant: Grant) -> tuple[str, str, str, str]:
    topics = ",".join(sorted(grant.topics))
    if grant.excepted:
        topics += f" except {','.join(sorted(grant.excepted))}"
    extras = [name for name in ("media", "early", "notes") if getattr(grant, name)]
    if grant.delay:
        extras.append(f"after {grant.delay // 60_000_000} min")
    if grant.archive_days is not None:
        extras.append(f"{grant.archive_days} days back")
    return grant.level, topics, ",".join(sorted(grant.languages)), " ".join(extras)


@plans.command("show")
@click.argument("name")
@as_json
def show_plan(name: str, *, as_json: bool) -> None:
    """Show the plan NAME: what it grants, what it is called and costs."""
    plan = run(lambda services: services.plans.get(name))
    if as_json:
        json_out({"name": name, "version": plan.version, **plan_shape(plan)})
        return
    click.echo(f"{name}, version {plan.version} of {when(plan.changed)}")
    for number, grant in enumerate(plan.grants, 1):
        click.echo(f"  grant {number}  {'  '.join(part for part in _row(grant) if part)}")
    for kind in ("labels", "prices", "subscribe_urls"):
        for language, text in sorted(getattr(plan, kind).items()):
            click.echo(f"  {kind.removesuffix('s'):<14}{language:<6}{text}")
    if plan.trial_days:
        click.echo(f"  to be tried for {plan.trial_days} days")


@plans.command("history")
@click.argument("name")
@as_json
def plan_history(name: str, *, as_json: bool) -> None:
    """List every version of the plan NAME, the newest first, also of one that is gone."""
    found = run(lambda services: services.plans.versions(name))
    if as_json:
        told = [{"version": p.version, "changed": when(p.changed), **plan_shape(p)} for p in found]
        json_out(told)
        return
    rows = [
        (plan.version, when(plan.changed), number, *_row(grant))
        for plan in found
        for number, grant in enumerate(plan.grants, 1)
    ]
    table(["version", "changed", "grant", "level", "topics", "languages", "extras"], rows)


# --- changes -------------------------------------------------------------------------------------


@plans.command("add")
@click.argument("name")
@_options(topics=True)
@_WORDS
@_ASKING
def add_plan(name: str, *, yes: bool, dry_run: bool, as_json: bool, **options: object) -> None:
    """Add the plan NAME, with one grant; `plans grant` gives it more."""

    def make(services: Services, held: Plan | None) -> Plan:
        if held is not None:
            raise Conflict(f"the plan {name!r} exists", remedy="use `wirefeed plans set`")
        return _worded(services, Plan(name=name, grants=(_grant(name, options),)), options)

    _save(name, make, "added", yes=yes, dry_run=dry_run, as_json=as_json)


@plans.command("set")
@click.argument("name")
@_options(topics=False)
@_WORDS
@_ASKING
def set_plan(name: str, *, yes: bool, dry_run: bool, as_json: bool, **options: object) -> None:
    """Change the plan NAME; it acts on the next request.

    --topics replaces all its grants by one; `plans grant` gives it more. What is not given
    stays. Says first what those who have it would gain and lose of the week's stories.
    """
    about_grant = {"excepted", "languages", "level", "delay", "media", "early", "notes"}
    if options["topics"] is None and any(options[each] for each in about_grant):
        raise click.UsageError("say with --topics which stories the grant is for")

    def make(services: Services, held: Plan | None) -> Plan:
        plan = _worded(services, _known(name, held), options)
        return plan if options["topics"] is None else replace(plan, grants=(_grant(name, options),))

    _save(name, make, "set", yes=yes, dry_run=dry_run, as_json=as_json)


@plans.command("grant")
@click.argument("name")
@_options(topics=True)
@_ASKING
def grant_more(name: str, *, yes: bool, dry_run: bool, as_json: bool, **options: object) -> None:
    """Give the plan NAME another grant."""

    def make(_: Services, held: Plan | None) -> Plan:
        plan = _known(name, held)
        return replace(plan, grants=(*plan.grants, _grant(name, options)))

    _save(name, make, "set", yes=yes, dry_run=dry_run, as_json=as_json)


@plans.command("ungrant")
@click.argument("name")
@click.argument("number", type=click.IntRange(1))
@_ASKING
def take_grant(name: str, number: int, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take from the plan NAME the grant of this NUMBER, as `plans list` counts them."""

    def make(_: Services, held: Plan | None) -> Plan:
        plan = _known(name, held)
        if number > len(plan.grants):
            raise NotFound(f"the plan {name!r} has no grant {number}", field="NUMBER")
        if len(plan.grants) == 1:
            raise Conflict(
                f"it is all that the plan {name!r} grants",
                field="NUMBER",
                remedy="give it another grant first",
            )
        return replace(plan, grants=plan.grants[: number - 1] + plan.grants[number:])

    _save(name, make, "set", yes=yes, dry_run=dry_run, as_json=as_json)


@plans.command("remove")
@click.argument("name")
def remove_plan(name: str) -> None:
    """Remove the plan NAME; nobody may have it."""
    run(lambda services: services.plans.remove(name, CLI))
    say(f"plan {name} removed")


def _known(name: str, held: Plan | None) -> Plan:
    if held is None:
        raise NotFound(f"there is no plan {name!r}", remedy="use `wirefeed plans add`")
    return held


def _save(name: str, make: _Make, done: str, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Say what a changed plan would do, ask where somebody can be asked, and keep it."""

    async def look(services: Services) -> tuple[Plan | None, Plan, Outlook]:
        held = (await services.plans.all()).get(name)
        new = make(services, held)
        services.plans.judged(held, new)
        return held, new, await services.prospects.of_plan(name, new)

    try:
        held, new, outlook = run(look)
    except Unacceptable as error:
        # What the API calls `$.grants[0].topics` is an option here.
        if error.field.startswith("$.grants"):
            error.field = f"--{error.field.rpartition('.')[2]}"
        raise
    if as_json:
        json_out(outlook_shape(outlook))
    elif held is not None or outlook.prospects:
        tell_outlook(outlook, err=not dry_run)
    if dry_run:
        return
    # Without a terminal nobody can be asked.
    concerns = any(prospect.shifts for prospect in outlook.prospects)
    if (
        concerns
        and not yes
        and sys.stdin.isatty()
        and not click.confirm(f"Change the plan {name}?", err=True)
    ):
        raise click.Abort

    def check(current: Plan | None) -> None:
        if current != held:
            raise Conflict(
                f"the plan {name!r} has been changed meanwhile", remedy="look again, then set it"
            )

    run(lambda services: services.plans.put(new, CLI, check=check))
    say(f"plan {name} {done}")


plans.add_command(export_plans)
plans.add_command(import_plans)
