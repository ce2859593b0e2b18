"""A client of server-sent events, as the HTML standard has it: read line by line, resumed by id."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.agency import Agency

STREAM = "/api/v1/wire/stream"


@dataclass(frozen=True, slots=True)
class Event:
    """What was sent between two empty lines."""

    name: str
    data: dict[str, Any]
    #: As it stands in the event; empty where it has none.
    id: str = ""


@dataclass(slots=True)
class Listener:
    """An open stream."""

    answer: aiohttp.ClientResponse
    last_id: str = ""
    events: list[Event] = field(default_factory=list)

    async def next(self, seconds: float = 10) -> Event | None:
        """Give the next event; None: the stream has ended."""
        async with asyncio.timeout(seconds):
            return await self._next()

    async def _next(self) -> Event | None:
        name, data, given = "", "", ""
        async for raw in self.answer.content:
            line = raw.decode().rstrip("\n")
            if not line and data:
                event = Event(name, json.loads(data), given)
                self.last_id = given or self.last_id
                self.events.append(event)
                return event
            word, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match word:
                case "event":
                    name = value
                case "data":
                    data += value
                case "id":
                    given = value
                case _:
                    pass
        return None

    async def comment(self, seconds: float = 10) -> None:
        """Wait for a line that says no more than that the stream is there."""
        async with asyncio.timeout(seconds):
            async for raw in self.answer.content:
                if raw.startswith(b":"):
                    return
        raise AssertionError("the stream ended")

    async def until(self, name: str) -> list[Event]:
        """Give events up to one of a name."""
        found: list[Event] = []
        while (event := await self.next()) is not None:
            found.append(event)
            if event.name == name:
                return found
        raise AssertionError(f"the stream ended without {name}: {found}")


@asynccontextmanager
async def listening(
    agency: Agency, headers: dict[str, str], last: str = "", **query: str
) -> AsyncIterator[Listener]:
    """Open a stream, and have its first event."""
    asked = {**headers, **({"Last-Event-ID": last} if last else {})}
    async with agency.http.get(STREAM, params=query, headers=asked) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        listener = Listener(answer)
        first = await listener.next()
        assert first is not None
        assert first.name == "open"
        yield listener
