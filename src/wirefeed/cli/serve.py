"""`wirefeed serve`: the server."""

import click

from wirefeed import telemetry
from wirefeed.cli.output import run_loop, say
from wirefeed.config import Settings, with_server
from wirefeed.web.app import make_app
from wirefeed.web.server import serve as serve_app


@click.command()
@click.option("--host", help="Where to listen; server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; server.port.")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve feeds, pages and the API until SIGTERM; running requests finish first."""
    settings = with_server(settings, host=host, port=port)
    telemetry.configure(settings.log.level)
    app = make_app(settings)

    def started() -> None:
        say(f"wirefeed serves {settings.public_url}/ (stop with Ctrl-C)")

    run_loop(serve_app(app, settings.server, started))
