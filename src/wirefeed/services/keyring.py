"""The keys that sign tokens: made here, kept encrypted, published as a JWKS.

Their private parts are in the database under AES-256-GCM, and are opened to sign and no longer.
What a rotation makes of them is said elsewhere.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.signing_keys import SigningKey, published, signing
from wirefeed.storage import signing_keys
from wirefeed.storage.database import Database

_NONCE = 12
#: The characters of a key's id that are drawn.
_RANDOM = 12


class Keyring:
    """The signing keys: to sign with, to verify with, to publish."""

    def __init__(self, database: Database, master: bytes, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._sealer = AESGCM(master)
        #: A key never changes; whether it is still believed is for its row to say.
        self._public: dict[str, Ed25519PublicKey] = {}

    async def signer(
        self, connection: AsyncConnection, now: int, until: int
    ) -> tuple[str, Ed25519PrivateKey]:
        """Give the key that signs a token which is to live until a time, and its id."""
        key = signing(await signing_keys.signing_keys(connection), now, until)
        return key.kid, self._open(key)

    async def verifier(self, kid: str) -> Ed25519PublicKey | None:
        """Give the public key of this id; None when there is no such key.

        Only an id that was made here makes it look for a key that another process has made:
        nobody can invent one, so unknown ids cost nothing, however many there are.
        """
        if kid not in self._public and kid == self._id(kid[:_RANDOM]):
            await self.load()
        return self._public.get(kid)

    async def jwks(self) -> Mapping[str, object]:
        """Give the public keys as a JWK Set (RFC 7517 §5; RFC 8037 for the key type)."""
        async with self._database.reading() as connection:
            keys = published(await signing_keys.signing_keys(connection), self._clock())
        self._learn(keys)
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "kid": key.kid,
                    "alg": "EdDSA",
                    "use": "sig",
                    "x": _base64url(key.public),
                }
                for key in keys
            ]
        }

    async def load(self) -> None:
        """Read the public keys, making the first key when there is none."""
        async with self._database.reading() as connection:
            keys = await signing_keys.signing_keys(connection)
        self._learn(keys or await self._first())

    def make(self, now: int, activates: int) -> SigningKey:
        """Make a key that signs from a time on."""
        private = Ed25519PrivateKey.generate()
        raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        kid = self._id(secrets.token_hex(_RANDOM // 2))
        nonce = secrets.token_bytes(_NONCE)
        return SigningKey(
            kid=kid,
            public=_raw(private.public_key()),
            private=nonce + self._sealer.encrypt(nonce, raw, kid.encode("ascii")),
            created=now,
            activates=activates,
        )

    def _id(self, random: str) -> str:
        """Make the id of a key: it shows, to who has the master key, that it was made here."""
        mac = hashlib.blake2b(
            random.encode("utf-8"), key=self._master, person=b"signing key id", digest_size=4
        )
        return random + mac.hexdigest()

    async def _first(self) -> list[SigningKey]:
        async with self._database.writing() as connection:
            keys = await signing_keys.signing_keys(connection)
            if not keys:
                now = self._clock()
                keys = [self.make(now, activates=now)]
                await signing_keys.add(connection, keys[0])
        return keys

    def _learn(self, keys: Iterable[SigningKey]) -> None:
        for key in keys:
            if key.kid not in self._public:
                self._public[key.kid] = self._open(key).public_key()

    def _open(self, key: SigningKey) -> Ed25519PrivateKey:
        """Open a key, whose public part has to be that of its private one.

        So whoever can write the database, and has no master key, cannot add a key: neither
        one of his own, nor one of small order, under which some signatures fit any text.
        """
        nonce, sealed = key.private[:_NONCE], key.private[_NONCE:]
        try:
            raw = self._sealer.decrypt(nonce, sealed, key.kid.encode("utf-8"))
            private = Ed25519PrivateKey.from_private_bytes(raw)
        except (InvalidTag, ValueError) as error:
            raise Unavailable(
                "the master key does not open this database's signing keys",
                field="keys.master",
                remedy="use the key file this database was made with",
            ) from error
        if _raw(private.public_key()) != key.public:
            raise Unavailable(f"the signing key {key.kid!r} is not what it was made as")
        return private


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
