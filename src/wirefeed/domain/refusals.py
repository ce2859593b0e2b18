"""Why a token that holds does not open what it is shown for. Pure."""

from wirefeed.domain.credentials import Scope, Token
from wirefeed.domain.errors import Forbidden, Refusal, Unauthenticated, WirefeedError
from wirefeed.domain.networks import contains
from wirefeed.domain.readers import Reader, remedy


def elsewhere(token: Token, address: str | None) -> WirefeedError | None:
    """Say why a token may not be used from an address; None: it may, or was shown before."""
    if address is None or not token.networks or contains(token.networks, address):
        return None
    error = Forbidden("the token may not be used from this network", field="networks")
    return refused(error, token, "network")


def refusal_of(
    reader: Reader, address: str | None, scope: Scope = Scope.FEEDS_READ
) -> WirefeedError | None:
    """Say why a token that holds opens no stories, coming from this address; None: it does.

    Without an address, it was shown before.
    """
    token = reader.token
    if token is None:
        return Unauthenticated()
    if (refusal := elsewhere(token, address)) is not None:
        return refusal
    if token.subscriber is None:
        return Forbidden("this token is not for reading stories", remedy="use a subscriber's token")
    if scope not in token.scopes:
        return _without(token, scope)
    if reader.lapse is None:
        return None
    what = "subscription" if token.entitlements is None else "subscription of this token"
    error = Forbidden(f"the {what} is {reader.lapse}", remedy=remedy(reader.lapse))
    return refused(error, token, reader.lapse)


def demand(token: Token, scope: Scope) -> None:
    """Refuse a token without a scope. Raises `Forbidden`."""
    if scope not in token.scopes:
        raise _without(token, scope)


def _without(token: Token, scope: Scope) -> WirefeedError:
    return refused(Forbidden(f"the token lacks the scope {scope}", field="scope"), token, "scope")


def refused(error: WirefeedError, token: Token, reason: str) -> WirefeedError:
    """Say whose credential was refused, so that its owner can be told why."""
    if token.subscriber is not None:
        error.refusal = Refusal(subscriber=token.subscriber, credential=token.jti, reason=reason)
    return error
