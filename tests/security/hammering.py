"""Clients that ask without a pause, each in its own way, and keep what they were answered."""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from tests.support.answers import FORMATS
from wirefeed.web.request import KEY_COOKIE

#: What is asked of each address, in turn; those with a validator name the full document's.
WAYS = ("GET", "HEAD", "If-None-Match", "If-Modified-Since", "Range")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Address:
    """Somewhere to ask, and what to bring along."""

    #: What carries the credential: `path`, `basic`, `token`, `cookie`.
    carrier: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer, and when its request began."""

    #: As `time.monotonic` has it, before a byte was sent.
    began: float
    asked: str
    carrier: str
    status: int
    head: bytes
    #: Decompressed.
    body: bytes


class Client:
    """Asks a server for addresses, on and on: over one connection, or a new one for each."""

    def __init__(
        self, url: str, addresses: Sequence[Address], canary: bytes, *, keeps: bool
    ) -> None:
        self._addresses = addresses
        self._canary = canary
        self._keeps = keeps
        connector = aiohttp.TCPConnector(force_close=not keeps, limit=1)
        self._http = aiohttp.ClientSession(url, connector=connector)
        #: By address, what its full document was told apart by.
        self.tags: dict[Address, str] = {}
        self.dates: dict[Address, str] = {}
        self.heard: list[Heard] = []
        #: It has seen the full text at each of its addresses.
        self.fed = asyncio.Event()

    @property
    def ways(self) -> int:
        """In how many ways it asks."""
        return len(self._addresses) * len(WAYS)

    async def ask_until(self, stop: asyncio.Event) -> None:
        """Ask in every way, round after round, until one round was begun after the stop."""
        last = False
        while not last:
            last = stop.is_set()
            for address, way in itertools.product(self._addresses, WAYS):
                await self._ask(address, way)
            if self.tags.keys() == set(self._addresses):
                self.fed.set()

    async def close(self) -> None:
        await self._http.close()

    async def _ask(self, address: Address, way: str) -> None:
        headers = {**address.headers, **self._conditions(address, way)}
        method = "HEAD" if way == "HEAD" else "GET"
        url = URL(address.path, encoded=True)
        began = time.monotonic()
        async with self._http.request(method, url, headers=headers) as answer:
            body = await answer.read()
        head = b"\r\n".join(b": ".join(pair) for pair in answer.raw_headers)
        connection = "kept" if self._keeps else "new"
        self.heard.append(
            Heard(
                began=began,
                asked=f"{way} {address.path} by {address.carrier} over a {connection} connection",
                carrier=address.carrier,
                status=answer.status,
                head=head,
                body=body,
            )
        )
        if self._canary in body and address not in self.tags:
            # A page has neither, and is asked for without.
            self.tags[address] = answer.headers.get("ETag", "")
            self.dates[address] = answer.headers.get("Last-Modified", "")

    def _conditions(self, address: Address, way: str) -> dict[str, str]:
        match way:
            case "If-None-Match" if tag := self.tags.get(address):
                return {way: tag}
            case "If-Modified-Since" if date := self.dates.get(address):
                return {way: date}
            case "Range":
                return {way: "bytes=0-"}
            case _:
                return {}


def addresses_of(key: str, token: str, story: str) -> dict[str, tuple[Address, ...]]:
    """Give the addresses at which credentials open a story, by what carries them."""
    feeds = tuple(f"en/topics/sport.{form}" for form in FORMATS)
    own = (*(f"/subscriber/{feed}" for feed in feeds), f"/subscriber/en/stories/{story}")
    private = tuple(f"/f/{key}/{feed}" for feed in feeds)
    basic = {"Authorization": aiohttp.encode_basic_auth("reader", key)}
    bearer = {"Authorization": f"Bearer {token}"}
    cookie = {"Cookie": f"{KEY_COOKIE}={key}"}
    return {
        "path": tuple(Address(carrier="path", path=path) for path in private),
        "basic": tuple(Address(carrier="basic", path=path, headers=basic) for path in own),
        "token": tuple(Address(carrier="token", path=path, headers=bearer) for path in own),
        "cookie": (Address(carrier="cookie", path=own[-1], headers=cookie),),
    }
