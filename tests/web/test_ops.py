"""What operators and machines ask: alive, ready, which keys sign, what crawlers may read."""

import json

import pytest

from tests.support.agency import MINUTE, Agency, running
from tests.support.answers import ask
from wirefeed.domain.signing_keys import AHEAD


async def test_the_process_says_that_it_is_alive_and_ready(agency: Agency):
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = await ask(agency, path)
        assert answer.status == 200
        assert json.loads(answer.body) == {"status": status}
        assert answer.headers["Cache-Control"] == "no-store"


async def test_without_its_database_it_is_alive_and_not_ready(agency: Agency):
    assert (await ask(agency, "/readyz")).status == 200
    agency.file.write_bytes(b"no database" * 1000)
    answer = await ask(agency, "/readyz")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert (await ask(agency, "/healthz")).status == 200


async def test_the_signing_keys_are_published_without_their_private_parts(agency: Agency):
    answer = await ask(agency, "/.well-known/jwks.json")
    (key,) = json.loads(answer.body)["keys"]
    assert set(key) == {"kty", "crv", "kid", "alg", "use", "x"}
    assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"


async def test_who_holds_the_signing_keys_is_told_until_they_change(agency: Agency):
    address = "/.well-known/jwks.json"
    first = await ask(agency, address)
    held = {"If-None-Match": first.tag}
    for _ in range(2):
        again = await ask(agency, address, held)
        assert (again.status, again.body, again.tag) == (304, b"", first.tag)
        assert again.headers["Cache-Control"] == "public, max-age=300"
        agency.clock.advance(MINUTE)
    assert (await ask(agency, address, {"If-None-Match": "*"})).status == 200
    await agency.services.signing_keys.rotate()
    async with running(agency.settings, agency.clock) as other:
        kids = [standing.key.kid for standing in await other.services.signing_keys.all()]
        for each in (agency, other):
            changed = await ask(each, address, held)
            assert [key["kid"] for key in json.loads(changed.body)["keys"]] == kids
        held = {"If-None-Match": (await ask(agency, address)).tag}
        # The old one signed nothing, so that it is of no more use when it is replaced.
        agency.clock.advance(AHEAD)
        changed = await ask(other, address, held)
        assert [key["kid"] for key in json.loads(changed.body)["keys"]] == kids[1:]


async def test_crawlers_are_asked_to_leave_private_addresses_alone(agency: Agency):
    answer = await ask(agency, "/robots.txt")
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /f/", "Disallow: /h/", "Disallow: /subscriber/", "Disallow: /api/"} <= set(
        lines
    )


@pytest.mark.parametrize("path", ["/healthz", "/en/latest.rss", "/nowhere", "/en/", "/robots.txt"])
async def test_every_answer_says_how_it_is_to_be_handled(agency: Agency, path):
    headers = (await ask(agency, path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "wirefeed"
    assert "Cache-Control" in headers
