"""Commands for subscribers. Thin: the services decide."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from wirefeed.cli.bulk import export_subscribers, import_subscribers
from wirefeed.cli.output import as_json, json_out, parse_start, parse_time, run, say, table, when
from wirefeed.cli.previews import preview_subscriber, what_ends
from wirefeed.composition import Services, utc_now
from wirefeed.domain.audit import CLI
from wirefeed.domain.contracts import Amendment, Trial, Until, amend
from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind, Subscription
from wirefeed.domain.readers import State, state

_NEVER = "never"
#: `--trial` without days: as many as the plan says.
_AS_SOLD = 0


@click.group()
def subscribers() -> None:
    """Manage subscribers: the people and organisations with plans."""


# --- who there is --------------------------------------------------------------------------------


@subscribers.command("list")
@click.option("--plan", help="Only those who have or had this plan.")
@click.option(
    "--state", "wanted", type=click.Choice([each.value for each in State]),
    help="Only those who stand so.",
)  # fmt: skip
@as_json
def list_subscribers(plan: str | None, wanted: str | None, *, as_json: bool) -> None:
    """List the subscribers."""

    async def work(services: Services) -> tuple[list[Subscriber], int]:
        if wanted is not None:
            return await _standing(services, State(wanted), plan), services.clock()
        found: list[Subscriber] = []
        while page := await services.accounts.subscribers(found[-1].id if found else "", plan=plan):
            found += page
        return found, services.clock()

    found, now = run(work)
    if as_json:
        json_out([_subscriber_json(subscriber, now) for subscriber in found])
        return
    rows = [
        (
            s.id,
            s.name,
            state(s, now)[0],
            ", ".join(_subscription_text(p, now) for p in s.subscriptions),
        )
        for s in found
    ]
    table(["id", "name", "state", "subscriptions"], rows)


async def _standing(services: Services, wanted: State, plan: str | None) -> list[Subscriber]:
    found: list[Subscriber] = []
    after: str | None = ""
    while after is not None:
        part = await services.accounts.standing(wanted, after, plan=plan)
        found, after = found + part.subscribers, part.after
    return found


def _subscription_text(one: Subscription, now: int) -> str:
    marks = [
        *(["from " + str(when(one.starts))] if one.starts > now else []),
        f"until {when(one.ends) or 'further notice'}",
        *([f"and {one.grace_days} days of grace"] if one.grace_days else []),
        *(["on trial"] if one.trial else []),
        *(["suspended"] if one.suspended else []),
    ]
    return f"{one.plan} {' '.join(marks)}"


def _subscriber_json(subscriber: Subscriber, now: int) -> dict[str, object]:
    return {
        "id": subscriber.id,
        "kind": subscriber.kind,
        "name": subscriber.name,
        "contact": subscriber.contact,
        "notes": subscriber.notes,
        "state": state(subscriber, now)[0],
        "suspended": subscriber.suspended,
        "subscriptions": [
            {
                "plan": one.plan,
                "starts": when(one.starts),
                "ends": when(one.ends),
                "grace_days": one.grace_days,
                "trial": one.trial,
                "suspended": one.suspended,
            }
            for one in subscriber.subscriptions
        ],
    }


@subscribers.command("show")
@click.argument("subscriber_id", metavar="ID")
@as_json
def show_subscriber(subscriber_id: str, *, as_json: bool) -> None:
    """Show the subscriber ID with all its subscriptions, also those that are over."""

    async def work(services: Services) -> tuple[Subscriber, int]:
        return await services.accounts.subscriber(subscriber_id), services.clock()

    held, now = run(work)
    if as_json:
        json_out(_subscriber_json(held, now))
        return
    standing, since = state(held, now)
    told = {
        "id": held.id,
        "kind": held.kind,
        "name": held.name,
        "contact": held.contact,
        "state": f"{standing} since {when(since)}" if since is not None else standing,
        "changed": when(held.changed),
    }
    for name, value in told.items():
        click.echo(f"{name:<9}{value}")
    for one in held.subscriptions:
        click.echo(f"  {_subscription_text(one, now)}, since {when(one.starts)}")
    if held.notes:
        click.echo()
        click.echo(held.notes)


# --- changes -------------------------------------------------------------------------------------

_OPTIONS = (
    click.option("--contact", help="Whom to write to."),
    click.option(
        "--kind", type=click.Choice([kind.value for kind in SubscriberKind]),
        help="Whether one person or many read with it.",
    ),
    click.option("--notes", help="For administrators' eyes."),
    click.option("--plan", "plan_names", multiple=True, help="A plan; may be repeated."),
    click.option("--starts", help="First day of the subscriptions; now unless given."),
    click.option("--until", help="Last day of the subscriptions, e.g. 2026-12-31, or `never`."),
    click.option(
        "--grace", type=click.IntRange(0), metavar="DAYS",
        help="They go on so long after their end.",
    ),
    click.option(
        "--trial", type=click.IntRange(0), is_flag=False, flag_value=_AS_SOLD, metavar="[DAYS]",
        help="A trial that ends after so many days; without DAYS as many as the plan says.",
    ),
)  # fmt: skip


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@subscribers.command("add")
@click.argument("subscriber_id", metavar="ID")
@click.option("--name", required=True, help="Its name.")
@_with_options
def add_subscriber(subscriber_id: str, **options: object) -> None:
    """Add the subscriber ID, with subscriptions to plans."""
    change = _Change(options)

    async def work(services: Services) -> Subscriber:
        new = change(Subscriber(id=subscriber_id), await services.plans.all(), services.clock())
        with _by_option():
            return await services.accounts.add_subscriber(new, CLI)

    held = run(work)
    over = held.subscriptions and state(held, utc_now())[0] is State.ENDED
    say(f"subscriber {subscriber_id} added" + (", its subscriptions already over" if over else ""))


@subscribers.command("set")
@click.argument("subscriber_id", metavar="ID")
@click.option("--name", help="Its name.")
@_with_options
@click.option("--no-trial", is_flag=True, help="No longer a trial.")
def set_subscriber(subscriber_id: str, *, no_trial: bool, **options: object) -> None:
    """Change the subscriber ID: what is not given stays as it is.

    --plan names all it is to have: a plan that is not named ends now. The others change the
    subscriptions to these plans, or without --plan those it has. One that is over is kept, and
    renewed by a new one.
    """
    if no_trial and options["trial"] is not None:
        raise click.UsageError("say either --trial or --no-trial")
    change = _Change(options, no_trial=no_trial)

    async def work(services: Services) -> None:
        plans, now = await services.plans.all(), services.clock()
        with _by_option():
            await services.accounts.change_subscriber(
                subscriber_id, lambda held: change(held, plans, now), CLI
            )

    run(work)
    say(f"subscriber {subscriber_id} set")


@contextmanager
def _by_option() -> Iterator[None]:
    """Name the option that an error is about: what the API calls `$.subscriptions[0].ends`."""
    try:
        yield
    except Unacceptable as error:
        if error.field.startswith("$.subscriptions"):
            name = error.field.rpartition(".")[2]
            error.field = "--until" if name == "ends" else f"--{name}"
        raise


class _Change:
    """What the options say is to be changed."""

    def __init__(self, options: Mapping[str, Any], *, no_trial: bool = False) -> None:
        self._fields: dict[str, Any] = {
            name: options[name]
            for name in ("name", "contact", "notes")
            if options[name] is not None
        }
        if options["kind"] is not None:
            self._fields["kind"] = SubscriberKind(options["kind"])
        self._amendment = _amendment(options, no_trial=no_trial)

    def __call__(self, held: Subscriber, plans: dict[str, Plan], now: int) -> Subscriber:
        try:
            amended = amend(held.subscriptions, self._amendment, plans, now)
        except Unacceptable as error:
            error.field = f"--{error.field}"
            raise
        return replace(held, **self._fields, subscriptions=amended)


def _amendment(options: Mapping[str, Any], *, no_trial: bool) -> Amendment:
    starts, until, days = options["starts"], options["until"], options["trial"]
    trial = None if days is None else Trial(days=days or None)
    return Amendment(
        plans=tuple(options["plan_names"]),
        starts=None if starts is None else parse_start(starts, "--starts"),
        until=None if until is None else _until(until),
        grace_days=options["grace"],
        trial=Trial(on=False) if no_trial else trial,
    )


def _until(text: str) -> Until:
    return Until(at=None if text == _NEVER else parse_time(text, "--until"))


_ONE_PLAN = click.option("--plan", help="Only what it has of this plan.")


@subscribers.command("suspend")
@click.argument("subscriber_id", metavar="ID")
@_ONE_PLAN
def suspend_subscriber(subscriber_id: str, plan: str | None) -> None:
    """Suspend the subscriber ID: its credentials stop giving more than the public has."""
    run(lambda services: services.accounts.suspend(subscriber_id, CLI, plan=plan))
    say(f"subscriber {subscriber_id} suspended{_of(plan)}")


@subscribers.command("resume")
@click.argument("subscriber_id", metavar="ID")
@_ONE_PLAN
def resume_subscriber(subscriber_id: str, plan: str | None) -> None:
    """End the suspension of the subscriber ID."""
    run(lambda services: services.accounts.suspend(subscriber_id, CLI, suspended=False, plan=plan))
    say(f"subscriber {subscriber_id} resumed{_of(plan)}")


def _of(plan: str | None) -> str:
    return "" if plan is None else f", as far as the plan {plan} goes"


@subscribers.command("remove")
@click.argument("subscriber_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_subscriber(subscriber_id: str, *, yes: bool) -> None:
    """Remove the subscriber ID and all its credentials; nothing of them comes back."""
    # Without a terminal nobody can be asked.
    if (
        not yes
        and sys.stdin.isatty()
        and not click.confirm(f"Remove {subscriber_id} and all its credentials?", err=True)
    ):
        raise click.Abort
    run(lambda services: services.accounts.remove_subscriber(subscriber_id, CLI))
    say(f"subscriber {subscriber_id} removed")


for each in (preview_subscriber, what_ends, export_subscribers, import_subscribers):
    subscribers.add_command(each)
