"""The document of the API: valid, complete, of one mind with what is served, and told to people."""

import json
import re
import shlex
from html.parser import HTMLParser
from itertools import combinations
from typing import Any

import jsonschema
import msgspec
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tests.security.routes import table
from tests.support import api as labels
from tests.support.agency import PUBLIC_URL, Agency
from tests.support.answers import ask
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.openapi import document
from wirefeed.web.api.operation import CSV, Call, Caller, Endpoint, Operation, Param, Raw, Result
from wirefeed.web.api.reference import shown
from wirefeed.web.api.routes import ENDPOINTS, TAGS

TOLD = document(ENDPOINTS, TAGS, name="Test Agency", url=PUBLIC_URL)
LABELS = document(labels.ENDPOINTS, {"Labels": "Labels."}, name="Labels", url=PUBLIC_URL)
#: Pages about the API, which are for people.
PAGES = {"/api/docs"}


def schema(told: dict[str, Any], ref: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Make a validator of a schema in a document."""
    return jsonschema.Draft202012Validator({**ref, "components": told["components"]})


def operations(told: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    ]


# --- the document --------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [TOLD, LABELS], ids=["ours", "labels"])
def test_it_is_valid(told):
    assert told["openapi"] == "3.1.0"
    jsonschema.Draft202012Validator(OPENAPI_31).validate(json.loads(msgspec.json.encode(told)))
    for component in told["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(component)


@pytest.mark.parametrize("told", [TOLD, LABELS], ids=["ours", "labels"])
def test_every_reference_leads_somewhere(told):
    for ref in re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(told).decode()):
        place: Any = told
        for name in ref.split("/"):
            place = place[name]


def test_every_route_is_in_it_and_everything_in_it_is_a_route():
    served = {
        (route.method, route.template)
        for route in table()
        if route.template.startswith("/api/") and route.template not in PAGES
    }
    told = {(method, path) for method, path, _ in operations(TOLD)}
    # HEAD follows from GET.
    assert {(method, path) for method, path in served if method != "HEAD"} == told


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.id)
def test_an_endpoint_is_told_well(endpoint: Endpoint):
    operation = endpoint.operation
    assert operation.path.startswith("/api/v1/")
    assert endpoint.summary[:1].isupper(), f"{endpoint.id}: its docstring is what is told of it"
    assert len(endpoint.summary) < 90
    assert operation.tag in TAGS
    assert operation.body is None or operation.example is not None, f"{endpoint.id}: show a body"
    if operation.gives is not None and operation.access is not Caller.ANYONE:
        assert operation.answer is not None, f"{endpoint.id}: show an answer"


def test_names_are_given_once():
    names = [endpoint.id for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)
    assert {endpoint.operation.tag for endpoint in ENDPOINTS} == set(TAGS)


def test_no_address_can_be_read_as_another():
    templates = {endpoint.operation.path: endpoint.operation for endpoint in ENDPOINTS}
    for one, other in combinations(templates, 2):
        for path, operation in ((one, templates[other]), (other, templates[one])):
            pattern = re.sub(
                r"\{(\w+)\}",
                lambda found: f"(?:{operation.params[found[1]].pattern.pattern})",  # noqa: B023
                operation.path.replace(".", r"\."),
            )
            assert not re.fullmatch(pattern, path), f"{path} would be taken for {operation.path}"


@pytest.mark.parametrize("told", [TOLD, LABELS], ids=["ours", "labels"])
def test_examples_fit_what_they_are_examples_of(told):
    for method, path, operation in operations(told):
        held = [operation.get("requestBody", {}), *operation["responses"].values()]
        held += told["components"]["responses"].values()
        for content in (c for h in held for c in h.get("content", {}).values()):
            if "example" in content:
                schema(told, content["schema"]).validate(content["example"])
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                schema(told, parameter["schema"]).validate(parameter["example"])
        assert method in {"GET", "POST", "PUT", "PATCH", "DELETE"}, path


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, *labels.ENDPOINTS], ids=lambda e: e.id)
def test_examples_are_read_as_they_stand(endpoint: Endpoint):
    operation = endpoint.operation
    for kind, example in ((operation.body, operation.example), (operation.gives, operation.answer)):
        if isinstance(kind, type) and example is not None:
            msgspec.convert(example, kind)
    if operation.query is not None:
        msgspec.convert(dict(operation.query_example), operation.query, strict=False)


def test_a_guarded_operation_says_what_guards_it():
    get, put = (LABELS["paths"]["/api/v1/labels/{name}"][method] for method in ("get", "put"))
    assert put["security"] == [{"administrator": ["admin:write"]}]
    assert (put["x-permission"], put["x-roles"]) == ("plans:write", ["owner"])
    assert {"401", "403", "412", "428", "422", "415", "404"} <= set(put["responses"])
    assert [p["name"] for p in put["parameters"]] == ["name", "If-Match", "If-None-Match"]
    assert "304" in get["responses"]
    assert "ETag" in get["responses"]["200"]["headers"]
    assert "ETag" not in put["responses"]["200"].get("headers", {})
    assert "Location" in put["responses"]["201"]["headers"]


def test_a_list_says_how_it_goes_on():
    told = LABELS["paths"]["/api/v1/labels"]["get"]
    assert [p["name"] for p in told["parameters"]] == ["limit", "after"]
    assert told["parameters"][0]["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 1000, "default": 100
    }  # fmt: skip
    assert told["responses"]["200"]["links"]["next"]["operationId"] == "list_labels"
    assert "Link" in told["responses"]["200"]["headers"]


def test_problems_have_their_headers():
    responses = TOLD["components"]["responses"]
    assert "WWW-Authenticate" in responses["Unauthorized"]["headers"]
    assert "Retry-After" in responses["ServiceUnavailable"]["headers"]
    assert "Retry-After" in responses["TooManyRequests"]["headers"]


# --- descriptions that contradict themselves -----------------------------------------------------


class Open(msgspec.Struct):
    """It takes unknown fields."""


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/api/v1/x/{name}"},
        {"params": {"name": Param(pattern=re.compile("a"), description="", example="a")}},
        {"body": Open},
        {"query": Open},
        {"method": "GET", "match": Match.OPTIONAL},
        {"method": "POST", "match": Match.REQUIRED},
    ],
)
def test_a_description_that_contradicts_itself_is_refused_at_once(wrong):
    whole = {"method": "PUT", "path": "/api/v1/x", "access": Caller.ANYONE, "tag": "X"} | wrong
    with pytest.raises(TypeError):
        Operation(**whole)


def test_a_table_is_told_as_text():
    @Operation(method="PUT", path="/api/v1/x.csv", access=Caller.ANYONE, tag="X", body=CSV)
    async def put_x(call: Call[bytes, None]) -> Result:
        """Put."""
        raise NotImplementedError

    told = document([put_x], {"X": "x"}, name="X", url=PUBLIC_URL)
    content = told["paths"]["/api/v1/x.csv"]["put"]["requestBody"]["content"]
    assert content == {"text/csv": {"schema": {"type": "string"}}}
    assert isinstance(CSV, Raw)


# --- as it is served -----------------------------------------------------------------------------


async def test_it_is_public_and_kept(agency: Agency):
    answer = await ask(agency, "/api/v1/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert json.loads(answer.body) == json.loads(msgspec.json.encode(TOLD))
    again = await ask(agency, "/api/v1/openapi.json", {"If-None-Match": answer.tag})
    assert (again.status, again.body, again.tag) == (304, b"", answer.tag)
    credential = {"Authorization": "Bearer nonsense"}
    assert (await ask(agency, "/api/v1/openapi.json", credential)).body == answer.body


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and tag == "a":
                self.links.append(value or "")


async def test_people_read_all_of_it_on_a_page(agency: Agency):
    answer = await ask(agency, "/api/docs")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script" not in answer.headers["Content-Security-Policy"]
    page = Page(answer.text)
    assert page.tags & {"script", "style", "iframe"} == set()
    assert len(set(page.ids)) == len(page.ids)
    for link in page.links:
        assert not link.startswith("#") or link[1:] in page.ids, link
    for endpoint in ENDPOINTS:
        assert endpoint.id in page.ids
        assert endpoint.operation.path in answer.text
    for name in TOLD["components"]["schemas"]:
        assert f"schema-{name}" in page.ids
    style = await ask(agency, "/static/api.css")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")


@pytest.mark.parametrize("told", [TOLD, LABELS], ids=["ours", "labels"])
def test_its_commands_are_ready_for_a_shell(told):
    for group in shown(told)["groups"]:
        for operation in group["operations"]:
            words = shlex.split(operation["curl"].replace("\\\n", " "))
            assert words[0] == "curl"
            assert [word for word in words if word.startswith(PUBLIC_URL)], operation["curl"]
            assert "{" not in next(word for word in words if word.startswith(PUBLIC_URL))
            if "--data-binary" in words:
                body = words[words.index("--data-binary") + 1]
                assert body
