"""Stories with a word of its own in every field, and who may read which of these words.

A word says where it was planted: `zq0007body` stands in the body of the seventh message.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

WORD = re.compile(rb"zq[0-9]{4}[a-z]+")
_FILLER = "and on and on it goes, " * 15

# The published table: which field is shown from which level on. A field that stands in none of
# these is never shown to a reader, whoever it is.
SUMMARY = frozenset(
    {"uri", "headline", "teaser", "byline", "slugline", "located", "holder", "notice"}
)
FULL = SUMMARY | {"body", "bodylink", "bodyalt", "keyword", "subject", "genre"}
#: To grants with `media`.
MEDIA = frozenset({"href", "small", "caption", "mediaheadline", "alt", "credit"})
#: To grants with `notes`.
NOTES = frozenset({"ednote", "usage"})
#: Of a kill: what it says itself, never what the story said.
KILL = frozenset({"uri", "headline", "slugline", "holder"})
#: Shown in another's place, or by some formats alone; the others must be found where allowed.
_MAYBE = frozenset(
    {
        *("holder", "mediaheadline", "credit", "small", "alt", "caption", "bodyalt"),
        *("subject", "genre"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A message, and the number in its words."""

    number: int
    story: Mapping[str, Any]
    #: The number in the word of its identifier, the same for all its versions.
    first: int

    @property
    def uri(self) -> str:
        return str(self.story["uri"])

    def words(self, fields: Iterable[str]) -> set[str]:
        """Give the words planted in these fields."""
        return {f"zq{self.first if field == 'uri' else self.number:04}{field}" for field in fields}

    def certain(self, fields: Iterable[str]) -> set[str]:
        """Give the words that must be found where these fields are shown."""
        return self.words(set(fields) - _MAYBE)


def words_in(content: bytes) -> set[str]:
    return {word.decode() for word in WORD.findall(content.lower())}


class Garden:
    """Plants stories of each edition of ninjs."""

    def __init__(self) -> None:
        self._number = 0

    def plant(
        self,
        topic: str,
        edition: int = 1,
        *,
        of: Planted | None = None,
        summary: bool = True,
        **members: Any,
    ) -> Planted:
        """Write a message; `of` makes it the next version of a story."""
        self._number += 1
        number = self._number
        first = of.first if of else number

        def word(field: str) -> str:
            return f"zq{number:04}{field}"

        write = {1: _first_edition, 2: _second_edition, 3: _third_edition}[edition]
        story = write(word, topic, _body(word, summary=summary))
        story |= {
            "uri": f"urn:test:zq{first:04}uri",
            "version": str(number),
            "language": "en",
            "urgency": 4,
            "x-unknown": word("unknown"),
            "extra": {"text": word("extra"), "more": [{"deep": word("deep")}]},
            "_internal": word("internal"),
        }
        if summary:
            story |= _descriptions(word, edition)
        return Planted(number=number, first=first, story=story | members)


def _body(word: Callable[[str], str], *, summary: bool) -> str:
    """Begin with everything that is not for reading, so that a careless teaser would take it."""
    teaser = "" if summary else f"<p>{word('teaser')} {_FILLER}</p>"
    return (
        f"<!-- {word('comment')} --><!-- > <p>{word('comment')}</p> -->"
        f"<title>{word('title')}</title><style>{word('style')}</style>"
        f"<script>{word('script')}</script><template>{word('template')}</template>"
        f"<noscript>{word('noscript')}</noscript><textarea>{word('textarea')}</textarea>"
        f"<p hidden>{word('hidden')}</p><p style='display: none'>{word('unseen')}</p>"
        f"<div style='color:red;VISIBILITY : HIDDEN'><p>{word('invisible')}</p></div>"
        f"<span aria-hidden='true'>{word('aria')}</span>"
        f"<p hidden='until-found'>{word('untilfound')}<b>{word('untilfound')}</b></p>"
        f"<object data='{word('object')}'>{word('object')}</object>"
        f"<iframe srcdoc='{word('srcdoc')}'>{word('iframe')}</iframe>"
        f"<svg><text>{word('svg')}</text></svg><math><mtext>{word('math')}</mtext></math>"
        f"<p data-note='{word('data')}' onclick='{word('onclick')}' id='{word('ident')}'"
        f" class='{word('class')}'>{'' if summary else word('teaser')} {_FILLER}</p>{teaser}"
        f"<p>{_FILLER}</p><p>{word('body')} <a href='https://x.example/{word('bodylink')}'>x</a>"
        f"<img src='https://x.example/i.jpg' alt='{word('bodyalt')}' longdesc='{word('longdesc')}'>"
        "</p>"
    )


def _concept(word: Callable[[str], str], field: str) -> list[dict[str, str]]:
    return [{"name": word(field), "code": f"x:{word(field)}"}]


def _picture(word: Callable[[str], str]) -> dict[str, Any]:
    return {
        "uri": f"urn:test:{word('mediauri')}",
        "type": "picture",
        "byline": word("credit"),
        "ednote": word("medianote"),
        "usageterms": word("mediaterms"),
        "slugline": word("mediaslug"),
        "body_text": word("mediabody"),
        "x-unknown": word("mediaunknown"),
    }


def _links(word: Callable[[str], str]) -> list[dict[str, Any]]:
    return [
        {
            "href": f"https://pictures.example/{word(name)}.jpg",
            "mimetype": "image/jpeg",
            "width": width,
            "height": width,
            "title": word("renditiontitle"),
        }
        for name, width in (("href", 1200), ("small", 300))
    ]


def _first_edition(word: Callable[[str], str], topic: str, body: str) -> dict[str, Any]:
    large, small = _links(word)
    return {
        "headline": word("headline"),
        "byline": word("byline"),
        "slugline": word("slugline"),
        "located": word("located"),
        "body_html": body,
        "body_nitf": word("nitf"),
        "profile": word("profile"),
        "keywords": [word("keyword")],
        "subject": [{"code": topic, "name": word("subject"), "creator": word("creator")}],
        "place": _concept(word, "place"),
        "genre": _concept(word, "genre"),
        "service": _concept(word, "service"),
        "person": [{"name": word("person"), "rel": word("rel")}],
        "organisation": _concept(word, "organisation"),
        "object": _concept(word, "thing"),
        "event": _concept(word, "event"),
        "infosource": [{"name": word("infosource")}],
        "signal": _concept(word, "signal"),
        "ednote": word("ednote"),
        "usageterms": word("usage"),
        "copyrightholder": word("holder"),
        "copyrightnotice": word("notice"),
        "altids": {"other": word("altid")},
        "associations": {
            word("association"): _picture(word)
            | {
                "headline": word("mediaheadline"),
                "description_text": word("caption"),
                "description_alt": word("descriptionalt"),
                "renditions": {word("renditionname"): large, "small": small},
                "associations": {"deep": {"headline": word("deepassociation")}},
            },
            "related": {
                "uri": f"urn:test:{word('related')}",
                "type": "text",
                "headline": word("relatedheadline"),
                "body_html": f"<p>{word('relatedbody')}</p>",
                "renditions": {"x": {"href": f"https://x.example/{word('relatedlink')}.jpg"}},
            },
        },
    }


def _second_edition(word: Callable[[str], str], topic: str, body: str) -> dict[str, Any]:
    large, small = _links(word)
    picture = _picture(word) | {
        "name": word("association"),
        "headlines": [{"role": "main", "value": word("mediaheadline")}],
        "descriptions": [
            {"role": "caption", "value": word("caption")},
            {"role": "alt", "value": word("alt")},
            {"role": "creditline", "value": word("credit")},
        ],
        "renditions": [large | {"name": word("renditionname")}, small | {"name": "small"}],
    }
    return {
        "headlines": [
            {"role": "main", "value": word("headline")},
            {"role": "internal", "value": word("otherheadline")},
        ],
        "by": word("byline"),
        "slugline": word("slugline"),
        "located": word("located"),
        "bodies": [
            {"role": "main", "contenttype": "text/html", "value": body},
            {"role": "script", "contenttype": "text/vnd.nitf", "value": word("nitf")},
        ],
        "keywords": [word("keyword")],
        "subjects": [{"uri": topic, "name": word("subject"), "literal": word("literal")}],
        "places": _concept(word, "place"),
        "genres": _concept(word, "genre"),
        "people": [{"name": word("person"), "rel": word("rel")}],
        "organisations": _concept(word, "organisation"),
        "objects": _concept(word, "thing"),
        "events": _concept(word, "event"),
        "infosources": [{"name": word("infosource")}],
        "ednote": word("ednote"),
        "usageterms": word("usage"),
        "copyrightholder": word("holder"),
        "copyrightnotice": word("notice"),
        "altids": [{"role": "internal", "value": word("altid")}],
        "associations": [picture],
    }


def _third_edition(word: Callable[[str], str], topic: str, body: str) -> dict[str, Any]:
    story = _second_edition(word, topic, body)
    renamed = {
        "contenttype": "contentType",
        "infosources": "infoSources",
        "ednote": "edNote",
        "usageterms": "usageTerms",
        "copyrightholder": "copyrightHolder",
        "copyrightnotice": "copyrightNotice",
        "altids": "altIds",
    }

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {renamed.get(name, name): rename(inner) for name, inner in value.items()}
        return [rename(inner) for inner in value] if isinstance(value, list) else value

    return dict(rename(story)) | {"trustIndicators": [{"title": word("trust")}]}


def _descriptions(word: Callable[[str], str], edition: int) -> dict[str, Any]:
    html = (
        f"<!-- {word('comment')} --><p hidden>{word('hidden')}</p><p>{word('teaser')} in short."
        f"<span style='display:none'>{word('unseen')}</span></p>"
    )
    if edition == 1:
        return {"description_html": html, "description_internal": word("otherdescription")}
    role = "contentType" if edition == 3 else "contenttype"
    return {
        "descriptions": [
            {"role": "summary", role: "text/html", "value": html},
            {"role": "internal", "value": word("otherdescription")},
        ]
    }
