"""`wirefeed serve`: the server, as one process or as several with a parent."""

import asyncio
import os
import sys
import tempfile

import click

from wirefeed import telemetry
from wirefeed.cli.memory import leave_to_stay, return_large_buffers
from wirefeed.cli.supervisor import Supervisor
from wirefeed.cli.workers import Inherited, Worker, inherited
from wirefeed.config import Settings, with_server
from wirefeed.web.listening import Sockets, listen

#: Seconds after which a thread has to let another go on. With the five milliseconds of Python a
#: statement of the database, which lets the loop go on at each row, took a hundred on a busy day.
_TURN = 0.0005


@click.command()
@click.option("--host", help="Where to listen; server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; server.port.")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="How many processes answer; server.workers."
)
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve feeds, pages and the API until SIGTERM; running requests finish first.

    With several workers SIGHUP replaces one after the other by a fresh process, which reads
    the settings anew. Nobody is refused meanwhile.
    """
    settings = with_server(settings, host=host, port=port, workers=workers)
    telemetry.configure(settings.log.level)
    parent = inherited(os.environ)
    if parent is None and settings.server.workers > 1:
        _watch(settings)
    else:
        _serve(settings, parent)


def _serve(settings: Settings, parent: Inherited | None) -> None:
    return_large_buffers()
    sys.setswitchinterval(_TURN)
    # The parent of workers needs none of these, and they take most of a second and its memory.
    from wirefeed.cli.output import run_loop  # noqa: PLC0415
    from wirefeed.web.app import make_app  # noqa: PLC0415
    from wirefeed.web.server import serve as serve_app  # noqa: PLC0415

    def started() -> None:
        if parent is None:
            _say(settings)
        else:
            parent.ready(settings.server.drain)

    sockets = parent.sockets if parent else None
    app = make_app(settings)
    # The last of what is done before anybody is let in.
    app.on_startup.append(_stay)
    run_loop(serve_app(app, settings.server, started, sockets))


async def _stay(_: object) -> None:
    leave_to_stay()


def _watch(settings: Settings) -> None:
    """Be the parent of workers: take the sockets, and see that workers serve on them."""
    # Listen first: a port that is taken is to be said once, and by us.
    sockets = listen(settings.server)
    with tempfile.TemporaryDirectory(prefix="wirefeed-workers-") as folder:
        if not asyncio.run(_supervise(settings, sockets, folder)):
            # The worker has said why.
            sys.exit(1)


async def _supervise(settings: Settings, sockets: Sockets, folder: str) -> bool:
    arguments = _arguments(settings)

    async def start(number: int) -> Worker:
        return await Worker.start(number, arguments, sockets, folder)

    supervisor = Supervisor(
        start,
        settings.server.workers,
        started=lambda: _say(settings),
        refuse=sockets.close,
    )
    return await supervisor.run()


def _arguments(settings: Settings) -> list[str]:
    """Give the command of a worker: it reads the settings itself, but for the command line."""
    config = click.get_current_context().find_root().params["config"]
    server = settings.server
    return [
        *(["--config", str(config)] if config else []),
        *("serve", "--host", server.host, "--port", str(server.port)),
    ]


def _say(settings: Settings) -> None:
    click.echo(f"wirefeed serves {settings.public_url}/ (stop with Ctrl-C)", err=True)
