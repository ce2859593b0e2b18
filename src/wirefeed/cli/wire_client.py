"""A client of the wire API, to be used or read by partners: it needs aiohttp and msgspec alone.

The wire is every change of every story that you may see, in order. Each answer is a page of it
and says where to go on:

    client = WireClient(session, "https://news.example", token)
    place = Place()
    while True:
        page = await client.page(place, wait=30)
        for entry in page.entries:
            ...                      # keep it: `entry.raw` is ninjs, as bytes
        place = page.place           # and then keep this, with the stories or after them

Keep the place after the stories, never before: then a crash costs nothing, since what comes twice
is the same. Each page's digest is that of all you were given so far; it is verified here, so that
nothing can be missing without you knowing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec

PATH: Final = "/api/v1/wire"
#: Begin with everything that your archive holds, not with what comes from now on.
OLDEST: Final = "oldest"
#: The digest of nothing.
NOTHING: Final = bytes(32).hex()
#: Seconds that an answer may take, beyond those it was asked to wait.
_PATIENCE = 30
#: Changes on a page, at most, and names of them in a proof.
_LIMIT, _NAMES = 500, 5_000
_Form = TypeVar("_Form", bound=msgspec.Struct)


class WireError(Exception):
    """The wire cannot be read: trying again will not help."""


class Outlived(WireError):
    """The wire cannot be read on from this place (410): begin again by backfill."""


class Disagreement(WireError):
    """What was given is not what the agency says it gave: something is missing, or came twice."""


class Busy(Exception):
    """There is no answer now; try again later."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        #: Seconds, if the server said so.
        self.wait = wait


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where you are on the wire: a cursor, and what you were given up to there."""

    #: Empty: nowhere yet.
    cursor: str = ""
    total: int = 0
    digest: str = NOTHING

    def after(self, kind: str, version: str, guid: str) -> "Place":
        """Count and digest one more entry."""
        told = bytes.fromhex(self.digest) + f"\n{kind} {version} {guid}".encode()
        digest = hashlib.sha256(told).hexdigest()
        return msgspec.structs.replace(self, total=self.total + 1, digest=digest)


class _Ours(msgspec.Struct, frozen=True):
    change: str
    #: A newer version follows, which is why there is no text.
    superseded: bool = False


class _Named(msgspec.Struct, frozen=True):
    uri: str
    version: str
    wirefeed: _Ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A change of a story."""

    #: The story's identifier, the same through all its versions.
    guid: str
    version: str
    #: publish, update, correction, kill, withhold, reinstate, release, expire; `entitlement` is
    #: no story, and says that you may see something else from here on.
    change: str
    superseded: bool
    #: ninjs 3, as it came.
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some changes, and where they end."""

    entries: Sequence[Entry]
    #: Stories that were killed later on: take them back now. The kills come in their place, too,
    #: and count there.
    killed: Sequence[str]
    place: Place
    #: There is more to be had at once.
    more: bool


class _Ahead(msgspec.Struct, frozen=True):
    uri: str


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    items: list[msgspec.Raw]
    kills: list[_Ahead] = []
    total: int
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    next: str
    more: bool


class _Proof(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    digest: str
    next: str
    more: bool
    agrees: bool | None = None


class _Problem(msgspec.Struct, frozen=True):
    title: str = ""
    detail: str = ""
    field: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        said = self.detail or self.title
        told = f"{self.field}: {said}" if self.field else said
        return f"{told}; {self.remedy}" if self.remedy else told


class WireClient:
    """Reads the wire of an agency, page by page."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        *,
        topics: Sequence[str] = (),
        languages: Sequence[str] = (),
    ) -> None:
        self._session = session
        self._url = address(url)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._wanted = {
            name: ",".join(values)
            for name, values in (("topics", topics), ("languages", languages))
            if values
        }

    async def page(
        self, place: Place, *, wait: int = 0, limit: int = 100, backfill: bool = False
    ) -> Page:
        """Give what comes after a place; with nothing there, wait for it up to so many seconds.

        `backfill` begins with all that your archive holds. Raises `Busy` when it is to be tried
        again, `Outlived`, `Disagreement`, or `WireError`.
        """
        after = place.cursor or (OLDEST if backfill else "")
        asked = {"limit": str(min(limit, _LIMIT)), "wait": str(wait), **self._wanted}
        if after:
            asked["after"] = after
        page = _read(await self._get(self._url, asked, wait), _Document)
        return _verified(page, place)

    async def prove(self, place: Place) -> bool:
        """Have the agency count again what it has given up to a place, by what you may see.

        It begins where what you may see last became another: what came before is proven by the
        page that said so. False: it has become another since, so ask for the next page first.
        Raises `Disagreement`, and what `page` does.
        """
        asked = {"until": place.cursor, "limit": str(_NAMES), **self._wanted}
        while True:
            proof = _read(await self._get(f"{self._url}/reconcile", asked), _Proof)
            if not proof.more:
                break
            asked["after"] = proof.next
        if proof.agrees is None:
            return False
        if not proof.agrees or (proof.total, proof.digest) != (place.total, place.digest):
            raise Disagreement(
                f"the agency does not agree that {place.total} changes were all there are"
            )
        return True

    async def _get(self, url: str, asked: dict[str, str], wait: int = 0) -> bytes:
        timeout = aiohttp.ClientTimeout(total=wait + _PATIENCE)
        try:
            async with self._session.get(
                url,
                params=asked,
                headers=self._headers,
                timeout=timeout,
                # A token is for the agency alone, not for whom it may point to.
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                _check(answer, body)
                return body
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Busy(str(error) or type(error).__name__) from error


def address(url: str) -> str:
    """Give the address of the wire of the agency at this address. Raises `WireError`."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise WireError(f"{url!r} is no address; write https://news.example")
    path = parts.path.rstrip("/").removesuffix(PATH)
    return urlunsplit((parts.scheme, parts.netloc, path + PATH, "", ""))


def _check(answer: aiohttp.ClientResponse, body: bytes) -> None:
    """Raise what an answer means that is none of the wire's."""
    status = answer.status
    if status == 200:  # noqa: PLR2004 - RFC 9110 §15.3.1
        return
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    said = f"{status} {str(problem) or answer.reason or ''}".strip()
    # Too many requests, or a server that cannot answer now.
    if status == 429 or status >= 500:  # noqa: PLR2004 - RFC 6585 §4, RFC 9110 §15.6
        after = answer.headers.get("Retry-After", "")
        raise Busy(said, float(after) if after.isascii() and after.isdigit() else None)
    raise Outlived(said) if status == 410 else WireError(said)  # noqa: PLR2004 - §15.5.11


def _read(body: bytes, form: type[_Form]) -> _Form:
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.DecodeError as error:
        raise WireError(f"this is no page of a wire: {error}") from error


def _verified(page: _Document, place: Place) -> Page:
    """Give the entries of a page, which have to be those that its digest is of."""
    entries = []
    for raw in page.items:
        try:
            named = msgspec.json.decode(raw, type=_Named)
        except msgspec.DecodeError as error:
            raise WireError(f"this is no entry of a wire: {error}") from error
        entries.append(
            Entry(
                guid=named.uri,
                version=named.version,
                change=named.wirefeed.change,
                superseded=named.wirefeed.superseded,
                raw=bytes(raw),
            )
        )
        place = place.after(named.wirefeed.change, named.version, named.uri)
    if (place.total, place.digest) != (page.total, page.digest):
        raise Disagreement(
            f"the digest does not agree: {place.total} changes were given here,"
            f" and {page.total} by the agency"
        )
    place = msgspec.structs.replace(place, cursor=page.next)
    killed = [ahead.uri for ahead in page.kills]
    return Page(entries=entries, killed=killed, place=place, more=page.more)
