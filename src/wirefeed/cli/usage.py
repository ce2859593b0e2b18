"""The command that shows how credentials are used."""

import click

from wirefeed.cli.output import as_json, json_out, run, table, when
from wirefeed.composition import Services
from wirefeed.domain.credentials import Token
from wirefeed.domain.sightings import Refused, Sighting
from wirefeed.services.usage import KeyUse


@click.command()
@click.argument("subscriber", required=False)
@as_json
def usage(subscriber: str | None, *, as_json: bool) -> None:
    """Show when credentials were last used, of SUBSCRIBER or all: where, with what clients.

    Of a subscriber also what was refused of late, and why.
    """

    async def work(services: Services) -> tuple[list[KeyUse], list[Token], list[Refused]]:
        if subscriber is not None:
            await services.accounts.subscriber(subscriber)
        keys = await services.usage.keys(subscriber)
        tokens = await services.tokens.all(subscriber)
        return keys, tokens, await services.usage.refusals(subscriber) if subscriber else []

    keys, tokens, refusals = run(work)
    if as_json:
        json_out(
            {
                "feed_keys": [_key_json(use) for use in keys],
                "tokens": [_token_json(token) for token in tokens],
                "refusals": [_refusal_json(one) for one in refusals],
            }
        )
        return
    rows = [*map(_key_row, keys), *map(_token_row, tokens)]
    table(["credential", "of", "name", "last used", "clients", "networks", "flags"], rows)
    if refusals:
        click.echo()
        table(
            ["refused", "credential", "why", "at", "from"],
            [(when(r.at), r.credential, r.reason, r.route, r.network) for r in refusals],
        )


def _key_row(use: KeyUse) -> tuple[object, ...]:
    standing = [f"{flag.count} {flag.reason}" for flag in use.flags if flag.dismissed is None]
    return (
        f"feed key {use.key.id}",
        use.key.subscriber,
        use.key.name,
        when(use.key.last_used) or "never",
        ", ".join(dict.fromkeys(one.client for one in use.sightings)),
        len({one.network for one in use.sightings}),
        ", ".join(standing),
    )


def _token_row(token: Token) -> tuple[object, ...]:
    last = when(token.last_used) or "never"
    return f"token {token.jti}", token.subject, token.name, last, "", "", ""


def _key_json(use: KeyUse) -> dict[str, object]:
    return {
        "id": use.key.id,
        "subscriber": use.key.subscriber,
        "name": use.key.name,
        "last_used": when(use.key.last_used),
        "flagged": when(use.key.flagged),
        "sightings": [_sighting_json(one) for one in use.sightings],
        "flags": [
            {
                "reason": flag.reason,
                "count": flag.count,
                "at": when(flag.at),
                "dismissed": when(flag.dismissed),
            }
            for flag in use.flags
        ],
    }


def _sighting_json(one: Sighting) -> dict[str, object]:
    return {
        "network": one.network,
        "client": one.client,
        "first": when(one.first),
        "last": when(one.last),
        "requests": one.requests,
        "readers": one.readers,
    }


def _token_json(token: Token) -> dict[str, object]:
    return {
        "jti": token.jti,
        "of": token.subject,
        "name": token.name,
        "last_used": when(token.last_used),
    }


def _refusal_json(one: Refused) -> dict[str, object]:
    return {
        "at": when(one.at),
        "credential": one.credential,
        "reason": one.reason,
        "route": one.route,
        "network": one.network,
    }
