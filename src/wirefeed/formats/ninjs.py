"""ninjs in: one message of edition 1.x, 2.x or 3.x, Superdesk's "Newsroom NINJS" among them.

Pure. The editions differ in spelling and in lists for what was one property; a message is read
property by property, so that it may mix them. What is no part of ninjs is neither kept nor shown.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wirefeed.domain.stories import Concept, PubStatus, Revision
from wirefeed.formats import markup
from wirefeed.formats.json_input import read_object
from wirefeed.formats.ninjs_fields import MOST, Fields
from wirefeed.formats.ninjs_media import media
from wirefeed.formats.ninjs_texts import body, headline, summary

#: ninjs 3.1 `newsObjectType`; earlier editions have fewer.
KINDS: Final = (
    "text", "audio", "video", "picture", "graphic", "composite", "component", "event", "planning",
)  # fmt: skip
_COMPLETENESS = ("complete", "incomplete", "full", "partial")
_MOST_URGENT, _LEAST_URGENT = 1, 9
#: What a database can order.
_VERSION_DIGITS = 18
_LANGUAGE = re.compile("[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,5}")
_LONGEST_KEYWORD = 200


def parse(message: bytes) -> Revision:
    """Read one message; raise `Invalid` when it is not to be read, `Unacceptable` for a field."""
    fields = Fields(read_object(message))
    guid = fields.identifier("uri") or fields.identifier("guid")
    if guid is None:
        fields.refuse("uri", "is missing", "give each story an identifier that never changes")
    fields.one_of("representationtype", _COMPLETENESS, "complete")
    kind = fields.one_of("type", KINDS, "text")
    return Revision(
        guid=guid,
        version=_version(fields),
        status=PubStatus(fields.one_of("pubstatus", tuple(PubStatus), PubStatus.USABLE)),
        kind=kind,
        language=_language(fields),
        headline=headline(fields),
        slugline=fields.text("slugline"),
        byline=fields.text("byline"),
        located=fields.text("located"),
        summary=summary(fields),
        body=body(fields),
        urgency=_urgency(fields),
        subjects=_concepts(fields, "subject", "subjects"),
        places=_concepts(fields, "place", "places"),
        services=_concepts(fields, "service"),
        genres=_concepts(fields, "genre", "genres"),
        keywords=_keywords(fields),
        media=media(fields, kind),
        copyright_holder=fields.text("copyrightholder"),
        copyright_notice=fields.text("copyrightnotice"),
        ednote=fields.text("ednote"),
        usage_terms=fields.text("usageterms"),
        signals=tuple(_signals(fields)),
        first_created=fields.time("firstcreated"),
        version_created=fields.time("versioncreated"),
        # A day is not said to end or begin anywhere: an embargo holds to the day's end,
        # rights end as it begins, so that nothing is shown that was not to be.
        embargoed_until=fields.time("embargoed", ends_day=True),
        expires=fields.time("expires"),
        evolved_from=_evolved_from(fields, guid),
        feed_guid=_feed_guid(fields),
    )


def _version(fields: Fields) -> int | None:
    """Give the version when it is a whole number.

    ninjs allows any string ("1.2", "second edition"). One that is no number has no order, so
    the message counts as one without a version and is ordered by its date.
    """
    value = fields.get("version")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        fields.refuse("version", "must be a string", 'send it like "3"')
    digits = str(value).strip() if isinstance(value, str) or abs(value) < 10**19 else "9" * 19
    if not re.fullmatch("-?[0-9]+", digits):
        return None
    if digits.startswith("-") or len(digits) > _VERSION_DIGITS:
        fields.refuse(
            "version", f"is not a number of 1 to {_VERSION_DIGITS} digits", "count versions from 1"
        )
    return int(digits)


def _language(fields: Fields) -> str:
    # Superdesk may write a locale's underscore.
    value = fields.raw("language").strip().replace("_", "-")
    if value and not _LANGUAGE.fullmatch(value):
        fields.refuse("language", "is not a language tag", "write it like en or tr-TR (BCP 47)")
    return value


def _urgency(fields: Fields) -> int | None:
    value = fields.get("urgency")
    if value is None:
        return None
    # ninjs 1.x and 2.x say "number": 4.0 is four.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if (
        isinstance(whole, bool)
        or not isinstance(whole, int)
        or not _MOST_URGENT <= whole <= _LEAST_URGENT
    ):
        fields.refuse("urgency", "must be a whole number from 1 to 9", "1 is the most urgent")
    return whole


def _concepts(fields: Fields, *names: str) -> tuple[Concept, ...]:
    found = (
        Concept(code=_code(item), name=item.text("name"))
        for item in fields.objects(*names, most=MOST)
    )
    return tuple(dict.fromkeys(concept for concept in found if concept.code or concept.name))


def _code(item: Fields) -> str:
    """Give the concept's identifier: a URI (2.x, 3.x), else a code (1.x) or literal."""
    code = item.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    if code is not None and not isinstance(code, str):
        item.refuse("code", "must be a string", "send it as a JSON string")
    literal = markup.text(code or "") or item.text("literal")
    # Only its scheme tells an IPTC Subject Code from a Media Topic of the same eight digits.
    if code and "subjectcode" in item.raw("scheme"):
        literal = f"subj:{literal.removeprefix('subj:')}"
    return item.identifier("uri") or literal[:1_024]


def _keywords(fields: Fields) -> tuple[str, ...]:
    value = fields.get("keywords")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        fields.refuse(
            "keywords", "must be an array of strings", "put each keyword in quotation marks"
        )
    if len(value) > MOST:
        fields.refuse("keywords", f"has {len(value)} entries; {MOST} are the most", "send fewer")
    words = (markup.text(word)[:_LONGEST_KEYWORD] for word in value)
    return tuple(dict.fromkeys(word for word in words if word))


def _signals(fields: Fields) -> Iterator[str]:
    """Yield the codes of `sig:correction`, `http://cv.iptc.org/newscodes/signal/correction`, …."""
    for signal in _concepts(fields, "signal"):
        code = re.split("[:/]", (signal.code or signal.name).rstrip("/"))[-1]
        yield code.strip().lower()


def _evolved_from(fields: Fields, guid: str) -> str | None:
    # A story that names itself says no more than that it is itself.
    evolved_from = fields.identifier("evolvedfrom")
    return None if evolved_from == guid else evolved_from


def _feed_guid(fields: Fields) -> str | None:
    """Give the alternative identifier of role `feed`: {"feed": …} in 1.x, a list's in 2.x, 3.x."""
    value = fields.get("altids")
    if isinstance(value, dict):
        given = Fields({"value": value.get("feed")}, fields.path_of("altids"))
        return given.identifier("value")
    return next(_given(item for _, item in fields.named("altids")), None)


def _given(items: Iterable[Fields]) -> Iterator[str]:
    for item in items:
        if item.raw("role").strip().lower() == "feed" and (value := item.identifier("value")):
            yield value
