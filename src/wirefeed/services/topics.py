"""What WebSub calls a topic, the address of a feed: which it names, for whom, and how it is kept.

It may hold a feed key, which is kept nowhere in clear.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from wirefeed.domain.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from wirefeed.domain.leases import PUBLIC, Denied, Intent, Lease, Owner
from wirefeed.domain.readers import Reader
from wirefeed.formats.coding import Coding
from wirefeed.services.addresses import Door, Named
from wirefeed.services.documents import Document, Moved
from wirefeed.services.house import House
from wirefeed.services.readers import Readers
from wirefeed.services.sealer import Sealer
from wirefeed.services.syndication import Syndication

#: How often a feed is rendered that has become another meanwhile; then it is due again later.
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A feed behind a door."""

    door: Door
    named: Named
    #: The feed key in its address.
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A feed as somebody may have it now."""

    reader: Reader
    document: Document
    #: Empty if it is the one that was known.
    body: bytes


class Topics:
    """Finds feeds by the addresses they give of themselves, for those who may have them."""

    def __init__(
        self,
        named: Mapping[str, Named],
        house: House,
        readers: Readers,
        syndication: Syndication,
        *,
        secret: bytes,
    ) -> None:
        self._named = named
        self._root = house.url("")
        self._readers = readers
        self._syndication = syndication
        self._secret = secret
        self._sealer = Sealer(secret)

    # --- which it is --------------------------------------------------------------------------

    def is_ours(self, url: str) -> bool:
        """Say whether an address is one of this installation, whatever is there."""
        return url.startswith(f"{self._root}/")

    def door(self, url: str) -> Door:
        """Say behind which door an address of ours is."""
        path = url.removeprefix(self._root)
        doors = (door for door in (Door.PRIVATE, Door.SUBSCRIBER) if path.startswith(door))
        return next(doors, Door.PUBLIC)

    def find(self, url: str) -> Place:
        """Give the feed that says this of its own address. Raises `Denied` if there is none."""
        door, key = self.door(url), ""
        tail = url.removeprefix(f"{self._root}{door}") if self.is_ours(url) else ""
        if door is Door.PRIVATE:
            key, _, tail = tail.partition("/")
        named = self._named.get(tail)
        if named is None or (named.standing is None and door is not Door.PRIVATE):
            raise Denied("there is no such feed")
        return Place(door=door, named=named, key=key)

    # --- how it is kept -----------------------------------------------------------------------

    def pair(self, topic: str, callback: str) -> bytes:
        """Name a topic and a callback together, without saying which they are."""
        pair = f"{topic}\n{callback}".encode()
        return hashlib.blake2b(pair, key=self._secret, digest_size=32, person=b"lease").digest()

    def seal(self, secret: bytes, pair: bytes) -> bytes:
        """Seal what is secret about a pair."""
        return self._sealer.seal(secret, pair.hex())

    def url(self, kept: Intent | Lease) -> str | None:
        """Give the address that was sealed; None for one that was sealed elsewhere."""
        opened = self._sealer.open(kept.topic, kept.pair.hex())
        return None if opened is None else opened.decode()

    def secret(self, kept: Intent | Lease) -> bytes | None:
        """Give what a subscriber wants its deliveries signed with."""
        return None if kept.secret is None else self._sealer.open(kept.secret, kept.pair.hex())

    # --- for whom -----------------------------------------------------------------------------

    async def reader(self, place: Place, owner: Owner) -> Reader:
        """Say who is told of a feed. Raises `Denied` for who may not have it now."""
        try:
            if place.door is Door.PUBLIC:
                reader = await self._readers.public()
            elif place.door is Door.PRIVATE and owner == PUBLIC:
                reader = await self._readers.by_feed_key(place.key)
            else:
                reader = await self._readers.again(feed_key=owner.feed_key, token=owner.token)
            self._syndication.check(place.named.feed(reader), reader)
        except (NotFound, Unauthenticated) as error:
            raise Denied("there is no such feed for this credential") from error
        except Forbidden as error:
            raise Denied(error.message) from error
        if reader.lapse is not None:
            raise Denied(f"the subscription is {reader.lapse}")
        return reader

    async def document(self, place: Place, reader: Reader) -> Document:
        """Give the feed as this reader may have it now, without its bytes."""
        feed, named = place.named.feed(reader), place.named
        self_url = named.self_urls[place.door]
        return await self._syndication.document(feed, named.form, reader, self_url=self_url)

    async def present(self, place: Place, owner: Owner, known: str) -> Present:
        """Give the feed as it may be had in this moment, unless the one of this tag is known.

        Raises `Denied`, and `Unavailable` for one that changes faster than it can be rendered.
        """
        for _ in range(_TRIES):
            reader = await self.reader(place, owner)
            document = await self.document(place, reader)
            if document.tag == known:
                return Present(reader=reader, document=document, body=b"")
            feed = place.named.feed(reader)
            self_url = place.named.self_urls[place.door]
            try:
                body = await self._syndication.body(
                    document, Coding.IDENTITY, feed, reader, self_url=self_url
                )
            except Moved:
                continue
            # To render it may have taken long enough for something in it to be killed.
            after = await self.document(place, await self.reader(place, owner))
            if after.tag == document.tag:
                return Present(reader=reader, document=document, body=body)
        raise Unavailable("the feed changes faster than it can be rendered")


def owner_of(reader: Reader) -> Owner:
    """Say by which right a reader has what it has."""
    return Owner(
        subscriber=None if reader.subscriber is None else reader.subscriber.id,
        feed_key=None if reader.key is None else reader.key.id,
        token=None if reader.token is None else reader.token.jti,
    )
