"""Plans, subscribers and credentials: what is issued, and that a change acts at once."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from tests.support.agency import DAY, HOUR, Agency, running, settings_in
from tests.support.answers import ask, basic, look
from wirefeed.composition import Services, open_services
from wirefeed.config import Tokens as TokenSettings
from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.credentials import Scope, SecretKind, is_secret
from wirefeed.domain.errors import Conflict, Invalid, NotFound, Unacceptable, Unavailable
from wirefeed.domain.plans import Plan, Subscriber, Subscription
from wirefeed.domain.readers import State
from wirefeed.domain.terms import Terms
from wirefeed.formats import ninjs
from wirefeed.services.accounts import Accounts, Bounds, Part
from wirefeed.services.publishing import Message
from wirefeed.storage import subscribers, wire

STORY = "urn:news:sport"
MONTH = 30 * DAY
MACHINE = "/subscriber/en/latest.json"


def a_plan(name: str, *topics: str, level: Level = Level.FULL) -> Plan:
    return Plan(name=name, grants=(Grant(plan=name, topics=frozenset(topics), level=level),))


# --- plans and subscribers -----------------------------------------------------------------------


async def test_an_empty_database_is_given_its_first_plans_once(agency: Agency):
    assert set(await agency.services.plans.all()) == {
        "public",
        "sport",
        "economy",
        "late",
        "everything",
    }
    assert not await agency.services.plans.seed([a_plan("other", ALL)])
    assert "other" not in await agency.services.plans.all()


async def test_a_plan_in_use_and_the_public_one_stay(agency: Agency):
    await agency.subscriber("ann", "sport")
    with pytest.raises(Conflict, match="ann"):
        await agency.services.plans.remove("sport")
    with pytest.raises(Conflict):
        await agency.services.plans.remove("public")
    with pytest.raises(NotFound):
        await agency.services.plans.remove("none")
    await agency.services.plans.remove("late")
    assert "late" not in await agency.services.plans.all()


async def test_those_who_have_a_plan_that_is_to_be_removed_are_counted_only_so_far(agency: Agency):
    many = [
        Subscriber(id=f"s{n:04}", subscriptions=(Subscription(plan="sport", starts=1),))
        for n in range(1001)
    ]
    async with agency.services.database.writing() as connection:
        await subscribers.put_subscribers(connection, many)
    with pytest.raises(Conflict, match=r"^more than 1000 subscribers .* s0000 among them"):
        await agency.services.plans.remove("sport")


@pytest.mark.parametrize("plan", [None, "sport"])
async def test_those_who_stand_in_some_way_are_looked_for_a_few_at_a_time(
    agency: Agency, plan: str | None
):
    services, now = agency.services, agency.clock.now
    for n in range(9):
        await agency.subscriber(f"s{n}", "sport", ends=now + DAY if n in {6, 7} else now - DAY)
    bounds = Bounds(examined=2, reads=2)
    accounts = Accounts(services.database, services.audit, clock=agency.clock, bounds=bounds)
    parts: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        part = await accounts.standing(State.LIVE, after, plan=plan)
        parts.append([one.id for one in part.subscribers])
        after = part.after
    assert parts == [[], ["s6", "s7"], []]
    first = await accounts.standing(State.LIVE, "s3", 1, plan=plan)
    assert ([one.id for one in first.subscribers], first.after) == (["s6"], "s6")
    assert await accounts.standing(State.LIVE, "s7", plan=plan) == Part(subscribers=[])


async def test_subscribers_are_added_changed_listed_and_removed(agency: Agency):
    accounts = agency.services.accounts
    await agency.subscriber("bob", "sport")
    await agency.subscriber("ann", "sport", "economy")
    with pytest.raises(Conflict):
        await agency.subscriber("ann")
    with pytest.raises(Unacceptable, match="chess") as caught:
        await agency.subscriber("carol", "chess")
    assert caught.value.field == "$.subscriptions[0].plan"
    with pytest.raises(Unacceptable):
        await agency.subscriber("not an id")
    assert [s.id for s in await accounts.subscribers()] == ["ann", "bob"]
    assert [s.id for s in await accounts.subscribers(after="ann")] == ["bob"]
    changed = await accounts.change_subscriber("ann", lambda s: replace(s, name="Ann B."))
    assert changed.name == "Ann B."
    assert (await accounts.subscriber("ann")).name == "Ann B."
    await accounts.remove_subscriber("ann")
    for call in (
        accounts.subscriber("ann"),
        accounts.remove_subscriber("ann"),
        agency.services.feed_keys.issue("ann"),
        agency.services.tokens.issue(Terms(subscriber="ann", days=1)),
        agency.services.readers.as_subscriber("ann"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_anyone_may_be_looked_at_as_a_reader(agency: Agency):
    readers = agency.services.readers
    await agency.subscriber("ann", "sport")
    assert await readers.as_subscriber("public") == await readers.public()
    reader = await readers.as_subscriber("ann")
    assert {grant.plan for grant in reader.entitlement.grants} == {"public", "sport"}


# --- credentials ---------------------------------------------------------------------------------


async def test_a_token_says_who_and_until_when_and_never_which_plan(agency: Agency):
    await agency.subscriber("ann", "sport")
    token = (
        await agency.services.tokens.issue(Terms(subscriber="ann", days=30, name="desk"))
    ).secret
    assert set(jwt.get_unverified_header(token)) == {"alg", "kid", "typ"}
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "sub", "jti", "iat", "nbf", "exp", "scope"}
    assert claims["sub"] == "ann"
    assert claims["scope"] == "feeds:read wire:read"
    assert claims["exp"] - claims["iat"] == 30 * 86_400
    (row,) = await agency.services.tokens.all("ann")
    assert (row.jti, row.name) == (claims["jti"], "desk")


@pytest.mark.parametrize(
    "options",
    [
        {"days": 0},
        {"days": 401},
        {"days": 1, "scopes": frozenset()},
        {"days": 1, "scopes": frozenset({Scope.STORIES_WRITE})},
    ],
)
async def test_a_token_is_not_issued_beyond_its_bounds(agency: Agency, options):
    await agency.subscriber("ann", "sport")
    with pytest.raises(Invalid):
        await agency.services.tokens.issue(Terms(subscriber="ann", **options))
    assert await agency.services.tokens.all() == []


async def test_a_feed_key_is_well_formed_shown_once_and_kept_as_a_digest(agency: Agency):
    await agency.subscriber("ann", "sport")
    key = (await agency.services.feed_keys.issue("ann", "phone")).secret
    assert is_secret(SecretKind.FEED, key)
    (row,) = await agency.services.feed_keys.all("ann")
    assert (row.name, row.tail) == ("phone", key[-4:])
    assert row.revoked is None
    assert key not in repr(row)
    assert key.encode() not in agency.file.read_bytes()


async def test_a_rotated_token_goes_with_what_the_old_one_was_issued_with(agency: Agency):
    await agency.subscriber("ann", "sport")
    tokens, terms = agency.services.tokens, Terms(subscriber="ann", days=30)
    first = (await tokens.issue(terms)).row
    old = (await tokens.issue(terms, parent=first)).row
    new = (await tokens.rotate(old.jti)).row
    assert new.parent == first.jti
    assert await tokens.revoke(old.jti) == [old.jti]
    assert (await tokens.get(new.jti)).revoked is None
    assert set(await tokens.revoke(first.jti)) == {first.jti, new.jti}


async def test_one_token_at_a_time_stands_in_place_of_another(agency: Agency):
    await agency.subscriber("ann", "sport")
    tokens = agency.services.tokens
    old = (await tokens.issue(Terms(subscriber="ann", days=30))).row
    # By the length of its overlap alone it would hold as long as before.
    new = (await tokens.rotate(old.jti, overlap=MONTH)).row
    with pytest.raises(Conflict, match=new.jti):
        await tokens.rotate(old.jti)
    await tokens.revoke(new.jti)
    again = (await tokens.rotate(old.jti)).row
    assert (await tokens.get(old.jti)).successor == again.jti


async def test_a_token_is_not_kept_alive_by_a_long_overlap(agency: Agency):
    await agency.subscriber("ann", "sport")
    old = (await agency.services.tokens.issue(Terms(subscriber="ann", days=90))).row
    with pytest.raises(Invalid, match="30 days at most"):
        await agency.services.tokens.rotate(old.jti, overlap=MONTH + 1)
    assert await agency.services.tokens.get(old.jti) == old


async def test_rotation_gives_one_token_more_than_there_may_be_and_no_second(tmp_path: Path):
    async with running(settings_in(tmp_path, tokens=TokenSettings(max_live=2))) as agency:
        await agency.subscriber("ann", "sport")
        tokens, terms = agency.services.tokens, Terms(subscriber="ann", days=30)
        one, other = [(await tokens.issue(terms)).row for _ in range(2)]
        await tokens.rotate(one.jti, overlap=HOUR)
        with pytest.raises(Conflict, match="as many as it may"):
            await tokens.rotate(other.jti)
        agency.clock.advance(HOUR)
        await tokens.rotate(other.jti)


async def test_what_there_is_not_cannot_be_revoked_and_leaves_no_trace(agency: Agency):
    async with agency.services.database.reading() as connection:
        before = await wire.head(connection)
    with pytest.raises(NotFound):
        await agency.services.tokens.revoke("none")
    with pytest.raises(NotFound):
        await agency.services.feed_keys.revoke("none")
    async with agency.services.database.reading() as connection:
        assert await wire.head(connection) == before


# --- what another process does -------------------------------------------------------------------


async def revoke_keys(services: Services) -> None:
    for key in await services.feed_keys.all("ann"):
        await services.feed_keys.revoke(key.id)


async def suspend(services: Services) -> None:
    await services.accounts.change_subscriber("ann", lambda s: replace(s, suspended=True))


async def take_plan(services: Services) -> None:
    await services.accounts.change_subscriber("ann", lambda s: replace(s, subscriptions=()))


async def narrow_plan(services: Services) -> None:
    await services.plans.put(a_plan("sport", "politics"))


async def close_public(services: Services) -> None:
    await services.plans.put(a_plan("public", "politics", level=Level.SUMMARY))


async def withhold(services: Services) -> None:
    await send(services, "withheld")


async def kill(services: Services) -> None:
    await send(services, "canceled")


async def send(services: Services, status: str) -> None:
    raw = f'{{"uri": "{STORY}", "version": "2", "pubstatus": "{status}"}}'.encode()
    (receipt,) = await services.publishing.accept_all(
        [Message(raw=raw, revision=ninjs.parse(raw))], "desk"
    )
    assert receipt.error is None


@pytest.mark.parametrize(
    ("act", "private", "public"),
    [
        (revoke_keys, "summary", "summary"),
        (suspend, "summary", "summary"),
        (take_plan, "summary", "summary"),
        (narrow_plan, "summary", "summary"),
        (close_public, "full", None),
        (withhold, None, None),
        (kill, "killed", "killed"),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_what_is_done_here_or_in_another_process_acts_on_the_next_request(
    agency: Agency,
    elsewhere: bool,
    act: Callable[[Services], Awaitable[None]],
    private: str | None,
    public: str | None,
):
    await agency.publish(STORY)
    await agency.subscriber("ann", "sport")
    base = await agency.feed_key("ann")
    for _ in range(2):
        assert await look(agency, f"{base}/en/latest.json") == {STORY: "full"}
        assert await look(agency) == {STORY: "summary"}
    if elsewhere:
        async with open_services(agency.settings, agency.clock) as other:
            await act(other)
    else:
        await act(agency.services)
    assert (await look(agency, f"{base}/en/latest.json")).get(STORY) == private
    assert (await look(agency)).get(STORY) == public
    body = (await ask(agency, f"{base}/en/latest.rss")).text
    assert ("Paragraph 7" in body) is (private == "full")


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_revoked_token_is_refused_by_a_running_server_whoever_revoked_it(
    agency: Agency, elsewhere
):
    await agency.subscriber("ann", "sport")
    tokens = [await agency.token("ann") for _ in range(2)]
    for token in tokens:
        assert (await ask(agency, MACHINE, token)).status == 200
    jti = jwt.decode(tokens[0]["Authorization"][7:], options={"verify_signature": False})["jti"]
    if elsewhere:
        async with open_services(agency.settings, agency.clock) as other:
            await other.tokens.revoke(jti)
    else:
        await agency.services.tokens.revoke(jti)
    assert [(await ask(agency, MACHINE, token)).status for token in tokens] == [401, 200]


async def test_a_credential_issued_by_another_process_holds_at_once(agency: Agency):
    await agency.publish(STORY)
    async with open_services(agency.settings, agency.clock) as other:
        await other.accounts.add_subscriber(
            Subscriber(id="ann", subscriptions=(Subscription(plan="sport", starts=0),))
        )
        key = (await other.feed_keys.issue("ann")).secret
        token = (await other.tokens.issue(Terms(subscriber="ann", days=1))).secret
    assert await look(agency, f"/f/{key}/en/latest.json") == {STORY: "full"}
    assert await look(agency, MACHINE, {"Authorization": f"Bearer {token}"}) == {STORY: "full"}
    assert await look(agency, MACHINE, basic(f"/f/{key}")) == {STORY: "full"}


async def test_a_plan_that_is_widened_acts_on_the_next_request(agency: Agency):
    await agency.publish("urn:news:economy", "economy")
    await agency.subscriber("ann", "sport")
    base, token = await agency.feed_key("ann"), await agency.token("ann")
    assert await look(agency, f"{base}/en/latest.json") == {}
    await agency.services.plans.put(a_plan("sport", "sport", "economy"))
    expected = {"urn:news:economy": "full"}
    assert await look(agency, f"{base}/en/latest.json") == expected
    assert await look(agency, MACHINE, token) == expected


async def test_a_subscription_begins_at_its_time(agency: Agency):
    await agency.publish(STORY)
    starts = agency.clock.now + HOUR
    await agency.services.accounts.add_subscriber(
        Subscriber(
            id="ann",
            subscriptions=(Subscription(plan="sport", starts=starts, ends=starts + MONTH),),
        )
    )
    base = await agency.feed_key("ann")
    assert (await look(agency, f"{base}/en/latest.json"))[STORY] == "summary"
    agency.clock.advance(HOUR)
    assert await look(agency, f"{base}/en/latest.json") == {STORY: "full"}
    agency.clock.advance(MONTH)
    assert (await look(agency, f"{base}/en/latest.json"))[STORY] == "summary"


async def test_a_lost_master_key_is_asked_for_and_not_replaced(tmp_path: Path):
    settings = settings_in(tmp_path)
    async with running(settings):
        pass
    key = Path(settings.keys.master)
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(Unavailable) as caught:
        async with running(settings):
            pass
    assert caught.value.field == "keys.master"
    assert "missing" in caught.value.message
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o644)
    async with running(settings):
        assert key.stat().st_mode & 0o777 == 0o600
