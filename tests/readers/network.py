"""The network between feed readers and servers: real HTTP, to whoever stands behind a name."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from tests.readers.exchange import REFUSED, Answer, Request

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS = 5

#: Puts another answer in place of one.
Meddler = Callable[[Request, Answer], Answer]


class Network:
    """Knows where the hosts are."""

    def __init__(self, session: aiohttp.ClientSession, hosts: dict[str, str]) -> None:
        self._session = session
        #: By origin, the address that really answers.
        self.hosts = hosts
        self.meddler: Meddler | None = None

    async def fetch(self, request: Request) -> tuple[Answer, ...]:
        """Ask, and follow redirects as feed readers do; gives every answer on the way."""
        chain: list[Answer] = []
        while len(chain) < _MOST_HOPS:
            answer = await self._ask(request)
            if self.meddler is not None:
                answer = self.meddler(request, answer)
            chain.append(answer)
            if answer.status not in _REDIRECTS:
                break
            target = urljoin(request.url, answer.header("location"))
            request = Request(url=target, headers=request.headers)
        return tuple(chain)

    async def _ask(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        real = self.hosts[f"{parts.scheme}://{parts.netloc}"]
        address = URL(real + request.url.partition(parts.netloc)[2], encoded=True)
        headers = {**request.headers, "Host": parts.netloc}
        try:
            async with self._session.get(address, headers=headers, allow_redirects=False) as answer:
                return Answer(
                    url=request.url,
                    status=answer.status,
                    headers={name.lower(): value for name, value in answer.headers.items()},
                    body=await answer.read(),
                )
        except aiohttp.ClientConnectorError:
            return Answer(url=request.url, status=REFUSED)

    @contextmanager
    def refusing(self, origin: str) -> Iterator[None]:
        """Let nobody listen where a host was."""
        real = self.hosts[origin]
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            self.hosts[origin] = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            try:
                yield
            finally:
                self.hosts[origin] = real


@asynccontextmanager
async def network(hosts: dict[str, str]) -> AsyncIterator[Network]:
    # A reader that keeps no connection does not notice that a server was away.
    connector = aiohttp.TCPConnector(limit=4)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Network(session, hosts)
