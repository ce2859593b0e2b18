"""Tokens as an attacker would make them: signed with the right key, or with another."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.agency import SECOND, Agency

#: In place of a member: leave it out.
ABSENT = object()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def unb64(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def dumps(members: Mapping[str, object]) -> bytes:
    kept = {name: value for name, value in members.items() if value is not ABSENT}
    return json.dumps(kept, separators=(",", ":")).encode("ascii", "surrogatepass")


@dataclass(slots=True)
class Forge:
    """Makes variants of a live token, under its own `jti`: only what is varied is wrong."""

    token: str
    kid: str
    key: Ed25519PrivateKey
    #: Seconds.
    now: int

    @classmethod
    async def of(cls, agency: Agency, token: str) -> "Forge":
        now = agency.clock.now
        async with agency.services.database.reading() as connection:
            kid, key = await agency.services.keyring.signer(connection, now, until=now)
        return cls(token, kid, key, now // SECOND)

    @property
    def header(self) -> dict[str, Any]:
        return dict(json.loads(unb64(self.token.split(".")[0])))

    @property
    def claims(self) -> dict[str, Any]:
        return dict(json.loads(unb64(self.token.split(".")[1])))

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def signed(self, header: bytes, claims: bytes, key: Ed25519PrivateKey | None = None) -> str:
        """Sign these very bytes."""
        signing = f"{b64(header)}.{b64(claims)}"
        return f"{signing}.{b64((key or self.key).sign(signing.encode('ascii')))}"

    def with_header(self, **members: object) -> str:
        return self.signed(dumps(self.header | members), unb64(self.token.split(".")[1]))

    def with_claims(self, **members: object) -> str:
        return self.signed(unb64(self.token.split(".")[0]), dumps(self.claims | members))

    def with_claim_text(self, name: str, text: str) -> str:
        """Put a claim's value as it is written, also what no library would write."""
        rest = {n: v for n, v in self.claims.items() if n != name}
        body = dumps(rest)[:-1] + f',"{name}":{text}}}'.encode()
        return self.signed(unb64(self.token.split(".")[0]), body)
