"""The agency of the busiest ten minutes: many languages, fifty plans, thousands of partners."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import subscribers, wire_copy
from tests.bench.datasets import publish, signed
from wirefeed.composition import Services, open_services, utc_now
from wirefeed.config import Settings, load
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.plans import Plan
from wirefeed.domain.roles import Role
from wirefeed.domain.terms import Terms

LANGUAGES = ("en", "tr", "ar", "fr", "ru", "fa", "ku", "sq", "mk", "bs", "es", "id", "de")
#: Stories that there are when it begins.
_BEFORE = 500
_DAYS = 2
_SETTINGS = """
[site]
name = "Bench"
languages = [{languages}]
[database]
url = "sqlite:///{folder}/agency.db"
[taxonomy]
topics = "{folder}/topics.toml"
plans = "{folder}/plans.toml"
[keys]
master = "{folder}/master.key"
[guessing]
per_minute = 0
per_hour = 0
[outbound]
private_networks = true
[log]
level = "error"
"""
_TOPIC = """
[[topics]]
slug = "{0}"
names = {{ en = "{0}" }}
keywords = ["{0}"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What a plan is for."""

    topics: frozenset[str]
    languages: tuple[str, ...]

    def covers(self, language: str, topic: str) -> bool:
        return language in self.languages and topic in self.topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A subscriber with its token."""

    number: int
    token: str
    jti: str
    right: Right

    @property
    def name(self) -> str:
        return subscribers.subscriber(self.number)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def language(self) -> str:
        """The one it polls."""
        return self.right.languages[self.number // subscribers.PLANS % len(self.right.languages)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """All of it, in a folder."""

    folder: Path
    newsroom: str
    admin: str
    partners: Sequence[Partner]

    @property
    def settings(self) -> Settings:
        return settings_in(self.folder)


def settings_in(folder: Path) -> Settings:
    return load(folder / "wirefeed.toml", {"PATH": ""})


def right(plan: int) -> Right:
    """Say what a plan is for: the first is for everything."""
    if not plan:
        return Right(topics=frozenset(wire_copy.TOPICS), languages=LANGUAGES)
    draw = random.Random(plan)  # noqa: S311 - a data set, not a secret
    return Right(
        topics=frozenset(draw.sample(wire_copy.TOPICS, draw.randint(5, 20))),
        languages=tuple(draw.sample(LANGUAGES, draw.randint(1, 4))),
    )


async def make(folder: Path, partners: int) -> Agency:
    """Set it up: some stories, the plans, and so many partners."""
    languages = ", ".join(f'"{language}"' for language in LANGUAGES)
    described = _SETTINGS.format(folder=folder, languages=languages)
    (folder / "wirefeed.toml").write_text(described, "utf-8")
    topics = "".join(_TOPIC.format(topic) for topic in wire_copy.TOPICS)
    (folder / "topics.toml").write_text(topics, "utf-8")
    (folder / "plans.toml").write_text("", "utf-8")
    async with open_services(settings_in(folder)) as services:
        for number in range(subscribers.PLANS):
            await services.plans.put(_plan(number))
        await services.administrators.add("owner", Role.OWNER)
        newsroom = await _issue(services, Terms(source="newsroom", days=_DAYS))
        admin = await _issue(services, Terms(admin="owner", days=_DAYS))
        kid = await services.signing_keys.signing()
        await publish(services, wire_copy.stories(_BEFORE, seed=4, name="before"))
    now = utc_now()
    subscribers.fill(folder / "agency.db", partners, kid=kid, now=now)
    async with open_services(settings_in(folder)) as services:
        tokens = await signed(services, range(partners), kid, now)
    return Agency(
        folder=folder,
        newsroom=newsroom,
        admin=admin,
        partners=[
            Partner(
                number=number,
                token=token,
                jti=subscribers.jti(number),
                right=right(number % subscribers.PLANS),
            )
            for number, token in enumerate(tokens)
        ],
    )


def _plan(number: int) -> Plan:
    has, name = right(number), f"p{number}"
    grant = Grant(
        plan=name,
        topics=has.topics if number else frozenset({ALL}),
        languages=frozenset(has.languages),
        level=Level.FULL,
    )
    return Plan(name=name, grants=(grant,))


async def _issue(services: Services, terms: Terms) -> str:
    return (await services.tokens.issue(terms)).secret
