"""The terms of a token: what may be asked for by whom, and what comes of it. Pure."""

from dataclasses import dataclass
from typing import Self

from wirefeed.domain.credentials import ADMINISTERING, READING, WRITING, Scope, Token
from wirefeed.domain.errors import Forbidden, Invalid, Unacceptable
from wirefeed.domain.networks import parse_network, within
from wirefeed.domain.plans import NAME

_DAY = 86_400_000_000
_MOST_NETWORKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a token is to be."""

    #: Whose: one of the three.
    subscriber: str | None = None
    source: str | None = None
    admin: str | None = None
    #: None: all that its owner may have.
    scopes: frozenset[Scope] | None = None
    days: int
    name: str = ""
    #: Plans it is narrowed to; None is all the subscriber has.
    entitlements: frozenset[str] | None = None
    #: Networks it may come from, by CIDR; empty: from anywhere.
    networks: tuple[str, ...] = ()

    @classmethod
    def of(cls, token: Token, days: int) -> Self:
        """Give the terms of a token that is held."""
        return cls(
            subscriber=token.subscriber,
            source=token.source,
            admin=token.admin,
            scopes=token.scopes,
            days=days,
            name=token.name,
            entitlements=token.entitlements,
            networks=token.networks,
        )

    def token(self, jti: str, now: int, *, max_days: int, parent: Token | None = None) -> Token:
        """Make the row of a token on these terms.

        A parent, the token it is issued with, gives its own limits to it. Raises `Invalid`
        for a life or scope that its owner may not have, `Unacceptable` for a network that is
        none, `Forbidden` for more than the parent may.
        """
        if not 1 <= self.days <= max_days:
            raise Invalid(f"a token lives 1 to {max_days} days", field="days")
        if self.source is not None and not NAME.fullmatch(self.source):
            remedy = "use lower-case letters, digits and hyphens"
            raise Invalid(f"{self.source!r} is no source", field="source", remedy=remedy)
        token = Token(
            jti=jti,
            subscriber=self.subscriber,
            source=self.source,
            admin=self.admin,
            name=self.name,
            scopes=self._scopes(parent),
            issued=now,
            expires=now + self.days * _DAY,
            entitlements=self._entitlements(parent),
            networks=self._networks(parent),
            parent=parent.jti if parent else None,
        )
        if self.subscriber is None and token.entitlements is not None:
            raise Invalid(f"{self._allowed[1]} has no plans to narrow", field="entitlements")
        return token

    def _scopes(self, parent: Token | None) -> frozenset[Scope]:
        allowed, whom = self._allowed
        wanted = (parent.scopes if parent else allowed) if self.scopes is None else self.scopes
        if not wanted or not wanted <= allowed:
            raise Invalid(f"{whom} may have {' '.join(sorted(allowed))}", field="scope")
        if parent is not None and not wanted <= parent.scopes:
            raise Forbidden("a token gives no scope that it does not have", field="scope")
        return wanted

    @property
    def _allowed(self) -> tuple[frozenset[Scope], str]:
        if self.source is not None:
            return WRITING, "a source"
        if self.admin is not None:
            return ADMINISTERING, "an administrator"
        return READING, "a subscriber"

    def _entitlements(self, parent: Token | None) -> frozenset[str] | None:
        if parent is None or parent.entitlements is None:
            return self.entitlements
        if self.entitlements is None:
            return parent.entitlements
        if not self.entitlements <= parent.entitlements:
            raise Forbidden("a token gives no plan that it does not have", field="entitlements")
        return self.entitlements

    def _networks(self, parent: Token | None) -> tuple[str, ...]:
        if len(self.networks) > _MOST_NETWORKS:
            raise Unacceptable(f"{_MOST_NETWORKS} networks at most", field="networks")
        wanted = tuple(sorted({parse_network(text) for text in self.networks}))
        if parent is None or not parent.networks:
            return wanted
        if not wanted:
            return parent.networks
        if not all(within(network, parent.networks) for network in wanted):
            raise Forbidden("a token gives no network that it does not have", field="networks")
        return wanted
