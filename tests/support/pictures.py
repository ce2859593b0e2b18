"""Pictures of stories as newsrooms send them, and the links to them that documents hold."""

import re
from typing import Any

from tests.support.agency import PUBLIC_URL

LINK = re.compile(
    re.escape(PUBLIC_URL)
    + r"(/media/[a-z2-7]{16}/[0-9a-f]{32}/[a-z2-7]{16}(?:\.[a-z0-9]{2,4})?)(?![a-z0-9./])"
)


def picture(*hrefs: str) -> dict[str, Any]:
    """Associate a picture with a story, in several sizes."""
    return {
        "type": "picture",
        "headline": "A picture",
        "renditions": {
            f"r{n}": {"href": href, "mimetype": "image/jpeg", "width": 1200 - 100 * n}
            for n, href in enumerate(hrefs)
        },
    }


def links_in(text: str) -> list[str]:
    """Give the links to media in a document, as paths, each once."""
    return list(dict.fromkeys(LINK.findall(text)))
