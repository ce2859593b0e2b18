"""Bad input, as it is sent: what both kinds of bad-input tests share."""

from tests.security import raw
from tests.security.guarded import VALUES, WRITING, Gate
from tests.security.raw import Answer

JSON = "Content-Type: application/json"
EVIL = "evil.example"


async def post(gate: Gate, body: bytes, *headers: str) -> Answer:
    """Send a body as the newsroom does."""
    bearer = f"Authorization: Bearer {gate.writing.token}"
    request = raw.post(WRITING, body, bearer, *(headers or (JSON,)))
    return await raw.ask(gate.agency.port, request)


def story(**members: object) -> dict[str, object]:
    return {"uri": "urn:test:bad", "version": "1", "language": "en", "headline": "x"} | members


def public_paths() -> list[str]:
    feeds = ["/en/latest.rss", "/en/latest.atom", "/en/latest.json", "/en/topics/sport.json"]
    return ["/en/", *feeds, f"/en/stories/{VALUES['id'][0]}/x"]
