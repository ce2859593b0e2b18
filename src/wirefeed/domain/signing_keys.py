"""The keys that sign tokens: which one signs, which are believed, what a rotation makes of them.

Pure. A key's state is what its dates make of it. So one write holds a whole rotation and the
clock does the rest: nothing can be left half done.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wirefeed.domain.errors import Conflict, NotFound, Unavailable

_SECOND = 1_000_000
#: Others may keep the published keys this long (seconds).
KEPT = 300
#: A new key is published this long before it signs: whoever keeps the keys has by then asked
#: twice for new ones.
AHEAD = 2 * KEPT * _SECOND


class KeyState(StrEnum):
    """What a key is for now."""

    #: Published, so that everybody knows it when it begins to sign.
    NEXT = "next"
    ACTIVE = "active"
    #: It signs no more, and what it signed is believed.
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs tokens, will, or did."""

    kid: str
    public: bytes
    #: Encrypted.
    private: bytes
    created: int
    #: From when it signs.
    activates: int
    #: Until when it signs.
    retires: int | None = None
    #: Until when what it signed is believed; None: as long as its tokens live.
    ends: int | None = None
    #: When the last token that it signed expires; None: it signed none.
    last: int | None = None

    def end(self, now: int) -> int | None:
        """Say when it is of no more use; None: that is not settled while it signs."""
        if self.ends is not None or self.retires is None or now < self.retires:
            return self.ends
        return max(self.retires, self.last or 0)

    def state(self, now: int) -> KeyState:
        """Say what it is for."""
        end = self.end(now)
        if end is not None and end <= now:
            return KeyState.RETIRED
        # Looked at first, since a key may be taken back before it signs.
        if self.retires is not None and self.retires <= now:
            return KeyState.RETIRING
        return KeyState.ACTIVE if self.activates <= now else KeyState.NEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What is to be done to the keys, all of it at once."""

    #: The key that is given up, or that goes on after all: as it will be.
    old: SigningKey
    #: The one that is held to follow it: as it will be; None: there is none.
    new: SigningKey | None = None
    #: From when a key signs that is to be made; None: none is.
    makes: int | None = None


def signing(keys: Sequence[SigningKey], now: int, until: int) -> SigningKey:
    """Choose the key that signs a token which is to live until a time.

    It is the active one. When that will be given up sooner, the next one signs ahead of its
    time: else the token would die before it expires. Raises `Unavailable` when there is none.
    """
    active, coming = _of(keys, now, KeyState.ACTIVE), _of(keys, now, KeyState.NEXT)
    if active is not None and (coming is None or active.ends is None or active.ends >= until):
        return active
    if coming is None:
        raise Unavailable("no key signs tokens")
    # Without an active one the clock was set back: the coming one signed already.
    return coming


def published(keys: Iterable[SigningKey], now: int) -> list[SigningKey]:
    """Give the keys that others need, to believe what is signed now, was, or will be."""
    return [key for key in _by_age(keys) if key.state(now) is not KeyState.RETIRED]


def rotation(keys: Sequence[SigningKey], now: int, overlap: int | None = None) -> KeyChange:
    """Let a new key sign as soon as everybody can know it, and the active one no more.

    What the old one signed is believed for the overlap, or without one as long as its tokens
    live. Raises `Conflict` while another rotation is under way.
    """
    if _of(keys, now, KeyState.NEXT) is not None:
        raise Conflict(
            "a rotation is under way: the next key does not sign yet",
            remedy="take it back, or retire the one that signs at once",
        )
    activates = now + AHEAD
    ends = None if overlap is None else activates + overlap
    old = replace(signing(keys, now, now), retires=activates, ends=ends)
    return KeyChange(old=old, makes=activates)


def revert(keys: Sequence[SigningKey], now: int) -> KeyChange:
    """Take back a rotation whose new key does not sign yet: the active one goes on.

    What the new key may have signed ahead of its time stays believed. Raises `Conflict`
    when there is nothing to take back.
    """
    coming, active = _of(keys, now, KeyState.NEXT), _of(keys, now, KeyState.ACTIVE)
    if coming is None or active is None:
        raise Conflict("no rotation is under way", remedy="replace a key that signs by another one")
    return KeyChange(old=replace(active, retires=None, ends=None), new=replace(coming, retires=now))


def retirement(keys: Sequence[SigningKey], kid: str, now: int) -> KeyChange:
    """Give a key up at once: nothing that it signed is believed any more.

    In place of the active one the next one signs, or a new one. Raises `NotFound`, and
    `Conflict` for a key that does not sign yet.
    """
    key = next((key for key in keys if key.kid == kid), None)
    if key is None:
        raise NotFound(f"there is no signing key {kid!r}", remedy="see `wirefeed keys list`")
    match key.state(now):
        case KeyState.NEXT:
            raise Conflict("the key does not sign yet", remedy="take its rotation back")
        case KeyState.RETIRED:
            return KeyChange(old=key)
        case KeyState.RETIRING:
            return KeyChange(old=replace(key, ends=now))
        case KeyState.ACTIVE:
            gone = replace(key, retires=now, ends=now)
            coming = _of(keys, now, KeyState.NEXT)
            if coming is None:
                return KeyChange(old=gone, makes=now)
            return KeyChange(old=gone, new=replace(coming, activates=now))


def _of(keys: Iterable[SigningKey], now: int, state: KeyState) -> SigningKey | None:
    return next((key for key in _by_age(keys) if key.state(now) is state), None)


def _by_age(keys: Iterable[SigningKey]) -> list[SigningKey]:
    return sorted(keys, key=lambda key: (key.activates, key.kid))
