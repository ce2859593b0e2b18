"""ninjs 3.1 as far as entries use it, after IPTC's schema (CC BY 4.0), and our own member."""

from typing import Any

STRING = {"type": "string"}
WHEN = {"type": "string", "format": "date-time"}
_LABELLED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["value"],
        "additionalProperties": False,
        "properties": {"role": STRING, "contentType": STRING, "value": STRING},
    },
}
_CONCEPTS = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"name": STRING, "uri": {**STRING, "format": "uri"}, "literal": STRING},
    },
}
_KIND = {
    "enum": [
        *("text", "audio", "video", "picture", "graphic", "composite", "component"),
        *("event", "planning"),
    ]
}
_RENDITIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            **dict.fromkeys(("name", "contentType", "title"), STRING),
            "href": {**STRING, "format": "uri"},
            **{name: {"type": "integer"} for name in ("width", "height", "sizeInBytes")},
            "duration": {"type": "number"},
        },
    },
}
_PROPERTIES: dict[str, Any] = {
    "uri": STRING,
    "type": _KIND,
    "representationType": {"enum": ["full", "partial"]},
    **dict.fromkeys(("version", "language", "title", "by", "slugline", "located"), STRING),
    **dict.fromkeys(("versionCreated", "firstCreated", "embargoedUntil"), WHEN),
    "pubStatus": {"enum": ["usable", "withheld", "canceled"]},
    "urgency": {"type": "integer", "minimum": 1, "maximum": 9},
    **dict.fromkeys(("copyrightHolder", "copyrightNotice", "usageTerms", "edNote"), STRING),
    **dict.fromkeys(("descriptions", "bodies", "headlines"), _LABELLED),
    **dict.fromkeys(("subjects", "places", "genres"), _CONCEPTS),
    "renditions": _RENDITIONS,
    "keywords": {"type": "array", "items": STRING},
    "altIds": {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"role": STRING, "value": STRING},
        },
    },
    "standard": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"name": {"const": "ninjs"}, "version": {"pattern": "^3[.]"}},
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["uri", "version", "wirefeed"],
    "additionalProperties": False,
    "properties": {
        **_PROPERTIES,
        "associations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "uri"],
                "additionalProperties": False,
                "properties": {**_PROPERTIES, "name": STRING, "rel": STRING},
            },
        },
        # An extension, as ninjs foresees them (IPTC, "ninjs schema extension").
        "wirefeed": {"type": "object"},
    },
}
