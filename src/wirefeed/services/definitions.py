"""The files in which an agency defines its topics and the plans it starts with."""

from importlib.resources import files
from pathlib import Path

from wirefeed.config import Taxonomy as TaxonomySettings
from wirefeed.domain.access import ALL, PUBLIC, Grant
from wirefeed.domain.errors import Invalid, Unacceptable
from wirefeed.domain.plans import Plan
from wirefeed.domain.topics import Taxonomy
from wirefeed.formats.definitions import (
    check_plan,
    parse_media_topics,
    parse_plans,
    parse_topics,
)

#: What an empty database starts with when no plans are defined: summaries for everybody.
_SUMMARIES = Plan(
    name=PUBLIC,
    grants=(Grant(plan=PUBLIC, topics=frozenset({ALL})),),
    labels={"en": "Public"},
)


def read_topics(settings: TaxonomySettings) -> Taxonomy:
    """Read the topic tree. Raises `Invalid` or `Unacceptable`, naming the file."""
    table = files("wirefeed").joinpath("vocabulary", "mediatopics.tsv").read_text("utf-8")
    path = Path(settings.topics)
    try:
        return parse_topics(_read(path, "taxonomy.topics"), parse_media_topics(table))
    except Invalid as error:
        raise Unacceptable(str(error), field=str(path)) from error


def read_plans(settings: TaxonomySettings, taxonomy: Taxonomy) -> tuple[Plan, ...]:
    """Read the plans to start with; `public` is always among them."""
    path = Path(settings.plans)
    try:
        plans = parse_plans(_read(path, "taxonomy.plans"))
        for plan in plans:
            check_plan(plan, taxonomy)
    except Invalid as error:
        raise Unacceptable(str(error), field=str(path)) from error
    if any(plan.name == PUBLIC for plan in plans):
        return plans
    return (_SUMMARIES, *plans)


def _read(path: Path, setting: str) -> str:
    """Read a definition; without the file of the default settings there is none."""
    defaults = {
        "taxonomy.topics": TaxonomySettings().topics,
        "taxonomy.plans": TaxonomySettings().plans,
    }
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        if str(path) == defaults[setting]:
            return ""
        raise Unacceptable(f"there is no file {path}", field=setting) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Unacceptable(f"{path} cannot be read: {error}", field=setting) from error
