"""Commands for subscribers. Thin: the services decide."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import click

from wirefeed.cli.output import as_json, json_out, parse_time, run, say, table, when
from wirefeed.composition import Services, utc_now
from wirefeed.domain.audit import CLI
from wirefeed.domain.plans import Subscriber, Subscription


@click.group()
def subscribers() -> None:
    """Manage subscribers: the people and organisations with plans."""


@subscribers.command("list")
@as_json
def list_subscribers(*, as_json: bool) -> None:
    """List the subscribers."""

    async def work(services: Services) -> tuple[list[Subscriber], int]:
        found: list[Subscriber] = []
        while page := await services.accounts.subscribers(found[-1].id if found else ""):
            found += page
        return found, services.clock()

    found, now = run(work)
    if as_json:
        json_out([_subscriber_json(subscriber, now) for subscriber in found])
        return
    rows = [
        (s.id, s.name, state(s, now), ", ".join(_subscription_text(p) for p in s.subscriptions))
        for s in found
    ]
    table(["id", "name", "state", "subscriptions"], rows)


def state(subscriber: Subscriber, now: int) -> str:
    """Say in a word whether its subscriptions count now."""
    if subscriber.suspended:
        return "suspended"
    return "live" if subscriber.live(now) else "ended"


def _subscription_text(subscription: Subscription) -> str:
    return f"{subscription.plan} until {when(subscription.ends) or 'further notice'}"


def _subscriber_json(subscriber: Subscriber, now: int) -> dict[str, object]:
    return {
        "id": subscriber.id,
        "name": subscriber.name,
        "contact": subscriber.contact,
        "state": state(subscriber, now),
        "subscriptions": [
            {"plan": s.plan, "starts": when(s.starts), "ends": when(s.ends)}
            for s in subscriber.subscriptions
        ],
    }


_PLANS = click.option("--plan", "plan_names", multiple=True, help="A plan; may be repeated.")
_UNTIL = click.option("--until", help="Last day of the subscriptions, e.g. 2026-12-31.")


@subscribers.command("add")
@click.argument("subscriber_id", metavar="ID")
@click.option("--name", required=True, help="Its name.")
@click.option("--contact", default="", help="Whom to write to.")
@_PLANS
@_UNTIL
def add_subscriber(
    subscriber_id: str, name: str, contact: str, plan_names: Sequence[str], until: str | None
) -> None:
    """Add the subscriber ID, with subscriptions to plans."""

    async def work(services: Services) -> None:
        subscriptions = _subscriptions(plan_names, until, services.clock())
        await services.accounts.add_subscriber(
            Subscriber(id=subscriber_id, name=name, contact=contact, subscriptions=subscriptions),
            CLI,
        )

    run(work)
    over = until and parse_time(until, "--until") <= utc_now()
    say(f"subscriber {subscriber_id} added" + (", its subscriptions already over" if over else ""))


def _subscriptions(
    plan_names: Sequence[str], until: str | None, now: int
) -> tuple[Subscription, ...]:
    ends = parse_time(until, "--until") if until else None
    return tuple(Subscription(plan=name, starts=now, ends=ends) for name in plan_names)


@subscribers.command("set")
@click.argument("subscriber_id", metavar="ID")
@click.option("--name", help="Its name.")
@click.option("--contact", help="Whom to write to.")
@_PLANS
@_UNTIL
def set_subscriber(
    subscriber_id: str,
    name: str | None,
    contact: str | None,
    plan_names: Sequence[str],
    until: str | None,
) -> None:
    """Change the subscriber ID: what is given replaces what is held.

    --plan replaces all its subscriptions; --until alone moves their end.
    """

    def change(held: Subscriber, now: int) -> Subscriber:
        names = plan_names or tuple(s.plan for s in held.subscriptions)
        starts = {s.plan: s.starts for s in held.subscriptions}
        subscriptions = tuple(
            replace(s, starts=starts.get(s.plan, s.starts))
            for s in _subscriptions(names, until, now)
        )
        return replace(
            held,
            name=held.name if name is None else name,
            contact=held.contact if contact is None else contact,
            subscriptions=subscriptions if plan_names or until else held.subscriptions,
        )

    run(
        lambda services: services.accounts.change_subscriber(
            subscriber_id, partial(change, now=services.clock()), CLI
        )
    )
    say(f"subscriber {subscriber_id} set")


@subscribers.command("suspend")
@click.argument("subscriber_id", metavar="ID")
def suspend_subscriber(subscriber_id: str) -> None:
    """Suspend the subscriber ID: its credentials stop giving more than the public has."""
    run(lambda services: services.accounts.suspend(subscriber_id, CLI))
    say(f"subscriber {subscriber_id} suspended")


@subscribers.command("resume")
@click.argument("subscriber_id", metavar="ID")
def resume_subscriber(subscriber_id: str) -> None:
    """End the suspension of the subscriber ID."""
    run(lambda services: services.accounts.suspend(subscriber_id, CLI, suspended=False))
    say(f"subscriber {subscriber_id} resumed")


@subscribers.command("remove")
@click.argument("subscriber_id", metavar="ID")
def remove_subscriber(subscriber_id: str) -> None:
    """Remove the subscriber ID and all its credentials."""
    run(lambda services: services.accounts.remove_subscriber(subscriber_id, CLI))
    say(f"subscriber {subscriber_id} removed")
