"""Settings: what a TOML file and the environment may say. Read once, before anything starts.

Every setting is `[section] name` in the file and `WIREFEED_SECTION__NAME` in the
environment, which wins. An unknown section or
name is refused: a typo must not go unnoticed.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Meta

from wirefeed.domain.errors import Unacceptable
from wirefeed.domain.leaks import Limits
from wirefeed.domain.networks import parse_network
from wirefeed.domain.signatures import parse_secret

_PREFIX = "WIREFEED_"
_Port = Annotated[int, Meta(ge=0, le=65535)]
_Positive = Annotated[int, Meta(ge=1)]
_Workers = Annotated[int, Meta(ge=1, le=256)]
_Natural = Annotated[int, Meta(ge=0)]
#: Each is kept in memory with its time.
_Failures = Annotated[int, Meta(ge=0, le=10_000)]
#: No more are remembered of one address.
_Seen = Annotated[int, Meta(ge=0, le=100)]
_Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[a-z0-9]{2,8})?$")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of settings."""


class Site(Section, frozen=True):
    """Who publishes, for whom, in which languages."""

    name: str = "Wirefeed"
    tagline: str = ""
    #: Languages with feeds and pages, the first one the default.
    languages: Annotated[tuple[_Language, ...], Meta(min_length=1)] = ("en",)
    #: Where a reader learns how to subscribe; empty: the catalogue says so itself.
    subscribe_url: str = ""
    contact: str = ""
    #: Copyright line of every feed and page.
    rights: str = ""


class Server(Section, frozen=True):
    """Where the server listens, and what it is called from outside."""

    host: str = "127.0.0.1"
    port: _Port = 8080
    #: Every link starts with this, never with what a request says; empty: http://host:port.
    public_url: str = ""
    #: Networks of the proxies in front, whose `X-Forwarded-For` is believed; others' never is.
    trusted_proxies: tuple[str, ...] = ()
    #: Health checks also answer on a listener of their own.
    ops_host: str = "127.0.0.1"
    #: 0: one above `port`.
    ops_port: _Port = 0
    #: As many processes answer; with more than one, a parent watches over them.
    workers: _Workers = 1
    #: Seconds that running requests get to finish after SIGTERM.
    drain: _Positive = 10
    #: Seconds a connection may be idle, or take to send a request's head.
    head_seconds: _Positive = 15
    #: Seconds a request's body may take.
    body_seconds: _Positive = 10


class DatabaseSettings(Section, frozen=True):
    """Where everything is kept."""

    url: str = "sqlite:///var/wirefeed.db"
    #: Seconds that subscribers are served from memory while it is out of reach.
    authority_grace: Annotated[int, Meta(ge=0, le=300)] = 30


class CacheSettings(Section, frozen=True):
    """How much rendered is held in memory."""

    #: In each process.
    megabytes: _Positive = 64


class RedisSettings(Section, frozen=True):
    """What all processes hold in common, if there is a Redis."""

    #: redis://, rediss:// (TLS) or unix://; empty: each process holds its own.
    url: str = ""
    #: What was written to it is forgotten after this long.
    keep_hours: _Positive = 24


class Taxonomy(Section, frozen=True):
    """Files that define the topics, and the plans an empty database starts with."""

    topics: str = "config/topics.toml"
    plans: str = "config/plans.toml"


class Feed(Section, frozen=True):
    """How long a feed's window is."""

    #: At least this many of the newest stories,
    items: Annotated[int, Meta(ge=1, le=300)] = 50
    #: and whatever changed within this many hours before the newest change.
    hours: _Natural = 24


class WireSettings(Section, frozen=True):
    """How far back the wire can be followed, and by how many at a time."""

    #: A cursor leads on for so many days, and a backfill reaches back so far at most.
    days: Annotated[int, Meta(ge=2, le=36_500)] = 400
    #: Streams and waiting requests that one subscriber may hold open in each process; 0: any
    #: number.
    lines: _Natural = 16


class TeaserSettings(Section, frozen=True):
    """How much the summary of a story shows."""

    words: Annotated[int, Meta(ge=5, le=300)] = 60


class Tokens(Section, frozen=True):
    """The credentials of machines."""

    #: No token may live longer.
    max_days: _Positive = 400
    #: Of tokens that hold, one subscriber may have this many.
    max_live: _Positive = 50


class Guessing(Section, frozen=True):
    """How many credentials that do not hold a network may send before it is told to wait.

    One that holds is always answered.
    """

    #: 0: any number.
    per_minute: _Failures = 60
    per_hour: _Failures = 600


class LimitSettings(Section, frozen=True):
    """How much one client may take. What it holds already, and asks for as such, is free."""

    #: Full answers to one credential, or to one network without any; 0: any number.
    #: The default is what no honest poller comes near, and a broken loop soon reaches.
    per_minute: Annotated[int, Meta(ge=0, le=10_000_000)] = 300_000


class Leaks(Section, frozen=True):
    """What tells that a private address is shared, and what follows."""

    #: `notice`: its reader is told; `rotate`: it is taken back; `none`: administrators see it.
    policy: Annotated[str, Meta(pattern="^(notice|rotate|none)$")] = "notice"
    #: As many there may be of each within 24 hours; 0: any number.
    #: Readers, as a service says for how many it reads;
    readers: _Natural = 1
    #: networks, IPv4 /24 and IPv6 /48;
    networks: _Seen = 12
    #: kinds of clients.
    clients: _Seen = 6
    #: With which reports of leaks are signed that say they are (`whsec_…`); empty: none are taken.
    secret: str = ""

    @property
    def limits(self) -> Limits:
        """As many there may be of each."""
        return Limits(readers=self.readers, networks=self.networks, clients=self.clients)

    @property
    def signing_secret(self) -> bytes | None:
        """The secret as bytes. Raises `Unacceptable`."""
        return parse_secret(self.secret, "leaks.secret") if self.secret else None


class KillSettings(Section, frozen=True):
    """What is expected of those who have a story that is killed."""

    #: Minutes in which they fetch the kill; after them operators are told. 0: never.
    alarm_minutes: _Natural = 15


class Keys(Section, frozen=True):
    """The key under which secrets in the database are encrypted."""

    #: Made on first start, readable by its owner alone. Without it no token can be issued.
    master: str = "var/master.key"


class HubSettings(Section, frozen=True):
    """The WebSub hub."""

    #: Another hub, which public feeds name and which is told of their changes; empty: our own.
    url: str = ""
    #: Leases that one subscriber may hold,
    leases: _Positive = 50
    #: and that there may be of public feeds.
    public_leases: _Natural = 10_000
    #: By what deliveries are signed for those who sent a secret.
    signature: Annotated[str, Meta(pattern="^(sha256|sha384|sha512)$")] = "sha256"


class OutboundSettings(Section, frozen=True):
    """Where callbacks may be."""

    #: In local networks and on this machine, too, at any port.
    private_networks: bool = False
    #: At these ports, elsewhere.
    ports: Annotated[tuple[Annotated[int, Meta(ge=1, le=65535)], ...], Meta(min_length=1)] = (
        443,
        8443,
    )


class Ingest(Section, frozen=True):
    """What newsrooms may send."""

    max_bytes: _Positive = 2 * 1024 * 1024
    #: For stories that do not say their language; empty: the first of `site.languages`.
    default_language: str = ""


class Log(Section, frozen=True):
    """What is logged: JSON lines, or lines for people on a terminal."""

    level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"


class Settings(Section, frozen=True):
    """Everything that can be set."""

    site: Site = Site()
    server: Server = Server()
    database: DatabaseSettings = DatabaseSettings()
    cache: CacheSettings = CacheSettings()
    redis: RedisSettings = RedisSettings()
    taxonomy: Taxonomy = Taxonomy()
    feed: Feed = Feed()
    wire: WireSettings = WireSettings()
    teaser: TeaserSettings = TeaserSettings()
    tokens: Tokens = Tokens()
    guessing: Guessing = Guessing()
    limits: LimitSettings = LimitSettings()
    leaks: Leaks = Leaks()
    kills: KillSettings = KillSettings()
    keys: Keys = Keys()
    hub: HubSettings = HubSettings()
    outbound: OutboundSettings = OutboundSettings()
    ingest: Ingest = Ingest()
    log: Log = Log()

    @property
    def public_url(self) -> str:
        """The address links start with, without a slash at its end."""
        server = self.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        return (server.public_url or f"http://{host}:{server.port}").rstrip("/")

    @property
    def default_language(self) -> str:
        """The language of stories that do not say theirs."""
        return self.ingest.default_language or self.site.languages[0]


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from a TOML file, if there is one, and the environment.

    Raises `Unacceptable` naming the setting at fault and where it was set.
    """
    values = _from_file(path) if path else {}
    for name, (section, key, value) in _from_environment(environ or os.environ).items():
        kind = _kind(name, section, key)
        chosen = values.setdefault(section, {})
        if not isinstance(chosen, dict):
            raise Unacceptable("this is a section, not a setting", field=section)
        chosen[key] = _items(value) if kind is tuple else value
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        known = ", ".join(Settings.__struct_fields__)
        raise Unacceptable(
            message,
            field=where.rstrip("`") or str(path or "settings"),
            remedy=f"see config/wirefeed.toml; the sections are {known}",
        ) from error
    _check(settings)
    return settings


def with_server(
    settings: Settings, *, host: str | None, port: int | None, workers: int | None = None
) -> Settings:
    """Give the settings with what the command line says of the server."""
    server = settings.server
    changed = msgspec.structs.replace(
        server,
        host=server.host if host is None else host,
        port=server.port if port is None else port,
        workers=server.workers if workers is None else workers,
    )
    return msgspec.structs.replace(settings, server=changed)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise Unacceptable("there is no such settings file", field=str(path)) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unacceptable(f"cannot be read as TOML: {error}", field=str(path)) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, str, str]]:
    found = {}
    for name, value in environ.items():
        section, separator, key = name.removeprefix(_PREFIX).lower().partition("__")
        if name.startswith(_PREFIX) and separator:
            found[name] = (section, key, value)
    return found


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")] if value else []


def _kind(name: str, section: str, key: str) -> type | None:
    sections = {f.name: f.type for f in msgspec.structs.fields(Settings)}
    if section not in sections:
        raise Unacceptable(
            f"there is no section {section!r}",
            field=name,
            remedy=f"use one of {', '.join(sections)}",
        )
    defaults = {f.name: f.default for f in msgspec.structs.fields(sections[section])}
    if key not in defaults:
        raise Unacceptable(
            f"there is no setting {key!r} in {section!r}",
            field=name,
            remedy=f"use one of {', '.join(defaults)}",
        )
    return type(defaults[key])


def _check(settings: Settings) -> None:
    url = settings.server.public_url
    if url and not url.startswith(("https://", "http://")):
        raise Unacceptable(
            f"{url!r} is no address", field="server.public_url", remedy="start it with https://"
        )
    if settings.hub.url and not settings.hub.url.startswith("https://"):
        raise Unacceptable(
            f"{settings.hub.url!r} is no address", field="hub.url", remedy="start it with https://"
        )
    for text in settings.server.trusted_proxies:
        parse_network(text, "server.trusted_proxies")
    _ = settings.leaks.signing_secret
    if not settings.database.url.startswith("sqlite:///"):
        raise Unacceptable(
            "the database is named by an address",
            field="database.url",
            remedy="use sqlite:///path/to/wirefeed.db",
        )
    if settings.redis.url and not _is_redis(settings.redis.url):
        # The address itself is not repeated: there may be a password in it.
        raise Unacceptable(
            "Redis is named by an address",
            field="redis.url",
            remedy="use redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket",
        )


def _is_redis(url: str) -> bool:
    """Say whether this can be asked for. How Redis is talked to is no matter of its address."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        _ = parts.port
    except ValueError:
        return False
    place = parts.path if parts.scheme == "unix" else parts.hostname
    known = all(name == "db" or name.startswith("ssl_") for name in options)
    return parts.scheme in {"redis", "rediss", "unix"} and bool(place) and known
