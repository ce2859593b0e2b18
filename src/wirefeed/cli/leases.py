"""Commands for leases of the WebSub hub: who is told of what, and how that goes."""

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.domain.audit import CLI
from wirefeed.services.hub import Held


@click.group()
def leases() -> None:
    """Manage leases: callbacks that are sent feeds whenever they change (WebSub)."""


@leases.command("list")
@click.argument("subscriber", required=False)
@click.option("--failing", is_flag=True, help="Only callbacks that could not be told.")
@as_json
def list_leases(subscriber: str | None, *, failing: bool, as_json: bool) -> None:
    """List leases, of SUBSCRIBER or all, as they were granted, and how their callbacks do.

    A callback is shown by its host alone: its address is its subscriber's secret.
    """
    found = run(lambda services: services.callbacks.hub.held(subscriber, failing=failing))
    found.sort(key=lambda one: (one.lease.created, one.lease.id))
    if as_json:
        json_out([_lease_json(one) for one in found])
        return
    rows = [
        (
            one.lease.id,
            one.lease.owner.subscriber or "",
            f"{one.lease.door} {one.lease.tail}",
            one.lease.host,
            when(one.lease.expires),
            when(one.lease.delivered) or "never",
            _state(one),
        )
        for one in found
    ]
    table(["id", "subscriber", "feed", "host", "until", "delivered", ""], rows)


def _state(one: Held) -> str:
    standing = one.lease.standing
    if not standing.failures:
        return "" if one.is_current else "behind"
    return f"{standing.reason}, {standing.failures} times since {when(standing.since)}"


def _lease_json(one: Held) -> dict[str, object]:
    lease, standing = one.lease, one.lease.standing
    return {
        "id": lease.id,
        "subscriber": lease.owner.subscriber,
        "feed_key": lease.owner.feed_key,
        "token": lease.owner.token,
        "door": lease.door,
        "feed": lease.tail,
        "host": lease.host,
        "signed": lease.secret is not None,
        "created": when(lease.created),
        "verified": when(lease.verified),
        "expires": when(lease.expires),
        "delivered": when(lease.delivered),
        "current": one.is_current,
        "failures": standing.failures,
        "failing_since": when(standing.since),
        "reason": standing.reason or None,
        "again": when(standing.again) if standing.failures else None,
    }


@leases.command("end")
@click.argument("lease_id", metavar="ID")
def end_lease(lease_id: str) -> None:
    """End the lease ID: nothing is sent to its callback any more, which is not told so."""
    run(lambda services: services.callbacks.hub.end(lease_id, CLI))
    say(f"lease {lease_id} ended")
