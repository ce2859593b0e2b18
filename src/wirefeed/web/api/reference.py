"""The reference of the HTTP API: the document for machines, and a page made of it for people."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import hdrs, web

from wirefeed.web.api import problems
from wirefeed.web.api.operation import Call, Caller, Operation, Raw, Result
from wirefeed.web.rendering import render
from wirefeed.web.request import HOUSE

DOCUMENT: web.AppKey[Mapping[str, Any]] = web.AppKey("openapi")
_JSON = Raw(media_types=("application/json",), schema={"type": "object"})
_CACHE = "public, max-age=300"
_LANGUAGE = "en"


@Operation(
    method="GET",
    path="/api/v1/openapi.json",
    access=Caller.ANYONE,
    tag="About",
    gives=_JSON,
    tagged=True,
    cache=_CACHE,
)
async def openapi(call: Call[None, None]) -> Result:
    """Give this description, as OpenAPI 3.1."""
    return Result(value=msgspec.json.encode(call.app[DOCUMENT]))


async def docs(request: web.Request) -> web.StreamResponse:
    """Show the description to people."""
    languages = request.app[HOUSE].languages
    return render(
        request,
        "api.html",
        _LANGUAGE if _LANGUAGE in languages else languages[0],
        {
            "description": "The HTTP API: every address, what it takes and what it gives.",
            "canonical": request.app[HOUSE].url(request.path),
            **shown(request.app[DOCUMENT]),
        },
        headers={hdrs.CACHE_CONTROL: _CACHE},
    )


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give the page what it shows of a document."""
    url = document["servers"][0]["url"]
    operations = [
        _operation(document, url, method, path, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    return {
        "url": url,
        "version": document["info"]["version"],
        "about": document["info"]["description"].split("\n\n"),
        "groups": [
            {
                "id": tag["name"].lower().replace(" ", "-"),
                "name": tag["name"],
                "text": tag["description"],
                "operations": [o for o in operations if o["tag"] == tag["name"]],
            }
            for tag in document["tags"]
        ],
        "problems": [
            {"status": status.value, "phrase": status.phrase, "text": kind.meaning}
            for status, kind in problems.KINDS.items()
        ],
        "schemas": [
            {
                "name": name,
                # Written for those who read the source, where names of fields are marked.
                "text": schema.get("description", "").replace("`", ""),
                "type": _type(schema),
                "fields": _fields(schema),
            }
            for name, schema in document["components"]["schemas"].items()
        ],
    }


def _operation(
    document: Mapping[str, Any], url: str, method: str, path: str, told: Mapping[str, Any]
) -> dict[str, Any]:
    responses = told["responses"]
    good = {code: responses[code] for code in responses if "$ref" not in responses[code]}
    bad = [HTTPStatus(int(code)) for code in responses if code not in good]
    body = told.get("requestBody", {}).get("content", {})
    return {
        "id": told["operationId"],
        "tag": told["tags"][0],
        "method": method.upper(),
        "path": path,
        "summary": told["summary"],
        "text": _paragraphs(told.get("description", "")),
        "needs": _needs(document, told),
        "parameters": [
            {
                "name": parameter["name"],
                "in": parameter["in"],
                "required": parameter["required"],
                "type": _type(parameter["schema"]),
                "bounds": _bounds(parameter["schema"]),
                "text": parameter.get("description", ""),
            }
            for parameter in told.get("parameters", [])
        ],
        "takes": _contents(body),
        "gives": [
            {
                "status": code,
                "phrase": response["description"],
                "contents": _contents(response.get("content", {})),
                "headers": list(response.get("headers", {})),
            }
            for code, response in good.items()
        ],
        "problems": [{"status": status.value, "phrase": status.phrase} for status in bad],
        "answer": _example(next(iter(good.values())).get("content", {})),
        "curl": "\n".join(_curl(url, method, path, told)),
    }


def _needs(document: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any] | None:
    if not told["security"]:
        return None
    ((scheme, scopes),) = told["security"][0].items()
    return {
        "who": document["components"]["securitySchemes"][scheme]["description"],
        "scopes": scopes,
        "permission": told.get("x-permission", ""),
        "roles": told.get("x-roles", []),
    }


def _contents(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"media_type": media_type, "type": _type(held["schema"])}
        for media_type, held in content.items()
    ]


def _example(content: Mapping[str, Any]) -> str:
    for held in content.values():
        if "example" in held:
            return _pretty(held["example"])
    return ""


def _pretty(example: object) -> str:
    if isinstance(example, str):
        return example
    return json.dumps(example, ensure_ascii=False, indent=2)


def _curl(url: str, method: str, path: str, told: Mapping[str, Any]) -> Iterator[str]:
    """Write a command that can be pasted into a shell, one argument a line."""
    address = url + path
    query = []
    heads = []
    for parameter in told.get("parameters", []):
        example = str(parameter.get("example", ""))
        match parameter["in"]:
            case "path":
                address = address.replace(f"{{{parameter['name']}}}", example)
            case "query" if example:
                query.append(f"{parameter['name']}={example}")
            case "header" if parameter["name"] == hdrs.IF_MATCH:
                heads.append('"If-Match: $ETAG"')
    address += "?" * bool(query) + "&".join(query)
    if told["security"]:
        heads.append('"Authorization: Bearer $TOKEN"')
    content = told.get("requestBody", {}).get("content", {})
    heads += [shlex.quote(f"Content-Type: {media_type}") for media_type in list(content)[:1]]
    arguments = [f"-H {head}" for head in heads]
    if content:
        arguments.append(f"--data-binary {shlex.quote(_example(content))}")
    verb = "" if method == "get" or (method == "post" and content) else f"-X {method.upper()} "
    yield " \\\n  ".join([f"curl {verb}{shlex.quote(address)}", *arguments])


def _fields(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "required": name in schema.get("required", ()),
            "type": _type(held),
            "bounds": _bounds(held),
            "text": held.get("description", ""),
        }
        for name, held in schema.get("properties", {}).items()
    ]


def _type(schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """Name the type of a value, in words of which some are links to their schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [{"text": name, "href": f"#schema-{name}"}]
    if "anyOf" in schema:
        return _joined([_type(choice) for choice in schema["anyOf"]], " or ")
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return [{"text": " or ".join(json.dumps(value) for value in values), "href": ""}]
    if schema.get("type") == "array":
        return [{"text": "list of ", "href": ""}, *_type(schema.get("items", {}))]
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return [{"text": "name → ", "href": ""}, *_type(schema["additionalProperties"])]
    kind = str(schema.get("format") or schema.get("type", "anything"))
    return [{"text": kind, "href": ""}]


def _joined(types: Sequence[list[dict[str, str]]], word: str) -> list[dict[str, str]]:
    joined = list(types[0])
    for parts in types[1:]:
        joined += [{"text": word, "href": ""}, *parts]
    return joined


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minItems": "{} or more",
    "maxItems": "{} at most",
}


def _bounds(schema: Mapping[str, Any]) -> str:
    """Say within which bounds a value is."""
    told = [words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema]
    if schema.get("default") not in (None, "", [], {}):
        told.append(f"{json.dumps(schema['default'])} if left out")
    return ", ".join(told)


def _paragraphs(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part]


ENDPOINTS = [openapi]
ROUTES = [web.get("/api/docs", docs)]
