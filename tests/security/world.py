"""An agency with planted stories in every state there is, and everybody who might ask for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.security.planting import FULL, KILL, MEDIA, NOTES, SUMMARY, Garden, Planted
from tests.security.raw import basic
from tests.support.agency import HOUR, SECOND, Agency, iso
from wirefeed.demo.agency import OTHER, PARTNER
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.credentials import SecretKind, make_secret
from wirefeed.domain.plans import Plan, Subscriber
from wirefeed.web.request import KEY_COOKIE

SPORT, ECONOMY = "medtop:15000000", "medtop:04000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: with a header, with a private address, or with nothing."""

    name: str
    headers: tuple[str, ...] = ()
    key: str = ""
    #: The words it may read where its credential counts.
    allowed: frozenset[str]
    #: What the wire tells it besides.
    heard: frozenset[str] = frozenset()
    #: Those among them that it must have found in the end.
    certain: frozenset[str] = frozenset()


@dataclass(slots=True)
class World:
    """An agency with planted stories, and everybody who might ask."""

    agency: Agency
    planted: dict[str, Planted]
    #: Story ids, guids among them that there are not.
    ids: list[str] = field(default_factory=list)
    public: frozenset[str] = frozenset()
    callers: list[Caller] = field(default_factory=list)
    #: A link that gives a private address to everything.
    link: str = ""
    #: Links to pictures of what only some may see.
    links: list[str] = field(default_factory=list)

    def words(self, shown: Mapping[str, Iterable[str]]) -> set[str]:
        return {w for name, fields in shown.items() for w in self.planted[name].words(fields)}

    def certain(self, shown: Mapping[str, Iterable[str]]) -> set[str]:
        return {w for name, fields in shown.items() for w in self.planted[name].certain(fields)}


async def plant(agency: Agency) -> dict[str, Planted]:
    """Publish one story of each kind, in each edition where that may matter."""
    garden, planted = Garden(), {}

    async def publish(name: str, story: Planted) -> Planted:
        answer = await agency.send({**story.story, "versioncreated": iso(agency.clock.now)})
        assert answer.status in {200, 201}, (name, await answer.text())
        agency.clock.advance(SECOND)
        planted[name] = story
        return story

    for edition in (1, 2, 3):
        await publish(f"shown {edition}", garden.plant(SPORT, edition))
        await publish(f"uncovered {edition}", garden.plant(ECONOMY, edition))
    await publish("without summary", garden.plant(SPORT, summary=False))
    later, soon = iso(agency.clock.now + 240 * HOUR), iso(agency.clock.now + HOUR)
    await publish("embargoed", garden.plant(SPORT, embargoed=later))
    await publish("expired", garden.plant(SPORT, expires=soon))
    await publish("withheld first", garden.plant(SPORT, pubstatus="withheld"))
    await publish("foreign", garden.plant(SPORT, language="de"))
    await publish("desk", garden.plant(SPORT, pubstatus="withheld", keywords=["desk"]))
    versions: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("killed", SPORT, {"pubstatus": "canceled"}),
        ("killed uncovered", ECONOMY, {"pubstatus": "canceled"}),
        ("withheld", SPORT, {"pubstatus": "withheld"}),
        ("updated", SPORT, {}),
        ("embargoed later", SPORT, {"embargoed": later}),
    )
    for name, topic, members in versions:
        before = await publish(f"{name} before", garden.plant(topic))
        await publish(name, garden.plant(topic, of=before, **members))
    before = await publish("moved before", garden.plant(SPORT))
    await publish("moved", garden.plant(ECONOMY, of=before))
    before = await publish("killed early before", garden.plant(SPORT, embargoed=later))
    await publish("killed early", garden.plant(SPORT, of=before, pubstatus="canceled"))
    before = await publish("superseded", garden.plant(SPORT))
    await publish("heir", garden.plant(SPORT, evolvedfrom=before.uri))
    before = await publish("superseded away", garden.plant(SPORT))
    await publish("heir away", garden.plant(ECONOMY, evolvedfrom=before.uri))
    # Until the day is over, so that it is in the archive.
    agency.clock.advance(14 * HOUR)
    await agency.services.publishing.announce_due()
    return planted


#: What is shown of what, to whom: the public first, and what each of the others has beside it.
PUBLIC: dict[str, frozenset[str]] = {
    "shown 1": SUMMARY,
    "shown 2": SUMMARY,
    "shown 3": SUMMARY,
    "without summary": SUMMARY,
    "updated": SUMMARY,
    "heir": SUMMARY - {"uri"},
    # A thread goes by its first story's identifier.
    "superseded": frozenset({"uri"}),
    "killed": KILL,
}
ECONOMY_TOO: dict[str, frozenset[str]] = {
    "uncovered 1": FULL,
    "uncovered 2": FULL,
    "uncovered 3": FULL,
    "moved": FULL,
    "heir away": FULL - {"uri"},
    "superseded away": frozenset({"uri"}),
    "killed uncovered": KILL,
}
SPORT_TOO = {name: FULL | MEDIA for name in PUBLIC if name not in {"killed", "superseded", "heir"}}
SPORT_TOO["heir"] = (FULL | MEDIA) - {"uri"}
EVERYTHING = {
    name: fields | (MEDIA | NOTES if "headline" in fields and fields != KILL else frozenset())
    for name, fields in (PUBLIC | ECONOMY_TOO | SPORT_TOO).items()
} | {
    "embargoed": FULL | MEDIA | NOTES,
    "embargoed later": FULL | MEDIA | NOTES,
    "killed early": KILL,
}


#: The wire names whatever was announced to a caller, also what has gone since, and each story of a
#: thread.
_NAMED = ("expired", "withheld", "heir")
HEARD: dict[str, dict[str, Iterable[str]]] = {
    "other": {
        **dict.fromkeys((*_NAMED, "embargoed later", "heir away"), ("uri",)),
    },
    "sporting": {
        **dict.fromkeys((*_NAMED, "embargoed later", "moved", "superseded away"), ("uri",)),
    },
    "whole": {**dict.fromkeys((*_NAMED, "heir away"), ("uri",))},
}

#: Of what those may have who had everything once, a kill is told by the name of the story alone.
LOST: dict[str, Iterable[str]] = dict.fromkeys(("killed uncovered", "killed early"), ("uri",))


async def bearer(agency: Agency, subscriber: str, **options: Any) -> str:
    return f"Authorization: {(await agency.token(subscriber, **options))['Authorization']}"


async def callers(world: World) -> list[Caller]:
    """Make everybody who might ask."""
    agency = world.agency
    for name, plan, ends in (
        ("other", "economy", None),
        ("sporting", "sport", None),
        ("whole", "everything", None),
        ("lapsed", "everything", agency.clock.now - HOUR),
        ("suspended", "everything", None),
        ("revoked", "everything", None),
    ):
        await agency.subscriber(name, plan, ends=ends)
    entitled = [
        caller
        for name, shown in (
            ("other", PUBLIC | ECONOMY_TOO),
            ("sporting", PUBLIC | SPORT_TOO),
            ("whole", EVERYTHING),
        )
        for caller in await entitled_callers(world, name, shown)
    ]
    narrowed = await bearer(agency, "whole", entitlements=frozenset({"economy"}))
    forged = f"{narrowed[:-20]}{'A' * 20}"
    unknown, cookie = make_secret(SecretKind.FEED, bytes(32)), f"Cookie: {KEY_COOKIE}={'x' * 44}"
    newsroom = f"Authorization: Bearer {agency.newsroom}"
    return [
        Caller(name="anonymous", allowed=world.public),
        # The plan it is narrowed to is not the subscriber's.
        Caller(name="narrowed token", headers=(narrowed,), allowed=frozenset()),
        Caller(name="newsroom's token", headers=(newsroom,), allowed=frozenset()),
        Caller(name="forged token", headers=(forged,), allowed=frozenset()),
        Caller(name="unknown key", headers=(cookie,), key=unknown, allowed=frozenset()),
        *await withdrawn_callers(world),
        *entitled,
    ]


async def entitled_callers(
    world: World, name: str, shown: Mapping[str, Iterable[str]]
) -> list[Caller]:
    """Give a subscriber in each way in which it may come."""
    key = (await world.agency.feed_key(name)).removeprefix("/f/")
    token = await bearer(world.agency, name)
    allowed = frozenset(world.words(shown)) | world.public
    certain = frozenset(world.certain(shown))
    password, cookie = basic(f"reader:{key}"), f"Cookie: {KEY_COOKIE}={key}"
    return [
        Caller(name=name, headers=(password,), key=key, allowed=allowed, certain=certain),
        Caller(
            name=f"{name} token",
            headers=(token,),
            allowed=allowed,
            heard=frozenset(world.words(HEARD[name])),
        ),
        Caller(name=f"{name} cookie", headers=(cookie,), allowed=allowed),
    ]


async def withdrawn_callers(world: World) -> list[Caller]:
    """Give those who had everything: a token shows them nothing, a key what the public sees.

    And of what was killed since, that it was.
    """
    agency, accounts = world.agency, world.agency.services.accounts
    found = []
    lost = frozenset(world.words(LOST))
    for name in ("lapsed", "suspended", "revoked"):
        key = (await agency.feed_key(name)).removeprefix("/f/")
        token = await bearer(agency, name)
        password = basic(f"reader:{key}")
        found += [
            Caller(
                name=name, headers=(password,), key=key, allowed=world.public | lost, certain=lost
            ),
            Caller(name=f"{name} token", headers=(token,), allowed=frozenset()),
        ]
    (row,) = await agency.services.feed_keys.all("revoked")
    await agency.services.feed_keys.revoke(row.id)
    (issued,) = await agency.services.tokens.all("revoked")
    await agency.services.tokens.revoke(issued.jti)
    await accounts.change_subscriber("suspended", suspend)
    return found


def suspend(subscriber: Subscriber) -> Subscriber:
    return replace(subscriber, suspended=True)


async def decoy(agency: Agency) -> None:
    """Give the demo's page a story that its callers see differently, without any of our words."""
    whole = Grant(plan="politics", topics=frozenset({"politics"}), level=Level.FULL, media=True)
    await agency.services.plans.put(Plan(name="politics", grants=(whole,)))
    await agency.subscriber(PARTNER, "politics")
    await agency.subscriber(OTHER, "economy")
    await agency.publish("urn:test:decoy", "politics")
