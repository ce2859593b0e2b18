"""Rendered bytes by key, in this process: what was used last stays, within a bound. No rules here.

A cache may forget anything at any time; nobody may depend on it for an answer.
"""

from collections import OrderedDict

#: What an entry takes beside its bytes: two `bytes` heads, their slots, a link of the list.
OVERHEAD = 256


class Lru:
    """Bytes by key, the least recently used forgotten first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """What it holds, in bytes, the overhead included."""
        return self._size

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> bytes | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Hold a value; one that alone is beyond the bound is not held."""
        old = self._entries.pop(key, None)
        if old is not None:
            self._size -= _cost(key, old)
        cost = _cost(key, value)
        if cost > self._limit:
            return
        self._entries[key] = value
        self._size += cost
        while self._size > self._limit:
            self._size -= _cost(*self._entries.popitem(last=False))


def _cost(key: bytes, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD
