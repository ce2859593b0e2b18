"""Hand-overs: what has become of a link, and what one may promise."""

from dataclasses import replace

import pytest

from wirefeed.domain.errors import Gone, Invalid, Unacceptable
from wirefeed.domain.handovers import Gives, HandOver, KeyTerms, SignIn, State, until
from wirefeed.domain.plans import DAY
from wirefeed.domain.terms import Terms

LINK = HandOver(id="l1", subscriber="ann", promise=KeyTerms(), issued=10, expires=20)


@pytest.mark.parametrize(
    ("opened", "withdrawn", "now", "state"),
    [
        (None, None, 10, State.WAITING),
        (None, None, 19, State.WAITING),
        (None, None, 20, State.EXPIRED),
        (15, None, 15, State.OPENED),
        (15, None, 30, State.OPENED),
        (None, 15, 15, State.WITHDRAWN),
        (None, 15, 30, State.WITHDRAWN),
    ],
)
def test_only_a_link_that_waits_can_be_opened(opened, withdrawn, now, state):
    link = replace(LINK, opened=opened, withdrawn=withdrawn)
    assert link.state(now) is state
    if state is State.WAITING:
        link.demand(now)
    else:
        with pytest.raises(Gone, match=state):
            link.demand(now)


@pytest.mark.parametrize(
    ("promise", "gives"),
    [
        (Terms(subscriber="ann", days=1), Gives.TOKEN),
        (KeyTerms(name="phone", feeds=frozenset({"en/sport"})), Gives.FEED_KEY),
        (KeyTerms(replaces="k1"), Gives.FEED_KEY),
        (SignIn(), Gives.SIGN_IN),
    ],
)
def test_a_link_says_what_it_gives(promise, gives):
    assert replace(LINK, promise=promise).gives is gives


@pytest.mark.parametrize(
    "terms",
    [
        Terms(subscriber="bob", days=1),
        Terms(source="newsroom", days=1),
        Terms(admin="eva", days=1),
    ],
)
def test_a_link_gives_a_token_of_its_own_subscriber_alone(terms):
    with pytest.raises(Invalid, match="own subscriber"):
        replace(LINK, promise=terms)


@pytest.mark.parametrize("more", [{"name": "phone"}, {"feeds": frozenset({"en/sport"})}])
def test_what_replaces_a_key_keeps_its_name_and_its_feeds(more):
    with pytest.raises(Unacceptable, match="keeps"):
        KeyTerms(replaces="k1", **more)


@pytest.mark.parametrize(("days", "fits"), [(0, False), (1, True), (30, True), (31, False)])
def test_a_link_can_be_opened_for_some_days(days, fits):
    if fits:
        assert until(5, days) == 5 + days * DAY
    else:
        with pytest.raises(Unacceptable, match="1 to 30 days"):
            until(5, days)
