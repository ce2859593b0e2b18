"""What an installation stands on: programs, disk, files, ports, clock, Redis. It only looks."""

import http.client
import os
import platform
import shutil
import socket
import sqlite3
import ssl
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from wirefeed.domain.errors import Unavailable
from wirefeed.domain.findings import Finding, State, judge, judge_schema
from wirefeed.storage.files import examine, is_writable, newest_change, schema_of
from wirefeed.storage.schema import newest_schema
from wirefeed.storage.sqlite import journal_mode

#: What group and others may do with a file.
_OTHERS = 0o077
_KEY_BYTES = 32
_MB = 1024 * 1024
#: Below this nothing more can be stored soon; below that, someday.
_LITTLE, _LESS = 100 * _MB, 1024 * _MB
#: Milliseconds that a story waits for the disk at least.
_SLOW = 50
_FILES = 4096
#: Milliseconds that a look into Redis may take; beyond five times that it is done without.
_FAR = 10
#: Larger databases are not looked through in passing.
_MOST_LOOKED_THROUGH = 256 * _MB
#: 2025-01-01: no clock that is right says anything earlier.
_LONG_AGO = 1_735_689_600_000_000
_SECOND = 1_000_000
_PATIENCE = 2.0
_REDIS_PORT = 6379


def python() -> Finding:
    """Say which Python runs this, and whether its fast loop is there."""
    said = f"Python {platform.python_version()}"
    if find_spec("uvloop"):
        return Finding(name="python", state=State.OK, said=f"{said}, uvloop")
    remedy = "install uvloop, where there is one"
    return Finding(name="python", state=State.WARN, said=f"{said}, a slower loop", remedy=remedy)


def sqlite() -> Finding:
    """Say which SQLite there is, and how it keeps its journal for that."""
    said = f"SQLite {sqlite3.sqlite_version}"
    if journal_mode(sqlite3.sqlite_version_info) == "wal":
        return Finding(name="sqlite", state=State.OK, said=f"{said}, write-ahead log")
    return Finding(
        name="sqlite",
        state=State.OK,
        said=f"{said}, rollback journal: safe with it, and slower",
        remedy="SQLite 3.51.3 or newer is faster",
    )


def database(file: Path) -> list[Finding]:
    """Say whether the database can be used, and is nobody else's to read."""
    if not file.exists():
        return [_to_be_made("database", file)]
    findings = [_mode("database", file), *_content(file)]
    if is_writable(file):
        findings.append(Finding(name="writing", state=State.OK, said=f"{file} can be written"))
    else:
        remedy = f"see which program holds it (`fuser {file}`), and whether wirefeed's user may"
        said = f"{file} cannot be written now"
        findings.append(Finding(name="writing", state=State.FAIL, said=said, remedy=remedy))
    return findings


def _content(file: Path) -> list[Finding]:
    if file.stat().st_size > _MOST_LOOKED_THROUGH:
        remedy = "run `wirefeed db check`, or look through a backup"
        too_large = Finding(
            name="content", state=State.OK, said="too large to look through now", remedy=remedy
        )
        return [judge_schema(schema_of(file), newest_schema()), too_large]
    findings = judge(examine(file), newest_schema())
    wrong = [finding for finding in findings if finding.state is not State.OK]
    whole = Finding(name="content", state=State.OK, said="whole, and of this release")
    return wrong or [whole]


async def redis(url: str) -> Finding:
    """Say whether Redis answers, and soon enough; without it, each process keeps its own."""
    if not url:
        return Finding(name="redis", state=State.OK, said="none: each process keeps its own")
    from redis.asyncio import Redis  # noqa: PLC0415 - slow to import, and seldom asked for
    from redis.exceptions import RedisError  # noqa: PLC0415

    client = Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
    try:
        await client.ping()
        times = []
        for _ in range(9):
            began = time.perf_counter()
            await client.ping()
            times.append((time.perf_counter() - began) * 1000)
    except (RedisError, OSError) as error:
        said = f"{_place(url)} does not answer: {_reason(error)}"
        remedy = "start it, or mend redis.url; until then each process keeps its own"
        return Finding(name="redis", state=State.WARN, said=said, remedy=remedy)
    finally:
        await client.aclose()
    median = sorted(times)[len(times) // 2]
    said = f"{median:.1f} ms to answer"
    if median < _FAR:
        return Finding(name="redis", state=State.OK, said=said)
    return Finding(name="redis", state=State.WARN, said=said, remedy="use one that is nearer")


def _place(url: str) -> str:
    """Give the address of a Redis without what only it is to know: name, password, options."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _REDIS_PORT}"


def _reason(error: BaseException) -> str:
    """Say why Redis did not answer; its own words may repeat the address, and the password."""
    from redis import exceptions  # noqa: PLC0415 - slow to import, and seldom asked for

    # What redis-py raises is raised for what the system said, and that is plainer.
    cause = error.__cause__ or error.__context__ or error
    plain: dict[type[BaseException], str] = {
        exceptions.AuthenticationError: "it does not take the name and password",
        exceptions.NoPermissionError: "it does not let this user ask",
        exceptions.BusyLoadingError: "it is still loading",
        exceptions.TimeoutError: f"nothing came within {_PATIENCE:g} s",
        ssl.SSLError: "no TLS, or a certificate that is not trusted",
        socket.gaierror: "there is no host of this name",
    }
    for kind, words in plain.items():
        if isinstance(error, kind) or isinstance(cause, kind):
            return words
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno).lower()
    return "it hangs up, or is no Redis"


def disk_speed(folder: Path) -> Finding:
    """Say how long the disk takes to keep something for good: every story waits for that."""
    folder = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            times = sorted(_kept(file.fileno()) for _ in range(9))
    except OSError as error:
        said = f"{folder} cannot be written: {error.strerror}"
        remedy = "let wirefeed's user write there"
        return Finding(name="disk speed", state=State.FAIL, said=said, remedy=remedy)
    median = times[len(times) // 2]
    said = f"{median:.1f} ms to keep a block"
    if median < _SLOW:
        return Finding(name="disk speed", state=State.OK, said=said)
    return Finding(
        name="disk speed", state=State.WARN, said=said, remedy="move the database to a faster disk"
    )


def disk_space(folder: Path) -> Finding:
    """Say how much room there is."""
    free = shutil.disk_usage(_nearest(folder)).free
    said = f"{free // _MB:,} MB free"
    if free >= _LESS:
        return Finding(name="disk space", state=State.OK, said=said)
    state = State.FAIL if free < _LITTLE else State.WARN
    return Finding(name="disk space", state=state, said=said, remedy="make room, or move it")


def master_key(path: str) -> Finding:
    """Say whether the master key is one, and nobody else's to read. It is not shown."""
    file = Path(path)
    if not file.exists():
        return _to_be_made("master key", file)
    try:
        size = len(file.read_bytes())
    except OSError as error:
        said = f"{file} cannot be read: {error.strerror}"
        return Finding(name="master key", state=State.FAIL, said=said, remedy="see whose it is")
    if size != _KEY_BYTES:
        said = f"{file} does not hold a key of {_KEY_BYTES} bytes"
        return Finding(name="master key", state=State.FAIL, said=said, remedy="restore it")
    return _mode("master key", file)


def is_set_up(database: Path, key: str) -> bool:
    """Say whether there are both a database of this release and a key for it."""
    return database.exists() and Path(key).exists() and schema_of(database) == (newest_schema(),)


def clock(now: int, database: Path) -> Finding:
    """Say whether the clock can be right: embargoes, contracts and tokens go by it."""
    remedy = "set the clock; run NTP"
    if now < _LONG_AGO:
        return Finding(name="clock", state=State.FAIL, said="it is years behind", remedy=remedy)
    last = 0
    if database.exists():
        with suppress(Unavailable):
            last = newest_change(database)
    if last > now:
        said = f"{(last - now) // _SECOND} s behind the newest change on the wire"
        return Finding(name="clock", state=State.WARN, said=said, remedy=remedy)
    return Finding(name="clock", state=State.OK, said="not behind the wire")


def port(setting: str, host: str, number: int) -> Finding:
    """Say whether a port is free, or wirefeed's already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        # As the server does: connections that have ended do not hold a port.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, number))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "it is no port"
        else:
            return Finding(name=setting, state=State.OK, said=f"port {number} of {host} is free")
    if _is_ours(host, number):
        said = f"wirefeed is running on port {number} of {host}"
        return Finding(name=setting, state=State.OK, said=said)
    said = f"port {number} of {host}: {reason}"
    return Finding(name=setting, state=State.FAIL, said=said, remedy="choose another")


def open_files() -> Finding:
    """Say how many connections the system allows."""
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return Finding(name="open files", state=State.OK, said="without a limit of the process")
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most in {-1, resource.RLIM_INFINITY} or most >= _FILES:
        return Finding(name="open files", state=State.OK, said=f"{most} at most")
    said = f"{most} at most: as many readers at once are refused"
    return Finding(
        name="open files", state=State.WARN, said=said, remedy=f"ulimit -n {_FILES}, or more"
    )


def _to_be_made(name: str, file: Path) -> Finding:
    folder = _nearest(file.parent)
    if os.access(folder, os.W_OK | os.X_OK):
        return Finding(name=name, state=State.OK, said=f"{file} is made at the first start")
    said = f"{file} cannot be made in {folder}"
    remedy = "let wirefeed's user write there"
    return Finding(name=name, state=State.FAIL, said=said, remedy=remedy)


def _mode(name: str, file: Path) -> Finding:
    if file.stat().st_mode & _OTHERS:
        said, remedy = f"others may read {file}", f"chmod 600 {file}"
        return Finding(name=name, state=State.FAIL, said=said, remedy=remedy)
    return Finding(name=name, state=State.OK, said=f"{file} is its owner's alone")


def _nearest(folder: Path) -> Path:
    """Give the folder itself, or the one that it will be made in."""
    return next(one for one in (folder, *folder.absolute().parents) if one.is_dir())


def _kept(descriptor: int) -> float:
    """Write a block, wait for the disk to have it, and say how many milliseconds that took."""
    began = time.perf_counter()
    os.pwrite(descriptor, b"\0" * 4096, 0)
    os.fsync(descriptor)
    return (time.perf_counter() - began) * 1000


def _is_ours(host: str, number: int) -> bool:
    """Ask what listens there who it is."""
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not to listen on
    connection = http.client.HTTPConnection(asked, number, timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().getheader("Server") == "wirefeed"
    except (OSError, http.client.HTTPException, OverflowError):
        return False
    finally:
        connection.close()
