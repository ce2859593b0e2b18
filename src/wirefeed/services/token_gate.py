"""The gate for tokens: signs a JWT for a row, and lets one in that is ours, whole and of this time.

It answers for the token's form and signature; whether it still holds is its row's to say.
"""

from collections.abc import Callable

import jwt
from jwt.types import Options
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.credentials import Claims, Token, parse_jwt
from wirefeed.domain.errors import Unauthenticated
from wirefeed.services.keyring import Keyring

#: The audience of every token: this service.
AUDIENCE = "wirefeed"
_SECOND = 1_000_000
_DAY = 86_400
#: A clock may be this far off (seconds).
_LEEWAY = 30
_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


class TokenGate:
    """Signs and verifies JWTs (RFC 9068) with the keys of the keyring, by EdDSA alone."""

    def __init__(
        self, keyring: Keyring, *, issuer: str, max_days: int, clock: Callable[[], int]
    ) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._max_days = max_days
        self._clock = clock
        self._jwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})

    async def sign(self, connection: AsyncConnection, token: Token) -> tuple[str, str]:
        """Write the JWT of a row; give the id of the key that signed it, too.

        In the transaction that keeps the row: no rotation comes in between.
        """
        kid, key = await self._keyring.signer(connection, self._clock(), token.expires)
        headers = {"typ": "at+jwt", "kid": kid}
        return self._jwt.encode(self._claims(token), key, algorithm="EdDSA", headers=headers), kid

    async def verify(self, secret: str) -> Claims:
        """Give the claims of a JWT that is ours and meant for us, whatever its time.

        Raises `Unauthenticated`.
        """
        claims = parse_jwt(secret)
        key = await self._keyring.verifier(claims.kid)
        if key is None:
            raise Unauthenticated
        try:
            self._jwt.decode(
                secret,
                key,
                algorithms=["EdDSA"],
                # Times are checked apart, against the clock that is ours to set.
                options=_UNCHECKED,
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated from error
        # RFC 7519 §4.1.1, §4.1.3.
        if claims.iss != self._issuer or claims.aud != AUDIENCE:
            raise Unauthenticated
        return claims

    def is_of_this_time(self, claims: Claims) -> bool:
        """RFC 7519 §4.1.4 to §4.1.6: neither over nor yet to come, and no longer than allowed."""
        now = self._clock() // _SECOND
        if claims.exp + _LEEWAY <= now or max(claims.nbf, claims.iat) > now + _LEEWAY:
            return False
        return claims.exp - claims.iat <= self._max_days * _DAY

    def _claims(self, token: Token) -> dict[str, object]:
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": token.subject,
            "jti": token.jti,
            "iat": token.issued // _SECOND,
            "nbf": token.issued // _SECOND,
            "exp": token.expires // _SECOND,
            "scope": " ".join(sorted(token.scopes)),
        }
        if token.entitlements is not None:
            claims["entitlements"] = sorted(token.entitlements)
        return claims
