"""One call to a callback, and what came of it: never an error, however bad the other side is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wirefeed.outbound.guard import Guard
from wirefeed.outbound.pace import Pace

if TYPE_CHECKING:
    from wirefeed.outbound.client import Client


class Reason(StrEnum):
    """Why a call failed, in words for operators."""

    #: The name leads nowhere, or not soon.
    NAME = "name"
    #: The address is not to be called.
    ADDRESS = "address"
    #: Nobody answers there.
    REFUSED = "refused"
    #: TLS could not be set up, or not with whom it should be.
    TLS = "tls"
    TIMEOUT = "timeout"
    #: The connection broke, or what came is no answer.
    BROKEN = "broken"
    #: An answer that is no 2xx; a redirect is none.
    STATUS = "status"
    #: A 410.
    GONE = "gone"
    #: It was no longer to be sent when the connection stood: nothing of it left.
    OVERTAKEN = "overtaken"
    #: It was no longer to be sent while it was: the rest of it was kept back.
    CUT = "cut"


#: Seconds that a call takes at the most, whatever the other side does.
WHOLE = 10.0

#: With these, nobody was there who could have been given anything, or nothing was given.
NEVER_LEFT = frozenset({Reason.NAME, Reason.ADDRESS, Reason.REFUSED, Reason.TLS, Reason.OVERTAKEN})


class Right(Protocol):
    """By what something is sent: it may end before that has left."""

    async def holds(self) -> bool:
        """Say whether it may be sent now. What this raises is raised by the call."""

    def watch(self, cut: Callable[[], None]) -> None:
        """Have it cut off, by this, when it may no longer be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a call."""

    #: 0 where there was no answer.
    status: int = 0
    #: As much of the body as was asked for.
    body: bytes = b""
    #: None for a 2xx.
    reason: Reason | None = None
    #: Seconds that the other side had for it.
    took: float = 0.0


class Calls:
    """Calls callbacks."""

    def __init__(self, guard: Guard, *, user_agent: str) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._client: Client | None = None
        self._pace = Pace()

    async def get(self, url: str, *, most: int) -> Reply:
        """Ask, and read so many bytes of the answer at the most."""
        async with self._pace.turn():
            return await self._opened().call("GET", url, most=most)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        right: Right | None = None,
        *,
        seconds: float = WHOLE,
        urgent: bool = False,
    ) -> Reply:
        """Send, and look at the status alone.

        A right is asked when the connection stands, in the moment before the body leaves. What
        is urgent does not wait until few enough others are being called.
        """
        async with self._pace.turn(urgent=urgent):
            return await self._opened().call(
                "POST", url, body=body, headers=headers, right=right, seconds=seconds
            )

    async def close(self) -> None:
        """Close whatever is open."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _opened(self) -> "Client":
        if self._client is None:
            # Slow to import, and most commands call nobody.
            from wirefeed.outbound.client import Client  # noqa: PLC0415

            self._client = Client(self._guard, user_agent=self._user_agent)
        return self._client
