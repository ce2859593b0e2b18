"""Stories as newsrooms send them."""

import json
from typing import Any

MEDIA_TOPICS = {"sport": "medtop:15000000", "economy": "medtop:04000000"}


def story(name: str, topic: str = "sport", **fields: Any) -> dict[str, Any]:
    """Give a ninjs 1.x story of a topic."""
    return {
        "uri": f"tag:news.example,2026:{name}",
        "version": "1",
        "versioncreated": "2026-03-01T12:00:00Z",
        "pubstatus": "usable",
        "language": "en",
        "headline": f"Headline of {name}",
        "body_html": f"<p>First paragraph of {name}.</p>" + "<p>More of it.</p>" * 40,
        "subject": [{"code": MEDIA_TOPICS[topic]}],
    } | fields


def lines(*stories: dict[str, Any]) -> bytes:
    """Write stories as JSON lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in stories)
