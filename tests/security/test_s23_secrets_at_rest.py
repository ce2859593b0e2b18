"""S-23: a secret is given out once. No file, log, environment or answer holds a part of it after.

One of every credential there is, made by commands and used on a running server.
"""

import asyncio
import base64
import http.client
import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.security.raw import basic
from tests.security.secrecy import found_in, unguessable
from tests.support.house import READY, House, command, house_in, json_of, run
from tests.support.process import PATIENCE
from wirefeed.cli.main import cli
from wirefeed.composition import open_services, utc_now
from wirefeed.domain.signatures import parse_secret
from wirefeed.web.api.operation import Caller
from wirefeed.web.api.routes import ENDPOINTS
from wirefeed.web.request import KEY_COOKIE

FILES = {
    "story.json": b'{"uri": "urn:test:one", "version": "1", "language": "en", "headline": "One",'
    b' "subject": [{"code": "medtop:15000000"}]}',
    "killed.json": b'{"uri": "urn:test:killed", "version": "1", "pubstatus": "canceled"}',
    "plans.json": b'{"plans": []}',
    "accounts.json": b'{"subscribers": []}',
}
#: What commands that answer in JSON are given, where they need something.
GIVEN = {
    "import": ["story.json"],
    "stories show": ["urn:test:one"],
    "kills show": ["urn:test:killed"],
    "kills drill": ["gazette", "--wait", "0"],
    "explain": ["gazette", "urn:test:one"],
    "plans add": ["gold", "--topics", "*", "--dry-run"],
    "plans set": ["sport", "--topics", "*", "--dry-run"],
    "plans grant": ["sport", "--topics", "*", "--dry-run"],
    "plans ungrant": ["late", "1", "--dry-run"],
    "plans show": ["sport"],
    "plans history": ["sport"],
    "plans import": ["plans.json", "--dry-run"],
    "subscribers show": ["gazette"],
    "subscribers preview": ["gazette"],
    "subscribers import": ["accounts.json", "--dry-run"],
    "webhooks add": ["gazette", "https://gazette.example/other"],
    "webhooks rotate": ["{webhook}"],
    "webhooks log": ["gazette"],
}
#: What calls of the API need to show something.
QUERIES = {
    "/api/v1/wire": "?after=oldest",
    "/api/v1/wire/reconcile": "?after=oldest",
    "/api/v1/admin/story": "?guid=urn:test:one",
    "/api/v1/admin/explain": "?subscriber=gazette&guid=urn:test:one",
}
#: A credential as a page gives it.
HANDED = re.compile(rb"wf_feed_[0-9A-Za-z]{36}|eyJ[\w-]+\.[\w-]+\.[\w-]{86}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """An agency whose credentials were all used: what was given out, and what it left behind."""

    house: House
    #: By what it is.
    secrets: Mapping[str, bytes]
    #: The id of a webhook.
    webhook: str
    #: What can be looked through, by where it is.
    places: Mapping[str, bytes]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Used:
    house = house_in(tmp_path_factory.mktemp("house"))
    # A second grant, so that one can be taken back.
    command(house, "plans", "grant", "late", "--topics", "economy", "--yes")
    given = given_out(house)
    address = "https://gazette.example/in"
    webhook = json_of(house, "webhooks", "add", "gazette", address, "--json")
    with server(house) as (process, log):
        given |= open_links(house, given)
        for name, secret in given.items():
            use(house, name, secret)
        shown = what_is_shown(house, given["administrator's token"], given["rotated token"])
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
        while_running = files(house)
    return Used(
        house=house,
        secrets={
            **{name: unguessable(one) for name, one in given.items()},
            **asyncio.run(kept(house)),
            "webhook's secret": webhook["secret"].encode(),
            "webhook's key": parse_secret(webhook["secret"], "secret"),
        },
        webhook=webhook["id"],
        places={
            "environ": environ,
            "log": log.read_bytes(),
            **{f"{name}, running": content for name, content in while_running.items()},
            **files(house),
            **shown,
        },
    )


def given_out(house: House) -> dict[str, str]:
    """Make one of every credential that is given out, as an administrator does."""
    command(house, "subscribers", "add", "gazette", "--name", "The Gazette", "--plan", "sport")
    command(house, "admins", "add", "eva", "--role", "owner")
    for name, content in FILES.items():
        (house.folder / name).write_bytes(content)
    command(house, "import", "story.json")
    command(house, "import", "killed.json")
    given = {
        "feed key": command(house, "feedkeys", "issue", "gazette"),
        "token": command(house, "tokens", "issue", "gazette"),
        "newsroom's token": command(house, "tokens", "issue", "--source", "newsroom"),
        "administrator's token": command(house, "tokens", "issue", "--admin", "eva"),
    }
    (key,) = json_of(house, "feedkeys", "list", "--json")
    given["rotated feed key"] = command(house, "feedkeys", "rotate", key["id"])
    (token,) = json_of(house, "tokens", "list", "gazette", "--json")
    given["rotated token"] = command(house, "tokens", "rotate", "--", token["jti"])
    for name in ("token", "address", "sign-in"):
        given[f"link to a {name}"] = command(house, "handovers", "issue", "gazette", f"--{name}")
    return {name: bare(secret) for name, secret in given.items()}


def bare(secret: str) -> str:
    """Take a secret out of the address it was given out in."""
    return secret.rstrip("/").rpartition("/")[2]


def asked(house: House, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Give the status of an answer, and all of its bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, bytes(answer.headers) + answer.read()
    finally:
        connection.close()


def open_links(house: House, given: Mapping[str, str]) -> dict[str, str]:
    """Open the links; give what they gave, once."""
    found = {}
    for name in ("token", "address", "sign-in"):
        status, content = asked(house, "POST", f"/h/{given[f'link to a {name}']}", {})
        assert status in {200, 303}
        (secret,) = set(HANDED.findall(content))
        found[f"{name} by a link"] = secret.decode()
    return found


def what_is_shown(house: House, owner: str, subscriber: str) -> dict[str, bytes]:
    """Ask the API for all there is to see, with every id there is."""
    owners, ids = ["gazette", "newsroom", "eva"], ["gazette", "eva", "sport"]
    ids += ["urn:test:one", "urn:test:killed"]
    for column, table in (
        *(("id", "feed_keys"), ("id", "hand_overs"), ("id", "webhooks")),
        ("jti", "tokens"),
    ):
        with closing(sqlite3.connect(house.database)) as database:
            ids += [row[0] for row in database.execute(f"SELECT {column} FROM {table}")]  # noqa: S608
    shown: dict[str, bytes] = {}
    for endpoint in ENDPOINTS:
        operation = endpoint.operation
        if operation.method != "GET" or operation.path == "/api/v1/wire/stream":
            # A stream does not end; it has what pages have.
            continue
        before = len(shown)
        token = subscriber if operation.access in {Caller.ACCOUNT, Caller.WIRE} else owner
        choices = [owners if name == "owner" else ids for name in operation.params]
        for chosen in product(*choices):
            path = operation.path.format(**dict(zip(operation.params, chosen, strict=True)))
            query = QUERIES.get(operation.path, "")
            status, content = asked(house, "GET", path + query, bearer(token))
            if status == 200:
                shown[path] = content
        assert len(shown) > before, f"{operation.path}: nothing was seen of it"
    return shown


async def kept(house: House) -> dict[str, bytes]:
    """Give the secrets that are given to nobody."""
    async with (
        open_services(house.settings()) as services,
        services.database.reading() as connection,
    ):
        _, key = await services.keyring.signer(connection, utc_now(), utc_now())
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {"master key": house.master.read_bytes(), "signing key": private}


@contextmanager
def server(house: House) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """Run a server that says all it can, in an environment that is its own."""
    log = house.folder / "log"
    flags = ["-O"] if sys.flags.optimize else []
    program = "from wirefeed.cli.main import main; main()"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, *flags, "-c", program, "serve"],
            cwd=house.folder,
            env={**os.environ, **house.environ, "WIREFEED_LOG__LEVEL": "debug"},
            stderr=said,
            stdout=said,
        ) as process,
    ):
        try:
            while READY.encode() not in log.read_bytes():
                assert process.poll() is None, log.read_text("utf-8")
            yield process, log
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def use(house: House, name: str, secret: str) -> None:
    """Send a secret in every way that opens something, and in those that never should be used."""
    password = dict([basic(f"reader:{secret}").split(": ")])
    cookie = {"Cookie": f"{KEY_COOKIE}={secret}"}
    feed, page = "/subscriber/en/latest.rss", "/subscriber/en/stories/aaaaaaaaaaaaaaaa"
    ways: list[tuple[str, str, dict[str, str]]] = [
        ("GET", feed, bearer(secret)),
        ("GET", feed, password),
        ("GET", page, cookie),
        ("GET", page, cookie | bearer(secret)),
        ("POST", "/api/v1/stories", bearer(secret)),
        ("GET", "/api/v1/admin/audit", bearer(secret)),
        ("GET", f"/h/{secret}", {}),
        ("GET", f"/f/{secret}/en/latest.atom", {}),
        ("GET", f"/f/{secret}/", {"Sec-Fetch-Dest": "document"}),
        ("GET", f"/f/{secret}/opml", {}),
        ("GET", f"/{secret}", {}),
        ("GET", f"{feed}?access_token={secret}&key={secret}", {}),
        ("GET", "/", {"Authorization": secret, "User-Agent": secret, "Referer": f"http://{secret}/"}),
        (secret[:40], "/", {}),
    ]  # fmt: skip
    # 403 and 415: it is known, and for something else. 410: a link that was opened.
    statuses = {asked(house, *way)[0] for way in ways}
    assert statuses & {200, 403, 410, 415}, f"the {name} was of no use"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def files(house: House) -> dict[str, bytes]:
    """Read the database, and whatever SQLite keeps beside it."""
    var = house.folder / "var"
    return {path.name: path.read_bytes() for path in var.iterdir() if path != house.master}


@pytest.mark.parametrize("before", [b"", b"a:", b"reader:"])
def test_s23_a_part_of_a_secret_is_found_however_it_is_written(before: bytes):
    secrets = {"secret": b"wf_feed_0123456789abcdefghijklmnop"}
    for half in (secrets["secret"][:17], secrets["secret"][17:]):
        content = before + half
        for written in (
            content,
            content.hex().encode(),
            base64.b64encode(content),
            base64.urlsafe_b64encode(content),
        ):
            assert found_in(b"x" + written + b"x", secrets)
    assert not found_in(b"wf_feed_", secrets)


def test_s23_no_file_log_or_environment_holds_a_part_of_a_secret(used: Used):
    assert {"environ", "log", "wirefeed.db"} <= used.places.keys()
    assert b"gazette" in used.places["wirefeed.db"]
    assert b"wirefeed serves" in used.places["log"]
    for where, content in used.places.items():
        assert not found_in(content, used.secrets), where


def test_s23_the_master_key_is_for_its_owner_alone(used: Used):
    assert stat.S_IMODE(used.house.master.stat().st_mode) == 0o600


def listing() -> list[str]:
    """Name the commands that answer in JSON: they list, show and explain."""
    found = []

    def walk(group: click.Group, name: str) -> None:
        for each in group.list_commands(click.Context(group)):
            one, path = group.get_command(click.Context(group), each), f"{name} {each}".strip()
            if isinstance(one, click.Group):
                walk(one, path)
            elif path == "follow":
                # A partner's, with a token of its own.
                continue
            elif one is not None and any(option.name == "as_json" for option in one.params):
                found.append(path)

    assert isinstance(cli, click.Group)
    walk(cli, "")
    return found


@pytest.mark.parametrize("name", listing())
def test_s23_no_command_shows_a_secret_again(used: Used, name: str):
    given = [one.replace("{webhook}", used.webhook) for one in GIVEN.get(name, [])]
    arguments = [*name.split(), *given]
    for form in ([], ["--json"]):
        told = run(used.house, *arguments, *form)
        # A drill says by its status that nobody has fetched what it sent.
        assert told.exit_code == int(name == "kills drill"), told.output
        assert not found_in(told.output.encode(), used.secrets), name
