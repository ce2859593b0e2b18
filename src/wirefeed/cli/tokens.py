"""Commands for tokens. A secret is printed once, alone, so that it can be piped."""

from collections.abc import Sequence

import click

from wirefeed.cli.output import as_json, json_out, parse_span, run, say, table, when
from wirefeed.domain.audit import CLI
from wirefeed.domain.credentials import Token, parse_scopes
from wirefeed.domain.terms import Terms

_DAYS = 90


@click.group()
def tokens() -> None:
    """Manage tokens: the credentials of machines and administrators (JWT)."""


@tokens.command("issue")
@click.argument("subscriber", required=False)
@click.option("--source", help="Issue to a newsroom of this name, for sending stories.")
@click.option("--admin", help="Issue to an administrator of this name.")
@click.option("--scope", "scopes", multiple=True, help="A scope; may be repeated.")
@click.option("--days", type=int, default=_DAYS, show_default=True, help="How long it lives.")
@click.option("--name", default="", help="What it is for.")
@click.option(
    "--entitlement", "entitlements", multiple=True, help="Only this plan of those it has; repeat."
)
@click.option("--network", "networks", multiple=True, help="Only from here, by CIDR; repeat.")
def issue_token(
    subscriber: str | None,
    source: str | None,
    admin: str | None,
    scopes: Sequence[str],
    days: int,
    name: str,
    entitlements: Sequence[str],
    networks: Sequence[str],
) -> None:
    """Issue a token to SUBSCRIBER, to a newsroom or to an administrator. Prints it alone, once."""
    if sum(owner is not None for owner in (subscriber, source, admin)) != 1:
        message = "name a SUBSCRIBER, or a newsroom with --source, or an administrator with --admin"
        raise click.UsageError(message)
    terms = Terms(
        subscriber=subscriber,
        source=source,
        admin=admin,
        scopes=parse_scopes(" ".join(scopes)) if scopes else None,
        days=days,
        name=name,
        entitlements=frozenset(entitlements) if entitlements else None,
        networks=tuple(networks),
    )
    click.echo(run(lambda services: services.tokens.issue(terms, CLI)).secret)


@tokens.command("list")
@click.argument("subscriber", required=False)
@click.option("--source", help="Of a newsroom.")
@click.option("--admin", help="Of an administrator.")
@as_json
def list_tokens(
    subscriber: str | None, source: str | None, admin: str | None, *, as_json: bool
) -> None:
    """List tokens, of SUBSCRIBER or all, as they were issued."""
    found = run(lambda services: services.tokens.all(subscriber, source=source, admin=admin))
    found.sort(key=lambda token: (token.issued, token.jti))
    if as_json:
        json_out([_token_json(token) for token in found])
        return
    rows = [
        (
            t.jti,
            t.subject,
            t.name,
            " ".join(sorted(t.scopes)),
            when(t.ends),
            when(t.last_used) or "never",
            _state(t),
        )
        for t in found
    ]
    table(["jti", "of", "name", "scopes", "expires", "last used", ""], rows)


def _state(token: Token) -> str:
    if token.revoked is not None:
        return f"revoked {when(token.revoked)}"
    limits = [*sorted(token.entitlements or ()), *token.networks]
    return f"only {', '.join(limits)}" if limits else ""


def _token_json(token: Token) -> dict[str, object]:
    return {
        "jti": token.jti,
        "subscriber": token.subscriber,
        "source": token.source,
        "admin": token.admin,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "entitlements": None if token.entitlements is None else sorted(token.entitlements),
        "networks": list(token.networks),
        "issued": when(token.issued),
        "expires": when(token.ends),
        "last_used": when(token.last_used),
        "issued_with": token.parent,
        "signed_by": token.kid,
        "revoked": when(token.revoked),
    }


@tokens.command("name")
@click.argument("jti")
@click.argument("name")
def name_token(jti: str, name: str) -> None:
    """Call the token JTI by another NAME."""
    run(lambda services: services.tokens.rename(jti, name, CLI))
    say(f"token {jti} named")


@tokens.command("rotate")
@click.argument("jti")
@click.option("--overlap", default="24h", show_default=True, help="The old one holds this long.")
@click.option("--days", type=int, help="How long the new one lives; as long as the old one did.")
def rotate_token(jti: str, overlap: str, days: int | None) -> None:
    """Issue a token in place of JTI, which holds until the overlap is over. Prints it alone."""
    span = parse_span(overlap, "--overlap")
    issued = run(lambda services: services.tokens.rotate(jti, CLI, overlap=span, days=days))
    click.echo(issued.secret)


@tokens.command("revoke")
@click.argument("jti")
def revoke_token(jti: str) -> None:
    """Revoke the token JTI, and those issued with it: refused from the next request on."""
    gone = run(lambda services: services.tokens.revoke(jti, CLI))
    say(f"token {jti} revoked")
    for other in gone:
        if other != jti:
            say(f"token {other}, issued with it, revoked")
