"""Everything that is written down when it is done, by each door: how, as which verb, about what.

A deed is a command, or a method and a path. In braces stand the ids of what was made before; one
that is not known yet is learned where a row is about it. Whatever a person wrote begins with `zq`,
so that no row holds it unseen.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from wirefeed.domain.audit import Verb

#: One row each: the verb, and what it is about.
Rows = tuple[tuple[Verb, str], ...]
_NEW: Mapping[str, str] = {"If-None-Match": "*"}
_CONTACT = {"name": "zqname", "contact": "zq@mail.example", "notes": "zqnotes"}
_GRANT = {"topics": ["sport"], "level": "full"}
_NETWORK = {"name": "zqtoken", "days": 9, "networks": ["192.0.2.0/24"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that is done, and the rows that it is."""

    does: str
    rows: Rows
    body: Mapping[str, object] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def did(
    does: str,
    verb: Verb,
    about: str,
    body: Mapping[str, object] | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    also: Rows = (),
) -> Deed:
    return Deed(does=does, rows=((verb, about), *also), body=body, headers=headers or {})


BY_COMMAND = (
    did(
        "plans add gold --topics sport --label en=zqlabel --price en=zqprice",
        Verb.PLAN_ADD,
        "plan:gold",
    ),
    did("plans set gold --topics economy --yes", Verb.PLAN_SET, "plan:gold"),
    did("plans grant gold --topics sport --yes", Verb.PLAN_SET, "plan:gold"),
    did("plans ungrant gold 1 --yes", Verb.PLAN_SET, "plan:gold"),
    did("plans import plans.json --yes", Verb.PLAN_ADD, "plan:silver"),
    did("plans remove silver", Verb.PLAN_REMOVE, "plan:silver"),
    did(
        "subscribers add gazette --name zqname --contact zq@mail.example --notes zqnotes"
        " --plan gold",
        Verb.SUBSCRIBER_ADD,
        "subscriber:gazette",
    ),
    did("subscribers set gazette --contact zqother", Verb.SUBSCRIBER_SET, "subscriber:gazette"),
    did("subscribers suspend gazette", Verb.SUBSCRIBER_SUSPEND, "subscriber:gazette"),
    did("subscribers resume gazette", Verb.SUBSCRIBER_RESUME, "subscriber:gazette"),
    did("subscribers import accounts.csv", Verb.SUBSCRIBER_ADD, "subscriber:herald"),
    did("subscribers remove herald", Verb.SUBSCRIBER_REMOVE, "subscriber:herald"),
    did(
        "tokens issue gazette --name zqtoken --network 192.0.2.0/24",
        Verb.TOKEN_ISSUE,
        "token:{first}",
    ),
    did("tokens name -- {first} zqother", Verb.TOKEN_NAME, "token:{first}"),
    did("tokens rotate -- {first}", Verb.TOKEN_ROTATE, "token:{second}"),
    did("tokens revoke -- {second}", Verb.TOKEN_REVOKE, "token:{second}"),
    did("feedkeys issue gazette --name zqkey", Verb.FEED_KEY_ISSUE, "feed-key:{key}"),
    did("feedkeys name {key} zqother", Verb.FEED_KEY_NAME, "feed-key:{key}"),
    did("feedkeys rotate {key}", Verb.FEED_KEY_ROTATE, "feed-key:{next}"),
    did("feedkeys revoke {next}", Verb.FEED_KEY_REVOKE, "feed-key:{next}"),
    did("feedkeys dismiss {shared}", Verb.FEED_KEY_DISMISS, "feed-key:{shared}"),
    did(
        "handovers issue gazette --address --name zqlink",
        Verb.HAND_OVER_ISSUE,
        "hand-over:{link}",
    ),
    did("handovers withdraw {link}", Verb.HAND_OVER_WITHDRAW, "hand-over:{link}"),
    did(
        "webhooks add gazette https://zq.example/zqhook --topics sport",
        Verb.WEBHOOK_ADD,
        "webhook:{hook}",
    ),
    did("webhooks rotate {hook}", Verb.WEBHOOK_ROTATE, "webhook:{hook}"),
    did("webhooks replay {hook} --since 2026-01-01", Verb.WEBHOOK_REPLAY, "webhook:{hook}"),
    did("webhooks remove {hook}", Verb.WEBHOOK_REMOVE, "webhook:{hook}"),
    did("leases end {lease}", Verb.LEASE_END, "lease:{lease}"),
    did("keys rotate --yes", Verb.SIGNING_KEY_ROTATE, "signing-key:{coming}"),
    did("keys revert", Verb.SIGNING_KEY_REVERT, "signing-key:{coming}"),
    did(
        "keys rotate --now --yes",
        Verb.SIGNING_KEY_RETIRE,
        "signing-key:{first key}",
        also=((Verb.SIGNING_KEY_ROTATE, "signing-key:{active}"),),
    ),
    did(
        "keys retire --yes -- {active}",
        Verb.SIGNING_KEY_RETIRE,
        "signing-key:{active}",
        also=((Verb.SIGNING_KEY_ROTATE, "signing-key:{after}"),),
    ),
    did("admins add tom --role desk", Verb.ADMIN_ADD, "admin:tom"),
    did("admins role tom --role auditor", Verb.ADMIN_ROLE, "admin:tom"),
    did("admins remove tom", Verb.ADMIN_REMOVE, "admin:tom"),
    did("stories kill urn:test:1 --headline zqkill --yes", Verb.STORY_KILL, "story:urn:test:1"),
    did("stories reinstate urn:test:1", Verb.STORY_REINSTATE, "story:urn:test:1"),
    did("stories withhold urn:test:1", Verb.STORY_WITHHOLD, "story:urn:test:1"),
    did("kills drill paper --wait 0", Verb.KILL_DRILL, "subscriber:paper"),
    did("import kill.json", Verb.STORY_KILL, "story:urn:test:4"),
    did("topics apply", Verb.TOPICS_APPLY, "topics"),
    did("subscribers remove gazette", Verb.SUBSCRIBER_REMOVE, "subscriber:gazette"),
    did("plans remove gold", Verb.PLAN_REMOVE, "plan:gold"),
)


def _tokens(path: str, name: str) -> tuple[Deed, ...]:
    """Give the life of a token, by the API."""
    one = f"{path}/{{{name}}}"
    return (
        did(f"POST {path}", Verb.TOKEN_ISSUE, f"token:{{{name}}}", _NETWORK),
        did(f"PATCH {one}", Verb.TOKEN_NAME, f"token:{{{name}}}", {"name": "zqother"}),
        did(f"POST {one}/rotate", Verb.TOKEN_ROTATE, f"token:{{{name} again}}", {}),
        did(f"POST {path}/{{{name} again}}/revoke", Verb.TOKEN_REVOKE, f"token:{{{name} again}}"),
    )


def _webhooks(path: str, one: str, name: str) -> tuple[Deed, ...]:
    """Give the life of a webhook, by the API."""
    about = f"webhook:{{{name}}}"
    one = f"{one}/{{{name}}}"
    return (
        did(f"POST {path}", Verb.WEBHOOK_ADD, about, {"url": "https://zq.example/zqhook"}),
        did(f"POST {one}/rotate", Verb.WEBHOOK_ROTATE, about, {}),
        did(f"POST {one}/replay", Verb.WEBHOOK_REPLAY, about, {"since": "2026-01-01T00:00:00Z"}),
        did(f"DELETE {one}", Verb.WEBHOOK_REMOVE, about),
    )


_ADMIN = "/api/v1/admin"
_GAZETTE = f"{_ADMIN}/subscribers/gazette"
BY_API = (
    did(
        f"PUT {_ADMIN}/plans/gold",
        Verb.PLAN_ADD,
        "plan:gold",
        {"grants": [_GRANT], "labels": {"en": "zqlabel"}},
        _NEW,
    ),
    did(f"PUT {_ADMIN}/plans/gold", Verb.PLAN_SET, "plan:gold", {"grants": [_GRANT]}),
    did(
        f"PUT {_ADMIN}/plans.json",
        Verb.PLAN_ADD,
        "plan:silver",
        {"plans": [{"name": "silver", "grants": [_GRANT]}]},
    ),
    did(
        f"PUT {_ADMIN}/plans.csv",
        Verb.PLAN_SET,
        "plan:silver",
        "plan,topics,level\nsilver,*,full\n",
    ),
    did(f"DELETE {_ADMIN}/plans/silver", Verb.PLAN_REMOVE, "plan:silver"),
    did(
        f"PUT {_GAZETTE}",
        Verb.SUBSCRIBER_ADD,
        "subscriber:gazette",
        _CONTACT | {"subscriptions": [{"plan": "gold"}]},
    ),
    did(f"PATCH {_GAZETTE}", Verb.SUBSCRIBER_SET, "subscriber:gazette", {"notes": "zqother"}),
    did(f"POST {_GAZETTE}/suspend", Verb.SUBSCRIBER_SUSPEND, "subscriber:gazette", {}),
    did(f"POST {_GAZETTE}/resume", Verb.SUBSCRIBER_RESUME, "subscriber:gazette", {}),
    did(
        f"PUT {_ADMIN}/subscribers.json",
        Verb.SUBSCRIBER_ADD,
        "subscriber:herald",
        {"subscribers": [{"id": "herald", "name": "zqherald"}]},
    ),
    did(
        f"PUT {_ADMIN}/subscribers.csv",
        Verb.SUBSCRIBER_SET,
        "subscriber:herald",
        "id,name\nherald,zqother\n",
    ),
    did(f"DELETE {_ADMIN}/subscribers/herald", Verb.SUBSCRIBER_REMOVE, "subscriber:herald"),
    *_tokens(f"{_GAZETTE}/tokens", "subscriber's token"),
    *_tokens(f"{_ADMIN}/sources/newsroom/tokens", "newsroom's token"),
    *_tokens(f"{_ADMIN}/admins/eva/tokens", "administrator's token"),
    did(f"POST {_GAZETTE}/feed-keys", Verb.FEED_KEY_ISSUE, "feed-key:{its key}", {"name": "zqkey"}),
    did(
        f"PATCH {_ADMIN}/feed-keys/{{its key}}",
        Verb.FEED_KEY_NAME,
        "feed-key:{its key}",
        {"name": "zqother"},
    ),
    did(f"POST {_ADMIN}/feed-keys/{{its key}}/rotate", Verb.FEED_KEY_ROTATE, "feed-key:{its next}"),
    did(
        f"POST {_ADMIN}/feed-keys/{{its next}}/revoke",
        Verb.FEED_KEY_REVOKE,
        "feed-key:{its next}",
    ),
    did(
        f"POST {_ADMIN}/feed-keys/{{shared, too}}/dismiss",
        Verb.FEED_KEY_DISMISS,
        "feed-key:{shared, too}",
    ),
    did(
        f"POST {_GAZETTE}/hand-overs",
        Verb.HAND_OVER_ISSUE,
        "hand-over:{its link}",
        {"gives": "feed-key", "feed_key": {"name": "zqlink"}},
    ),
    did(
        f"POST {_GAZETTE}/hand-overs/{{its link}}/withdraw",
        Verb.HAND_OVER_WITHDRAW,
        "hand-over:{its link}",
    ),
    *_webhooks(f"{_GAZETTE}/webhooks", f"{_ADMIN}/webhooks", "its hook"),
    did(f"DELETE {_ADMIN}/leases/{{lease, too}}", Verb.LEASE_END, "lease:{lease, too}"),
    did(f"PUT {_ADMIN}/admins/tom", Verb.ADMIN_ADD, "admin:tom", {"role": "desk"}, _NEW),
    did(f"PUT {_ADMIN}/admins/tom", Verb.ADMIN_ROLE, "admin:tom", {"role": "auditor"}),
    did(f"DELETE {_ADMIN}/admins/tom", Verb.ADMIN_REMOVE, "admin:tom"),
    did(
        f"POST {_ADMIN}/stories/kill",
        Verb.STORY_KILL,
        "story:urn:test:2",
        {"guid": "urn:test:2", "headline": "zqkill"},
    ),
    did(
        f"POST {_ADMIN}/stories/reinstate",
        Verb.STORY_REINSTATE,
        "story:urn:test:2",
        {"guid": "urn:test:2"},
    ),
    did(
        f"POST {_ADMIN}/stories/withhold",
        Verb.STORY_WITHHOLD,
        "story:urn:test:2",
        {"guid": "urn:test:2"},
    ),
    did(f"POST {_ADMIN}/topics/apply", Verb.TOPICS_APPLY, "topics"),
    did(f"DELETE {_GAZETTE}", Verb.SUBSCRIBER_REMOVE, "subscriber:gazette"),
    did(f"DELETE {_ADMIN}/plans/gold", Verb.PLAN_REMOVE, "plan:gold"),
    did(f"POST {_ADMIN}/keys/rotate", Verb.SIGNING_KEY_ROTATE, "signing-key:{third}", {}),
    did(f"POST {_ADMIN}/keys/revert", Verb.SIGNING_KEY_REVERT, "signing-key:{third}"),
    # The last: with it goes the token that does all this.
    did(
        f"POST {_ADMIN}/keys/{{after}}/retire",
        Verb.SIGNING_KEY_RETIRE,
        "signing-key:{after}",
        {},
        also=((Verb.SIGNING_KEY_ROTATE, "signing-key:{last}"),),
    ),
)


def _message(version: int, status: str) -> dict[str, object]:
    return {
        "uri": "urn:test:3",
        "version": str(version),
        "pubstatus": status,
        "language": "en",
        "headline": "zqheadline",
        "byline": "zqbyline",
    }


#: What the commands above read.
FILES = {
    "plans.json": '{"plans": [{"name": "silver", "grants": [{"topics": ["*"]}]}]}',
    "accounts.csv": "id,name,contact\nherald,zqherald,zq@mail.example\n",
    "kill.json": json.dumps(_message(2, "canceled") | {"uri": "urn:test:4"}),
}
_STORIES, _THIRD = "POST /api/v1/stories", "story:urn:test:3"
BY_NEWSROOM = (
    did(_STORIES, Verb.STORY_WITHHOLD, _THIRD, _message(2, "withheld")),
    did(_STORIES, Verb.STORY_REINSTATE, _THIRD, _message(3, "usable")),
    did(_STORIES, Verb.STORY_KILL, _THIRD, _message(4, "canceled")),
)
_OWN = "/api/v1/account/webhooks"
BY_PARTNER = (
    *_tokens("/api/v1/account/tokens", "own token"),
    *_webhooks(_OWN, _OWN, "own hook"),
)
BY_READER = (
    did(
        "POST /f/{key secret}/mine",
        Verb.FEED_KEY_SELECT,
        "feed-key:{key of paper}",
        "topics=sport&topics=politics",
    ),
    did("POST /f/{own secret}/rotate", Verb.FEED_KEY_ROTATE, "feed-key:{rotated}"),
    did(
        "POST /h/{link secret}",
        Verb.FEED_KEY_ISSUE,
        "feed-key:{handed over}",
        also=((Verb.HAND_OVER_OPEN, "hand-over:{link of paper}"),),
    ),
)
BY_REPORTER = (
    did(
        "POST /api/v1/leaks",
        Verb.FEED_KEY_REVOKE,
        "feed-key:{key of paper}",
        {"secrets": ["{key secret}"], "where": "https://code.example/zq/{key secret}"},
        also=((Verb.LEAK_REPORT, "feed-key:{key of paper}"),),
    ),
)
