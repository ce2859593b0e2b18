"""The files that define an installation: topics, plans, and the IPTC hierarchy. Pure."""

import re
import tomllib
from typing import TypeVar

import msgspec

from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.domain.plans import Plan
from wirefeed.domain.topics import MediaTopics, Taxonomy, Topic

_DURATION = re.compile(r"([0-9]{1,6})([smhd]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SECOND = 1_000_000
_File = TypeVar("_File", bound=msgspec.Struct)


class _Topic(msgspec.Struct, forbid_unknown_fields=True):
    slug: str
    names: dict[str, str] = {}
    broader: str | None = None
    media_topics: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    listed: bool = True


class _Topics(msgspec.Struct, forbid_unknown_fields=True):
    topics: list[_Topic] = []


class _Grant(msgspec.Struct, forbid_unknown_fields=True, rename={"excepted": "except"}):
    topics: frozenset[str]
    languages: frozenset[str] = frozenset({ALL})
    excepted: frozenset[str] = frozenset()
    level: Level = Level.SUMMARY
    delay: str = "0"
    media: bool = False
    early: bool = False
    notes: bool = False
    archive_days: int | None = None


class _Plan(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    grants: list[_Grant]
    labels: dict[str, str] = {}
    prices: dict[str, str] = {}
    subscribe_urls: dict[str, str] = {}
    trial_days: int | None = None


class _Plans(msgspec.Struct, forbid_unknown_fields=True):
    plans: list[_Plan] = []


def parse_media_topics(table: str) -> MediaTopics:
    """Read the vocabulary: a line a concept, its broader one and its old Subject Code."""
    broader: dict[str, str] = {}
    subject_codes: dict[str, str] = {}
    for line in table.splitlines():
        if line.startswith("#") or not line:
            continue
        code, parent, subject = line.split("\t")
        broader[f"medtop:{code}"] = f"medtop:{parent}" if parent else ""
        if subject:
            subject_codes.setdefault(subject, f"medtop:{code}")
    return MediaTopics(broader=broader, subject_codes=subject_codes)


def parse_topics(text: str, media_topics: MediaTopics) -> Taxonomy:
    """Read a `topics.toml`. Raises `Invalid` or `Unacceptable`, naming the topic."""
    file = _convert(text, _Topics)
    return Taxonomy((Topic(**msgspec.structs.asdict(topic)) for topic in file.topics), media_topics)


def parse_plans(text: str) -> tuple[Plan, ...]:
    """Read a `plans.toml`. Raises `Invalid` or `Unacceptable`, naming the plan."""
    return tuple(
        Plan(
            name=plan.name,
            labels=plan.labels,
            prices=plan.prices,
            subscribe_urls=plan.subscribe_urls,
            trial_days=plan.trial_days,
            grants=tuple(_grant(plan.name, grant) for grant in plan.grants),
        )
        for plan in _convert(text, _Plans).plans
    )


def parse_duration(text: str) -> int:
    """Read `90`, `90s`, `30m`, `2h` or `1d` as microseconds."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise Unacceptable(f"{text!r} is no time span", field="delay", remedy="write 30m or 2h")
    return int(match[1]) * _UNITS[match[2]] * _SECOND


def check_plan(plan: Plan, taxonomy: Taxonomy) -> None:
    """Refuse a plan that names a topic which does not exist: it would grant or except nothing."""
    for grant in plan.grants:
        for slug in sorted((grant.topics | grant.excepted) - {ALL}):
            if slug not in taxonomy:
                raise Unacceptable(
                    f"there is no topic {slug!r}",
                    field=f"plans.{plan.name}",
                    remedy="see `wirefeed topics list`",
                )


def _grant(plan: str, grant: _Grant) -> Grant:
    return Grant(
        plan=plan,
        topics=grant.topics,
        languages=grant.languages,
        excepted=grant.excepted,
        level=grant.level,
        delay=parse_duration(grant.delay),
        media=grant.media,
        early=grant.early,
        notes=grant.notes,
        archive_days=grant.archive_days,
    )


def _convert(text: str, kind: type[_File]) -> _File:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"cannot be read as TOML: {error}") from error
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        raise Unacceptable(message, field=where.rstrip("`")) from error
