"""The keys that sign tokens: made here, kept encrypted, published as a JWKS.

The private parts are in the database under AES-256-GCM; the master key that opens them
is in a file of its own, so that neither alone is worth stealing.
"""

import asyncio
import base64
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from wirefeed.domain.errors import Unavailable
from wirefeed.storage import signing_keys
from wirefeed.storage.database import Database
from wirefeed.storage.signing_keys import SigningKey

_NONCE = 12
#: What group and others may do with a file.
_OTHERS = 0o077
#: Between two readings of the keys, in microseconds.
_PATIENCE = 1_000_000


async def master_key(path: Path, database: Database) -> bytes:
    """Give the master key, making it for a new database, for its owner's eyes alone.

    Raises `Unavailable` when the file cannot be read, is not a key, or is missing though
    the database holds what it should open: another key would not open that.
    """
    async with database.reading() as connection:
        is_needed = bool(await signing_keys.signing_keys(connection))
    return await asyncio.to_thread(_master, path, is_needed=is_needed)


def _master(path: Path, *, is_needed: bool) -> bytes:
    try:
        if is_needed and not path.exists():
            raise Unavailable(
                f"the master key {path} is missing",
                field="keys.master",
                remedy="restore it from a backup, or say where it is",
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_master(path)
        if path.stat().st_mode & _OTHERS:
            path.chmod(0o600)
        key = path.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"the master key cannot be read: {error.strerror}", field="keys.master"
        ) from error
    if len(key) != 32:  # noqa: PLR2004 - AES-256
        raise Unavailable(
            "the master key file does not hold a key of 32 bytes",
            field="keys.master",
            remedy="restore it from a backup",
        )
    return key


def _make_master(path: Path) -> None:
    """Write a key under a name of its own, then give it its name: never a part of one."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            # Another process may have been faster: its key holds.
            os.link(new, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        new.unlink()


class Keyring:
    """The signing keys in force."""

    def __init__(self, database: Database, master: bytes, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._loaded = 0
        self._sealer = AESGCM(master)
        self._public: dict[str, Ed25519PublicKey] = {}

    async def signer(self, now: int) -> tuple[str, Ed25519PrivateKey]:
        """Give the active key and its id, making the first one when there is none."""
        async with self._database.reading() as connection:
            keys = await signing_keys.signing_keys(connection)
        if not keys:
            keys = await self._first(now)
        newest = max(keys, key=lambda key: key.created)
        return newest.kid, self._open(newest)

    async def verifier(self, kid: str) -> Ed25519PublicKey | None:
        """Give the public key of this id; None when there is no such key.

        Unknown ids make it look again once a second at most, however many there are.
        """
        if kid not in self._public and abs(self._clock() - self._loaded) > _PATIENCE:
            await self.load()
        return self._public.get(kid)

    async def jwks(self) -> Mapping[str, object]:
        """Give the public keys as a JWK Set (RFC 7517 §5; RFC 8037 for the key type)."""
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "kid": kid,
                    "alg": "EdDSA",
                    "use": "sig",
                    "x": _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw)),
                }
                for kid, key in sorted(self._public.items())
            ]
        }

    async def load(self) -> None:
        """Read the public keys, making the first key when there is none."""
        self._loaded = self._clock()
        await self.signer(self._loaded)
        async with self._database.reading() as connection:
            keys = await signing_keys.signing_keys(connection)
        self._public = {k.kid: Ed25519PublicKey.from_public_bytes(k.public) for k in keys}

    async def _first(self, now: int) -> list[SigningKey]:
        async with self._database.writing() as connection:
            keys = await signing_keys.signing_keys(connection)
            if keys:
                return keys
            key = self._make(now)
            await signing_keys.add(connection, key)
        return [key]

    def _make(self, now: int) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        kid, nonce = secrets.token_urlsafe(9), secrets.token_bytes(_NONCE)
        return SigningKey(
            kid=kid,
            public=private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
            private=nonce + self._sealer.encrypt(nonce, raw, kid.encode("ascii")),
            created=now,
            activates=now,
        )

    def _open(self, key: SigningKey) -> Ed25519PrivateKey:
        nonce, sealed = key.private[:_NONCE], key.private[_NONCE:]
        try:
            raw = self._sealer.decrypt(nonce, sealed, key.kid.encode("ascii"))
        except InvalidTag as error:
            raise Unavailable(
                "the master key does not open this database's signing keys",
                field="keys.master",
                remedy="use the key file this database was made with",
            ) from error
        return Ed25519PrivateKey.from_private_bytes(raw)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
