"""What a look at an installation found, and what it means. Pure: looking is done elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands with something."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How it stands with one thing, in a line, and what would put it right."""

    name: str
    state: State
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What is in a database's file."""

    #: What SQLite says is damaged.
    damage: tuple[str, ...]
    #: The revisions of its schema.
    schema: tuple[str, ...]
    #: Rows that name something which is not there.
    dangling: int = 0
    #: Rows that are not as our own rules have them, by which rule.
    wrong: Mapping[str, int]
    #: The newest position of the wire.
    position: int = 0


_RESTORE = "restore the last backup that `wirefeed db check` finds whole"


def judge(found: Examined, schema: str) -> list[Finding]:
    """Say what the content of a database means for a release with this schema."""
    if found.damage:
        said = f"damaged: {found.damage[0]}"
        return [Finding(name="integrity", state=State.FAIL, said=said, remedy=_RESTORE)]
    return [
        Finding(name="integrity", state=State.OK, said="every page and index is whole"),
        judge_schema(found.schema, schema),
        _counted("references", found.dangling, "name something that is not there"),
        *(_counted(name, rows, "are not as they must be") for name, rows in found.wrong.items()),
    ]


def judge_schema(found: tuple[str, ...], schema: str) -> Finding:
    """Say whether a database has the schema of this release; revisions are numbered."""
    if found == (schema,):
        return Finding(name="schema", state=State.OK, said=f"revision {schema}")
    if not found:
        said, remedy = "not a database of wirefeed", "see database.url"
    elif max(found) < schema:
        said, remedy = f"revision {max(found)}, of an older release", "run `wirefeed db upgrade`"
    else:
        said, remedy = f"revision {max(found)}, of a newer release", "install that release"
    return Finding(name="schema", state=State.FAIL, said=said, remedy=remedy)


def failed(findings: Iterable[Finding]) -> bool:
    """Say whether anything must be put right."""
    return any(finding.state is State.FAIL for finding in findings)


def _counted(name: str, rows: int, wrong: str) -> Finding:
    if not rows:
        return Finding(name=name, state=State.OK, said="as they must be")
    return Finding(name=name, state=State.FAIL, said=f"{rows} rows {wrong}", remedy=_RESTORE)
