"""`kill -9` of the server and of the partner, again and again: the partner's folder misses nothing.

The newsroom goes on publishing, correcting and killing; the follower runs in its own process and
goes on from its state. At the end its folder is what the agency shows, story by story, and the
agency agrees on how much it was told.
"""

import asyncio
import json
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.process.conftest import Tell
from tests.support.house import House, command, serving
from tests.support.process import PATIENCE, Wirefeed, wirefeed
from wirefeed.cli.wire_folder import name_of

#: medtop codes of what the partner may see, and may not.
SPORT, ECONOMY = "medtop:15000000", "medtop:04000000"
STORIES = 12


@dataclass(slots=True)
class Newsroom:
    """Sends again and again, and knows what was taken: of each story the newest."""

    token: str
    url: str
    chance: random.Random
    held: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: The same of what the partner may not see.
    hidden: dict[str, tuple[int, str]] = field(default_factory=dict)
    sent: int = 0

    async def send(self) -> None:
        """Publish, update or kill a story; try again until it is answered."""
        guid = f"urn:story:{self.chance.randrange(STORIES)}-{self.sent // 40}"
        version, status = self.held.get(guid, (0, "usable"))
        if status == "canceled":
            return
        version += 1
        status = "canceled" if version > 1 and self.chance.random() < 0.2 else "usable"
        story: dict[str, object] = {
            "uri": guid,
            "version": str(version),
            "pubstatus": status,
            "language": "en",
            "headline": f"Headline {version} of {guid}",
            "body_html": f"<p>Text {version} of {guid}</p>",
            "subject": [{"code": SPORT}],
        }
        await self._post(story)
        self.held[guid] = (version, status)
        self.sent += 1
        if self.sent % 7 == 0:
            guid = f"urn:hidden:{self.sent}"
            await self._post(
                {
                    **story,
                    "uri": guid,
                    "pubstatus": "usable",
                    "body_html": f"<p>Text {version} of {guid}</p>",
                    "subject": [{"code": ECONOMY}],
                }
            )
            self.hidden[guid] = (version, "usable")

    async def _post(self, story: dict[str, object]) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with (
                        aiohttp.ClientSession() as http,
                        http.post(
                            f"{self.url}/api/v1/stories", json=story, headers=headers
                        ) as answer,
                    ):
                        if answer.status < 300:
                            return
                        assert answer.status in {409, 503}, await answer.text()
                        if answer.status == 409:
                            # It was taken, and the answer was lost.
                            return
                except aiohttp.ClientError:
                    pass
                # The server was killed, and comes back.
                await asyncio.sleep(0.05)


@dataclass(slots=True)
class Partner:
    """What a partner has on its disk."""

    house: House
    token: str
    home: Path

    @contextmanager
    def following(self, *more: str) -> Iterator[Wirefeed]:
        where = ("--state", str(self.home / "state"), "--into", str(self.home / "stories"))
        with wirefeed(
            "follow",
            self.house.url,
            *where,
            "--backfill",
            *more,
            folder=self.home,
            environ={"WIREFEED_TOKEN": self.token},
        ) as follower:
            yield follower

    def held(self) -> dict[str, tuple[int, str]]:
        found = {}
        for path in (self.home / "stories").glob("*.json"):
            story = json.loads(path.read_bytes())
            assert path.name == name_of(story["uri"])
            if story["pubStatus"] == "canceled":
                assert b"Text" not in path.read_bytes()
            else:
                text = f"<p>Text {story['version']} of {story['uri']}</p>"
                assert story["bodies"][0]["value"] == text
            found[story["uri"]] = (int(story["version"]), story["pubStatus"])
        return found


@pytest.fixture
def partner(house: House, tmp_path: Path) -> Partner:
    with serving(house):
        command(house, "subscribers", "add", "gazette", "--name", "x", "--plan", "sport")
        token = command(house, "tokens", "issue", "gazette")
    home = tmp_path / "partner"
    home.mkdir()
    return Partner(house, token, home)


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same in every run


def test_a_partner_misses_nothing_whoever_is_killed(
    house: House, partner: Partner, soak: bool, tell: Tell
):
    rounds = 30 if soak else 8
    newsroom_token = command(house, "tokens", "issue", "--source", "newsroom")
    newsroom = Newsroom(newsroom_token, house.url, chance(7))
    kills = 0
    for number in range(rounds):
        # The server is killed at the end of every round, the follower in every other.
        with ExitStack() as running:
            workers = str(1 + number % 2)
            server = running.enter_context(serving(house, WIREFEED_SERVER__WORKERS=workers))
            follower = running.enter_context(partner.following())
            follower.wait_for("following")
            asyncio.run(bursts(newsroom, server, follower if number % 2 else None))
            kills += 1 + number % 2
    with serving(house):
        with partner.following("--once") as last:
            assert last.ended() == 0, last.said
        assert partner.held() == newsroom.held
        agreed = asyncio.run(reconciled(partner))
        # What it may see besides is fetched as soon as it may.
        plans = ("--plan", "sport", "--plan", "economy")
        command(house, "subscribers", "set", "gazette", *plans)
        with partner.following("--once") as last:
            assert last.ended() == 0, last.said
        assert partner.held() == newsroom.held | newsroom.hidden
        asyncio.run(reconciled(partner))
    tell(f"follow: {kills} kills, {newsroom.sent} changes sent, {agreed} heard, lost 0")
    assert agreed >= len(newsroom.held)


async def bursts(newsroom: Newsroom, server: Wirefeed, follower: Wirefeed | None) -> None:
    for _ in range(newsroom.chance.randrange(10, 30)):
        await newsroom.send()
    if follower is not None:
        follower.signal(signal.SIGKILL)
        for _ in range(newsroom.chance.randrange(5)):
            await newsroom.send()
    server.signal(signal.SIGKILL)


async def reconciled(partner: Partner) -> int:
    """Have the agency say what it told up to where the partner is; it has to agree."""
    state = json.loads((partner.home / "state").read_bytes())
    headers, after, total = {"Authorization": f"Bearer {partner.token}"}, "oldest", 0
    async with aiohttp.ClientSession() as http:
        while True:
            asked = {"after": after, "until": state["cursor"], "limit": "500"}
            async with http.get(
                f"{partner.house.url}/api/v1/wire/reconcile", params=asked, headers=headers
            ) as answer:
                told = await answer.json()
                assert answer.status == 200, told
            total += int(told["count"])
            if not told["more"]:
                break
            after = told["next"]
    assert told["agrees"] is True
    assert (told["total"], told["digest"]) == (state["total"], state["digest"])
    return total


def test_a_follower_outlives_its_server(house: House, partner: Partner):
    newsroom_token = command(house, "tokens", "issue", "--source", "newsroom")
    newsroom = Newsroom(newsroom_token, house.url, chance(1))
    with ExitStack() as running:
        server = running.enter_context(serving(house))
        follower = running.enter_context(partner.following())
        asyncio.run(newsroom.send())
        follower.wait_for("publish")
        server.signal(signal.SIGKILL)
        assert server.ended() == -signal.SIGKILL
        follower.wait_for("trying again")
        running.enter_context(serving(house))
        while newsroom.sent < 5:
            asyncio.run(newsroom.send())
        (last, (version, _)) = list(newsroom.held.items())[-1]
        while f"{version}  {last}" not in (said := follower.wait_for("urn:story")):
            assert said
        assert partner.home.joinpath("stories", name_of(last)).exists()
