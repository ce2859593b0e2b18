"""Guessing over HTTP: a credential that does not hold is told to wait, once it is one too many.

The credential is looked at first, so one that holds is answered whatever its neighbours do.
"""

from aiohttp import web

from wirefeed.domain.credentials import SecretKind, is_secret
from wirefeed.domain.errors import NoCredential, TooMany, Unauthenticated, UnknownKey
from wirefeed.domain.networks import network
from wirefeed.web.client import client_address
from wirefeed.web.request import GUESSES, Handler

#: What stands behind the first segment of an address that is a secret itself.
_SECRETS = {"f": SecretKind.FEED, "h": SecretKind.HAND_OVER}


@web.middleware
async def limit_guesses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count what was presented and did not hold. Raises `TooMany` beyond the limit."""
    try:
        return await handler(request)
    except NoCredential:
        raise
    except (Unauthenticated, UnknownKey) as error:
        if wait := await count(request):
            slowed = TooMany(wait)
            slowed.refusal = error.refusal
            raise slowed from error
        raise
    except web.HTTPNotFound as error:
        if _holds_malformed_secret(request) and (wait := await count(request)):
            raise TooMany(wait) from error
        raise


async def count(request: web.Request, guesses: int = 1) -> int:
    """Count what did not hold; beyond the limit, give the seconds to wait."""
    of = network(client_address(request))
    wait = 0
    while guesses > 0 and not wait:
        wait = await request.app[GUESSES].failed(of)
        guesses -= 1
    return wait


def check(request: web.Request) -> None:
    """Raise `TooMany` while whoever asks has to wait, before anything is looked up for it."""
    if wait := request.app[GUESSES].waits(network(client_address(request))):
        raise TooMany(wait)


def _holds_malformed_secret(request: web.Request) -> bool:
    """Say whether an address that is none has no secret where it should have one.

    With a well-formed one it may be the slip of somebody whose secret is good.
    """
    first, _, rest = request.path[1:].partition("/")
    secret = rest.partition("/")[0]
    return first in _SECRETS and secret != "" and not is_secret(_SECRETS[first], secret)
