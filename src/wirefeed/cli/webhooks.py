"""Commands for webhooks. A secret is printed once, alone, so that it can be piped."""

import click

from wirefeed.cli.output import (
    as_json,
    json_out,
    parse_span,
    parse_start,
    run,
    say,
    table,
    when,
)
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.webhooks import Attempt, Webhook, following
from wirefeed.services.webhooks import IssuedWebhook

_OF = click.argument("webhook_id", metavar="ID")


@click.group()
def webhooks() -> None:
    """Manage webhooks: addresses of subscribers that are sent each change, signed."""


@webhooks.command("add")
@click.argument("subscriber")
@click.argument("url")
@click.option("--topics", default="", help="Only these topics, by commas.")
@click.option("--languages", default="", help="Only these languages, by commas.")
@as_json
def add_webhook(subscriber: str, url: str, topics: str, languages: str, *, as_json: bool) -> None:
    """Have what SUBSCRIBER hears from now on sent to URL. Prints the secret that signs it, once."""
    wanted = following(_items(topics), _items(languages))
    added = run(lambda services: services.callbacks.webhooks.add(subscriber, url, wanted, CLI))
    _give(added, f"webhook {added.row.id} added", as_json=as_json)


@webhooks.command("list")
@click.argument("subscriber", required=False)
@as_json
def list_webhooks(subscriber: str | None, *, as_json: bool) -> None:
    """List webhooks, of SUBSCRIBER or all, and how it goes with them. No secret is shown again."""
    found = run(lambda services: services.callbacks.webhooks.all(subscriber))
    found.sort(key=lambda webhook: (webhook.created, webhook.id))
    if as_json:
        json_out([_webhook_json(webhook) for webhook in found])
        return
    rows = [
        (
            w.id,
            w.subscriber,
            w.url,
            ", ".join(sorted((*w.following.topics, *w.following.languages))) or "everything",
            when(w.called) or "never",
            _state(w),
        )
        for w in found
    ]
    table(["id", "subscriber", "address", "wants", "last called", ""], rows)


@webhooks.command("rotate")
@_OF
@click.option(
    "--overlap", default="24h", show_default=True, help="So long the old secret signs, too."
)
@as_json
def rotate_webhook(webhook_id: str, overlap: str, *, as_json: bool) -> None:
    """Give webhook ID another secret; for a while both sign. Prints the new one, once."""
    span = 0 if overlap == "0" else parse_span(overlap, "--overlap")
    rotated = run(
        lambda services: services.callbacks.webhooks.rotate(webhook_id, CLI, overlap=span)
    )
    until = when(rotated.row.rotates_until)
    _give(rotated, f"the secret before signs until {until}, too", as_json=as_json)


@webhooks.command("remove")
@_OF
def remove_webhook(webhook_id: str) -> None:
    """Send nothing to webhook ID any more."""
    run(lambda services: services.callbacks.webhooks.remove(webhook_id, CLI))
    say(f"webhook {webhook_id} removed")


@webhooks.command("log")
@click.argument("subscriber")
@click.option("--webhook", help="Of this one alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@as_json
def show_log(subscriber: str, webhook: str | None, limit: int, *, as_json: bool) -> None:
    """Show what was sent to SUBSCRIBER's webhooks, the newest first."""

    async def work(services: Services) -> list[Attempt]:
        return await services.callbacks.webhooks.log(subscriber, webhook=webhook, limit=limit)

    found = run(work)
    if as_json:
        json_out([_attempt_json(attempt) for attempt in found])
        return
    rows = [
        (
            a.id,
            when(a.at),
            a.webhook,
            a.kind,
            a.about,
            a.version or "",
            a.status or "-",
            a.reason or "ok",
            f"{a.took // 1000} ms",
        )
        for a in found
    ]
    table(["attempt", "at", "webhook", "change", "story", "version", "status", "", "took"], rows)


@webhooks.command("replay")
@_OF
@click.option("--since", help="Send all that was announced since this time or date.")
@click.option("--attempt", type=int, help="Send what this attempt sent.")
def replay_webhook(webhook_id: str, since: str | None, attempt: int | None) -> None:
    """Send to webhook ID once more, each story as it may be seen now."""
    if (since is None) == (attempt is None):
        message = "say what: --since TIME, or --attempt N of `wirefeed webhooks log`"
        raise click.UsageError(message)
    if since is not None:
        start = parse_start(since, "--since")
        run(lambda services: services.callbacks.webhooks.replay(webhook_id, start, CLI))
    elif attempt is not None:
        number = attempt
        run(lambda services: services.callbacks.webhooks.repeat(webhook_id, number, CLI))
    say(f"webhook {webhook_id}: it is sent as soon as a server runs")


def _give(issued: IssuedWebhook, told: str, *, as_json: bool) -> None:
    """Give a secret, the one time it is given."""
    if as_json:
        json_out({**_webhook_json(issued.row), "secret": issued.secret})
    else:
        click.echo(issued.secret)
        say(told)


def _items(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _state(webhook: Webhook) -> str:
    if webhook.disabled is not None:
        return f"given up {when(webhook.disabled)}: it answered 410"
    standing = webhook.standing
    if standing.failures:
        return (
            f"fails ({standing.reason}) since {when(standing.since)},"
            f" {standing.failures} times; again {when(standing.again)}"
        )
    return "waits: its subscriber has nothing" if webhook.place.paused_until else ""


def _webhook_json(webhook: Webhook) -> dict[str, object]:
    standing = webhook.standing
    return {
        "id": webhook.id,
        "subscriber": webhook.subscriber,
        "url": webhook.url,
        "topics": sorted(webhook.following.topics),
        "languages": sorted(webhook.following.languages),
        "created": when(webhook.created),
        "rotates_until": when(webhook.rotates_until or None),
        "called": when(webhook.called),
        "status": webhook.status or None,
        "failures": standing.failures,
        "failing_since": when(standing.since),
        "failure": standing.reason or None,
        "next": when(standing.again or None),
        "paused": bool(webhook.place.paused_until),
        "disabled": when(webhook.disabled),
        "reason": webhook.reason,
    }


def _attempt_json(attempt: Attempt) -> dict[str, object]:
    return {
        "id": attempt.id,
        "webhook": attempt.webhook,
        "at": when(attempt.at),
        "message": attempt.message,
        "change": attempt.kind,
        "guid": attempt.about,
        "version": attempt.version,
        "status": attempt.status or None,
        "failure": attempt.reason or None,
        "milliseconds": attempt.took // 1000,
    }
