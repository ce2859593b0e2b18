"""Stories of a topic that nobody in a test asks for: the wire goes on with them."""

import json

from tests.support.agency import MEDIA_TOPICS, Agency
from wirefeed.formats import ninjs
from wirefeed.services.publishing import GROUP, Message


async def come(agency: Agency, first: int, many: int) -> None:
    """Let so many of them come, from a number on."""
    for at in range(first, first + many, GROUP):
        several = [_message(number) for number in range(at, min(at + GROUP, first + many))]
        await agency.services.publishing.accept_all(several, "desk")


def _message(number: int) -> Message:
    story = {"uri": f"urn:news:other:{number}", "version": "1", "language": "en", "headline": "A"}
    raw = json.dumps({**story, "subject": [{"code": MEDIA_TOPICS["politics"]}]}).encode()
    return Message(raw=raw, revision=ninjs.parse(raw))
