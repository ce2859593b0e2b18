"""Several servers on one agency, each at a port of its own, and all who come to them."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.house import House, serving
from tests.support.process import Wirefeed, free_ports
from wirefeed.composition import Services, open_services, utc_now
from wirefeed.domain.plans import Subscriber, Subscription
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms

#: Clients that go on asking with what was revoked would else be told to wait.
_UNLIMITED = {"WIREFEED_GUESSING__PER_MINUTE": "0", "WIREFEED_GUESSING__PER_HOUR": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of them."""

    house: House
    process: Wirefeed
    http: aiohttp.ClientSession

    async def post(self, path: str, token: str, body: bytes = b"") -> int:
        """POST something, that must be taken; give the status."""
        headers = {"Authorization": f"Bearer {token}"}
        if body:
            headers["Content-Type"] = "application/json"
        url = self.house.url + path
        async with self.http.post(url, data=body or None, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return answer.status

    async def get(self, path: str, **headers: str) -> tuple[str, bytes]:
        """GET what must be there; give its tag and its bytes."""
        url = self.house.url + path
        asked = {"Accept-Encoding": "identity", **headers}
        async with self.http.get(url, headers=asked) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers.get("ETag", ""), await answer.read()

    async def counted(self, name: str, **labels: str) -> float:
        """Read a number from its metrics; 0 for what was never counted."""
        async with self.http.get(f"{self.house.ops_url}/metrics") as answer:
            told = await answer.text()
        label = ",".join(f'{label}="{value}"' for label, value in labels.items())
        found = re.search(rf"^{name}{re.escape(f'{{{label}}}')} (\S+)$", told, re.MULTILINE)
        return float(found[1]) if found else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the people of an agency come with."""

    #: The path that a reader's private addresses begin with.
    private: str
    #: A partner's header.
    bearer: Mapping[str, str]
    newsroom: str
    #: An administrator's token.
    owner: str


@asynccontextmanager
async def servers(house: House, count: int, **environ: str) -> AsyncIterator[Sequence[Server]]:
    """Run servers on one agency, for as long as this lasts."""
    houses = [house, *(beside(house) for _ in range(count - 1))]
    async with aiohttp.ClientSession() as http:
        with ExitStack() as stack:
            yield [
                Server(
                    house=one,
                    process=await asyncio.to_thread(
                        stack.enter_context, serving(one, **_UNLIMITED, **environ)
                    ),
                    http=http,
                )
                for one in houses
            ]


def without_a_core(running: Sequence[Server]) -> float:
    """Give the milliseconds for which a server so far was ready to run and had no core, the mean.

    What it answers late then is the machine's doing. 0 where the kernel does not say
    (https://docs.kernel.org/scheduler/sched-stats.html, `/proc/<pid>/schedstat`).
    """
    files = [Path(f"/proc/{server.process.process.pid}/schedstat") for server in running]
    waited = [int(file.read_text("ascii").split()[1]) for file in files if file.exists()]
    return sum(waited) / 1e6 / len(files)


def stand_back(server: Server) -> None:
    """Let a server that is not measured have a core only while those that are want none."""
    threads = Path(f"/proc/{server.process.process.pid}/task")
    for thread in threads.iterdir() if threads.exists() else ():
        # https://man7.org/linux/man-pages/man2/setpriority.2.html: of threads, each has its own.
        os.setpriority(os.PRIO_PROCESS, int(thread.name), 19)


def beside(house: House) -> House:
    """Give the same agency with other ports, for one more server."""
    port = free_ports(2)
    return replace(house, port=port, environ={**house.environ, "WIREFEED_SERVER__PORT": str(port)})


async def credentials(house: House) -> Credentials:
    """Issue one of each: a subscriber's are good for everything."""
    async with open_services(house.settings()) as services:
        await add_subscriber(services, "daily")
        await services.administrators.add("eva", Role.OWNER)
        key = (await services.feed_keys.issue("daily")).secret
        return Credentials(
            private=f"/f/{key}",
            bearer={"Authorization": f"Bearer {await _token(services, subscriber='daily')}"},
            newsroom=await _token(services, source="newsroom"),
            owner=await _token(services, admin="eva"),
        )


async def add_subscriber(services: Services, name: str) -> None:
    held = (Subscription(plan="everything", starts=utc_now()),)
    await services.accounts.add_subscriber(Subscriber(id=name, subscriptions=held))


async def _token(services: Services, **owner: Any) -> str:
    return (await services.tokens.issue(Terms(days=1, **owner))).secret
