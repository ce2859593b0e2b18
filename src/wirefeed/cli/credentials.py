"""Commands for tokens and feed keys. A secret is printed once, alone, so that it can be piped."""

from collections.abc import Sequence

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.composition import Services
from wirefeed.domain.audit import CLI
from wirefeed.domain.credentials import FeedKey, Token, parse_scopes
from wirefeed.domain.terms import Terms

_DAYS = 90


@click.group()
def tokens() -> None:
    """Manage tokens: the credentials of machines (JWT)."""


@tokens.command("issue")
@click.argument("subscriber", required=False)
@click.option("--source", help="Issue to a newsroom of this name, for sending stories.")
@click.option("--scope", "scopes", multiple=True, help="A scope; may be repeated.")
@click.option("--days", type=int, default=_DAYS, show_default=True, help="How long it lives.")
@click.option("--name", default="", help="What it is for.")
def issue_token(
    subscriber: str | None, source: str | None, scopes: Sequence[str], days: int, name: str
) -> None:
    """Issue a token to SUBSCRIBER, or with --source to a newsroom. Prints the token alone, once."""
    if (subscriber is None) == (source is None):
        message = "name a SUBSCRIBER, or a newsroom with --source"
        raise click.UsageError(message)
    wanted = parse_scopes(" ".join(scopes)) if scopes else None
    terms = Terms(subscriber=subscriber, source=source, scopes=wanted, days=days, name=name)
    click.echo(run(lambda services: services.tokens.issue(terms, CLI)).secret)


@tokens.command("list")
@click.argument("subscriber", required=False)
@as_json
def list_tokens(subscriber: str | None, *, as_json: bool) -> None:
    """List tokens, of SUBSCRIBER or all."""
    found = run(lambda services: services.tokens.all(subscriber))
    if as_json:
        json_out([_token_json(token) for token in found])
        return
    rows = [
        (
            t.jti,
            t.subject,
            t.name,
            " ".join(sorted(t.scopes)),
            when(t.expires),
            f"revoked {when(t.revoked)}" if t.revoked is not None else "",
        )
        for t in found
    ]
    table(["jti", "of", "name", "scopes", "expires", ""], rows)


def _token_json(token: Token) -> dict[str, object]:
    return {
        "jti": token.jti,
        "subscriber": token.subscriber,
        "source": token.source,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "issued": when(token.issued),
        "expires": when(token.expires),
        "revoked": when(token.revoked),
    }


@tokens.command("revoke")
@click.argument("jti")
def revoke_token(jti: str) -> None:
    """Revoke the token JTI: it is refused from the next request on."""
    run(lambda services: services.tokens.revoke(jti, CLI))
    say(f"token {jti} revoked")


@click.group()
def feedkeys() -> None:
    """Manage feed keys: the private addresses of people with feed readers."""


@feedkeys.command("issue")
@click.argument("subscriber")
@click.option("--name", default="", help="What it is for.")
def issue_feed_key(subscriber: str, name: str) -> None:
    """Issue a feed key to SUBSCRIBER. Prints its private base address alone, once."""

    async def work(services: Services) -> str:
        issued = await services.feed_keys.issue(subscriber, name, by=CLI)
        return services.house.url(f"/f/{issued.secret}/")

    click.echo(run(work))


@feedkeys.command("list")
@click.argument("subscriber", required=False)
@as_json
def list_feed_keys(subscriber: str | None, *, as_json: bool) -> None:
    """List feed keys, of SUBSCRIBER or all. A key itself is never shown again."""
    found = run(lambda services: services.feed_keys.all(subscriber))
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
            f"revoked {when(k.revoked)}" if k.revoked is not None else "",
        )
        for k in found
    ]
    table(["id", "subscriber", "name", "ends in", "issued", ""], rows)


def _feed_key_json(key: FeedKey) -> dict[str, object]:
    return {
        "id": key.id,
        "subscriber": key.subscriber,
        "name": key.name,
        "tail": key.tail,
        "issued": when(key.issued),
        "revoked": when(key.revoked),
    }


@feedkeys.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_feed_key(key_id: str) -> None:
    """Revoke the feed key ID: its addresses show the public feeds from the next request on."""
    run(lambda services: services.feed_keys.revoke(key_id, CLI))
    say(f"feed key {key_id} revoked")
