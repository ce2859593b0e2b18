"""A running `wirefeed demo`, and the ways to ask it."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import PATIENCE, Wirefeed, wirefeed
from wirefeed.demo import agency
from wirefeed.services.definitions import read_topics

AT = "2026-11-24T09:00:00Z"
LANGUAGES = ("en", "tr", "ar")
FORMATS = ("rss", "atom", "json")
#: Signed under a key that each start makes for itself; what it is for does not change.
SIGNED = re.compile(rb"(/media/[a-z2-7]{16})/[0-9a-f]{32}/[a-z2-7]{16}")
PRIVATE = re.compile(r"http://127\.0\.0\.1:\d+(/f/wf_feed_\w+/)en/latest\.rss")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo, and the way to its addresses."""

    process: Wirefeed
    http: http.client.HTTPConnection
    #: The path of its reader's private address.
    private: str

    def get(self, path: str) -> bytes:
        # The last request may be longer ago than an idle connection lives.
        self.http.close()
        self.http.request("GET", path)
        answer = self.http.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status)
        return body

    def items(self, path: str) -> list[dict[str, object]]:
        return list(json.loads(self.get(path))["items"])


@contextmanager
def demo(port: int, folder: Path) -> Iterator[Demo]:
    with wirefeed("demo", "--port", str(port), "--at", AT, folder=folder) as process:
        private = PRIVATE.search(process.wait_for("a private feed"))
        assert private is not None
        process.wait_for("What happens now")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            yield Demo(process, connection, private[1])
        finally:
            connection.close()


def feeds(folder: Path) -> list[str]:
    """Name every feed the demo has: latest and each topic, in each language and format."""
    taxonomy = read_topics(agency.settings("127.0.0.1", 1, folder).taxonomy)
    tails = ["latest", *(f"topics/{topic.slug}" for topic in taxonomy)]
    return [f"{lang}/{tail}.{form}" for lang in LANGUAGES for tail in tails for form in FORMATS]


def documents(demo: Demo, named: list[str]) -> dict[str, bytes]:
    """Fetch every feed, public and private; a private address is named by no document.

    Links to pictures are left without what each start signs them with.
    """
    public = {f"/{name}": demo.get(f"/{name}") for name in named}
    private = {f"/f/…/{name}": demo.get(f"{demo.private}{name}") for name in named}
    return {name: SIGNED.sub(rb"\1", given) for name, given in (public | private).items()}


def titles(demo: Demo, path: str) -> list[object]:
    return [item["title"] for item in demo.items(path)]


@dataclass(frozen=True, slots=True)
class Day:
    """Two starts of the demo at the same time: what each gave, and the second, still running."""

    demo: Demo
    first: dict[str, bytes]
    second: dict[str, bytes]

    def items(self, path: str) -> list[dict[str, object]]:
        """Give the items of a feed as it was when the day began."""
        return list(json.loads(self.second[path])["items"])
