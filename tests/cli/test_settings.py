"""Settings: each documented with its default, each from the environment, wrong ones named."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Command
from wirefeed.config import Settings, load
from wirefeed.domain.errors import Unacceptable

DOCUMENTED = Path(__file__).parents[2] / "config" / "wirefeed.toml"

#: A value of each setting that is not its default, as the environment has it and as it is read.
OTHERWISE = {
    "site.name": ("Anadolu Wire", "Anadolu Wire"),
    "site.tagline": ("All of it", "All of it"),
    "site.languages": ("tr,en-gb,ar", ("tr", "en-gb", "ar")),
    "site.subscribe_url": ("https://x.example/join", "https://x.example/join"),
    "site.contact": ("desk@x.example", "desk@x.example"),
    "site.rights": ("© X", "© X"),
    "server.host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - only read
    "server.port": ("9000", 9000),
    "server.public_url": ("https://x.example", "https://x.example"),
    "server.trusted_proxies": ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
    "server.ops_host": ("::1", "::1"),
    "server.ops_port": ("9100", 9100),
    "server.workers": ("4", 4),
    "server.drain": ("3", 3),
    "server.head_seconds": ("3", 3),
    "server.body_seconds": ("4", 4),
    "database.url": ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
    "database.authority_grace": ("5", 5),
    "cache.megabytes": ("8", 8),
    "redis.url": ("redis://cache.example:6379/1", "redis://cache.example:6379/1"),
    "redis.keep_hours": ("1", 1),
    "taxonomy.topics": ("t.toml", "t.toml"),
    "taxonomy.plans": ("p.toml", "p.toml"),
    "feed.items": ("20", 20),
    "feed.hours": ("0", 0),
    "wire.days": ("90", 90),
    "wire.lines": ("0", 0),
    "teaser.words": ("30", 30),
    "tokens.max_days": ("30", 30),
    "tokens.max_live": ("5", 5),
    "guessing.per_minute": ("5", 5),
    "guessing.per_hour": ("0", 0),
    "limits.per_minute": ("600", 600),
    "leaks.policy": ("rotate", "rotate"),
    "leaks.readers": ("0", 0),
    "leaks.networks": ("30", 30),
    "leaks.clients": ("9", 9),
    "leaks.secret": (f"whsec_{'A' * 32}", f"whsec_{'A' * 32}"),
    "kills.alarm_minutes": ("5", 5),
    "keys.master": ("k", "k"),
    "hub.url": ("https://hub.example/", "https://hub.example/"),
    "hub.leases": ("5", 5),
    "hub.public_leases": ("0", 0),
    "hub.signature": ("sha512", "sha512"),
    "outbound.private_networks": ("true", True),
    "outbound.ports": ("443,80", (443, 80)),
    "ingest.max_bytes": ("1000", 1000),
    "ingest.default_language": ("tr", "tr"),
    "log.level": ("debug", "debug"),
}


def names() -> Iterator[str]:
    for section in msgspec.structs.fields(Settings):
        for setting in msgspec.structs.fields(section.type):
            yield f"{section.name}.{setting.name}"


def value(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)


def variable(name: str) -> str:
    section, _, key = name.partition(".")
    return f"WIREFEED_{section}__{key}".upper()


def test_the_settings_file_shows_every_setting_with_its_default():
    shown = tomllib.loads(DOCUMENTED.read_text("utf-8"))

    assert {f"{section}.{key}" for section, keys in shown.items() for key in keys} == set(names())
    assert load(DOCUMENTED, {"PATH": ""}) == Settings()


def test_no_setting_is_without_a_case_here():
    assert set(OTHERWISE) == set(names())


@pytest.mark.parametrize("name", OTHERWISE)
def test_every_setting_is_taken_from_the_environment_which_wins(name: str, tmp_path: Path):
    text, read = OTHERWISE[name]
    assert value(Settings(), name) != read

    settings = load(DOCUMENTED, {variable(name): text})

    assert value(settings, name) == read
    assert [n for n in names() if value(settings, n) != value(Settings(), n)] == [name]


@pytest.mark.parametrize("name", OTHERWISE)
def test_every_setting_is_taken_from_a_file(name: str, tmp_path: Path):
    section, _, key = name.partition(".")
    read = OTHERWISE[name][1]
    toml = list(read) if isinstance(read, tuple) else read
    written = str(read).lower() if isinstance(read, bool) else repr(toml)
    file = tmp_path / "wirefeed.toml"
    file.write_text(f"[{section}]\n{key} = {written}\n", "utf-8")

    assert value(load(file, {"PATH": ""}), name) == read


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[sit]\nname = 'x'", ["sit", "the sections are site, server"]),
        ("[site]\nnam = 'x'", ["nam", "site"]),
        ("[server]\nport = 'http'", ["server.port"]),
        ("[server]\nport = 65536", ["server.port"]),
        ("[server]\nworkers = 0", ["server.workers"]),
        ("[feed]\nitems = 301", ["feed.items"]),
        ("[feed]\nitems = 0", ["feed.items"]),
        ("[teaser]\nwords = 1", ["teaser.words"]),
        ("[log]\nlevel = 'loud'", ["log.level"]),
        ("[site]\nlanguages = []", ["site.languages"]),
        ("[site]\nlanguages = ['English']", ["site.languages"]),
        ("[server]\npublic_url = 'news.example'", ["server.public_url", "https://"]),
        ("[server]\ntrusted_proxies = ['proxy']", ["server.trusted_proxies", "192.0.2.0/24"]),
        ("[server]\ntrusted_proxies = ['10.0.0.1/8']", ["server.trusted_proxies", "10.0.0.0/8"]),
        ("[server]\ntrusted_proxies = '10.0.0.0/8'", ["server.trusted_proxies"]),
        ("[guessing]\nper_minute = -1", ["guessing.per_minute"]),
        ("[guessing]\nper_hour = 10001", ["guessing.per_hour"]),
        ("[limits]\nper_minute = -1", ["limits.per_minute"]),
        ("[limits]\nper_minute = 10000001", ["limits.per_minute"]),
        ("[leaks]\npolicy = 'shame'", ["leaks.policy"]),
        ("[leaks]\nsecret = 'hunter2'", ["leaks.secret", "whsec_"]),
        ("[leaks]\nnetworks = 101", ["leaks.networks"]),
        ("[database]\nurl = 'wirefeed.db'", ["database.url", "sqlite:///"]),
        ("[cache]\nmegabytes = 0", ["cache.megabytes"]),
        ("[redis]\nurl = 'cache.example:6379'", ["redis.url", "redis://host:6379"]),
        ("[redis]\nurl = 'redis://'", ["redis.url", "redis://host:6379"]),
        ("[redis]\nurl = 'redis://cache.example:x'", ["redis.url", "redis://host:6379"]),
        ("[redis]\nurl = 'unix://?db=1'", ["redis.url", "unix:///"]),
        ("[redis]\nurl = 'redis://h/0?socket_timeout=9'", ["redis.url", "redis://host:6379"]),
        ("[redis]\nkeep_hours = 0", ["redis.keep_hours"]),
        ("site = 3", ["site"]),
        ("[site", ["wirefeed.toml", "TOML"]),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    wirefeed: Command, folder: Path, content: str, told: list[str]
):
    (folder / "wirefeed.toml").write_text(content, "utf-8")

    ran = wirefeed("--config", "wirefeed.toml", "plans", "list")

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith("wirefeed: ")
    assert ran.err.count("\n") == 1
    for words in told:
        assert words in ran.err
    assert not (folder / "var").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter2@cache.example",
        "redis://:hunter2@cache.example:port",
        "redis://:hunter2@cache.example?decode_responses=1",
        "redis://[:hunter2@cache.example",
    ],
)
def test_a_password_in_an_address_is_not_repeated(
    wirefeed: Command, monkeypatch: pytest.MonkeyPatch, url: str
):
    monkeypatch.setenv("WIREFEED_REDIS__URL", url)

    ran = wirefeed("plans", "list")

    assert (ran.exit, ran.out) == (1, "")
    assert "redis.url" in ran.err
    assert "hunter2" not in ran.err


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache.example",
        "redis://user:pass%40word@[::1]:6380/3",
        "rediss://cache.example:6379/0?ssl_ca_certs=/etc/ssl/ca.pem",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_redis_is_named_by_an_address(url: str):
    assert load(None, {"WIREFEED_REDIS__URL": url}).redis.url == url


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("WIREFEED_SIT__NAME", "x", ["WIREFEED_SIT__NAME", "use one of site"]),
        ("WIREFEED_SITE__NAM", "x", ["WIREFEED_SITE__NAM", "use one of name"]),
        ("WIREFEED_SERVER__PORT", "http", ["server.port"]),
        ("WIREFEED_SERVER__TRUSTED_PROXIES", "::1,,", ["server.trusted_proxies"]),
        ("WIREFEED_TAXONOMY__TOPICS", "nowhere.toml", ["taxonomy.topics", "nowhere.toml"]),
        ("WIREFEED_DATABASE__URL", "postgresql://x", ["database.url"]),
        ("WIREFEED_CONFIG", "nowhere.toml", ["nowhere.toml"]),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it(
    wirefeed: Command, monkeypatch: pytest.MonkeyPatch, name: str, text: str, told: list[str]
):
    monkeypatch.setenv(name, text)

    ran = wirefeed("plans", "list")

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    for words in told:
        assert words in ran.err


def test_an_empty_variable_is_an_empty_list():
    assert load(None, {"WIREFEED_SERVER__TRUSTED_PROXIES": ""}).server.trusted_proxies == ()


def test_a_wrong_setting_carries_its_class_of_error():
    with pytest.raises(Unacceptable, match=re.escape("WIREFEED_FEED__ITEM")):
        load(None, {"WIREFEED_FEED__ITEM": "3"})


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("topics.toml", "[[topics]]\nslug = 'A B'", "A B"),
        ("topics.toml", "[[topics]", "topics.toml"),
        ("plans.toml", "[[plans]]\nname = 'x'\n[[plans.grants]]\ntopics = ['nowhere']", "nowhere"),
        ("plans.toml", "[[plan]]\nname = 'x'", "plan"),
    ],
)
def test_a_wrong_definition_is_one_line_that_names_its_file(
    wirefeed: Command, folder: Path, file: str, content: str, told: str
):
    (folder / "config" / file).write_text(content, "utf-8")

    ran = wirefeed("topics", "list")

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith(f"wirefeed: config/{file}: ")
    assert ran.err.count("\n") == 1
    assert told in ran.err


def test_without_any_file_the_defaults_hold_and_the_public_sees_summaries(
    wirefeed: Command, folder: Path
):
    (folder / "config" / "topics.toml").unlink()
    (folder / "config" / "plans.toml").unlink()

    (plan,) = wirefeed("plans", "list", "--json").json

    assert (plan["name"], plan["grants"][0]["topics"], plan["grants"][0]["level"]) == (
        "public", ["*"], "summary",
    )  # fmt: skip
    assert (folder / "var" / "wirefeed.db").stat().st_mode & 0o077 == 0
    assert (folder / "var" / "master.key").stat().st_mode & 0o077 == 0
