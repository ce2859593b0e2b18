"""Feeds through the shipped nginx site, beside the same bytes that the same nginx has on its disk.

All come over TLS and are logged alike, so that the ratio is what keeping and passing on takes, and
no more. What is kept stands beside nginx's own cache without any rules of ours, too. Counted is
the processor time of nginx and wirefeed: on one core as many answers a second follow from it.
"""

import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench import machine
from tests.bench.datasets import dataset
from tests.bench.hot import held
from tests.bench.load import Answer, Ask, ask, load
from tests.bench.rows import Row, Sizes, in_turn
from tests.support.nginx import binary, nginx
from tests.support.process import free_ports

_BELIEVED = {"WIREFEED_SERVER__TRUSTED_PROXIES": "127.0.0.1/32"}
_BESIDE = """
server {{
    listen 127.0.0.1:{disk} ssl;
    ssl_certificate     {folder}/fullchain.pem;
    ssl_certificate_key {folder}/privkey.pem;
    access_log {folder}/access.log wirefeed;
    root {folder}/files;
    open_file_cache max=10;
    types {{ }}
    default_type "application/rss+xml; charset=utf-8";
    add_header Content-Encoding gzip;
}}
server {{
    listen 127.0.0.1:{cache} ssl;
    ssl_certificate     {folder}/fullchain.pem;
    ssl_certificate_key {folder}/privkey.pem;
    access_log {folder}/access.log wirefeed;
    open_file_cache max=10;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location = {public} {{
        proxy_cache wirefeed;
        proxy_cache_key "bare$request_uri";
        proxy_ignore_headers Vary;
        proxy_pass http://wirefeed;
    }}
}}
"""
_PUBLIC = Ask(path="/en/latest.rss", headers=(("Accept-Encoding", "gzip"),))
_FILES = {"public": Ask(path="/public.rss"), "private": Ask(path="/private.rss")}
_DISK, _CACHE = "the same nginx, same bytes from disk", "its cache alone, without our rules"
#: At most a ninth more: nine tenths as many a second.
_GOAL = "≤ 1.11"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A site of one nginx, asked for one feed."""

    port: int
    asked: Ask
    tls: ssl.SSLContext
    servers: Sequence[machine.Server]

    def answer(self) -> Answer:
        return ask(self.port, self.asked, self.tls)

    def cost(self, status: int, seconds: float) -> float:
        """Give what an answer takes, in full (200) or to one who holds it (304)."""
        sent = self.asked if status == 200 else held(self.asked, self.answer().headers["etag"])
        before = self._processor()
        given = load(self.port, [sent], status, seconds, self.tls)
        return (self._processor() - before) / given.answers * 1e6

    def _processor(self) -> float:
        return sum(server.cpu() for server in self.servers)


def figures(sizes: Sizes) -> list[Row]:
    """Measure a public and a private feed, in full and as held."""
    if binary() is None:
        print("edge: there is no nginx", file=sys.stderr)
        return []
    with (
        dataset(stories=sizes.few, subscribers=sizes.few) as agency,
        machine.wirefeed(agency.folder, _BELIEVED) as server,
        tempfile.TemporaryDirectory() as name,
    ):
        folder, private = Path(name), agency.by_key(0)
        disk = free_ports(2)
        _lay_out(folder, disk, {"public": _PUBLIC, "private": private}, server.port)
        with nginx(folder, server.port) as running:
            machine.keep_with_servers(running.process.pid)
            edge = int(running.url.rpartition(":")[2])
            pids = machine.family(running.process.pid)
            servers = [server, *(machine.Server(port=edge, pid=pid) for pid in pids)]

            def site(port: int, asked: Ask) -> _Site:
                return _Site(port=port, asked=asked, tls=running.tls, servers=servers)

            public = {
                "edge": site(edge, _PUBLIC),
                _DISK: site(disk, _FILES["public"]),
                _CACHE: site(disk + 1, _PUBLIC),
            }
            own = {"edge": site(edge, private), _DISK: site(disk, _FILES["private"])}
            return [
                *_compared("public feed through the edge, kept there", public, sizes),
                *_compared("private feed through the edge, passed on", own, sizes),
            ]


def _lay_out(folder: Path, port: int, asked: dict[str, Ask], server: int) -> None:
    """Write the other sites, and the files of one of them."""
    folder.chmod(0o755)  # its worker may be another user
    for part in ("beside", "files"):
        (folder / part).mkdir()
    site = _BESIDE.format(folder=folder, disk=port, cache=port + 1, public=_PUBLIC.path)
    (folder / "beside" / "sites.conf").write_text(site, "ascii")
    for kind, one in asked.items():
        answer = ask(server, one)
        assert answer.headers["content-encoding"] == "gzip", answer.headers
        (folder / "files" / _FILES[kind].path.lstrip("/")).write_bytes(answer.body)


def _compared(what: str, sites: dict[str, _Site], sizes: Sizes) -> Iterator[Row]:
    bodies = {site.answer().body for site in sites.values()}
    assert len(bodies) == 1, what
    length = len(bodies.pop())
    for status in (200, 304):
        works = {name: partial(site.cost, status, sizes.seconds) for name, site in sites.items()}
        found = in_turn(sizes.rounds, works)
        for against in (name for name in sites if name != "edge"):
            yield Row(
                what=f"{what}, {length / 1000:.0f} kB, {status}",
                figure=found["edge"],
                unit="µs of processor",
                reference=found[against],
                against=against,
                goal=_GOAL if against == _DISK else "",
            )
