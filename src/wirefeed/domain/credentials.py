"""Credentials: what may arrive in a request, what is kept of each, and what it allows.

Pure. Whatever is malformed is refused here, before any key, row or library is touched.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wirefeed.domain.errors import Invalid, Unauthenticated
from wirefeed.domain.networks import within

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET = re.compile(r"wf_([a-z]{2,8})_([0-9A-Za-z]{30})([0-9A-Za-z]{6})")

#: RFC 8032: an Ed25519 signature is 64 octets, 86 characters of base64url.
_JWT = re.compile(
    r"([A-Za-z0-9_-]{10,512})\.([A-Za-z0-9_-]{10,3000})\.([A-Za-z0-9_-]{86})", re.ASCII
)
_MAX_AUTHORIZATION = 4096
_ALGORITHM = "EdDSA"
#: RFC 9068 §2.1: the media type of an access token is "at+jwt".
_TYPE = "at+jwt"
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_JTI = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MAX_TIME = 2**33
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class SecretKind(StrEnum):
    """What an opaque secret is for, as its prefix says: scanners find it by that."""

    #: In a private feed address.
    FEED = "feed"
    #: In a link that hands a credential over.
    HAND_OVER = "hand"

    @property
    def pattern(self) -> str:
        """Give the shape of one, for addresses."""
        return rf"wf_{self.value}_[0-9A-Za-z]{{36}}"


class Scope(StrEnum):
    """What a token may be used for (RFC 6749 §3.3)."""

    FEEDS_READ = "feeds:read"
    WIRE_READ = "wire:read"
    STORIES_WRITE = "stories:write"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"


#: What a subscriber's token gets unless it asks for less.
READING = frozenset({Scope.FEEDS_READ, Scope.WIRE_READ})
#: What a source's token is for.
WRITING = frozenset({Scope.STORIES_WRITE})
#: What an administrator's token may be for; its role says the rest.
ADMINISTERING = frozenset({Scope.ADMIN_READ, Scope.ADMIN_WRITE})


class Lapse(StrEnum):
    """Why a credential that is known no longer gives what it gave."""

    NOT_BEGUN = "not-begun"
    ENDED = "ended"
    SUSPENDED = "suspended"
    #: Taken back.
    REVOKED = "revoked"
    #: Another one stands in its place.
    ROTATED = "rotated"
    #: It was found where it should not be.
    LEAKED = "leaked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The row behind a JWT: the authority on whether it still holds."""

    jti: str
    #: Whose it is: one of the three.
    subscriber: str | None = None
    source: str | None = None
    admin: str | None = None
    name: str
    scopes: frozenset[Scope]
    issued: int
    expires: int
    #: Plans it is narrowed to; None is all the subscriber has.
    entitlements: frozenset[str] | None = None
    #: The networks it may come from (CIDR, canonical); empty: from anywhere.
    networks: tuple[str, ...] = ()
    #: The key that signed it,
    kid: str = ""
    #: and until when that is believed; None: as long as the token lives.
    believed: int | None = None
    #: The token it was issued with: its owner's, or another administrator's.
    parent: str | None = None
    #: The token that was issued in its place.
    successor: str | None = None
    last_used: int | None = None
    revoked: int | None = None

    @property
    def subject(self) -> str:
        """The JWT's `sub`: a prefix keeps newsrooms and administrators apart from subscribers."""
        if self.admin:
            return f"admin:{self.admin}"
        return self.subscriber or f"source:{self.source}"

    @property
    def owner(self) -> str:
        """Whose it is, as the audit names it."""
        return f"subscriber:{self.subscriber}" if self.subscriber else self.subject

    def is_of(self, claims: "Claims") -> bool:
        """Say whether a JWT is the one that was issued with this row.

        By the key as well: who has that of one token could else sign any other with it.
        """
        return (self.jti, self.subject, self.kid) == (claims.jti, claims.sub, claims.kid)

    @property
    def ends(self) -> int:
        """When it ends: it expires, or its key is given up."""
        return self.expires if self.believed is None else min(self.expires, self.believed)

    def is_live(self, now: int) -> bool:
        """Say whether it holds now."""
        return self.revoked is None and now < self.ends

    def gives(self, other: "Token") -> bool:
        """Say whether another one may do no more than this one may."""
        plans = self.entitlements is None or (
            other.entitlements is not None and other.entitlements <= self.entitlements
        )
        networks = not self.networks or (
            bool(other.networks)
            and all(within(network, self.networks) for network in other.networks)
        )
        return other.scopes <= self.scopes and plans and networks


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedKey:
    """The row behind a private feed address. The key itself is never kept, only its digest."""

    id: str
    subscriber: str
    name: str
    #: The last characters, to tell keys apart.
    tail: str
    issued: int
    #: The feeds it is restricted to (`en/sport`, `en/latest`); empty: all.
    feeds: frozenset[str] = frozenset()
    #: The topics its reader chose for the feed `mine`, and when that last changed.
    selection: frozenset[str] = frozenset()
    selected: int = 0
    last_used: int | None = None
    #: Since when its reader is told that others seem to know it.
    flagged: int | None = None
    revoked: int | None = None
    #: Why it was.
    reason: Lapse | None = None

    def opens(self, language: str, topic: str) -> bool:
        """Say whether it is for a feed; without a topic, for everything in the language."""
        return not self.feeds or f"{language}/{topic or 'latest'}" in self.feeds


def make_secret(kind: SecretKind, random: bytes) -> str:
    """Make a secret of 30 base62 characters (178 bits) and 6 of CRC-32, from 32 random bytes."""
    secret = _base62(int.from_bytes(random, "big"), 30)
    return f"wf_{kind}_{secret}{_checksum(kind, secret)}"


def is_secret(kind: SecretKind, text: str) -> bool:
    """Say whether a text is well-formed and its checksum right: without any look-up."""
    match = _SECRET.fullmatch(text)
    return match is not None and match[1] == kind and _checksum(kind, match[2]) == match[3]


def digest(secret: str) -> bytes:
    """Give what is kept of a secret: with 178 bits of entropy a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def _checksum(kind: SecretKind, secret: str) -> str:
    return _base62(zlib.crc32(f"wf_{kind}_{secret}".encode("ascii")), 6)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


class Scheme(StrEnum):
    """How a credential arrives (RFC 9110 §11.1)."""

    BEARER = "bearer"
    BASIC = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A credential as it arrived, well-formed and not yet believed."""

    scheme: Scheme
    #: A JWT, or a feed key.
    secret: str


def parse_authorization(value: str) -> Presented:
    """Read an `Authorization` header.

    RFC 9110 §11.4: the scheme is case-insensitive, and one space follows it.
    Raises `Unauthenticated` for anything that cannot be a credential of ours.
    """
    if len(value) > _MAX_AUTHORIZATION or not value.isascii():
        raise Unauthenticated
    scheme, space, rest = value.partition(" ")
    match scheme.lower():
        case "bearer" if space:
            return Presented(scheme=Scheme.BEARER, secret=rest)
        case "basic" if space:
            return Presented(scheme=Scheme.BASIC, secret=_password(rest))
        case _:
            raise Unauthenticated


def _password(encoded: str) -> str:
    """Give the password of HTTP Basic: a feed key, under any user name (RFC 7617 §2)."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
        pair = decoded.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated from error
    # `validate` lets padding pass that RFC 4648 §4 does not have there.
    if base64.b64encode(decoded).decode("ascii") != encoded:
        raise Unauthenticated
    user, colon, password = pair.partition(":")
    # RFC 7617 §2: "The user-id and password MUST NOT contain any control characters".
    if not (user and colon and is_secret(SecretKind.FEED, password)) or _CONTROL.search(user):
        raise Unauthenticated
    return password


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a JWT says, its shape checked and its signature not."""

    kid: str
    iss: str
    aud: str
    sub: str
    jti: str
    iat: int
    nbf: int
    exp: int


def parse_jwt(token: str) -> Claims:
    """Read a JWT strictly, before any cryptography.

    RFC 8725 §3.1, §3.11: the algorithm and the type are ours, never the token's choice.
    A token has one spelling: three canonical base64url parts, a header of exactly
    `alg kid typ`, no member twice, every claim of its exact type.
    Raises `Unauthenticated` for anything else.
    """
    match = _JWT.fullmatch(token)
    if match is None or any(_canonical(part) is None for part in match.groups()):
        raise Unauthenticated
    header, claims = _object(match[1]), _object(match[2])
    if header.keys() != {"alg", "kid", "typ"}:
        raise Unauthenticated
    kid = header["kid"]
    if header["alg"] != _ALGORITHM or header["typ"] != _TYPE:
        raise Unauthenticated
    if type(kid) is not str or not _KID.fullmatch(kid):
        raise Unauthenticated
    parsed = Claims(
        kid=kid,
        iss=_text(claims, "iss"),
        aud=_text(claims, "aud"),
        sub=_text(claims, "sub"),
        jti=_text(claims, "jti"),
        iat=_time(claims, "iat"),
        nbf=_time(claims, "nbf"),
        exp=_time(claims, "exp"),
    )
    if not _JTI.fullmatch(parsed.jti) or parsed.exp <= parsed.iat:
        raise Unauthenticated
    return parsed


def _canonical(part: str) -> bytes | None:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    # Unused bits in the last character would give one token many spellings.
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == part.encode("ascii") else None


def _object(part: str) -> Mapping[str, object]:
    try:
        parsed = json.loads(
            (_canonical(part) or b"").decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_int=_integer,
        )
    except (ValueError, RecursionError) as error:
        raise Unauthenticated from error
    if not isinstance(parsed, dict):
        raise Unauthenticated
    return parsed


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unauthenticated
    return members


def _refuse(_: str) -> object:
    raise Unauthenticated


def _integer(digits: str) -> int:
    if len(digits) > len(str(_MAX_TIME)):
        raise Unauthenticated
    return int(digits)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if type(value) is not str or not value or not value.isprintable() or not value.isascii():
        raise Unauthenticated
    return value


def _time(claims: Mapping[str, object], name: str) -> int:
    """RFC 7519 §4.1: a NumericDate; ours are whole seconds."""
    value = claims.get(name)
    if type(value) is not int or not 0 < value < _MAX_TIME:
        raise Unauthenticated
    return value


def parse_scopes(text: str) -> frozenset[Scope]:
    """Read a space-separated list of scopes (RFC 6749 §3.3).

    Raises `Invalid`, naming the one that does not exist.
    """
    scopes = set()
    for word in text.split():
        try:
            scopes.add(Scope(word))
        except ValueError as error:
            known = " ".join(sorted(Scope))
            raise Invalid(f"no scope {word!r}", field="scope", remedy=f"use {known}") from error
    return frozenset(scopes)
