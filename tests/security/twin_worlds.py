"""Two worlds drawn together: they differ in all that one caller may not see, and in nothing else.

A story that both worlds share is sent to both, with whatever the caller never reads of it worded
differently. Beside these, each world has stories, versions, refused messages and customers of its
own.

Left alone on purpose, because it is one for all callers and so tells of what some do not see:

- Of which thread a story is. A hidden one that brings a GUID of the newsroom's into a shown one's
  thread, or joins two threads, is not named by it, but gives it another name.
- The dates of a story: it is published once, `updated` rises with each version, and a delay counts
  from when it was first open. A story that is shown after versions that were announced to others
  has dates that count those.
- What a story takes from the one it was written from. It replaces that at once if it was announced
  to anybody, as under embargo, and stands where it stood by then: not also where versions for
  more callers would have, had they been the first.
- That a story was replaced. It goes when its heir is opened to anybody, also to those who are not
  shown the heir; when that happened is the same in both worlds, what became of the heir is not.
- Whether the headline a kill brings repeats the killed one: then it is not shown.
- Thousands of hidden stories: of a feed in which a caller may see hardly anything, the newest
  5,000 are looked through, the hidden ones among them.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.domain.strategies import any_of
from tests.security.twin_stories import (
    FIRST,
    FOREIGN,
    KILLED,
    MOMENTS,
    USABLE,
    WITHHELD,
    Line,
    Sight,
    Step,
    is_gone,
    message,
    ranks,
    secret,
)
from tests.support.agency import DAY, HOUR, MEDIA_TOPICS, START

_FEED_GUID = "urn:twin:feed"
_ROOT, _LEAF, _ALONE = "urn:twin:root", "urn:twin:leaf", "urn:twin:alone"
_FAR = START + 20 * DAY
ABSENT = "urn:twin:absent"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Side:
    """One of the two worlds."""

    #: By moment, in the order in which they come.
    sent: tuple[tuple[bytes, ...], ...]
    #: The same of a newsroom that may not touch what is another's.
    rival: tuple[tuple[bytes, ...], ...] = ((),) * len(MOMENTS)
    #: At which moment another customer comes, if one does.
    stranger: int = -1
    #: Whether another customer asks for everything first.
    visited: bool = False

    def told(self) -> str:
        """Say what happens, a line for each message."""
        told = [f"stranger {self.stranger}, visited {self.visited}"]
        for at in range(len(MOMENTS)):
            told += [f"  {at} {_brief(raw)}" for raw in self.sent[at]]
            told += [f"  {at} {_brief(raw)} by a rival" for raw in self.rival[at]]
        return "\n".join(told)


def _brief(raw: bytes) -> str:
    story = msgspec.json.decode(raw)
    places = [code for code, name in MEDIA_TOPICS.items() if name in repr(story.get("subject"))]
    names = ("uri", "version", "pubstatus", "language", "embargoed", "expires", "evolvedfrom")
    return " ".join(str(part) for part in (*map(story.get, names), *places) if part)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Twins:
    """Two worlds that are one to the caller."""

    sides: tuple[Side, Side]
    #: The identifiers of all stories in either.
    uris: tuple[str, ...]
    #: The least that a window holds.
    items: int = 50
    hours: int = 1
    #: Which part of all there is to ask for is asked for.
    turn: int = 0

    def __repr__(self) -> str:
        """Name them, no more: Hypothesis takes a long one for a mistake."""
        counts = [sum(map(len, side.sent)) for side in self.sides]
        return f"<two worlds of {counts[0]} and {counts[1]} messages, turn {self.turn}>"

    def told(self) -> str:
        """Say all that happens in them."""
        settings = f"items {self.items}, hours {self.hours}, turn {self.turn}"
        return "\n".join([settings, *(side.told() for side in self.sides)])


Sent = tuple[int, bytes]


def pair(
    sight: Sight,
    shared: Sequence[Line] = (),
    own: Sequence[Line] = (),
    *,
    visited: bool = False,
    seeds: tuple[int, int] = (0, 1),
) -> Twins:
    """Make two worlds of given stories: those they share, and those that the second has alone.

    One that goes on from a shared story repeats its steps; `visited` is the second.
    """
    begun = {line.uri: len(line.steps) for line in shared}

    def side(seed: int, own: Sequence[Line]) -> Side:
        told = [sent for line in shared for sent in written(sight, line, seed)]
        for line in own:
            since = begun.get(line.uri, 0) if line.first == FIRST else 0
            told += written(sight, line, seed, since)
        return Side(sent=_by_moment(told), visited=visited and seed == seeds[1])

    return Twins(
        sides=(side(seeds[0], ()), side(seeds[1], own)),
        uris=(*dict.fromkeys(line.uri for line in (*shared, *own)), ABSENT),
    )


def written(sight: Sight, line: Line, seed: int, since: int = 0) -> Iterator[Sent]:
    """Write the messages of a story, from a step on."""
    for number in range(since, len(line.steps)):
        yield line.steps[number].at, msgspec.json.encode(message(sight, line, number, seed))


def _by_moment(sent: Sequence[Sent]) -> tuple[tuple[bytes, ...], ...]:
    return tuple(tuple(raw for when, raw in sent if when == at) for at in range(len(MOMENTS)))


# --- drawn ----------------------------------------------------------------------------------------

_step = any_of(
    gap=(1, 1, 1, 2, 3),
    place=(
        "sport",
        "sport",
        "sport",
        "sport",
        "politics",
        "economy",
        "economy",
        "markets",
        "both",
        "nowhere",
    ),
    status=(USABLE,) * 7 + (WITHHELD, KILLED, KILLED),
    embargo=(None,) * 6 + (1, 2, 99),
    expires=(None,) * 7 + (0, 1, 2, 99),
    written=(0, 0, -2 * HOUR, 2 * HOUR),
    members=range(32),
    way=range(60),
)
_story = any_of(
    language=("en", "en", "en", "en", "en", "en-GB", "tr", FOREIGN),
    begins=(0, 0, 1, 2),
    parent=(0, 0, 1, 2, 3),
    feed_guid=("", "", "", _FEED_GUID),
    ends=(False, False, True),
)
_side = any_of(
    stranger=(-1, -1, -1, -1, 0, 1, 2, 3),
    visited=(False, True),
    seed=range(1024),
    first=(False, True),
)
_whole = any_of(items=(1, 2, 3, 50), hours=(0, 1))
_noise = any_of(
    kind=("", "", "repeat", "older", "conflict", "revive", "garbage", "rival"), late=(0, 1)
)


@st.composite
def twins(draw: st.DrawFn, sight: Sight) -> Twins:
    """Draw two worlds that are one to who has this sight."""
    shared = _shared(draw)
    sides = (_drawn_side(draw, sight, shared, 0), _drawn_side(draw, sight, shared, 1))
    uris = tuple(line.uri for line in shared)
    return Twins(
        sides=sides,
        uris=(*uris, _ROOT, _LEAF, _ALONE, ABSENT),
        # Drawn, it would be one of a few for most worlds.
        turn=zlib.crc32(b"".join(raw for raws in sides[0].sent for raw in raws)),
        **draw(_whole),
    )


def _shared(draw: st.DrawFn) -> list[Line]:
    lines: list[Line] = []
    for number in range(draw(st.integers(1, 3))):
        told = draw(_story)
        steps = _steps(draw(st.lists(_step, min_size=1, max_size=4)), told["begins"])
        if told["ends"]:
            steps = (*steps, *_killed(steps[-1]))
        parents = {1: _ROOT, 2: lines[0].uri if lines else "", 3: lines[-1].uri if lines else ""}
        lines.append(
            Line(
                uri=f"urn:twin:{number}",
                language=told["language"],
                steps=steps,
                evolved_from=parents.get(told["parent"], ""),
                feed_guid=told["feed_guid"],
            )
        )
    drawn = zlib.crc32(repr(lines).encode())
    if drawn % 16:
        # So that most callers see something, whatever was drawn; a few worlds may stay empty.
        steps = (Step(at=drawn // 16 % 3, place="sport", members=drawn // 48 % 32),)
        lines.append(Line(uri=f"urn:twin:{len(lines)}", language="en", steps=steps))
    return lines


def _steps(drawn: Sequence[dict[str, Any]], begins: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    at = begins
    for number, one in enumerate(drawn):
        at += one["gap"] if number else 0
        if at >= len(MOMENTS) or (steps and steps[-1].status == KILLED):
            break
        steps.append(
            Step(
                at=at,
                embargo=_time(at, one["embargo"]),
                expires=_time(at, one["expires"]),
                **{name: one[name] for name in ("place", "status", "written", "members")},
            )
        )
    return tuple(steps)


def _killed(last: Step) -> tuple[Step, ...]:
    """End a story with a kill, if there is time for one, and it is not killed yet."""
    if last.status == KILLED or last.at + 1 == len(MOMENTS):
        return ()
    # It has the optional members of what it kills, so that it may have no words at all.
    return (Step(at=last.at + 1, place=last.place, status=KILLED, members=last.members),)


def _time(at: int, later: int | None) -> int | None:
    """Give a time so many moments later; most are moments themselves."""
    if later is None:
        return None
    return MOMENTS[at + later] if at + later < len(MOMENTS) else _FAR


def _drawn_side(draw: st.DrawFn, sight: Sight, shared: Sequence[Line], number: int) -> Side:
    side = draw(_side)
    seed = 2 * side["seed"] + number
    told: list[Sent] = []
    own = [sent for line in _own(draw, sight, shared) for sent in written(sight, line, seed)]
    late: list[Sent] = []
    rival: list[Sent] = []
    for line in shared:
        # What is read of it is the same in both worlds.
        told += written(sight, line, seed)
        own += _before(draw, sight, line, seed)
        own += _after(draw, sight, line, seed)
        noise = draw(_noise)
        (rival if noise["kind"] == "rival" else late).extend(_refused(sight, line, seed, **noise))
    return Side(
        sent=_by_moment([*own, *told, *late] if side["first"] else [*told, *own, *late]),
        rival=_by_moment(rival),
        stranger=side["stranger"],
        visited=side["visited"],
    )


def _own(draw: st.DrawFn, sight: Sight, shared: Sequence[Line]) -> Iterator[Line]:
    """Draw the stories of one world: hidden ones."""
    for uri in (_ROOT, _LEAF, _ALONE):
        drawn = draw(st.lists(_step, max_size=3))
        told = draw(_story)
        parent = shared[told["parent"] % len(shared)]
        line = Line(
            uri=uri,
            language=told["language"],
            steps=_steps(drawn, told["begins"]),
            evolved_from=parent.uri if uri == _LEAF else "",
            feed_guid=told["feed_guid"] if uri == _ALONE else "",
        )
        # Open to anybody, it would take the place of what it was written from.
        closed = uri == _LEAF and line.language[:2] == parent.language[:2]
        ways = [one["way"] for one in drawn[: len(line.steps)]]
        yield secret(sight, line, ways, closed=closed, kills=True)


def _before(draw: st.DrawFn, sight: Sight, line: Line, seed: int) -> Iterator[Sent]:
    """Draw versions of a shared story that came before it was shown to anybody."""
    begins = line.steps[0].at
    drawn = draw(st.lists(_step, max_size=2)) if begins else []
    early = replace(line, steps=_steps(drawn, 0), evolved_from="", feed_guid="", first=1, apart=1)
    steps = tuple(step for step in early.steps if step.at < begins)
    ways = [one["way"] % 2 for one in drawn[: len(steps)]]
    early = secret(sight, replace(early, steps=steps), ways, closed=True, kills=False)
    yield from written(sight, early, seed)


def _after(draw: st.DrawFn, sight: Sight, line: Line, seed: int) -> Iterator[Sent]:
    """Draw versions of a shared story that is out of the caller's sight."""
    begins = line.steps[-1].at + 1
    if begins >= len(MOMENTS) or not is_gone(sight, line, begins):
        return
    drawn = draw(st.lists(_step, max_size=3))
    steps = _steps(drawn, begins)
    longer = replace(line, steps=(*line.steps, *steps))
    ways = [one["way"] for one in drawn[: len(steps)]]
    # A kill is told to who saw any version.
    kills = not any(ranks(sight, line))
    # As of an own story: open to anybody, it would take the place of what it was written from.
    longer = secret(sight, longer, ways, closed=bool(line.evolved_from), kills=kills)
    yield from written(sight, longer, seed, since=len(line.steps))


def _refused(sight: Sight, line: Line, seed: int, kind: str, late: int) -> Iterator[Sent]:
    """Give a message about a shared story that changes nothing."""
    last = message(sight, line, len(line.steps) - 1, seed)
    other = last | {"headline": f"refused {seed}", "slugline": "", "pubstatus": USABLE}
    said = {
        "repeat": last,
        "older": other | {"version": "5"},
        "conflict": other | {"ednote": f"other {seed}"},
        "revive": other | {"version": "9999"} if last["pubstatus"] == KILLED else None,
        "garbage": {"uri": line.uri, "version": []},
        "rival": other | {"version": "9999"},
    }.get(kind)
    at = line.steps[-1].at + late
    if said and at < len(MOMENTS):
        yield at, msgspec.json.encode(said)
