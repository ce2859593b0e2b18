"""Webhooks that are cut off, because what they are sent was taken back while they took nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.agency import HOUR, running, settings_in
from wirefeed.config import OutboundSettings
from wirefeed.domain.webhooks import Webhook
from wirefeed.services.webhooks import Webhooks

#: More than kernels hold of a connection on which nothing is read.
LONG = "<p>" + "long text " * 50_000 + "</p>"
#: So much of a connection the kernel takes of what nobody reads.
_KERNEL = 2_048


@asynccontextmanager
async def refusing_then_stalling() -> AsyncIterator[tuple[str, asyncio.Queue[None]]]:
    """Serve what refuses its first call, and takes nothing of the others, which it tells of."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL)
    listening.bind(("127.0.0.1", 0))
    came, over, calls = asyncio.Queue[None](), asyncio.Event(), 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.readuntil(b"\r\n\r\n")
        if calls > 1:
            came.put_nowait(None)
            await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(take, sock=listening, limit=1_024)
    async with server:
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/in", came
        finally:
            over.set()


async def until_called(webhooks: Webhooks, id_: str, calls: int) -> Webhook:
    """Wait until so many calls are in the log; give the webhook as it then is."""
    async with asyncio.timeout(10):
        while len(await webhooks.log("gazette")) < calls:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)
    return await webhooks.get(id_)


async def test_one_that_took_nothing_until_it_was_cut_off_has_failed_as_well(tmp_path: Path):
    """Else it were called at once and for ever, without ever being one that fails."""
    settings = settings_in(tmp_path, outbound=OutboundSettings(private_networks=True))
    async with running(settings) as agency, refusing_then_stalling() as (url, came):
        await agency.subscriber("gazette", "sport")
        webhooks = agency.services.callbacks.webhooks
        added = await webhooks.add("gazette", url)
        await agency.publish("urn:1", body_html=LONG)
        await until_called(webhooks, added.row.id, 1)
        agency.clock.advance(HOUR)
        agency.services.callbacks.delivery.wake()
        await came.get()

        await agency.services.newsdesk.withhold("urn:1")

        held = await until_called(webhooks, added.row.id, 2)
        assert (held.standing.failures, held.standing.reason) == (2, "cut")
        assert held.standing.again > agency.clock.now
