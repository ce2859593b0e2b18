"""How long one callback is called: over all that is taken back meanwhile, no longer than one."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from aiohttp import web

from tests.support.agency import DAY, PUBLIC_URL, Agency
from tests.support.callbacks import Subscriber
from tests.support.hub import held, subscribe, until
from wirefeed.domain.leases import Lease, Method
from wirefeed.outbound.calls import WHOLE, Calls, Reason, Reply, Right
from wirefeed.outbound.guard import Guard
from wirefeed.services.leases import Leases

TOPIC = f"{PUBLIC_URL}/en/latest.json"


class Takes(Calls):
    """Callbacks that take so many seconds each time, until what they are sent is taken back."""

    def __init__(self, seconds: float, reasons: Sequence[Reason | None]) -> None:
        super().__init__(Guard(private_networks=True), user_agent="test")
        self._takes = seconds
        self._reasons = reasons
        #: How long each try may take.
        self.tries: list[float] = []

    async def post(
        self,
        url: str,  # noqa: ARG002 - so it is called
        body: bytes,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
        right: Right | None = None,  # noqa: ARG002
        *,
        seconds: float = WHOLE,
        urgent: bool = False,  # noqa: ARG002
    ) -> Reply:
        reason = self._reasons[min(len(self.tries), len(self._reasons) - 1)]
        self.tries.append(seconds)
        took = min(self._takes, seconds)
        return Reply(reason=Reason.TIMEOUT if self._takes > seconds else reason, took=took)


def leases_that(calls: Takes, agency: Agency, clock: Callable[[], int] | None = None) -> Leases:
    services = agency.services
    return Leases(
        services.database,
        services.follower,
        services.callbacks.topics,
        calls,
        services.ledger,
        hub_url=f"{PUBLIC_URL}/hub",
        method=Method.SHA256,
        clock=clock or agency.clock,
    )


async def refuse(_: web.Request) -> web.Response:
    return web.Response(status=503)


@pytest.fixture
async def lease(agency: Agency, callback: Subscriber) -> Lease:
    """A lease that has something to be told, and is let be by this process for a minute."""
    await subscribe(agency, callback, TOPIC)
    callback.on_delivery = refuse
    await agency.publish("urn:one")
    await until(agency, lambda held: held[0].standing.failures == 1)
    (lease,) = await held(agency)
    return lease


@pytest.mark.parametrize("taken_back", [Reason.CUT, Reason.OVERTAKEN])
async def test_one_for_whom_everything_is_taken_back_has_failed_when_its_time_is_over(
    agency: Agency, lease: Lease, taken_back: Reason
):
    calls = Takes(WHOLE / 4, [taken_back])
    told = await leases_that(calls, agency).deliver(lease.id, urgent=False)

    assert (told.reason, told.position, told.ends) == (taken_back, 0, False)
    assert told.lease is not None
    assert told.lease.tag == lease.tag
    # No try outlasts what those before it have left.
    assert calls.tries == [WHOLE, WHOLE * 3 / 4, WHOLE / 2, WHOLE / 4]


async def test_one_that_takes_nothing_at_all_runs_out_of_it_in_the_middle(
    agency: Agency, lease: Lease
):
    calls = Takes(WHOLE * 2 / 3, [Reason.CUT])
    told = await leases_that(calls, agency).deliver(lease.id, urgent=False)
    assert told.reason == Reason.TIMEOUT
    assert calls.tries == [WHOLE, pytest.approx(WHOLE / 3)]


async def test_one_that_was_cut_off_is_told_anew_at_once(agency: Agency, lease: Lease):
    calls = Takes(1.0, [Reason.CUT, Reason.OVERTAKEN, None])
    told = await leases_that(calls, agency).deliver(lease.id, urgent=False)
    assert (told.reason, len(calls.tries)) == ("", 3)
    assert told.lease is not None
    assert told.lease.tag != lease.tag


async def test_a_lease_that_ends_while_its_feed_is_rendered_is_told_nothing(
    agency: Agency, lease: Lease
):
    times = [lease.expires - 1]

    def clock() -> int:
        return times.pop() if times else lease.expires + 7 * DAY

    calls = Takes(1.0, [Reason.OVERTAKEN])
    told = await leases_that(calls, agency, clock).deliver(lease.id, urgent=False)
    assert (told.sent, told.reason, told.ends) == (False, "", False)
