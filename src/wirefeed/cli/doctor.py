"""`wirefeed doctor`: whether this installation will run, line by line, with what would help.

It asks each part in turn, and changes nothing; no line holds a secret.
"""

from collections.abc import Callable
from pathlib import Path

import click

from wirefeed.cli.database import tell
from wirefeed.cli.output import as_json, run_loop
from wirefeed.composition import open_keyring, utc_now
from wirefeed.config import Settings
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.findings import Finding, State
from wirefeed.services import surroundings
from wirefeed.services.definitions import read_plans, read_topics
from wirefeed.storage.sqlite import path_of

_Look = Callable[[Settings], list[Finding]]
#: Where settings lie that somebody may believe to be in force.
_USUAL = Path("config/wirefeed.toml")


@click.command()
@as_json
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Say whether wirefeed will run here; exit 1 when something must be put right."""
    looks: list[_Look] = [_definitions, _programs, _database, _disk, _keys, _clock, _places]
    found = [finding for look in looks for finding in _guarded(look, context.obj)]
    tell([_settings(context.find_root().params["config"]), *found], as_json=as_json)


def _guarded(look: _Look, settings: Settings) -> list[Finding]:
    """Look at one part; if it cannot even be looked at, say so, and go on to the next."""
    try:
        return look(settings)
    except WirefeedError as error:
        return [_failure(error, look.__name__.strip("_"))]


def _failure(error: WirefeedError, part: str) -> Finding:
    name = error.field or part
    remedy = error.remedy or f"mend {name}"
    return Finding(name=name, state=State.FAIL, said=error.message, remedy=remedy)


def _settings(file: Path | None) -> Finding:
    """Say which settings are in force: a file is so only where it is named."""
    said = str(file) if file else "defaults and environment"
    if not _USUAL.is_file() or (file and file.samefile(_USUAL)):
        return Finding(name="settings", state=State.OK, said=said)
    said = f"{said}; {_USUAL} is not in use"
    remedy = f"to use it: --config {_USUAL}, or WIREFEED_CONFIG={_USUAL}"
    return Finding(name="settings", state=State.WARN, said=said, remedy=remedy)


def _definitions(settings: Settings) -> list[Finding]:
    topics = read_topics(settings.taxonomy)
    found = _topics(len(list(topics)), settings.taxonomy.topics)
    try:
        plans = read_plans(settings.taxonomy, topics)
    except WirefeedError as error:
        # Plans of topics that are not there: both are to be seen.
        return [found, _failure(error, "plans")]
    said = f"to start with: {len(plans)}"
    return [found, Finding(name="plans", state=State.OK, said=said)]


def _topics(number: int, file: str) -> Finding:
    if number:
        return Finding(name="topics", state=State.OK, said=f"in {file}: {number}")
    remedy = "define some there, or name another file in taxonomy.topics"
    said = f"none: there is no {file}, or nothing in it"
    return Finding(name="topics", state=State.WARN, said=said, remedy=remedy)


def _programs(_: Settings) -> list[Finding]:
    return [surroundings.python(), surroundings.sqlite()]


def _database(settings: Settings) -> list[Finding]:
    return surroundings.database(path_of(settings.database.url))


def _disk(settings: Settings) -> list[Finding]:
    folder = path_of(settings.database.url).parent
    return [surroundings.disk_speed(folder), surroundings.disk_space(folder)]


def _keys(settings: Settings) -> list[Finding]:
    found = surroundings.master_key(settings.keys.master)
    # A key that others may read is mended as soon as it is used: it would be found no more.
    return [found] if found.state is State.FAIL else [found, *run_loop(_opened(settings))]


async def _opened(settings: Settings) -> list[Finding]:
    """Say whether the master key opens what is in the database, if both are there."""
    if not surroundings.is_set_up(path_of(settings.database.url), settings.keys.master):
        return []
    async with open_keyring(settings) as keyring:
        await keyring.load()
    return [Finding(name="signing keys", state=State.OK, said="the master key opens them")]


def _clock(settings: Settings) -> list[Finding]:
    return [surroundings.clock(utc_now(), path_of(settings.database.url))]


def _places(settings: Settings) -> list[Finding]:
    server = settings.server
    ops_port = server.ops_port or server.port + 1
    return [
        surroundings.port("server.port", server.host, server.port),
        surroundings.port("server.ops_port", server.ops_host, ops_port),
        surroundings.open_files(),
        run_loop(surroundings.redis(settings.redis.url)),
    ]
