"""The OpenAPI 3.1 document, made from the descriptions of the endpoints. No I/O.

Its schemas are those that read requests and shape answers, so it says what holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import hdrs

from wirefeed import __version__
from wirefeed.domain.roles import Permission, holders
from wirefeed.web.api import problems
from wirefeed.web.api.conditions import Match
from wirefeed.web.api.operation import Caller, Endpoint, Operation, Raw
from wirefeed.web.api.reading import JSON

_ABOUT = """\
Everything the command line does, over HTTP.

A credential is a bearer token in the header Authorization (RFC 6750). An administrator's token \
carries the scope admin:read, admin:write or both, and can do no more than its owner's role.

Bodies are JSON in UTF-8, read strictly: an unknown member, a member twice or a parameter that \
does not exist is refused. Times are in UTC, as RFC 3339 has them.

What goes wrong is told in a problem document (RFC 9457) that names the field at fault and what \
would put it right.

What can be changed has an ETag. Send it back as If-Match, and the change is made only if nobody \
else has made one since (412 if so). An address that asks for it answers 428 without.

Lists come in parts: go on with the cursor in next, until it is null. A cursor is a word of ours; \
it belongs to its list and means nothing elsewhere.\
"""
_SCHEMES = {
    "administrator": "An administrator's token.",
    "account": "A subscriber's own token.",
    "partner": "A subscriber's own token, with the scope wire:read.",
    "newsroom": "A newsroom's token, with the scope stories:write.",
}
_ETAG, _LINK, _LOCATION = "ETag", "Link", "Location"
#: What clients may rely on to be there.
_HEADERS = {
    _ETAG: ("Names this state of it (RFC 9110 §8.8.3).", {"type": "string"}),
    _LINK: ('Where the list goes on, as rel="next" (RFC 8288).', {"type": "string"}),
    _LOCATION: ("The address of what was made.", {"type": "string", "format": "uri"}),
    "Retry-After": ("Seconds to wait.", {"type": "string", "pattern": "^[0-9]+$"}),
    "WWW-Authenticate": ("The scheme to use (RFC 6750 §3).", {"type": "string"}),
}
_Json = dict[str, Any]


def document(
    endpoints: Sequence[Endpoint], tags: Mapping[str, str], *, name: str, url: str
) -> _Json:
    """Make the document: of an agency's name, at its public address."""
    schemas = _Schemas(endpoints)
    paths: dict[str, _Json] = {}
    for endpoint in endpoints:
        path = paths.setdefault(endpoint.operation.path, {})
        path[endpoint.operation.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name}: HTTP API", "version": __version__, "description": _ABOUT},
        "servers": [{"url": url}],
        "tags": [{"name": tag, "description": text} for tag, text in tags.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {_key(status): problems.response(status) for status in problems.KINDS},
            "headers": {
                header: {"description": text, "schema": schema}
                for header, (text, schema) in _HEADERS.items()
            },
            "securitySchemes": {
                scheme: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": text,
                }
                for scheme, text in _SCHEMES.items()
            },
        },
    }


class _Schemas:
    """The schemas of all that is sent, and where each is referred to."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        operations = [endpoint.operation for endpoint in endpoints]
        named = (kind for o in operations for kind in (o.query, o.body, o.gives))
        types = sorted(
            {problems.Problem, *(kind for kind in named if isinstance(kind, type))},
            key=lambda kind: (kind.__qualname__, kind.__module__),
        )
        schemas, components = msgspec.json.schema_components(
            types, ref_template="#/components/schemas/{name}"
        )
        self._by_type = dict(zip(types, schemas, strict=True))
        queries = {o.query for o in operations if o.query is not None}
        # A query is told by its parameters; nothing refers to it as a whole.
        names = {kind: self._by_type[kind]["$ref"].rpartition("/")[2] for kind in queries}
        self._queries = {kind: components[name] for kind, name in names.items()}
        self.components = {
            name: schema
            for name, schema in sorted(components.items())
            if name not in names.values()
        }

    def of(self, kind: type[Any] | Raw) -> _Json:
        """Give the schema of a body."""
        return dict(kind.schema) if isinstance(kind, Raw) else self._by_type[kind]

    def query(self, kind: type[Any] | None) -> _Json:
        """Give the schema of a query."""
        return self._queries[kind] if kind else {}


def _operation(endpoint: Endpoint, schemas: _Schemas) -> _Json:
    operation = endpoint.operation
    told: _Json = {
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "tags": [operation.tag],
        "security": _security(operation),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.description:
        told["description"] = endpoint.description
    if isinstance(operation.access, Permission):
        told["x-permission"] = operation.access.value
        told["x-roles"] = [role.value for role in holders(operation.access)]
    if parameters := [*_in_path(operation), *_in_query(operation, schemas), *_in_head(operation)]:
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = {
            "required": True,
            "content": _content(operation.body, schemas, operation.example),
        }
    return told


def _security(operation: Operation[Any, Any]) -> list[_Json]:
    match operation.access:
        case Caller.ANYONE:
            return []
        case Caller.ACCOUNT:
            return [{"account": []}]
        case Caller.WIRE:
            return [{"partner": ["wire:read"]}]
        case Caller.SOURCE:
            return [{"newsroom": ["stories:write"]}]
        case permission:
            # OpenAPI 3.1 §4.8.30: for schemes other than OAuth2, roles that are needed.
            return [{"administrator": [permission.scope.value]}]


def _in_path(operation: Operation[Any, Any]) -> list[_Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": param.description,
            "schema": {"type": "string", "pattern": f"^(?:{param.pattern.pattern})$"},
            "example": param.example,
        }
        for name, param in operation.params.items()
    ]


def _in_query(operation: Operation[Any, Any], schemas: _Schemas) -> list[_Json]:
    schema = schemas.query(operation.query)
    parameters = []
    for name, described in schema.get("properties", {}).items():
        parameter: _Json = {"name": name, "in": "query", "required": name in schema["required"]}
        parameter["schema"] = {k: v for k, v in described.items() if k != "description"}
        if "description" in described:
            parameter["description"] = described["description"]
        if name in operation.query_example:
            parameter["example"] = operation.query_example[name]
        parameters.append(parameter)
    return parameters


def _in_head(operation: Operation[Any, Any]) -> list[_Json]:
    text = {"type": "string"}
    parameters = []
    if operation.match is not Match.UNUSED:
        must = operation.match.is_required and operation.method != hdrs.METH_PUT
        parameters.append(
            _header("If-Match", text, "The ETag of the state that is changed.", required=must)
        )
        if operation.method == hdrs.METH_PUT:
            parameters.append(
                _header("If-None-Match", text | {"const": "*"}, "Only if there is none yet.")
            )
    if operation.tagged and operation.method == hdrs.METH_GET:
        parameters.append(_header("If-None-Match", text, "The ETag of the state you hold."))
    return parameters


def _header(name: str, schema: _Json, text: str, *, required: bool = False) -> _Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": text,
        "schema": schema,
    }


def _responses(endpoint: Endpoint, schemas: _Schemas) -> _Json:
    operation = endpoint.operation
    responses: _Json = {}
    for status in operation.statuses:
        response: _Json = {"description": status.phrase}
        if headers := _headers(operation, status):
            response["headers"] = {n: {"$ref": f"#/components/headers/{n}"} for n in headers}
        if operation.gives is not None:
            response["content"] = _content(operation.gives, schemas, operation.answer)
        if operation.is_listing:
            response["links"] = {
                "next": {
                    "operationId": endpoint.id,
                    "description": "The next part of the list.",
                    "parameters": {"after": "$response.body#/next"},
                }
            }
        responses[str(status.value)] = response
    if operation.tagged and operation.method == hdrs.METH_GET:
        responses["304"] = {
            "description": HTTPStatus.NOT_MODIFIED.phrase,
            "headers": {_ETAG: {"$ref": f"#/components/headers/{_ETAG}"}},
        }
    for status in sorted(problems.of(operation)):
        responses[str(status.value)] = {"$ref": f"#/components/responses/{_key(status)}"}
    return responses


def _headers(operation: Operation[Any, Any], status: HTTPStatus) -> list[str]:
    headers = []
    if operation.tagged and operation.method != hdrs.METH_PUT:
        headers.append(_ETAG)
    if operation.is_listing:
        headers.append(_LINK)
    if status is HTTPStatus.CREATED:
        headers.append(_LOCATION)
    return headers


def _content(kind: type[Any] | Raw, schemas: _Schemas, example: object) -> _Json:
    media_types = kind.media_types if isinstance(kind, Raw) else (JSON,)
    described: _Json = {"schema": schemas.of(kind)}
    if example is not None:
        described["example"] = example
    return dict.fromkeys(media_types, described)


def _key(status: HTTPStatus) -> str:
    return status.phrase.title().replace(" ", "")
