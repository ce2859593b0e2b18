"""Stories as held, where they stand in feeds, and every version as it came. No rules here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.stories import Feed, Revision, Standing, Story
from wirefeed.domain.wire import ChangeKind
from wirefeed.storage import codec
from wirefeed.storage import placements as placed
from wirefeed.storage.tables import placements, revisions, stories, upsert

#: SQLite takes 32,766 variables, PostgreSQL 32,767.
_AT_ONCE = 1000

_REVISION = msgspec.json.Decoder(Revision)
_STANDINGS = msgspec.json.Decoder(frozenset[Standing])
_FEEDS = msgspec.json.Decoder(frozenset[Feed])

_s = stories.c
_older = revisions.alias()
_COLUMNS = (
    *(_s.revision, _s.version, _s.language, _s.topics, _s.stood, _s.feeds, _s.thread),
    *(_s.released, _s.published, _s.updated, _s.kind, _s.changed, _s.position),
    *(_s.superseded, _s.kill_headline, _s.kill_version),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A version as it came."""

    story: Story
    raw: bytes
    source: str
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A row of a story's history."""

    guid: str
    version: int
    received: int
    source: str
    raw: bytes


# --- by name -------------------------------------------------------------------------------------


async def find(conn: AsyncConnection, story_id: str) -> Story | None:
    row = (await conn.execute(select(*_COLUMNS).where(_s.id == story_id))).one_or_none()
    return None if row is None else _story(row)


async def held(conn: AsyncConnection, guids: Collection[str]) -> dict[str, Story]:
    """Give those that are held, by guid."""
    return await _where(conn, _s.guid, guids)


async def sources(conn: AsyncConnection, guids: Collection[str]) -> dict[str, str]:
    """Say who sent each of these stories last."""
    found: dict[str, str] = {}
    names = sorted(guids)
    for start in range(0, len(names), _AT_ONCE):
        few = names[start : start + _AT_ONCE]
        rows = await conn.execute(select(_s.guid, _s.source).where(_s.guid.in_(few)))
        found |= {row.guid: row.source or "" for row in rows}
    return found


async def by_thread(conn: AsyncConnection, threads: Collection[str]) -> dict[str, Story]:
    """Give the stories of these threads, by guid."""
    return await _where(conn, _s.thread, threads)


async def shared_threads(conn: AsyncConnection, threads: Collection[str]) -> dict[str, Story]:
    """Give the stories of those of these threads that have several, by guid."""
    names = sorted(threads)
    shared: set[str] = set()
    for at in range(0, len(names), _AT_ONCE):
        few = names[at : at + _AT_ONCE]
        query = select(_s.thread).where(_s.thread.in_(few)).group_by(_s.thread)
        shared |= set((await conn.execute(query.having(func.count() > 1))).scalars())
    return await by_thread(conn, shared) if shared else {}


async def namers(conn: AsyncConnection, threads: Collection[str]) -> list[Story]:
    """Give the stories from which these threads have their GUIDs, as far as they are held."""
    names, found = sorted(threads), list[Story]()
    for at in range(0, len(names), _AT_ONCE):
        few = _s.thread.in_(names[at : at + _AT_ONCE])
        gives = or_(_s.guid == _s.thread, _s.feed_guid == _s.thread)
        rows = await conn.execute(select(*_COLUMNS).where(few, gives))
        found += map(_story, rows)
    return found


_member = stories.alias()
_AROUND = select(_s.guid, _s.feeds).where(
    _s.thread.in_(
        select(_member.c.thread).where(_member.c.guid.in_(bindparam("guids", expanding=True)))
    )
)
_AROUND = _AROUND.limit(_AT_ONCE)


async def feeds_around(conn: AsyncConnection, guids: Collection[str]) -> frozenset[Feed] | None:
    """Give the feeds in which these stories and the others of their threads ever stood.

    None: too many to say, or not all of them are held.
    """
    rows = (await conn.execute(_AROUND, {"guids": list(guids)})).all()
    if len(rows) == _AT_ONCE or not {row.guid for row in rows}.issuperset(guids):
        return None
    return frozenset[Feed]().union(*map(_FEEDS.decode, {row.feeds for row in rows}))


_RELATED = select(*_COLUMNS).where(
    or_(
        _s.guid.in_(bindparam("guids", expanding=True)),
        _s.evolved_from.in_(bindparam("guids", expanding=True)),
        _s.thread.in_(bindparam("threads", expanding=True)),
    )
)


async def related(
    conn: AsyncConnection, guids: Collection[str], threads: Collection[str]
) -> dict[str, Story]:
    """Give these stories, those written from any of them and those of these threads, by guid."""
    names, roots = sorted(guids), sorted(threads)
    found: dict[str, Story] = {}
    for at in range(0, max(len(names), len(roots)), _AT_ONCE):
        upto = at + _AT_ONCE
        values = {"guids": names[at:upto], "threads": roots[at:upto]}
        found |= {story.guid: story for story in map(_story, await conn.execute(_RELATED, values))}
    return found


async def count(conn: AsyncConnection) -> int:
    return (await conn.execute(select(func.count()).select_from(stories))).scalar_one()


async def listing(
    conn: AsyncConnection, *, before: int | None = None, limit: int, topic: str | None = None
) -> list[Story]:
    """Give stories by their last change, the newest first, below a position."""
    query = select(*_COLUMNS)
    if before is not None:
        query = query.where(_s.position < before)
    if topic is not None:
        stands = select(placements.c.guid).where(
            placements.c.guid == _s.guid, placements.c.topic == topic
        )
        query = query.where(stands.exists())
    rows = await conn.execute(query.order_by(_s.position.desc()).limit(limit))
    return [_story(row) for row in rows]


async def changed_since(
    conn: AsyncConnection, at: int, before: int | None, limit: int
) -> list[Story]:
    """Give stories that changed after a time, the newest first, below a position."""
    found = await listing(conn, before=before, limit=limit)
    return [story for story in found if story.changed > at]


async def history(conn: AsyncConnection, guid: str) -> list[Received]:
    """Give every version as it came, the oldest first."""
    rows = await conn.execute(
        select(revisions).where(revisions.c.guid == guid).order_by(revisions.c.version)
    )
    return [
        Received(
            guid=row.guid,
            version=row.version,
            received=row.received,
            source=row.source,
            raw=codec.unsqueeze(row.raw),
        )
        for row in rows
    ]


_BEFORE = (
    select(func.max(_older.c.version))
    .where(_older.c.guid == _s.guid, _older.c.version < _s.version)
    .correlate(stories)
    .scalar_subquery()
)
_LAST_BUT_ONE = select(revisions.c.guid, revisions.c.raw).select_from(
    stories.join(revisions, and_(_s.guid == revisions.c.guid, revisions.c.version == _BEFORE))
)


async def previous(conn: AsyncConnection, guids: Collection[str]) -> dict[str, bytes]:
    """Give the version before the newest of each of these stories, as it came."""
    found: dict[str, bytes] = {}
    names = sorted(guids)
    for at in range(0, len(names), _AT_ONCE):
        query = _LAST_BUT_ONE.where(_s.guid.in_(names[at : at + _AT_ONCE]))
        found |= {row.guid: codec.unsqueeze(row.raw) for row in await conn.execute(query)}
    return found


# --- by feed -------------------------------------------------------------------------------------

_NEWEST_OF_ONE = placed.of_one_feed(*_COLUMNS).join(stories, _s.guid == placements.c.guid)


async def newest(
    conn: AsyncConnection, feeds: Collection[Feed], before: int | None, limit: int
) -> list[Story]:
    """Give the stories of these feeds below a position, the last changed first, each once."""
    if len(feeds) == 1:
        (feed,) = feeds
        rows = await conn.execute(_NEWEST_OF_ONE, placed.within(feed, before, limit))
        return [_story(row) for row in rows]
    return await _in_order(conn, await placed.newest(conn, feeds, before, limit))


async def following(
    conn: AsyncConnection, feeds: Collection[Feed], start: int, limit: int
) -> list[Story]:
    """Give the stories of these feeds from a position on, the first changed first, each once."""
    found = await _in_order(conn, await placed.following(conn, feeds, start, limit))
    return found[::-1]


async def kills(
    conn: AsyncConnection, feeds: Collection[Feed], since_changed: int, limit: int
) -> list[Story]:
    """Give the stories of these feeds killed since a time, the last changed first, each once."""
    return await _in_order(conn, await placed.kills(conn, feeds, since_changed, limit))


async def _in_order(conn: AsyncConnection, guids: Collection[str]) -> list[Story]:
    found = await held(conn, guids)
    return sorted(found.values(), key=lambda story: story.position, reverse=True)


# --- in ------------------------------------------------------------------------------------------


async def save(
    conn: AsyncConnection,
    changed: Sequence[Story],
    *,
    source: str | None = None,
    sanitiser: int | None = None,
) -> None:
    """Hold these stories as they are now, and place them in their feeds.

    Without `source` and `sanitiser`, those of the version held stay.
    """
    latest = {story.guid: story for story in changed}
    if not latest:
        return
    kept = {"source": source, "sanitiser": sanitiser}
    await conn.execute(_SAVE, [_row(story) | kept for story in latest.values()])
    await placed.place(conn, latest.values())


def _saving() -> Insert:
    query = upsert(stories)
    new = query.excluded
    changes: dict[str, ColumnElement[Any]] = {
        column.name: new[column.name] for column in _s if column.name not in {"guid", "id"}
    }
    changes |= {name: func.coalesce(new[name], _s[name]) for name in ("sanitiser", "source")}
    return query.on_conflict_do_update(index_elements=["guid"], set_=changes)


_SAVE = _saving()
_KEEP = upsert(revisions).on_conflict_do_nothing(index_elements=["guid", "version"])


async def keep_raw(conn: AsyncConnection, rows: Sequence[Stored]) -> None:
    """Keep versions as they came; one that is there stays as it was."""
    if not rows:
        return
    await conn.execute(
        _KEEP,
        [
            {
                "guid": row.story.guid,
                "version": row.story.version,
                "received": row.received,
                "source": row.source,
                "raw": codec.squeeze(row.raw),
            }
            for row in rows
        ],
    )


def _row(story: Story) -> dict[str, Any]:
    revision = story.revision
    return {
        "guid": revision.guid,
        "id": story.id,
        "version": story.version,
        "status": revision.status.value,
        "language": story.language,
        "thread": story.thread,
        "evolved_from": revision.evolved_from,
        "feed_guid": revision.feed_guid,
        "position": story.position,
        "changed": story.changed,
        "released": story.released,
        "published": story.published,
        "updated": story.updated,
        "embargoed_until": revision.embargoed_until,
        "expires": revision.expires,
        "superseded": story.superseded,
        "kind": story.change.value,
        "kill_headline": story.kill_headline,
        "kill_version": story.kill_version,
        "topics": codec.text(story.topics),
        "stood": codec.text(sorted(story.stood, key=_by_name)),
        "feeds": codec.text(story.feeds),
        "revision": codec.pack(revision),
    }


def _by_name(standing: Standing) -> tuple[str, list[str], bool, bool]:
    return standing.language, sorted(standing.topics), standing.early, standing.inherited


def _story(row: Sequence[Any]) -> Story:
    """Make a story of a row of `_COLUMNS`."""
    return Story(
        revision=_REVISION.decode(row[0]),
        version=row[1],
        language=row[2],
        topics=codec.names(row[3]),
        stood=_STANDINGS.decode(row[4]),
        feeds=_FEEDS.decode(row[5]),
        thread=row[6],
        released=row[7],
        published=row[8],
        updated=row[9],
        change=ChangeKind(row[10]),
        changed=row[11],
        position=row[12],
        superseded=row[13],
        kill_headline=row[14],
        kill_version=row[15],
    )


async def _where(
    conn: AsyncConnection, column: ColumnElement[str | None], values: Collection[str]
) -> dict[str, Story]:
    wanted = sorted(values)
    found: dict[str, Story] = {}
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(*_COLUMNS).where(column.in_(wanted[at : at + _AT_ONCE]))
        found |= {story.guid: story for story in map(_story, await conn.execute(query))}
    return found
