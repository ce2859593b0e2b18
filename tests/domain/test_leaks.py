"""When a feed key seems shared, and when administrators hear of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.leaks import Flag, Limits, Reason, Suspicion, is_news, suspicions
from wirefeed.domain.sightings import SERVICES, Sighting

LIMITS = Limits()


def seen(network: str = "203.0.113.0/24", client: str = "curl", readers: int = 1) -> Sighting:
    return Sighting(
        feed_key="k",
        network=network,
        client=client,
        first=1,
        last=2,
        requests=3,
        readers=readers,
    )


def places(count: int, client: str = "curl") -> list[Sighting]:
    return [seen(f"10.0.{n}.0/24", client) for n in range(count)]


def clients(count: int) -> list[Sighting]:
    return [seen(client=f"client{n}") for n in range(count)]


def found(*sightings: Sighting, limits: Limits = LIMITS) -> dict[str, int]:
    return {one.reason.value: one.count for one in suspicions(sightings, limits)}


@pytest.mark.parametrize(
    ("sightings", "counts"),
    [
        ([], {}),
        ([seen()], {}),
        (places(12), {}),
        (places(13), {"networks": 13}),
        (clients(6), {}),
        (clients(7), {"clients": 7}),
        ([seen(readers=2)], {"readers": 2}),
        ([seen(client="Feedbin", readers=2), seen(client="Feedly", readers=5)], {"readers": 5}),
        # Two services, each for one person: the same one.
        ([seen(client="Feedbin"), seen(client="Feedly")], {}),
        # A service reads from wherever its machines stand.
        (places(60, "Feedly"), {}),
        ([*places(11), *places(60, "Feedly"), *places(60, "Inoreader")], {"networks": 13}),
        ([*places(13), *clients(7), seen(readers=3)], {"readers": 3, "networks": 14, "clients": 8}),
    ],
)
def test_more_than_one_person_has_in_a_day_is_suspicious(sightings, counts):
    assert found(*sightings) == counts


def test_without_a_limit_nothing_is():
    everything = [*places(100), *clients(100), seen(readers=100)]
    assert found(*everything, limits=Limits(readers=0, networks=0, clients=0)) == {}


_sightings = st.builds(
    seen,
    st.sampled_from([f"10.0.{n}.0/24" for n in range(9)]),
    st.sampled_from(["curl", "Firefox", *sorted(SERVICES)]),
    st.integers(1, 4),
)
_limits = st.builds(
    Limits, readers=st.integers(0, 4), networks=st.integers(0, 9), clients=st.integers(0, 9)
)


@given(st.lists(_sightings), st.lists(_sightings), _limits)
def test_seeing_more_never_makes_a_key_less_suspicious(some, more, limits):
    before, after = found(*some, limits=limits), found(*some, *more, limits=limits)
    assert before.keys() <= after.keys()
    assert all(after[reason] >= count for reason, count in before.items())


@given(st.lists(_sightings), _limits)
def test_neither_the_order_nor_what_is_seen_twice_matters(some, limits):
    assert found(*some, limits=limits) == found(*reversed(some), *some, limits=limits)


@pytest.mark.parametrize(
    ("count", "flagged", "dismissed", "news"),
    [
        (13, None, None, True),
        (13, 13, None, False),
        (500, 13, None, False),
        (13, 13, 9, False),
        (19, 13, 9, False),
        (20, 13, 9, True),
        (2, 2, 9, False),
        (3, 2, 9, True),
        (1, 13, 9, False),
    ],
)
def test_a_flag_is_raised_once_and_again_when_half_as_many_have_come(
    count, flagged, dismissed, news
):
    reason = Reason.NETWORKS
    flag = flagged and Flag(feed_key="k", reason=reason, count=flagged, at=1, dismissed=dismissed)
    assert is_news(Suspicion(reason=reason, count=count), flag) is news
