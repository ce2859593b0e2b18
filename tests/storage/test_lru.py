"""The cache: never beyond its bound, and what was used last stays."""

from hypothesis import given
from hypothesis import strategies as st

from wirefeed.storage.lru import OVERHEAD, Lru

keys = st.sampled_from([b"a", b"bb", b"ccc", b"dddd"])
steps = st.lists(
    st.tuples(keys, st.none() | st.integers(0, 600).map(bytes)),
    max_size=40,
)


def room_for(*entries: tuple[bytes, bytes]) -> int:
    return sum(len(key) + len(value) + OVERHEAD for key, value in entries)


@given(limit=st.integers(0, 2000), steps=steps)
def test_it_holds_the_last_used_that_fit(limit, steps):
    cache = Lru(limit)
    model: list[tuple[bytes, bytes]] = []
    for key, new in steps:
        held = dict(model).get(key)
        if new is None:
            assert cache.get(key) == held
        else:
            cache.put(key, new)
        value = held if new is None else new
        model = [entry for entry in model if entry[0] != key]
        if value is not None and room_for((key, value)) <= limit:
            model.append((key, value))
        while room_for(*model) > limit:
            del model[0]
        assert cache.size == room_for(*model) <= limit
        assert len(cache) == len(model)
    assert {key: cache.get(key) for key, _ in model} == dict(model)


def test_what_is_too_large_displaces_nothing_but_its_old_self():
    a, b = (b"a", b"1"), (b"b", b"2")
    cache = Lru(room_for(a, b))
    cache.put(*a)
    cache.put(*b)
    cache.put(b"a", bytes(10_000))
    assert cache.get(b"a") is None
    assert cache.get(b"b") == b"2"


def test_an_empty_value_is_a_value():
    cache = Lru(1000)
    cache.put(b"a", b"")
    assert cache.get(b"a") == b""
