"""The shipped nginx site, run by a real nginx before a real wirefeed."""

import gzip
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from tests.support.agency import PUBLIC_URL, Agency, running, settings_in
from tests.support.answers import Answer, ask, basic
from tests.support.nginx import Nginx, binary, nginx, set_up
from tests.support.pictures import links_in, picture
from tests.support.process import free_ports
from wirefeed.config import Server
from wirefeed.domain.credentials import SecretKind, make_secret

pytestmark = pytest.mark.skipif(binary() is None, reason="there is no nginx")

FEED = "/en/latest.rss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An agency with nginx before it."""

    agency: Agency
    nginx: Nginx
    http: aiohttp.ClientSession

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(
            method,
            URL(f"{self.nginx.url}{path}", encoded=True),
            headers={"Host": "news.example", **sent},
            ssl=self.nginx.tls,
            server_hostname="news.example",
            allow_redirects=False,
        ) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    @property
    def answered(self) -> int:
        """How many answers wirefeed has given."""
        counts = self.agency.services.counts
        return sum(number for (name, *_), number in counts.items() if name == "answers")


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    (tmp_path / "edge").mkdir()
    server = Server(public_url=PUBLIC_URL, trusted_proxies=("127.0.0.1/32",))
    # Another address than nginx has, as it is with readers.
    reader = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with (
        running(settings_in(tmp_path, server=server)) as agency,
        aiohttp.ClientSession(connector=reader, auto_decompress=False) as http,
    ):
        await agency.publish("tag:news.example,2026:a")
        with nginx(tmp_path / "edge", agency.port) as before:
            yield Edge(agency=agency, nginx=before, http=http)


def served_by_nginx(answer: Answer) -> bool:
    return any(
        value.startswith("nginx; hit") for value in answer.headers.getall("Cache-Status", [])
    )


def test_nginx_takes_the_site(tmp_path: Path):
    _, main = set_up(tmp_path, 9)
    tried = subprocess.run(
        [binary() or "", "-t", "-p", str(tmp_path), "-c", str(main)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tried.returncode, "test is successful" in tried.stderr) == (0, True), tried.stderr


async def test_what_is_public_is_fetched_once(edge: Edge):
    direct = await ask(edge.agency, FEED)
    before = edge.answered
    first, *others = [await edge.ask(FEED, Accept_Encoding="identity") for _ in range(4)]
    assert not served_by_nginx(first)
    assert all(map(served_by_nginx, others))
    assert edge.answered == before + 1
    for answer in (first, *others):
        assert (answer.status, answer.body, answer.tag) == (200, direct.body, direct.tag)
        assert answer.headers["Cache-Control"] == direct.headers["Cache-Control"]


async def test_each_coding_is_kept_apart(edge: Edge):
    direct = await ask(edge.agency, FEED)
    sent = ("gzip", "identity", "gzip, deflate, br", "gzip")
    answers = [await edge.ask(FEED, Accept_Encoding=coding) for coding in sent]
    given = [answer.headers.get("Content-Encoding", "") for answer in answers]
    assert given == ["gzip", "", "br", "gzip"]
    assert answers[1].body == direct.body
    for packed in (answers[0], answers[3]):
        assert gzip.decompress(packed.body) == direct.body
    assert [served_by_nginx(answer) for answer in answers] == [False, False, False, True]


async def test_who_holds_what_is_public_is_told_so_by_nginx_itself(edge: Edge):
    first = await edge.ask(FEED)
    before = edge.answered
    for held in (
        {"If_None_Match": first.tag},
        {"If_None_Match": f'"other", {first.tag}'},
        {"If_Modified_Since": first.headers["Last-Modified"]},
    ):
        again = await edge.ask(FEED, **held)
        assert (again.status, again.body, again.tag) == (304, b"", first.tag)
    assert (await edge.ask(FEED, If_None_Match='W/"other"')).status == 200
    assert edge.answered == before


async def test_what_is_one_readers_is_never_kept(edge: Edge):
    await edge.agency.subscriber("gazette", "sport")
    base = await edge.agency.feed_key("gazette")
    token = (await edge.agency.token("gazette"))["Authorization"]
    addresses: list[tuple[str, dict[str, str]]] = [
        (f"{base}{FEED}", {}),
        (f"{base}/", {}),
        (f"/subscriber{FEED}", {"Authorization": token}),
        (f"/subscriber{FEED}", basic(base)),
        ("/api/v1/account", {"Authorization": token}),
        # Here credentials are not looked at; whoever sends one is still not served by others'.
        (FEED, {"Authorization": token}),
        (FEED, {"Cookie": f"wirefeed_key={base.removeprefix('/f/')}"}),
        (FEED, {"A_IM": "feed"}),
    ]
    await edge.ask(FEED)
    for path, sent in addresses:
        before = edge.answered
        answers = [await edge.ask(path, **sent) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 200], path
        assert not any(map(served_by_nginx, answers)), path
        assert edge.answered == before + 2, path
    assert (await edge.ask(f"/subscriber{FEED}")).status == 401


async def test_a_link_to_a_picture_is_asked_of_wirefeed_each_time_and_not_logged(edge: Edge):
    await edge.agency.publish("urn:a", associations={"a": picture("https://m.example/a.jpg")})
    await edge.agency.subscriber("gazette", "sport")
    base = await edge.agency.feed_key("gazette")
    (link,) = links_in((await ask(edge.agency, f"{base}{FEED}")).text)
    for _ in range(2):
        answer = await edge.ask(link)
        assert (answer.status, answer.headers["Location"]) == (302, "https://m.example/a.jpg")
        assert answer.headers["Cache-Control"] == "private, no-store"
    await edge.agency.services.newsdesk.kill("urn:a")
    assert (await edge.ask(link)).status == 410
    logged = edge.nginx.logged()
    story, signature, _ = link.removeprefix("/media/").split("/")
    assert f'"GET /media/{story}/(link)" 410' in logged
    assert signature not in logged


async def test_who_holds_what_is_its_own_is_told_so_by_wirefeed(edge: Edge):
    await edge.agency.subscriber("gazette", "sport")
    base = await edge.agency.feed_key("gazette")
    first = await edge.ask(f"{base}{FEED}")
    again = await edge.ask(f"{base}{FEED}", If_None_Match=first.tag)
    assert (again.status, again.tag) == (304, first.tag)


async def test_a_browsers_page_and_a_readers_feed_are_kept_apart(edge: Edge):
    for _ in range(2):
        page = await edge.ask(FEED, Sec_Fetch_Dest="document")
        feed = await edge.ask(FEED)
        assert page.headers["Content-Type"].startswith("text/html")
        assert feed.headers["Content-Type"].startswith("application/rss+xml")


async def test_no_log_of_it_holds_a_credential(edge: Edge):
    await edge.agency.subscriber("gazette", "sport")
    base = await edge.agency.feed_key("gazette")
    secret = base.removeprefix("/f/")
    for path in (
        f"{base}{FEED}",
        f"{base}/",
        f"{base}?key={secret}",
        f"/f/x/{secret}",
        f"/h/{secret}",
        f"{FEED}?token={secret}",
        f"//f/{secret}{FEED}",
        f"/%66/{secret}{FEED}",
        f"/nowhere/{secret}",
    ):
        await edge.ask(path, Referer=f"https://news.example{base}/", User_Agent=secret)
    await edge.ask(FEED)
    logged = edge.nginx.logged()
    assert f'"GET {FEED}" 200' in logged
    assert f'"GET /f/(key){FEED}" 200' in logged
    assert secret not in logged
    assert secret[10:24] not in logged


async def test_what_nginx_says_of_a_wirefeed_that_is_away_holds_no_credential(tmp_path: Path):
    secret = make_secret(SecretKind.FEED, bytes(range(32)))
    async with aiohttp.ClientSession() as http:
        with nginx(tmp_path, free_ports()) as alone:
            for path in (f"/f/{secret}{FEED}", f"/{secret}", f"/x?token={secret}"):
                sent = {"Host": "news.example", "Referer": f"https://news.example/f/{secret}/"}
                async with http.get(
                    alone.url + path,
                    headers=sent,
                    ssl=alone.tls,
                    server_hostname="news.example",
                ) as answer:
                    assert answer.status == 502
            logged = alone.logged()
        assert '" 502 ' in logged
        assert secret not in logged


async def test_a_reader_cannot_say_where_it_comes_from(edge: Edge):
    await edge.agency.subscriber("gazette", "sport")
    issued = await edge.agency.services.feed_keys.issue("gazette")
    await edge.ask(f"/f/{issued.secret}{FEED}", X_Forwarded_For="203.0.113.9")
    (seen,) = await edge.agency.services.usage.seen(issued.row.id)
    assert seen.network.startswith("127.0.0.")


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
async def test_what_is_for_operators_is_not_there(edge: Edge, path: str):
    assert (await edge.ask(path)).status == 404


async def test_a_plain_address_leads_to_the_one_with_tls(edge: Edge):
    async with edge.http.get(
        f"{edge.nginx.plain_url}{FEED}", headers={"Host": "evil.example"}, allow_redirects=False
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, f"{PUBLIC_URL}{FEED}")
