"""Commands for the database itself."""

from pathlib import Path

import click
import msgspec

from wirefeed.cli.output import as_json, json_out, progress, run, run_loop, say, table
from wirefeed.composition import open_audit
from wirefeed.config import DatabaseSettings, Settings
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.findings import Finding, State, failed, judge
from wirefeed.storage.files import back_up, examine, existing
from wirefeed.storage.schema import newest_schema, upgrade

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def db() -> None:
    """Manage the database."""


@db.command("upgrade")
@click.pass_obj
def upgrade_database(settings: Settings) -> None:
    """Bring the database to the schema of this release."""
    upgrade(settings.database.url)
    run(lambda services: services.audit.begin(upgraded=True))
    say("the database is up to date")


@db.command("backup")
@click.argument("path", type=_FILE)
@click.pass_obj
def back_up_database(settings: Settings, path: Path) -> None:
    """Copy the database to PATH while it is in use, whole and checked.

    The master key is not in it: keep both, and not in one place.
    """
    with progress() as bar:
        task = bar.add_task("copying", total=1.0)
        back_up(settings.database.url, path, lambda done: bar.update(task, completed=done))
    say(f"{path} is a whole copy; opening it takes the master key, {settings.keys.master}")


@db.command("check")
@click.argument("path", type=_FILE, required=False)
@as_json
@click.pass_obj
def check_database(settings: Settings, path: Path | None, *, as_json: bool) -> None:
    """Look through the database, or through a backup at PATH; exit 1 when it is not whole.

    Readers go on meanwhile, and newsrooms may have to wait: look through a backup where that
    takes long.
    """
    field = "database.url" if path is None else "PATH"
    if path is not None:
        url = DatabaseSettings(url=f"sqlite:///{path}")
        settings = msgspec.structs.replace(settings, database=url)
    findings = judge(examine(existing(settings.database.url, field)), newest_schema())
    if not failed(findings):
        findings.append(run_loop(_audit(settings)))
    tell(findings, as_json=as_json)


async def _audit(settings: Settings) -> Finding:
    try:
        async with open_audit(settings) as audit:
            verdict = await audit.verify()
    except WirefeedError as error:
        said = error.message
        return Finding(name="audit", state=State.FAIL, said=said, remedy=error.remedy)
    if verdict.broken is None:
        return Finding(name="audit", state=State.OK, said=f"{verdict.good} rows, in their chain")
    said = f"broken at row {verdict.broken}: it was edited, removed or moved"
    return Finding(
        name="audit", state=State.FAIL, said=said, remedy="compare it with that of a backup"
    )


def tell(findings: list[Finding], *, as_json: bool) -> None:
    """Print what was found; exit 1 when anything failed."""
    if as_json:
        json_out([msgspec.to_builtins(finding) for finding in findings])
    else:
        table(
            ["", "what", "found", "remedy"],
            [(f.state, f.name, f.said, f.remedy) for f in findings],
        )
    if failed(findings):
        raise SystemExit(1)
