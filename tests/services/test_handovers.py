"""One-time links: what opening makes, once, whoever tries and whatever has changed meanwhile."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.support.agency import DAY, HOUR, Agency
from tests.support.answers import look
from wirefeed.domain.audit import CLI, Via
from wirefeed.domain.credentials import Lapse, Scope, SecretKind, is_secret, make_secret
from wirefeed.domain.errors import Conflict, Gone, Invalid, NotFound, Unacceptable, UnknownKey
from wirefeed.domain.handovers import KeyTerms, Promise, SignIn, State
from wirefeed.domain.terms import Terms
from wirefeed.services.feed_keys import IssuedFeedKey
from wirefeed.services.handovers import Opened
from wirefeed.services.tokens import IssuedToken

STORY = "urn:news:sport"
FULL, SUMMARY = {STORY: "full"}, {STORY: "summary"}
FEED = "/subscriber/en/latest.json"
TOKEN = Terms(
    subscriber="ann",
    days=90,
    name="desk",
    scopes=frozenset({Scope.FEEDS_READ}),
    entitlements=frozenset({"sport"}),
    networks=("127.0.0.0/8",),
)


@pytest.fixture
async def ann(agency: Agency) -> str:
    await agency.publish(STORY)
    return await agency.subscriber("ann", "sport")


async def link(agency: Agency, promise: Promise, **options: Any) -> str:
    return (await agency.services.handovers.issue("ann", promise, CLI, **options)).secret


async def verbs(agency: Agency) -> list[str]:
    """Give what was done, the newest first, without what set the scene."""
    entries = await agency.services.audit.newest()
    return [e.verb for e in entries if e.via is not Via.SYSTEM]


# --- what opening makes --------------------------------------------------------------------------


async def test_a_token_is_made_on_its_terms_when_the_link_is_opened(agency: Agency, ann):
    secret = await link(agency, TOKEN)
    agency.clock.advance(3 * DAY)
    assert await agency.services.tokens.all("ann") == []
    opened = await agency.services.handovers.open(secret)
    assert isinstance(opened.made, IssuedToken)
    row = opened.made.row
    assert row == (await agency.services.tokens.all("ann"))[0]
    assert row.name == "desk"
    assert row.scopes == {Scope.FEEDS_READ}
    assert row.entitlements == frozenset({"sport"})
    assert row.networks == ("127.0.0.0/8",)
    assert row.expires == agency.clock.now + 90 * DAY
    assert await look(agency, FEED, {"Authorization": f"Bearer {opened.made.secret}"}) == FULL


async def test_a_private_address_is_made_with_its_name_and_feeds(agency: Agency, ann):
    secret = await link(agency, KeyTerms(name="phone", feeds=frozenset({"en/latest"})))
    opened = await agency.services.handovers.open(secret)
    assert isinstance(opened.made, IssuedFeedKey)
    assert opened.made.row.name == "phone"
    assert opened.made.row.feeds == {"en/latest"}
    assert await look(agency, f"/f/{opened.made.secret}/en/latest.json") == FULL


async def test_a_browser_signs_in_with_a_key_of_its_own(agency: Agency, ann):
    opened = await agency.services.handovers.open(await link(agency, SignIn()))
    (row,) = await agency.services.feed_keys.all("ann")
    assert isinstance(opened.made, IssuedFeedKey)
    assert (row, row.name) == (opened.made.row, "browser")


async def test_a_lost_address_is_retired_when_its_new_one_is_taken(agency: Agency, ann):
    keys = agency.services.feed_keys
    lost = await keys.issue("ann", "phone", feeds={"en/latest", "en/sport"})
    await keys.select(lost.row.id, frozenset({"sport"}))
    secret = await link(agency, KeyTerms(replaces=lost.row.id))
    old = f"/f/{lost.secret}/en/latest.json"
    assert await look(agency, old) == FULL

    opened = await agency.services.handovers.open(secret)

    assert isinstance(opened.made, IssuedFeedKey)
    row = opened.made.row
    assert row.name == "phone"
    assert row.feeds == {"en/latest", "en/sport"}
    assert row.selection == {"sport"}
    assert (await keys.get(lost.row.id)).reason is Lapse.ROTATED
    assert await look(agency, old) == {**SUMMARY, **_notice(agency)}
    assert await look(agency, f"/f/{opened.made.secret}/en/latest.json") == FULL


def _notice(agency: Agency) -> dict[str, str]:
    return {f"urn:wirefeed:notice:rotated:{agency.clock.now}": "notice"}


# --- once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("promise", [TOKEN, KeyTerms(), SignIn()])
async def test_of_all_who_open_at_the_same_instant_one_succeeds(agency: Agency, ann, promise):
    secret = await link(agency, promise)
    tries = [agency.services.handovers.open(secret) for _ in range(20)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert Counter(type(one) for one in ended) == {Opened: 1, Gone: 19}
    made = [*await agency.services.tokens.all("ann"), *await agency.services.feed_keys.all("ann")]
    assert len(made) == 1
    assert (await verbs(agency))[0] == "hand-over.open"
    assert Counter(await verbs(agency))["hand-over.open"] == 1
    assert (await agency.services.handovers.peek(secret)).opened == agency.clock.now


async def test_looking_opens_nothing(agency: Agency, ann):
    secret = await link(agency, TOKEN)
    before = await agency.services.handovers.peek(secret)
    assert before.state(agency.clock.now) is State.WAITING
    assert await agency.services.handovers.peek(secret) == before


async def test_a_link_can_be_opened_for_seven_days(agency: Agency, ann):
    first, second = await link(agency, KeyTerms()), await link(agency, KeyTerms())
    short = await link(agency, KeyTerms(), days=1)
    agency.clock.advance(DAY)
    with pytest.raises(Gone, match="expired"):
        await agency.services.handovers.open(short)
    agency.clock.advance(6 * DAY - 1)
    await agency.services.handovers.open(first)
    agency.clock.advance(1)
    with pytest.raises(Gone, match="expired"):
        await agency.services.handovers.open(second)
    assert len(await agency.services.feed_keys.all("ann")) == 1
    with pytest.raises(Unacceptable, match="days"):
        await link(agency, KeyTerms(), days=31)


async def test_a_withdrawn_link_gives_nothing_and_an_opened_one_cannot_be_withdrawn(
    agency: Agency, ann
):
    handovers = agency.services.handovers
    issued = await handovers.issue("ann", KeyTerms())
    agency.clock.advance(HOUR)
    gone = await handovers.withdraw(issued.row.id, CLI)
    assert gone.withdrawn == agency.clock.now
    agency.clock.advance(HOUR)
    assert await handovers.withdraw(issued.row.id, CLI) == gone
    with pytest.raises(Gone, match="withdrawn"):
        await handovers.open(issued.secret)
    opened = await handovers.issue("ann", KeyTerms())
    await handovers.open(opened.secret)
    with pytest.raises(Conflict, match="opened"):
        await handovers.withdraw(opened.row.id, CLI)
    with pytest.raises(NotFound):
        await handovers.withdraw("none", CLI)
    with pytest.raises(NotFound):
        await handovers.withdraw(issued.row.id, CLI, of="bob")


@pytest.mark.parametrize(
    "secret",
    [
        make_secret(SecretKind.HAND_OVER, bytes(32)),
        make_secret(SecretKind.FEED, bytes(32)),
        make_secret(SecretKind.HAND_OVER, bytes(32))[:-1] + "x",
        "",
    ],
)
async def test_a_link_there_is_not_is_unknown(agency: Agency, secret):
    for ask in (agency.services.handovers.peek, agency.services.handovers.open):
        with pytest.raises(UnknownKey):
            await ask(secret)


# --- what may have changed meanwhile -------------------------------------------------------------


@pytest.mark.parametrize(
    ("promise", "error"),
    [
        (replace(TOKEN, days=0), Invalid),
        (replace(TOKEN, days=401), Invalid),
        (replace(TOKEN, scopes=frozenset({Scope.STORIES_WRITE})), Invalid),
        (replace(TOKEN, networks=("nowhere",)), Unacceptable),
        (replace(TOKEN, entitlements=frozenset({"none"})), NotFound),
        (replace(TOKEN, subscriber="bob"), Invalid),
        (KeyTerms(feeds=frozenset({"en/chess"})), Unacceptable),
        (KeyTerms(replaces="none"), NotFound),
    ],
)
async def test_what_cannot_be_given_is_not_promised(agency: Agency, ann, promise, error):
    with pytest.raises(error):
        await link(agency, promise)
    assert await agency.services.handovers.all() == []


async def test_a_link_is_issued_to_who_there_is_and_replaces_its_own_live_key(agency: Agency, ann):
    handovers, keys = agency.services.handovers, agency.services.feed_keys
    with pytest.raises(NotFound, match="nobody"):
        await handovers.issue("nobody", KeyTerms())
    await agency.subscriber("bob", "sport")
    foreign, own = await keys.issue("bob"), await keys.issue("ann")
    with pytest.raises(NotFound):
        await link(agency, KeyTerms(replaces=foreign.row.id))
    await keys.revoke(own.row.id)
    with pytest.raises(Conflict, match="no longer holds"):
        await link(agency, KeyTerms(replaces=own.row.id))


async def test_what_can_no_longer_be_given_is_not_and_the_link_waits_on(agency: Agency, ann):
    lost = await agency.services.feed_keys.issue("ann")
    replacing = await link(agency, KeyTerms(replaces=lost.row.id))
    await agency.services.feed_keys.rotate(lost.row.id)
    await agency.services.plans.put(
        replace((await agency.services.plans.all())["late"], name="passing")
    )
    narrowed = await link(agency, replace(TOKEN, entitlements=frozenset({"passing"})))
    await agency.services.plans.remove("passing")
    for secret in (replacing, narrowed):
        with pytest.raises(Conflict):
            await agency.services.handovers.open(secret)
        row = await agency.services.handovers.peek(secret)
        assert row.state(agency.clock.now) is State.WAITING
    assert "hand-over.open" not in await verbs(agency)
    assert await agency.services.tokens.all("ann") == []


@pytest.mark.parametrize("lapse", ["suspended", "not-begun"])
async def test_a_link_opens_whatever_the_subscription_and_gives_what_that_is_worth(
    agency: Agency, ann, lapse
):
    """It may be sent before the first day; what it gives goes on by itself from then on."""
    accounts, starts = agency.services.accounts, agency.clock.now + DAY
    whole = await accounts.subscriber("ann")
    (subscription,) = whole.subscriptions
    lapsed = {
        "suspended": replace(whole, suspended=True),
        "not-begun": replace(whole, subscriptions=(replace(subscription, starts=starts),)),
    }[lapse]
    await accounts.put_subscriber(lapsed)
    opened = await agency.services.handovers.open(await link(agency, KeyTerms()))
    assert isinstance(opened.made, IssuedFeedKey)
    path = f"/f/{opened.made.secret}/en/latest.json"
    assert (await look(agency, path))[STORY] == "summary"
    agency.clock.advance(DAY)
    if lapse == "suspended":
        await accounts.suspend("ann", suspended=False)
    assert await look(agency, path) == FULL


async def test_links_go_with_their_subscriber_and_do_not_come_back(agency: Agency, ann):
    secret = await link(agency, KeyTerms())
    await agency.services.accounts.remove_subscriber("ann")
    await agency.subscriber("ann", "sport")
    with pytest.raises(UnknownKey):
        await agency.services.handovers.open(secret)
    assert await agency.services.handovers.all("ann") == []


# --- what is written down ------------------------------------------------------------------------


async def test_each_step_is_in_the_audit_with_what_it_made_and_without_a_secret(
    agency: Agency, ann
):
    issued = await agency.services.handovers.issue("ann", TOKEN, CLI)
    opened = await agency.services.handovers.open(issued.secret)
    other = await agency.services.handovers.issue("ann", SignIn(), CLI)
    await agency.services.handovers.withdraw(other.row.id, CLI)
    assert isinstance(opened.made, IssuedToken)
    token, first, second = opened.made.row.jti, issued.row.id, other.row.id
    withdrawn, issued_two, opening, made, issued_one = (
        await agency.services.audit.newest(limit=5)
    )  # fmt: skip
    assert [(e.verb, e.about, e.actor, e.via) for e in (issued_one, made, opening)] == [
        ("hand-over.issue", f"hand-over:{first}", "cli", Via.CLI),
        ("token.issue", f"token:{token}", "subscriber:ann", Via.PAGE),
        ("hand-over.open", f"hand-over:{first}", "subscriber:ann", Via.PAGE),
    ]
    assert issued_one.detail == {
        "of": "subscriber:ann", "gives": "token", "expires": issued.row.expires
    }  # fmt: skip
    assert opening.detail == {"of": "subscriber:ann", "made": f"token:{token}"}
    assert (issued_two.about, withdrawn.about) == (f"hand-over:{second}", f"hand-over:{second}")
    assert withdrawn.verb == "hand-over.withdraw"
    assert (await agency.services.audit.verify()).broken is None
    rows = repr(await agency.services.audit.newest())
    for secret in (issued.secret, other.secret, opened.made.secret):
        assert secret not in rows


async def test_only_the_digest_of_a_link_is_kept(agency: Agency, ann):
    issued = await agency.services.handovers.issue("ann", TOKEN)
    assert is_secret(SecretKind.HAND_OVER, issued.secret)
    assert issued.secret not in repr(issued.row)
    assert await agency.services.handovers.all("ann") == [issued.row]
    assert issued.secret.encode() not in agency.file.read_bytes()
