"""`wirefeed demo`: a complete agency on a throw-away database, ready to look at."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from wirefeed import telemetry
from wirefeed.cli.output import run_loop
from wirefeed.composition import Clock, Services, open_services, utc_now
from wirefeed.config import Settings
from wirefeed.demo import agency
from wirefeed.demo.agency import SECOND, Credentials
from wirefeed.demo.web import routes
from wirefeed.domain.errors import Invalid
from wirefeed.web.app import make_app
from wirefeed.web.server import serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(1, 65534), default=8080, show_default=True)
@click.option("--at", help="When the agency's day begins (RFC 3339): the same news every time.")
def demo(host: str, port: int, at: str | None) -> None:
    """Start a complete agency with stories in three languages, and watch it work.

    In the first minute a correction, a kill and an embargo's end happen by themselves.
    """
    telemetry.configure("warning")
    start = _start(at)
    with tempfile.TemporaryDirectory(prefix="wirefeed-demo-") as folder:
        settings = agency.settings(host, port, Path(folder))
        run_loop(_run(settings, agency.Clock(start), start))


def _start(at: str | None) -> int:
    if at is None:
        return utc_now() // SECOND * SECOND
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise Invalid(
            f"{at!r} is no time", field="--at", remedy="write 2026-11-24T09:00:00Z"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND


async def _run(settings: Settings, clock: agency.Clock, start: int) -> None:
    async with open_services(settings, clock) as services:
        credentials = await agency.seed(services, clock, start)

        @asynccontextmanager
        async def opener(_: Settings, __: Clock) -> AsyncIterator[Services]:
            yield services

        app = make_app(settings, clock, opener)
        app.add_routes(routes(credentials))
        tasks: list[asyncio.Task[None]] = []

        def started() -> None:
            clock.run()
            click.echo(_welcome(settings, credentials))
            tasks.append(asyncio.create_task(agency.play(services, start)))
            tasks.append(asyncio.create_task(agency.narrate(services, start, click.echo)))

        try:
            await serve(app, settings.server, started)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def _welcome(settings: Settings, credentials: Credentials) -> str:
    url = settings.public_url
    return f"""
The Meridian News Agency is open (Ctrl-C closes it and leaves nothing behind).

  its front page          {url}/
  one story, four callers {url}/demo
  a public feed           {url}/en/latest.rss
  a private feed          {credentials.private}en/latest.rss
  that reader's own page  {credentials.private}
  a link that opens once  {credentials.link}
  the API, to read        {url}/api/docs

  an administrator:
  curl -H 'Authorization: Bearer {credentials.admin}' \\
       {url}/api/v1/admin/subscribers

  a partner's machine:
  curl -H 'Authorization: Bearer {credentials.token}' \\
       {url}/subscriber/en/latest.json

What happens now:
"""
