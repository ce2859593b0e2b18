"""Plans and subscribers in files: what is written, read again, changes nothing."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats import accounts
from wirefeed.domain.access import Grant, Level
from wirefeed.domain.bulk import plan_from, subscriber_from
from wirefeed.domain.contracts import Wanted
from wirefeed.domain.errors import Invalid
from wirefeed.domain.plans import Plan, Subscriber, SubscriberKind, Subscription
from wirefeed.formats import accounts_csv, accounts_files

HOUR = 3_600_000_000
ENDS = 1_800_000_000_000_000


def blocks(text, size=97):
    raw = text if isinstance(text, bytes) else text.encode()
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def fault(draft):
    """Give the field that is at fault."""
    assert draft.error is not None
    return draft.error.field


def array(lines):
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


# --- there and back ------------------------------------------------------------------------------


@given(st.lists(accounts.subscribers, max_size=4, unique_by=lambda one: one.id))
def test_subscribers_written_and_read_again_are_what_they_were(held):
    table = accounts_csv.subscriber_heading() + "".join(map(accounts_csv.subscriber_lines, held))
    lines = [accounts_files.subscriber_line(one) for one in held]
    for drafts in (
        list(accounts_csv.subscribers_in(blocks(table))),
        list(accounts_files.subscribers_in(blocks(array(lines)))),
        list(accounts_files.subscribers_in(blocks(b"\n".join(lines)))),
    ):
        assert [(d.name, d.error) for d in drafts] == [(one.id, None) for one in held]
        for one, draft in zip(held, drafts, strict=True):
            assert subscriber_from(draft, one, 0) == one
            assert subscriber_from(draft, None, 0) == one


@given(st.lists(accounts.plans, max_size=4, unique_by=lambda plan: plan.name))
def test_plans_written_and_read_again_are_what_they_were(held):
    lines = [accounts_files.plan_line(plan) for plan in held]
    for drafts in (
        list(accounts_csv.plans_in(blocks(accounts_csv.plan_table(held)))),
        list(accounts_files.plans_in(blocks(array(lines)))),
        list(accounts_files.plans_in(blocks(b"\n".join(lines)))),
    ):
        assert [(d.name, d.error) for d in drafts] == [(plan.name, None) for plan in held]
        for plan, draft in zip(held, drafts, strict=True):
            assert plan_from(draft, plan) == plan


# --- tables --------------------------------------------------------------------------------------

ANN = Subscriber(
    id="ann",
    kind=SubscriberKind.PERSON,
    name="=Ann",
    contact="a@x",
    subscriptions=(
        Subscription(plan="gold", starts=0, ends=ENDS, grace_days=3, trial=True),
        Subscription(plan="sport", starts=1, suspended=True),
    ),
)


def test_a_table_of_subscribers_has_a_row_for_each_subscription():
    assert accounts_csv.subscriber_heading().split(",")[:3] == ["id", "kind", "name"]
    assert accounts_csv.subscriber_lines(ANN).splitlines() == [
        "ann,person,'=Ann,a@x,,false,gold,1970-01-01T00:00:00Z,2027-01-15T08:00:00Z,3,true,false",
        "ann,person,'=Ann,a@x,,false,sport,1970-01-01T00:00:00.000001Z,,0,false,true",
    ]
    assert accounts_csv.subscriber_lines(Subscriber(id="bob")) == (
        "bob,organisation,,,,false,,,,,,\r\n"
    )


def test_a_table_of_plans_has_a_row_for_each_grant_and_a_column_for_each_language():
    grants = (
        Grant(plan="gold", topics=frozenset({"sport", "arts"}), level=Level.FULL, delay=HOUR),
        Grant(plan="gold", topics=frozenset({"*"}), excepted=frozenset({"economy"})),
    )
    gold = Plan(name="gold", grants=grants, labels={"en": "Gold"}, trial_days=7)
    empty = Plan(name="none", grants=(), labels={"tr": "Yok"})
    heading, *rows = accounts_csv.plan_table([gold, empty]).splitlines()
    texts = "label.en label.tr"
    assert (
        heading.split(",")
        == (
            f"plan trial_days {texts} topics except languages level delay_seconds"
            " media early notes archive_days"
        ).split()
    )
    assert rows == [
        "gold,7,Gold,,arts sport,,*,full,3600,false,false,false,",
        "gold,7,Gold,,*,economy,*,summary,0,false,false,false,",
        "none,,,Yok,,,,,,,,,",
    ]


@pytest.mark.parametrize(
    ("table", "given"),
    [
        ("id\nann\n", {}),
        ("id,notes\nann,x\n", {"notes": "x"}),
        ("id,kind,suspended\nann,,TRUE\n", {"kind": "organisation", "suspended": True}),
        ("id,plan\nann,\n", {"subscriptions": ()}),
        ("id,plan\nann,gold\n", {"subscriptions": (Wanted(plan="gold"),)}),
        # A day's end, and a day's beginning.
        (
            "id,plan,starts,ends\nann,gold,1970-01-02,2027-01-14\n",
            {
                "subscriptions": (
                    Wanted(plan="gold", starts=24 * HOUR, ends=ENDS - 8 * HOUR),
                )
            },
        ),
        # What is said of a subscriber is said once.
        (
            "id,name,plan\nann,Ann,gold\nann,,sport\nann,Ann,arts\n",
            {
                "name": "Ann",
                "subscriptions": (Wanted(plan="gold"), Wanted(plan="sport"), Wanted(plan="arts")),
            },
        ),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_states_nothing(table, given):
    (draft,) = accounts_csv.subscribers_in(blocks(table))
    assert (draft.place, draft.name, draft.given, draft.error) == ("line 2", "ann", given, None)


@pytest.mark.parametrize(
    ("table", "given"),
    [
        ("plan,label.en,price.en\ngold,Gold,\n", {"labels": {"en": "Gold"}, "prices": {}}),
        ("plan,trial_days\ngold,\n", {"trial_days": None}),
        ("plan,topics\ngold,\n", {"grants": ()}),
        (
            "plan,topics,level\ngold,arts  sport,full\n",
            {
                "grants": (
                    Grant(plan="gold", topics=frozenset({"arts", "sport"}), level=Level.FULL),
                )
            },
        ),
    ],
)  # fmt: skip
def test_a_table_of_plans_states_what_its_columns_say(table, given):
    (draft,) = accounts_csv.plans_in(blocks(table))
    assert (draft.name, draft.given, draft.error) == ("gold", given, None)


@pytest.mark.parametrize(
    ("table", "place", "field"),
    [
        ("id,kind\nann,firm\n", "line 2", "kind"),
        ("id,suspended\nann,perhaps\n", "line 2", "suspended"),
        ("id,plan,ends\nann,gold,soon\n", "line 2", "ends"),
        ("id,plan,ends\nann,gold,2027-01-01T12:00:00\n", "line 2", "ends"),
        ("id,plan,starts\nann,gold,1969-01-01\n", "line 2", "starts"),
        ("id,plan,ends\nann,,2027-01-01\n", "line 2", "plan"),
        ("id,plan,grace_days\nann,gold,-1\n", "line 2", "grace_days"),
        ("id,plan,grace_days\nann,gold,٣\n", "line 2", "grace_days"),
        ("id,plan,trial\nann,arts,\nann,gold,no\n", "line 3", "trial"),
        ("id,name\nann,Ann\nann,Anna\n", "line 3", "name"),
        ("id,name\n,Ann\n", "line 2", "id"),
        ("id,name\nann\n", "line 2", ""),
        ("id,name\nann,Ann,\n", "line 2", ""),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named(table, place, field):
    bob = "bob" + "," * table.partition("\n")[0].count(",")
    bad, good = accounts_csv.subscribers_in(blocks(table + bob))
    assert (bad.place, fault(bad)) == (place, field)
    assert (good.name, good.error) == ("bob", None)


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ("plan,topics,level\ngold,arts,hidden\n", "level"),
        ("plan,topics,level\ngold,arts,most\n", "level"),
        ("plan,topics,except\ngold,,arts\n", "topics"),
        ("plan,topics,delay_seconds\ngold,arts,1h\n", "delay_seconds"),
        ("plan,trial_days\ngold,9999999999\n", "trial_days"),
    ],
)
def test_a_cell_of_a_plan_that_cannot_be_taken_is_named(table, field):
    (draft,) = accounts_csv.plans_in(blocks(table))
    assert fault(draft) == field


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("name", "'id' is missing"),
        ("id,nmae", "'nmae'"),
        ("id,name,name", "twice"),
        ("id,starts", "'plan' is missing"),
        ("id,label.en", "'label.en'"),
        ("id,topics", "'topics'"),
    ],
)
def test_a_table_is_refused_by_its_columns(heading, told):
    with pytest.raises(Invalid, match=told) as caught:
        list(accounts_csv.subscribers_in([heading.encode()]))
    assert caught.value.field == "line 1"


def test_a_table_of_plans_is_refused_by_its_columns():
    for heading in ("topics", "plan,level", "plan,label.", "plan,label.en,label.en", "plan,starts"):
        with pytest.raises(Invalid):
            list(accounts_csv.plans_in([heading.encode()]))


def test_with_a_row_that_cannot_be_read_none_of_its_subscriber_is():
    table = "id,plan\nann,gold\nann\nbob,gold\n"
    ann, bob = accounts_csv.subscribers_in(blocks(table))
    assert (ann.name, ann.place, ann.given) == ("ann", "line 3", {})
    assert (bob.name, bob.error) == ("bob", None)


# --- JSON ----------------------------------------------------------------------------------------


def test_a_file_of_json_is_lines_an_array_or_the_document_of_the_api():
    entry = {"id": "ann", "subscriptions": [{"plan": "gold", "ends": "2027-01-15T08:00:00Z"}]}
    for text, place in (
        (json.dumps(entry), "entry 1"),
        (json.dumps([entry]), "entry 1"),
        (json.dumps({"subscribers": [entry]}), "subscribers[0]"),
        (json.dumps({"subscribers": [entry]}, indent=1), "subscribers[0]"),
    ):
        (draft,) = accounts_files.subscribers_in(blocks(text))
        assert (draft.place, draft.name, draft.error) == (place, "ann", None)
        assert draft.given == {"subscriptions": (Wanted(plan="gold", ends=ENDS),)}


@pytest.mark.parametrize(
    ("entry", "name", "field"),
    [
        ({}, "", "$.id"),
        ({"id": "Ann"}, "Ann", "$.id"),
        ({"id": 1}, "", "$.id"),
        ({"id": "ann", "nmae": "x"}, "ann", "$.nmae"),
        ({"id": "ann", "subscriptions": [{"plan": "gold", "grace_days": -1}]}, "ann",
         "$.subscriptions[0].grace_days"),
        ({"id": "ann", "subscriptions": [{"plan": "gold"}, {"plan": "a", "ends": "2027-01-01"}]},
         "ann", "$.subscriptions[1].ends"),
        ({"id": "ann", "subscriptions": [{"plan": "gold", "starts": "0001-01-01T00:00:00Z"}]},
         "ann", "$.subscriptions[0].starts"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_taken_stops_no_other(entry, name, field):
    lines = [json.dumps(entry), "{", '{"id": "a", "id": "b"}', '{"id": "bob"}']
    bad, broken, twice, good = accounts_files.subscribers_in(["\n".join(lines).encode()])
    assert (bad.name, fault(bad)) == (name, field)
    assert broken.error
    assert twice.error
    assert (good.name, good.error) == ("bob", None)


def test_an_entry_of_a_plan_names_the_field_at_fault():
    entries = [
        {"name": "gold", "grants": [{"topics": ["*"], "except": ["*"]}]},
        {"name": "gold", "grants": [{"topics": []}]},
        {"name": "gold", "grants": [{"topics": ["a"]}, {"topics": ["a"], "level": "hidden"}]},
        {"name": "gold", "labels": {"e n": "x"}},
    ]
    found = list(accounts_files.plans_in([json.dumps(entries).encode()]))
    assert [fault(draft) for draft in found] == [
        "$.grants[0].except[0]",
        "$.grants[0].topics",
        "$.grants[1].level",
        "$.labels",
    ]


def test_what_an_entry_leaves_out_stays():
    (draft,) = accounts_files.subscribers_in([b'{"id": "ann", "notes": "x"}'])
    assert subscriber_from(draft, ANN, 0) == replace(ANN, notes="x")
