"""`wirefeed doctor`: whether this installation will run, line by line, with what would help.

It asks each part in turn, and changes nothing; no line holds a secret.
"""

from collections.abc import Callable

import click

from wirefeed.cli.database import tell
from wirefeed.cli.output import as_json, run_loop
from wirefeed.composition import open_keyring, read_plans, read_topics, utc_now
from wirefeed.config import Settings
from wirefeed.domain.errors import WirefeedError
from wirefeed.domain.findings import Finding, State
from wirefeed.services import surroundings
from wirefeed.storage.sqlite import path_of

_Look = Callable[[Settings], list[Finding]]


@click.command()
@as_json
@click.pass_obj
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Say whether wirefeed will run here; exit 1 when something must be put right."""
    looks: list[_Look] = [_definitions, _programs, _database, _keys, _clock, _places]
    findings = [finding for look in looks for finding in _guarded(look, settings)]
    tell(findings, as_json=as_json)


def _guarded(look: _Look, settings: Settings) -> list[Finding]:
    """Look at one part; if it cannot even be looked at, say so, and go on to the next."""
    try:
        return look(settings)
    except WirefeedError as error:
        name = error.field or look.__name__.strip("_")
        return [Finding(name=name, state=State.FAIL, said=error.message, remedy=error.remedy or "")]


def _definitions(settings: Settings) -> list[Finding]:
    topics = read_topics(settings.taxonomy)
    plans = read_plans(settings.taxonomy, topics)
    said = f"{len(list(topics))} topics, {len(plans)} plans to start with"
    return [Finding(name="settings", state=State.OK, said=said)]


def _programs(_: Settings) -> list[Finding]:
    return [surroundings.python(), surroundings.sqlite()]


def _database(settings: Settings) -> list[Finding]:
    file = path_of(settings.database.url)
    return [
        *surroundings.database(file),
        surroundings.disk_speed(file.parent),
        surroundings.disk_space(file.parent),
    ]


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
