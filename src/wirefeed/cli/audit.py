"""Commands for the audit: what was done, and whether anybody has touched the record of it."""

import click

from wirefeed.cli.output import as_json, json_out, run, say, table, when
from wirefeed.domain.audit import Detail, Entry


@click.group()
def audit() -> None:
    """See who did what, and check that the record is whole."""


@audit.command("list")
@click.option("--about", help="Only this: plan:gold, subscriber:gazette, token:JTI, story:GUID.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_audit(about: str | None, limit: int, *, as_json: bool) -> None:
    """List what was done, the newest first."""
    found = run(lambda services: services.audit.newest(limit=limit, about=about))
    if as_json:
        json_out([_entry_json(entry) for entry in found])
        return
    rows = [(e.seq, when(e.at), e.actor, e.via, e.verb, e.about, _text(e.detail)) for e in found]
    table(["row", "at", "who", "by", "what", "to", ""], rows)


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        "row": entry.seq,
        "at": when(entry.at),
        "actor": entry.actor,
        "via": entry.via,
        "verb": entry.verb,
        "about": entry.about,
        "detail": dict(entry.detail),
    }


def _text(detail: Detail) -> str:
    return " ".join(
        f"{name}={','.join(value) if isinstance(value, list) else value}"
        for name, value in detail.items()
    )


@audit.command("verify")
@as_json
def verify(*, as_json: bool) -> None:
    """Walk the whole chain: exit 0 when it holds, 1 naming the first bad row."""
    verdict = run(lambda services: services.audit.verify())
    if as_json:
        json_out({"holds": verdict.broken is None, "good": verdict.good, "row": verdict.broken})
    elif verdict.broken is None:
        say(f"the audit holds: {verdict.good} rows")
    else:
        say(f"the audit is broken at row {verdict.broken}: it was edited, removed or moved")
    if verdict.broken is not None:
        raise SystemExit(1)
