"""What all endpoints of the API share: who is let in, how a call is read, tags and cursors."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDictProxy
from yarl import URL

from tests.support.agency import PUBLIC_URL, START
from tests.support.api import DONE, LABELS, Label, labelling
from wirefeed.domain.errors import Unacceptable
from wirefeed.web.api.times import micros, moment

FRAGILE = "/api/v1/labels/fragile"
OWNER = {"Authorization": "Bearer owner-rw"}
NEW = {"If-None-Match": "*"}


@dataclass(slots=True)
class Api:
    app: web.Application
    http: aiohttp.ClientSession

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] = OWNER, body: object = None
    ) -> "Answer":
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if sent is not None else {}
        async with self.http.request(
            method, URL(path, encoded=True), data=sent, headers={**kind, **headers}
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())


@dataclass(slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def problem(self) -> tuple[int, str]:
        """The status, and what is at fault."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        assert self.headers["Cache-Control"] == "no-store"
        return self.status, self.json.get("field", "")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with labelling(tmp_path) as (app, http):
        app[LABELS]["fragile"] = Label(name="fragile", text="Fragile")
        yield Api(app, http)


# --- who is let in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "status"),
    [("", 401), ("nobody-rw", 401), ("desk-rw", 403), ("auditor-rw", 403), ("owner-r", 403)],
)
async def test_a_right_is_looked_at_before_anything_that_was_sent(api: Api, token, status):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for path, body in (
        (FRAGILE, b"{"),
        ("/api/v1/labels/unknown", {"text": "x"}),
        (f"{FRAGILE}?nothing=1", {"text": 1}),
    ):
        answer = await api.ask("PUT", path, {**headers, "Content-Type": "text/plain"}, body)
        assert answer.problem[0] == status
    assert api.app[DONE] == []


@pytest.mark.parametrize(
    ("token", "status"), [("auditor-r", 200), ("sales-rw", 200), ("desk-rw", 403)]
)
async def test_a_role_reads_what_it_may(api: Api, token, status):
    answer = await api.ask("GET", FRAGILE, {"Authorization": f"Bearer {token}"})
    assert answer.status == status


async def test_a_refusal_says_what_is_lacking(api: Api):
    role = await api.ask("PUT", FRAGILE, {"Authorization": "Bearer auditor-rw"}, {})
    assert role.json["detail"] == "the role auditor does not include plans:write"
    assert "owner" in role.json["remedy"]
    scope = await api.ask("PUT", FRAGILE, {"Authorization": "Bearer owner-r"}, {})
    assert scope.problem == (403, "scope")


async def test_answers_are_private_and_not_kept(api: Api):
    for path in (FRAGILE, "/api/v1/labels"):
        answer = await api.ask("GET", path)
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Vary"] == "Authorization"
        assert answer.headers["Content-Type"] == "application/json"


# --- addresses and methods -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Fragile", "-x", "x" * 65, "a_b", "%66ragile", "a.b"])
async def test_what_is_no_name_is_no_address(api: Api, name):
    answer = await api.ask("GET", f"/api/v1/labels/{name}")
    assert answer.problem[0] == 404
    assert api.app[DONE] == []


async def test_other_methods_are_told_which_there_are(api: Api):
    answer = await api.ask("POST", FRAGILE)
    assert answer.problem[0] == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, PUT"


async def test_head_is_get_without_content(api: Api):
    got, head = await api.ask("GET", FRAGILE), await api.ask("HEAD", FRAGILE)
    assert head.body == b""
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]


# --- queries -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limt=1", "limt"),
        ("limit=1&limit=1", "limit"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=", "limit"),
        ("limit", "limit"),
        ("limit=x", "limit"),
        ("LIMIT=1", "LIMIT"),
        ("=1", "?"),
        ("%0D%0AX:=1", "?"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused_by_its_name(api: Api, query, field):
    answer = await api.ask("GET", f"/api/v1/labels?{query}")
    assert answer.problem == (400, field)


async def test_an_address_without_parameters_takes_none(api: Api):
    answer = await api.ask("GET", f"{FRAGILE}?x=1")
    assert answer.problem == (400, "x")


# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, ""),
        (b"{", 400, ""),
        (b"[]", 400, ""),
        (b'{"text":"a"}}', 400, ""),
        (b'\xef\xbb\xbf{"text":"a"}', 400, ""),
        (b'{"text":"\xff"}', 400, ""),
        (b'{"text":"a","text":"b"}', 400, "$.text"),
        (b'{"text":NaN}', 400, ""),
        (b'{"text":"\\ud800"}', 400, ""),
        ({}, 422, "$.text"),
        ({"text": 1}, 422, "$.text"),
        ({"text": None}, 422, "$.text"),
        ({"text": "x" * 21}, 422, "$.text"),
        ({"text": "a", "colour": "red"}, 422, "$.colour"),
        ({"text": "a", "odd key": 1}, 422, "$['odd key']"),
        ({"text": "a", "inks": [{"colour": "red"}, {}]}, 422, "$.inks[1].colour"),
        ({"text": "a", "inks": [{"colour": "red", "drops": 10}]}, 422, "$.inks[0].drops"),
        ({"text": "a", "inks": [{"colour": "RED"}]}, 422, "$.inks[0].colour"),
        ({"text": "a", "inks": [{"colour": "red", "drops": 1.5}]}, 422, "$.inks[0].drops"),
        ({"text": "a", "names": {"en": 1}}, 422, "$.names[*]"),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused_by_its_field(api: Api, body, status, field):
    answer = await api.ask("PUT", FRAGILE, OWNER | NEW, body)
    assert answer.problem == (status, field)
    assert api.app[DONE] == []


async def test_a_number_is_whole_however_it_is_written(api: Api):
    body = b'{"text":"a","inks":[{"colour":"red","drops":4.0}]}'
    answer = await api.ask("PUT", FRAGILE, OWNER | {"If-Match": "*"}, body)
    assert answer.json["inks"] == [{"colour": "red", "drops": 4}]


async def test_a_large_body_is_read_as_strictly(api: Api):
    names = {f"n{n}": "x" * 100 for n in range(300)}
    headers = OWNER | NEW
    assert (
        await api.ask("PUT", "/api/v1/labels/a", headers, {"text": "a", "names": names})
    ).status == 201
    bad = {"text": "a", "names": names, "more": 1}
    assert (await api.ask("PUT", "/api/v1/labels/b", headers, bad)).problem == (422, "$.more")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Content-Type": "text/plain"}, {"Accept": "application/json"}),
        ({"Content-Type": "application/xml"}, {"Accept": "application/json"}),
        ({"Content-Type": "application/json; charset=utf-16"}, {"Accept": "application/json"}),
        ({"Content-Encoding": "gzip"}, {"Accept-Encoding": "identity"}),
    ],
)
async def test_another_kind_of_body_is_told_which_is_taken(api: Api, headers, told):
    answer = await api.ask("PUT", FRAGILE, OWNER | NEW | headers, {"text": "a"})
    assert answer.problem[0] == 415
    assert dict(answer.headers) | told == dict(answer.headers)


async def test_a_table_comes_and_goes_as_text(api: Api):
    headers = OWNER | {"Content-Type": "text/csv; charset=utf-8"}
    answer = await api.ask("PUT", "/api/v1/labels.csv", headers, "name\r\nğ\r\n".encode())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.body.decode() == "NAME\r\nğ\r\n".encode().upper().decode()
    assert (await api.ask("PUT", "/api/v1/labels.csv", OWNER, {})).problem[0] == 415


# --- tags ----------------------------------------------------------------------------------------


async def test_nobody_overwrites_what_another_has_changed(api: Api):
    tag = (await api.ask("GET", FRAGILE)).headers["ETag"]
    first = await api.ask("PUT", FRAGILE, OWNER | {"If-Match": tag}, {"text": "First"})
    assert (first.status, first.json["version"]) == (200, 2)
    second = await api.ask("PUT", FRAGILE, OWNER | {"If-Match": tag}, {"text": "Second"})
    assert second.problem == (412, "If-Match")
    assert (await api.ask("GET", FRAGILE)).json["text"] == "First"


async def test_a_tag_names_one_state(api: Api):
    first = await api.ask("GET", FRAGILE)
    assert first.headers["ETag"].startswith('"')
    assert (await api.ask("GET", FRAGILE)).headers["ETag"] == first.headers["ETag"]
    await api.ask("PUT", FRAGILE, OWNER | {"If-Match": "*"}, {"text": "Other"})
    assert (await api.ask("GET", FRAGILE)).headers["ETag"] != first.headers["ETag"]


async def test_a_put_is_answered_without_a_validator(api: Api):
    answer = await api.ask("PUT", FRAGILE, OWNER | {"If-Match": "*"}, {"text": "Other"})
    assert "ETag" not in answer.headers


async def test_a_change_that_has_to_name_its_state_is_refused_without(api: Api):
    answer = await api.ask("PUT", FRAGILE, OWNER, {"text": "a"})
    assert answer.problem == (428, "If-Match")
    assert answer.json["remedy"]
    assert api.app[DONE] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("*", 204),
        ("{tag}", 204),
        ('"other", {tag}', 204),
        ('"other",{tag} , "more"', 204),
        ("W/{tag}", 412),
        ('"other"', 412),
        ("{tag}x", 400),
        ("other", 400),
        ("'x'", 400),
        ('*, "x"', 400),
    ],
)
async def test_if_match_is_compared_strongly(api: Api, sent, status):
    tag = (await api.ask("GET", FRAGILE)).headers["ETag"]
    answer = await api.ask("DELETE", FRAGILE, OWNER | {"If-Match": sent.format(tag=tag)})
    assert answer.status == status
    assert ("fragile" in api.app[LABELS]) is (status != 204)


async def test_nothing_matches_what_is_not_there(api: Api):
    answer = await api.ask("PUT", "/api/v1/labels/new", OWNER | {"If-Match": "*"}, {"text": "a"})
    assert answer.problem == (412, "If-Match")
    assert (await api.ask("DELETE", "/api/v1/labels/new", OWNER | {"If-Match": "*"})).status == 404


async def test_who_creates_says_so(api: Api):
    made = await api.ask("PUT", "/api/v1/labels/new", OWNER | NEW, {"text": "a"})
    assert (made.status, made.headers["Location"]) == (201, f"{PUBLIC_URL}/api/v1/labels/new")
    again = await api.ask("PUT", "/api/v1/labels/new", OWNER | NEW, {"text": "b"})
    assert again.problem == (412, "If-None-Match")
    odd = await api.ask(
        "PUT", "/api/v1/labels/new", OWNER | {"If-None-Match": '"x"'}, {"text": "b"}
    )
    assert odd.problem == (400, "If-None-Match")


async def test_who_holds_the_state_is_not_given_it_again(api: Api):
    got = await api.ask("GET", FRAGILE)
    for sent in (got.headers["ETag"], f"W/{got.headers['ETag']}", f'"x", {got.headers["ETag"]}'):
        for method in ("GET", "HEAD"):
            answer = await api.ask(method, FRAGILE, OWNER | {"If-None-Match": sent})
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["ETag"] == got.headers["ETag"]
            assert answer.headers["Vary"] == "Authorization"
    for sent in ("*", '"x"', "x", ""):
        assert (await api.ask("GET", FRAGILE, OWNER | {"If-None-Match": sent})).status == 200


async def test_a_condition_that_is_not_heeded_is_refused(api: Api):
    headers = OWNER | {"Content-Type": "text/csv", "If-Match": '"x"'}
    assert (await api.ask("PUT", "/api/v1/labels.csv", headers, b"a")).problem == (400, "If-Match")


async def test_an_endpoint_that_forgets_to_compare_is_a_bug(api: Api):
    assert (await api.ask("PATCH", "/api/v1/forgetful", OWNER, {"text": "a"})).status == 500


# --- lists ---------------------------------------------------------------------------------------


async def test_a_list_is_read_in_parts_to_its_end(api: Api):
    names = [f"n{n:02}" for n in range(11)]
    api.app[LABELS].clear()
    api.app[LABELS].update({name: Label(name=name, text=name) for name in names})
    seen, path = [], "/api/v1/labels?limit=4"
    while path:
        answer = await api.ask("GET", path)
        part = answer.json
        seen += [label["name"] for label in part["labels"]]
        path = f"/api/v1/labels?limit=4&after={part['next']}" if part["next"] else ""
        link = f'<{PUBLIC_URL}{path}>; rel="next"'
        assert answer.headers.get("Link") == (link if path else None)
    assert seen == names


@pytest.mark.parametrize("change", ["x{}", "{}x", "{}=", "{}%20", "x", "fragile", "%FF", "A" * 500])
async def test_a_cursor_is_ours_or_none(api: Api, change):
    api.app[LABELS]["more"] = Label(name="more", text="")
    cursor = (await api.ask("GET", "/api/v1/labels?limit=1")).json["next"]
    answer = await api.ask("GET", f"/api/v1/labels?after={change.format(cursor)}")
    assert answer.problem == (404, "after")
    assert answer.json["remedy"]


# --- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-03-01T12:00:00.123456Z", START + 123_456),
        ("2026-03-01T14:00:00+02:00", START),
    ],
)
def test_a_time_is_the_same_inside(text, inside):
    assert micros(datetime.fromisoformat(text), "$.ends") == inside
    assert moment(inside) == datetime.fromisoformat(text)


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_no_clock_shows_is_refused(text):
    with pytest.raises(Unacceptable) as refused:
        micros(datetime.fromisoformat(text), "$.ends")
    assert refused.value.field == "$.ends"
