"""S-47, S-50: callbacks that lead behind our walls, however they are spelled, are never dialled."""

import sys
from collections.abc import Iterator

import pytest

from tests.support.agency import PUBLIC_URL, Agency
from wirefeed.outbound.calls import Calls, Reason
from wirefeed.outbound.guard import Guard
from wirefeed.outbound.urls import LONGEST

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOPIC = f"{PUBLIC_URL}/en/latest.rss"
#: Hosts in an address, by what they are.
WALLED = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0",
    "0.0.0.0",  # noqa: S104 - a callback that is to be refused
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1%25lo]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "169.254.169.254",
    "100.100.100.200",
    "100.64.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "foo.localhost",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "１２７.０.０.１",
    "good@127.0.0.1",
    "127.0.0.1#@good",
    "good\\@127.0.0.1",
    "1.2.3.4.5",
    "a.0x7f",
    "",
]
ODD = [
    "file:///etc/passwd",
    "gopher://good.example/",
    "ftp://good.example/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "data:text/plain,x",
    "dict://good.example:2628/",
    "//good.example/",
    "good.example/callback",
    *(f"https://good.example:{port}/" for port in (0, 22, 25, 53, 80, 5432, 6379, 65536, 99999)),
    "http://good.example/",
    "https://user@good.example/",
    "https://user:password@good.example/",
    "https://good.example/\r\nHost: other",
    "https://good.example/ x",
    "https://good.example/#fragment",
    "https://good.example:/x\t",
    "https://-bad.example/",
    f"https://good.example/{'x' * LONGEST}",
    f"{PUBLIC_URL}/hub",
    f"{PUBLIC_URL.upper().replace('HTTPS', 'https')}/hub",
    f"{PUBLIC_URL}./hub",
    f"{PUBLIC_URL}:443/hub",
]


@pytest.fixture
def dialled() -> Iterator[list[object]]:
    """Give the addresses that this process dials, as the interpreter sees them."""
    seen: list[object] = []
    on = True

    def hook(event: str, args: tuple[object, ...]) -> None:
        if on and event == "socket.connect":
            seen.append(args[1])

    sys.addaudithook(hook)
    yield seen
    on = False


async def ask(agency: Agency, callback: str) -> tuple[int, str]:
    asked = {"hub.mode": "subscribe", "hub.callback": callback, "hub.topic": TOPIC}
    async with agency.http.post("/hub", data=asked) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("host", WALLED)
async def test_s47_a_host_behind_our_walls_is_refused(agency: Agency, host: str):
    status, text = await ask(agency, f"https://{host}/callback")

    assert status == 422, text
    assert text.startswith("hub.callback: ")
    assert "(" in text


@pytest.mark.parametrize("callback", ODD)
async def test_s50_what_is_no_address_of_a_callback_is_refused(agency: Agency, callback: str):
    status, text = await ask(agency, callback)

    assert status == 422, text
    assert text.startswith("hub.callback: ")


@pytest.mark.parametrize("host", [host for host in WALLED if host[:1].isdigit() or "[" in host])
async def test_s47_an_address_behind_our_walls_is_not_dialled_either(
    host: str, dialled: list[object]
):
    # As if it had come by another way than the hub.
    calls = Calls(Guard(), user_agent="test")
    try:
        reply = await calls.post(f"http://{host}:9/", b"x", {})
    finally:
        await calls.close()

    assert reply.reason is not None
    assert dialled == []


async def test_s52_our_own_hub_is_no_callback_by_another_name_either(dialled: list[object]):
    calls = Calls(Guard(private_networks=True, own_ports=(8080,)), user_agent="test")
    try:
        reply = await calls.get("http://localhost:8080/hub", most=1)
    finally:
        await calls.close()

    assert reply.reason is Reason.ADDRESS
