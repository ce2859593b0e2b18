"""What subscribers say to a hub, and what it holds."""

import asyncio
from collections.abc import Callable

from tests.support.agency import Agency
from tests.support.callbacks import Subscriber
from wirefeed.domain.leases import Lease


async def ask(
    agency: Agency,
    callback: str,
    topic: str,
    mode: str = "subscribe",
    *,
    headers: dict[str, str] | None = None,
    **parameters: str,
) -> tuple[int, str]:
    """POST to the hub; gives the status and the text."""
    asked = {"hub.mode": mode, "hub.callback": callback, "hub.topic": topic} | {
        f"hub.{name}": value for name, value in parameters.items()
    }
    async with agency.http.post("/hub", data=asked, headers=headers) as answer:
        assert answer.content_type == "text/plain"
        return answer.status, await answer.text()


async def held(agency: Agency) -> list[Lease]:
    return [one.lease for one in await agency.services.callbacks.hub.held()]


async def until(agency: Agency, holds: Callable[[list[Lease]], bool], seconds: float = 10) -> None:
    """Wait until the leases that are held are as they should be."""
    async with asyncio.timeout(seconds):
        while True:
            if holds(await held(agency)):
                return
            await asyncio.sleep(0.01)


async def subscribe(agency: Agency, callback: Subscriber, topic: str, **options: object) -> None:
    """Subscribe a callback, and wait until that is verified."""
    before = {(lease.id, lease.verified) for lease in await held(agency)}
    agency.clock.advance(1)
    status, text = await ask(agency, callback.url, topic, **options)  # type: ignore[arg-type]
    assert status == 202, text
    await until(agency, lambda now: bool({(one.id, one.verified) for one in now} - before))
