"""Signing keys by the API: listed, rotated, taken back, given up."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.agency import DAY, MINUTE, SECOND, START, Agency, iso
from wirefeed.domain.audit import Via
from wirefeed.domain.signing_keys import AHEAD
from wirefeed.domain.terms import Terms

KEYS = "/api/v1/admin/keys"


class Owner:
    """An owner with a token, and what each call is answered."""

    def __init__(self, agency: Agency, headers: Mapping[str, str]) -> None:
        self.agency = agency
        self.headers = headers

    async def __call__(
        self, method: str, path: str = "", status: int = 200, **options: Any
    ) -> dict[str, Any]:
        async with self.agency.http.request(
            method, KEYS + path, headers=self.headers, **options
        ) as answer:
            assert answer.status == status, await answer.text()
            return dict(await answer.json())

    async def states(self) -> list[str]:
        return [key["state"] for key in (await self("GET"))["keys"]]


@pytest.fixture
async def owner(agency: Agency) -> Owner:
    return Owner(agency, await agency.administrator(days=300))


def told(micros: int) -> str:
    return iso(micros).replace("+00:00", "Z")


async def test_keys_are_listed_and_rotated(agency: Agency, owner: Owner):
    (key,) = (await owner("GET"))["keys"]
    assert key == {
        "kid": key["kid"],
        "state": "active",
        "tokens": 1,
        "created": told(START),
        "activates": told(START),
        "retires": None,
        "ends": None,
    }
    done = await owner("POST", "/rotate", json={})
    assert done == {
        "old": key["kid"],
        "ends": None,
        "new": done["new"],
        "activates": told(START + AHEAD),
        "refused": 0,
    }
    old, new = (await owner("GET"))["keys"]
    assert old == key | {"retires": told(START + AHEAD)}
    assert (new["kid"], new["state"], new["tokens"]) == (done["new"], "next", 0)
    agency.clock.advance(AHEAD)
    assert await owner.states() == ["retiring", "active"]
    assert (await owner("GET"))["keys"][0]["ends"] == told(START + 300 * DAY)


async def test_an_overlap_says_what_it_costs_before_and_after(agency: Agency, owner: Owner):
    asked = {"overlap_seconds": 20 * 60}
    would = await owner("POST", "/rotate", json=asked | {"dry_run": True})
    assert await owner.states() == ["active"]
    ends = told(START + AHEAD + 20 * MINUTE)
    assert would == {
        "old": would["old"], "ends": ends, "new": None, "activates": None, "refused": 1
    }  # fmt: skip
    done = await owner("POST", "/rotate", json=asked)
    assert done == would | {"new": done["new"], "activates": told(START + AHEAD)}
    agency.clock.advance(AHEAD + 20 * MINUTE)
    async with agency.http.get(KEYS, headers=owner.headers) as answer:
        assert answer.status == 401


async def test_a_rotation_is_taken_back(owner: Owner):
    problem = await owner("POST", "/revert", 409)
    assert problem["detail"] == "no rotation is under way"
    done = await owner("POST", "/rotate", json={})
    problem = await owner("POST", "/rotate", 409, json={})
    assert "under way" in problem["detail"]
    assert problem["remedy"]
    assert await owner("POST", "/revert") == {
        "old": done["old"], "ends": None, "new": None, "activates": None, "refused": 0
    }  # fmt: skip
    assert await owner.states() == ["active", "retired"]


async def test_a_key_is_given_up_and_the_token_of_the_call_with_it(agency: Agency, owner: Owner):
    (key,) = (await owner("GET"))["keys"]
    retire = f"/{key['kid']}/retire"
    would = await owner("POST", retire, json={"dry_run": True})
    assert (would["refused"], would["ends"], would["new"]) == (1, told(START), None)
    agency.clock.advance(SECOND)
    done = await owner("POST", retire, json={})
    assert (done["old"], done["ends"]) == (key["kid"], told(START + SECOND))
    assert (done["activates"], done["refused"]) == (told(START + SECOND), 1)
    async with agency.http.get(KEYS, headers=owner.headers) as answer:
        assert answer.status == 401
    issued = await agency.services.tokens.issue(Terms(admin="owner", days=1))
    again = Owner(agency, {"Authorization": f"Bearer {issued.secret}"})
    assert await again.states() == ["retired", "active"]
    assert (await again("POST", retire, json={}))["refused"] == 0
    coming = await again("POST", "/rotate", json={})
    await again("POST", f"/{coming['new']}/retire", 409, json={})
    await again("POST", "/nobody/retire", 404, json={})


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/rotate", {"overlap_seconds": -1}, "$.overlap_seconds"),
        ("/rotate", {"overlap_seconds": 401 * 86_400}, "$.overlap_seconds"),
        ("/rotate", {"overlap_seconds": "20m"}, "$.overlap_seconds"),
        ("/rotate", {"overlap": 20}, "$.overlap"),
        ("/some-key/retire", {"dry_run": 1}, "$.dry_run"),
    ],
)
async def test_what_cannot_be_done_names_its_field(owner: Owner, path, body, field):
    assert (await owner("POST", path, 422, json=body))["field"] == field
    assert await owner.states() == ["active"]


async def test_the_audit_says_who_did_it(agency: Agency, owner: Owner):
    await owner("POST", "/rotate", json={})
    await owner("POST", "/revert")
    back, turned = await agency.services.audit.newest(limit=2)
    assert (back.verb, turned.verb) == ("signing-key.revert", "signing-key.rotate")
    for entry in (back, turned):
        assert (entry.actor, entry.via) == ("admin:owner", Via.API)


async def test_nothing_private_is_told(agency: Agency, owner: Owner):
    await owner("POST", "/rotate", json={})
    async with agency.http.get(KEYS, headers=owner.headers) as answer:
        text = await answer.text()
    assert not re.search(r"private|public|\"[dx]\"", text)
