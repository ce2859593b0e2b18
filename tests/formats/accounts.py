"""Plans and subscribers as they may be held, drawn for what writes and reads files of them."""

from hypothesis import strategies as st

from wirefeed.domain.access import ALL, Grant, Level
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind, Subscription

SECOND = 1_000_000
names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,5}", fullmatch=True)
languages = st.sampled_from(["en", "tr", "pt-BR", "zh-Hant-TW"])
#: What shows of a text, formulas among it.
shown = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]) | st.sampled_from("'=+-@,\""))
some = shown.filter(bool)
notes = st.text(st.characters(categories=["L", "P"]) | st.sampled_from("'=\t\n\""))
times = st.integers(0, 2_000_000_000 * SECOND) | st.integers(0, 4_000_000_000).map(SECOND.__mul__)

subscriptions = st.builds(
    Subscription,
    plan=names,
    starts=times,
    ends=st.none() | times,
    grace_days=st.integers(0, 400),
    trial=st.booleans(),
    suspended=st.booleans(),
)
subscribers = st.builds(
    Subscriber,
    id=names,
    kind=st.sampled_from(SubscriberKind),
    name=shown,
    contact=shown,
    notes=notes,
    suspended=st.booleans(),
    subscriptions=st.lists(subscriptions, max_size=3).map(tuple),
)


def _grants(plan):
    topics = st.frozensets(names, max_size=3)
    grants = st.builds(
        Grant,
        plan=st.just(plan),
        topics=topics.filter(bool) | st.just(frozenset({ALL})),
        languages=st.frozensets(languages, min_size=1) | st.just(frozenset({ALL})),
        excepted=topics,
        level=st.sampled_from([Level.SUMMARY, Level.FULL]),
        delay=st.integers(0, 100_000).map(SECOND.__mul__),
        media=st.booleans(),
        early=st.booleans(),
        notes=st.booleans(),
        archive_days=st.none() | st.integers(0, 400),
    )
    return st.lists(grants, max_size=3).map(tuple)


plans = names.flatmap(
    lambda name: st.builds(
        Plan,
        name=st.just(name),
        grants=_grants(name),
        labels=st.dictionaries(languages, some, max_size=2),
        prices=st.dictionaries(languages, some, max_size=2),
        subscribe_urls=st.dictionaries(languages, some.map("https://{}".format), max_size=2),
        trial_days=st.none() | st.integers(1, 100),
    )
)
