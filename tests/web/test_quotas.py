"""The polite limit over HTTP: how it is said."""

import json

from aiohttp import web

from tests.support.agency import running, settings_in
from tests.support.answers import ask
from wirefeed.domain.errors import Overdrawn


async def test_whoever_takes_too_much_is_told_the_quota_and_when_there_is_more(tmp_path):
    async def greedy(_: web.Request) -> web.Response:
        raise Overdrawn(2, quota=300, window=60)

    async with running(settings_in(tmp_path), routes=[web.get("/greedy", greedy)]) as agency:
        answer = await ask(agency, "/greedy")

    assert answer.status == 429
    told = [answer.headers[name] for name in ("Retry-After", "RateLimit-Policy", "RateLimit")]
    assert told == ["2", '"answers";q=300;w=60', '"answers";r=0;t=2']
    assert json.loads(answer.text)["detail"] == (
        "So many full answers were asked for that the next has to wait; send If-None-Match."
    )
