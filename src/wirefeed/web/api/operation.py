"""One operation of the HTTP API, described once. No I/O here, and no rules.

From the description come its route and its checks (`serving.py`), how what it takes is read
(`reading.py`), and its part of the OpenAPI document (`openapi.py`). An endpoint is a handler
under `@Operation(...)` in a module of this package, named in that module's `ENDPOINTS`; its
docstring is what the document says of it.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from wirefeed.domain.audit import Actor, Via
from wirefeed.domain.plans import Subscriber
from wirefeed.domain.readers import Reader
from wirefeed.domain.roles import Administrator, Permission
from wirefeed.web.api import conditions, cursors
from wirefeed.web.api.conditions import Match
from wirefeed.web.request import CLOCK

Body_co = TypeVar("Body_co", covariant=True)
Query_co = TypeVar("Query_co", covariant=True)
_Kind = TypeVar("_Kind")
_Held = TypeVar("_Held")

_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_GUARDED = frozenset({"PUT", "PATCH", "DELETE"})


class Caller(StrEnum):
    """Who may call an operation that is not for administrators."""

    ANYONE = "anyone"
    #: A subscriber's own token.
    ACCOUNT = "account"
    #: The same, if it may follow the wire and its subscription counts.
    WIRE = "wire"
    #: A newsroom's token.
    SOURCE = "source"


#: Administrators are let in by what they may do.
Access = Permission | Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A parameter in a path. What does not match is no address of ours: 404."""

    #: Full-matched, ASCII alone.
    pattern: re.Pattern[str]
    description: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A body that is not JSON of ours: the handler takes, or gives, its bytes."""

    media_types: tuple[str, ...]
    schema: Mapping[str, Any]


CSV = Raw(media_types=("text/csv",), schema={"type": "string"})


class Listing(msgspec.Struct, kw_only=True):
    """A part of a list; its own fields stand in the structs made of this one."""

    next: Annotated[
        str | None, Meta(description="The cursor of the next part; null: this is the last.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Body_co, Query_co]):
    """One call of an endpoint, let in and read."""

    request: web.Request
    endpoint: "Endpoint"
    #: Who calls, by the operation's `access`.
    caller: object
    params: Mapping[str, str]
    query: Query_co
    body: Body_co

    @property
    def app(self) -> web.Application:
        """Where the services are."""
        return self.request.app

    @property
    def now(self) -> int:
        """The time."""
        return self.request.app[CLOCK]()

    @property
    def administrator(self) -> Administrator:
        """Who administers."""
        return _are(self.caller, Administrator)

    @property
    def reader(self) -> Reader:
        """Whose account it is, and by which token."""
        return _are(self.caller, Reader)

    @property
    def source(self) -> str:
        """Which newsroom sends."""
        return _are(self.caller, str)

    @property
    def by(self) -> Actor:
        """Who does this, as the audit names it."""
        match self.caller:
            case Administrator(name=name):
                return Actor(id=f"admin:{name}", via=Via.API)
            case Reader(subscriber=Subscriber(id=subscriber)):
                return Actor(id=f"subscriber:{subscriber}", via=Via.ACCOUNT)
            case str(source):
                return Actor(id=f"source:{source}", via=Via.INGEST)
            case _:
                raise TypeError("whoever calls this is not known")

    def expect(self, current: object | None) -> None:
        """Go on only from the state that the caller knows; None: there is nothing yet.

        `current` is what a GET of the address gives. Raises `Outdated`.
        """
        conditions.check(self.request, current)

    def expecting(self, shown: Callable[[_Held], object]) -> Callable[[_Held | None], None]:
        """Give a service what it compares states with, in the transaction of the change.

        `shown` makes of what is held what a GET of the address gives.
        """
        return lambda held: self.expect(None if held is None else shown(held))

    def after(self) -> str | None:
        """Say behind which item a list goes on; None: at its beginning."""
        text = getattr(self.query, "after", "")
        return cursors.position(self.endpoint.id, text) if text else None

    def cursor(self, position: str) -> str:
        """Make the cursor of a place in this list: behind the item of this position."""
        return cursors.cursor(self.endpoint.id, position)


def _are(caller: object, kind: type[_Kind]) -> _Kind:
    if not isinstance(caller, kind):
        raise TypeError(f"only who is a {kind.__name__} gets here")
    return caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an endpoint gives."""

    #: Of the type that the operation gives; bytes when that is `Raw`, or a response that was sent.
    value: object = None
    #: One of the operation's `statuses`; None: its first.
    status: HTTPStatus | None = None
    #: The path of what was created.
    location: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Body_co, Query_co]):
    """A method on an address: who may, what it takes, what it gives."""

    method: str
    #: With `{name}` for each of `params`.
    path: str
    access: Access
    #: Under which heading it is told.
    tag: str
    params: Mapping[str, Param] = field(default_factory=dict)
    #: A Struct; a field without a default has to be sent.
    query: type[Query_co] | None = None
    #: A Struct, or bytes of another kind.
    body: type[Body_co] | Raw | None = None
    #: What the answer holds; None: nothing.
    gives: type[msgspec.Struct] | Raw | None = None
    #: How it may succeed, the usual way first.
    statuses: tuple[HTTPStatus, ...] = (HTTPStatus.OK,)
    #: What can go wrong besides what follows from all the rest: a conflict, above all. With 422
    #: it says that a body its schema takes may yet be refused: by what is held, or as no table.
    problems: frozenset[HTTPStatus] = frozenset()
    #: The answer has an entity tag, made of what it holds.
    tagged: bool = False
    match: Match = Match.UNUSED
    cache: str = "private, no-store"
    #: A body to send, a query, and the answer to it.
    example: Any = None
    query_example: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None

    def __post_init__(self) -> None:
        """Refuse a description that contradicts itself, when its module is imported."""
        if set(_PARAMETER.findall(self.path)) != set(self.params):
            raise TypeError(f"{self.path}: `params` names other parameters than the path")
        for kind in (self.query, self.body):
            if kind is None or isinstance(kind, Raw):
                continue
            if not (issubclass(kind, msgspec.Struct) and _is_closed(kind)):
                raise TypeError(f"{self.path}: {kind} is no Struct that forbids unknown fields")
        if self.match is not Match.UNUSED and self.method not in _GUARDED:
            raise TypeError(f"{self.path}: {self.method} changes no state that a tag could name")

    def __call__(
        self, handler: Callable[[Call[Body_co, Query_co]], Awaitable[Result]]
    ) -> "Endpoint":
        """Make an endpoint of the handler that this describes."""
        return Endpoint(operation=self, handler=handler)

    @property
    def is_listing(self) -> bool:
        """Whether it gives a list in parts."""
        return isinstance(self.gives, type) and issubclass(self.gives, Listing)

    @property
    def route(self) -> str:
        """The address as aiohttp takes it."""
        patterns = {name: param.pattern.pattern for name, param in self.params.items()}
        return _PARAMETER.sub(lambda found: f"{{{found[1]}:{patterns[found[1]]}}}", self.path)


def _is_closed(kind: type[msgspec.Struct]) -> bool:
    return kind.__struct_config__.forbid_unknown_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An operation with the handler that does it."""

    operation: Operation[Any, Any]
    handler: Callable[[Call[Any, Any]], Awaitable[Result]]

    @property
    def id(self) -> str:
        """Its name in the document."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does, in a few words."""
        return self._paragraphs[0].removesuffix(".")

    @property
    def description(self) -> str:
        """What else there is to know of it."""
        return "\n\n".join(self._paragraphs[1:])

    @property
    def _paragraphs(self) -> list[str]:
        """What the handler says of itself, without the line ends that only the source needs."""
        parts = inspect.cleandoc(self.handler.__doc__ or "").split("\n\n")
        return [" ".join(part.split()) for part in parts]
