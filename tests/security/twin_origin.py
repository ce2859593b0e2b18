"""The installation that both worlds are copies of, and everybody who asks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.security.raw import basic
from tests.support.agency import DAY, HOUR, START, Agency, Clock, running, settings_in
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.terms import Terms
from wirefeed.web.request import KEY_COOKIE

_UNKNOWN = make_secret(SecretKind.FEED, bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: with headers, at a private address, or as anybody."""

    name: str
    headers: tuple[str, ...] = ()
    key: str = _UNKNOWN
    #: What stands before the addresses of its own feeds.
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The installation that both worlds are copies of."""

    folder: Path
    #: By the name of what they may see.
    callers: Mapping[str, Sequence[Caller]]
    #: Has everything, and asks before others.
    visitor: Caller


async def found(folder: Path) -> Origin:
    """Set up an installation with everybody who will ask."""
    async with running(settings_in(folder), Clock(START - DAY)) as agency:
        made = {
            "public": await _public(agency),
            "sport": await _every_way(agency, "sporting", "sport"),
            "late": (await _every_way(agency, "later", "late"))[:2],
            "economy": await _every_way(agency, "thrifty", "economy"),
            "everything": (await _every_way(agency, "whole", "everything"))[:2],
        }
        for source in ("newsroom", "rival"):
            await agency.services.tokens.issue(Terms(source=source, days=30))
        made["sport"] += await _by_other_keys(agency, "sporting")
        await agency.subscriber("narrow", "sport", "economy")
        narrowed = await agency.token("narrow", entitlements=frozenset({"economy"}))
        made["economy"].append(_by_token("narrowed token", narrowed))
        visitor = (await _every_way(agency, "visitor", "everything"))[1]
    return Origin(folder=folder, callers=made, visitor=visitor)


async def _every_way(agency: Agency, name: str, plan: str) -> list[Caller]:
    """Give a subscriber in each way in which it may come."""
    await agency.subscriber(name, plan)
    address = await agency.feed_key(name)
    key = address.removeprefix("/f/")
    return [
        Caller(name=f"{name} key", key=key, family=address),
        _by_token(f"{name} token", await agency.token(name)),
        Caller(name=f"{name} Basic", headers=(basic(f"x:{key}"),), family="/subscriber"),
        Caller(name=f"{name} cookie", headers=(f"Cookie: {KEY_COOKIE}={key}",)),
    ]


async def _by_other_keys(agency: Agency, name: str) -> list[Caller]:
    """Give a key that is restricted to some feeds, and one whose reader chose topics."""
    keys = agency.services.feed_keys
    restricted = await keys.issue(name, feeds=["en/sport", "tr/latest"])
    choosing = await keys.issue(name)
    await keys.select(choosing.row.id, frozenset({"sport", "markets"}))
    return [
        Caller(name=f"{name} {kind} key", key=issued.secret, family=f"/f/{issued.secret}")
        for kind, issued in (("restricted", restricted), ("choosing", choosing))
    ]


def _by_token(name: str, header: Mapping[str, str]) -> Caller:
    written = f"Authorization: {header['Authorization']}"
    return Caller(name=name, headers=(written,), family="/subscriber")


async def _public(agency: Agency) -> list[Caller]:
    """Give nobody, and those who once had more, or come with what gives them nothing."""
    ended = await agency.subscriber("ended", "everything", ends=START - HOUR)
    lapsed = await agency.feed_key(ended)
    elsewhere = await agency.subscriber("elsewhere", "sport")
    narrowed = await agency.token(elsewhere, entitlements=frozenset({"economy"}))
    withdrawn = await agency.subscriber("withdrawn", "everything")
    revoked = await agency.feed_key(withdrawn)
    await take_back_keys(agency, withdrawn)
    suspended = await agency.subscriber("suspended", "everything")
    barred = await agency.feed_key(suspended)
    await agency.services.accounts.suspend(suspended)
    return [
        Caller(name="anonymous"),
        Caller(name="lapsed key", key=lapsed.removeprefix("/f/"), family=lapsed),
        Caller(name="revoked key", key=revoked.removeprefix("/f/"), family=revoked),
        Caller(name="suspended key", key=barred.removeprefix("/f/"), family=barred),
        _by_token("token narrowed to nothing", narrowed),
    ]


async def take_back_keys(agency: Agency, subscriber: str) -> None:
    for key in await agency.services.feed_keys.all(subscriber):
        await agency.services.feed_keys.revoke(key.id)
