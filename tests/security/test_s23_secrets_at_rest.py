"""S-23: a secret is given out once. No file, log, environment or answer holds a part of it after.

One of every credential there is, made by commands and used on a running server.
"""

import asyncio
import base64
import http.client
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.security.raw import basic
from tests.support.house import READY, House, command, house_in, json_of, lines
from tests.support.process import PATIENCE
from wirefeed.cli.main import cli
from wirefeed.composition import open_services, utc_now
from wirefeed.web.request import KEY_COOKIE

#: So many bytes of a secret in a row are a part of it.
PART = 12
STORY = (
    b'{"uri": "urn:test:one", "version": "1", "language": "en", "headline": "A headline",'
    b' "subject": [{"code": "medtop:15000000"}]}'
)
#: What commands that list or show are given, where they need something.
GIVEN = {
    "import": ["story.json"],
    "stories show": ["urn:test:one"],
    "explain": ["gazette", "urn:test:one"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """An agency whose credentials were all used: what was given out, and what it left behind."""

    house: House
    #: By what it is.
    secrets: Mapping[str, bytes]
    #: What can be looked through, by where it is.
    places: Mapping[str, bytes]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Used:
    house = house_in(tmp_path_factory.mktemp("house"))
    given = given_out(house)
    secrets = {name: text.encode() for name, text in given.items()}
    with server(house) as (process, log):
        for name, secret in given.items():
            use(house, name, secret)
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
        while_running = files(house)
    return Used(
        house=house,
        secrets=secrets | asyncio.run(kept(house)),
        places={"environ": environ, "log": log.read_bytes(), **while_running, **files(house)},
    )


def given_out(house: House) -> dict[str, str]:
    """Make one of every credential that is given out, as an administrator does."""
    command(house, "subscribers", "add", "gazette", "--name", "The Gazette", "--plan", "sport")
    command(house, "admins", "add", "eva", "--role", "owner")
    (house.folder / "story.json").write_bytes(STORY)
    command(house, "import", "story.json")
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
    return {name: bare(secret) for name, secret in given.items()}


def bare(secret: str) -> str:
    """Take a secret out of the address it was given out in."""
    return secret.rstrip("/").rpartition("/")[2]


async def kept(house: House) -> dict[str, bytes]:
    """Give the secrets that are given to nobody."""
    async with open_services(house.settings()) as services:
        _, key = await services.keyring.signer(utc_now())
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
    bearer = {"Authorization": f"Bearer {secret}"}
    password = dict([basic(f"reader:{secret}").split(": ")])
    cookie = {"Cookie": f"{KEY_COOKIE}={secret}"}
    feed, page = "/subscriber/en/latest.rss", "/subscriber/en/stories/aaaaaaaaaaaaaaaa"
    asked = [
        ("GET", feed, bearer),
        ("GET", feed, password),
        ("GET", page, cookie),
        ("GET", page, cookie | bearer),
        ("POST", "/api/v1/stories", bearer),
        ("GET", f"/f/{secret}/en/latest.atom", {}),
        ("GET", f"/f/{secret}/", {"Sec-Fetch-Dest": "document"}),
        ("GET", f"/f/{secret}/opml", {}),
        ("GET", f"/{secret}", {}),
        ("GET", f"{feed}?access_token={secret}&key={secret}", {}),
        ("GET", "/", {"Authorization": secret, "User-Agent": secret, "Referer": f"http://{secret}/"}),
        (secret[:40], "/", {}),
    ]  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=PATIENCE)
    opened = 0
    for method, path, headers in asked:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        opened += answer.status in {200, 403, 415}
    connection.close()
    assert opened, f"the {name} was of no use"


def files(house: House) -> dict[str, bytes]:
    """Read the database, and whatever SQLite keeps beside it."""
    var = house.folder / "var"
    return {path.name: path.read_bytes() for path in var.iterdir() if path != house.master}


def parts(secret: bytes) -> Iterator[bytes]:
    """Give every part of a secret, as it is, in hexadecimal and in base64."""
    for start in range(len(secret) - PART + 1):
        part = secret[start : start + PART]
        yield part
        yield part.hex().encode()
        yield part.hex().upper().encode()
        # Whatever it is encoded with: one part in three begins where a group of base64 does.
        yield base64.b64encode(part)
        yield base64.urlsafe_b64encode(part)


def found_in(content: bytes, secrets: Mapping[str, bytes]) -> set[str]:
    return {
        name for name, secret in secrets.items() if any(part in content for part in parts(secret))
    }


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
            elif one is not None and any(option.name == "as_json" for option in one.params):
                found.append(path)

    assert isinstance(cli, click.Group)
    walk(cli, "")
    return found


@pytest.mark.parametrize("name", listing())
def test_s23_no_command_shows_a_secret_again(used: Used, name: str):
    arguments = [*name.split(), *GIVEN.get(name, [])]
    for said in (lines(used.house, *arguments, "--json"), lines(used.house, *arguments)):
        assert not found_in("\n".join(said).encode(), used.secrets), name
