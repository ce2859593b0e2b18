"""What an agency answers over HTTP, and what its feeds say, for tests to compare."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDictProxy
from yarl import URL

from tests.support.agency import Agency

BROWSER = {"Sec-Fetch-Dest": "document"}
FORMATS = ("rss", "atom", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def tag(self) -> str:
        return self.headers["ETag"]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def kept(self) -> dict[str, str]:
        """The headers that must be the same for the same document, whenever it is asked for.

        How an answer came about (RFC 9211) is another matter.
        """
        changing = {"Date", "Cache-Status"}
        return {name: value for name, value in self.headers.items() if name not in changing}

    @property
    def items(self) -> dict[str, dict[str, Any]]:
        """The items of a JSON Feed by id, in their order."""
        assert self.status in {200, 226}, self.text
        return {item["id"]: item for item in json.loads(self.body)["items"]}

    @property
    def levels(self) -> dict[str, str]:
        """How much of each story a JSON Feed shows: its level, or its status if it was killed."""
        return {
            guid: "killed" if item["_wirefeed"].get("status") == "canceled" else level
            for guid, item in self.items.items()
            if (level := item["_wirefeed"].get("level", "notice"))
        }


async def ask(
    agency: Agency, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
) -> Answer:
    """Ask for an address exactly as it is written; redirects are answers."""
    async with agency.http.request(
        method, URL(path, encoded=True), headers=headers or {}, allow_redirects=False
    ) as answer:
        return Answer(status=answer.status, headers=answer.headers, body=await answer.read())


async def look(
    agency: Agency, path: str = "/en/latest.json", headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give the levels of a JSON Feed's stories by their feed GUID."""
    return (await ask(agency, path, headers)).levels


def basic(base: str, user: str = "reader") -> dict[str, str]:
    """Give the header that carries the feed key of a private address as HTTP Basic."""
    pair = f"{user}:{base.removeprefix('/f/')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
