"""Stories of which a caller sees a part: how much, from what its plan says, and how they are told.

Worked out without the code under test. Whatever the caller never reads is worded by a seed, so
that two worlds can differ in it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.support.agency import DAY, HOUR, MEDIA_TOPICS, MINUTE, START, iso

_PAUSE = 10 * MINUTE + 137_000
#: Something happens at these moments, and nothing between them.
MOMENTS = tuple(START + n * _PAUSE for n in range(7))
#: Everybody looks then: in the second of a change, and when all is over.
LOOKS = (MOMENTS[3], MOMENTS[-1] + 5 * MINUTE)
_FAR = START + 10 * DAY
USABLE, WITHHELD, KILLED = "usable", "withheld", "canceled"
#: Of these no feeds and no pages are made.
FOREIGN = "de"
#: Some room for versions before the first.
FIRST = 10

#: Where a story may stand, and by which IPTC codes and keywords it does.
PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sport": (("sport",), ()),
    "politics": (("politics",), ()),
    "economy": (("economy",), ()),
    "markets": ((), ("stocks",)),
    "both": (("sport", "economy"), ()),
    "nowhere": ((), ()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a plan shows beside what everybody sees: summaries of all but the economy."""

    name: str
    #: The topics of which it shows everything.
    full: frozenset[str] = frozenset()
    everything: bool = False
    delay: int = 0
    media: bool = False
    notes: bool = False
    early: bool = False

    def level(self, place: str) -> int:
        """Say how much it shows of what stands there: 0 nothing, 1 the summary, 2 all."""
        topics = set(PLACES[place][0]) | ({"economy"} if place == "markets" else set())
        if self.everything or topics & self.full:
            return 2
        return 0 if "economy" in topics else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message about a story."""

    #: Number of a moment.
    at: int
    place: str
    status: str = USABLE
    embargo: int | None = None
    expires: int | None = None
    #: When it says it was written, before or after it came.
    written: int = 0
    #: Which optional members it has; a bit for each.
    members: int = 0

    @property
    def time(self) -> int:
        return MOMENTS[self.at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A story through its messages."""

    uri: str
    language: str
    steps: tuple[Step, ...]
    evolved_from: str = ""
    feed_guid: str = ""
    #: The version of the first message, and how far they are apart.
    first: int = FIRST
    apart: int = 10


def ranks(sight: Sight, line: Line) -> list[int]:
    """Say how much of each message is ever shown: 0 nothing, 1 the summary, 2 all of it."""
    found: list[int] = []
    released: int | None = None
    untils = [*(step.time for step in line.steps[1:]), LOOKS[-1]]
    for step, until in zip(line.steps, untils, strict=True):
        if step.status == KILLED:
            # Its notice is for who saw any version.
            found.append(1 if any(found) else 0)
            continue
        end = until if step.expires is None else min(until, step.expires - 1)
        opened = max(step.time, step.embargo or 0)
        if step.status == WITHHELD or line.language == FOREIGN:
            found.append(0)
            continue
        if opened <= end and released is None:
            released = opened
        rank = sight.level(step.place) if (step.time if sight.early else opened) <= end else 0
        if rank == 2 and sight.delay and (released is None or end < released + sight.delay):
            rank = 1
        found.append(rank)
    return found


def is_gone(sight: Sight, line: Line, at: int) -> bool:
    """Say whether the caller sees no more of a story by this moment, and will not again."""
    last = line.steps[-1]
    if last.status == KILLED or last.at >= at:
        return False
    is_over = last.expires is not None and last.expires <= MOMENTS[at]
    return is_over or ranks(sight, line)[-1] == 0


def secret(sight: Sight, line: Line, ways: Sequence[int], *, closed: bool, kills: bool) -> Line:
    """Change a line so that the caller never sees it; nobody does if it is `closed`.

    Its last steps may follow others: `ways` has one number for each that is to be changed.
    """
    kept = len(line.steps) - len(ways)
    steps = list(line.steps[:kept])
    for step, way in zip(line.steps[kept:], ways, strict=True):
        if step.status == KILLED and kills:
            steps.append(step)
            break
        steps.append(_unseen(sight, step, way, closed=closed))
    return replace(line, steps=tuple(steps))


def _unseen(sight: Sight, step: Step, way: int, *, closed: bool) -> Step:
    """Change as little of a message as may be so that its story is not seen."""
    usable = replace(step, status=USABLE)
    ways: list[Callable[[], Step]] = [
        lambda: replace(step, status=WITHHELD),
        lambda: replace(usable, expires=step.time - way % 2 * HOUR),
    ]
    if not sight.early:
        ways += [
            lambda: replace(usable, embargo=_FAR),
            # Its rights end before its embargo does.
            lambda: replace(usable, embargo=step.time + 2 * _PAUSE, expires=step.time + _PAUSE),
        ]
    if not sight.level("economy") and not closed:
        ways += [lambda: replace(usable, place=("economy", "markets")[way % 2])] * 4
    return ways[way % len(ways)]()


# --- in words -------------------------------------------------------------------------------------

_WORDS = ("runs", "on", "And", "says", "it,", "then", "ends.", "“Then", "what?”", "asked", "Anna;")
#: As many words as a teaser has here.
_TEASER = " ".join(_WORDS[n * 7 % len(_WORDS)] for n in range(60))
_TAILS = ("goes on.", "Ends. More.", "42 more.", "“quoted” text", "يتبع", "– dash")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pen:
    """Words a message: what the caller reads alike in all worlds, the rest by a seed."""

    line: Line
    number: int
    seed: int

    def roll(self, about: str) -> int:
        name = f"{self.seed} {self.line.uri} {self.number} {about}"
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())

    def say(self, about: str, *, shown: bool) -> str:
        if shown:
            return f"{about} of {self.line.uri}, {self.number}"
        roll = self.roll(about)
        # Nothing, little or much.
        return "" if roll % 4 == 0 else f"{about} {roll}" + " and so on" * (roll % 4 * 17 % 50)


def message(sight: Sight, line: Line, number: int, seed: int) -> dict[str, Any]:
    """Write the ninjs of one step."""
    step, rank = line.steps[number], ranks(sight, line)[number]
    pen = _Pen(line=line, number=number, seed=seed)
    kill = step.status == KILLED
    seen, full = rank > 0 and not kill, rank == 2 and not kill
    has = step.members if rank else pen.roll("members")
    story = {
        "uri": line.uri,
        "version": str(line.first + line.apart * number),
        "language": line.language,
        "pubstatus": step.status,
        "versioncreated": iso(step.time + step.written),
        "headline": pen.say("headline", shown=rank > 0) if has & 1 else "",
        "slugline": pen.say("slugline", shown=rank > 0) if has & 2 else "",
        "copyrightholder": pen.say("holder", shown=rank > 0),
        "byline": pen.say("byline", shown=seen),
        "located": pen.say("located", shown=seen),
        "copyrightnotice": pen.say("notice", shown=seen),
        "description_html": pen.say("summary", shown=seen) if has & 4 else "",
        "body_html": _body(pen, described=bool(has & 4), seen=seen, full=full, media=sight.media),
        "ednote": pen.say("ednote", shown=full and sight.notes),
        "usageterms": pen.say("usage", shown=full and sight.notes),
        "associations": _pictures(pen, shown=full and sight.media),
        **_placed(pen, step.place if rank else _anywhere(sight, pen), full=full),
        **_unread(pen),
    }
    if has & 8 and (seen or pen.roll("signal") % 2):
        story["signal"] = [{"code": "sig:correction"}]
    if step.members & 16:
        story["firstcreated"] = iso(START - DAY)
    for name, time in (("embargoed", step.embargo), ("expires", step.expires)):
        if time is not None:
            story[name] = iso(time)
    if line.evolved_from:
        story["evolvedfrom"] = line.evolved_from
    if line.feed_guid:
        story["altids"]["feed"] = line.feed_guid
    return story


def _anywhere(sight: Sight, pen: _Pen) -> str:
    """Choose where a message stands that is not shown: wherever that changes nothing seen."""
    steps, number = pen.line.steps, pen.number

    def elsewhere(place: str) -> Line:
        moved = (*steps[:number], replace(steps[number], place=place), *steps[number + 1 :])
        return replace(pen.line, steps=moved)

    seen = ranks(sight, pen.line)
    alike = [place for place in PLACES if ranks(sight, elsewhere(place)) == seen]
    return alike[pen.roll("place") % len(alike)]


def _placed(pen: _Pen, place: str, *, full: bool) -> dict[str, Any]:
    codes, keywords = PLACES[place]
    keyword = pen.say("keyword", shown=full)
    return {
        "keywords": [*keywords, *([keyword] if keyword else [])],
        "subject": [
            {"code": MEDIA_TOPICS[code], "name": pen.say("subject", shown=full)} for code in codes
        ],
        "genre": [{"name": genre}] if (genre := pen.say("genre", shown=full)) else [],
        "urgency": 1 + (len(pen.line.uri) + pen.number if full else pen.roll("urgency")) % 9,
    }


def _body(pen: _Pen, *, described: bool, seen: bool, full: bool, media: bool) -> str:
    """Give a body of which everybody reads as much as a teaser takes, unless there is a summary."""
    roll = pen.roll("tail")
    tail = f"{_TAILS[roll % len(_TAILS)]} {pen.say('body', shown=False)}"
    picture = f'<img src="https://x.example/{roll}.jpg" alt="{roll}">' * (roll % 2)
    if full:
        shown = '<img src="https://x.example/shown.jpg" alt="">' if media else picture
        return f"<p>{_TEASER} and {pen.say('body', shown=True)} {shown}</p>"
    if described or not seen:
        return f"<p>{tail}</p>{picture}"
    joint = "</p><p>" if pen.number % 2 else " "
    return f"<p>{_TEASER}{joint}{tail}</p>{picture}"


def _pictures(pen: _Pen, *, shown: bool) -> dict[str, Any]:
    if not shown and pen.roll("pictures") % 3 == 0:
        return {}
    words = {
        name: pen.say(name, shown=shown) for name in ("headline", "description_text", "byline")
    }
    rendition = {
        "href": f"https://x.example/{'shown' if shown else pen.roll('href')}.jpg",
        "mimetype": "image/jpeg",
        "width": 1200 if shown else 1 + pen.roll("width") % 2000,
    }
    return {"lead": {"type": "picture", **words, "renditions": {"web": rendition}}}


def _unread(pen: _Pen) -> dict[str, Any]:
    """Give the members that no caller is ever shown."""
    roll = pen.roll("unread")
    return {
        "profile": f"profile {roll}",
        "place": [{"name": f"place {roll}"}] * (roll % 3),
        "infosource": [{"name": f"source {roll}"}],
        "altids": {"internal": f"urn:x:{roll}"},
        f"x-{roll % 5}": ["unknown"] * (roll % 7),
        "body_text": f"other words {roll}" * (roll % 5),
    }
