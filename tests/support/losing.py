"""How rights are lost: what an agency does to what somebody has."""

from dataclasses import replace

from tests.support.agency import SECOND, Agency
from wirefeed.domain.plans import Subscription


async def sell(agency: Agency, *plans: str, name: str = "gazette") -> None:
    """Let a subscriber have these plans from now on, as a shop states it: the whole."""
    accounts = agency.services.accounts
    held = await accounts.subscriber(name)
    was = {one.plan: one for one in held.subscriptions}
    now = agency.clock.now
    becomes = tuple(was.get(plan, Subscription(plan=plan, starts=now)) for plan in plans)
    await accounts.put_subscriber(replace(held, subscriptions=becomes))
    agency.clock.advance(SECOND)


async def end(agency: Agency, plan: str, name: str = "gazette") -> None:
    """Let a subscription end as one that is kept as history."""
    accounts = agency.services.accounts
    held = await accounts.subscriber(name)
    ended = tuple(
        replace(one, ends=agency.clock.now) if one.plan == plan else one
        for one in held.subscriptions
    )
    await accounts.put_subscriber(replace(held, subscriptions=ended))
    agency.clock.advance(SECOND)


async def narrow(agency: Agency, plan: str) -> None:
    """Take the economy out of a plan."""
    held = (await agency.services.plans.all())[plan]
    (grant,) = held.grants
    changed = replace(held, grants=(replace(grant, excepted=frozenset({"economy"})),))
    await agency.services.plans.put(changed)
    agency.clock.advance(SECOND)


async def kill(agency: Agency, *guids: str) -> None:
    for guid in guids:
        await agency.services.newsdesk.kill(guid)
        agency.clock.advance(SECOND)
