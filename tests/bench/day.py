"""`make day`: the busiest ten minutes of an agency, in real time, and what became of each story.

Two workers on one database; thousands of partners poll, hundreds hold streams open or are called;
the newsroom publishes, kills and takes tokens back. Prints how soon each channel saw what was
published, what was lost, and what was seen by whom it was not for. Nothing here passes or fails.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from aiohttp import web

from tests.bench import day_agency
from tests.bench.day_agency import Agency, Partner
from tests.bench.day_newsroom import Newsroom, Truth
from tests.bench.day_partners import Channel, Pollers, Streams, Webhooks, session
from tests.bench.rows import Row, median, p99, table
from tests.support.process import free_ports
from wirefeed.composition import open_services

_WORKERS = 2
_CONNECTIONS = 200
#: Seconds in which what came last may still be on its way.
_PATIENCE = 30
_LISTENING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How busy it is."""

    seconds: float = 600
    tokens: int = 6000
    streams: int = 300
    webhooks: int = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    usual = Size()
    for name in Size.__dataclass_fields__:
        default = getattr(usual, name)
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{default:,}")
    size = Size(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory() as folder:
        rows = uvloop.run(_day(Path(folder), size))
    print(table(rows))
    print(json.dumps([asdict(row) for row in rows]))


async def _day(folder: Path, size: Size) -> list[Row]:
    _say(f"making an agency of {size.tokens:,} partners")
    agency = await day_agency.make(folder, size.tokens)
    callbacks = free_ports()
    called = agency.partners[-size.webhooks :] if size.webhooks else []
    await _subscribe(agency, called, callbacks)
    port = free_ports(2)
    with _serving(agency, port):
        return await _live(agency, f"http://127.0.0.1:{port}", called, callbacks, size)


async def _live(
    agency: Agency, url: str, called: Sequence[Partner], callbacks: int, size: Size
) -> list[Row]:
    newsroom = Newsroom(agency, url, size.seconds)
    truth = newsroom.truth
    pollers = Pollers(truth, agency.partners, url)
    streams = Streams(truth, agency.partners[: size.streams], url)
    webhooks = Webhooks(truth, called)
    over = asyncio.Event()
    polling, streaming = session(_CONNECTIONS), session(size.streams + 1)
    async with (
        polling,
        streaming,
        session(_CONNECTIONS) as sending,
        _listening(webhooks, callbacks),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(streams.follow(streaming, over))
        if size.streams:
            await streams.ready.wait()
        _say(f"{size.streams} streams are open; the day begins")
        began, idle = time.monotonic(), _idle()
        following = group.create_task(pollers.follow(polling, over))
        day = group.create_task(newsroom.work(sending))
        await asyncio.sleep(size.seconds)
        await day
        left = (_idle() - idle) / (time.monotonic() - began)
        await asyncio.sleep(min(_PATIENCE, size.seconds))
        over.set()
        await following
    pollers.channel.miss(agency.partners, own_language=True)
    streams.channel.miss(agency.partners[: size.streams])
    webhooks.channel.miss(called)
    return [
        *_of_all(truth, left),
        *(
            row
            for channel in (pollers.channel, streams.channel, webhooks.channel)
            for row in _of_channel(channel)
        ),
    ]


def _of_all(truth: Truth, left: float) -> list[Row]:
    return [
        Row(what="stories published", figure=len(truth.stories), unit=""),
        Row(what="publish → answered, p99", figure=p99(truth.posts), unit="ms", goal="≤ 25 ms"),
        Row(what="asked again after a 503", figure=truth.refused, unit=""),
        Row(what="tokens revoked", figure=len(truth.revoked), unit=""),
        Row(what="processor time left, of one core", figure=left * 100, unit="%"),
    ]


def _of_channel(channel: Channel) -> Iterator[Row]:
    name = channel.name
    yield Row(what=f"{name}: answers", figure=channel.answers, unit="")
    if channel.unchanged:
        share = channel.unchanged / channel.answers * 100
        yield Row(what=f"{name}: not modified", figure=share, unit="%")
    for what, delays in (("publish", channel.delays), ("kill", channel.kill_delays)):
        if delays:
            yield Row(what=f"{name}: {what} → seen, median", figure=median(delays), unit="ms")
            yield Row(what=f"{name}: {what} → seen, p99", figure=p99(delays), unit="ms")
    for what, wrong in (
        ("lost", channel.lost),
        ("leaked", channel.leaked),
        ("killed text served", channel.killed),
        ("failed", channel.failed),
    ):
        for one in wrong[:5]:
            _say(f"{name}, {what}: {one}")
        yield Row(what=f"{name}: {what}", figure=len(wrong), unit="", goal="0")


async def _subscribe(agency: Agency, called: Sequence[Partner], port: int) -> None:
    async with open_services(agency.settings) as services:
        for partner in called:
            url = f"http://{_host(partner)}:{port}/hook/{partner.number}"
            await services.callbacks.webhooks.add(partner.name, url)


def _host(partner: Partner) -> str:
    """Give a partner an address of its own: one host is called no more than a few times at once."""
    high, low = divmod(partner.number % 2**16, 2**8)
    return f"127.1.{high}.{low}"


@contextlib.contextmanager
def _serving(agency: Agency, port: int) -> Iterator[None]:
    command = "from wirefeed.cli.main import main; main()"
    serve = ["--config", str(agency.folder / "wirefeed.toml"), "serve"]
    arguments = [*serve, "--port", str(port), "--workers", str(_WORKERS)]
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "wirefeed serves" in line:
                    break
            # What it complains of is for whoever runs this.
            complaints = threading.Thread(target=_pass_on, args=(process.stdout,), daemon=True)
            complaints.start()
            yield
        finally:
            process.terminate()


def _pass_on(lines: Iterable[str]) -> None:
    for line in lines:
        _say(line.rstrip())


@contextlib.asynccontextmanager
async def _listening(webhooks: Webhooks, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(webhooks.app(), access_log=None)
    await runner.setup()
    # Every address of the loopback network is this machine.
    await web.TCPSite(runner, "0.0.0.0", port, shutdown_timeout=_LISTENING).start()  # noqa: S104
    try:
        yield
    finally:
        await runner.cleanup()


def _idle() -> float:
    """Give the seconds in which this machine's cores had nothing to do, all together."""
    try:
        fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()
    except OSError:
        return 0.0
    return int(fields[4]) / 100


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
