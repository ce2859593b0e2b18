"""A partner that follows the wire as the documentation has it: keeps its cursor, and its digest."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.agency import Agency

WIRE = "/api/v1/wire"


def digest_of(entries: list[dict[str, Any]], start: bytes = bytes(32)) -> str:
    """Compute the digest of entries, one after the other."""
    digest = start
    for entry in entries:
        line = f"\n{entry['wirefeed']['change']} {entry['version']} {entry['uri']}"
        digest = hashlib.sha256(digest + line.encode()).digest()
    return digest.hex()


@dataclass(slots=True)
class Partner:
    """One subscriber's machine."""

    agency: Agency
    token: dict[str, str]
    #: With every question: filters.
    filters: dict[str, str] = field(default_factory=dict)
    cursor: str = "oldest"
    entries: list[dict[str, Any]] = field(default_factory=list)
    pages: list[dict[str, Any]] = field(default_factory=list)

    async def poll(self, **query: Any) -> dict[str, Any]:
        """Ask for the next page, check it, and keep it."""
        asked = {"after": self.cursor} if self.cursor else {}
        asked |= self.filters | {name: str(value) for name, value in query.items()}
        async with self.agency.http.get(WIRE, params=asked, headers=self.token) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "application/json"
            page = dict(json.loads(await answer.read()))
        assert page["count"] == len(page["items"]) <= int(asked.get("limit", 100))
        self.entries += page["items"]
        self.pages.append(page)
        assert page["total"] == len(self.entries)
        assert page["digest"] == digest_of(self.entries)
        self.cursor = page["next"]
        return page

    async def catch_up(self, **query: Any) -> list[dict[str, Any]]:
        """Ask until there is no more; gives what was new."""
        before = len(self.entries)
        while (await self.poll(**query))["more"]:
            pass
        return self.entries[before:]

    @property
    def heard(self) -> list[tuple[str, str, int]]:
        """What it heard of: kind, guid, version."""
        return [told(entry) for entry in self.entries]


def told(entry: dict[str, Any]) -> tuple[str, str, int]:
    """Give kind, guid and version of an entry."""
    return entry["wirefeed"]["change"], entry["uri"], int(entry["version"])


async def partner(agency: Agency, *plans: str, name: str = "gazette", **options: Any) -> Partner:
    """Add a subscriber with plans, and give its machine."""
    await agency.subscriber(name, *plans)
    return Partner(agency, await agency.token(name), **options)
