"""The terms of a token: what each owner may have, and that a parent only gives what it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirefeed.domain.credentials import ADMINISTERING, READING, WRITING, Scope, Token
from wirefeed.domain.errors import Forbidden, Invalid, Unacceptable, WirefeedError
from wirefeed.domain.terms import Terms

NOW = 1_772_366_400_000_000
DAY = 86_400_000_000
FEEDS = frozenset({Scope.FEEDS_READ})


def made(parent: Token | None = None, **terms: object) -> Token:
    asked = {"subscriber": "acme", "days": 10} | terms
    return Terms(**asked).token("t1", NOW, max_days=400, parent=parent)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("owner", "scopes", "subject"),
    [
        ({"subscriber": "acme"}, READING, "acme"),
        ({"subscriber": None, "source": "desk"}, WRITING, "source:desk"),
        ({"subscriber": None, "admin": "eva"}, ADMINISTERING, "admin:eva"),
    ],
)
def test_each_owner_has_what_is_its_own_unless_it_asks_for_less(owner, scopes, subject):
    token = made(**owner)
    assert (token.scopes, token.subject) == (scopes, subject)
    for scope in Scope:
        if scope in scopes:
            assert made(**owner, scopes=frozenset({scope})).scopes == {scope}
        else:
            with pytest.raises(Invalid, match="may have"):
                made(**owner, scopes=frozenset({scope}))
    with pytest.raises(Invalid):
        made(**owner, scopes=frozenset())


@pytest.mark.parametrize("owner", [{"source": "desk"}, {"admin": "eva"}])
def test_whoever_has_no_plans_has_none_to_narrow_to(owner):
    with pytest.raises(Invalid, match="has no plans to narrow") as refused:
        made(subscriber=None, entitlements=frozenset({"gold"}), **owner)
    assert refused.value.field == "entitlements"


@pytest.mark.parametrize("days", [0, -1, 401])
def test_a_token_lives_as_long_as_the_settings_allow(days):
    assert made(days=400).expires == NOW + 400 * DAY
    with pytest.raises(Invalid, match="1 to 400 days"):
        made(days=days)


def test_networks_have_one_spelling_and_are_none_twice():
    token = made(networks=("192.0.2.7", "2001:DB8::/32", "192.0.2.7/32"))
    assert token.networks == ("192.0.2.7/32", "2001:db8::/32")
    for wrong in ("192.0.2.7/24", "example.com", "", "10.0.0.0/33"):
        with pytest.raises(Unacceptable) as refused:
            made(networks=(wrong,))
        assert refused.value.field == "networks"
    with pytest.raises(Unacceptable):
        made(networks=tuple(f"10.0.{n}.0/24" for n in range(33)))


PARENT = made(
    scopes=FEEDS, entitlements=frozenset({"gold", "silver"}), networks=("10.0.0.0/8", "::1")
)


def test_without_terms_of_its_own_a_child_has_its_parents():
    child = made(PARENT)
    assert (child.scopes, child.entitlements, child.networks) == (
        PARENT.scopes,
        PARENT.entitlements,
        PARENT.networks,
    )
    assert child.parent == PARENT.jti


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"scopes": READING}, "scope"),
        ({"entitlements": frozenset({"gold", "bronze"})}, "entitlements"),
        ({"networks": ("10.1.0.0/16", "192.0.2.0/24")}, "networks"),
        ({"networks": ("0.0.0.0/0",)}, "networks"),
        ({"networks": ("::/0",)}, "networks"),
    ],
)
def test_a_parent_gives_nothing_that_it_does_not_have(terms, field):
    with pytest.raises(Forbidden) as refused:
        made(PARENT, **terms)
    assert refused.value.field == field


def test_a_parent_gives_less_if_asked():
    child = made(PARENT, entitlements=frozenset({"gold"}), networks=("10.1.0.0/16",))
    assert child.entitlements == frozenset({"gold"})
    assert child.networks == ("10.1.0.0/16",)


plans = st.none() | st.frozensets(st.sampled_from(["gold", "silver", "bronze"]), max_size=3)
networks = st.lists(
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "::/0", "::1/128"]), max_size=3
).map(tuple)
scopes = st.none() | st.frozensets(st.sampled_from(sorted(READING)), min_size=1)


@given(scopes, plans, networks, scopes, plans, networks)
def test_no_child_may_more_than_its_parent(a, b, c, x, y, z):
    parent = made(scopes=a, entitlements=b, networks=c)
    try:
        child = made(parent, scopes=x, entitlements=y, networks=z)
    except WirefeedError:
        return
    assert child.scopes <= parent.scopes
    if parent.entitlements is not None:
        assert child.entitlements is not None
        assert child.entitlements <= parent.entitlements
    if parent.networks:
        assert child.networks
