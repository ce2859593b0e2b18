"""The route table, filled in: so that a route that is added is attacked without being listed."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from wirefeed.web.api.routes import ENDPOINTS
from wirefeed.web.app import ROUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route, and the names of its parameters."""

    method: str
    #: With `{name}` for each parameter.
    template: str
    parameters: tuple[str, ...]
    #: A value for each, if it is described as an operation of the API.
    examples: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether a credential decides what it shows; the others show the public what it may see.

        A new route is held to what the public may see unless it is named here.
        """
        named = self.holds_secret or self.is_wire or self.is_link
        return named or self.template.startswith("/subscriber/")

    @property
    def is_wire(self) -> bool:
        """Whether it tells of changes, story by story, and so by their own identifiers."""
        return self.template.startswith("/api/v1/wire") or self.template.endswith("/{guid}")

    @property
    def holds_secret(self) -> bool:
        """Whether the address itself is what opens it."""
        return not {"key", "secret"}.isdisjoint(self.parameters)

    @property
    def is_link(self) -> bool:
        """Whether it opens to whoever has its address, and shows nothing to who made it up."""
        return "signature" in self.parameters

    def paths(self, values: Mapping[str, Sequence[str]]) -> list[str]:
        """Fill the parameters in, with every combination of what they may be."""
        for name in self.parameters:
            assert name in values or name in self.examples, (
                f"{self.template} has a parameter {name!r} that the attack tests cannot fill in: "
                f"give it values where this is called from, those that reach stories above all"
            )
        filled = {**values, **{name: [example] for name, example in self.examples.items()}}
        if "guid" in values:
            # No other than a story has one.
            filled["guid"] = values["guid"]
        choices = itertools.product(*(filled[name] for name in self.parameters))
        return [
            self.template.format(**dict(zip(self.parameters, chosen, strict=True)))
            for chosen in choices
        ]


def table(added: Iterable[web.AbstractRouteDef] = ()) -> list[Route]:
    """Give the application's routes, and those added to it."""
    app = web.Application()
    app.add_routes([*ROUTES, *added])
    return [_route(route) for route in app.router.routes()]


def _route(route: web.AbstractRoute) -> Route:
    assert route.resource is not None
    info = route.resource.get_info()
    template = info.get("formatter") or info.get("path")
    assert template, f"{route.resource} is of a kind that the attack tests cannot fill in"
    names = tuple(info["pattern"].groupindex) if "pattern" in info else ()
    return Route(
        method=route.method,
        template=template,
        parameters=names,
        examples=_EXAMPLES.get(template, {}),
    )


_EXAMPLES = {
    endpoint.operation.path: {
        name: param.example for name, param in endpoint.operation.params.items()
    }
    for endpoint in ENDPOINTS
}
