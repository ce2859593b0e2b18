"""A real wire: 5,968 stories of 1987, imported by the command, served to who may have what."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.coverage import RULES, table, written
from tests.process.conftest import Tell
from tests.support.house import House
from tests.support.process import free_ports, wirefeed
from tests.support.readers import (
    FORMATS,
    agreed,
    as_reader_has,
    by_reader,
    fetch,
    subscribed,
    unchanged,
)

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("WIREFEED_SAMPLES", ROOT.parent / "shared" / "data"))
STORIES = SAMPLES / "reuters-21578" / "stories.ninjs.jsonl"
COUNT = 5_968

pytestmark = pytest.mark.skipif(
    not STORIES.is_file(),
    reason="WIREFEED_SAMPLES names no folder with reuters-21578/stories.ninjs.jsonl",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Set up an agency with the project's own topics and plans, and two more plans."""
    folder = tmp_path_factory.mktemp("real-wire")
    port = free_ports(2)
    return House(
        folder=folder,
        port=port,
        environ={
            "WIREFEED_TAXONOMY__TOPICS": str(ROOT / "config" / "topics.toml"),
            "WIREFEED_TAXONOMY__PLANS": str(ROOT / "config" / "plans.toml"),
            "WIREFEED_FEED__HOURS": "0",
            "WIREFEED_SERVER__PORT": str(port),
        },
    )


def run(house: House, *arguments: str) -> list[str]:
    with wirefeed(*arguments, folder=house.folder, environ=house.environ) as ran:
        assert ran.ended() == 0, ran.said
        return ran.said


def test_the_whole_wire_is_taken_and_a_second_run_changes_nothing(house: House, tell: Tell):
    began = time.perf_counter()
    line, *_ = run(house, "import", str(STORIES))
    taken = time.perf_counter() - began
    assert line == f"{COUNT} new, 0 updated, 0 unchanged, 0 older, 0 rejected"
    before = run(house, "stories", "list", "--limit", "1000", "--json")

    began = time.perf_counter()
    again, *_ = run(house, "import", str(STORIES))
    tell(
        f"real wire: {COUNT} stories in {taken:.1f} s, {COUNT / taken:.0f} a second, durable;"
        f" again in {time.perf_counter() - began:.1f} s"
    )
    assert again == f"0 new, 0 updated, {COUNT} unchanged, 0 older, 0 rejected"
    assert run(house, "stories", "list", "--limit", "1000", "--json") == before


@pytest.fixture(scope="module")
def topics(house: House) -> list[str]:
    """Name the topics of the project's tree."""
    return [t["slug"] for t in json.loads("\n".join(run(house, "topics", "list", "--json")))]


@pytest.fixture(scope="module")
def credentials(house: House) -> dict[str, str]:
    """Give a token and a private base of a subscriber to the economy, and of one to sport."""
    made = {}
    for topic in ("economy", "sport"):
        run(house, "plans", "add", topic, "--topics", topic, "--level", "full")
        run(house, "subscribers", "add", topic, "--name", topic, "--plan", topic)
        (made[f"{topic} token"],) = run(house, "tokens", "issue", topic)
        (made[f"{topic} key"],) = run(house, "feedkeys", "issue", topic)
    return made


@pytest.fixture(scope="module")
def url(house: House, credentials: dict[str, str]) -> Iterator[str]:
    with wirefeed("serve", folder=house.folder, environ=house.environ) as server:
        server.wait_for("wirefeed serves")
        yield house.url


@pytest.mark.parametrize(
    ("caller", "level"),
    [
        ("public", "summary"),
        ("economy token", "full"),
        ("economy key", "full"),
        ("sport token", "summary"),
        ("sport key", "summary"),
    ],
)
def test_each_caller_has_fifty_stories_at_the_level_of_its_plan(
    url: str, credentials: dict[str, str], caller: str, level: str
):
    address, sent = f"{url}/en/topics/economy.json", {}
    if caller.endswith("key"):
        address = f"{credentials[caller]}en/topics/economy.json"
    if caller.endswith("token"):
        address = f"{url}/subscriber/en/topics/economy.json"
        sent = {"Authorization": f"Bearer {credentials[caller]}"}

    status, headers, body = fetch(address, **sent)

    assert status == 200
    items = json.loads(body)["items"]
    assert [item["_wirefeed"]["level"] for item in items] == [level] * 50
    if caller.endswith("token"):
        why = "; why=topic" if level == "summary" else ""
        assert headers["wirefeed-levels"] == f"{level}=50{why}"
    longest = max(len(re.sub(r"<[^>]*>", "", item["content_html"])) for item in items)
    assert (longest > 1500) == (level == "full")


def test_bodies_are_whole_and_teasers_are_not(url: str, credentials: dict[str, str]):
    with STORIES.open(encoding="utf-8") as file:
        bodies = {story["uri"]: story["body_html"] for story in map(json.loads, file)}
    _, _, body = fetch(f"{credentials['economy key']}en/topics/economy.json")
    full = {item["id"]: item["content_html"] for item in json.loads(body)["items"]}
    _, _, body = fetch(f"{url}/en/topics/economy.json")
    teasers = {item["id"]: item["content_html"] for item in json.loads(body)["items"]}

    assert full.keys() == teasers.keys()
    for guid, shown in full.items():
        whole = words(bodies[guid])
        assert whole in words(shown)
        # Of a story longer than a summary, the end is for those who have it in full.
        if len(whole.split()) > 80:
            assert whole[-60:] not in words(teasers[guid])


def words(markup: str) -> str:
    """Give the text of HTML, spaces told as one."""
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


def test_every_feed_is_read_alike_by_every_reader_and_again_with_304(
    url: str, credentials: dict[str, str], topics: list[str], tmp_path: Path, tell: Tell
):
    tails = ["latest", *(f"topics/{topic}" for topic in topics)]
    stems = [f"{url}/en/{tail}" for tail in tails]
    stems += [f"{credentials['economy key']}en/{tail}" for tail in tails]
    read = {stem: agreed(stem) for stem in stems}
    for stem in stems:
        unchanged(stem)
    assert sum(len(items) == 50 for items in read.values()) > 6
    addresses = [f"{stem}.{form}" for stem in stems for form in FORMATS]
    reader = subscribed(tmp_path, addresses)
    try:
        for stem in stems:
            for form in FORMATS:
                assert by_reader(reader, f"{stem}.{form}") == as_reader_has(read[stem])
    finally:
        reader.close()
    tell(
        f"real wire: {len(addresses)} feeds, {sum(map(len, read.values()))} items,"
        " read alike by all"
    )


def test_the_default_window_loses_pollers_less_of_the_wire_than_fifty_items(tell: Tell):
    rows = table(STORIES)

    tell(written(rows))
    fifty, default = RULES
    assert all(row.shares[default] <= row.shares[fifty] for row in rows)
    assert rows[-1].shares[fifty] > 0
